"""What a benchmark says: one JSON line."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One figure, the floor of the same run, and what was asked for.

    `bar` and `stretch` bound `ratio` where there is a floor, else `figure`. `more_is_better` says from which side.
    """

    bench: str
    figure: float
    unit: str
    floor: float | None = None
    ratio: float | None = None
    bar: float | None = None
    stretch: float | None = None
    more_is_better: bool = True
    also_met: bool = True  # further bars that `details` shows
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def judged(self) -> float:
        return self.figure if self.ratio is None else self.ratio

    def reaches(self, limit: float | None) -> bool | None:
        """Is the figure on the right side of a limit? None where there is none."""
        if limit is None:
            return None
        return self.judged >= limit if self.more_is_better else self.judged <= limit

    @property
    def met(self) -> bool | None:
        reached = self.reaches(self.bar)
        return None if reached is None else reached and self.also_met


def emit(result: Result) -> None:
    """Print the line."""
    line = {
        "bench": result.bench,
        "figure": round(result.figure, 3),
        "unit": result.unit,
        "floor": None if result.floor is None else round(result.floor, 3),
        "ratio": None if result.ratio is None else round(result.ratio, 3),
        "bar": result.bar,
        "met": result.met,
        "stretch": result.stretch,
        "stretch_met": result.reaches(result.stretch),
        **result.details,
    }
    print(json.dumps(line), flush=True)
