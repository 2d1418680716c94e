"""The site as operations see it: its store, its time, and, where a server runs, the control of its runs."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, Protocol, TypeVar

from jaz_lite.clock import Clock
from jaz_lite.config import Config
from jaz_lite.errors import JazLiteError, Unreachable
from jaz_lite.model.event import Operation
from jaz_lite.model.run import EMPTY, Boot, Origin, Run
from jaz_lite.net.dial import Address
from jaz_lite.store.copy_series import Taken
from jaz_lite.store.open import Store
from jaz_lite.store.retention import Purged
from jaz_lite.store.transaction import Transaction, View

T = TypeVar("T")
Emit = Callable[[Any], Awaitable[None]]  # sends one item of a streaming answer


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRequest:
    """A person wants a run."""

    jobnet_id: str
    version: str | None = None  # None: the enabled one
    origin: Origin = "manual"
    user: str = ""
    variables: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    icon_path: str = ""  # a single icon run: the icon to run
    scheduled_ms: int | None = None  # None: now; else `boot` says what is planned for its start
    boot: Boot | None = None


class RunControl(Protocol):
    """What a running server offers for its runs. All answers come after the commit."""

    async def start_run(self, request: StartRequest) -> int:
        """Start a run and return its run_id. Raises NoSuchObject, Refused or DefinitionError."""

    async def operate(self, run_id: int, make: Callable[[Run], Operation]) -> None:
        """Hand the event that `make` gives for the present state of the run to the engine.

        Raises:
            NoSuchObject: there is no such run. Refused: with the engine's sentence; what `make` raises comes through.
        """

    async def operate_all(
        self, run_ids: Sequence[int], make: Callable[[Run], Operation]
    ) -> Mapping[int, JazLiteError | None]:
        """Hand each of several runs an event; return what was wrong with each, None where nothing was."""

    def find_run(self, run_id: int) -> Run | None:
        """Return the present state of a run that is not over, or None."""

    def live_runs(self) -> list[Run]:
        """Return the present state of all runs that are not over."""

    def read_run(self, run_id: int) -> Run:
        """Return a run, live or over. Raises NoSuchObject."""

    def status(self) -> dict[str, Any]:
        """Return the health of the server in the shape of `status --json`."""

    def follow(self, run_id: int, *, quiet: bool = False) -> AsyncIterator[Mapping[str, Any]]:
        """Give first what there is, then what comes, and end after the run is over.

        Each is a plain map with "kind": "icon" (path, type, state, exit_code, message, attempt, host, doubt), "run"
        (state, exit_code, message), "output" (path, stream 1 or 2, offset, data: bytes, encoding), "fact", or "gap" where news were lost.
        """

    def reachable(self, agent_id: str) -> bool:
        """Tell whether the agent can be given work now."""

    def copy_progress(self, key: bytes) -> Mapping[str, Any] | None:
        """Return how far a file copy is; None where that is not known, or the attempt is none.

        Names: files_done, files, bytes_done, bytes, file (that is on its way), source_host, at_work (both agents are
        there, and it is its turn).
        """

    def agent_now(self, agent_id: str) -> Mapping[str, Any]:
        """Return what is known of an agent at this moment and in no row.

        Names: reachable, since_ms (of that; None: not since the server started), running, queued (with the agent),
        waiting (for it), refusal (why it takes none of that for now, or ""), and what it said last: spool_bytes,
        free_bytes, load, mem_bytes, clock_offset_ms (or None).
        """

    def agent_changed(self, agent_id: str) -> None:
        """Have the row of an agent, which was changed, take effect."""

    def group_members(self, host: str) -> list[tuple[str, str]] | None:
        """Return the members of a group, each with why it takes no work now ("": it does); None: it is no group."""

    def listening(self) -> tuple[str, ...]:
        """Return where the server listens for agents, `host:port` each."""

    def end_session(self, agent_id: str, code: str, why: str) -> None:
        """End the session of an agent, if it has one, with a `bye` of this code."""

    def offer_key(self, agent_id: str, kid: int, key: bytes) -> None:
        """Send an agent its new key now, if it has a session."""

    def rotate_certificate(self, *, force: bool) -> None:
        """Give the agents a new certificate of the site, and show it when all have it, or at once where forced."""

    def certificate_may_change(self) -> None:
        """Show the next certificate if no agent is missing any more."""

    async def enrol_at(self, name: str, place: Address) -> None:
        """Dial a machine that listens in order to become the agent `name`, and let it in.

        Raises:
            Unreachable: nobody answers. Refused: it was not let in.
        """

    async def revoke_agent(self, agent_id: str, *, remove: bool) -> None:
        """Refuse an agent from now on and end its session; what it was given to do is in doubt."""

    async def journal_grows(self, seen: int) -> int:
        """Return the version of the journal as soon as it is not the one that was `seen`; -1: at once."""

    async def purge(self, told: Callable[[Purged], Awaitable[None]], *, trust_clock: bool) -> tuple[Purged, int | None]:
        """Remove what retention no longer keeps, in small batches; `told` is given what went so far after each.

        Returns:
            What went, and None; or nothing, and until when the clock is doubted (milliseconds UTC).
        """

    def invite_standby(self, valid_s: float) -> tuple[bytes, bytes]:
        """Let one machine fetch a copy within so many seconds; return the invitation's id and its secret."""

    def standbys(self) -> list[dict[str, Any]]:
        """Return the standbys that are connected, each with how far it is behind."""

    async def switch_over(self, to: str, told: Callable[[str], Awaitable[None]]) -> dict[str, Any]:
        """Hand the site over to a connected standby, and end this server.

        Args:
            to: host or address of the standby; "": the only one.
            told: is given a sentence at each step.

        Raises:
            Refused: there is no such standby, or it does not keep up. Nothing was changed.
        """

    async def snapshot(self, target: Path, keep: int | None, told: Callable[[int, int], Awaitable[None]]) -> Taken:
        """Take a copy of the data directory; `told` is given how far it is, in bytes. See `copy_series.take`."""

    def request_stop(self) -> None:
        """Have the server stop cleanly; jobs go on."""


class Site(Protocol):
    """What an operation works on."""

    @property
    def store(self) -> Store: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def zone(self) -> tzinfo: ...
    @property
    def config(self) -> Config: ...
    @property
    def control(self) -> RunControl | None:
        """None where no server runs: then only definitions and settings can be read and changed."""

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Return what `work` gives, after the commit of the transaction it ran in; what it raises undoes its changes."""

    async def read(self, work: Callable[[View], T]) -> T:
        """Return what `work` gives for a consistent view of the store."""

    async def breathe(self) -> None:
        """Let others run; called between the parts of long work."""


class OfflineSite:
    """A site without a server: the command itself has the store open and the directory locked."""

    control: RunControl | None = None

    def __init__(self, store: Store, *, clock: Clock, zone: tzinfo, config: Config) -> None:
        self.store = store
        self.clock = clock
        self.zone = zone
        self.config = config

    async def write(self, work: Callable[[Transaction], T]) -> T:
        with self.store.transaction() as tx:
            return work(tx)

    async def read(self, work: Callable[[View], T]) -> T:
        with self.store.snapshot() as view:
            return work(view)

    async def breathe(self) -> None:
        """Nobody else is there."""


def drive(work: Coroutine[Any, Any, T]) -> T:
    """Return the result of an operation on an offline site: it never waits, so it needs no event loop."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    work.close()
    raise AssertionError("an operation on an offline site waited for something")


def control_of(site: Site) -> RunControl:
    """Return the control of the runs.

    Raises:
        Unreachable: no server runs.
    """
    if site.control is None:
        raise Unreachable("no server runs on this data directory", hint="start one: jaz-lite up")
    return site.control


def now(site: Site) -> datetime:
    """Return the present time, aware, in the site's zone."""
    return datetime.fromtimestamp(site.clock.now_ms() / 1000, site.zone)
