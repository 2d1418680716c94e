"""A small world around the engine, in the reader's words: a site with agents, an operator and a clock.

It plays everything that is not the engine: it keeps what was ordered, answers as the agents, asks as the operator and
lets time pass. After every event it checks that the engine kept its books.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from jaz_lite.engine.advance import Advance, advance
from jaz_lite.engine.boot import BOOT, DEADLINE
from jaz_lite.engine.draft import tally_of
from jaz_lite.engine.explain import waiting_for
from jaz_lite.engine.plan import build, create
from jaz_lite.engine.variables import instant_ms
from jaz_lite.model import action as ordered
from jaz_lite.model import event as happened
from jaz_lite.model.fact import Fact
from jaz_lite.model.jobnet import Flow, Icon, Jobnet
from jaz_lite.model.run import Boot, IconRun, Run, WorkResult

ZONE = ZoneInfo("Asia/Tokyo")
SITE_UID = bytes(range(16))
FIRST_RUN_ID = 4294967297

_BY_NAME = {
    "start": "start",
    "end": "end",
    "mts": "parallel_start",
    "mte": "parallel_end",
    "loop": "loop",
    "ife": "branch_end",
    "if": "condition",
}
_LINE = re.compile(r"\s*-(?:(true|false)-)?>\s*")


def jobnet(flows: str, /, *, jobnet_id: str = "NET", **icons: Icon) -> Jobnet:
    """Return a jobnet drawn as text: `start -> load -> end`, one chain a line, `-true->` and `-false->` from an `if`.

    Icons not given are found by their names (start, end, mts, mte, loop, ife, if, with any number behind). Keywords
    that are no icons are fields of the jobnet.
    """
    settings: dict[str, Any] = {name: value for name, value in icons.items() if not isinstance(value, Icon)}
    found: dict[str, Icon] = {}
    lines: list[Flow] = []
    for chain in filter(None, (line.strip() for line in flows.splitlines())):
        parts = _LINE.split(chain)
        names, kinds = parts[::2], parts[1::2]
        for name in names:
            icon = icons.get(name) or Icon(icon_id="", type=_BY_NAME[name.rstrip("0123456789")])
            found[name] = replace(icon, icon_id="START" if name == "start" else name)
        for source, target, kind in zip(names, names[1:], kinds, strict=False):
            lines.append(Flow(source=found[source].icon_id, target=found[target].icon_id, kind=kind or "plain"))
    return Jobnet(
        jobnet_id=jobnet_id, version="20261123000000", icons=tuple(found.values()), flows=tuple(lines), **settings
    )


def icon(type_: str, /, **fields: Any) -> Icon:
    """Return an icon; what is no field of `Icon` is a setting of its type."""
    own = {name: fields.pop(name) for name in list(fields) if name in Icon.__dataclass_fields__}
    return Icon(icon_id="", type=type_, params=fields, **own)


def job(host: str = "a1", script: str = "true", **fields: Any) -> Icon:
    return icon("job", host=host, script=script, **fields)


def sets(**values: str) -> Icon:
    return icon("variable", values=[{"name": name, "value": value} for name, value in values.items()])


def number_if(variable: str, comparison: str) -> Icon:
    return icon("condition", variable=variable, comparison=comparison)


def sub(jobnet_id: str, **fields: Any) -> Icon:
    return icon("sub_jobnet", jobnet_id=jobnet_id, **fields)


def timer_event(node: int | None, name: str, due_ms: int) -> happened.Event:
    """Return what the run is told when a timer of it is due."""
    return happened.Started() if node is None and name == BOOT else happened.TimerFired(node, name, due_ms)


class Clock:
    """Stands still until a test lets time pass."""

    def __init__(self, site: "Site") -> None:
        self._site = site
        self.now = datetime(2026, 11, 23, 9, 30, tzinfo=ZONE)

    @property
    def now_ms(self) -> int:
        return instant_ms(self.now)

    def passes(self, **amount: float) -> None:
        """Let time pass; every timer that becomes due on the way fires, the earliest first."""
        until = self.now + timedelta(**amount)
        while True:
            due = [(at, number, key) for number, run in enumerate(self._site.runs) for key, at in run.timers.items()]
            due = [each for each in due if each[0] <= instant_ms(until)]
            if not due:
                break
            at, number, (node, name) = min(due, key=lambda each: (each[0], each[1], str(each[2])))
            self.now = max(self.now, datetime.fromtimestamp(at / 1000, ZONE))
            del self._site.runs[number].timers[node, name]
            self._site.runs[number].send(timer_event(node, name, at))
        self.now = until

    def jumps(self, **amount: float) -> None:
        """Let time pass while nobody is there: what became due meanwhile fires now, the earliest first."""
        self.now += timedelta(**amount)
        self.passes()


class Playing:
    """A run, and what the engine has ordered for it."""

    def __init__(self, site: "Site", run: Run) -> None:
        self.site = site
        self.run = run
        self.work: dict[bytes, ordered.SendWork] = {}
        self.sent: list[ordered.SendWork] = []
        self.kills: list[ordered.KillWork] = []
        self.abandoned: list[bytes] = []
        self.asked: list[ordered.Action] = []
        self.timers: dict[tuple[int | None, str], int] = {}
        self.facts: list[Fact] = []
        self.last: Advance | None = None

    # ---- looking

    @property
    def state(self) -> str:
        return self.run.state

    @property
    def refusal(self) -> str | None:
        assert self.last is not None
        return self.last.refusal

    @property
    def waiting_for(self) -> list[str]:
        return waiting_for(self.run, ZONE)

    def node(self, path: str) -> int:
        number = self.run.plan.find("START" if path == "start" else path)
        assert number is not None, f"there is no icon {path}"
        return number

    def icon(self, path: str) -> IconRun:
        return self.run.icons[self.node(path)]

    def states(self) -> dict[str, str]:
        return {node.icon.icon_id: icon.state for node, icon in zip(self.run.plan.nodes, self.run.icons, strict=True)}

    def before(self, path: str) -> Mapping[str, str]:
        return self.icon(path).before

    def told(self, path: str | None = None) -> list[str]:
        """Return the kinds of the facts about an icon, or about the run."""
        node = None if path is None else self.node(path)
        return [fact.kind for fact in self.facts if fact.node == node]

    def fact(self, kind: str) -> Fact:
        return next(fact for fact in reversed(self.facts) if fact.kind == kind)

    def working(self) -> list[str]:
        """Return the paths of the jobs that agents have, in the order in which they were sent."""
        return [self.run.plan.path(order.node) for order in self.work.values()]

    def order(self, path: str) -> ordered.SendWork:
        return next(order for order in self.work.values() if order.node == self.node(path))

    # ---- happening

    def send(self, event: happened.Event) -> Advance:
        made = advance(self.run, event, self.site.clock.now)
        assert made.run.tally is None or made.run.tally == tally_of(made.run)
        self.run = made.run
        self.last = made
        self.facts.extend(made.facts)
        for action in made.actions:
            self._ordered(action)
        return made

    def _ordered(self, action: ordered.Action) -> None:
        match action:
            case ordered.SendWork():
                self.work[action.key] = action
                self.sent.append(action)
            case ordered.KillWork():
                self.kills.append(action)
            case ordered.AbandonWork():
                self.abandoned.append(action.key)
                self.work.pop(action.key, None)
            case ordered.SetTimer():
                self.timers[action.node, action.name] = action.due_ms
            case _:
                self.asked.append(action)

    def answer(self, *, ok: bool = True, value: str = "", message: str = "") -> None:
        """Answer the oldest question of the run."""
        question: Any = self.asked.pop(0)
        self.send(happened.Answered(question.node, question.visit, ok, value, message))


class Agent:
    """The agent behind one host name: it does what the run's jobs ask, when the test says so."""

    def __init__(self, site: "Site", host: str) -> None:
        self._site = site
        self._host = host

    def _take(self, path: str, *, keep: bool = False) -> tuple[Playing, ordered.SendWork]:
        for run in self._site.runs:
            for key, order in run.work.items():
                if order.host == self._host and order.node == run.run.plan.find(path):
                    if not keep:
                        del run.work[key]
                    return run, order
        raise AssertionError(f"{self._host} has no work {path}")

    def starts(self, path: str) -> None:
        run, order = self._take(path, keep=True)
        run.send(happened.WorkStarted(order.node, order.key, self._site.clock.now_ms))

    def ends(
        self, path: str, exit_code: int | None = 0, *, out: str = "", err: str = "", **result: Any
    ) -> happened.WorkEnded:
        run, order = self._take(path)
        ended = happened.WorkEnded(
            order.node, order.key, WorkResult(exit_code=exit_code, std_out=out, std_err=err, **result)
        )
        run.send(ended)
        return ended

    def fails(self, path: str, message: str = "no such user") -> None:
        run, order = self._take(path)
        run.send(happened.WorkFailed(order.node, order.key, "user", message))

    def withdraws(self, path: str, why: str = "server") -> None:
        run, order = self._take(path, keep=why == "elsewhere")
        run.send(happened.WorkCancelled(order.node, order.key, why))

    def runs_over(self, path: str, action: str = "warn") -> None:
        run, order = self._take(path, keep=True)
        run.send(happened.WorkTimedOut(order.node, order.key, action))

    def loses(self, path: str) -> None:
        run, order = self._take(path, keep=True)
        run.send(happened.WorkDoubted(order.node, order.key, "lost", "the host went down"))


class Operator:
    """A person at the console. What is refused is in `run.refusal`."""

    name = "kato"

    def _ask(self, run: Playing, operation: Any, path: str, *more: Any) -> None:
        run.send(operation(self.name, run.node(path), *more))

    def hold(self, run: Playing, path: str) -> None:
        self._ask(run, happened.HoldIcon, path)

    def release(self, run: Playing, path: str) -> None:
        self._ask(run, happened.ReleaseHold, path)

    def skip(self, run: Playing, path: str) -> None:
        self._ask(run, happened.SkipIcon, path)

    def unskip(self, run: Playing, path: str) -> None:
        self._ask(run, happened.UnskipIcon, path)

    def rerun(self, run: Playing, path: str) -> None:
        self._ask(run, happened.RerunIcon, path)

    def set(self, run: Playing, path: str, name: str, value: str) -> None:
        self._ask(run, happened.SetVariable, path, name, value)

    def decide(self, run: Playing, path: str, verdict: str, exit_code: int | None = None) -> None:
        self._ask(run, happened.DecideIcon, path, verdict, exit_code)

    def hold_run(self, run: Playing) -> None:
        run.send(happened.HoldRun(self.name))

    def release_run(self, run: Playing) -> None:
        run.send(happened.ReleaseRun(self.name))

    def delete_run(self, run: Playing) -> None:
        run.send(happened.DeleteRun(self.name))

    def rerun_run(self, run: Playing) -> None:
        run.send(happened.RerunRun(self.name))

    def stop(self, run: Playing, path: str | None = None) -> None:
        if path is None:
            run.send(happened.StopRun(self.name))
        else:
            self._ask(run, happened.StopIcon, path)

    def move(self, run: Playing, scheduled_ms: int) -> None:
        run.send(happened.MoveRun(self.name, scheduled_ms))


class Site:
    """Definitions, runs and everybody who deals with them."""

    def __init__(self) -> None:
        self.runs: list[Playing] = []
        self.clock = Clock(self)
        self.operator = Operator()
        self._enabled: dict[str, Jobnet] = {}

    def agent(self, host: str = "a1") -> Agent:
        return Agent(self, host)

    def enable(self, *jobnets: Jobnet) -> None:
        self._enabled.update({each.jobnet_id: each for each in jobnets})

    def find(self, jobnet_id: str) -> tuple[Jobnet, int] | None:
        found = self._enabled.get(jobnet_id)
        return None if found is None else (found, 1)

    def create(self, definition: Jobnet, **more: Any) -> Playing:
        """Plan a run that waits for its time."""
        plan = build(definition, self.find)
        run_id = FIRST_RUN_ID + 10_000 * len(self.runs)
        fields: dict[str, Any] = {"origin": "manual", "user": "kato", "now_ms": self.clock.now_ms} | more
        run = Playing(self, create(plan, run_id=run_id, occ=f"M:{run_id}", site_uid=SITE_UID, **fields))
        self.runs.append(run)
        return run

    def plan(self, definition: Jobnet, *, in_min: float, **boot: Any) -> Playing:
        """Plan a run for so many minutes from now, as a schedule does: its timers are set."""
        at_ms = self.clock.now_ms + round(in_min * 60_000)
        planned = Boot(**{"schedule_id": "NIGHTLY", "nominal_ms": at_ms, **boot})
        run = self.create(definition, origin="schedule", scheduled_ms=at_ms, boot=planned)
        run.timers[None, BOOT] = at_ms
        if planned.deadline_ms is not None:
            run.timers[None, DEADLINE] = planned.deadline_ms
        return run

    def start(self, definition: Jobnet, **more: Any) -> Playing:
        run = self.create(definition, **more)
        run.send(happened.Started())
        return run
