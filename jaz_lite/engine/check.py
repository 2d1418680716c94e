"""Is this jobnet sound? Every problem of it at once, each with what may help.

What Job Arranger itself refuses is an error. Our further checks are errors in jobnets made here, and warnings in
imported ones (`compat = "jaz"`): there they ran for years, perhaps on a path nobody takes. What depends on the site's
hosts and on who starts the jobnet can only ever be a hint.

Source: JAZ manager 3.0.0 and web manager 6.1.0, checks before saving and enabling (icons.md section 3, rows 1 to 9).
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Protocol

from jaz_lite.engine.check_flow import flow_faults, line_faults
from jaz_lite.engine.check_variables import variable_hints
from jaz_lite.engine.references import references
from jaz_lite.errors import DefinitionError
from jaz_lite.icons import REGISTRY, params_of
from jaz_lite.model import names
from jaz_lite.model.jobnet import Icon, Jobnet
from jaz_lite.model.plain import BadDocumentError
from jaz_lite.model.problem import Place, Problem, Severity

# Icon types whose own checks JAZ makes too, before a jobnet may be saved or enabled.
_CHECKED_BY_JAZ = frozenset(("information", "sub_jobnet", "task"))
# Host fields of settings, and the flag that says the field names a variable instead.
_HOST_FIELDS = (
    ("host", "host_from_variable"),
    ("source_host", "source_host_from_variable"),
    ("target_host", "target_host_from_variable"),
)


class SiteView(Protocol):
    """What a check must know of the site. An import may show the site as it will be afterwards."""

    def exists(self, kind: str, object_id: str) -> bool:
        """Say whether there is any version of an object."""

    def is_enabled(self, kind: str, object_id: str) -> bool:
        """Say whether an object has an enabled version."""

    def find_jobnet(self, jobnet_id: str) -> Jobnet | None:
        """Return the enabled version of a jobnet, or None."""

    def has_host(self, host: str) -> bool:
        """Say whether a host name leads to an agent."""

    def knows_holidays(self, place: str) -> bool:
        """Say whether the public holidays of a place ("JP", "DE-BY") are known."""


def check(jobnet: Jobnet, site: SiteView) -> list[Problem]:
    """Return every problem of a jobnet. With an error among them it may not be enabled."""
    place = Place(kind="jobnet", object_id=jobnet.jobnet_id, version=jobnet.version)
    lines = list(line_faults(jobnet, place))
    ours = [
        *_icon_marks(jobnet, place),
        # With a line too few or too many, what follows from the lines is noise.
        *(() if lines else flow_faults(jobnet, place)),
        *_recursion(jobnet, site, place),
    ]
    return [
        *fields(jobnet, place),
        *_icons(jobnet, place),
        *lines,
        *missing(jobnet, site, place),
        *(as_imported(problem) if jobnet.compat == "jaz" else problem for problem in ours),
        *_hosts(jobnet, site, place),
        *variable_hints(jobnet, place),
    ]


def as_imported(problem: Problem) -> Problem:
    """Return a problem as it is told of an imported version."""
    return replace(problem, severity="warning")


def _text_of_people(problem: Problem, definition: Any) -> Problem:
    """Return a problem of a name: a warning on imported versions, because not every JAZ kept its own rule."""
    return as_imported(problem) if definition.jaz else problem


def _at(place: Place, field: str, message: str, hint: str = "") -> Problem:
    return Problem(replace(place, field=field), message, hint)


# ---- fields of the jobnet and its icons


def fields(definition: Any, place: Place) -> Iterator[Problem]:
    """Give the problems of the fields that every kind of object has."""
    for field, fault in (
        (f"{place.kind}_id", names.id_fault(place.object_id)),
        ("version", names.version_fault(definition.version)),
        ("name", None if definition.name else "is empty"),
        ("owner", names.length_fault(definition.owner, names.OWNER_CHARS_MAX)),
    ):
        if fault:
            yield _at(place, field, fault)
    for field, text, chars_max in (
        ("name", definition.name, names.NAME_CHARS_MAX),
        ("memo", definition.memo or "", names.MEMO_CHARS_MAX),
    ):
        if fault := names.name_fault(text, chars_max):
            yield _text_of_people(_at(place, field, fault), definition)
    if isinstance(definition, Jobnet) and not 0 <= definition.timeout_min <= names.JOBNET_TIMEOUT_MIN_MAX:
        most = names.JOBNET_TIMEOUT_MIN_MAX
        yield _at(place, "timeout_min", f"is {definition.timeout_min}; it may be 0 to {most} minutes")


def _icons(jobnet: Jobnet, place: Place) -> Iterator[Problem]:
    for icon_id, count in Counter(icon.icon_id for icon in jobnet.icons).items():
        if count > 1:
            yield Problem(replace(place, icon_id=icon_id), f"is there {count} times", "give each icon an id of its own")
    for icon in jobnet.icons:
        here = replace(place, icon_id=icon.icon_id)
        if fault := names.id_fault(icon.icon_id):
            yield _at(here, "icon_id", fault)
        if (icon.icon_id == names.START_ID) != (icon.type == "start"):
            yield _at(here, "icon_id", f'"{names.START_ID}" is the id of the start icon, and of no other')
        if fault := names.name_fault(icon.name or ""):
            yield _text_of_people(_at(here, "name", fault), jobnet)
        yield from _settings(icon, here, jobnet.compat == "jaz")


def _settings(icon: Icon, place: Place, imported: bool) -> Iterator[Problem]:
    """Give the problems the icon type finds."""
    kind = REGISTRY.get(icon.type)
    if kind is None:
        yield _at(place, "type", f'"{icon.type}" is no icon type', f"one of {', '.join(REGISTRY)}")
        return
    try:
        params = params_of(icon, replace(place, field="params"))
    except BadDocumentError as bad:
        yield from bad.problems
        return
    except DefinitionError as bad:
        yield _at(place, "params", bad.message, bad.hint)
        return
    soften = imported and icon.type not in _CHECKED_BY_JAZ
    for problem in kind.check(params, place):
        yield as_imported(problem) if soften else problem
    if not kind.traits.available:
        message = f"icons of the type {icon.type} are not available in this build; reached, the icon ends in error"
        yield Problem(replace(place, field="type"), message, severity="warning")


def _icon_marks(jobnet: Jobnet, place: Place) -> Iterator[Problem]:
    """Give the problems of what an icon says beside its settings."""
    for icon in jobnet.icons:
        here = replace(place, icon_id=icon.icon_id)
        kind = REGISTRY.get(icon.type)
        if icon.run_user and (fault := names.run_user_fault(icon.run_user)):
            yield _at(here, "run_user", fault)
        if icon.run_user_password and not icon.run_user:
            yield _at(here, "run_user_password", "is there without run_user")
        if kind is None:
            continue
        if icon.mark == "skip" and not kind.traits.may_skip:
            yield _at(here, "mark", f"icons of the type {icon.type} cannot be skipped", "hold it, or take it out")
        if not 0 <= icon.retries <= names.RETRIES_MAX:
            yield _at(here, "retries", f"is {icon.retries}; it may be 0 to {names.RETRIES_MAX}")
        elif icon.retries and not kind.traits.may_retry:
            yield _at(here, "retries", f"icons of the type {icon.type} are not retried", "set retries to 0")
        if not 0 <= icon.retry_delay_s <= names.RETRY_DELAY_S_MAX:
            yield _at(here, "retry_delay_s", f"is {icon.retry_delay_s}; it may be 0 to {names.RETRY_DELAY_S_MAX} s")
        if icon.retry_backoff < 1:
            yield _at(here, "retry_backoff", f"is {icon.retry_backoff}; it may be 1 or more")


# ---- what lies outside the jobnet


def missing(definition: Any, site: SiteView, place: Place) -> Iterator[Problem]:
    """Give a problem for each object that a definition needs and that has no enabled version."""
    told = set()
    for reference in references(definition):
        kind, object_id = reference.kind, reference.object_id
        if not object_id or site.is_enabled(kind, object_id):
            continue
        if (kind, object_id, reference.icon_id) in told:
            continue
        told.add((kind, object_id, reference.icon_id))
        here = replace(place, icon_id=reference.icon_id, field=reference.field)
        severity: Severity = "error" if reference.needed else "warning"
        if site.exists(kind, object_id):
            yield Problem(here, f'the {kind} "{object_id}" has no enabled version', f"enable the {kind}", severity)
        else:
            yield Problem(here, f'there is no {kind} "{object_id}"', f"import or make the {kind} first", severity)


def _recursion(jobnet: Jobnet, site: SiteView, place: Place) -> Iterator[Problem]:
    """Give a problem for each icon that leads back into the jobnet it is in."""
    for icon in jobnet.icons:
        if icon.type != "sub_jobnet":
            continue
        way = _way_back(str(icon.params.get("jobnet_id", "")), jobnet.jobnet_id, site)
        if way:
            told = " → ".join((jobnet.jobnet_id, *way))
            hint = "a jobnet that starts itself again needs a task icon, or a schedule"
            yield Problem(replace(place, icon_id=icon.icon_id), f"the jobnet contains itself: {told}", hint)


def _way_back(first: str, target: str, site: SiteView) -> tuple[str, ...]:
    """Return the jobnets from `first` to `target`, both included; empty where there is no way."""
    ways: list[tuple[str, ...]] = [(first,)]
    seen = {first}
    for way in ways:  # grows while it is walked
        if way[-1] == target:
            return way
        inner = site.find_jobnet(way[-1])
        for icon in inner.icons if inner is not None else ():
            jobnet_id = str(icon.params.get("jobnet_id", ""))
            if icon.type == "sub_jobnet" and jobnet_id not in seen:
                seen.add(jobnet_id)
                ways.append((*way, jobnet_id))
    return ()


def _hosts(jobnet: Jobnet, site: SiteView, place: Place) -> Iterator[Problem]:
    """Give a hint for each host nobody has told us of."""
    icons_by_host: dict[str, list[str]] = {}
    for icon in jobnet.icons:
        for field, flag in _HOST_FIELDS:
            host = icon.params.get(field)
            if isinstance(host, str) and host and not icon.params.get(flag) and not site.has_host(host):
                icons_by_host.setdefault(host, []).append(icon.icon_id)
    for host, icons in icons_by_host.items():
        message = f'the host "{host}" is not known here' + _also(icons[1:])
        hint = f"jaz-lite host add {host} --agent …"
        yield Problem(replace(place, icon_id=icons[0], field="host"), message, hint, "warning")


def _also(icons: Iterable[str]) -> str:
    told = ", ".join(icons)
    return f" (also in {told})" if told else ""
