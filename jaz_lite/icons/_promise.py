"""What an icon type must offer, and what it is given.

An icon type is a module: `name`, `jaz_code`, `traits`, `Params`, `check`, `begin`, `resume`, `stop`, and one line in
`icons/__init__.py`. It decides; it does nothing itself. `begin` is called when the icon is reached, `resume` for each
event about it while it runs, `stop` when a person or the run ends it early. Each returns a `Step`; the engine applies
it. What `begin` gets is not always what `check` has passed: a version that is named is run unchecked.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from jaz_lite.model.action import Action
from jaz_lite.model.event import Answered, TimerFired, WorkCancelled, WorkEnded, WorkFailed, WorkTimedOut
from jaz_lite.model.jobnet import Compat, FlowKind, Icon
from jaz_lite.model.problem import Place, Problem
from jaz_lite.model.run import EMPTY, IconState, Origin

__all__ = [
    "ANYWHERE",
    "NAMED",
    "RESERVED_MEMOS",
    "RESERVED_TIMERS",
    "SETS",
    "WHOLE",
    "Event",
    "IconEvent",
    "IconType",
    "Place",
    "Problem",
    "Step",
    "Traits",
    "View",
]

IconEvent = WorkEnded | WorkFailed | WorkCancelled | WorkTimedOut | Answered | TimerFired
Event = IconEvent

WHOLE = {"variables": "whole"}  # the text may be $NAME, as `_text.whole` reads it
ANYWHERE = {"variables": "anywhere"}  # the text may hold ${NAME} and $NAME, as `_text.anywhere` reads it
NAMED = {"variables": "named"}  # the text is the name of a variable that must be set
SETS = {"variables": "sets"}  # the text is the name of a variable that the icon sets

RESERVED_MEMOS = frozenset(("cut", "retry_due_ms", "set", "timed_out"))
RESERVED_TIMERS = frozenset(("retry",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What the engine and the checks must know of an icon type without asking it.

    `lines_in` and `lines_out` are the fewest and the most flows; None = no upper bound.
    """

    may_skip: bool = True
    may_rerun: bool = False  # a person may run it again after an error
    may_stop: bool = False  # a person may end it while it runs
    may_set_variable: bool = False  # a person may change its before-variables
    may_retry: bool = False  # works elsewhere: automatic retries make sense
    may_continue: bool = True  # heeds the icon's `continue_on_error`
    ready_at: Literal["all", "first"] = "all"  # how many arrivals make it ready
    lines_in: tuple[int, int | None] = (1, 1)
    lines_out: tuple[int, int | None] = (1, 1)
    asks_time: bool = False  # what it answers may depend on the clock, be it through CURRENT_TIME
    available: bool = True  # False: modelled, but this build cannot run it


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What an icon decided.

    ended: results are set, the flow goes on along `branch`. failed: the icon is in error (`continue_on_error` and
    retries are the engine's business). waiting: `actions` were ordered, an event will come. descend: a sub-jobnet is
    entered. broken: the flow is impossible, the whole run ends as `end_error`.

    `memo` is what `view.memo` shows next time, plain values only. Two of its names are told to people: `due_ms` as
    "waits until", `host` as "runs on". The engine keeps its own beside them (`RESERVED_MEMOS`), and has a timer of its
    own (`RESERVED_TIMERS`); an icon type that took one of these would wait for ever.
    """

    outcome: Literal["ended", "failed", "waiting", "descend", "broken"]
    results: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    branch: FlowKind = "plain"
    actions: tuple[Action, ...] = ()
    memo: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    exit_code: int | None = None
    message: str = ""
    cut: tuple[str, ...] = ()  # names of results that were longer where they come from
    timed_out: bool = False  # the icon ran over its time; it goes on all the same
    stopped: bool = False  # it failed because a person or the run ended it: no retry
    release: int | None = None  # number of a held icon of this run that is let go


class View(Protocol):
    """What an icon may see of its run."""

    @property
    def node(self) -> int: ...
    @property
    def icon(self) -> Icon: ...
    @property
    def compat(self) -> Compat: ...
    @property
    def variables(self) -> Mapping[str, str]:
        """The before set."""

    @property
    def memo(self) -> Mapping[str, Any]: ...
    @property
    def state(self) -> IconState: ...
    @property
    def visit(self) -> int: ...
    @property
    def attempt(self) -> int: ...
    @property
    def work(self) -> bytes | None:
        """The natural key of the attempt whose fate is not settled."""

    @property
    def key(self) -> bytes:
        """The natural key of the present attempt."""

    @property
    def key_path(self) -> str: ...
    @property
    def task_occ(self) -> str:
        """The occurrence name of a run that this attempt starts."""

    @property
    def now(self) -> datetime:
        """The time of the event, aware, in the site's zone."""

    @property
    def now_ms(self) -> int: ...
    @property
    def run_started(self) -> datetime:
        """When the outermost jobnet started, aware, in the site's zone."""

    @property
    def origin(self) -> Origin: ...
    @property
    def user(self) -> str:
        """Who started the run."""

    @property
    def test(self) -> bool: ...
    def find(self, path: str) -> int | None:
        """Return the number of an icon by its path from this icon's own jobnet, or None."""

    def state_of(self, node: int) -> IconState: ...
    def is_held(self, node: int) -> bool:
        """Tell whether the icon is held and has not begun."""


class IconType(Protocol):
    """The module of an icon type.

    The metadata of a field of `Params` may be {"secret": True} (sealed text), or say how the field names variables:
    `WHOLE`, `ANYWHERE`, `NAMED`, `SETS`. The check tells from it which variables nobody sets.
    """

    name: str
    traits: Traits
    Params: type[Any]

    @property
    def jaz_code(self) -> int | None:
        """The number Job Arranger has for it; None: it has nothing like it, and an export to JAZ leaves it out."""

    def check(self, params: Any, place: Place) -> Iterable[Problem]: ...
    def begin(self, params: Any, view: View) -> Step: ...
    def resume(self, params: Any, view: View, event: IconEvent) -> Step: ...
    def stop(self, params: Any, view: View) -> Step: ...
