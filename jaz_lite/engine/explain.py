"""Why a run or an icon is in its state, and what it waits for, in sentences for people.

`waiting_for` knows the run only; `explain` also asks about the world around it: hosts, agents, other runs.
"""

from collections.abc import Container, Iterator, Sequence
from datetime import UTC, tzinfo
from typing import NamedTuple, Protocol

from jaz_lite.engine import limits
from jaz_lite.engine.doubts import WHAT_TO_DO
from jaz_lite.engine.settle import OPEN
from jaz_lite.engine.steps import retry_due_ms
from jaz_lite.engine.variables import moment
from jaz_lite.icons import REGISTRY
from jaz_lite.model.run import RUN_OVER, IconRun, Run


class HostLocked(NamedTuple):
    """A reboot is with an agent: its attempt, its run, its icon, and since when."""

    key: bytes
    run_id: int
    path: str
    since_ms: int


class OutsideView(Protocol):
    """What an explanation may ask about the world around a run."""

    def agent_of(self, host: str) -> str | None:
        """Return the agent behind a host name, or None where the name is not known."""

    def is_disabled(self, host: str) -> bool:
        """Tell whether a host is there but takes no work."""

    def unreachable_since_ms(self, agent_id: str) -> int | None:
        """Return since when an agent has not been heard of; None while it is reachable."""

    def is_draining(self, agent_id: str) -> bool:
        """Tell whether an agent is to take no new work."""

    def refusal_of(self, agent_id: str) -> str:
        """Return why an agent refuses work for which it is tried again; "" where it does not."""

    def copied(self, key: bytes) -> str:
        """Return how far a file copy is, in words; "" where that is not known, or it is none."""

    def lock_of(self, agent_id: str) -> "HostLocked | None":
        """Return the reboot that keeps other work away from an agent, or None."""

    def members_of(self, host: str) -> Sequence[tuple[str, str]] | None:
        """Return the members of a group host, each with why it takes no work now ("": it does); None: it is no group."""

    def attempt_state(self, key: bytes) -> str:
        """Return how far a work order came: "ready", "sent", "accepted", "running" …; "" where that is not known."""

    def unheard(self) -> Sequence[str]:
        """Return the agents that have not told what they know since a takeover; empty where no window is open."""

    def held_by(self, run_id: int) -> str:
        """Return who holds a planned run; "" where that is not known."""

    def other_runs(self, jobnet_id: str, run_id: int) -> Sequence[int]:
        """Return the other running runs of a jobnet."""


def waiting_for(run: Run, zone: tzinfo = UTC) -> list[str]:
    """Return what a run waits for, one sentence each; empty once it is over.

    Args:
        zone: in which times are told.
    """
    if run.state in RUN_OVER:
        return []
    if run.state in ("waiting", "ready"):
        return [_not_started(run, zone)]
    if run.start_missed:
        return [f"start it now: jaz-lite run rerun {run.run_id}, or end it: jaz-lite run stop {run.run_id}"]
    told: list[str] = []
    more = 0
    for sentence in _icons(run, zone):
        if len(told) < limits.REASONS_TOLD_MAX:
            told.append(sentence)
        else:
            more += 1
    if more:
        told.append(f"and {more} more icons")
    return told or list(_stuck(run))


def explain(run: Run, node: int | None, outside: OutsideView, zone: tzinfo = UTC) -> list[str]:
    """Return why a run, or one of its icons, is in its state and what it waits for. Never empty.

    Args:
        node: the number of the icon; None explains the run.
        zone: in which times are told.
    """
    if node is not None:
        return list(_icon_explained(run, node, outside, zone))
    told = [_run_sentence(run, zone)]
    if run.load_status == "delayed" and run.state == "waiting":
        others = ", ".join(str(other) for other in outside.other_runs(run.jobnet.jobnet_id, run.run_id))
        told.append(f"running now: {others}" if others else "none of the other runs is running any more")
    told.extend(waiting_for(run, zone))
    told.extend(_planned(run, outside, zone))
    if run.state == "waiting" and run.replayed_since_ms is not None and (missing := outside.unheard()):
        told.append(
            f"an earlier active server may have started it; it waits for what these agents know: {_few(missing)}"
        )
    working = [number for number, icon in enumerate(run.icons) if icon.work is not None]
    not_begun = [sentence for number in working if (sentence := _not_begun(run, number, outside))]
    told.extend(not_begun[: limits.REASONS_TOLD_MAX])
    own = {run.icons[number].work for number in working}
    told.extend(sentence for number in working if (sentence := _copied(run, number, outside)))
    for host in sorted({host for number in working for host in _hosts(run.icons[number])}):
        told.extend(_host_trouble(host, outside, zone, own))
    return told


# ---- the run


def _not_started(run: Run, zone: tzinfo) -> str:
    if run.boot is not None and run.boot.held == "held":
        return f"is held, whatever its time; let it start: jaz-lite run release {run.run_id}"
    if run.load_status == "delayed":
        return f'waits until no other run of the jobnet "{run.jobnet.jobnet_id}" is running'
    if run.scheduled_ms is not None:
        return f"waits for its start at {_at(run.scheduled_ms, zone)}"
    return "waits to be started"


def _planned(run: Run, outside: OutsideView, zone: tzinfo) -> Iterator[str]:
    """Say what was planned for the start of a run, and who holds it."""
    boot = run.boot
    if boot is None or run.scheduled_ms is None:
        return
    by = f'the schedule "{boot.schedule_id}"' if boot.schedule_id else f"{run.user or 'a person'}"
    moved = "" if run.scheduled_ms == boot.nominal_ms else f", now for {_at(run.scheduled_ms, zone)}"
    yield f"it was planned by {by} for {_at(boot.nominal_ms, zone)}{moved}"
    if run.late and run.started_ms is not None:
        yield f"it started late, {_span(run.started_ms - run.scheduled_ms)} after its time"
    if boot.held == "held" and run.state == "waiting" and (holder := outside.held_by(run.run_id)):
        yield f"it is held by {holder}"
    if boot.deadline_missed:
        yield f"it was not over at its deadline, {_at(boot.deadline_ms or 0, zone)}"
    elif boot.deadline_ms is not None and run.state not in RUN_OVER:
        yield f"it should be over by {_at(boot.deadline_ms, zone)}"


def _span(span_ms: int) -> str:
    """Return a span to the minute; one that is shorter is a minute."""
    hours, minutes = divmod(max(1, span_ms // 60_000), 60)
    days, hours = divmod(hours, 24)
    told = ((days, "day"), (hours, "hour"), (minutes, "minute"))
    return " ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in told if count)


def _run_sentence(run: Run, zone: tzinfo) -> str:
    name = f'run {run.run_id} of the jobnet "{run.jobnet.jobnet_id}"'
    reason = f": {run.message}" if run.message else ""
    if run.load_status == "load_error":
        return f"{name} could not be loaded{reason}"
    if run.state in RUN_OVER and run.ended_ms is not None:
        how = "was skipped at" if run.load_status == "skipped" else f"is over as {run.state} since"
        return f"{name} {how} {_at(run.ended_ms, zone)}{reason}"
    if run.stopping:
        return f"{name} is being stopped{reason}"
    if run.start_missed:
        return f"{name} is in error{reason}"
    started = f", started at {_at(run.started_ms, zone)}" if run.started_ms is not None else ""
    return f"{name} is {run.state}{started}"


def _stuck(run: Run) -> Iterator[str]:
    """Say why a run goes nowhere although nothing is in error, held or at work."""
    for number, (node, icon) in enumerate(zip(run.plan.nodes, run.icons, strict=True)):
        if icon.state == "waiting" and icon.arrivals and run.frames[node.frame].state in OPEN:
            yield (
                f"{run.plan.path(number)} waits for {node.arrivals_needed - icon.arrivals} of its "
                f"{node.arrivals_needed} flows, and nothing is left that could bring them; stop the run"
            )
    if run.origin == "test":
        unreached = [
            run.plan.path(number)
            for number, icon in enumerate(run.icons)
            if icon.state == "waiting" and run.frames[run.plan.nodes[number].frame].state in OPEN
        ]
        yield f"a test run ends when all icons have; not reached: {', '.join(unreached[: limits.REASONS_TOLD_MAX])}"
    yield "no icon is left that could go on, and no END was reached; stop the run"


def _icons(run: Run, zone: tzinfo) -> Iterator[str]:
    for number, (node, icon) in enumerate(zip(run.plan.nodes, run.icons, strict=True)):
        if run.frames[node.frame].state not in OPEN or (node.child is not None and icon.state != "ready"):
            continue
        reason = _reason(run, number, icon, zone)
        if reason:
            yield f"{run.plan.path(number)} {reason}"


# ---- one icon


def _reason(run: Run, number: int, icon: IconRun, zone: tzinfo) -> str:
    """Return what an icon keeps its run waiting for, going on from its path; "" where it does not."""
    node = run.plan.nodes[number]
    if icon.doubt is not None:
        reason = icon.doubt.reason
        why = f"{reason}: {icon.doubt.message}" if icon.doubt.message else reason
        return (
            f"needs a decision since {_at(icon.doubt.since_ms, zone)}: its fate is not known ({why}); "
            f"{WHAT_TO_DO[reason]}; then `jaz-lite run decide {run.run_id} {run.plan.path(number)} "
            "ended|failed|rerun|abandon`"
        )
    due_ms = retry_due_ms(icon)
    if icon.state == "ready" and due_ms is not None:
        return (
            f"failed ({icon.message}) and is tried again at {_at(due_ms, zone)}, retry {icon.attempt} of "
            f"{node.icon.retries}"
        )
    if icon.state == "ready":
        return "is held; release it to go on" if icon.method == "hold" else "goes on in a moment"
    if icon.state == "stopping":
        return f"is being stopped on {_host(icon)}" if _host(icon) else "is being stopped"
    if icon.state == "run_error" and not icon.continued:
        ways = [word for word, possible in _ways(node.icon.type) if possible]
        remedy = f"; {' or '.join(ways)} it, or stop the run" if ways else "; stop the run"
        return f"is in error: {icon.message or 'no reason was given'}{remedy}"
    if icon.state != "running":
        return ""
    if icon.work is not None and _has_no_member(icon):
        return f"waits for a free member of the group {_host(icon)} since {_at(icon.started_ms or 0, zone)}"
    if icon.work is not None:
        return f"runs on {_host(icon)} since {_at(icon.started_ms or 0, zone)}"
    until = icon.memo.get("due_ms")
    if isinstance(until, int):
        return f"waits until {_at(until, zone)}"
    return "waits for an answer"


def _ways(kind: str) -> tuple[tuple[str, bool], ...]:
    traits = REGISTRY[kind].traits
    return ("rerun", traits.may_rerun), ("skip", traits.may_skip)


def _icon_explained(run: Run, number: int, outside: OutsideView, zone: tzinfo) -> Iterator[str]:
    icon = run.icons[number]
    node = run.plan.nodes[number]
    path = run.plan.path(number)
    if run.state in RUN_OVER and icon.state in ("waiting", "ready", "run_error") and not icon.continued:
        # Nothing can be asked for any more, so no remedy is named.
        fates = {
            "waiting": "was not reached",
            "ready": "was reached and did not start",
            "run_error": f"ended in error: {icon.message or 'no reason was given'}",
        }
        yield f"{path} {fates[icon.state]}; the run is over"
        return
    reason = _reason(run, number, icon, zone)
    if reason:
        yield f"{path} {reason}"
    elif icon.state == "waiting":
        yield f"{path} has not been reached: {icon.arrivals} of {node.arrivals_needed} flows have arrived"
        for source in _sources(run, number):
            yield f"it is reached from {run.plan.path(source)}, which is {run.icons[source].state}"
    elif icon.continued:
        yield f"{path} is in error ({icon.message}), but the flow went on as its definition says"
    else:
        ended = f" since {_at(icon.ended_ms, zone)}" if icon.ended_ms is not None else ""
        yield f"{path} is {icon.state}{ended}" + (f": {icon.message}" if icon.message else "")
    if icon.method in ("hold", "skip") and icon.state == "waiting":
        yield f"it is marked: {icon.method}"
    if node.child is not None and icon.state in ("running", "run_error"):
        frame = run.plan.frames[node.child]
        inside = [_reason(run, each, run.icons[each], zone) for each in range(frame.first, frame.last)]
        for place, sentence in enumerate(inside):
            if sentence:
                yield f"inside it, {run.plan.path(frame.first + place)} {sentence}"
    if icon.work is not None:
        if sentence := _not_begun(run, number, outside):
            yield sentence
        if _has_no_member(icon) and icon.doubt is None and (missing := outside.unheard()):
            yield f"a member of its group may have it from an earlier active server; not heard yet: {_few(missing)}"
        if sentence := _copied(run, number, outside):
            yield sentence
        for host in _hosts(icon):
            yield from _host_trouble(host, outside, zone, {icon.work})


NOT_BEGUN = {
    "ready": "its work order waits to be sent to the agent",
    "sent": "its work order was sent, and the agent has not said that it took it",
    "accepted": "the agent has it and starts it when a slot is free",
}


def _not_begun(run: Run, number: int, outside: OutsideView) -> str:
    """Say how far a work order came whose process does not run yet; "" for the others."""
    icon = run.icons[number]
    reason = None
    if icon.work is not None and icon.doubt is None and not _has_no_member(icon):
        reason = NOT_BEGUN.get(outside.attempt_state(icon.work))
    return f"{run.plan.path(number)} has not begun there: {reason}" if reason else ""


def _copied(run: Run, number: int, outside: OutsideView) -> str:
    """Say how far a file copy is; "" for other work."""
    icon = run.icons[number]
    far = outside.copied(icon.work) if icon.work is not None and "source_host" in icon.memo else ""
    return f"{run.plan.path(number)} copies from {icon.memo['source_host']}: {far}" if far else ""


def _few(names: Sequence[str]) -> str:
    more = len(names) - limits.REASONS_TOLD_MAX
    return ", ".join(names[: limits.REASONS_TOLD_MAX]) + (f" and {more} more" if more > 0 else "")


def _sources(run: Run, number: int) -> list[int]:
    frame = run.plan.frames[run.plan.nodes[number].frame]
    return [
        each
        for each in range(frame.first, frame.last)
        if any(target == number for target, _ in run.plan.nodes[each].targets)
    ]


def _host_trouble(host: str, outside: OutsideView, zone: tzinfo, own: Container[bytes | None]) -> Iterator[str]:
    """Say what keeps work for a host waiting; a reboot among `own` is no trouble but the work itself."""
    members = outside.members_of(host)
    if members is not None:
        if outside.is_disabled(host):
            yield f'the group "{host}" is disabled and takes no work'
        told = "; ".join(f"{name} {why or 'is free'}" for name, why in members[: limits.REASONS_TOLD_MAX])
        yield f'members of the group "{host}": {told or "none"}'
        return
    agent = outside.agent_of(host)
    if agent is None:
        yield f'the host "{host}" is not known here; add it with: jaz-lite host add {host} --agent NAME'
        return
    if outside.is_disabled(host):
        yield f'the host "{host}" is disabled and takes no work'
    since_ms = outside.unreachable_since_ms(agent)
    if since_ms is not None:
        yield f'the agent "{agent}" of the host "{host}" is not reachable since {_at(since_ms, zone)}; its jobs may go on'
    lock = outside.lock_of(agent)
    if lock is not None and lock.key not in own:
        yield (
            f'the host "{host}" is locked since {_at(lock.since_ms, zone)} by the reboot {lock.path} of run '
            f"{lock.run_id}: work for it waits until that is over, or until: jaz-lite host unlock {host}"
        )
    if outside.is_draining(agent):
        yield f'the agent "{agent}" of the host "{host}" is being drained and takes no new work'
    if refusal := outside.refusal_of(agent):
        yield f'the agent "{agent}" of the host "{host}" refuses new work for now: {refusal}'


def _has_no_member(icon: IconRun) -> bool:
    """Tell whether the work of an icon lies with a group, and no member of it has been chosen."""
    return bool(icon.memo.get("group")) and icon.memo.get("host") == icon.memo.get("group")


def _host(icon: IconRun) -> str:
    host = icon.memo.get("host")
    return host if isinstance(host, str) else ""


def _hosts(icon: IconRun) -> list[str]:
    """Return the hosts that the work of an icon needs."""
    names = (icon.memo.get("host"), icon.memo.get("source_host"))
    return sorted({name for name in names if isinstance(name, str) and name})


def _at(at_ms: int, zone: tzinfo) -> str:
    return moment(at_ms, zone).isoformat(sep=" ", timespec="seconds")
