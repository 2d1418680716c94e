"""What operations may ask of a running engine: start a run, operate on one, look at one, watch one."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

import trio

from jaz_lite.engine.view import icon_to_json, run_head
from jaz_lite.errors import JazLiteError, NoSuchObject
from jaz_lite.model.event import Event
from jaz_lite.model.run import UNTOUCHED, Boot, Origin, Run
from jaz_lite.runner import placement
from jaz_lite.runner.booter import Outlook
from jaz_lite.runner.inputs import AgentChanged, AgentRevoked, Input, NewRun, Reply, RunEvent, Write
from jaz_lite.runner.turns import Turns
from jaz_lite.store.transaction import Transaction
from jaz_lite.wire.happenings import Metric

OUTPUT_PIECE_BYTES = 64 * 1024
NOT_SAID = Metric()

T = TypeVar("T")


class StartRequest(Protocol):
    """What is asked for: operations' StartRequest has this shape."""

    @property
    def jobnet_id(self) -> str: ...
    @property
    def version(self) -> str | None: ...
    @property
    def origin(self) -> Origin: ...
    @property
    def user(self) -> str: ...
    @property
    def variables(self) -> Mapping[str, str]: ...
    @property
    def icon_path(self) -> str: ...
    @property
    def scheduled_ms(self) -> int | None: ...
    @property
    def boot(self) -> Boot | None: ...


class Control:
    """The engine as operations see it. Every answer comes after the commit that makes it true."""

    def __init__(self, turns: Turns, *, request_stop: Callable[[], None]) -> None:
        self._turns = turns
        self._request_stop = request_stop

    # ---- changes

    async def start_run(self, request: StartRequest) -> int:
        """Start a jobnet, or plan it for a time, and return the run's id.

        Raises:
            NoSuchObject: there is no such jobnet or no enabled version.
            PlanError: it cannot be planned.
        """
        run_id = await self._ask(
            lambda reply: NewRun(
                jobnet_id=request.jobnet_id,
                version=request.version,
                origin=request.origin,
                user=request.user,
                variables=request.variables,
                icon_path=request.icon_path,
                scheduled_ms=request.scheduled_ms,
                boot=request.boot,
                reply=reply,
            )
        )
        assert isinstance(run_id, int)
        return run_id

    async def operate(self, run_id: int, make: Callable[[Run], Event]) -> None:
        """Give a run what a person asks of it.

        Raises:
            Refused: the state of the run or icon does not allow it; the sentence says why.
            NoSuchObject: there is no such run.
        """
        await self._ask(lambda reply: RunEvent(run_id, make=make, reply=reply))

    async def operate_all(
        self, run_ids: Sequence[int], make: Callable[[Run], Event]
    ) -> Mapping[int, JazLiteError | None]:
        """Give each of several runs what a person asks of it, many in a turn.

        Returns:
            What was wrong with each; None: nothing.
        """
        done = trio.Event()
        told: dict[int, Exception | None] = {}

        def tell(run_id: int, reply: Reply) -> None:
            told[run_id] = reply.error
            if len(told) == len(asked):
                done.set()

        asked = dict.fromkeys(run_ids)
        for run_id in asked:
            self._turns.submit(RunEvent(run_id, make=make, reply=Reply(partial(tell, run_id))))
        if asked:
            await done.wait()
        wrong: dict[int, JazLiteError | None] = {}
        for run_id, error in told.items():
            if error is not None and not isinstance(error, JazLiteError):
                raise error
            wrong[run_id] = error
        return wrong

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in the next turn's transaction and return what it returned, after the commit."""
        value: T = await self._ask(lambda reply: Write(work, reply))
        return value

    async def revoke_agent(self, agent_id: str, *, remove: bool) -> None:
        """Refuse an agent from now on and end its session; what it was given to do is in doubt."""
        await self._ask(lambda reply: AgentRevoked(agent_id, remove, reply))

    def offer_key(self, agent_id: str, kid: int, key: bytes) -> None:
        """Send an agent a new key, if it has a session; else it is offered at the next one."""
        desk = self._turns.works.desks.get(agent_id)
        if desk is not None and desk.port is not None and desk.port.up:
            desk.port.link.config(key=key, kid=kid)
            desk.port.flush()

    def end_session(self, agent_id: str, code: str, why: str) -> None:
        """End the session of an agent, if it has one."""
        desk = self._turns.works.desks.get(agent_id)
        if desk is not None and desk.port is not None:
            desk.port.link.bye(code, why)
            desk.port.flush()

    async def _ask(self, make: Callable[[Reply], Input]) -> Any:
        done = trio.Event()
        reply = Reply(lambda _reply: done.set())
        self._turns.submit(make(reply))
        await done.wait()
        if reply.error is not None:
            raise reply.error
        return reply.value

    def request_stop(self) -> None:
        """Ask the server to stop cleanly; jobs go on."""
        self._request_stop()

    async def journal_grows(self, seen: int) -> int:
        """Return the version of the journal as soon as it is not the one that was `seen`; -1: at once."""
        feed = self._turns.feed
        while feed.journal_version == seen:
            grown = trio.Event()
            wake = grown.set
            feed.when_journal_grows(wake)
            try:
                await grown.wait()
            finally:
                feed.cease(wake)
        return feed.journal_version

    # ---- looks

    def find_run(self, run_id: int) -> Run | None:
        """Return the committed state of a live run, or None."""
        return self._turns.live.find(run_id)

    def read_run(self, run_id: int) -> Run:
        """Return a run, live or over.

        Raises:
            NoSuchObject: there is no such run.
        """
        live = self.find_run(run_id)
        if live is not None:
            return live
        with self._turns.store.snapshot() as view:
            if view.runs.row(run_id) is None:
                raise NoSuchObject(f"there is no run {run_id}", hint="`jaz-lite run list` shows the runs")
            return self._turns.live.read(view, run_id)

    def live_runs(self) -> list[Run]:
        """Return all runs that are not over."""
        return list(self._turns.live)

    def outlook(self) -> Outlook:
        """Return what the booter knows of the schedules."""
        return self._turns.booter.outlook()

    @property
    def disk_full(self) -> bool:
        """Tell whether nothing new is started because the disk is full."""
        return self._turns.disk_full

    def reachable(self, agent_id: str) -> bool:
        """Tell whether an agent can be given work now."""
        desk = self._turns.works.desks.get(agent_id)
        return desk is not None and desk.port is not None and desk.port.synced

    def copy_progress(self, key: bytes) -> Mapping[str, Any] | None:
        """Return how far a file copy is; None where that is not known, or the attempt is none."""
        return self._turns.copies.progress(key)

    def waiting_for_agent(self, agent_id: str) -> tuple[int, int]:
        """Return how many attempts are with an agent and how many wait for it."""
        desk = self._turns.works.desks.get(agent_id)
        if desk is None:
            return 0, 0
        return len(desk.at_agent) + len(desk.beside), desk.waiting

    def agent_now(self, agent_id: str) -> Mapping[str, Any]:
        """Return what is known of an agent at this moment and in no row; see `RunControl`."""
        desk = self._turns.works.desks.get(agent_id)
        port = None if desk is None else desk.port
        told = NOT_SAID if port is None or port.metric is None else port.metric
        _, waiting = self.waiting_for_agent(agent_id)
        states = [] if desk is None else [self._turns.works.open[k].state for k in (*desk.at_agent, *desk.beside)]
        running = sum(state in ("running", "stopping") for state in states)
        return {
            "reachable": self.reachable(agent_id),
            "since_ms": None if desk is None else desk.since_ms,
            "running": running,
            "queued": len(states) - running,
            "waiting": waiting,
            "refusal": desk.refusal if desk is not None and waiting else "",
            "spool_bytes": told.spool_bytes,
            "free_bytes": told.free_bytes,
            "load": told.load,
            "mem_bytes": told.mem_bytes,
            "clock_offset_ms": None if port is None else port.clock_offset_ms,
        }

    def agent_changed(self, agent_id: str) -> None:
        """Have the row of an agent, which was changed, take effect."""
        self._turns.submit(AgentChanged(agent_id))

    def group_members(self, host: str) -> list[tuple[str, str]] | None:
        """Return the members of a group, each with why it takes no work now ("": it does); None: it is no group."""
        with self._turns.store.snapshot() as view:
            group = view.hosts.find(host)
            if group is None or group.kind != "group":
                return None
            members = placement.members_of(view, group)
        desks = self._turns.works.desks
        return [(each.name, placement.obstacle(each, desks.get(each.agent_id), "cmd")) for each in members]

    async def follow(self, run_id: int, *, quiet: bool = False) -> AsyncIterator[Mapping[str, Any]]:
        """Give first what there is of a run, then its news as they are committed, until it is over.

        Each is a plain map with "kind": "icon", "run", "output", "fact", or "gap" (news were lost on the way).

        Args:
            quiet: only icons in doubt, and the run when it is no longer just running.

        Raises:
            NoSuchObject: there is no such run.
        """
        wake = trio.Event()

        def woken() -> None:
            wake.set()

        watcher = self._turns.feed.watch(run_id, woken, quiet=quiet)
        try:
            for item in self._so_far(self.read_run(run_id), quiet=quiet):
                yield item
            while True:
                wake = trio.Event()
                while watcher.items:
                    yield watcher.items.popleft()
                if self.find_run(run_id) is None:
                    return
                await wake.wait()
        finally:
            self._turns.feed.leave(watcher)

    def _so_far(self, run: Run, *, quiet: bool) -> Iterator[Mapping[str, Any]]:
        zone = self._turns.zone
        for node, icon in enumerate(run.icons):
            if icon.doubt is not None or not (quiet or icon is UNTOUCHED):
                yield {"kind": "icon", **icon_to_json(run, node, zone)}
        if not quiet:
            yield from self._output_so_far(run)
        yield {"kind": "run", **run_head(run, zone)}

    def _output_so_far(self, run: Run) -> Iterator[Mapping[str, Any]]:
        """Give the stored output piece by piece; no view of the store is kept open while a piece is on its way."""
        store = self._turns.store
        with store.snapshot() as view:
            rows = [(row, view.hosts.encoding_of(row)) for row in view.attempts.of_run(run.run_id) if row.node >= 0]
        for row, encoding in rows:
            source = {"path": run.plan.path(row.node), "pass": row.visit, "attempt": row.attempt, "encoding": encoding}
            for stream in (1, 2):
                offset = 0
                while True:
                    with store.snapshot() as view:
                        data = view.output.read(row.k, stream, offset, OUTPUT_PIECE_BYTES)
                    if not data:
                        break
                    yield {"kind": "output", **source, "stream": stream, "offset": offset, "data": data}
                    offset += len(data)
