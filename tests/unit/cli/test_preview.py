"""`jaz-lite preview`: the same times as the scheduler's, with what is planned and what is laid over."""

import json
import threading
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from jaz_lite.cli.offline import call
from jaz_lite.clock import SystemClock
from jaz_lite.model.host import Host
from jaz_lite.store.agents import AgentRow
from jaz_lite.store.directory import DataDirectory
from tests.unit.cli.conftest import Cli

YEAR = 2030  # far enough that nothing of it is ever planned or over
VERSION = "20261123000000"


def put(folder: Path, kind: str, *, enable: bool = True, version: str = VERSION, **document: Any) -> None:
    call(folder, "definition.put", {"kind": kind, "document": {"version": version, "name": "a name", **document}})
    if enable:
        name = f"{document[f'{kind}_id']}@{version}"
        call(folder, "definition.enable", {"kind": kind, "names": [name]})


def icons(*middle: dict[str, Any]) -> dict[str, Any]:
    """Return the icons and flows of a chain."""
    every = [{"icon_id": "START", "type": "start"}, *middle, {"icon_id": "END", "type": "end"}]
    names = [each["icon_id"] for each in every]
    return {
        "icons": every,
        "flows": [{"source": source, "target": target} for source, target in pairwise(names)],
    }


def job(icon_id: str = "JOB", host: str = "localhost") -> dict[str, Any]:
    return {"icon_id": icon_id, "type": "job", "params": {"host": host, "script": "true"}}


@pytest.fixture
def night(prepared: Path) -> Path:
    """A site whose schedule NIGHT starts LOAD and MAIL at 22:00 and 25:30 on 4 and 5 March."""
    directory = DataDirectory(prepared)
    with directory.lock():
        store = directory.open_store(clock=SystemClock())
        with store.transaction() as tx:
            tx.agents.put(AgentRow(agent_id="local", kid=1, key=bytes(32), created_ms=0, par=2))
            tx.hosts.put(Host(host="localhost", agent_id="local"))
        store.close()
    put(prepared, "calendar", calendar_id="DAYS", days=[f"{YEAR}-03-04", f"{YEAR}-03-05"])
    put(prepared, "jobnet", jobnet_id="LOAD", **icons(job()))
    put(prepared, "jobnet", jobnet_id="MAIL", **icons(job()))
    put(prepared, "schedule", **schedule())
    return prepared


def schedule(**more: Any) -> dict[str, Any]:
    return {
        "schedule_id": "NIGHT",
        "zone": "Asia/Tokyo",
        "boot_times": [{"days_id": "DAYS", "at": "2200"}, {"days_id": "DAYS", "at": "2530"}],
        "jobnets": [{"jobnet_id": "LOAD"}, {"jobnet_id": "MAIL"}],
        **more,
    }


def starts(cli: Cli, *more: str, since: str = f"{YEAR}-03-01", until: str = f"{YEAR}-03-31") -> list[dict[str, Any]]:
    ran = cli("preview", "--from", since, "--to", until, "--json", *more)
    assert ran.code == 0, ran.err
    found: list[dict[str, Any]] = ran.json["starts"]
    return found


def test_every_time_of_a_schedule_is_listed_once_for_each_jobnet(cli: Cli, night: Path) -> None:
    found = starts(cli)

    assert [(one["at_in_zone"] or one["at"], one["jobnet_id"]) for one in found] == [
        (f"{YEAR}-03-04T22:00:00+09:00", "LOAD"),
        (f"{YEAR}-03-04T22:00:00+09:00", "MAIL"),
        (f"{YEAR}-03-05T01:30:00+09:00", "LOAD"),
        (f"{YEAR}-03-05T01:30:00+09:00", "MAIL"),
        (f"{YEAR}-03-05T22:00:00+09:00", "LOAD"),
        (f"{YEAR}-03-05T22:00:00+09:00", "MAIL"),
        (f"{YEAR}-03-06T01:30:00+09:00", "LOAD"),
        (f"{YEAR}-03-06T01:30:00+09:00", "MAIL"),
    ]
    assert (found[2]["operating_day"], found[2]["boot_time"]) == (f"{YEAR}-03-04", "2530")


def test_as_text_it_is_a_table_of_so_many_lines(cli: Cli, night: Path) -> None:
    ran = cli("preview", "--from", f"{YEAR}-03-01", "--to", "+31d", "--jobnet", "MAIL", "--limit", "3")

    lines = ran.out.splitlines()
    assert lines[0].split() == ["time", "schedule", "jobnet", "day", "boot", "time", "deadline", "remark"]
    assert [line.split(" Asia/Tokyo ")[1].split() for line in lines[1:]] == [
        ["NIGHT", "MAIL", f"{YEAR}-03-04", "22:00"],
        ["NIGHT", "MAIL", f"{YEAR}-03-04", "25:30"],
        ["NIGHT", "MAIL", f"{YEAR}-03-05", "22:00"],
    ]
    assert "1 more: --limit 4 shows them all" in ran.err


def test_a_start_that_would_be_a_load_error_says_so(cli: Cli, night: Path) -> None:
    both = [{"jobnet_id": "LOAD"}, {"jobnet_id": "LATER"}]
    put(night, "schedule", enable=False, **schedule(schedule_id="TWO", jobnets=both))

    found = {one["jobnet_id"]: one["load_error"] for one in starts(cli, "--schedule", "TWO")}

    assert found == {"LOAD": None, "LATER": 'jobnet "LATER" has no enabled version'}


def test_a_sub_jobnet_that_is_missing_is_a_load_error_too(cli: Cli, night: Path, tmp_path: Path) -> None:
    inner = {"icon_id": "SUB", "type": "sub_jobnet", "params": {"jobnet_id": "LATER"}}
    edited = tmp_path / "load.json"
    edited.write_text(json.dumps({"jobnet_id": "LOAD", "name": "load", **icons(inner)}))

    found = {one["jobnet_id"]: one["load_error"] for one in starts(cli, "--file", str(edited))}

    assert found == {"LOAD": 'sub-jobnet "LATER" has no enabled version', "MAIL": None}


def test_a_calendar_without_a_version_is_a_problem_and_the_other_times_are_told(cli: Cli, night: Path) -> None:
    times = [{"days_id": "LATER", "at": "0900"}, {"days_id": "DAYS", "at": "1000"}]
    put(night, "schedule", enable=False, **schedule(schedule_id="TWO", boot_times=times))

    ran = cli("preview", "--from", f"{YEAR}-03-01", "--to", f"{YEAR}-03-31", "--schedule", "TWO", "--json")

    assert 'schedule "TWO": calendar "LATER" has no enabled version' in ran.json["problems"]
    assert {one["boot_time"] for one in ran.json["starts"]} == {"1000"}


def test_a_stored_version_can_be_looked_at_though_another_is_enabled(cli: Cli, night: Path) -> None:
    later = schedule(boot_times=[{"days_id": "DAYS", "at": "0300"}])
    put(night, "schedule", enable=False, version="20261124000000", **later)

    ran = cli("preview", "--from", f"{YEAR}-03-01", "--to", f"{YEAR}-03-31", "--json",
              "--schedule", "NIGHT@20261124000000")  # fmt: skip

    assert {one["boot_time"] for one in ran.json["starts"]} == {"0300"}
    assert any("not enabled" in sentence for sentence in ran.json["problems"])


def test_edited_definitions_are_laid_over_the_stored_ones(cli: Cli, night: Path, tmp_path: Path) -> None:
    shown = cli("calendar", "show", "DAYS", "--json").json
    shown["document"]["days"] = [f"{YEAR}-03-20"]
    edited = tmp_path / "edited.json"
    edited.write_text(json.dumps(shown))

    found = starts(cli, "--file", str(edited))

    assert {one["operating_day"] for one in found} == {f"{YEAR}-03-20"}
    assert {one["operating_day"] for one in starts(cli)} == {f"{YEAR}-03-04", f"{YEAR}-03-05"}


def test_a_schedule_that_is_not_stored_yet_can_be_looked_at(cli: Cli, night: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.json"
    new.write_text(json.dumps(schedule(schedule_id="NEW", jobnets=[{"jobnet_id": "MAIL"}])))

    found = starts(cli, "--file", str(new), "--schedule", "NEW")

    assert {(one["schedule_id"], one["jobnet_id"]) for one in found} == {("NEW", "MAIL")}
    assert len(found) == 4


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--schedule", "NOWHERE"), 8, 'there is no schedule "NOWHERE"'),
        (("--from", "2030-03-02", "--to", "2030-03-01"), 2, "the period ends before it begins"),
        (("--to", "+99w9"), 2, "is not a time"),
        (("--to", "2199-01-01"), 2, "longer than 12 years"),
        (("--file", "nowhere.json"), 2, "nowhere.json cannot be read"),
    ],
)
def test_what_cannot_be_previewed_is_refused_in_a_sentence(
    cli: Cli, night: Path, arguments: tuple[str, ...], code: int, told: str
) -> None:
    ran = cli("preview", *arguments)

    assert (ran.code, ran.out) == (code, "")
    assert told in ran.err


def test_a_file_that_holds_no_definition_is_refused(cli: Cli, night: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"name": "x"}')

    ran = cli("preview", "--file", str(wrong))

    assert ran.code == 2
    assert "holds no definition" in ran.err


def test_an_empty_period_says_so(cli: Cli, night: Path) -> None:
    ran = cli("preview", "--from", f"{YEAR}-05-01", "--to", f"{YEAR}-05-02")

    assert ran.out == ""
    assert "nothing would start" in ran.err
    assert "no server runs" in ran.err


# ---- simulated


def simulated(cli: Cli, *more: str) -> Any:
    ran = cli("preview", "--simulate", "--from", f"{YEAR}-03-04", "--to", f"{YEAR}-03-05", "--json", *more)
    assert ran.code == 0, ran.err
    return ran.json


def test_a_simulated_night_says_when_runs_end(cli: Cli, night: Path) -> None:
    found = simulated(cli, "--default-duration", "5m")

    assert found["runs"]
    for one in found["runs"]:
        took = datetime.fromisoformat(one["ended_at"]) - datetime.fromisoformat(one["started_at"])
        assert took == timedelta(minutes=5)
    assert found["certainty"] == {
        "jobs": len(found["runs"]), "known": 0, "samples_least": 0, "samples_median": 0, "spread": None, "overdue": 0,
        "default_ms": 300_000,
    }  # fmt: skip
    assert any("exit code 0" in sentence for sentence in found["assumptions"])


def test_a_night_beyond_tomorrow_is_played_without_what_runs_now(cli: Cli, night: Path) -> None:
    assert "the period begins so late that what runs now is left out" in simulated(cli)["problems"]


def test_a_simulation_shows_the_runs_that_are_asked_for(cli: Cli, night: Path) -> None:
    found = simulated(cli, "--jobnet", "MAIL")

    assert {one["jobnet_id"] for one in found["runs"]} == {"MAIL"}


def test_a_simulation_as_text_has_a_drawing_and_says_how_sure_it_is(cli: Cli, night: Path) -> None:
    ran = cli("preview", "--simulate", "--from", f"{YEAR}-03-04", "--to", f"{YEAR}-03-05")

    assert ran.code == 0, ran.err
    assert "the critical path, which decides when the last run ends:" in ran.out
    assert "the past knows 0 of" in ran.out
    assert "without a past: " in ran.out
    assert "=" in ran.out


def test_a_simulation_in_which_nothing_starts_says_so(cli: Cli, night: Path) -> None:
    ran = cli("preview", "--simulate", "--from", f"{YEAR}-03-04", "--to", f"{YEAR}-03-05", "--jobnet", "NOT_THERE")

    assert (ran.code, ran.out) == (0, "")
    assert "nothing would start between" in ran.err


def test_a_duration_that_is_none_is_refused(cli: Cli, night: Path) -> None:
    ran = cli("preview", "--simulate", "--default-duration", "soon")

    assert (ran.code, ran.out) == (2, "")
    assert '"soon" is no duration' in ran.err


def test_an_empty_preview_tells_of_schedules_that_are_disabled(cli: Cli, night: Path) -> None:
    assert cli("schedule", "disable", "NIGHT").code == 0

    ran = cli("preview", "--from", f"{YEAR}-03-01", "--to", f"{YEAR}-03-31")

    assert "nothing would start" in ran.out + ran.err
    assert "1 schedule is disabled: NIGHT" in ran.err


def test_a_preview_waits_for_a_server_that_is_just_starting(cli: Cli, night: Path) -> None:
    directory = DataDirectory(night)
    directory.lock()
    soon = threading.Timer(0.2, directory.unlock)
    soon.start()

    ran = cli("preview", "--from", f"{YEAR}-03-01", "--to", f"{YEAR}-03-31", "--json")

    soon.join()
    assert ran.code == 0, ran.err
