"""What a snapshot says of itself (`manifest.json`): where it comes from, when it was taken, and the sum of each file.

It is written last, so a snapshot without it was not finished. Its own text is exactly what `render` gives, with a sum
over the rest, so that a changed byte in it is noticed like one in any other file. It guards against decay and mishap;
whoever may write the files can write a manifest too.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from jaz_lite.errors import StoreDamaged
from jaz_lite.store.binding import read_binding, write_binding
from jaz_lite.store.keys import sync_folder, write_private

MANIFEST_FILE = "manifest.json"
MANIFEST_BYTES_MAX = 16 * 1024 * 1024
FORMAT = 1
PIECE_BYTES = 1024 * 1024
TAKE_ANOTHER = "use another copy; `jaz-lite snapshot` makes one"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSum:
    """What one file of a snapshot must be."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One snapshot."""

    program: str  # version of the program that took it
    schema: int  # format of the database
    server_id: str
    site_uid: str  # hexadecimal
    term: int
    last_tick_ms: int | None  # the server was alive then
    taken_ms: int
    lsn: int  # number of the last change in it
    cursors: Mapping[str, int]  # agent_id to the number of its last event in it
    files: Mapping[str, FileSum]  # path in the snapshot, with "/", to what it must be


def sum_of(path: Path, passed: Callable[[int], None] = lambda _bytes: None) -> FileSum:
    """Return size and sum of a file.

    Args:
        passed: is told how many more bytes were read, after each piece.
    """
    found, size_bytes = hashlib.sha256(), 0
    with path.open("rb") as source:
        while piece := source.read(PIECE_BYTES):
            found.update(piece)
            size_bytes += len(piece)
            passed(len(piece))
    return FileSum(size_bytes=size_bytes, sha256=found.hexdigest())


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest of a snapshot, durably."""
    write_private(folder / MANIFEST_FILE, render(manifest))


def forget_manifest(folder: Path) -> None:
    """Drop what tells the files of a snapshot: from now on they change. Nothing happens where there is none."""
    path = folder / MANIFEST_FILE
    if not path.exists():
        return
    # In this order, so that a crash leaves no snapshot that wants a manifest and has none.
    write_binding(folder, replace(read_binding(folder), described=False))
    path.unlink()
    sync_folder(folder)


def read_manifest(folder: Path) -> Manifest | None:
    """Return the manifest of a folder, or None where it has none.

    Raises:
        StoreDamaged: it is there, but not as it was written.
    """
    path = folder / MANIFEST_FILE
    try:
        with path.open("rb") as source:
            text = source.read(MANIFEST_BYTES_MAX)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreDamaged(f"{path} cannot be read: {error.strerror}", hint=TAKE_ANOTHER) from error
    try:
        told = json.loads(text)
        number = int(told["format"])
        if number > FORMAT:
            raise StoreDamaged(f"{path} was written by a newer jaz_lite (format {number})", hint="use that one")
        manifest = _manifest_of(told)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StoreDamaged(f"{path} is damaged", hint=TAKE_ANOTHER) from error
    if render(manifest) != text:
        raise StoreDamaged(f"{path} was changed after the snapshot was taken", hint=TAKE_ANOTHER)
    return manifest


def render(manifest: Manifest) -> bytes:
    """Return the text of a manifest: the same text for the same manifest."""
    told: dict[str, Any] = {"format": FORMAT, **asdict(manifest)}
    return _text(told | {"sum": hashlib.sha256(_text(told)).hexdigest()})


def _text(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, indent=1, sort_keys=True, ensure_ascii=True).encode("ascii") + b"\n"


def _manifest_of(told: Mapping[str, Any]) -> Manifest:
    last_tick_ms = told["last_tick_ms"]
    return Manifest(
        program=str(told["program"]),
        schema=int(told["schema"]),
        server_id=str(told["server_id"]),
        site_uid=str(told["site_uid"]),
        term=int(told["term"]),
        last_tick_ms=None if last_tick_ms is None else int(last_tick_ms),
        taken_ms=int(told["taken_ms"]),
        lsn=int(told["lsn"]),
        cursors={str(agent_id): int(cursor) for agent_id, cursor in told["cursors"].items()},
        files={
            str(name): FileSum(size_bytes=int(one["size_bytes"]), sha256=str(one["sha256"]))
            for name, one in told["files"].items()
        },
    )
