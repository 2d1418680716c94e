"""What a definition refers to outside itself: other objects, by id. The version is chosen when it is used."""

from collections.abc import Iterator
from dataclasses import dataclass

from jaz_lite.model.calendar import Calendar, Filter
from jaz_lite.model.jobnet import Jobnet
from jaz_lite.model.plain import Definition
from jaz_lite.model.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference. `needed`: without an enabled version of it the definition may not be enabled."""

    kind: str
    object_id: str
    icon_id: str = ""
    field: str = ""
    needed: bool = True


def references(definition: Definition) -> tuple[Reference, ...]:
    """Return what `definition` refers to, in its own order; an object may be there several times."""
    return tuple(_references(definition))


def _references(definition: Definition) -> Iterator[Reference]:
    match definition:
        case Calendar():
            return
        case Filter():
            yield Reference("calendar", definition.base_calendar_id, field="base_calendar_id")
        case Schedule():
            for number, boot_time in enumerate(definition.boot_times):
                yield Reference(boot_time.days_kind, boot_time.days_id, field=f"boot_times[{number}].days_id")
            for number, cycle in enumerate(definition.cycles):
                yield Reference(cycle.days_kind, cycle.days_id, field=f"cycles[{number}].days_id")
            for number, jobnet in enumerate(definition.jobnets):
                yield Reference("jobnet", jobnet.jobnet_id, field=f"jobnets[{number}].jobnet_id")
        case Jobnet():
            for icon in definition.icons:
                params = icon.params
                if icon.type in ("sub_jobnet", "task"):
                    yield Reference("jobnet", str(params.get("jobnet_id", "")), icon.icon_id, "params.jobnet_id")
                elif icon.type == "information" and params.get("about") == "calendar":
                    calendar_id = str(params.get("calendar_id") or "")
                    # JAZ looks for this calendar only when the icon is reached.
                    yield Reference("calendar", calendar_id, icon.icon_id, "params.calendar_id", needed=False)
