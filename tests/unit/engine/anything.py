"""Random jobnets and random happenings: everything a seed decides, sound or not.

`sound_jobnet` builds by the rules (blocks inside blocks: branches, parallels, loops, sub-jobnets); `any_jobnet` throws
icons and flows together. `Fate` plays agents, timers, answers and people in any order, late, twice and wrongly.
"""

import random
from dataclasses import replace
from typing import Any

from jaz_lite.icons import REGISTRY
from jaz_lite.model import event as happened
from jaz_lite.model.jobnet import Flow, Icon, Jobnet
from jaz_lite.model.run import WorkResult
from tests.unit.engine.playing import Clock, Playing, Site, timer_event

VERSION = "20261123000000"


class _Builder:
    """Draws one sound jobnet as a chain of blocks."""

    def __init__(self, chance: random.Random, subs: list[str]) -> None:
        self.chance = chance
        self.subs = subs
        self.icons: list[Icon] = []
        self.flows: list[Flow] = []

    def add(self, kind: str, **fields: Any) -> str:
        own = {name: fields.pop(name) for name in list(fields) if name in Icon.__dataclass_fields__}
        icon_id = "START" if kind == "start" else f"{kind}-{len(self.icons)}"
        self.icons.append(Icon(icon_id=icon_id, type=kind, params=fields, **own))
        return icon_id

    def flow(self, source: str, target: str, kind: Any = "plain") -> None:
        self.flows.append(Flow(source=source, target=target, kind=kind))

    def chain(self, source: str, length: int, depth: int, kind: Any = "plain") -> str:
        for _ in range(length):
            first, last = self.block(depth)
            self.flow(source, first, kind)
            source, kind = last, "plain"
        return source

    def block(self, depth: int) -> tuple[str, str]:
        blocks = [self.leaf] * 4 + ([self.branch, self.parallel, self.turn] if depth > 0 else [])
        return self.chance.choice(blocks)(depth)

    def leaf(self, _: int) -> tuple[str, str]:
        chance = self.chance
        mark = chance.choice(["normal"] * 8 + ["hold", "skip"])
        kinds: list[tuple[str, dict[str, Any]]] = [
            ("variable", {"values": [{"name": "V", "value": chance.choice(["1", "$V", "$NOPE"])}]}),
            ("calculation", {"formula": "$V + 1", "variable": "V"}),
            ("extended_job", {"command": "jacmdsleep", "parameter": "3"}),
            ("task", {"jobnet_id": "T"}),
            ("information", {"icon_path": "START"}),
            ("information", {"about": "calendar", "calendar_id": "C"}),
            ("release", {"target": chance.choice(["START", "X/Y"])}),
            ("file_copy", {}),
        ]
        if self.subs:
            kinds += [("sub_jobnet", {"jobnet_id": chance.choice(self.subs)})] * 3
        if chance.random() < 0.5:
            kinds = [("job", self.job())]
        kind, settings = chance.choice(kinds)
        icon_id = self.add(kind, mark=mark, **settings)
        return icon_id, icon_id

    def job(self) -> dict[str, Any]:
        chance = self.chance
        return {
            "host": chance.choice(["a1", "a1", "V"]),
            "host_from_variable": chance.random() < 0.1,
            "script": "true",
            "stop_script": chance.choice([None, "halt"]),
            "stop_codes": chance.choice(["", "1-255", "x"]),
            "timeout_min": chance.choice([0, 1]),
            "timeout_action": chance.choice(["warn", "stop", "skip"]),
            "continue_on_error": chance.random() < 0.1,
            "retries": chance.choice([0, 0, 0, 2]),
            "retry_delay_s": chance.choice([0, 5]),
        }

    def branch(self, depth: int) -> tuple[str, str]:
        condition = self.add("condition", variable="V", comparison=self.chance.choice(["0-3", "", "7"]))
        join = self.add("branch_end")
        self.flow(self.chain(condition, self.chance.randint(1, 2), depth - 1, "true"), join)
        self.flow(self.chain(condition, self.chance.randint(1, 2), depth - 1, "false"), join)
        return condition, join

    def parallel(self, depth: int) -> tuple[str, str]:
        start, end = self.add("parallel_start"), self.add("parallel_end")
        for _ in range(self.chance.randint(1, 3)):
            self.flow(self.chain(start, self.chance.randint(1, 2), depth - 1), end)
        return start, end

    def turn(self, depth: int) -> tuple[str, str]:
        loop = self.add("loop", loop_limit=self.chance.choice([0, 3]))
        last = self.chain(loop, self.chance.randint(1, 2), depth - 1)
        count = self.add("calculation", formula="$N + 1", variable="N")
        condition = self.add("condition", variable="N", comparison=f"{self.chance.randint(1, 4)}-999999")
        out = self.add("variable", values=[{"name": "N", "value": "0"}])
        self.flow(last, count)
        self.flow(count, condition)
        self.flow(condition, loop, "false")
        self.flow(condition, out, "true")
        return loop, out

    def made(self, jobnet_id: str, **fields: Any) -> Jobnet:
        return Jobnet(jobnet_id=jobnet_id, version=VERSION, icons=tuple(self.icons), flows=tuple(self.flows), **fields)


def sound_jobnet(chance: random.Random, jobnet_id: str, subs: list[str], size: int = 4) -> Jobnet:
    """Return a jobnet that keeps all the rules of drawing."""
    draw = _Builder(chance, subs)
    start = draw.add("start")
    first = draw.add("variable", values=[{"name": "V", "value": "1"}, {"name": "N", "value": "0"}])
    draw.flow(start, first)
    end = draw.add("end", hold=chance.random() < 0.1, exit_code=chance.choice(["0", "7", "$N", "$NOPE"]))
    draw.flow(draw.chain(first, chance.randint(0, size), 2), end)
    return draw.made(
        jobnet_id,
        timeout_min=chance.choice([0, 0, 1]),
        timeout_action=chance.choice(["warn", "stop"]),
        multiple_start=chance.choice(["parallel", "skip", "wait"]),
    )


def any_jobnet(chance: random.Random, jobnet_id: str, subs: list[str]) -> Jobnet:
    """Return a jobnet of which nothing can be said."""
    draw = _Builder(chance, subs)
    draw.add("start")
    ids = ["START"]
    for _ in range(chance.randint(1, 9)):
        kind = chance.choice([*REGISTRY, "job", "end", "parallel_start"])
        settings: dict[str, Any] = draw.job() if kind == "job" else {}
        if kind == "sub_jobnet":
            if not subs:
                continue
            settings = {"jobnet_id": chance.choice(subs)}
        if kind == "start" and chance.random() < 0.9:
            continue
        icon_id = f"{kind}-{len(ids)}"
        mark = chance.choice(["normal", "normal", "normal", "hold", "skip"])
        draw.icons.append(
            Icon(
                icon_id=icon_id,
                type=kind,
                mark=mark,
                continue_on_error=settings.pop("continue_on_error", False),
                retries=settings.pop("retries", 0),
                retry_delay_s=settings.pop("retry_delay_s", 0),
                params=settings,
            )
        )
        ids.append(icon_id)
    if chance.random() < 0.9:
        ids.append(draw.add("end"))
        draw.flow("START", chance.choice(ids[1:]))
    for _ in range(chance.randint(0, 2 * len(ids))):
        draw.flow(chance.choice(ids), chance.choice(ids), chance.choice(["plain", "plain", "plain", "true", "false"]))
    return draw.made(jobnet_id)


def any_run(chance: random.Random, site: Site) -> Playing:
    """Create a run of a random jobnet with random sub-jobnets."""
    make = any_jobnet if chance.random() < 0.4 else sound_jobnet
    subs: list[str] = []
    for number in range(chance.randint(0, 2)):
        site.enable(make(chance, f"SUB{number}", subs[:]))
        subs.append(f"SUB{number}")
    net = make(chance, "NET", subs)
    if chance.random() < 0.3:
        net = replace(net, multiple_start=chance.choice(["skip", "wait"]))
    if chance.random() < 0.3:
        return _planned(chance, site, net)
    return site.create(net, origin=chance.choice(["manual", "manual", "manual", "hold", "test"]))


def _planned(chance: random.Random, site: Site, net: Jobnet) -> Playing:
    """Plan a run around the present minute, so that it comes in time, in its grace, or too late."""
    late_start: Any = chance.choice(["error", "run_latest", "run_all", "skip"])
    deadline_ms = chance.choice([None, site.clock.now_ms + chance.randint(-600_000, 600_000)])
    return site.plan(
        net,
        in_min=chance.choice([-60, -3, -1, -0.5, 0, 0.5, 1]),
        late_start=late_start,
        grace_min=chance.choice([0, 2]),
        deadline_ms=deadline_ms,
    )


class Fate:
    """Draws what happens to a run next."""

    def __init__(self, chance: random.Random, run: Playing, clock: Clock) -> None:
        self.chance = chance
        self.run = run
        self.clock = clock
        self._past: list[happened.Event] = []

    def event(self) -> happened.Event:
        """Return anything at all: fitting, late, doubled, or about something that does not exist."""
        draw = self.chance.random()
        if draw < 0.55:
            event = self.fitting() or self.started()
        elif draw < 0.65 and self._past:
            event = self.chance.choice(self._past)
        elif draw < 0.75:
            event = self.wrong()
        else:
            event = self.asked()
        self._past.append(event)
        return event

    def fitting(self) -> happened.Event | None:
        """Return something that the run waits for, or None."""
        choices: list[happened.Event] = []
        for order in self.run.work.values():
            if self.run.run.icons[order.node].work == order.key:
                choices.append(self.about(order.node, order.key))
        if self.run.asked:
            choices.append(self.answer(self.run.asked.pop(0)))
        for (node, name), due_ms in self.run.timers.items():
            choices.append(timer_event(node, name, due_ms))
        if self.run.state == "waiting":
            choices.append(self.started())
        if self.run.run.start_missed:
            choices.append(happened.RerunRun("kato"))
        return self.chance.choice(choices) if choices else None

    def started(self) -> happened.Event:
        return happened.Started(others=self.chance.random() < 0.2, superseded=self.chance.random() < 0.2)

    def answer(self, question: Any) -> happened.Event:
        return happened.Answered(question.node, question.visit, self.chance.random() < 0.8, "1")

    def about(self, node: int, key: bytes) -> happened.Event:
        code = self.chance.choice([0, 0, 0, 0, 1, 255])
        kinds: list[happened.Event] = [
            happened.WorkStarted(node, key, self.clock.now_ms),
            happened.WorkFound(node, key),
            happened.WorkPlaced(node, key, self.chance.choice(["g", "m1", ""]), "g"),
            happened.WorkFailed(node, key, "user", "no such user"),
            happened.WorkCancelled(node, key, self.chance.choice(["server", "expired", "elsewhere"])),
            happened.WorkDoubted(node, key, "lost", "the host went down"),
            happened.WorkTimedOut(node, key, "warn"),
            happened.WorkEnded(node, key, WorkResult(exit_code=None, signal=9, killed="timeout")),
        ]
        kinds += [happened.WorkEnded(node, key, WorkResult(exit_code=code, std_out="out"))] * 6
        return self.chance.choice(kinds)

    def node(self) -> int:
        return self.chance.randint(-1, len(self.run.run.plan.nodes))

    def wrong(self) -> happened.Event:
        """Return an event about something that is not so."""
        order = self.chance.choice(self.run.sent) if self.run.sent else None
        key = order.key if order and self.chance.random() < 0.5 else self.chance.randbytes(16)
        return self.chance.choice(
            [
                self.about(self.node(), key),
                happened.Answered(self.node(), self.chance.randint(0, 3), True, "1"),
                happened.TimerFired(self.chance.choice([None, self.node()]), self.chance.choice(TIMERS), 5),
                happened.Started(),
            ]
        )

    def asked(self) -> happened.Event:
        """Return what a person asks, sensible or not; a whole run is stopped seldom."""
        if self.chance.random() < 0.05:
            return happened.StopRun("kato")
        node = self.node()
        return self.chance.choice(
            [
                happened.HoldIcon("kato", node),
                happened.ReleaseHold("kato", node),
                happened.SkipIcon("kato", node),
                happened.UnskipIcon("kato", node),
                happened.StopIcon("kato", node),
                happened.RerunIcon("kato", node),
                happened.SetVariable("kato", node, self.chance.choice(["V", "NOPE"]), "2"),
                happened.DecideIcon("kato", node, self.chance.choice(["ended", "failed", "rerun", "abandon"])),
                happened.MoveRun("kato", self.clock.now_ms + self.chance.choice([-5, 5, 120_000])),
                happened.HoldRun("kato"),
                happened.ReleaseRun("kato"),
                happened.RerunRun("kato"),
                self.chance.choice([happened.DeleteRun("kato"), happened.ReleaseRun("kato")]),
            ]
        )


TIMERS = ["wait", "retry", "timeout", "go_on", "boot", "deadline", "nonsense"]
