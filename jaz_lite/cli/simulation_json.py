"""A simulated night as JSON tells it."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from jaz_lite.cli.preview_text import Moments
from jaz_lite.forecast.chain import Link
from jaz_lite.forecast.night import ASSUMPTIONS, Foreseen, Night
from jaz_lite.forecast.outcome import Crowd, RunEnd
from jaz_lite.forecast.overlaps import Overlap

OVERLAPS_MAX = 10_000


def shown(night: Night, runs: Sequence[Foreseen], moments: Moments) -> dict[str, Any]:
    """Return a night with those of its runs that are asked for."""
    names = {each.usual.run.occ: each.usual for each in night.runs}
    last, slow = night.last, night.last_bad
    return {
        "assumptions": list(ASSUMPTIONS),
        "runs": [_run(each, names, moments) for each in runs],
        "ends_at": moments.at(None if last is None else last.ended_ms),
        "ends_at_p95": moments.at(None if slow is None else slow.ended_ms),
        "critical_path": [_link(link, names, moments) for link in night.path],
        "crowds": [_crowd(crowd, moments) for crowd in night.usual.crowds],
        "crowds_p95": [_crowd(crowd, moments) for crowd in night.bad.crowds],
        "overlaps": [_overlap(each, names, moments) for each in night.overlaps[:OVERLAPS_MAX]],
        "overlaps_more": max(0, len(night.overlaps) - OVERLAPS_MAX),
        "certainty": asdict(night.certainty),
    }


def _run(one: Foreseen, names: dict[str, RunEnd], moments: Moments) -> dict[str, Any]:
    usual, bad = one.usual, one.bad
    return {
        **_name(usual, moments),
        "version": usual.run.jobnet.version,
        "state": state_of(usual),
        "lives": usual.lived,
        "started_by": _named(usual.started_by, names, moments),
        "started_at": moments.at(usual.started_ms),
        "ended_at": moments.at(usual.ended_ms),
        "waited_ms": usual.waited_ms,
        "waited_for": _named(usual.waited_for, names, moments),
        "p95": None
        if bad is None
        else {
            "state": state_of(bad),
            "started_at": moments.at(bad.started_ms),
            "ended_at": moments.at(bad.ended_ms),
            "waited_ms": bad.waited_ms,
        },
        "deadline_at": moments.at(usual.deadline_ms),
        "misses_deadline": one.misses,
        "slack_ms": one.slack_ms,
        "critical": one.critical,
        "jobs": one.jobs,
        "jobs_known": one.known,
        "message": usual.run.message,
        "waits_for": list(usual.stuck),
        "given_up": usual.given_up or None,
    }


def state_of(end: RunEnd) -> str:
    """Return how a run goes in one word."""
    if end.given_up:
        return "unknown"
    if end.run.load_status in ("skipped", "load_error"):
        return end.run.load_status
    if end.run.start_missed:
        return "start_missed"
    return end.run.state


def _name(end: RunEnd, moments: Moments) -> dict[str, Any]:
    return {
        "jobnet_id": end.run.jobnet.jobnet_id,
        "schedule_id": end.schedule_id or None,
        "scheduled_at": moments.at(end.run.scheduled_ms),
        "run_id": None if end.planned_id is None else str(end.planned_id),
    }


def _named(occ: str, names: dict[str, RunEnd], moments: Moments) -> dict[str, Any] | None:
    return _name(names[occ], moments) if occ in names else None


def _link(link: Link, names: dict[str, RunEnd], moments: Moments) -> dict[str, Any]:
    activity = link.activity
    return {
        **_name(names[activity.occ], moments),
        "what": activity.kind,
        "path": activity.path,
        "agent_id": activity.agent_id or None,
        "asked_at": moments.at(activity.begun_ms),
        "since": moments.at(link.since_ms),
        "until": moments.at(link.until_ms),
        "begins_by": link.why,
        "samples": activity.samples,
    }


def _crowd(crowd: Crowd, moments: Moments) -> dict[str, Any]:
    return {
        "place": crowd.name,
        "slots": crowd.slots,
        "since": moments.at(crowd.since_ms),
        "until": moments.at(crowd.until_ms),
        "waiting_most": crowd.most,
    }


def _overlap(one: Overlap, names: dict[str, RunEnd], moments: Moments) -> dict[str, Any]:
    return {
        "agent_id": one.agent_id,
        "first": {**_name(names[one.first.occ], moments), "path": one.first.path},
        "second": {**_name(names[one.second.occ], moments), "path": one.second.path},
        "since": moments.at(one.since_ms),
        "until": moments.at(one.until_ms),
        "together_ms": one.together_ms,
        "pairs": one.pairs,
    }
