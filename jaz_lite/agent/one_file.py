"""The agent as one file, a `.pyz`: what has to be seen to where the code comes out of an archive.

The file may be replaced by a newer release while an agent runs out of it, and Python reads an archive by the places
that it found when it opened it. So all of it is loaded at the start; the new file counts from the next start on, and
for a keeper that is started meanwhile.
"""

import importlib
from contextlib import suppress

PACKAGE = "jaz_lite/"


def archive() -> str | None:
    """Return the path of the archive that we are run out of, None where that is a folder."""
    found = getattr(globals().get("__loader__"), "archive", None)
    return found if isinstance(found, str) else None


def load_all() -> None:
    """Import every module of ours that the archive has; nothing where there is none."""
    path = archive()
    if path is None:
        return
    import zipfile

    with zipfile.ZipFile(path) as file:
        names = [name for name in file.namelist() if name.startswith(PACKAGE) and name.endswith(".py")]
    for name in names:
        module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        # What cannot be imported is of another system, and is not asked for later either.
        with suppress(ImportError):
            importlib.import_module(module)
