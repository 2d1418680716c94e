"""Where a standby followed its active last (`followed.json`): so it finds it again when nobody says where it is."""

import json
from contextlib import suppress
from pathlib import Path

from jaz_lite.errors import StoreDamaged
from jaz_lite.store.keys import write_private

FOLLOWED_FILE = "followed.json"


def read_followed(folder: Path) -> str:
    """Return the address, `host:port`; "" where it is not known. Only a hint: a file that cannot be read is none."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads((folder / FOLLOWED_FILE).read_text("utf-8"))["address"])
    return ""


def note_followed(folder: Path, address: str) -> None:
    """Write down where the active is; nothing happens where that is known, or the disk does not let us."""
    if address == read_followed(folder):
        return
    with suppress(OSError, StoreDamaged):
        write_private(folder / FOLLOWED_FILE, json.dumps({"address": address}).encode() + b"\n")
