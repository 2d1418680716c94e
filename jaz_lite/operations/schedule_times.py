"""When schedules start next, as people ask for it."""

from typing import Any
from zoneinfo import ZoneInfo

from jaz_lite import config
from jaz_lite.errors import DefinitionError
from jaz_lite.model.plain import from_plain
from jaz_lite.model.schedule import Schedule
from jaz_lite.operations import definitions
from jaz_lite.operations.naming import stored
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Site
from jaz_lite.operations.times import shown
from jaz_lite.schedule.public_holidays import HOLIDAYS
from jaz_lite.schedule.timetable import Timetable
from jaz_lite.store.definitions import Stored
from jaz_lite.store.enabled_days import EnabledDays
from jaz_lite.store.transaction import Nouns

PIECE = 20  # schedules worked out between two pauses


async def listed(site: Site, person: Person, *, versions: bool = False) -> dict[str, Any]:
    """Return `{"schedules": [...]}` as `definition.list` does, each with `next_start_at` (None where not enabled)."""
    answer = await definitions.listed(site, person, kind="schedule", versions=versions)
    rows = answer["schedules"]
    for first in range(0, len(rows), PIECE):
        piece = rows[first : first + PIECE]

        def work(nouns: Nouns, piece: list[dict[str, Any]] = piece) -> list[str | None]:
            days = EnabledDays(nouns)
            return [_next(site, days, _row(nouns, row))["next_start_at"] for row in piece]

        for row, next_start_at in zip(piece, await site.read(work), strict=True):
            row["next_start_at"] = next_start_at
        await site.breathe()
    return answer


async def next_start(site: Site, person: Person, *, schedule: str) -> dict[str, Any]:
    """Return `{"next_start_at", "zone", "broken"}` of a schedule.

    Args:
        schedule: `ID` (the enabled version, else the newest) or `ID@VERSION`; one that is not enabled has no next start.

    Returns:
        `zone` is the name of the one its times are in; `broken` are sentences on what keeps times from being known.
    """
    return await site.read(lambda nouns: _next(site, EnabledDays(nouns), stored(nouns, "schedule", schedule)))


def _row(nouns: Nouns, row: dict[str, Any]) -> Stored | None:
    return nouns.definitions.find("schedule", row["schedule_id"], row["version"]) if row["enabled"] else None


def _next(site: Site, days: EnabledDays, row: Stored | None) -> dict[str, Any]:
    if row is None:
        return {"next_start_at": None, "zone": str(site.zone), "broken": []}
    one = from_plain("schedule", row.document)
    assert isinstance(one, Schedule)
    zone = _zone(site.zone)
    timetable = Timetable(one, days, zone, HOLIDAYS)
    first = timetable.first_after(site.clock.now_ms()) if row.enabled else None
    return {
        "next_start_at": None if first is None else shown(first.at_ms, _own_zone(one, zone)),
        "zone": one.zone or str(site.zone),
        "broken": list(timetable.broken),
    }


def _own_zone(one: Schedule, zone: ZoneInfo) -> ZoneInfo:
    try:
        return config.zone(one.zone) if one.zone else zone
    except DefinitionError:
        return zone


def _zone(zone: Any) -> ZoneInfo:
    assert isinstance(zone, ZoneInfo), "the zone of a site is one of the IANA database"
    return zone
