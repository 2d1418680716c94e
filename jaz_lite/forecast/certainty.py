"""How sure a forecast is: how much of it the past knows, and how much the past varies."""

from dataclasses import dataclass

from jaz_lite.forecast.durations import Durations
from jaz_lite.forecast.outcome import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Certainty:
    """Counts of the jobs (and other work) of a forecast."""

    jobs: int
    known: int  # of which the past tells something
    samples_least: int  # of those
    samples_median: int
    spread: float | None  # all their 95th percentiles together, over all their medians; None: nothing is known
    overdue: int  # at work now, and longer than was to be expected
    default_ms: int


def certainty(outcome: Outcome, durations: Durations) -> Certainty:
    """Return how sure an outcome is."""
    jobnets = {end.run.occ: end.run.jobnet.jobnet_id for end in outcome.runs}
    # A test does nothing, and what no agent takes has no duration.
    work = [each for each in outcome.activities if each.kind not in ("start", "wait", "test") and not each.refused]
    samples = sorted(each.samples for each in work if each.samples)
    median_ms = p95_ms = 0
    for each in work:
        found = durations.find(jobnets[each.occ], each.path) if each.samples else None
        if found is not None:
            median_ms += found.median_ms
            p95_ms += found.p95_ms
    return Certainty(
        jobs=len(work),
        known=len(samples),
        samples_least=samples[0] if samples else 0,
        samples_median=samples[(len(samples) - 1) // 2] if samples else 0,
        spread=round(p95_ms / median_ms, 2) if median_ms else None,
        overdue=sum(each.overdue for each in work),
        default_ms=durations.default_ms,
    )
