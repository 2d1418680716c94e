"""What must be so when everything is mended: the file that the jobs wrote in, beside what the active server says."""

import contextlib
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import apsw

from jaz_lite.errors import JazLiteError
from jaz_lite.store.attempts import ORIGINS, STATE_NUMBER
from jaz_lite.store.connection import DATABASE_FILE
from jaz_lite.store.scheduled_runs import nominal_ms_of
from tests.failover.files import COPY
from tests.failover.machines import ENDS_WITHIN_S, REPLACED, Server
from tests.failover.site import AGENTS, FailoverSite
from tests.failover.witness import HANDS, SCHEDULES, Job, Testimony, hosts_of, key_of, testimony

OVER_WITHIN_S = 240.0
JOBS_END_WITHIN_S = 20.0  # they take three
KILLED_AROUND_S = 2.0  # what began up to so long after its keeper was killed had been claimed before
OVER = ("ended", "run_error", "end_error")
PAGE = 500
MINUTE_S = 60
OPERATORS_REASONS = frozenset(("lost",))  # with hosts that keep names and agents that keep disks, nothing else may be


@dataclass
class Verdict:
    """What was counted."""

    starts: int = 0
    ends: int = 0
    doubts: int = 0
    runs: int = 0
    files: int = 0


def judge(site: FailoverSite) -> Verdict:
    """Wait until the site has come to rest, and compare; raises AssertionError with what is wrong."""
    found = Verdict()
    one_is_active(site)
    site.wait_for_agents(site.active)
    _wait_for_runs(site, found)
    _wait_for_jobs(site)
    _nothing_started_twice(site, found)
    _results_are_known(site, found)
    _every_time_has_its_run(site)
    _files_are_whole(site, found)
    return found


def one_is_active(site: FailoverSite) -> None:
    """Wait until one server is left, and take it for the active.

    Of two that took over apart with one copy, neither of which heard of the other, one stays, and it may be the first.
    Where both are gone, a person chooses one.
    """
    until = time.monotonic() + ENDS_WITHIN_S
    while len(site.living) > 1:
        told = [f"{server}: {server.said()}" for server in site.living]
        assert time.monotonic() < until, f"{len(told)} servers go on beside each other: {told}"
        time.sleep(0.2)
    if not site.living:
        chosen = site.active
        chosen.activate("--after-fence")
        assert chosen.wait_started(), f"{chosen} did not take over again: {chosen.said()}"
    (left,) = site.living
    if left is not site.active:
        said = site.active.said()
        assert "two copies of this site were activated" in said, f"{left} is left, not {site.active}: {said}"
        site.active = left
    for server in site.servers:
        assert server.killed or server is site.active or server.exit_code in (None, REPLACED), (
            f"{server} ended with {server.exit_code}: {server.said()}"
        )


def _wait_for_runs(site: FailoverSite, found: Verdict) -> None:
    """Wait until every run that has begun is over; what is in doubt for a good reason is decided."""
    until = time.monotonic() + OVER_WITHIN_S
    begun = {run["run_id"] for run in all_runs(site.active) if run["started_at"]}
    decided: set[tuple[str, str]] = set()
    while open_runs := [run for run in all_runs(site.active) if run["run_id"] in begun and not _is_over(run)]:
        for each in open_runs:
            run = site.active.ask("run.show", run=each["run_id"])
            for icon in run["icons"]:
                if icon["doubt"] and (each["run_id"], icon["path"]) not in decided:
                    decided.add((each["run_id"], icon["path"]))
                    _is_good_doubt(site, run, icon)
                    site.active.ask("run.decide", run=each["run_id"], path=icon["path"], verdict="ended")
                elif run["jobnet_id"] == HANDS:
                    _let_go(site.active, run, icon)
            assert time.monotonic() < until, f"run {each['run_id']} is {run['state']}: {run['waiting_for']}"
        time.sleep(0.3)
    found.doubts = len(decided)
    found.runs = len(begun)
    for run in all_runs(site.active):
        if run["run_id"] in begun and run["state"] != "ended" and not run["message"].startswith("adopted"):
            raise AssertionError(f"run {run['run_id']} is {run['state']}: {run['message']}")


def _wait_for_jobs(site: FailoverSite) -> None:
    """Wait for the end of jobs that no run here waits for: an earlier active had them begun."""
    until = time.monotonic() + JOBS_END_WITHIN_S
    while True:
        said = testimony(site.witness)
        if len(said.ends) == len(said.starts) or time.monotonic() > until:
            return
        time.sleep(0.3)


def _is_over(run: dict[str, Any]) -> bool:
    """One on which people had their hands is not left in error."""
    return run["state"] in OVER and (run["jobnet_id"] != HANDS or run["state"] != "run_error")


def _let_go(server: Server, run: dict[str, Any], icon: dict[str, Any]) -> None:
    """Have a run on which people had their hands come to its end."""
    operation = "run.release" if icon["method"] == "hold" else "run.skip" if icon["state"] == "run_error" else ""
    if operation:
        with contextlib.suppress(JazLiteError):  # it may just have gone on
            server.ask(operation, run=run["run_id"], path=icon["path"])


def _is_good_doubt(site: FailoverSite, run: dict[str, Any], icon: dict[str, Any]) -> None:
    told = f"{icon['path']} of {run['jobnet_id']} is in doubt: {icon['doubt']}"
    assert icon["type"] == "job", told
    hosts = hosts_of((run["jobnet_id"], icon["path"].rpartition("/")[2]), AGENTS)
    assert icon["doubt"]["reason"] in OPERATORS_REASONS, told
    assert any(name in hosts for name, _ in site.keeper_kills), f"no keeper of {hosts} was killed; {told}"


def _nothing_started_twice(site: FailoverSite, found: Verdict) -> None:
    """What people asked to be done again, was done again as often at most."""
    said = testimony(site.witness)
    twice = {
        job: count for job, count in said.starts.items() if count > 1 + site.reruns[f"{said.run_ids[job]} {job[1]}"]
    }
    assert not twice, f"started twice: {twice}"
    found.starts, found.ends = said.starts.total(), sum(len(ends) for ends in said.ends.values())


def _results_are_known(site: FailoverSite, found: Verdict) -> None:
    """Every end that a job wrote down is in the store of the active, with the exit code that was written."""
    until = time.monotonic() + OVER_WITHIN_S
    while True:
        said = testimony(site.witness)
        known = _known(site)
        missing = _missing(site, said, known)
        if not missing:
            return
        assert time.monotonic() < until, f"{len(missing)} results are not known: {missing[:5]}"
        time.sleep(1.0)


def _missing(site: FailoverSite, said: Testimony, known: Counter[tuple[str, str, int]]) -> list[tuple[Job, int, int]]:
    left = Counter(known)
    missing = []
    for job, ends in said.ends.items():
        key, name = job
        for end in ends:
            mark = (key if key.startswith("S") else str(end.run_id), name, end.code)
            if left[mark] > 0:
                left[mark] -= 1
            elif not _may_be_lost(site, job, said.began.get(job, 0.0), end.at):
                missing.append((job, end.run_id, end.code))
    return missing


def _may_be_lost(site: FailoverSite, job: Job, began: float, ended: float) -> bool:
    """Tell whether the keeper of a job was killed while the job ran: nobody saw its end then."""
    hosts = hosts_of(job, AGENTS)
    return any(
        name in hosts and began - KILLED_AROUND_S < at < ended + KILLED_AROUND_S for name, at in site.keeper_kills
    )


def _known(site: FailoverSite) -> Counter[tuple[str, str, int]]:
    """Return what results the active has: what was run (a time of the schedule, or a number), which job, its code."""
    text = "select coalesce(occ, 'M:' || run_id), key_path, exit_code from attempts where state = ?"
    rows = _read_store(site, text, (STATE_NUMBER["done"],))
    found: Counter[tuple[str, str, int]] = Counter()
    for occ, path, code in rows:
        nominal_ms = nominal_ms_of(occ)
        what = occ.split(":")[1] if nominal_ms is None else key_of(nominal_ms, occ.split(":")[2])
        found[what, path.rpartition("/")[2].partition("#")[0], code] += 1
    return found


def _read_store(site: FailoverSite, text: str, values: tuple[Any, ...]) -> list[Any]:
    """Return what a copy of the active server has."""
    copy = site.take_copy()
    # Immutable: else a look at it would leave files in the copy, which could not be activated then.
    uri = f"file:{copy / DATABASE_FILE}?immutable=1"
    database = apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    try:
        return database.execute(text, values).fetchall()
    finally:
        database.close()


def _every_time_has_its_run(site: FailoverSite) -> None:
    """Every minute since a schedule was enabled has one run, and its first job was started."""
    runs = all_runs(site.active)
    for schedule in SCHEDULES:
        times = Counter(run["nominal_at"] for run in runs if run["schedule_id"] == schedule and run["started_at"])
        twice = [at for at, count in times.items() if count > 1]
        assert not twice, f"times of {schedule} with more than one run: {twice}"
        minutes = {int(_epoch(at)) // MINUTE_S for at in times}
        gaps = [minute for minute in range(min(minutes), max(minutes) + 1) if minute not in minutes] if minutes else []
        told = [time.strftime("%H:%M", time.gmtime(each * MINUTE_S)) for each in gaps]
        assert not gaps, f"times of {schedule} without a run: {told}"


def _files_are_whole(site: FailoverSite, found: Verdict) -> None:
    """Each copied file is the old one or the new one, and the new one where its run has ended."""
    arrived = set()
    for run in all_runs(site.active):
        if run["jobnet_id"] == COPY and run["state"] == "ended":
            arrived.add(str(site.active.ask("run.vars", run=run["run_id"])["before"]["TAG"]))
    rows = _read_store(site, "select hex(k) from attempts where origin = ?", (ORIGINS.index("adopted"),))
    found.files = site.files.judge(arrived, {key.lower() for (key,) in rows})
    site.files.forget()


def _epoch(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def all_runs(server: Server) -> list[dict[str, Any]]:
    """Return all runs, newest first."""
    page = server.ask("run.list", limit=PAGE)
    every: list[dict[str, Any]] = page["runs"]
    while page["more"]:
        page = server.ask("run.list", limit=PAGE, before=page["runs"][-1]["run_id"])
        every += page["runs"]
    return every
