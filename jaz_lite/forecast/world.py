"""What a forecast starts from: runs to come, runs that live, the machines, and what the engine may ask about."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo

from jaz_lite.engine.plan import Find
from jaz_lite.model.host import Host
from jaz_lite.model.run import EMPTY, Boot, Plan, Run

SLOTS_DEFAULT = 64  # of an agent that has never said how many it has


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """An agent: how many jobs it runs at once, and whether it takes work."""

    agent_id: str
    slots: int = SLOTS_DEFAULT
    draining: bool = False  # it takes no new work
    revoked: bool = False  # it never will again


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """A run that a schedule will start, and that is not planned yet."""

    occ: str
    plan: Plan
    at_ms: int
    boot: Boot
    user: str = ""
    variables: Mapping[str, str] = field(default_factory=lambda: EMPTY)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWork:
    """An attempt of a live run: with which agent it is, and since when it works (None: it waits for a slot)."""

    agent_id: str
    started_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """A run of the store that is not over: it has begun, or it waits, planned for a time or for another run to end."""

    run: Run
    timers: tuple[tuple[int | None, str, int], ...] = ()  # node, name, due_ms
    works: Mapping[bytes, OpenWork] = field(default_factory=dict)  # by natural key


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A site at a moment."""

    now_ms: int
    zone: tzinfo
    coming: tuple[Coming, ...] = ()
    live: tuple[Live, ...] = ()
    hosts: Mapping[str, Host] = field(default_factory=dict)
    machines: Mapping[str, Machine] = field(default_factory=dict)
    find: Find = lambda _: None  # the enabled version of a jobnet: what TASK icons start
    operates: Callable[[str, str], bool | None] = lambda _id, _day: None  # of the enabled calendar; None: there is none
    until_ms: int = 0  # the forecast goes no further; 0: to the end of the last run
