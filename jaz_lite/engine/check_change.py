"""May this version be enabled, disabled, deleted? The rules between objects.

Source: JAZ manager 3.0.0 and web manager 6.1.0 (objects.md sections 8 and 9). There is no way to force it, as in the
web manager.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from jaz_lite.engine.check import SiteView, check
from jaz_lite.engine.check_days import check_calendar, check_filter
from jaz_lite.engine.check_schedule import check_schedule
from jaz_lite.engine.references import references
from jaz_lite.model.calendar import Calendar, Filter
from jaz_lite.model.plain import Definition, id_of, kind_of
from jaz_lite.model.problem import Place, Problem
from jaz_lite.model.schedule import Schedule

USERS_TOLD_MAX = 10


class User(Protocol):
    """A version of an object that refers to another; the store's rows are such."""

    @property
    def kind(self) -> str: ...
    @property
    def object_id(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def enabled(self) -> bool: ...


def check_definition(definition: Definition, site: SiteView) -> list[Problem]:
    """Return every problem of a definition of any kind. With an error among them it may not be enabled."""
    match definition:
        case Calendar():
            return check_calendar(definition, site)
        case Filter():
            return check_filter(definition, site)
        case Schedule():
            return check_schedule(definition, site)
    return check(definition, site)


def check_enable(definition: Definition, site: SiteView) -> list[Problem]:
    """Return why a version may not be enabled: nothing where it may."""
    return [problem for problem in check_definition(definition, site) if problem.severity == "error"]


def unresolved(definition: Definition, site: SiteView) -> list[Problem]:
    """Return a warning for each object an imported version refers to that does not exist at all.

    Args:
        site: as it will be after the import.
    """
    place = Place(kind=kind_of(definition), object_id=id_of(definition), version=definition.version)
    found = []
    for reference in dict.fromkeys(references(definition)):
        if not site.exists(reference.kind, reference.object_id):
            message = f'there is no {reference.kind} "{reference.object_id}", neither in the file nor here'
            hint = "it is needed before this can be enabled" if reference.needed else "it is needed when it runs"
            here = replace(place, icon_id=reference.icon_id, field=reference.field)
            found.append(Problem(here, message, hint, "warning"))
    return found


def check_disable(kind: str, object_id: str, users: Iterable[User]) -> list[Problem]:
    """Return why an object may not be disabled: enabled versions of others use it.

    Args:
        users: versions that refer to the object.
    """
    return _used(kind, object_id, [user for user in users if user.enabled], "disable")


def check_delete(
    kind: str, object_id: str, version: str, users: Iterable[User], versions: Iterable[User]
) -> list[Problem]:
    """Return why a version may not be deleted: it is enabled, or it is the last one and something refers to the object.

    Args:
        users: versions that refer to the object, enabled or not.
        versions: all versions of the object.
    """
    place = Place(kind=kind, object_id=object_id, version=version)
    others = 0
    for each in versions:
        if each.version != version:
            others += 1
        elif each.enabled:
            return [Problem(place, "is enabled", f"disable the {kind} first")]
    return [] if others else _used(kind, object_id, list(users), "delete")


def _used(kind: str, object_id: str, users: list[User], verb: str) -> list[Problem]:
    others = [user for user in users if (user.kind, user.object_id) != (kind, object_id)]
    if not others:
        return []
    told = [f"{user.kind} {user.object_id}@{user.version}" for user in others[:USERS_TOLD_MAX]]
    more = f" and {len(others) - USERS_TOLD_MAX} more" if len(others) > USERS_TOLD_MAX else ""
    place = Place(kind=kind, object_id=object_id)
    return [Problem(place, f"is used by {', '.join(told)}{more}", f"{verb} what uses it first")]
