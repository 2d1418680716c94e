"""What must hold for any jobnet and any order of happenings. A failure names the seed that repeats it."""

import random
from datetime import timedelta
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from jaz_lite.engine.advance import Advance, advance, advance_all
from jaz_lite.engine.explain import explain, waiting_for
from jaz_lite.engine.view import run_to_json
from jaz_lite.icons import REGISTRY
from jaz_lite.model import action as ordered
from jaz_lite.model import event as happened
from jaz_lite.model.run import RUN_OVER, UNOPENED, Run, WorkResult
from tests.unit.engine.anything import Fate, any_run
from tests.unit.engine.playing import ZONE, Playing, Site, timer_event

SEEDS = st.integers(min_value=0, max_value=2**32)
EVENTS = 60
DRAIN_EVENTS_MAX = 400


class Nobody:
    """Knows nothing about the world."""

    def agent_of(self, host: str) -> str | None:
        return None

    def is_disabled(self, host: str) -> bool:
        return False

    def unreachable_since_ms(self, agent_id: str) -> int | None:
        return None

    def copied(self, key: bytes) -> str:
        return ""

    def lock_of(self, agent_id: str) -> None:
        return None

    def is_draining(self, agent_id: str) -> bool:
        return False

    def refusal_of(self, agent_id: str) -> str:
        return ""

    def members_of(self, host: str) -> list[tuple[str, str]] | None:
        return None

    def attempt_state(self, key: bytes) -> str:
        return ""

    def unheard(self) -> list[str]:
        return []

    def held_by(self, run_id: int) -> str:
        return ""

    def other_runs(self, jobnet_id: str, run_id: int) -> list[int]:
        return []


def _photo(run: Run) -> Any:
    """Return all that could be changed by accident inside a run that must not change."""
    return (
        run,
        run.state,
        run.frames,
        [(icon, dict(icon.before), dict(icon.results), repr(icon.memo)) for icon in run.icons],
    )


class Watch:
    """Sends events to a run and checks after each what must hold."""

    def __init__(self, run: Playing) -> None:
        self.run = run
        self.open: dict[int, bytes] = {}  # node -> key of the attempt that may be at work
        self.keys: set[bytes] = set()

    def send(self, event: happened.Event) -> Advance:
        """Send an event and check the run before and after it."""
        before = self.run.run
        photo = _photo(before)
        now = self.run.site.clock.now
        again = advance(before, event, now)
        made = self.run.send(event)

        assert again == made, "the same input gave another output"
        assert _photo(before) == photo, "the run that came in was changed"
        if before.state in RUN_OVER:
            assert made.run is before, "something left a terminal state"
        if made.refusal is not None or made.run is before:
            assert made.run is before
            assert not made.actions
            assert not made.facts
        self._books(event, made)
        self._check(made.run)
        self._check_start(before, event, made)
        return made

    def _check_start(self, before: Run, event: happened.Event, made: Advance) -> None:
        """A planned run starts once, not before its time, not while held, and never silently late."""
        after = made.run
        begun = before.frames[0].state == "waiting" and after.frames[0].state != "waiting"
        assert begun <= (after.started_ms is not None)
        assert begun <= isinstance(event, happened.Started | happened.RerunRun)
        if before.frames[0].state != "waiting":
            assert after.started_ms == before.started_ms, "it started a second time"
        assert after.late <= (after.boot is not None)
        if before.boot is None or after.boot is None or before.scheduled_ms is None:
            assert before.boot is after.boot
            return
        assert after.boot.nominal_ms == before.boot.nominal_ms
        now_ms = self.run.site.clock.now_ms
        if begun:
            assert now_ms >= before.scheduled_ms, "it started before its time"
            assert before.boot.held != "held", "it started although it was held"
            no_matter = before.boot.held == "released" or before.load_status == "delayed"
            assert no_matter or (now_ms >= before.scheduled_ms + 60_000) == after.late
            assert after.late == ("run_started_late" in [fact.kind for fact in made.facts])
        if after.start_missed and not before.start_missed:
            assert before.boot.late_start == "error"
            assert now_ms >= before.scheduled_ms + 60_000 * (1 + before.boot.grace_min)
        if after.scheduled_ms != before.scheduled_ms:
            assert ordered.SetTimer(node=None, name="boot", due_ms=after.scheduled_ms or 0) in made.actions

    def _books(self, event: happened.Event, made: Advance) -> None:
        """Keep count of the attempts that may be at work: one an icon, and no key twice."""
        for action in made.actions:
            if isinstance(action, ordered.AbandonWork):
                assert self.open.pop(action.node, None) == action.key, "what was not open was given up"
        settled = getattr(event, "key", None) if made.changed else None
        self.open = {n: key for n, key in self.open.items() if key != settled or made.run.icons[n].work == key}
        for action in made.actions:
            if isinstance(action, ordered.SendWork):
                assert action.node not in self.open, "a second attempt beside an open one"
                assert action.key not in self.keys, "a natural key was used twice"
                self.open[action.node] = action.key
                self.keys.add(action.key)
        if made.run.state not in RUN_OVER:
            work = {number: icon.work for number, icon in enumerate(made.run.icons) if icon.work is not None}
            assert work == self.open, "an attempt was forgotten"

    def _check(self, run: Run) -> None:
        for node, icon in zip(run.plan.nodes, run.icons, strict=True):
            assert (icon.work is not None) <= (icon.state in ("running", "stopping"))
            assert (icon.doubt is not None) <= (icon.work is not None)
            assert icon.arrivals >= 0
            if icon.state == "waiting" and not run.stopping and run.state not in RUN_OVER:
                assert icon.arrivals == 0 or icon.arrivals < node.arrivals_needed
                assert icon.arrivals == 0 or REGISTRY[node.icon.type].traits.ready_at == "all"
        if run.state == "waiting" or run.start_missed:
            assert all(frame is UNOPENED for frame in run.frames), "something of it has begun"
            assert all(icon.visit == 0 for icon in run.icons), "something of it has begun"
        if run.state in RUN_OVER:
            assert run.ended_ms is not None
            assert not any(icon.state in ("ready", "running", "stopping") for icon in run.icons)
            assert all(frame.state in ("waiting", *RUN_OVER) for frame in run.frames) or run.load_status != "normal"
        if run.state == "ended" and run.origin != "test" and run.load_status == "normal":
            ends = [
                node.number
                for node in run.plan.nodes
                if node.frame == 0 and node.icon.type == "end" and run.icons[node.number].state == "ended"
            ]
            assert len(ends) == 1


def _played(seed: int) -> tuple[Watch, Fate]:
    chance = random.Random(seed)
    site = Site()
    run = any_run(chance, site)
    watch, fate = Watch(run), Fate(chance, run, site.clock)
    for _ in range(chance.randint(0, EVENTS)):
        site.clock.now = site.clock.now.replace(second=chance.randint(0, 59))
        if chance.random() < 0.1:
            site.clock.now = site.clock.now.replace(minute=chance.choice([29, 30, 31, 34]))
        watch.send(fate.event())
    return watch, fate


def _drain(watch: Watch, fate: Fate) -> None:
    """Let every agent answer, every question be answered and every timer fire, for a bounded while."""
    run = watch.run
    for _ in range(DRAIN_EVENTS_MAX):
        if run.state == "waiting":
            _let_start(watch)
        elif run.run.start_missed:
            watch.send(happened.RerunRun("kato"))
        elif orders := [order for order in run.work.values() if run.run.icons[order.node].work == order.key]:
            order = orders[0]
            watch.send(happened.WorkEnded(order.node, order.key, WorkResult(exit_code=0)))
        elif run.asked:
            watch.send(fate.answer(run.asked.pop(0)))
        elif run.timers:
            (node, name), due_ms = min(run.timers.items(), key=lambda item: item[1])
            del run.timers[node, name]
            watch.send(timer_event(node, name, due_ms))
        else:
            return


def _let_start(watch: Watch) -> None:
    """Let its time come, and release it where a person holds it."""
    run, clock = watch.run.run, watch.run.site.clock
    if run.scheduled_ms is not None and clock.now_ms < run.scheduled_ms:
        clock.now += timedelta(milliseconds=run.scheduled_ms - clock.now_ms)
    if run.boot is not None and run.boot.held == "held":
        watch.send(happened.ReleaseRun("kato"))
    watch.send(happened.Started())


@given(seed=SEEDS)
@settings(max_examples=250)
@example(seed=0)
def test_any_run_keeps_its_promises_whatever_happens(seed: int) -> None:
    watch, _ = _played(seed)
    run = watch.run.run
    json = run_to_json(run, ZONE)

    assert len(json["icons"]) == len(run.plan.nodes)
    assert explain(run, None, Nobody(), ZONE)
    assert all(explain(run, number, Nobody(), ZONE) for number in range(len(run.plan.nodes)))


@given(seed=SEEDS)
@settings(max_examples=150)
def test_after_everybody_has_answered_a_run_is_over_or_says_what_it_waits_for(seed: int) -> None:
    watch, fate = _played(seed)
    _drain(watch, fate)
    run = watch.run.run

    assert run.state in RUN_OVER or waiting_for(run)
    assert run.state != "waiting", "it did not start although everything was done for it"
    assert not run.start_missed


@given(seed=SEEDS)
@settings(max_examples=100)
def test_any_run_can_be_ended_by_the_operator(seed: int) -> None:
    watch, _ = _played(seed)
    run = watch.run
    watch.send(happened.StopRun("kato"))
    for number, icon in enumerate(run.run.icons):
        if icon.work is not None:
            watch.send(happened.DecideIcon("kato", number, "abandon"))

    assert run.state in RUN_OVER


@given(seed=SEEDS)
@settings(max_examples=100)
def test_events_about_other_attempts_change_nothing(seed: int) -> None:
    watch, fate = _played(seed)
    run = watch.run.run
    present = {icon.work for icon in run.icons}
    others = [order for order in watch.run.sent if order.key not in present]
    strange = [fate.about(number, bytes(16)) for number in range(len(run.plan.nodes))]

    for event in [fate.about(order.node, order.key) for order in others] + strange:
        made = advance(run, event, watch.run.site.clock.now)

        assert made.run is run
        assert not made.actions
        assert not made.facts


@given(seed=SEEDS)
@settings(max_examples=100)
def test_a_batch_of_events_gives_the_same_as_one_after_the_other(seed: int) -> None:
    watch, fate = _played(seed)
    now = watch.run.site.clock.now
    run = watch.run.run
    events = [fate.event() for _ in range(8)]

    together = advance_all(run, events, now)
    single: list[Advance] = []
    for event in events:
        single.append(advance(run, event, now))
        run = single[-1].run

    assert together.run == run
    assert together.actions == tuple(action for each in single for action in each.actions)
    assert together.facts == tuple(fact for each in single for fact in each.facts)
    assert together.refusals == {n: each.refusal for n, each in enumerate(single) if each.refusal is not None}
    assert together.changed == frozenset().union(*(each.changed for each in single))
    assert together.changed_frames == frozenset().union(*(each.changed_frames for each in single))
