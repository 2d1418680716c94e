"""A server that is killed and kept down over start times, with a clock that is set by libfaketime.

Of every nominal time there must be exactly one run afterwards, and what became of it is what its schedule says.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from bench.booter_site import EVERY_DAY, VERSION, enable, writing
from bench.definitions import chain
from bench.site import Site
from jaz_lite.model.schedule import BootTime, Cycle, LateStart, Schedule, ScheduledJobnet

LIBRARIES = [
    path
    for folder in ("/usr/lib", "/usr/local/lib")
    for path in sorted(Path(folder).glob("**/faketime/libfaketimeMT.so.1"))
]
POLICIES: tuple[LateStart, ...] = get_args(LateStart)
ENDS_WITHIN_S = 60.0

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not LIBRARIES, reason="the clock of a process is set by libfaketime, which is not installed here"
    ),
]


class Late:
    """A site whose processes are told what time it is."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        self.site = Site(folder)
        patch.setenv("TZ", "UTC")
        patch.setenv("LD_PRELOAD", os.fspath(LIBRARIES[0]))
        self._set_clock("2026-03-02 08:50:00")
        self.site.command("init")
        self.site.define(chain("LATE", 0, ":"), "late")

    def define(self, *schedules: Schedule) -> None:
        with writing(self.site) as tx:
            enable(tx, [EVERY_DAY, *schedules])

    def up(self, now: str) -> None:
        """Start the server at this time of its clock."""
        self._set_clock(now)
        self.site.start()

    def kill(self) -> None:
        server = self.site.server
        assert server is not None
        server.send_signal(signal.SIGKILL)
        server.wait()

    def _set_clock(self, now: str) -> None:
        self._patch.setenv("FAKETIME", f"@{now}")

    def runs(self, before: str) -> list[dict[str, Any]]:
        """Return the runs of nominal times before this one."""
        page = self.site.ask("run", "list", "--limit", "500")
        every: list[dict[str, Any]] = page["runs"]
        while page["more"]:
            page = self.site.ask("run", "list", "--limit", "500", "--before", page["runs"][-1]["run_id"])
            every += page["runs"]
        return [run for run in every if run["nominal_at"] and run["nominal_at"] < before]

    def judged(self, before: str, count: int) -> list[dict[str, Any]]:
        """Wait until so many times before this one were judged, and return their runs."""
        until = time.monotonic() + ENDS_WITHIN_S
        while True:
            found = self.runs(before)
            over = [run for run in found if run["state"] in ("ended", "run_error")]
            if len(over) >= count:
                return found
            assert time.monotonic() < until, Counter((run["state"], run["load_status"]) for run in found)
            signal.sigtimedwait([], 0.1)


@pytest.fixture
def late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Late]:
    made = Late(tmp_path, monkeypatch)
    yield made
    made.site.stop()


def hourly(policy: LateStart) -> Schedule:
    """A schedule at nine and at ten."""
    return Schedule(
        schedule_id=policy.upper(),
        version=VERSION,
        boot_times=tuple(BootTime(days_id="EVERY_DAY", at=at) for at in ("0900", "1000")),
        jobnets=(ScheduledJobnet(jobnet_id="LATE"),),
        late_start=policy,
        grace_min=5,
    )


def outcomes(runs: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Return what became of the times of each schedule, in the order of these."""
    found: dict[str, list[str]] = {}
    for run in sorted(runs, key=lambda run: str(run["nominal_at"])):
        what = "late" if run["late"] else "skipped" if run["load_status"] == "skipped" else run["state"]
        found.setdefault(run["schedule_id"], []).append(what)
    return found


def test_a_server_that_was_killed_over_start_times_does_with_each_what_its_schedule_says(late: Late) -> None:
    late.define(*(hourly(policy) for policy in POLICIES))
    late.up("2026-03-02 08:59:00")
    late.kill()
    late.up("2026-03-02 10:30:00")

    runs = late.judged("2026-03-02T10:30", 8)

    assert outcomes(runs) == {
        "ERROR": ["run_error", "run_error"],
        "SKIP": ["skipped", "skipped"],
        "RUN_ALL": ["late", "late"],
        "RUN_LATEST": ["skipped", "late"],
    }


def test_a_down_time_longer_than_what_is_planned_ahead_leaves_no_time_out(late: Late) -> None:
    late.define(*(hourly(policy) for policy in POLICIES))
    late.up("2026-03-02 08:59:00")
    late.kill()
    late.up("2026-03-05 09:02:00")

    runs = late.judged("2026-03-05T09:02", 28)  # of each schedule 2, 2, 2 and 1; the last within its grace

    assert outcomes(runs) == {
        "ERROR": [*["run_error"] * 6, "late"],
        "SKIP": [*["skipped"] * 6, "late"],
        "RUN_ALL": ["late"] * 7,
        "RUN_LATEST": [*["skipped"] * 6, "late"],
    }


def test_a_server_that_is_killed_while_it_catches_up_records_each_time_once(late: Late) -> None:
    late.define(
        Schedule(
            schedule_id="OFTEN",
            version=VERSION,
            cycles=(Cycle(days_id="EVERY_DAY", since="0000", until="2355", every_min=5),),
            jobnets=(ScheduledJobnet(jobnet_id="LATE"),),
            late_start="run_all",
        )
    )
    late.up("2026-03-02 08:52:00")
    late.kill()
    for _ in range(3):
        late.up("2026-03-04 08:52:00")
        late.kill()
    late.up("2026-03-04 08:52:00")

    runs = late.judged("2026-03-04T08:52", 576)  # 288 a day

    times = Counter(run["nominal_at"] for run in runs)
    assert len(times) == 576
    assert set(times.values()) == {1}
