"""Deliberate faults in what starts schedules, by name: each leaves out one step that a promise rests on."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from jaz_lite.engine import boot
from jaz_lite.runner import booter, starts
from jaz_lite.runner.backlog import Backlog
from jaz_lite.runner.booter import Booter
from jaz_lite.runner.clock_watch import ClockWatch
from jaz_lite.runner.entry import Entry
from jaz_lite.runner.turn import Turn
from jaz_lite.runner.turns import Turns
from tests.sim.observe import patched

BERLIN = ZoneInfo("Europe/Berlin")


def mark_before_runs() -> AbstractContextManager[None]:
    """The marks move in a transaction of their own, before the one with the runs."""
    prepare = Turns.prepare

    def broken(self: Turns) -> Turn | None:
        with self.store.transaction() as tx:
            for schedule_id in self.booter._entries:
                tx.schedule_marks.move(schedule_id, self.clock.now_ms())
        return prepare(self)

    return patched((Turns, "prepare", broken))


def mark_runs_ahead() -> AbstractContextManager[None]:
    """The mark of the site moves although some times until then are not made up for yet."""
    take_turn = Booter.take_turn

    def broken(self: Booter, turn: Turn, **more: Any) -> None:
        take_turn(self, turn, **more)
        turn.tx.schedule_marks.move_site(turn.now_ms)

    return patched((Booter, "take_turn", broken))


def key_without_meaning() -> AbstractContextManager[None]:
    """A run's key is new each time it is asked for: nothing is found again."""
    keys = iter(range(1, 10**9))
    return _keys(lambda schedule_id, jobnet_id, _at: f"S:{schedule_id}:{jobnet_id}:{next(keys)}")


def key_from_wall_time() -> AbstractContextManager[None]:
    """A run's key is the wall time of a zone with clock changes: what comes twice has one key."""

    def broken(schedule_id: str, jobnet_id: str, at_ms: int) -> str:
        at = datetime.fromtimestamp(at_ms / 1000, UTC)
        ahead = at.astimezone(BERLIN).utcoffset()
        assert ahead is not None
        return f"S:{schedule_id}:{jobnet_id}:{at_ms // 1000 + round(ahead.total_seconds())}"

    return _keys(broken)


def _keys(key: Callable[[str, str, int], str]) -> AbstractContextManager[None]:
    return patched((booter, "occurrence", key), (starts, "occurrence", key))


def lateness_ignored() -> AbstractContextManager[None]:
    """Whatever its time was, a run starts."""
    return patched((boot, "_may_start", lambda _draft, known, _event: known.held != "held"))


def grace_ignored() -> AbstractContextManager[None]:
    """A start within the grace is judged as any late one."""
    judge = boot._may_start

    def broken(draft: Any, known: Any, event: Any) -> bool:
        return judge(draft, replace(known, grace_min=0), event)

    return patched((boot, "_may_start", broken))


def hold_ignored() -> AbstractContextManager[None]:
    """A held run starts at its time."""
    judge = boot._may_start

    def broken(draft: Any, known: Any, event: Any) -> bool:
        return judge(draft, replace(known, held="released") if known.held == "held" else known, event)

    return patched((boot, "_may_start", broken))


def superseded_ignored() -> AbstractContextManager[None]:
    """Of several missed times each is taken for the latest one."""
    return patched((Turn, "_is_superseded", lambda _turn, _run: False))


def window_not_looked_at_again() -> AbstractContextManager[None]:
    """A changed schedule goes on from where the earlier version had planned to."""
    return patched((Entry, "decided_ms", lambda entry, _now_ms: entry.done_ms))


def change_swallows() -> AbstractContextManager[None]:
    """A changed schedule forgets what was still to be made up for."""
    return patched((Booter, "decide_as_it_was", lambda _booter, _turn: None))


def records_left_out() -> AbstractContextManager[None]:
    """What is too much to become runs is counted, and nobody is told."""
    return patched((Backlog, "_tell_counts", lambda *_arguments: None))


def set_back_unnoticed() -> AbstractContextManager[None]:
    """The booter does not see that the clock was set."""
    return patched((ClockWatch, "look", lambda _watch: 0))


BREAKAGES: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "mark-before-runs": mark_before_runs,
    "mark-runs-ahead": mark_runs_ahead,
    "key-without-meaning": key_without_meaning,
    "key-from-wall-time": key_from_wall_time,
    "lateness-ignored": lateness_ignored,
    "grace-ignored": grace_ignored,
    "hold-ignored": hold_ignored,
    "superseded-ignored": superseded_ignored,
    "window-not-looked-at-again": window_not_looked_at_again,
    "change-swallows": change_swallows,
    "records-left-out": records_left_out,
    "set-back-unnoticed": set_back_unnoticed,
}
