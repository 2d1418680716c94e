"""What an icon type sees of its run: the promise's `View` over a draft."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jaz_lite.engine.draft import Draft, IconDraft
from jaz_lite.engine.variables import boot_time, current_time, instant_ms, moment
from jaz_lite.model.jobnet import Compat, Icon
from jaz_lite.model.run import IconRun, IconState, Origin, Plan
from jaz_lite.wire.ident import natural_key, task_occ


class IconView:
    """One icon, as its type may see it."""

    __slots__ = ("_draft", "_icon", "node", "now", "variables")

    def __init__(self, draft: Draft, node: int, icon: IconDraft | IconRun, at: datetime | None = None) -> None:
        """Args: at: another moment than the present, as which its variables tell the time, too."""
        self.now = at or draft.now
        self._draft = draft
        self._icon = icon
        self.node = node
        self.variables: Mapping[str, str] = icon.before if at is None else told_at(icon.before, at, draft)

    @property
    def icon(self) -> Icon:
        return self._draft.nodes[self.node].icon

    @property
    def compat(self) -> Compat:
        return self._draft.plan.frames[self._draft.nodes[self.node].frame].jobnet.compat

    @property
    def memo(self) -> Mapping[str, Any]:
        return self._icon.memo

    @property
    def state(self) -> IconState:
        return self._icon.state

    @property
    def visit(self) -> int:
        return self._icon.visit

    @property
    def attempt(self) -> int:
        return self._icon.attempt

    @property
    def work(self) -> bytes | None:
        return self._icon.work

    @property
    def key(self) -> bytes:
        run = self._draft.run
        return natural_key(run.site_uid, run.occ, self.key_path, self._icon.attempt)

    @property
    def key_path(self) -> str:
        draft = self._draft
        node = draft.nodes[self.node]
        parts = [f"{node.icon.icon_id}#{self._icon.visit}"]
        parent = draft.plan.frames[node.frame].parent
        while parent is not None:
            node = draft.nodes[parent]
            parts.append(f"{node.icon.icon_id}#{draft.peek(parent).visit}")
            parent = draft.plan.frames[node.frame].parent
        parts.append("")
        parts.reverse()
        return "/".join(parts)

    @property
    def task_occ(self) -> str:
        return task_occ(self._draft.run.occ, self.key_path, self._icon.attempt)

    @property
    def now_ms(self) -> int:
        return self._draft.now_ms if self.now is self._draft.now else instant_ms(self.now)

    @property
    def run_started(self) -> datetime:
        started_ms = self._draft.own_start_ms
        return self.now if started_ms is None else moment(started_ms, self.now.tzinfo)

    @property
    def origin(self) -> Origin:
        return self._draft.run.origin

    @property
    def user(self) -> str:
        return self._draft.run.user

    @property
    def test(self) -> bool:
        return self._draft.test

    def find(self, path: str) -> int | None:
        return find_inside(self._draft.plan, self._draft.nodes[self.node].frame, path)

    def state_of(self, node: int) -> IconState:
        return self._draft.peek(node).state

    def is_held(self, node: int) -> bool:
        icon = self._draft.peek(node)
        return icon.method == "hold" and icon.state in ("waiting", "ready")


def told_at(before: Mapping[str, str], at: datetime, draft: Draft) -> Mapping[str, str]:
    """Return the before set of an icon as it would be if it had begun at another moment."""
    own = {**before, "CURRENT_TIME": current_time(at)}
    if draft.began_in_replay and draft.scheduled_ms is None:
        own["JOBNET_BOOT_TIME"] = boot_time(at)  # nothing but the clock says when such a run began
    return own


def find_inside(plan: Plan, frame: int, path: str) -> int | None:
    """Return the number of the icon at a path that begins in a frame, or None."""
    found: int | None = None
    inside: int | None = frame
    for part in path.split("/"):
        if not part:
            continue
        if inside is None:
            return None
        first, last = plan.frames[inside].first, plan.frames[inside].last
        found = next((number for number in range(first, last) if plan.nodes[number].icon.icon_id == part), None)
        if found is None:
            return None
        inside = plan.nodes[found].child
    return found
