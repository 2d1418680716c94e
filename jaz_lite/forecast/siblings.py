"""All runs of a forecast, and what those of one jobnet are to each other: at work, or waiting for one that is."""

from collections.abc import Iterator

from jaz_lite.engine.boot import MINUTE_MS
from jaz_lite.forecast.player import Player
from jaz_lite.model.run import Run

BUSY = frozenset(("ready", "running", "run_error"))


class Siblings:
    """The players, by the names of their occurrences, in the order in which they came in."""

    def __init__(self) -> None:
        self._players: dict[str, Player] = {}
        self._busy: dict[str, dict[str, Player]] = {}  # by jobnet and occ: those that are at work
        self._delayed: dict[str, dict[str, Player]] = {}  # and those that wait for one of these

    def __iter__(self) -> Iterator[Player]:
        """Give all of them."""
        return iter(self._players.values())

    def __getitem__(self, occ: str) -> Player:
        """Return the run of an occurrence, which is there."""
        return self._players[occ]

    def find(self, occ: str) -> Player | None:
        """Return the run of an occurrence, or None."""
        return self._players.get(occ)

    def enter(self, player: Player) -> None:
        """Take in a run."""
        self._players[player.run.occ] = player
        self.note_state(player)

    def note_state(self, player: Player) -> None:
        """A run may mean something else for others of its jobnet now."""
        run = player.run
        jobnet_id, occ = run.jobnet.jobnet_id, run.occ
        if run.state in BUSY and player.in_play and not run.start_missed:
            self._busy.setdefault(jobnet_id, {})[occ] = player
            self._delayed.get(jobnet_id, {}).pop(occ, None)
        elif run.state == "waiting" and run.load_status == "delayed" and not (run.boot and run.boot.held == "held"):
            self._delayed.setdefault(jobnet_id, {})[occ] = player
        elif not player.in_play:
            self._busy.get(jobnet_id, {}).pop(occ, None)
            self._delayed.get(jobnet_id, {}).pop(occ, None)

    def busy(self, jobnet_id: str) -> list[Player]:
        """Return the runs of a jobnet that are at work, the oldest first."""
        return sorted(self._busy.get(jobnet_id, {}).values(), key=lambda each: each.run.run_id)

    def is_busy(self, jobnet_id: str) -> bool:
        """Tell whether a run of a jobnet is at work."""
        return bool(self._busy.get(jobnet_id))

    def next_after(self, player: Player) -> Player | None:
        """Return the run that goes on now that this one is over: the first of those that wait; None: nobody does."""
        jobnet_id = player.run.jobnet.jobnet_id
        waiting = self._delayed.get(jobnet_id)
        if not waiting or self.is_busy(jobnet_id):
            return None
        return min(waiting.values(), key=lambda other: (other.run.scheduled_ms or 0, other.run.run_id))

    def superseded(self, run: Run, now_ms: int) -> bool:
        """Tell whether a later time of the same schedule and jobnet is due as well; only of times that were missed."""
        boot = run.boot
        if boot is None or boot.late_start != "run_latest" or now_ms < (run.scheduled_ms or 0) + MINUTE_MS:
            return False
        others = [player.run for player in self if player.run.jobnet.jobnet_id == run.jobnet.jobnet_id]
        return any(
            other.boot.schedule_id == boot.schedule_id and boot.nominal_ms < other.boot.nominal_ms <= now_ms
            for other in others
            if other.boot is not None
        )
