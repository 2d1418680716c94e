"""A jobnet: icons joined by flows, in one version.

`Jobnet`, `Icon` and `Flow` are what the engine plans runs from and what editors and importers build. The `params` of
an icon stay a plain mapping here; the icon type (`icons.REGISTRY`) knows their shape. `jaz` keeps what a JAZ export
carried and we have no field for (created_date, flow_style, unknown columns, which columns were absent), so that
import and export are the identity.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

FlowKind = Literal["plain", "true", "false"]
Mark = Literal["normal", "hold", "skip"]
MultipleStart = Literal["parallel", "skip", "wait"]
TimeoutAction = Literal["warn", "stop"]
Compat = Literal["jaz", "lite"]

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A line from one icon to another."""

    source: str
    target: str
    kind: FlowKind = "plain"  # "true" and "false" leave only a condition
    jaz: Mapping[str, Any] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Icon:
    """A node of a jobnet."""

    icon_id: str
    type: str  # a name in icons.REGISTRY
    name: str | None = None
    x: int = 0
    y: int = 0
    mark: Mark = "normal"  # design-time hold or skip
    force: bool = False  # run although the host is disabled
    continue_on_error: bool = False
    run_user: str | None = None
    run_user_password: str | None = None  # sealed text, never plain
    retries: int = 0
    retry_delay_s: int = 0
    retry_backoff: float = 1.0  # each further delay is the last one times this
    params: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    jaz: Mapping[str, Any] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobnet:
    """One version of a jobnet."""

    jobnet_id: str
    version: str  # 14 digits YYYYMMDDHHMMSS, as JAZ's update_date
    name: str = ""
    memo: str | None = None
    public: bool = False
    owner: str = ""
    multiple_start: MultipleStart = "parallel"
    timeout_min: int = 0  # 0 = none
    timeout_action: TimeoutAction = "warn"
    compat: Compat = "lite"  # "jaz": bare $NAME runs to the next $, } or line end
    icons: tuple[Icon, ...] = ()
    flows: tuple[Flow, ...] = ()
    jaz: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
