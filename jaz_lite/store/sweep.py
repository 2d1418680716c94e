"""What is old, how far its removal has come, and what went."""

from dataclasses import dataclass, fields, replace

from jaz_lite.store.scheduled_runs import nominal_ms_of
from jaz_lite.store.settings import Settings

MINUTE_MS = 60_000
# The natural key of a run says that its time is planned already. A clock that was set back asks for it again, but not
# for one from days ago; so long it stays, and then costs more room than all else of a bare run.
OCC_KEPT_MS = 7 * 24 * 60 * MINUTE_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """What ended, was written or was replaced before these times is old; None: nothing is.

    A result is kept at least as long as its run.
    """

    output_before_ms: int | None = None
    runs_before_ms: int | None = None
    results_before_ms: int | None = None
    superseded_before_ms: int | None = None
    occ_before_ms: int | None = None  # natural keys of times before this are not asked for again

    @classmethod
    def at(cls, settings: Settings, now_ms: int) -> "Keep":
        """Return what the settings say is old at a time."""

        def before(name: str) -> int | None:
            minutes = settings.minutes(name)
            return now_ms - minutes * MINUTE_MS if minutes else None

        runs, results = before("keep_runs_min"), before("keep_results_min")
        return cls(
            output_before_ms=before("keep_output_min"),
            runs_before_ms=runs,
            results_before_ms=None if runs is None or results is None else min(runs, results),
            superseded_before_ms=before("keep_superseded_min"),
            occ_before_ms=now_ms - OCC_KEPT_MS,
        )

    def needs_occ(self, occ: str | None, ended_ms: int) -> bool:
        """Tell whether the natural key of a run must stay: its time may still be asked for.

        Notes:
            A run that was deleted before its start is over long before its time.
        """
        if occ is None or self.occ_before_ms is None:
            return occ is not None
        return max(ended_ms, nominal_ms_of(occ) or 0) >= self.occ_before_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """What went."""

    weight: int = 0  # how much work it was: rows, pages of long output, and rows that were looked at
    output: int = 0  # pieces
    cut: int = 0  # lines of the journal that no longer repeat output
    runs: int = 0  # of which only the result is left
    results: int = 0  # runs of which nothing is left
    journal: int = 0  # rows of the journal that belonged to no run
    definitions: int = 0

    @property
    def anything(self) -> bool:
        """Whether anything went."""
        return replace(self, weight=0) != Purged()

    def __add__(self, other: "Purged") -> "Purged":
        names = (field.name for field in fields(Purged))
        return Purged(**{name: getattr(self, name) + getattr(other, name) for name in names})


class Sweep:
    """One pass over everything that is old, from batch to batch. It lives in memory only."""

    def __init__(self, keep: Keep) -> None:
        self.keep = keep
        self.stage = 0
        self.over = False  # everything that was old is gone
        self.after = 0  # the present stage has looked at everything below this key or time
        self.border: int | None = None  # the key where the present stage ends, where it has one

    def next_stage(self) -> None:
        """Everything of the present stage is gone."""
        self.stage += 1
        self.after = 0
        self.border = None
