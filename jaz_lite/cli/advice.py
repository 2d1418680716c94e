"""What to do where no server runs on a data directory: that depends on what the directory is for."""

from pathlib import Path


def how_to_start(folder: str) -> str:
    """Return a hint: what makes this directory answer, or where to ask instead."""
    from jaz_lite.errors import JazLiteError
    from jaz_lite.server.role import role_of
    from jaz_lite.store.binding import read_binding
    from jaz_lite.store.fencing import read_fenced

    place = Path(folder)
    try:
        match role_of(place):
            case "replaced":
                by = read_fenced(place)
                where = f" at {', '.join(by.addrs)}" if by is not None and by.addrs else ""
                return (
                    f"this server was replaced: ask the one{where}; `jaz-lite serve --data {folder}` makes this one its standby,"
                    " after `jaz-lite diff-export` told what it knows alone"
                )
            case "standby":
                return (
                    f"a standby keeps this copy: jaz-lite serve --data {folder}; `jaz-lite activate --data {folder}`"
                    " takes over with it"
                )
            case "copy":
                of = read_binding(place)
                return (
                    f'this is a copy of {of.path} on the machine "{of.machine.host_name}": ask there; if that server is'
                    f" gone, jaz-lite activate --data {folder}"
                )
            case _:
                pass
    except JazLiteError as error:
        return error.message
    return f"start one: jaz-lite up --data {folder}"
