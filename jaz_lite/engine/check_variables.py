"""Which variables a jobnet uses that nothing in it sets: whoever starts it must give them.

Only a hint: the caller, a `-E` of a command or the jobnet around it may well set them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from functools import cache
from typing import Any

from jaz_lite.engine.graph import Graph
from jaz_lite.icons import REGISTRY
from jaz_lite.model.jobnet import Icon, Jobnet
from jaz_lite.model.names import variable_name_fault
from jaz_lite.model.problem import Place, Problem

# What every icon finds, or what icons leave that set more than one name.
SYSTEM_VARIABLES = frozenset(
    [
        "CURRENT_TIME",
        "ICON_STATUS",
        "JOBARG_MESSAGE",
        "JOBNET_BOOT_TIME",
        "JOBNET_ID",
        "JOBNET_NAME",
        "JOBNET_SCHEDULED_TIME",
        "JOB_EXIT_CD",
        "JOB_ID",
        "JOB_ID_FULL",
        "JOB_NAME",
        "LAST_STATUS",
        "MANAGEMENT_ID",
        "SIGNAL",
        "STD_ERR",
        "STD_OUT",
        "USER_NAME",
        "ZBX_DATA_TYPE",
        "ZBX_LAST_STATUS",
        "ZBX_LATEST_DATA",
    ]
)

_ANYWHERE = re.compile(r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$([A-Za-z_][A-Za-z0-9_]*)", re.ASCII)


def variable_hints(jobnet: Jobnet, place: Place) -> Iterator[Problem]:
    """Give one hint for each variable that is used before anything could have set it."""
    graph = Graph(jobnet)
    known = _known(jobnet, graph)
    users: dict[str, list[str]] = {}
    for icon in jobnet.icons:
        for name in sorted(set(_used(icon))):
            if name not in SYSTEM_VARIABLES and name not in known[icon.icon_id]:
                users.setdefault(name, []).append(icon.icon_id)
    for name, icons in users.items():
        also = f" (also used by {', '.join(icons[1:])})" if len(icons) > 1 else ""
        message = f"the variable {name} is set by no icon before{also}"
        hint = f"who starts the jobnet must give it: -E {name}=…"
        if variable_name_fault(name):
            hint = "a text that begins with $ is the name of a variable to its end; $$ stands for the sign itself"
        yield Problem(replace(place, icon_id=icons[0]), message, hint, "warning")


def _known(jobnet: Jobnet, graph: Graph) -> dict[str, set[str]]:
    """Return, by icon, the names that some icon on some way to it sets."""
    sets = {icon.icon_id: set(_set(icon)) for icon in jobnet.icons}
    known: dict[str, set[str]] = {icon: set() for icon in graph.types}
    waiting = [icon for icon in graph.types if sets[icon]]
    while waiting:
        icon = waiting.pop()
        after = known[icon] | sets[icon]
        for target, _ in graph.targets[icon]:
            if not after <= known[target]:
                known[target] |= after
                waiting.append(target)
    return known


def _set(icon: Icon) -> Iterator[str]:
    if icon.type == "variable":
        for row in _rows(icon, "values"):
            yield str(row.get("name", ""))
    for field, how in _variable_fields(icon.type).items():
        if how == "sets":
            yield str(icon.params.get(field, ""))


def _used(icon: Icon) -> Iterator[str]:
    """Give the names without which the icon ends in error."""
    params = icon.params
    for flag in ("host_from_variable", "source_host_from_variable", "target_host_from_variable"):
        if params.get(flag) is True:
            yield str(params.get(flag.removesuffix("_from_variable")) or "")
    for field, how in _variable_fields(icon.type).items():
        match how:
            case "named":
                yield str(params.get(field, ""))
            case "whole":
                yield from _whole(params.get(field))
            case "anywhere":
                yield from _anywhere(params.get(field))
    if icon.type == "variable":
        for row in _rows(icon, "values"):
            yield from _whole(row.get("value"))


@cache
def _variable_fields(type_: str) -> Mapping[str, str]:
    """Return the settings of an icon type that name variables, and how."""
    kind = REGISTRY.get(type_)
    found = () if kind is None else fields(kind.Params)
    return {each.name: each.metadata["variables"] for each in found if "variables" in each.metadata}


def _anywhere(text: Any) -> Iterator[str]:
    for match in _ANYWHERE.finditer(text) if isinstance(text, str) else ():
        if match[1] or match[2]:
            yield match[1] or match[2]


def _whole(text: Any) -> Iterator[str]:
    if isinstance(text, str) and len(text) > 1 and text.startswith("$") and not text.startswith("$$"):
        yield text[1:]


def _rows(icon: Icon, field: str) -> Iterator[Mapping[str, Any]]:
    rows = icon.params.get(field)
    for row in rows if isinstance(rows, list | tuple) else ():
        if isinstance(row, Mapping):
            yield row
