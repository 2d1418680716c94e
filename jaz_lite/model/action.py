"""Actions: what to do, decided by the engine, committed before it is done, safe to repeat."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from jaz_lite.model.run import EMPTY, Origin


class Action:
    """The family of all actions."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SendWork(Action):
    """Have an attempt executed on the agent behind a host name.

    `spec` is the work order of protocol section 5.3 for `kind` (a plain map; for `cmd`: script, env, user, timeout,
    timeout_act, stop, enc, head, out_max, grace, secret).
    """

    node: int
    key: bytes
    key_path: str  # /sub1#1/job7#3
    attempt: int
    host: str  # a host name as definitions use it
    kind: str
    spec: Mapping[str, Any]
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KillWork(Action):
    """End an attempt: by its stop command where the work order has one (`stop`), else by signal (`signal`).

    An attempt that has not started is withdrawn instead.
    """

    node: int
    key: bytes
    how: Literal["signal", "stop"] = "signal"
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AbandonWork(Action):
    """Nobody waits for this attempt any more: withdraw it if it has not started, else let its late result be kept."""

    node: int
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTimer(Action):
    """Bring `TimerFired(node, name, due_ms)` at `due_ms`; replaces a timer of the same node and name."""

    node: int | None
    name: str
    due_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRun(Action):
    """Start another jobnet; comes back as `Answered` with the new run_id as value. A run with that occ is found."""

    node: int
    visit: int
    occ: str
    jobnet_id: str
    origin: Origin
    user: str
    variables: Mapping[str, str] = field(default_factory=lambda: EMPTY)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseIcon(Action):
    """Release a held icon of another run: `<jobnet id>/<icon path>`; comes back as `Answered`."""

    node: int
    visit: int
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskCalendar(Action):
    """Is this day (ISO) an operating day of the enabled calendar? `Answered` with value 1 or 0; not ok: no calendar.

    `since`: the first day on which an earlier active may have asked the same; the answer must hold for all days since.
    """

    node: int
    visit: int
    calendar_id: str
    day: str
    since: str = ""
