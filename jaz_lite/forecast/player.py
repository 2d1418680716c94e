"""One run while a forecast plays it, and what it makes of it in the end."""

from dataclasses import dataclass, field
from datetime import tzinfo

from jaz_lite.engine.explain import waiting_for
from jaz_lite.forecast.outcome import RunEnd
from jaz_lite.forecast.places import Waiting
from jaz_lite.model.run import RUN_OVER, Run

STUCK_TOLD_MAX = 5


@dataclass(slots=True)
class Player:
    """A run that is being played."""

    run: Run
    planned_id: int | None
    lived: bool
    started_by: str = ""
    events: int = 0
    timers: dict[tuple[int | None, str], int] = field(default_factory=dict)
    works: dict[bytes, Waiting] = field(default_factory=dict)  # by natural key
    asked_ms: int | None = None  # since then it waits for another run of its jobnet
    waited_ms: int = 0
    waited_for: str = ""
    end_cause: int | None = None
    given_up: str = ""

    @property
    def in_play(self) -> bool:
        return self.run.state not in RUN_OVER and not self.given_up and not self.run.faulted

    def end(self, zone: tzinfo) -> RunEnd:
        """Return how the run went.

        Args:
            zone: in which times are told.
        """
        return RunEnd(
            run=self.run,
            planned_id=self.planned_id,
            lived=self.lived,
            waited_ms=self.waited_ms,
            waited_for=self.waited_for,
            started_by=self.started_by,
            end_cause=self.end_cause,
            given_up=self.given_up,
            stuck=tuple(waiting_for(self.run, zone)[:STUCK_TOLD_MAX]) if self.in_play else (),
        )
