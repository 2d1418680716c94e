"""The icon types: one module each, and the one list that names them.

`REGISTRY` maps the name of a type to its module: JAZ's in the order of its codes 0 to 19, then those JAZ does not have.
A new type is a new module, an import and a line here; folders are not searched, because frozen programs have none.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from jaz_lite.errors import DefinitionError
from jaz_lite.icons import (
    agentless,
    branch_end,
    calculation,
    condition,
    end,
    extended_job,
    file_copy,
    file_wait,
    information,
    job,
    loop,
    parallel_end,
    parallel_start,
    reboot,
    release,
    start,
    sub_jobnet,
    task,
    variable,
    zabbix_link,
)
from jaz_lite.icons._promise import IconType
from jaz_lite.model.jobnet import Icon
from jaz_lite.model.plain import structured
from jaz_lite.model.problem import Place

_TYPES: tuple[IconType, ...] = (
    start,
    end,
    condition,
    variable,
    job,
    sub_jobnet,
    parallel_start,
    parallel_end,
    loop,
    extended_job,
    calculation,
    task,
    information,
    branch_end,
    file_copy,
    file_wait,
    reboot,
    release,
    agentless,
    zabbix_link,
)

REGISTRY: Mapping[str, IconType] = MappingProxyType({each.name: each for each in _TYPES})


def params_of(icon: Icon, place: Place | None = None) -> Any:
    """Return the settings of an icon as the `Params` of its type.

    Args:
        place: of the icon, for the problems; by default only its id is known.

    Raises:
        DefinitionError: the type is unknown, or settings are unknown or of the wrong shape; all problems are listed.
    """
    kind = REGISTRY.get(icon.type)
    place = place or Place(icon_id=icon.icon_id)
    if kind is None:
        raise DefinitionError(f'{place}: there is no icon type "{icon.type}"', hint=f"one of {', '.join(REGISTRY)}")
    return structured(kind.Params, icon.params, place)
