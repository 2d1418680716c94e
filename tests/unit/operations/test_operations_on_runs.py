"""Operations on runs, on the product's own engine without agents."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio

from jaz_lite.errors import JazLiteError, NoSuchObject, Refused, Unreachable, UsageError
from jaz_lite.operations import registry
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import OfflineSite, Site
from jaz_lite.store.open import Store
from tests.unit.operations.small_site import OWNER, ask, icon, incoming, job, jobnet, running

HELLO = jobnet("HELLO", icon("ENV-1", "variable", values=[{"name": "WHO", "value": "日本"}]))
FAILING = jobnet("FAILING", job("JOB-1", host="unknown.example"))


async def call(site: Site, op: str, **args: Any) -> Any:
    return await registry.call(site, OWNER, op, args)


@pytest.fixture
async def live(store: Store) -> AsyncIterator[Site]:
    async with running(store) as site:
        documents = [incoming("jobnet", document, enabled=True) for document in (HELLO, FAILING)]
        await call(site, "definition.import", documents=documents, enable=True)
        yield site


async def settled(site: Site, run_id: str) -> dict[str, Any]:
    with trio.fail_after(5):
        run: dict[str, Any] = await call(site, "run.wait", run=run_id)
    return run


async def test_a_run_is_started_and_shown_in_the_promised_shape(live: Site) -> None:
    started = await call(live, "run.start", jobnet="HELLO")

    run = await settled(live, started["run_id"])

    assert run["run_id"] == started["run_id"]
    assert (run["jobnet_id"], run["version"], run["state"], run["jaz_status"]) == (
        "HELLO",
        HELLO["version"],
        "ended",
        3,
    )
    assert (run["job_status"], run["load_status"], run["origin"], run["late"]) == ("normal", "normal", "manual", False)
    assert run["exit_code"] == 0
    assert run["started_at"] == "2026-11-23T03:12:09.000+09:00"
    assert run["waiting_for"] == []
    assert [row["path"] for row in run["icons"]] == ["/START", "/ENV-1", "/END-1"]
    assert {"icon_id", "type", "pass", "attempt", "host", "std_out", "std_err", "method", "doubt"} <= run["icons"][
        0
    ].keys()


async def test_a_run_in_error_is_waited_for_until_nothing_goes_on(live: Site) -> None:
    run = await settled(live, (await call(live, "run.start", jobnet="FAILING"))["run_id"])

    assert run["state"] == "run_error"
    assert run["icons"][1]["state"] == "run_error"
    assert "unknown.example" in run["icons"][1]["message"]


async def test_an_operator_skips_what_failed_and_the_run_ends(live: Site) -> None:
    run_id = (await call(live, "run.start", jobnet="FAILING"))["run_id"]
    await settled(live, run_id)

    await call(live, "run.skip", run=run_id, path="/JOB-1")
    run = await settled(live, run_id)

    assert run["state"] == "ended"
    lines = (await call(live, "run.log", run=run_id))["lines"]
    assert any(line["path"] == "/JOB-1" and line["text"].startswith("skip was set (by owner") for line in lines)


async def test_a_held_run_goes_on_when_it_is_released(live: Site) -> None:
    run_id = (await call(live, "run.start", jobnet="HELLO", origin="hold"))["run_id"]
    before = await call(live, "run.show", run=run_id)

    await call(live, "run.release", run=run_id)

    assert before["state"] == "running"
    assert (await settled(live, run_id))["state"] == "ended"


async def test_variables_are_handed_in_seen_and_changed(live: Site) -> None:
    run_id = (await call(live, "run.start", jobnet="FAILING", variables={"DAY": "2026-11-23"}))["run_id"]
    await settled(live, run_id)

    await call(live, "run.set_var", run=run_id, path="JOB-1", name="DAY", value="2026-11-24")

    of_icon = await call(live, "run.vars", run=run_id, path="JOB-1")
    of_run = await call(live, "run.vars", run=run_id)
    assert of_icon["before"]["DAY"] == "2026-11-24"
    assert of_run["before"] == {"DAY": "2026-11-23"}


async def test_a_stopped_run_is_over_and_takes_no_more_operations(live: Site) -> None:
    run_id = (await call(live, "run.start", jobnet="FAILING"))["run_id"]
    await settled(live, run_id)

    await call(live, "run.stop", run=run_id)
    assert (await settled(live, run_id))["state"] == "end_error"

    with pytest.raises(Refused):
        await call(live, "run.rerun", run=run_id, path="/JOB-1")


async def test_what_is_over_can_be_followed_as_it_was(live: Site) -> None:
    run_id = (await call(live, "run.start", jobnet="HELLO"))["run_id"]
    await settled(live, run_id)
    news: list[dict[str, Any]] = []

    async def emit(item: dict[str, Any]) -> None:
        news.append(item)

    run = await registry.call(live, OWNER, "run.follow", {"run": "last"}, emit)

    assert run["state"] == "ended"
    assert [item["path"] for item in news if item["kind"] == "icon"] == ["/START", "/ENV-1", "/END-1"]


async def test_lists_are_newest_first_and_say_when_there_is_more(live: Site) -> None:
    ids = [(await call(live, "run.start", jobnet="HELLO"))["run_id"] for _ in range(3)]

    page = await call(live, "run.list", limit=2)
    rest = await call(live, "run.list", limit=2, before=page["runs"][-1]["run_id"])
    failed = await call(live, "run.list", states=["run_error"])

    assert [run["run_id"] for run in page["runs"]] == ids[:0:-1]
    assert page["more"] is True
    assert ([run["run_id"] for run in rest["runs"]], rest["more"]) == (ids[:1], False)
    assert failed == {"runs": [], "more": False}
    assert "icons" not in page["runs"][0]


async def test_results_are_searched_with_regular_expressions(live: Site) -> None:
    for jobnet_id in ("HELLO", "FAILING"):
        await settled(live, (await call(live, "run.start", jobnet=jobnet_id))["run_id"])

    everything = (await call(live, "results"))["results"]
    of_icons = (await call(live, "results", jobnet="^FAIL", icon="JOB"))["results"]
    none = (await call(live, "results", until="2026-11-22"))["results"]

    assert {row["jobnet_id"] for row in everything} == {"HELLO", "FAILING"}
    assert {(row["jobnet_id"], row["path"]) for row in of_icons} == {("FAILING", "/JOB-1")}
    assert none == []


async def test_explain_says_what_to_do_about_an_unknown_host(live: Site) -> None:
    run_id = (await call(live, "run.start", jobnet="FAILING"))["run_id"]
    await settled(live, run_id)

    sentences = (await call(live, "run.explain", run=run_id, path="/JOB-1"))["sentences"]

    assert any("unknown.example" in sentence for sentence in sentences)


async def test_status_counts_enabled_schedules_and_knows_that_none_starts(live: Site) -> None:
    quiet = await call(live, "status")
    await call(
        live, "definition.put", kind="calendar", document={"calendar_id": "C", "version": HELLO["version"], "name": "C"}
    )
    await call(live, "definition.enable", kind="calendar", names=["C"])
    schedule = {
        "schedule_id": "S",
        "version": HELLO["version"],
        "name": "S",
        "boot_times": [{"days_id": "C"}],
        "jobnets": [{"jobnet_id": "HELLO"}],
    }
    await call(live, "definition.put", kind="schedule", document=schedule)
    await call(live, "definition.enable", kind="schedule", names=["S"])

    told = await call(live, "status")
    assert (quiet["notices"], quiet["schedules"]["enabled"]) == ([], 0)
    assert (told["notices"], told["schedules"]["enabled"]) == ([], 1)
    assert told["schedules"]["next_at"] is None, "its calendar has no day"


async def test_disabling_a_schedule_tells_how_many_of_its_runs_are_planned_and_stay(live: Site) -> None:
    every_day = {"weekdays": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]}
    daily = {"calendar_id": "DAILY", "name": "Daily", "version": HELLO["version"], "rule": every_day}
    often = {
        "schedule_id": "OFTEN",
        "name": "Often",
        "version": HELLO["version"],
        "cycles": [{"days_id": "DAILY", "every_min": 10}],
        "jobnets": [{"jobnet_id": "HELLO"}],
    }
    for kind, document in (("calendar", daily), ("schedule", often)):
        await call(live, "definition.put", kind=kind, document=document)
        await call(live, "definition.enable", kind=kind, names=[document[f"{kind}_id"]])
    await call(live, "definition.put", kind="calendar", document={"calendar_id": "C2", "version": HELLO["version"]})
    schedules = (await call(live, "status"))["schedules"]

    (row,) = (await call(live, "definition.disable", kind="schedule", names=["OFTEN"]))["disabled"]

    assert schedules["next_schedule"] == "OFTEN"
    assert 5 <= row["planned"] <= 7
    assert len((await call(live, "run.planned"))["runs"]) == row["planned"]


@pytest.mark.parametrize(
    ("op", "args", "kind"),
    [
        pytest.param("run.start", {"jobnet": "NOWHERE"}, NoSuchObject, id="no such jobnet"),
        pytest.param("run.start", {"jobnet": "HELLO@19990101000000"}, NoSuchObject, id="no such version"),
        pytest.param("run.start", {"jobnet": ""}, UsageError, id="no name"),
        pytest.param("run.start", {"jobnet": "HELLO", "origin": "schedule"}, UsageError, id="not for people"),
        pytest.param("run.start", {"jobnet": "HELLO", "variables": {"1X": ""}}, UsageError, id="bad variable name"),
        pytest.param("run.start", {"jobnet": "HELLO", "variables": {"X": "x" * 4001}}, UsageError, id="long value"),
        pytest.param("run.start", {"jobnet": "HELLO", "icon_path": "/NOWHERE"}, JazLiteError, id="no such icon"),
        pytest.param("run.show", {"run": "12345"}, NoSuchObject, id="no such run"),
        pytest.param("run.show", {"run": "9" * 30}, NoSuchObject, id="a number beyond all runs"),
        pytest.param("run.show", {"run": "-1"}, UsageError, id="a negative run"),
        pytest.param("run.show", {"run": "last"}, NoSuchObject, id="no run yet"),
        pytest.param("run.show", {"run": "١٢"}, UsageError, id="digits that are not ASCII"),
        pytest.param("run.log", {"run": "12345"}, NoSuchObject, id="log of no run"),
        pytest.param("run.hold", {"run": "12345", "path": "/X"}, NoSuchObject, id="hold in no run"),
        pytest.param("run.follow", {"run": "12345"}, NoSuchObject, id="follow no run"),
        pytest.param("run.list", {"limit": 0}, UsageError, id="an empty page"),
        pytest.param("run.list", {"states": ["happy"]}, UsageError, id="no such state"),
        pytest.param("run.list", {"since": "yesteryear"}, UsageError, id="not a time"),
        pytest.param("results", {"jobnet": "("}, UsageError, id="not a regular expression"),
        pytest.param("run.decide", {"run": "1", "path": "/X", "verdict": "perhaps"}, UsageError, id="no verdict"),
        pytest.param("run.move", {"run": "1", "at": "2020-01-01"}, UsageError, id="into the past"),
    ],
)
async def test_bad_requests_are_answered_with_the_error_of_who_must_act(
    live: Site, op: str, args: dict[str, Any], kind: type[JazLiteError]
) -> None:
    with pytest.raises(kind) as error:
        await call(live, op, **args)

    assert error.value.message


def test_without_a_server_runs_are_out_of_reach(site: OfflineSite) -> None:
    for op, args in (("run.list", {}), ("run.start", {"jobnet": "X"}), ("status", {}), ("server.stop", {})):
        with pytest.raises(Unreachable, match="no server runs"):
            ask(site, op, **args)


async def test_who_may_only_operate_cannot_change_definitions(live: Site) -> None:
    operator = Person(name="op", role="general")

    started = await registry.call(live, operator, "run.start", {"jobnet": "HELLO"})
    with pytest.raises(JazLiteError, match="may not do") as refused:
        await registry.call(live, operator, "definition.enable", {"kind": "jobnet", "names": ["HELLO"]})

    assert started["run_id"]
    assert refused.value.exit_code == 7
