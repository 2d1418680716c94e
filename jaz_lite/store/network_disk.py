"""Whether a folder lies on a network file system, where neither locks nor syncs can be relied on."""

from pathlib import Path

from jaz_lite.errors import Refused

MOUNTS_FILE = Path("/proc/self/mountinfo")
NETWORK_FILE_SYSTEMS = frozenset(
    (
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.ceph",
        "fuse.glusterfs",
        "fuse.sshfs",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "smb3",
        "smbfs",
    )
)


def refuse_network(folder: Path, *, allow: bool) -> None:
    """Refuse a folder on a network file system.

    Raises:
        Refused: it is on one, and that was not explicitly allowed.
    """
    if allow or not MOUNTS_FILE.exists():
        return
    kind = file_system_of(folder.resolve(), MOUNTS_FILE.read_text("utf-8", "surrogateescape"))
    if kind in NETWORK_FILE_SYSTEMS:
        raise Refused(
            f"{folder} is on a network file system ({kind}), where neither locks nor syncs can be relied on",
            hint="choose a folder on a local disk",
        )


def file_system_of(folder: Path, mounts: str) -> str:
    """Return the type of the file system a folder is on; "" where it cannot be told.

    Args:
        mounts: text in the format of /proc/self/mountinfo.
    """
    best, kind = "", ""
    for line in mounts.splitlines():
        before, separator, after = line.partition(" - ")
        places, types = before.split(" "), after.split(" ")
        if not separator or len(places) < 5:
            continue
        place = places[4].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        inside = folder == Path(place) or Path(place) in folder.parents
        # A later mount over the same place hides the earlier one.
        if inside and len(place) >= len(best):
            best, kind = place, types[0]
    return kind
