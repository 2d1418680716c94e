"""Zabbix link: enables, disables or asks about a host group, host, item or trigger of Zabbix.

Source: JAZ icon ZABBIX LINK, code 19.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from jaz_lite.icons import _check
from jaz_lite.icons._not_in_build import begin, resume, stop
from jaz_lite.icons._promise import Place, Problem, Traits

name = "zabbix_link"
jaz_code = 19
traits = Traits(may_rerun=True, available=False)

__all__ = ["Params", "begin", "check", "jaz_code", "name", "resume", "stop", "traits"]

OPERATIONS = {
    "group": ("enable", "disable"),
    "host": ("enable", "disable", "status"),
    "item": ("enable", "disable", "status", "data"),
    "trigger": ("enable", "disable", "status"),
}
IDS = {
    "group": ("group_id",),
    "host": ("group_id", "host_id"),
    "item": ("group_id", "host_id", "item_id"),
    "trigger": ("group_id", "host_id", "trigger_id"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """What of Zabbix, and what to do with it."""

    target: Literal["group", "host", "item", "trigger"] = "group"
    operation: Literal["enable", "disable", "status", "data"] = "enable"
    group_id: int = 0
    host_id: int = 0
    item_id: int = 0
    trigger_id: int = 0


def check(params: Params, place: Place) -> Iterable[Problem]:
    """Give the problems of the settings."""
    if params.operation not in OPERATIONS[params.target]:
        yield _check.at(place, "operation", f'"{params.operation}" is not possible for a {params.target}')
    for field in IDS[params.target]:
        if getattr(params, field) <= 0:
            yield _check.at(place, field, f"is needed for a {params.target}")
