"""Turns: the only place where runs change.

One turn takes all inputs that have gathered and makes one transaction of them:

    turn = turns.prepare()      # apply everything, inside the transaction
    turn.tx.commit()            # here or in a thread, as the store's commit times advise
    turns.release(turn)         # memory follows; frames, acks, answers and news go out

What cannot be applied must not hold up the rest: the transaction is rolled back, memory is read again from the store,
and timers, schedules and inputs are taken one by one. The one that fails again is set aside with its reason: an input
is refused, a schedule starts nothing more, and a run whose timer it is counts as faulted.
"""

import logging
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from zoneinfo import ZoneInfo

from jaz_lite.clock import Clock
from jaz_lite.engine.boot import BOOT
from jaz_lite.errors import StoreDamaged
from jaz_lite.runner import faults, intake, reports
from jaz_lite.runner.booter import Booter
from jaz_lite.runner.copies import Copies
from jaz_lite.runner.feed import Feed
from jaz_lite.runner.inputs import AgentReports, DeskResumed, Input
from jaz_lite.runner.live import LiveRuns
from jaz_lite.runner.turn import Turn
from jaz_lite.runner.window import Uncertainty
from jaz_lite.runner.work import Works
from jaz_lite.store.open import Store

TURN_INPUTS_MAX = 500  # more wait for the next turn, so that a commit stays short
TIMERS_AT_ONCE_MAX = 200
MARK_BYTES = 4  # of what tells processes apart
QUIET_S = 0.05  # so long may an input that nobody waits for wait for company

Timer = tuple[int, int | None, str, int]  # run, node or None, name, due_ms

log = logging.getLogger(__name__)


class Turns:
    """The inbox, and the making of turns from it."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        zone: ZoneInfo,
        site_uid: bytes,
        term: int,
        draw_spool: Callable[[], bytes],
    ) -> None:
        self.store = store
        self.clock = clock
        self.zone = zone
        self.site_uid = site_uid
        self.term = term
        self.draw_spool = draw_spool
        self.live = LiveRuns(store)
        self.works = Works(store)
        self.window = Uncertainty(begun_ms=clock.now_ms())
        self.feed = Feed(zone)
        self.booter = Booter(store, clock=clock, zone=zone)
        self.copies = Copies(store, self.works, self.feed, clock.monotonic)
        self.pins_changed: Callable[[], None] = lambda: None
        self.wake: Callable[[], None] = lambda: None
        self.agents_changed: Callable[[], None] = lambda: None  # agents, or whether they are connected
        self.later: Callable[[float, Input], None] = lambda _seconds, item: self.submit(item)
        self._inbox: deque[Input] = deque()
        self._urgent = False
        self._quiet_until: float | None = None
        self._taken: list[Input] = []
        self._apart: Iterator[Turn] | None = None  # what a turn that failed is taken apart into
        self._failed_at: int | None = None  # the run that the last failed turn was dealing with
        self.disk_full = False
        self._halted: set[str] = set()  # why no turn is made; what comes waits
        self._agents_version = store.agents_version
        self._last_id = 0
        self._mark = ""  # of this process, in the names of runs that nothing else names
        self.inputs_taken = 0  # since the start; tells how busy it is

    def reload(self) -> None:
        """Read live runs, unsettled attempts and marks of schedules from the store."""
        with self.store.snapshot() as view:
            self.window.reload(view)
            self._mark = (view.term.site().act or b"")[-MARK_BYTES:].hex()
        self.live.reload()
        self.works.reload()
        self.booter.undone()

    def submit(self, item: Input) -> None:
        """Hand in an input for the next turn.

        Reports that nobody waits for (accepted, started) do not ask for a turn of their own: they are taken in with
        the next thing that happens, or after `QUIET_S`. That spares most of the commits of short jobs.
        """
        self._inbox.append(item)
        if isinstance(item, AgentReports) and reports.is_quiet(item):
            if self._quiet_until is None:
                self._quiet_until = self.clock.monotonic() + QUIET_S
                self.wake()
            return
        self._urgent = True
        self.wake()

    @property
    def halted(self) -> bool:
        """Whether no turn is made for now."""
        return bool(self._halted)

    def halt(self, why: str, *, on: bool) -> None:
        """Make no turns, or go on once nobody wants that any more."""
        if on:
            self._halted.add(why)
        else:
            self._halted.discard(why)
            self.wake()

    @property
    def wait_s(self) -> float | None:
        """How long the next turn may wait for inputs that came; 0: it is wanted now; None: nothing came."""
        if self._urgent or self._apart is not None:
            return 0.0
        if self._quiet_until is None:
            return None
        return max(0.0, self._quiet_until - self.clock.monotonic())

    @property
    def backlog(self) -> int:
        """How many inputs wait."""
        return len(self._inbox)

    def next_due_ms(self) -> int | None:
        """Return when the next timer is due, or something is to be planned; None: neither."""
        timer_ms = self.store.next_due_ms()
        booter_ms = None if self.disk_full else self.booter.due_ms
        window_ms = None if self.disk_full else self.window.due_ms
        return min((due_ms for due_ms in (timer_ms, booter_ms, window_ms) if due_ms is not None), default=None)

    # ---- a turn

    def prepare(self) -> Turn | None:
        """Apply all that has gathered, inside a new transaction. None: there was nothing.

        Notes:
            A turn that failed is followed by those that it is taken apart into.
        """
        if self._apart is not None:
            turn = next(self._apart, None)
            if turn is not None:
                return turn
            self._apart = None
        items = [self._inbox.popleft() for _ in range(min(len(self._inbox), TURN_INPUTS_MAX))]
        self._urgent = bool(self._inbox)
        self._quiet_until = None
        self.inputs_taken += len(items)
        due = self.next_due_ms()
        if not items and (due is None or due > self.clock.now_ms()):
            return None
        self._taken = items
        try:
            return self._apply(items)
        except StoreDamaged:
            raise
        except Exception:
            log.exception("a turn failed and is taken apart", extra={"action": "turn.failed", "inputs": len(items)})
            self.booter.failed()
        self.reload()
        self._apart = self._take_apart()
        return next(self._apart, None)

    def take_back(self) -> None:
        """The disk is full and the turn was undone: its inputs wait for the next one, and nothing new is started."""
        self.disk_full = True
        self._apart = None
        self.feed.drop()
        self.reload()
        for item in self._taken:
            _forget_answer(item)
        self._inbox.extendleft(reversed(self._taken))
        self._taken = []
        self._urgent = True

    def room_again(self) -> None:
        """There is room on the disk: what waits for agents is sent."""
        self.disk_full = False
        self.wake()
        for agent_id in self.works.desks:
            self.submit(DeskResumed(agent_id))

    def _apply(self, items: Sequence[Input], *, timers: Sequence[Timer] | None = None, plan: bool = True) -> Turn:
        """Make a turn of inputs, the timers that are due (or only these) and, with `plan`, what the booter has to do."""
        tx = self.store.begin()
        now_ms = self.clock.now_ms()
        turn = Turn(
            tx,
            live=self.live,
            works=self.works,
            window=self.window,
            feed=self.feed,
            now_ms=now_ms,
            zone=self.zone,
            term=self.term,
            site_uid=self.site_uid,
            mark=self._mark,
            draw_ids=self._draw_ids,
            later=self.later,
            may_start=not self.disk_full,
            has_missed=self.booter.has_missed,
        )
        try:
            starts_due = False
            for run_id, node, name, due_ms in tx.timers.due(now_ms, TIMERS_AT_ONCE_MAX) if timers is None else timers:
                starts_due = starts_due or name == BOOT
                turn.timer_is_due(run_id, node, name, due_ms)
            if plan and not self.disk_full:
                self.booter.take_turn(turn, starts_due=starts_due)
                self.window.take_turn(turn)
            elif items:
                self.booter.look(turn)
            for item in items:
                intake.take(turn, item, draw_spool=self.draw_spool, pins_changed=self.pins_changed)
            self.booter.decide_as_it_was(turn)
            turn.finish()
        except BaseException:
            self._failed_at = turn.at_run
            self.feed.drop()
            tx.rollback()
            raise
        return turn

    # ---- a turn that failed

    def _take_apart(self) -> Iterator[Turn]:
        """Take what the turn was made of one by one, each in a turn of its own: only the culprits fail."""
        with self.store.snapshot() as view:
            due = view.timers.due(self.clock.now_ms(), TIMERS_AT_ONCE_MAX)
        for timer in due:
            error = yield from self._alone(timers=(timer,))
            if error is not None:
                self._set_run_aside(timer[0] if self._failed_at is None else self._failed_at, error)
        # Before the inputs: they may change what the schedules were until now.
        yield from self._alone(plan=True)
        while self._taken:
            _forget_answer(self._taken[0])
            error = yield from self._alone((self._taken[0],))
            if error is not None:
                self._set_aside(self._taken[0], error)
            del self._taken[0]

    def _alone(
        self, items: Sequence[Input] = (), *, timers: Sequence[Timer] = (), plan: bool = False
    ) -> Generator[Turn, None, Exception | None]:
        """Make a whole turn of this alone, which the caller commits and releases; return what it failed with.

        A schedule that it fails at is left out of it.
        """
        while True:
            try:
                turn = self._apply(items, timers=timers, plan=plan)
            except StoreDamaged:
                raise
            except Exception as error:
                is_schedule = self.booter.failed()
                self.reload()
                if not is_schedule:
                    return error
            else:
                yield turn
                return None

    def _set_run_aside(self, run_id: int, error: Exception) -> None:
        """Our own code cannot take what is due of a run, and could not for ever: it is left alone, and people are told."""
        log.error("a run is set aside", extra={"action": "run.set_aside", "run_id": run_id}, exc_info=error)
        text = "".join(traceback.format_exception(error))
        with self.store.transaction() as tx:
            faults.set_aside_alone(tx, self.live, run_id, text, self.clock.now_ms())
        self.reload()

    def _set_aside(self, item: Input, error: Exception) -> None:
        log.error(
            "an input was set aside", extra={"action": "input.failed", "input": type(item).__name__}, exc_info=error
        )
        reply = getattr(item, "reply", None)
        if reply is not None:
            reply.error = error
            reply.tell()
        port = getattr(item, "port", None)
        if port is not None:
            # The agent's cursor did not move: it will say the same again on the next link.
            port.close()

    def release(self, turn: Turn) -> None:
        """After the commit: let memory follow and the outside learn."""
        turn.release()
        self.feed.journal_is_at(self.store.journal_version)
        if self.works.copies_changed:
            self.copies.look()
        if turn.agents_moved or self.store.agents_version != self._agents_version:
            self._agents_version = self.store.agents_version
            self.agents_changed()

    def _draw_ids(self, count: int) -> int:
        first = self.term << 32 | (self._last_id + 1)
        self._last_id += count
        return first


def _forget_answer(item: Input) -> None:
    reply = getattr(item, "reply", None)
    if reply is not None:
        reply.forget()
