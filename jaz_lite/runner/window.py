"""The uncertainty window while the server runs: who was heard, and what must wait for whom (protocol.md 8.4).

    opened ─ agents come, tell what they know, are heard ─ all heard ─ 10 minutes ─ what nobody took is shown ─ closed
              what may have been started elsewhere waits      it goes on

Most of what is uncertain needs no window: the natural key of an attempt leads its run to what its agent has of it.
The window is for the rest: times that may have been started, work that any member of a group may have, records that
agents have lost, and attempts that no run comes to. Ten minutes after its beginning, or after the start of a server in
it, nothing waits any longer; what is then still not known is in doubt, for a person.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from jaz_lite.engine.boot import is_judged
from jaz_lite.model.event import Started, WorkCancelled, WorkDoubted, WorkPlaced
from jaz_lite.model.fact import Fact
from jaz_lite.model.run import DoubtReason, Run
from jaz_lite.runner import dispatch
from jaz_lite.runner.orphans import Orphans
from jaz_lite.store.scheduled_runs import nominal_ms_of
from jaz_lite.store.window import Window, WindowReason, Witness

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jaz_lite.runner.turn import Turn
    from jaz_lite.runner.work import Work
    from jaz_lite.store.transaction import Nouns

PATIENCE_MS = 600_000  # so long do things wait for agents that are not heard
LOOK_EVERY_MS = 10_000
MARGIN_MS = 60_000  # before the last sign of life, what is in the store may be less than what was done
NAMES_TOLD_MAX = 5

NO_PROOF: dict[str, tuple[DoubtReason, str]] = {
    "setback": ("setback", "an earlier active may have had it done, and its agent's records were lost or set back"),
    "gap": ("gap", "an earlier active may have had it done, and its agent keeps no record any more of that time"),
    "too_old": ("too_old", "the copy that was activated is older than what agents remember; it may have been done"),
}


class Uncertainty:
    """The window that is open, if one is, and its witnesses; a copy of what the store says."""

    def __init__(self, *, begun_ms: int) -> None:
        self.window: Window | None = None
        self._begun_ms = begun_ms  # this server: all witnesses are to be heard by it
        self._witnesses: dict[str, Witness] = {}
        self._missing: set[str] = set()  # witnesses that have not told what they know
        self._look_ms = 0
        self.orphans = Orphans(begun_ms=begun_ms)

    def reload(self, nouns: Nouns) -> None:
        """Read everything again."""
        self.orphans.reload(nouns)
        self.window = nouns.window.current()
        self._witnesses = dict(nouns.window.witnesses())
        self._missing = {name for name, each in self._witnesses.items() if each.heard_ms is None}
        self._look_ms = 0

    # ---- looks

    @property
    def due_ms(self) -> int | None:
        """When a turn is wanted to look after it, or after what agents told of; None: there is neither."""
        return self.orphans.due_ms if self.window is None else self._look_ms

    @property
    def deadline_ms(self) -> int:
        """Until when things wait."""
        return 0 if self.window is None else max(self.window.until_ms, self._begun_ms) + PATIENCE_MS

    def unheard(self, among: Iterable[str] | None = None) -> list[str]:
        """Return the agents, of these or of all, that have not told what they know since the window was opened."""
        if self.window is None:
            return []
        return sorted(self._missing if among is None else self._missing.intersection(among))

    def no_proof(self, agent_id: str) -> tuple[DoubtReason, str] | None:
        """Return why an agent's having no record proves nothing about replayed runs; None: it is proof."""
        witness = self._witnesses.get(agent_id)
        return None if witness is None else NO_PROOF.get(witness.no_proof)

    def since_ms(self, occ: str) -> int | None:
        """Return since when an earlier active may have begun a new run of this occurrence; None: none can have."""
        nominal_ms = nominal_ms_of(occ)
        return nominal_ms if nominal_ms is not None and self.window and self.window.holds(nominal_ms) else None

    def must_wait(self, turn: Turn, run: Run) -> bool:
        """Tell whether a planned run whose time was missed is not judged yet: its agents may say that it was started."""
        if self.window is None or run.replayed_since_ms is None or not is_judged(run, turn.now_ms):
            return False
        return turn.now_ms < self.deadline_ms and bool(self._missing)

    def group_waits_for(self, turn: Turn, work: Work, members: Iterable[str]) -> list[str]:
        """Return the members that are to be heard before work of a group goes to any of them."""
        if self.window is None or (work.occ.startswith("M:") and not dispatch.is_replayed(turn, work)):
            return []
        return self.unheard(members)

    def may_be_elsewhere(self, turn: Turn, work: Work) -> bool:
        """Tell whether work that this server never sent may be with an agent all the same, which was not heard yet."""
        among = [work.agent_id] if work.agent_id else turn.members_of(work.group)
        return bool(self.group_waits_for(turn, work, among))

    # ---- what happens

    def opened(self, turn: Turn, window: Window) -> None:
        """A window was opened in this turn: what is known is another thing now."""
        self.reload(turn.tx)
        for run in list(turn.all_live()):
            row = turn.tx.runs.row(run.run_id)
            if row is not None and row.replayed_since_ms != run.replayed_since_ms:
                turn.change_run(replace(run, replayed_since_ms=row.replayed_since_ms))
        data = {"since": turn.shown(window.from_ms), "why": window.reason.replace("_", " ")}
        turn.tx.journal.add(turn.now_ms, None, "", Fact(kind="window_opened", severity="warning", data=data))

    def set_back(self, turn: Turn) -> None:
        """This directory turns out to be an earlier state of itself: what was done after it is not known here."""
        if self.window is not None:
            return
        site = turn.tx.term.site()
        alive_ms = site.tick_before_ms if site.tick_before_ms is not None else turn.now_ms
        reason: WindowReason = "set_back"
        self.opened(turn, turn.tx.window.open(alive_ms - MARGIN_MS, turn.now_ms, site.epoch, reason))
        for agent_id, desk in turn.works.desks.items():
            if desk.connected:
                self._has_told(turn, agent_id)

    def heard(self, turn: Turn, agent_id: str) -> None:
        """An agent has told all that it knows."""
        witness = self._witnesses.get(agent_id)
        if self.window is None or witness is None or witness.heard_ms is not None:
            return
        self._has_told(turn, agent_id)
        turn.look_at_groups()
        self._end_unheard(turn)
        if not self._missing:
            self._nobody_is_missing(turn)

    def _has_told(self, turn: Turn, agent_id: str) -> None:
        turn.tx.window.heard(agent_id, turn.now_ms)
        if (witness := self._witnesses.get(agent_id)) is not None:
            self._witnesses[agent_id] = replace(witness, heard_ms=turn.now_ms)
            self._missing.discard(agent_id)

    def lost(self, turn: Turn, agent_id: str, why: str) -> None:
        """Records of an agent were lost before it was heard: what it does not know may have been done all the same."""
        witness = self._witnesses.get(agent_id)
        if witness is None or witness.heard_ms is not None or witness.no_proof:
            return
        turn.tx.window.not_believed(agent_id, why)
        self._witnesses[agent_id] = replace(witness, no_proof=why)

    def dismiss(self, turn: Turn, agent_id: str) -> None:
        """An agent was refused for good."""
        if self._witnesses.pop(agent_id, None) is not None:
            self._missing.discard(agent_id)
            turn.tx.window.dismiss(agent_id)
            turn.look_at_groups()
            self._end_unheard(turn)
            if not self._missing:
                self._nobody_is_missing(turn)

    def _nobody_is_missing(self, turn: Turn) -> None:
        """All have been heard: times that were missed are judged now."""
        self._look_ms = 0
        for run in list(turn.all_live()):
            if run.replayed_since_ms is not None and run.state == "waiting" and run.boot is not None:
                turn.raise_event(run.run_id, Started())

    def _end_unheard(self, turn: Turn) -> None:
        """Work of a group that waited because a member was not heard is proven not to be there, or there."""
        for work in turn.works.of_agent(""):
            if self.unheard(turn.members_of(work.group)):
                continue
            match work.state:
                case "unknown":
                    turn.change_attempt(work, "ready", why="", message="")
                    turn.works.wait_again(work)
                    turn.raise_event(work.run_id, WorkPlaced(work.node, work.k, work.group, work.group))
                case "stopping":
                    turn.change_attempt(work, "cancelled", why="server", ended_ms=turn.now_ms)
                    turn.raise_event(work.run_id, WorkCancelled(work.node, work.k, "server"))
                case "abandoned":
                    turn.change_attempt(work, "cancelled", why="abandoned", ended_ms=turn.now_ms)

    def doubt_group(self, turn: Turn, work: Work, missing: list[str]) -> None:
        """Nobody waits any longer for the members of a group: whether one of them has the work is not known."""
        names = ", ".join(missing[:NAMES_TOLD_MAX]) + (" and others" if len(missing) > NAMES_TOLD_MAX else "")
        message = f"an earlier active may have given it to an agent that was not heard since: {names}"
        turn.change_attempt(work, "unknown", why="unheard", message=message)
        turn.raise_event(work.run_id, WorkDoubted(work.node, work.k, "unheard", message))

    # ---- time

    def take_turn(self, turn: Turn) -> None:
        """Look whether time has made anything certain."""
        if self.window is None:
            self.orphans.take_turn(turn)
            return
        if turn.now_ms < self._look_ms:
            return
        self._look_ms = turn.now_ms + LOOK_EVERY_MS
        if turn.now_ms >= self.deadline_ms:
            turn.look_at_groups()
        if self._missing:
            return
        last_ms = max([each.heard_ms or 0 for each in self._witnesses.values()], default=self.window.until_ms)
        if turn.now_ms < max(last_ms, self.window.until_ms) + PATIENCE_MS:
            return
        if self.orphans.show_all(turn) or self._is_undecided(turn):
            return
        turn.tx.window.close(turn.now_ms)
        if not turn.tx.window.replayed_live():
            turn.tx.window.forget_witnesses()
        self.reload(turn.tx)
        turn.tx.journal.add(turn.now_ms, None, "", Fact(kind="window_closed"))

    def _is_undecided(self, turn: Turn) -> bool:
        return any(
            icon.doubt is not None
            for run_id in turn.tx.window.replayed_live()
            if (run := turn.find_run(run_id)) is not None
            for icon in run.icons
        )
