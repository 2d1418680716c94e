"""What a forecast gives back."""

from dataclasses import dataclass

from jaz_lite.model.run import Run


@dataclass(slots=True)
class Activity:
    """Something that takes time: work on a host, a wait, or the beginning of a run (which takes none).

    `cause` is the activity whose end let this one begin; None: the clock did. `freed` is the activity whose end gave
    it the slot that it had waited for.
    """

    number: int
    occ: str  # of its run
    kind: str  # "start", "wait", or the kind of the work order
    path: str
    begun_ms: int  # it was asked for
    cause: int | None
    started_ms: int | None = None
    ended_ms: int | None = None
    agent_id: str = ""
    host: str = ""  # as the definition names it
    freed: int | None = None
    samples: int = 0  # attempts that the past knows of it
    overdue: bool = False  # it works now, longer than was to be expected
    refused: bool = False  # no agent will ever take it


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """How a run goes."""

    run: Run  # as the forecast leaves it
    planned_id: int | None  # the run_id it has in the store; None: it is not planned yet
    lived: bool  # it had begun before the forecast
    waited_ms: int = 0  # for other runs of its jobnet
    waited_for: str = ""  # occ of the last one of these
    started_by: str = ""  # occ of the run whose TASK icon started it
    end_cause: int | None = None  # the activity whose end was its end
    given_up: str = ""  # why the forecast leaves it alone
    stuck: tuple[str, ...] = ()  # what it waits for where it does not end

    @property
    def schedule_id(self) -> str:
        return "" if self.run.boot is None else self.run.boot.schedule_id

    @property
    def deadline_ms(self) -> int | None:
        return None if self.run.boot is None else self.run.boot.deadline_ms

    @property
    def started_ms(self) -> int | None:
        return self.run.started_ms

    @property
    def ended_ms(self) -> int | None:
        return None if self.given_up else self.run.ended_ms

    @property
    def misses(self) -> bool:
        """Tell whether it is not over at its deadline; one that does not end at all is not."""
        if self.deadline_ms is None or self.run.load_status == "skipped":
            return False
        return self.ended_ms is None or self.ended_ms > self.deadline_ms


@dataclass(frozen=True, slots=True)
class Crowd:
    """A time in which work waited for a slot. `name` is an agent or a group."""

    name: str
    slots: int
    since_ms: int
    until_ms: int | None
    most: int  # so many waited at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One way in which the night may go. Runs in the order in which they came into the forecast."""

    runs: tuple[RunEnd, ...]
    activities: tuple[Activity, ...]
    crowds: tuple[Crowd, ...]
    until_ms: int  # so far it was played
