"""A night to be foreseen, in the reader's words: jobnets that are to start, machines, and how long jobs took."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from jaz_lite.engine.plan import build
from jaz_lite.forecast.durations import Choice, Durations
from jaz_lite.forecast.outcome import Activity, Outcome, RunEnd
from jaz_lite.forecast.play import play
from jaz_lite.forecast.world import Coming, Live, Machine, World
from jaz_lite.model.host import Host
from jaz_lite.model.jobnet import Jobnet
from jaz_lite.model.run import Boot

ZONE = ZoneInfo("Asia/Tokyo")
EVENING = datetime(2026, 11, 23, 21, 0, tzinfo=ZONE)
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


def at_ms(clock: str) -> int:
    """Return the instant of `22:15` this evening, or of `25:30` after midnight."""
    hours, minutes = clock.split(":")
    return int(EVENING.timestamp() * 1000) + (int(hours) - 21) * HOUR_MS + int(minutes) * MINUTE_MS


def clock(instant_ms: int | None) -> str:
    """Return an instant as `22:15`, past midnight as `25:30`; nothing for None."""
    if instant_ms is None:
        return ""
    minutes, rest = divmod(instant_ms - at_ms("21:00"), MINUTE_MS)
    text = f"{21 + minutes // 60:02}:{minutes % 60:02}"
    return text if not rest else f"{text}+{rest}ms"


class Night:
    """What will be, written down bit by bit; `goes` plays it."""

    def __init__(self, **slots: int) -> None:
        """Have one host and agent for each keyword, with so many slots."""
        slots = slots or {"a1": 64}
        self.hosts = {name: Host(host=name, agent_id=name) for name in slots}
        self.machines = {name: Machine(agent_id=name, slots=count) for name, count in slots.items()}
        self.coming: list[Coming] = []
        self.live: list[Live] = []
        self.jobnets: dict[str, Jobnet] = {}
        self.took: dict[tuple[str, str], Sequence[int]] = {}

    def find(self, jobnet_id: str) -> tuple[Jobnet, int] | None:
        found = self.jobnets.get(jobnet_id)
        return None if found is None else (found, 1)

    def starts(self, jobnet: Jobnet, at: str, *, schedule: str = "NIGHTLY", deadline: str = "", **boot: Any) -> str:
        """Have a jobnet start; return the name of that occurrence."""
        occ = f"S:{schedule}:{jobnet.jobnet_id}:{at_ms(at) // 1000}"
        self.coming.append(
            Coming(
                occ=occ,
                plan=build(jobnet, self.find),
                at_ms=at_ms(at),
                boot=replace(
                    Boot(
                        schedule_id=schedule,
                        nominal_ms=at_ms(at),
                        deadline_ms=at_ms(deadline) if deadline else None,
                    ),
                    **boot,
                ),
            )
        )
        return occ

    def took_minutes(self, jobnet: Jobnet, **minutes: float | Sequence[float]) -> None:
        """Note what the past says of icons: one duration, or several."""
        for icon_id, said in minutes.items():
            several = said if isinstance(said, Sequence) else [said]
            self.took[jobnet.jobnet_id, f"/{icon_id}"] = [int(each * MINUTE_MS) for each in several]

    def world(self, **more: Any) -> World:
        return World(
            now_ms=at_ms("21:00"),
            zone=ZONE,
            coming=tuple(self.coming),
            live=tuple(self.live),
            hosts=self.hosts,
            machines=self.machines,
            find=self.find,
            **more,
        )

    def durations(self) -> Durations:
        return Durations(self.took)

    def goes(self, choice: Choice = "median", **more: Any) -> "Foreseen":
        return Foreseen(play(self.world(**more), self.durations(), choice))


class Foreseen:
    """An outcome, as a test asks about it."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self._runs: Mapping[str, RunEnd] = {end.run.occ: end for end in outcome.runs}

    def run(self, occ: str) -> RunEnd:
        return self._runs[occ]

    def times(self, occ: str) -> tuple[str, str]:
        """Return start and end of a run."""
        return clock(self.run(occ).started_ms), clock(self.run(occ).ended_ms)

    def jobs(self, occ: str) -> dict[str, tuple[str, str]]:
        """Return start and end of each job of a run, by path."""
        return {each.path: (clock(each.started_ms), clock(each.ended_ms)) for each in self.work() if each.occ == occ}

    def work(self) -> list[Activity]:
        return [each for each in self.outcome.activities if each.kind not in ("start", "wait")]
