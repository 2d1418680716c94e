"""Copies of the data directory: taking one, and how old the newest is (the recovery point)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaz_lite.errors import UsageError
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Emit, Site, drive
from jaz_lite.operations.times import shown
from jaz_lite.store import copy_series
from jaz_lite.store.copy_series import Taken
from jaz_lite.store.last_copy import Copied
from jaz_lite.store.transaction import Nouns

KEEP_MAX = 10_000


async def snapshot(site: Site, person: Person, *, emit: Emit, folder: str, keep: int | None = None) -> dict[str, Any]:
    """Take a consistent copy of the data directory; emit how far it is (`{"done", "all"}` in bytes).

    Args:
        folder: absolute; what the copy will be, or with `keep`, the folder of a series.
        keep: so many of the series stay.

    Returns:
        `{"folder", "taken_at", "bytes", "files", "removed"}`, `removed` the copies of the series that went for it.
    """
    target = Path(folder)
    if not target.is_absolute() or "\0" in folder:
        raise UsageError(f'the folder "{folder}" of a snapshot must be named from the root on')
    if keep is not None and not 1 <= keep <= KEEP_MAX:
        raise UsageError(f"of a series 1 to {KEEP_MAX} copies can be kept, not {keep}")

    async def told(done: int, of: int) -> None:
        await emit({"done": done, "all": of})

    if site.control is not None:
        taken = await site.control.snapshot(target, keep, told)
    else:
        taken = copy_series.take(
            site.store,
            site.store.folder,
            target,
            keep=keep,
            now_ms=site.clock.now_ms(),
            progress=lambda done, of: drive(told(done, of)),
            gentle=False,
        )
        copied = Copied(taken_ms=taken.manifest.taken_ms, place=str(taken.place))
        await site.write(lambda tx: tx.last_copy.put(copied))
    return _shown(taken, site)


def _shown(taken: Taken, site: Site) -> dict[str, Any]:
    return {
        "folder": str(taken.place),
        "taken_at": shown(taken.manifest.taken_ms, site.zone),
        "bytes": sum(one.size_bytes for one in taken.manifest.files.values()),
        "files": len(taken.manifest.files),
        "removed": [str(place) for place in taken.removed],
    }


def recovery_point(nouns: Nouns, site: Site) -> Mapping[str, Any]:
    """Return when and where the newest copy was taken, and its age, in the words of `status --json`."""
    copied = nouns.last_copy.find()
    if copied is None:
        return {"last_snapshot_at": None, "last_snapshot_in": None, "last_snapshot_age_s": None}
    return {
        "last_snapshot_at": shown(copied.taken_ms, site.zone),
        "last_snapshot_in": copied.place,
        "last_snapshot_age_s": max(0, site.clock.now_ms() - copied.taken_ms) // 1000,
    }
