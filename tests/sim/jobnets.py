"""Random jobnets that are sound by construction: blocks inside blocks, each with one way in and one way out."""

import random
from dataclasses import dataclass, field
from typing import Any

from jaz_lite.model.jobnet import Flow, FlowKind, Icon, Jobnet, Mark

VERSION = "20260101000000"
LONG_SCRIPT_CHARS = 140_000
WIDE_JOBS = (70, 300)  # side by side: more than an agent has slots, more than may be on their way at once
COPIED_FROM, COPIED_TO = "/sim-copies/from", "/sim-copies/to"
COPIED_NAMES = ("a.dat", "b.dat", "bb.dat")
COPIED = ("*", "b*", "a.dat", "a.dat", "not-there")
JOB_WORDS = ("quick", "plain", "plain", "plain", "slow", "noisy", "failing", "broken")


@dataclass
class Sketch:
    """A jobnet in the making."""

    dice: random.Random
    hosts: list[str]
    subs: list[str]  # jobnets that may be used as sub-jobnets and tasks
    calm: bool = False  # no marks, so that it ends by itself
    reboots: bool = False  # it may restart hosts
    copies: bool = False  # it may copy files
    icons: list[Icon] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)

    def icon(self, kind: str, *, mark: Mark = "normal", name: str = "", **more: Any) -> str:
        """Add an icon and return its id."""
        icon_id = name or f"{kind.upper().replace('_', '')[:12]}-{len(self.icons)}"
        params = more.pop("params", {})
        self.icons.append(Icon(icon_id=icon_id, type=kind, mark=mark, params=params, **more))
        return icon_id

    def flow(self, source: str, target: str, kind: FlowKind = "plain") -> None:
        """Add a line."""
        self.flows.append(Flow(source=source, target=target, kind=kind))

    def job(self) -> str:
        """Add a job."""
        dice = self.dice
        params: dict[str, Any] = {
            "host": dice.choice(self.hosts),
            "script": f"sim {dice.choice(JOB_WORDS)}",
            "stop_codes": dice.choice(("", "", "1-255", "2")),
        }
        if dice.random() < 0.15:
            params["timeout_min"] = 1
            params["timeout_action"] = dice.choice(("warn", "stop", "skip"))
        if dice.random() < 0.2:
            params["stop_script"] = "sim quick"
        if dice.random() < 0.02:
            # Longer than one frame takes: it travels as a blob and is kept apart from the log.
            params["script"] = "sim plain" + " " * LONG_SCRIPT_CHARS
        more: dict[str, Any] = {}
        if dice.random() < 0.2:
            more = {"retries": dice.choice((1, 2)), "retry_delay_s": dice.choice((0, 1, 5)), "retry_backoff": 2.0}
        mark: Mark = "normal"
        if not self.calm and dice.random() < 0.06:
            mark = dice.choice(("hold", "skip"))
        return self.icon("job", mark=mark, continue_on_error=dice.random() < 0.4, params=params, **more)

    def wait(self) -> str:
        """Add a file wait."""
        dice = self.dice
        params = {
            "host": dice.choice(self.hosts),
            "path": "/sim-in/file",
            "mode": dice.choice(("appear", "appear", "exists", "stable")),
            "stable_s": 2,
            "delete": dice.random() < 0.6,
            "wait_s": dice.choice((0, 0, 5, 30)),
        }
        return self.icon("file_wait", continue_on_error=dice.random() < 0.4, params=params)

    def block(self, depth: int) -> tuple[str, str]:
        """Add a block and return its first and its last icon."""
        kinds = ["job", "job", "job", "wait_for_file", "chain", "variable", "sleep", "calculation"]
        if depth > 0:
            kinds += ["chain", "parallel", "parallel", "choice", "loop"]
            if self.subs:
                kinds += ["sub", "sub", "task"]
        if self.reboots:
            kinds += ["reboot", "reboot"]
        if self.copies:
            kinds += ["copy", "copy", "copy"]
        kind = self.dice.choice(kinds)
        made: tuple[str, str] = getattr(self, f"_{kind}")(depth - 1)
        return made

    def _job(self, _depth: int) -> tuple[str, str]:
        one = self.job()
        return one, one

    def _wait_for_file(self, _depth: int) -> tuple[str, str]:
        one = self.wait()
        return one, one

    def _reboot(self, _depth: int) -> tuple[str, str]:
        params = {
            "host": self.dice.choice([host for host in self.hosts if host.startswith("h-")]),
            "mode": self.dice.choice(("force", "after_jobs")),
            "wait_s": self.dice.choice((0, 0, 3, 20)),
            "timeout_min": self.dice.choice((0, 1)),
        }
        one = self.icon("reboot", continue_on_error=self.dice.random() < 0.6, params=params)
        return one, one

    def _copy(self, _depth: int) -> tuple[str, str]:
        machines = [host for host in self.hosts if host.startswith("h-")]
        params = {
            "source_host": self.dice.choice(machines),
            "source_folder": COPIED_FROM,
            "source_file": self.dice.choice(COPIED),
            "target_host": self.dice.choice(machines),
            "target_folder": COPIED_TO,
            "overwrite": self.dice.random() < 0.8,
        }
        one = self.icon("file_copy", continue_on_error=self.dice.random() < 0.6, params=params)
        return one, one

    def _chain(self, depth: int) -> tuple[str, str]:
        first, last = self.block(depth)
        for _ in range(self.dice.randint(1, 2)):
            following, end = self.block(depth)
            self.flow(last, following)
            last = end
        return first, last

    def _parallel(self, depth: int) -> tuple[str, str]:
        start = self.icon("parallel_start")
        ends = []
        for _ in range(self.dice.randint(2, 4)):
            first, last = self.block(depth)
            self.flow(start, first)
            ends.append(last)
        end = self.icon("parallel_end")
        for last in ends:
            self.flow(last, end)
        return start, end

    def _wide(self) -> tuple[str, str]:
        start, end = self.icon("parallel_start"), self.icon("parallel_end")
        host = self.dice.choice(self.hosts)
        for _ in range(self.dice.choice(WIDE_JOBS)):
            job = self.icon("job", params={"host": host, "script": "sim quick"})
            self.flow(start, job)
            self.flow(job, end)
        return start, end

    def _choice(self, depth: int) -> tuple[str, str]:
        job = self.job()
        choice = self.icon("condition", params={"mode": "number", "variable": "JOB_EXIT_CD", "comparison": "0"})
        self.flow(job, choice)
        end = self.icon("branch_end")
        for kind in ("true", "false"):
            first, last = self.block(depth)
            self.flow(choice, first, kind)
            self.flow(last, end)
        return job, end

    def _loop(self, _depth: int) -> tuple[str, str]:
        loop = self.icon("loop", params={"loop_limit": 4})
        job = self.job()
        choice = self.icon("condition", params={"mode": "number", "variable": "JOB_EXIT_CD", "comparison": "0"})
        end = self.icon("calculation", params={"mode": "integer", "formula": "1 + 1", "variable": "TWO"})
        self.flow(loop, job)
        self.flow(job, choice)
        self.flow(choice, loop, "false")
        self.flow(choice, end, "true")
        return loop, end

    def _variable(self, _depth: int) -> tuple[str, str]:
        one = self.icon("variable", params={"values": [{"name": "COLOUR", "value": self.dice.choice(("red", "blue"))}]})
        return one, one

    def _calculation(self, _depth: int) -> tuple[str, str]:
        one = self.icon("calculation", params={"mode": "integer", "formula": "6 * 7", "variable": "ANSWER"})
        return one, one

    def _sleep(self, _depth: int) -> tuple[str, str]:
        one = self.icon(
            "extended_job", params={"command": "jacmdsleep", "parameter": str(self.dice.choice((0, 1, 5, 30)))}
        )
        return one, one

    def _sub(self, _depth: int) -> tuple[str, str]:
        one = self.icon("sub_jobnet", params={"jobnet_id": self.dice.choice(self.subs)})
        return one, one

    def _task(self, _depth: int) -> tuple[str, str]:
        one = self.icon("task", params={"jobnet_id": self.dice.choice(self.subs)})
        return one, one


def small(dice: random.Random, name: str, hosts: list[str]) -> Jobnet:
    """Return a jobnet of some jobs in a row or side by side, which ends by itself."""
    sketch = Sketch(dice, hosts, [], calm=True)
    start = sketch.icon("start", name="START")
    first, last = sketch._chain(0) if dice.random() < 0.5 else sketch._parallel(0)
    end = sketch.icon("end")
    sketch.flow(start, first)
    sketch.flow(last, end)
    return Jobnet(
        jobnet_id=name,
        version=VERSION,
        name=name.lower(),
        multiple_start=dice.choice(("parallel", "parallel", "skip", "wait")),
        icons=tuple(sketch.icons),
        flows=tuple(sketch.flows),
    )


def draw(
    dice: random.Random,
    number: int,
    hosts: list[str],
    subs: list[str],
    *,
    reboots: bool = False,
    copies: bool = False,
) -> Jobnet:
    """Return a random jobnet, named by its number, that may use those in `subs`."""
    sketch = Sketch(dice, hosts, subs, reboots=reboots, copies=copies)
    start = sketch.icon("start", name="START")
    first, last = sketch._wide() if dice.random() < 0.02 else sketch.block(3)
    end = sketch.icon("end", params={"hold": dice.random() < 0.05})
    sketch.flow(start, first)
    sketch.flow(last, end)
    return Jobnet(
        jobnet_id=f"NET-{number}",
        version=VERSION,
        name=f"net {number}",
        multiple_start=dice.choice(("parallel", "parallel", "parallel", "skip", "wait")),
        timeout_min=dice.choice((0, 0, 0, 1)),
        timeout_action=dice.choice(("warn", "stop")),
        icons=tuple(sketch.icons),
        flows=tuple(sketch.flows),
    )
