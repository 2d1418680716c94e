"""A simulated night as people read it: how it ends, a drawing, runs, and what may go wrong."""

import shutil
import sys
from collections.abc import Iterator, Sequence

from jaz_lite.cli import gantt
from jaz_lite.cli.preview_text import Moments
from jaz_lite.cli.printing import is_terminal, line, print_table
from jaz_lite.cli.simulation_json import state_of
from jaz_lite.forecast.chain import Link
from jaz_lite.forecast.night import ASSUMPTIONS, Foreseen, Night
from jaz_lite.forecast.outcome import RunEnd

COLUMNS_IN_PIPES = 100
PATH_LINES_MAX = 24
CROWDS_MAX = 12
OVERLAPS_MAX = 10
WHY = {
    "clock": "at its time",
    "flow": "",
    "slot": "when a slot was free",
    "run": "after the run before",
    "task": "started by a TASK icon",
}


def tell(night: Night, runs: Sequence[Foreseen], moments: Moments, limit: int) -> None:
    """Print a night with those of its runs that are asked for, `limit` of them at most; there is at least one."""
    _summary(night, runs, moments)
    begun = [each for each in runs if each.usual.started_ms is not None and state_of(each.usual) != "skipped"]
    if begun:
        line()
        line("* is on the critical path; . waits, = runs, - if everything is slow, | deadline, > does not end")
        for text in _drawing(begun[:limit], moments):
            line(text)
    line()
    print_table(
        ("start", "end", "end if slow", "jobnet", "schedule", "jobs", "slack", "remark"),
        [_row(each, moments) for each in runs[:limit]],
    )
    if len(runs) > limit:
        line(f"{_count(len(runs) - limit, 'more run')}: --limit {len(runs)} shows them all")
    _tell_path(night, moments)
    _tell_crowds(night, moments)
    _tell_overlaps(night, moments)
    _tell_certainty(night)


def _summary(night: Night, runs: Sequence[Foreseen], moments: Moments) -> None:
    line(f"{_count(len(runs), 'run')}, {_count(sum(each.jobs for each in runs), 'job')}")
    if night.last is not None and night.last.ended_ms is not None:
        slow = night.last_bad
        text = f"the last one ends at {moments.short(night.last.ended_ms)} ({night.last.run.jobnet.jobnet_id})"
        if slow is not None and moments.brief(slow.ended_ms) != moments.brief(night.last.ended_ms):
            text += f"; if everything is slow, at {moments.short(slow.ended_ms)} ({slow.run.jobnet.jobnet_id})"
        line(text)
    late = [each for each in runs if each.misses == "yes"]
    perhaps = [each for each in runs if each.misses == "p95"]
    if late:
        line(f"{_count(len(late), 'run')} will not be over at the deadline: {_names(late)}")
    if perhaps:
        line(f"{_count(len(perhaps), 'run')} will not be over at the deadline if everything is slow: {_names(perhaps)}")
    waited = [each for each in runs if each.usual.waited_ms]
    if waited:
        line(f"{_count(len(waited), 'run')} will wait for another run of the jobnet: {_names(waited)}")
    stuck = [each for each in runs if each.usual.ended_ms is None]
    if stuck:
        line(f"{_count(len(stuck), 'run')} will not end: {_names(stuck)}")


def _names(runs: Sequence[Foreseen]) -> str:
    names = list(dict.fromkeys(each.usual.run.jobnet.jobnet_id for each in runs))
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _drawing(runs: Sequence[Foreseen], moments: Moments) -> Iterator[str]:
    terminal = is_terminal(sys.stdout)
    blocks = terminal and (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    columns = shutil.get_terminal_size().columns if terminal else COLUMNS_IN_PIPES
    bars = [
        gantt.Bar(
            label=each.usual.run.jobnet.jobnet_id,
            asked_ms=(each.usual.started_ms or 0) - each.usual.waited_ms,
            start_ms=each.usual.started_ms or 0,
            end_ms=each.usual.ended_ms,
            slow_end_ms=None if each.bad is None else each.bad.ended_ms,
            deadline_ms=each.usual.deadline_ms,
            critical=each.critical,
        )
        for each in runs
    ]
    return gantt.drawn(bars, moments.zone, columns, gantt.BLOCKS if blocks else gantt.Signs())


def _row(one: Foreseen, moments: Moments) -> tuple[str, ...]:
    usual, bad = one.usual, one.bad
    known = f"{one.jobs}" if one.known == one.jobs else f"{one.jobs} ({one.known} known)"
    return (
        moments.brief(usual.started_ms if usual.started_ms is not None else usual.run.scheduled_ms),
        moments.brief(usual.ended_ms),
        moments.brief(None if bad is None else bad.ended_ms),
        usual.run.jobnet.jobnet_id,
        usual.schedule_id,
        known,
        "" if one.slack_ms is None else span(one.slack_ms),
        "; ".join(_remarks(one, moments)),
    )


def _remarks(one: Foreseen, moments: Moments) -> Iterator[str]:
    end = one.usual
    state = state_of(end)
    if end.lived:
        yield "runs now"
    elif end.planned_id is not None:
        yield f"run {end.planned_id}"
    if end.started_by:
        yield "started by a TASK icon"
    if end.waited_ms:
        yield f"waits {span(end.waited_ms)} for the run before"
    if end.deadline_ms is not None and one.misses != "no":
        yield f"deadline {moments.brief(end.deadline_ms)} missed" + (" if slow" if one.misses == "p95" else "")
    if end.given_up:
        yield end.given_up
    elif state in ("skipped", "load_error", "end_error", "start_missed"):
        yield end.run.message or state
    elif end.ended_ms is None:
        yield from end.stuck or (state,)


def _tell_path(night: Night, moments: Moments) -> None:
    if not night.path:
        return
    line()
    line("the critical path, which decides when the last run ends:")
    names = {each.usual.run.occ: each.usual for each in night.runs}
    shown = night.path
    if len(shown) > PATH_LINES_MAX:
        shown = (*shown[: PATH_LINES_MAX // 2], *shown[-PATH_LINES_MAX // 2 :])
    rows = [_link(link, names, moments) for link in shown]
    if len(shown) < len(night.path):
        rows.insert(PATH_LINES_MAX // 2, (f"... {len(night.path) - len(shown)} more (--json)", "", "", "", ""))
    print_table(("since", "until", "takes", "what", ""), rows)


def _link(link: Link, names: dict[str, RunEnd], moments: Moments) -> tuple[str, ...]:
    activity = link.activity
    jobnet = names[activity.occ].run.jobnet.jobnet_id
    what = f"{jobnet} starts" if activity.kind == "start" else f"{jobnet}{activity.path}"
    if activity.agent_id:
        what += f" on {activity.agent_id}"
    why = WHY[link.why]
    if activity.freed is not None:
        why = f"{why}, after {span(link.since_ms - activity.begun_ms)}"
    takes = "" if activity.kind == "start" else span(link.until_ms - link.since_ms)
    return (moments.brief(link.since_ms), moments.brief(link.until_ms), takes, what, why)


def _tell_crowds(night: Night, moments: Moments) -> None:
    crowds = night.usual.crowds
    if not crowds:
        return
    line()
    line("more jobs than slots:")
    print_table(
        ("agent", "slots", "since", "until", "waiting at most"),
        [
            (crowd.name, crowd.slots, moments.brief(crowd.since_ms), moments.brief(crowd.until_ms), crowd.most)
            for crowd in sorted(crowds, key=lambda each: -each.most)[:CROWDS_MAX]
        ],
    )
    if len(crowds) > CROWDS_MAX:
        line(f"and {len(crowds) - CROWDS_MAX} more times (--json)")


def _tell_overlaps(night: Night, moments: Moments) -> None:
    if not night.overlaps:
        return
    names = {each.usual.run.occ: each.usual.run.jobnet.jobnet_id for each in night.runs}
    line()
    line("jobs of different runs on one agent at the same time, the longest first:")
    print_table(
        ("agent", "since", "until", "first", "second", "pairs of jobs"),
        [
            (
                one.agent_id,
                moments.brief(one.since_ms),
                moments.brief(one.until_ms),
                f"{names[one.first.occ]}{one.first.path}",
                f"{names[one.second.occ]}{one.second.path}",
                one.pairs,
            )
            for one in sorted(night.overlaps, key=lambda each: -each.together_ms)[:OVERLAPS_MAX]
        ],
    )
    if len(night.overlaps) > OVERLAPS_MAX:
        line(f"and {len(night.overlaps) - OVERLAPS_MAX} more pairs of runs (--json)")


def _tell_certainty(night: Night) -> None:
    sure = night.certainty
    line()
    if sure.jobs:
        share = round(100 * sure.known / sure.jobs)
        text = f"how sure this is: the past knows {sure.known} of {_count(sure.jobs, 'job')} ({share} %)"
        if sure.known:
            text += f", the median one from {_count(sure.samples_median, 'time')}, the least from {sure.samples_least}"
        line(text)
        if sure.known < sure.jobs:
            line(
                f"  without a past: {_count(sure.jobs - sure.known, 'job')}, taken to need {span(sure.default_ms)} each"
            )
        if sure.spread is not None and sure.spread > 1:
            line(f"  if everything is slow, jobs take {sure.spread:g} times as long as usual")
        if sure.overdue:
            line(
                f"  {_count(sure.overdue, 'job')} at work now already took longer than usual; an end is expected at once"
            )
    for sentence in ASSUMPTIONS:
        line(f"  assumed: {sentence}")


def span(ms: int) -> str:
    """Return a duration as people read it: 45s, 12m, 1h30m, 2d3h."""
    seconds = ms // 1000
    if seconds < 60:
        return f"{seconds}s" if ms >= 1000 or ms == 0 else f"{ms}ms"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes}m{seconds:02}s" if seconds else f"{minutes}m"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}h{minutes:02}m"
    days, hours = divmod(hours, 24)
    return f"{days}d{hours}h"


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
