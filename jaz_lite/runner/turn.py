"""One turn: a transaction in the making.

Inputs raise events; events advance runs; the actions of runs raise further events or put frames on the release list.
Everything is collected here and written once: the last state of each icon, the last state of each attempt, the last
cursor of each agent. What others may see (frames, acks, answers, news) waits on the release list for the commit.
"""

import logging
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from functools import partial
from typing import Any

from jaz_lite.engine.advance import advance_all
from jaz_lite.engine.boot import BOOT
from jaz_lite.errors import LocalProtocolError
from jaz_lite.model.event import Event, Operation, Started, TimerFired, WorkPlaced
from jaz_lite.model.run import RUN_OVER, Run
from jaz_lite.runner import actions, dispatch, due_starts, faults, groups, locks, placement
from jaz_lite.runner.desk import Desk
from jaz_lite.runner.feed import Feed
from jaz_lite.runner.inputs import Input, Reply
from jaz_lite.runner.live import LiveRuns
from jaz_lite.runner.port import Port
from jaz_lite.runner.siblings import is_busy, next_to_start
from jaz_lite.runner.window import Uncertainty
from jaz_lite.runner.work import Work, Works
from jaz_lite.store.agents import AgentRow
from jaz_lite.store.attempts import Attempt
from jaz_lite.store.transaction import Transaction

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Staged:
    """A run as this turn leaves it."""

    run: Run
    nodes: dict[int, None] = field(default_factory=dict)  # those that changed, in the order in which they did
    frames: set[int] = field(default_factory=set)
    boot: bool = False  # what was planned for its start changed


@dataclass(slots=True)
class _Raised:
    """An event that waits to be given to its run."""

    event: Event
    reply: Reply | None


class Turn:
    """One transaction, from the first input to the release list."""

    def __init__(
        self,
        tx: Transaction,
        *,
        live: LiveRuns,
        works: Works,
        window: Uncertainty,
        feed: Feed,
        now_ms: int,
        zone: tzinfo,
        term: int,
        site_uid: bytes,
        mark: str,
        draw_ids: Callable[[int], int],
        later: Callable[[float, Input], None],
        may_start: bool,
        has_missed: "Callable[[Turn, Run], bool]",
    ) -> None:
        self.tx = tx
        self.live = live
        self.works = works
        self.window = window
        self.now_ms = now_ms
        self.now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone)
        self.term = term
        self.site_uid = site_uid
        self._mark = mark
        self.draw_ids = draw_ids
        self._later = later
        self.may_start = may_start  # False while the disk is full
        self.has_missed = has_missed
        self.agents_moved = False  # an agent came or went
        self.at_run: int | None = None  # the run that is being dealt with; says whose fault it is if the turn fails
        self._feed = feed
        self._staged: dict[int, _Staged] = {}
        self._raised: dict[int, list[_Raised]] = {}
        self._attempts: dict[bytes, dict[str, Any]] = {}
        self._cursors: dict[str, tuple[bytes, int, bytes]] = {}
        self.welcomed: dict[str, Port] = {}  # by agent: to be greeted after the commit
        self._desks_with_room: dict[str, Desk] = {}
        self._groups_may_move = False
        self._without_member: list[Work] = []  # it came to its group in this turn
        self._replies: list[Reply] = []
        self._released: list[tuple[Callable[[], None], Port | None]] = []
        self._flushes: dict[int, Port] = {}

    # ---- runs

    def find_run(self, run_id: int) -> Run | None:
        """Return a run as this turn sees it: live, or touched by this turn."""
        staged = self._staged.get(run_id)
        return staged.run if staged is not None else self.live.find(run_id)

    def all_live(self) -> Iterator[Run]:
        """Give all live runs as this turn sees them."""
        return self.seen(iter(self.live), lambda run: run.state not in RUN_OVER)

    def change_run(self, run: Run) -> None:
        """Take over what the store says of a run since this turn began; nothing of it is written."""
        self._staged.setdefault(run.run_id, _Staged(run)).run = run

    def shown(self, at_ms: int) -> str:
        """Return a time as people read it."""
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self.now.tzinfo).isoformat(" ", "seconds")

    def busy_runs_of(self, jobnet_id: str) -> list[Run]:
        """Return the started, unended runs of a jobnet as this turn sees them, oldest first."""
        return sorted(self.seen(self.live.astir(jobnet_id), partial(is_busy, jobnet_id)), key=lambda run: run.run_id)

    def waiting_runs_of(self, jobnet_id: str) -> list[Run]:
        """Return the runs of a jobnet that wait for another run of it to end, in the order in which they start."""
        return next_to_start(jobnet_id, self.seen(self.live.astir(jobnet_id), lambda _run: True))

    def seen(self, live: Iterable[Run], fits: Callable[[Run], bool]) -> Iterator[Run]:
        """Give these live runs, and all that this turn made or changed, as it leaves them, as far as they fit."""
        yield from (run for run in live if run.run_id not in self._staged and fits(run))
        yield from (staged.run for staged in self._staged.values() if fits(staged.run))

    def own_occ(self, run_id: int) -> str:
        """Return the name of the occurrence that is this run and nothing else.

        Notes:
            After its directory was set back a server may give the same number again; its process is another one.
        """
        return f"M:{run_id}:{self._mark}"

    def insert_run(self, run: Run, icon_path: str = "", *, crowded: bool = False) -> None:
        """Put a new run into the store and let it start, if its time has come."""
        self.tx.runs.insert(run, icon_path=icon_path)
        self._staged[run.run_id] = _Staged(run)
        if run.state not in RUN_OVER and (run.scheduled_ms or 0) <= self.now_ms:
            self.raise_event(run.run_id, Started(crowded=crowded))

    def timer_is_due(self, run_id: int, node: int | None, name: str, due_ms: int) -> None:
        """Take a timer that is due, and give the run what it stands for."""
        self.tx.timers.delete(run_id, node, name)
        self.raise_event(run_id, Started() if node is None and name == BOOT else TimerFired(node, name, due_ms))

    def raise_event(self, run_id: int, event: Event, reply: Reply | None = None) -> None:
        """Have an event given to a run before this turn ends."""
        self._raised.setdefault(run_id, []).append(_Raised(event, reply))

    def settle(self) -> None:
        """Give all raised events to their runs, and those that follow from them, until none is left."""
        while self._raised:
            run_id = next(iter(self._raised))
            self._advance(run_id, self._raised.pop(run_id))
        self.at_run = None

    def _advance(self, run_id: int, raised: list[_Raised]) -> None:
        self.at_run = run_id
        run = self.find_run(run_id)
        if run is None or run.faulted or run.state in RUN_OVER:
            for item in raised:
                if item.reply is not None:
                    item.reply.error = actions.not_live(self, run_id, run)
            return
        # What a person asks is answered on its own; everything else goes in one batch.
        batch: list[Event] = []
        for item in raised:
            if isinstance(item.event, Operation):
                self._advance_by(run_id, batch, None)
                batch = []
                self._advance_by(run_id, [item.event], item.reply)
            elif isinstance(item.event, Started):
                if (started := due_starts.started(self, run, item.event)) is not None:
                    batch.append(started)
            else:
                batch.append(item.event)
        self._advance_by(run_id, batch, None)

    def _advance_by(self, run_id: int, events: list[Event], reply: Reply | None) -> None:
        run = self.find_run(run_id)
        if not events or run is None:
            return
        try:
            step = advance_all(run, events, self.now)
        except Exception:
            self._fault(run, traceback.format_exc())
            return
        staged = self._staged.get(run_id)
        if staged is None:
            staged = self._staged[run_id] = _Staged(step.run)
        staged.run = step.run
        for node in (*sorted(step.changed), *(fact.node for fact in step.facts if fact.node in step.changed)):
            # What people are told of stands where the last word about it was said.
            staged.nodes.pop(node, None)
            staged.nodes[node] = None
        staged.frames |= step.changed_frames
        staged.boot = staged.boot or step.run.boot is not run.boot
        if step.refusal is not None and reply is not None:
            reply.error = actions.refused(step.refusal)
        for fact in step.facts:
            path = "" if fact.node is None else step.run.plan.path(fact.node)
            self.tx.journal.add(self.now_ms, run_id, path, fact)
            self._feed.fact(run_id, self.now_ms, path, fact)
        for action in step.actions:
            actions.carry_out(self, step.run, action)
        if step.run.state in RUN_OVER and run.state not in RUN_OVER:
            self._run_is_over(step.run)

    def _fault(self, run: Run, text: str) -> None:
        """Set a run aside that our own code cannot go on with; the others are not its hostages."""
        log.exception("a run is set aside", extra={"action": "run.set_aside", "run_id": run.run_id})
        staged = self._staged.setdefault(run.run_id, _Staged(run))
        staged.run = replace(staged.run, faulted=text)
        self._feed.fact(run.run_id, self.now_ms, "", faults.set_aside(self.tx, run.run_id, text, self.now_ms))
        self._let_next_start(run)

    def _run_is_over(self, run: Run) -> None:
        self.tx.timers.clear_run(run.run_id)
        self._let_next_start(run)

    def _let_next_start(self, run: Run) -> None:
        """Start the first run that waited for this one, unless yet another is at work."""
        for waiting in self.waiting_runs_of(run.jobnet.jobnet_id)[:1]:
            if not self.busy_runs_of(run.jobnet.jobnet_id):
                self.raise_event(waiting.run_id, Started())

    # ---- attempts

    def change_attempt(self, work: Work, state: str | None = None, **fields: Any) -> None:
        """Change an attempt, in memory and (once, at the end of the turn) in its row."""
        if state is not None:
            fields["state"] = state
            before = work.state
            self.works.move(work, state)
            locks.follow(self, work, before, state)
        self._attempts.setdefault(work.k, {}).update(fields)
        if work.agent_id:
            desk = self.works.desk(work.agent_id)
            if any(desk.piles.values()):
                self._desks_with_room[work.agent_id] = desk
            self._groups_may_move = True

    def members_of(self, group: str) -> list[str]:
        """Return the agents behind a group host."""
        host = self.tx.hosts.find(group)
        return [] if host is None else [each.agent_id for each in placement.members_of(self.tx, host)]

    def find_attempt(self, k: bytes) -> Attempt | None:
        """Return the row of an attempt as this turn leaves it, or None."""
        fields = self._attempts.pop(k, None)
        if fields is not None:
            self.tx.attempts.update(k, **fields)
        return self.tx.attempts.find(k)

    def drop_attempt(self, k: bytes) -> None:
        """Forget an adopted attempt, whose key is wanted for the true one."""
        self.works.drop(k)
        self._attempts.pop(k, None)
        self.tx.attempts.remove(k)

    def desk_may_have_room(self, desk: Desk) -> None:
        """Have waiting attempts of an agent sent at the end of the turn, as far as there is room."""
        self._desks_with_room[desk.agent_id] = desk
        self._groups_may_move = True

    def look_at_groups(self, came: Work | None = None) -> None:
        """Have what waits for members of groups sent at the end of the turn, as far as there is room.

        Args:
            came: an attempt that has just begun to wait there.
        """
        self._groups_may_move = True
        if came is not None:
            self._without_member.append(came)

    def move_cursor(self, agent_id: str, spool: bytes, cursor: int, chain: bytes) -> None:
        """Note how far an agent's events have been taken in; written with their effects or not at all."""
        self._cursors[agent_id] = (spool, cursor, chain)

    def cursor_of(self, row: AgentRow) -> tuple[bytes | None, int, bytes]:
        """Return spool, cursor and chain of an agent as this turn leaves them."""
        return self._cursors.get(row.agent_id, (row.spool, row.cursor, row.chain))

    def is_current(self, port: Port) -> bool:
        """Tell whether reports over this connection count: a newer one welcomed in this turn is told them again."""
        return self.welcomed.get(port.agent_id, port) is port

    # ---- the release list

    def answer(self, reply: Reply | None, value: Any = None) -> None:
        """Have a reply told after the commit."""
        if reply is not None:
            if reply.value is None:
                reply.value = value
            self._replies.append(reply)

    def after_commit(self, do: Callable[[], None], port: Port | None = None) -> None:
        """Put something others can see on the release list; the port's buffer is sent once, at the end."""
        self._released.append((do, port))
        if port is not None:
            self._flushes[id(port)] = port

    def later(self, seconds: float, item: Input) -> None:
        """Have an input handed in some time after the commit."""
        self._released.append((lambda: self._later(seconds, item), None))

    def output_came(self, work: Work, stream: int, offset: int, data: bytes) -> None:
        """Tell the watchers of a run about a piece of output."""
        source = {"path": work.path, "pass": work.visit, "attempt": work.attempt, "encoding": work.encoding}
        self._feed.output(work.run_id, source, stream, offset, data)

    # ---- the end of the turn

    def finish(self) -> None:
        """Write what was collected. The commit is the caller's."""
        self.settle()
        for desk in self._desks_with_room.values():
            dispatch.fill(self, desk)
        if self._groups_may_move and self.works.groups:
            self._fill_groups()
        for staged in self._staged.values():
            self.at_run = staged.run.run_id
            self.tx.runs.save(staged.run, staged.nodes, staged.frames, boot=staged.boot)
        for k, fields in self._attempts.items():
            self.tx.attempts.update(k, **fields)
        for agent_id, (spool, cursor, chain) in self._cursors.items():
            self.tx.agents.move_cursor(agent_id, spool, cursor, chain)

    def _fill_groups(self) -> None:
        groups.fill(self)
        for work in self._without_member:
            if work.state == "ready" and not work.agent_id:
                self.raise_event(work.run_id, WorkPlaced(work.node, work.k, work.group, work.group))
        self.settle()

    def release(self) -> None:
        """After the commit: memory follows the store, and the outside learns."""
        for staged in self._staged.values():
            self.live.replace(staged.run)
        for do, port in self._released:
            self._do(do, port)
        for port in self._flushes.values():
            port.flush()
        for reply in self._replies:
            reply.tell()
        for staged in self._staged.values():
            self._feed.run(staged.run, staged.nodes)
        self._feed.release()

    def _do(self, do: Callable[[], None], port: Port | None) -> None:
        """Do one thing of the release list. What a link refuses to carry ends that session and nothing else.

        Notes:
            It is committed; with the next session of that agent all of it is laid beside what the agent knows.
        """
        try:
            do()
        except LocalProtocolError as fault:
            if port is None:
                raise
            log.error(
                "a link did not take what it was given; its session is ended",
                extra={"action": "link.fault", "agent": port.agent_id, "why": fault.message},
            )
            self._flushes.pop(id(port), None)
            port.close()
