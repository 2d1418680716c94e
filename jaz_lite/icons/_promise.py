"""What an icon type must offer, and what it is given.

An icon type is a module (see style.md section 3): `name`, `jaz_code`, `Params`, `check`, `begin`, `resume`, `stop`,
and one line in `icons/__init__.py`. It decides; it does nothing itself. `begin` is called when the icon is reached,
`resume` for each event about it while it runs, `stop` when a person or the run ends it early. Each returns a `Step`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal, Protocol

from jaz_lite.model.action import Action
from jaz_lite.model.event import Answered, TimerFired, WorkCancelled, WorkEnded, WorkFailed, WorkTimedOut
from jaz_lite.model.jobnet import FlowKind, Icon
from jaz_lite.model.problem import Place, Problem
from jaz_lite.model.run import EMPTY

__all__ = ["Event", "IconEvent", "IconType", "Place", "Problem", "Step", "View"]

IconEvent = WorkEnded | WorkFailed | WorkCancelled | WorkTimedOut | Answered | TimerFired
Event = IconEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What an icon decided.

    ended: results are set, the flow goes on along `branch`. failed: the icon is in error (`continue_on_error` and
    retries are the engine's business). waiting: `actions` were ordered, an event will come. descend: a sub-jobnet is
    entered. broken: the flow is impossible, the whole run ends as `end_error`.
    """

    outcome: Literal["ended", "failed", "waiting", "descend", "broken"]
    results: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    branch: FlowKind = "plain"
    actions: tuple[Action, ...] = ()
    memo: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    exit_code: int | None = None
    message: str = ""


class View(Protocol):
    """What an icon may see of its run."""

    @property
    def node(self) -> int: ...
    @property
    def icon(self) -> Icon: ...
    @property
    def variables(self) -> Mapping[str, str]: ...
    @property
    def memo(self) -> Mapping[str, Any]: ...
    @property
    def now(self) -> datetime:
        """The time of the event, aware, in the site's zone."""
    @property
    def test(self) -> bool: ...


class IconType(Protocol):
    """The module of an icon type."""

    name: str
    jaz_code: int
    Params: ClassVar[type[Any]]

    def check(self, params: Any, place: Place) -> Iterable[Problem]: ...
    def begin(self, params: Any, view: View) -> Step: ...
    def resume(self, params: Any, view: View, event: IconEvent) -> Step: ...
    def stop(self, params: Any, view: View) -> Step: ...
