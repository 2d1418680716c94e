"""Orphans: adopted attempts that no run has come to. How many are taken in, and when they are shown.

An agent is believed about its own work, and may lie. So much of what it tells is kept, and no more; what it says must
fit together (the key of an attempt follows from its occurrence, path and number).

While the uncertainty window is open it decides when they are shown (`window.py`). At other times, too, an agent may
tell of work that is not known here: it was revoked and enrolled anew, or away when this server's history was another
one. Ten minutes after it has told of it, nothing comes to that any more.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from jaz_lite.model.fact import Fact
from jaz_lite.runner import records
from jaz_lite.wire.ident import natural_key

if TYPE_CHECKING:
    from jaz_lite.runner.turn import Turn
    from jaz_lite.store.transaction import Nouns

OF_AGENT_MAX = 100_000  # far beyond what an agent does between a copy and its activation
OF_OCCURRENCE_MAX = 10_000  # icons of a run with all their passes and attempts
WAIT_MS = 600_000  # so long after it was told of, a run may still come to an attempt
LOOK_EVERY_MS = 60_000


class Orphans:
    """The adopted attempts, counted; what they are is in the store."""

    def __init__(self, *, begun_ms: int) -> None:
        self._begun_ms = begun_ms  # this server: before it, no run here could come to anything
        self._of_agent: Counter[str] = Counter()
        self._of_occurrence: Counter[tuple[str, str]] = Counter()
        self._records: Counter[str] = Counter()  # made by this process, by the agent that told of them
        self._alarmed: set[str] = set()
        self.due_ms: int | None = None  # when a turn is wanted to look after them; None: there are none

    def reload(self, nouns: Nouns) -> None:
        """Count everything again."""
        self._of_agent.clear()
        self._of_occurrence.clear()
        for agent_id, occ, count in nouns.adopted.counts():
            self._of_agent[agent_id] += count
            self._of_occurrence[agent_id, occ] = count
        oldest_ms = nouns.adopted.oldest_ms()
        self.due_ms = None if oldest_ms is None else max(oldest_ms, self._begun_ms) + WAIT_MS

    def may_come_in(self, turn: Turn, agent_id: str, k: bytes, occ: str, key_path: str, attempt: int) -> bool:
        """Tell whether an attempt that an agent tells of is taken in; if not, people are told once of that agent."""
        why = ""
        if natural_key(turn.site_uid, occ, key_path, attempt) != k:
            why = "its key is not that of the work it is said to be"
        elif self._of_agent[agent_id] >= OF_AGENT_MAX:
            why = f"it has told of {OF_AGENT_MAX} already"
        elif self._of_occurrence[agent_id, occ] >= OF_OCCURRENCE_MAX:
            why = f"it has told of {OF_OCCURRENCE_MAX} of one run already"
        if not why:
            return True
        if agent_id not in self._alarmed:
            self._alarmed.add(agent_id)
            data = {"agent_id": agent_id, "message": why}
            turn.tx.journal.add(turn.now_ms, None, "", Fact(kind="attempt_not_adopted", severity="error", data=data))
        return False

    def came_in(self, turn: Turn, agent_id: str, occ: str) -> None:
        """An attempt was taken in."""
        self._of_agent[agent_id] += 1
        self._of_occurrence[agent_id, occ] += 1
        if self.due_ms is None:
            self.due_ms = turn.now_ms + WAIT_MS

    def taken(self, agent_id: str, occ: str) -> None:
        """A run has come to an attempt."""
        self._of_agent[agent_id] -= 1
        self._of_occurrence[agent_id, occ] -= 1

    def take_turn(self, turn: Turn) -> None:
        """Show what no run has come to, where no window is open."""
        if self.due_ms is None or turn.now_ms < self.due_ms:
            return
        told_by_ms = turn.now_ms - WAIT_MS
        records.show_what_nobody_took(turn, self._records, told_by_ms=told_by_ms)
        oldest_ms = turn.tx.adopted.oldest_ms()
        self.due_ms = None if oldest_ms is None else max(oldest_ms + WAIT_MS, turn.now_ms + LOOK_EVERY_MS)

    def show_all(self, turn: Turn) -> bool:
        """Show all that no run has come to; tell whether some wait on for their run."""
        waits = records.show_what_nobody_took(turn, self._records, told_by_ms=turn.now_ms)
        if not waits:
            self.due_ms = None
        return waits
