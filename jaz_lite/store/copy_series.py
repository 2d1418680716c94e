"""A folder that keeps the newest copies of a site, each named by the time it was taken."""

import logging
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from jaz_lite.errors import NoSuchObject, Refused, StoreDamaged
from jaz_lite.store.copying import UNFINISHED, Progress, copy_live, discard_unfinished, nobody
from jaz_lite.store.manifest import MANIFEST_FILE, Manifest, read_manifest
from jaz_lite.store.open import Store

log = logging.getLogger(__name__)

NAME_FORMAT = "snapshot-%Y%m%dT%H%M%S"  # UTC, so that the names sort as the copies were taken
NAME = re.compile(r"snapshot-\d{8}T\d{6}\.\d{3}Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A copy that was made."""

    place: Path
    manifest: Manifest
    removed: tuple[Path, ...]  # older ones of the series that went for it


def take(
    store: Store,
    folder: Path,
    target: Path,
    *,
    keep: int | None,
    now_ms: int,
    progress: Progress = nobody,
    gentle: bool = True,
) -> Taken:
    """Make a snapshot of the data directory `folder`, whose store is open. For what it raises see `copy_live`.

    Args:
        target: what the copy will be; with `keep`, the folder of a series, which is made if only it is missing.
        keep: as many of the series stay, 1 or more; None: no series.
        gentle: rest between the pieces, since a server is at work.
    """
    if keep is None:
        manifest = copy_live(store, folder, target, now_ms=now_ms, progress=progress, gentle=gentle)
        return Taken(place=target, manifest=manifest, removed=())
    _make_series(folder, target)
    for part in sorted(target.glob(f"snapshot-*{UNFINISHED}")):
        _discard(part)
    place = target / _name(now_ms)
    manifest = copy_live(store, folder, place, now_ms=now_ms, progress=progress, gentle=gentle)
    return Taken(place=place, manifest=manifest, removed=_rotate(target, place, manifest.site_uid, keep))


def _name(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{at.strftime(NAME_FORMAT)}.{at_ms % 1000:03}Z"


def _make_series(folder: Path, target: Path) -> None:
    if not os.path.isdir(target.parent):  # noqa: PTH112  # a name too long is no folder either
        raise NoSuchObject(f"{target.parent} is not a folder", hint="make it first, or is a disk not mounted?")
    if os.path.lexists(target) and not target.is_dir():
        raise Refused(f"{target} is not a folder", hint="with --keep, name the folder in which the copies are kept")
    if os.path.lexists(target / MANIFEST_FILE):
        raise Refused(
            f"{target} is a snapshot itself", hint="with --keep, name the folder in which the copies are kept"
        )
    own = folder.resolve()
    if target.resolve() == own or own in target.resolve().parents:
        raise Refused(f"{target} lies inside the data directory {folder}", hint="a copy belongs on another disk")
    try:
        target.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StoreDamaged(
            f"{target} cannot be made: {error.strerror}", hint="may the user of the server write there?"
        ) from error


def _discard(part: Path) -> None:
    try:
        discard_unfinished(part)
    except Refused:
        log.info("another copy is just being made", extra={"action": "snapshot.beside", "place": str(part)})
    except OSError as error:
        log.warning("a rest cannot be removed", extra={"action": "snapshot.rest", "why": str(error)})


def _rotate(series: Path, newest: Path, site_uid: str, keep: int) -> tuple[Path, ...]:
    """Remove the oldest copies of this site; the one that was just made stays, whatever its clock said."""
    others = sorted((taken_ms, place) for taken_ms, place in _copies(series, site_uid) if place != newest)
    removed = []
    for _, place in others[: max(0, len(others) + 1 - keep)]:
        try:
            # Its manifest goes first: what a crash leaves of it is not taken for a copy.
            (place / MANIFEST_FILE).unlink()
            shutil.rmtree(place)
        except OSError as error:
            # The new copy is good all the same; a disk that fills up because of this will be told.
            log.warning("an old copy cannot be removed", extra={"action": "snapshot.old", "why": str(error)})
            continue
        removed.append(place)
    return tuple(removed)


def _copies(series: Path, site_uid: str) -> Iterator[tuple[int, Path]]:
    for place in series.iterdir():
        if not NAME.fullmatch(place.name):
            continue
        try:
            manifest = read_manifest(place)
        except StoreDamaged:
            continue  # a person should look at it
        if manifest is not None and manifest.site_uid == site_uid:
            yield manifest.taken_ms, place
