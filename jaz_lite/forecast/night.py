"""A night simulated twice: as it usually goes (medians), and as it goes when everything is slow (95th percentiles)."""

from collections.abc import Callable
from dataclasses import dataclass, field

from jaz_lite.forecast.certainty import Certainty, certainty
from jaz_lite.forecast.chain import Link, critical_path, last_end, slacks
from jaz_lite.forecast.definitions import Definitions
from jaz_lite.forecast.durations import Durations
from jaz_lite.forecast.outcome import Outcome, RunEnd
from jaz_lite.forecast.overlaps import Overlap, overlaps
from jaz_lite.forecast.play import Tick, play, unheard
from jaz_lite.forecast.upcoming import Upcoming
from jaz_lite.forecast.world import Coming, World
from jaz_lite.model.run import Boot
from jaz_lite.model.schedule import Schedule

ASSUMPTIONS = (
    "every job ends with exit code 0 and without output; branches are taken accordingly",
    "agents that cannot be reached now are back, drained ones stay drained; what people hold stays held",
    "work begins at once where a slot is free; jobs of other sites on shared agents are not known",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """One run, both ways. `bad` is None where it only comes to be when nothing is slow."""

    usual: RunEnd
    bad: RunEnd | None
    slack_ms: int | None
    critical: bool
    jobs: int
    known: int  # of these the past tells something

    @property
    def misses(self) -> str:
        """Say whether the deadline is missed: "no", "yes", or "p95": only if everything is slow."""
        if self.usual.misses:
            return "yes"
        return "p95" if self.bad is not None and self.bad.misses else "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """All that a simulation tells."""

    usual: Outcome
    bad: Outcome
    runs: tuple[Foreseen, ...]
    path: tuple[Link, ...]
    overlaps: tuple[Overlap, ...]
    certainty: Certainty
    last: RunEnd | None
    last_bad: RunEnd | None
    problems: tuple[str, ...] = field(default=())


def simulate(world: World, durations: Durations, tick: Callable[[str], Tick] = lambda _: unheard) -> Night:
    """Play a night both ways and return what it tells.

    Args:
        tick: gives what is told of the progress of one way, "median" or "p95".
    """
    usual = play(world, durations, "median", tick("median"))
    bad = play(world, durations, "p95", tick("p95"))
    slow = {end.run.occ: end for end in bad.runs}
    rooms, path = slacks(usual), critical_path(usual)
    on_path = {link.activity.occ for link in path}
    jobs: dict[str, list[int]] = {}
    for each in usual.activities:
        if each.kind not in ("start", "wait") and not each.refused:
            jobs.setdefault(each.occ, []).append(each.samples)
    runs = [
        Foreseen(
            usual=end,
            bad=slow.get(end.run.occ),
            slack_ms=rooms.get(end.run.occ),
            critical=end.run.occ in on_path,
            jobs=len(jobs.get(end.run.occ, ())),
            known=sum(samples > 0 for samples in jobs.get(end.run.occ, ())),
        )
        for end in usual.runs
    ]
    return Night(
        usual=usual,
        bad=bad,
        runs=tuple(runs),
        path=tuple(path),
        overlaps=tuple(overlaps(usual.activities)),
        certainty=certainty(usual, durations),
        last=last_end(usual),
        last_bad=last_end(bad),
    )


def coming(upcoming: Upcoming, definitions: Definitions) -> Coming:
    """Return the run that a foreseen start gives.

    Raises:
        PlanError: it would be a load error.
    """
    schedule: Schedule = definitions.schedules[upcoming.schedule_id]
    row = next(row for row in schedule.jobnets if row.jobnet_id == upcoming.jobnet_id)
    return Coming(
        occ=upcoming.occ,
        plan=definitions.plan_of(upcoming.jobnet_id),
        at_ms=upcoming.at_ms,
        boot=Boot(
            schedule_id=upcoming.schedule_id,
            nominal_ms=upcoming.at_ms,
            late_start=schedule.late_start,
            grace_min=schedule.grace_min,
            deadline_ms=upcoming.deadline_ms,
        ),
        user=schedule.owner,
        variables={variable.name: variable.value for variable in row.variables},
    )
