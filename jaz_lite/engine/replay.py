"""Icons of a replayed run that no agent can witness: whether they may be begun as if nothing had been.

A replayed run is one that an earlier active may have had already. What its jobs did, agents know. An icon that acts
from the server itself is done again only where somebody says so. An icon whose answer depends on the clock must not
take another way than it took then: its answer counts if it is the same for every moment since.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from jaz_lite.engine.draft import Draft, IconDraft
from jaz_lite.engine.icon_view import IconView
from jaz_lite.engine.variables import moment
from jaz_lite.icons._promise import Step
from jaz_lite.model.action import AskCalendar, ReleaseIcon
from jaz_lite.model.run import Doubt, DoubtReason, IconState

# More moments are not tried: a wait that long shows every value that a format of hours and minutes can take.
MOMENTS_MAX = 97

NO_WITNESS = "it acts from the server itself, and an earlier active may have done it already"
STATE = "its answer depends on how far another icon was, and an earlier active may have asked at another moment"
TIME = "its answer depends on when it is asked, and an earlier active may have asked before"


def doubt_of(draft: Draft, number: int, icon: IconDraft, step: Step) -> Doubt | None:
    """Return why the first step of an icon is not to be put into effect; None: it is.

    Notes:
        What a person has asked to be run again is done again, whatever was.
    """
    since_ms = draft.run.replayed_since_ms
    if since_ms is None or icon.method == "rerun" or draft.test:
        return None
    if any(isinstance(action, ReleaseIcon) for action in step.actions):
        return _doubt(draft, "no_witness", NO_WITNESS)
    node = draft.nodes[number]
    kind = draft.type_of(node)
    if kind.traits.asks_time and (answer := _answer(step)) is not None:
        watched = _Watched(draft, number, icon)
        kind.begin(node.params, watched)
        if any(not _is_behind(draft, number, asked) for asked in watched.asked):
            return _doubt(draft, "time", STATE)
        for each in _moments(draft.now, since_ms, draft.now_ms):
            view = IconView(draft, number, icon, at=each)
            if _answer(kind.begin(node.params, view)) != answer:
                return _doubt(draft, "time", TIME)
    return None


class _Watched(IconView):
    """A view that notes of which icons the state is asked."""

    __slots__ = ("asked",)

    def __init__(self, draft: Draft, node: int, icon: IconDraft) -> None:
        super().__init__(draft, node, icon)
        self.asked: set[int] = set()

    def state_of(self, node: int) -> IconState:
        self.asked.add(node)
        return super().state_of(node)


def _is_behind(draft: Draft, number: int, asked: int) -> bool:
    """Tell whether the flow has come through an icon before it came here, so that its state is the same at any time."""
    frame = draft.nodes[number].frame
    while draft.nodes[asked].frame != frame:
        parent = draft.plan.frames[draft.nodes[asked].frame].parent
        if parent is None:
            return False
        asked = parent
    seen = {number}
    todo = [number]
    while todo:
        target = todo.pop()
        if draft.type_of(draft.nodes[target]).traits.ready_at == "first":
            continue  # any of its sources may have made it ready
        for source in range(draft.plan.frames[frame].first, draft.plan.frames[frame].last):
            if source not in seen and any(target == each for each, _ in draft.nodes[source].targets):
                seen.add(source)
                todo.append(source)
    return asked in seen - {number}


def as_replayed(draft: Draft, icon: IconDraft, step: Step) -> Step:
    """Return the first step of an icon so that what it asks is asked for all days on which it may have been asked."""
    since_ms = draft.run.replayed_since_ms
    if since_ms is None or icon.method == "rerun" or draft.test:
        return step
    first = moment(min(since_ms, draft.now_ms), draft.now.tzinfo).date().isoformat()
    asked = tuple(
        replace(action, since=first) if isinstance(action, AskCalendar) else action for action in step.actions
    )
    return step if asked == step.actions else replace(step, actions=asked)


def _doubt(draft: Draft, reason: DoubtReason, message: str) -> Doubt:
    return Doubt(reason=reason, since_ms=draft.now_ms, message=message)


def _answer(step: Step) -> Any:
    """Return what may differ from moment to moment; None: it waits, and that ends in the same way.

    Notes:
        A calendar is asked for all days at once (`as_replayed`), and its answer counts if it is the same for all.
    """
    if step.outcome == "waiting" or not (step.results or step.branch != "plain"):
        return None
    return step.outcome, step.branch, dict(step.results)


def _moments(now: datetime, since_ms: int, now_ms: int) -> Iterator[datetime]:
    span_ms = max(0, now_ms - since_ms)
    for part in range(MOMENTS_MAX):
        yield now - timedelta(milliseconds=span_ms * (MOMENTS_MAX - 1 - part) // (MOMENTS_MAX - 1))
