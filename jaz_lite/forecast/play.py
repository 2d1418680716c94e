"""The engine in virtual time: a night played through, from the runs that live and those that are to come.

Everything is decided by `engine.advance`. What surrounds it in a server is here in small: the clock jumps from one
thing that happens to the next, agents take work as far as they have slots, and every job ends with exit code 0 after
the time that it is taken to need. At one instant work ends first, then timers fire, then runs start.

Nothing is random and nothing depends on the order of a set: the same world gives the same outcome.
"""

from collections import deque
from collections.abc import Callable

from jaz_lite.engine import plan as planning
from jaz_lite.engine.advance import GO_ON, advance_all
from jaz_lite.engine.boot import BOOT
from jaz_lite.forecast.durations import Choice, Durations, assumed_ms
from jaz_lite.forecast.outcome import Activity, Outcome
from jaz_lite.forecast.places import SLOT_KINDS, Places, Waiting
from jaz_lite.forecast.player import Player
from jaz_lite.forecast.siblings import Siblings
from jaz_lite.forecast.timeline import STARTS, TIMER, WORK_ENDS, Happening, Timeline
from jaz_lite.forecast.world import Coming, Live, World
from jaz_lite.model.action import AbandonWork, Action, AskCalendar, KillWork, ReleaseIcon, SendWork, SetTimer, StartRun
from jaz_lite.model.event import (
    Answered,
    Event,
    ReleaseHold,
    Started,
    TimerFired,
    WorkCancelled,
    WorkEnded,
    WorkFailed,
    WorkTimedOut,
)
from jaz_lite.model.run import RUN_OVER, Node, Plan, Run, WorkResult

Tick = Callable[[int], None]

FIRST_RUN_ID = 1 << 62  # runs that are only foreseen; those of the store have lower numbers
EVENTS_A_NODE_MAX = 200  # more of them, and a run is taken to turn in a loop
EVENTS_MIN = 2_000
SITE_UID = bytes(16)
OVER_TIME = WorkResult(exit_code=None, signal=9, killed="timeout")
ENDED = WorkResult(exit_code=0)
STOPPED = WorkResult(exit_code=None, signal=15, killed="kill")
_KINDS = {"file_wait": "fwait", "file_copy": "fput", "reboot": "reboot"}  # the work orders of what is no job


def unheard(_activities: int) -> None:
    """Tell nobody how far it is."""


def play(world: World, durations: Durations, choice: Choice, tick: Tick = unheard) -> Outcome:
    """Play a world to the end of its last run, or to `world.until_ms`, with one choice of durations.

    Args:
        tick: is told now and then how many activities there were so far.
    """
    return _Play(world, durations, choice).through(tick)


class _Play:
    def __init__(self, world: World, durations: Durations, choice: Choice) -> None:
        self._world = world
        self._durations = durations
        self._choice = choice
        self._places = Places(world.hosts, world.machines)
        self._time = Timeline(world)
        self._next_id = FIRST_RUN_ID
        self._runs = Siblings()
        self._activities: list[Activity] = []
        self._raised: deque[tuple[Player, Event, int | None]] = deque()

    def through(self, tick: Tick) -> Outcome:
        for live in self._world.live:
            self._join(live)
        for coming in self._world.coming:
            self._announce(coming)
        self._fill()
        while self._time.forward():
            while (happening := self._time.take()) is not None:
                self._happens(happening)
            self._fill()
            tick(len(self._activities))
        self._places.close()
        return Outcome(
            runs=tuple([player.end(self._world.zone) for player in self._runs]),
            activities=tuple(self._activities),
            crowds=tuple(self._places.crowds),
            until_ms=self._time.now_ms,
        )

    # ---- runs come in

    def _announce(self, coming: Coming) -> None:
        """Have a run start at its time."""
        run = planning.create(
            coming.plan,
            run_id=self._draw_id(coming.plan),
            occ=coming.occ,
            site_uid=SITE_UID,
            origin="schedule",
            user=coming.user,
            now_ms=self._time.now_ms,
            scheduled_ms=coming.at_ms,
            boot=coming.boot,
            variables=coming.variables,
        )
        player = Player(run, None, lived=False)
        self._runs.enter(player)
        self._time.push(coming.at_ms, STARTS, player, Started())

    def _join(self, live: Live) -> None:
        """Take in a run that has begun: its work goes on where it is."""
        run = live.run
        player = Player(run, run.run_id, lived=run.state != "waiting")
        self._runs.enter(player)
        if run.state == "waiting" and run.load_status == "delayed":
            player.asked_ms = self._time.now_ms
        for number, name, due_ms in live.timers:
            self._set_timer(player, SetTimer(node=number, name=name, due_ms=due_ms), None)
        for node, icon in zip(run.plan.nodes, run.icons, strict=True):
            if icon.work is None or icon.state not in ("running", "stopping") or icon.doubt is not None:
                continue
            kind = _KINDS.get(node.icon.type, "cmd")
            activity = self._begin(player, kind, run.plan.path(node.number), None)
            activity.host = str(icon.memo.get("group") or icon.memo.get("host") or "")
            activity.begun_ms = icon.started_ms or self._time.now_ms
            waiting = Waiting(icon.work, node.number, activity, kind in SLOT_KINDS, node.icon.force)
            work = live.works.get(icon.work)
            if work is not None and work.agent_id:
                waiting.agent_id = activity.agent_id = work.agent_id
            elif self._places.fault(activity.host, kind, force=True):
                continue
            if work is None or work.started_ms is None:
                player.works[icon.work] = waiting
                self._places.take(waiting)
                continue
            self._places.occupy(waiting)
            self._at_work(player, waiting, work.started_ms)

    def _draw_id(self, plan: Plan) -> int:
        drawn = self._next_id
        self._next_id += len(plan.frames)
        return drawn

    # ---- what happens

    def _happens(self, happening: Happening) -> None:
        player, event = happening.player, happening.event
        if not player.in_play:
            return
        if isinstance(event, TimerFired):
            if player.timers.get((event.node, event.name)) != event.due_ms:
                return
            del player.timers[event.node, event.name]
            if happening.cause is not None and event.node is not None:
                self._activities[happening.cause].ended_ms = self._time.now_ms
            if event.node is None and event.name == BOOT:
                event = Started()
        elif happening.key is not None:
            if happening.key not in player.works:
                return
            if not isinstance(event, WorkTimedOut):
                self._take_off(player, happening.key)
        self._raised.append((player, event, happening.cause))
        self._settle()

    def _settle(self) -> None:
        while self._raised:
            player, event, cause = self._raised.popleft()
            self._advance(player, event, cause)

    def _advance(self, player: Player, event: Event, cause: int | None) -> None:
        if not player.in_play:
            return
        run = player.run
        if isinstance(event, Started):
            event = Started(
                others=self._runs.is_busy(run.jobnet.jobnet_id),
                superseded=self._runs.superseded(run, self._time.now_ms),
            )
        player.events += 1
        if player.events > max(EVENTS_MIN, EVENTS_A_NODE_MAX * len(run.plan.nodes)):
            self._give_up(player, "it turns in a loop for as long as every job ends with exit code 0", cause)
            return
        step = advance_all(run, (event,), self._time.now)
        player.run = step.run
        self._runs.note_state(player)
        if isinstance(event, Started):
            cause = self._started(player, run, cause)
        for action in step.actions:
            self._carry_out(player, action, cause)
        if step.run.state in RUN_OVER:
            self._is_over(player, cause)

    def _started(self, player: Player, before: Run, cause: int | None) -> int | None:
        """Note that a run began, or waits for another one; return the activity that stands for its beginning."""
        run = player.run
        if run.started_ms is not None and before.started_ms is None:
            if player.asked_ms is not None:
                player.waited_ms = self._time.now_ms - player.asked_ms
            start = self._begin(player, "start", "", cause)
            start.started_ms = start.ended_ms = self._time.now_ms
            return start.number
        if run.load_status == "delayed" and player.asked_ms is None:
            player.asked_ms = self._time.now_ms
        return cause

    def _is_over(self, player: Player, cause: int | None) -> None:
        player.end_cause = cause
        player.timers.clear()
        for key in list(player.works):
            self._take_off(player, key)
        first = self._runs.next_after(player)
        if first is not None:
            first.waited_for = player.run.occ
            self._raised.append((first, Started(), cause))

    def _give_up(self, player: Player, why: str, cause: int | None) -> None:
        player.given_up = why
        self._runs.note_state(player)
        self._is_over(player, cause)

    # ---- actions

    def _carry_out(self, player: Player, action: Action, cause: int | None) -> None:
        match action:
            case SendWork():
                self._send(player, action, cause)
            case KillWork(node=node, key=key):
                waiting = player.works.get(key)
                if waiting is not None:
                    at_work = waiting.activity.started_ms is not None
                    self._take_off(player, key)
                    ended = WorkEnded(node, key, STOPPED) if at_work else WorkCancelled(node, key, "server")
                    self._raised.append((player, ended, cause))
            case AbandonWork(key=key):
                if key in player.works:
                    self._take_off(player, key)
            case SetTimer():
                self._set_timer(player, action, cause)
            case StartRun():
                self._raised.append((player, self._start(player, action, cause), cause))
            case ReleaseIcon():
                self._raised.append((player, self._release(player, action, cause), cause))
            case AskCalendar(node=node, visit=visit, calendar_id=calendar_id, day=day):
                operates = self._world.operates(calendar_id, day)
                message = "" if operates is not None else f'calendar "{calendar_id}" has no enabled version'
                value = "1" if operates else "0"
                answer = Answered(node, visit, ok=operates is not None, value=value, message=message)
                self._raised.append((player, answer, cause))

    def _set_timer(self, player: Player, timer: SetTimer, cause: int | None) -> None:
        if timer.node is not None:
            wait = self._begin(player, "wait", player.run.plan.path(timer.node), cause)
            wait.started_ms = self._time.now_ms
            cause = wait.number
        elif timer.name != GO_ON:
            cause = None
        player.timers[timer.node, timer.name] = timer.due_ms
        self._time.push(timer.due_ms, TIMER, player, TimerFired(timer.node, timer.name, timer.due_ms), cause)

    def _send(self, player: Player, action: SendWork, cause: int | None) -> None:
        activity = self._begin(player, action.kind, player.run.plan.path(action.node), cause)
        activity.host = action.host
        fault = self._places.fault(action.host, action.kind, force=action.force)
        if fault:
            activity.started_ms = activity.ended_ms = self._time.now_ms
            activity.refused = True
            self._raised.append((player, WorkFailed(action.node, action.key, "host", fault), activity.number))
            return
        waiting = Waiting(action.key, action.node, activity, action.kind in SLOT_KINDS, action.force)
        player.works[action.key] = waiting
        self._places.take(waiting)

    def _start(self, player: Player, action: StartRun, cause: int | None) -> Answered:
        """Start the run of a TASK icon; one that is there already is found."""
        known = self._runs.find(action.occ)
        if known is not None:
            return Answered(action.node, action.visit, ok=True, value=str(known.run.run_id))
        found = self._world.find(action.jobnet_id)
        if found is None:
            message = f'jobnet "{action.jobnet_id}" has no enabled version'
            return Answered(action.node, action.visit, ok=False, message=message)
        try:
            plan = planning.build(found[0], self._world.find, doc_id=found[1])
        except planning.PlanError as error:
            refused = planning.refused(
                found[0],
                error.message,
                run_id=self._draw_id(planning.unplanned(found[0], found[1])),
                occ=action.occ,
                site_uid=SITE_UID,
                origin=action.origin,
                user=action.user,
                now_ms=self._time.now_ms,
                doc_id=found[1],
            )
            self._runs.enter(Player(refused, None, lived=False, started_by=player.run.occ))
            return Answered(action.node, action.visit, ok=True, value=str(refused.run_id))
        run = planning.create(
            plan,
            run_id=self._draw_id(plan),
            occ=action.occ,
            site_uid=SITE_UID,
            origin=action.origin,
            user=action.user,
            now_ms=self._time.now_ms,
            variables=action.variables,
        )
        started = Player(run, None, lived=False, started_by=player.run.occ)
        self._runs.enter(started)
        self._raised.append((started, Started(), cause))
        return Answered(action.node, action.visit, ok=True, value=str(run.run_id))

    def _release(self, player: Player, action: ReleaseIcon, cause: int | None) -> Answered:
        """Let go of a held icon of the oldest running run of another jobnet."""
        jobnet_id, _, path = action.target.lstrip("/").partition("/")
        for other in self._runs.busy(jobnet_id):
            node = other.run.plan.find(path)
            if node is None:
                continue
            icon = other.run.icons[node]
            if icon.method == "hold" and icon.state in ("waiting", "ready"):
                self._raised.append((other, ReleaseHold(player.run.occ, node), cause))
                return Answered(action.node, action.visit, ok=True)
            break
        message = f'no running jobnet "{jobnet_id}" has a held icon "{path}"'
        return Answered(action.node, action.visit, ok=False, message=message)

    # ---- work

    def _fill(self) -> None:
        """Have agents begin what they have room for."""
        for waiting in self._places.fill(self._time.now_ms):
            self._at_work(self._runs[waiting.activity.occ], waiting, self._time.now_ms)

    def _at_work(self, player: Player, waiting: Waiting, started_ms: int) -> None:
        """Note that work has begun, and when it will end or be over its time."""
        activity, node = waiting.activity, player.run.plan.nodes[waiting.node]
        activity.started_ms = started_ms
        player.works[waiting.key] = waiting
        duration_ms = self._duration_ms(player, activity, node)
        result = ENDED
        if node.icon.type == "job" and 0 < node.params.timeout_min * 60_000 < duration_ms:
            limit_ms = node.params.timeout_min * 60_000
            if node.params.timeout_action == "warn":
                warning = WorkTimedOut(waiting.node, waiting.key, "warn")
                self._time.push(started_ms + limit_ms, WORK_ENDS, player, warning, None, waiting.key)
            else:
                duration_ms, result = limit_ms, OVER_TIME
        due_ms = started_ms + duration_ms
        activity.overdue = due_ms < self._time.now_ms
        ended = WorkEnded(waiting.node, waiting.key, result)
        self._time.push(due_ms, WORK_ENDS, player, ended, activity.number, waiting.key)

    def _duration_ms(self, player: Player, activity: Activity, node: Node) -> int:
        if activity.kind == "test":
            return 0
        found = self._durations.find(player.run.jobnet.jobnet_id, activity.path)
        if found is not None:
            activity.samples = found.samples
            return found.median_ms if self._choice == "median" else found.p95_ms
        return assumed_ms(node, self._durations.default_ms)

    def _take_off(self, player: Player, key: bytes) -> None:
        waiting = player.works.pop(key)
        at_work = waiting.activity.started_ms is not None
        if at_work:
            waiting.activity.ended_ms = self._time.now_ms
        self._places.leave(waiting, worked=at_work)

    def _begin(self, player: Player, kind: str, path: str, cause: int | None) -> Activity:
        activity = Activity(len(self._activities), player.run.occ, kind, path, self._time.now_ms, cause)
        self._activities.append(activity)
        return activity
