"""The variables of icons: scopes, system variables, and what may be kept in one.

There is no set for the whole jobnet: every icon has a *before* set, which it inherits along the flows, and what it
sets itself goes over it. Values are text of at most 64,000 bytes of UTF-8.

Source: JAZ, execution.md 6; the cut on a character boundary is decision 9.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo

from jaz_lite.engine.limits import VALUE_BYTES_MAX
from jaz_lite.icons._text import sound
from jaz_lite.model.run import Frame, Node, Plan

EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
MESSAGE = "JOBARG_MESSAGE"


def kept(values: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return values as they may be kept, and the names of those that had to be cut. NUL is left out."""
    result: dict[str, str] = {}
    cut: list[str] = []
    for name, value in values.items():
        if len(value) > VALUE_BYTES_MAX // 4 or not value.isascii() or "\0" in value:
            text = sound(value)
            data = text.encode("utf-8")
            if len(data) > VALUE_BYTES_MAX:
                # What the cut leaves of a character is not valid and falls away.
                text = data[:VALUE_BYTES_MAX].decode("utf-8", "ignore")
                cut.append(name)
            result[name] = text
        else:
            result[name] = value
    return result, tuple(cut)


def at_icon_start(plan: Plan, node: Node, before: Mapping[str, str], current_time: str) -> dict[str, str]:
    """Return the before set of an icon that begins now.

    Args:
        current_time: `YYYYMMDDHHMMSS` in the site's zone.
    """
    own = dict(before)
    own["JOB_ID"] = node.icon.icon_id
    own["JOB_NAME"] = node.icon.name or ""
    own["CURRENT_TIME"] = current_time
    own["JOB_ID_FULL"] = plan.frames[0].jobnet.jobnet_id + plan.path(node.number)
    own.pop(MESSAGE, None)
    return own


def at_jobnet_start(
    frame: Frame, run_id: int, given: Mapping[str, str], started: datetime, scheduled_ms: int | None
) -> dict[str, str]:
    """Return the set that a jobnet's START gets.

    Args:
        given: the before set of the sub-jobnet icon, or what the run was started with.
        started: when the outermost jobnet started, in the site's zone.
        scheduled_ms: of the run; None where it was not scheduled.
    """
    own = dict(given)
    own["JOBNET_ID"] = frame.jobnet.jobnet_id
    own["JOBNET_NAME"] = frame.jobnet.name
    own["USER_NAME"] = frame.jobnet.owner
    own["MANAGEMENT_ID"] = str(run_id + frame.number)
    if frame.parent is None:
        own["JOBNET_BOOT_TIME"] = boot_time(started)
        scheduled = None if scheduled_ms is None else moment(scheduled_ms, started.tzinfo)
        own["JOBNET_SCHEDULED_TIME"] = "" if scheduled is None else boot_time(scheduled)
    return own


def current_time(at: datetime) -> str:
    """Return a time as CURRENT_TIME tells it."""
    return at.strftime("%Y%m%d%H%M%S")


def boot_time(at: datetime) -> str:
    """Return a time as JOBNET_BOOT_TIME and JOBNET_SCHEDULED_TIME tell it."""
    return at.strftime("%Y%m%d%H%M")


def moment(at_ms: int, zone: tzinfo | None) -> datetime:
    """Return an instant as an aware time in a zone; one that no calendar has is the epoch."""
    try:
        return (EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone)
    except OverflowError:
        return EPOCH.astimezone(zone)


def instant_ms(at: datetime) -> int:
    """Return an aware time as milliseconds since the epoch."""
    return (at - EPOCH) // timedelta(milliseconds=1)
