"""Icons of replayed runs: what was done, what is done again, and what is for a person, by icon type (protocol.md 8.4)."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jaz_lite.errors import Refused
from jaz_lite.icons import REGISTRY
from jaz_lite.model.calendar import Calendar
from jaz_lite.model.event import Answered, DecideIcon
from jaz_lite.model.jobnet import Flow, Icon
from jaz_lite.model.plain import to_plain
from jaz_lite.model.run import Doubt
from jaz_lite.runner.inputs import RunEvent
from tests.unit.runner.site import VERSION, Site, chained, job


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "data", agents=("a1", "a2"))
    yield made
    made.close()


def connect(site: Site) -> None:
    for agent in site.agents.values():
        agent.connect()


def doubt(site: Site, run: int, path: str) -> Doubt:
    found = site.icon(run, path).doubt
    assert found is not None
    return found


# ---- what no agent can witness


def held_elsewhere(site: Site) -> tuple[int, int]:
    """One run waits at a held icon; another one releases it, after a job that ends after the copy was taken."""
    release = Icon(icon_id="free", type="release", params={"target": "HELD/load"})
    site.define(
        chained("HELD", Icon(icon_id="load", type="job", mark="hold", params={"host": "a1", "script": "x"})),
        chained("FREES", job("sort"), release),
    )
    connect(site)
    return site.start("HELD"), site.start("FREES")


def test_a_release_that_an_earlier_active_may_have_done_is_for_a_person(site: Site) -> None:
    held, frees = held_elsewhere(site)
    copy = site.save()
    site.agents["a1"].ends("sort")
    site.fall_back(copy)
    connect(site)

    assert doubt(site, frees, "free").reason == "no_witness"
    assert site.icon(held, "load").method == "hold"
    site.ask(frees, DecideIcon, "free", "rerun")
    assert site.run(frees).state == "ended"
    assert site.icon(held, "load").method == "normal"


WEEKDAY = Icon(icon_id="ask", type="extended_job", params={"command": "jacmdweek", "parameter": "Wed"})


@pytest.mark.parametrize(("hours", "held"), [(1, False), (24, True)], ids=["the same day", "another day"])
def test_an_answer_that_depends_on_the_clock_counts_only_if_it_would_have_been_the_same(
    site: Site, hours: int, held: bool
) -> None:
    site.define(chained("DAILY", job("sort"), WEEKDAY))
    connect(site)
    run = site.start("DAILY")
    copy = site.save()
    site.agents["a1"].ends("sort")
    site.clock.advance(hours * 3600)
    site.fall_back(copy)
    connect(site)

    if held:
        assert doubt(site, run, "ask").reason == "time"
    else:
        assert site.run(run).state == "ended"


def asks(what: str) -> Icon:
    """Return an icon that asks the clock."""
    match what:
        case "information":
            return Icon(icon_id="ask", type="information", params={"about": "calendar", "calendar_id": "DAYS"})
        case "variable":
            return Icon(icon_id="ask", type="variable", params={"values": [{"name": "T", "value": "$CURRENT_TIME"}]})
        case "condition":
            params = {"mode": "text", "variable": "CURRENT_TIME", "comparison": "^202311(15|16)07"}
            return Icon(icon_id="ask", type="condition", params=params)
        case "extended_job":
            return WEEKDAY
        case "calculation":
            params = {"mode": "time", "formula": "now;%d", "variable": "T"}
            return Icon(icon_id="ask", type="calculation", params=params)
        case _:
            return Icon(icon_id="ask", type="calculation", params={"formula": "$CURRENT_TIME + 0", "variable": "T"})


def asked_later(site: Site, what: str, hours: float, *days: str) -> int:
    """A run comes to an icon that asks the clock after the copy was taken, which is activated some hours later."""
    calendar = Calendar(calendar_id="DAYS", version=VERSION, days=days)
    with site.store.transaction() as tx:
        tx.definitions.put("calendar", to_plain(calendar), by="test", at_ms=0)
        tx.definitions.enable("calendar", "DAYS", VERSION)
    asking = chained("ASKS", job("sort"), asks(what))
    if what == "condition":
        flows = (
            *tuple(replace(flow, kind="true") if flow.source == "ask" else flow for flow in asking.flows),
            Flow(source="ask", target="no", kind="false"),
        )
        asking = replace(asking, icons=(*asking.icons, Icon(icon_id="no", type="end")), flows=flows)
    site.define(asking)
    connect(site)
    run = site.start("ASKS")
    copy = site.save()
    site.agents["a1"].ends("sort")
    site.clock.advance(hours * 3600)
    site.fall_back(copy)
    connect(site)
    return run


# The clock of these tests begins on 2023-11-15 at 07:13:20 in Tokyo.
TWO_DAYS, ONE_DAY = ("2023-11-15", "2023-11-16"), ("2023-11-16",)


@pytest.mark.parametrize(
    ("what", "hours", "days", "held"),
    [
        pytest.param("information", 1, ONE_DAY, False, id="a calendar, on one day"),
        pytest.param("information", 24, TWO_DAYS, False, id="a calendar that says the same of all days"),
        pytest.param("information", 24, ONE_DAY, True, id="a calendar whose answer changed at midnight"),
        pytest.param("information", 48, ("2023-11-15", "2023-11-17"), True, id="a calendar with another day between"),
        pytest.param("information", 401 * 24, (), True, id="a calendar, for longer than is looked at"),
        pytest.param("condition", 0.1, (), False, id="a condition on the time that holds all the time"),
        pytest.param("condition", 5, (), True, id="a condition on the time that held before"),
        pytest.param("variable", 0.1, (), True, id="a variable that is the time"),
        pytest.param("formula", 0.1, (), True, id="a formula with the time in it"),
    ],
)
def test_whatever_asks_the_clock_counts_only_if_every_moment_gives_the_same_answer(
    site: Site, what: str, hours: float, days: tuple[str, ...], held: bool
) -> None:
    run = asked_later(site, what, hours, *days)

    if held:
        assert doubt(site, run, "ask").reason == "time"
        site.ask(run, DecideIcon, "ask", "rerun")
    assert site.run(run).state == "ended"


def test_what_is_asked_after_a_doubt_about_it_changes_nothing(site: Site) -> None:
    run = asked_later(site, "information", 24, *ONE_DAY)
    icon = site.icon(run, "ask")
    node = site.run(run).plan.find("ask")
    assert node is not None

    site.turns.submit(RunEvent(run, Answered(node, icon.visit, ok=True, value="1")))
    site.settle()

    assert site.icon(run, "ask") == icon


def test_a_condition_in_doubt_is_decided_by_comparing_again_since_it_must_choose_a_flow(site: Site) -> None:
    run = asked_later(site, "condition", 5)

    with pytest.raises(Refused, match="must choose one of its flows"):
        site.ask(run, DecideIcon, "ask", "ended")


# ---- every icon type


DOCS = Path(__file__).parents[3] / "docs" / "doubts.md"
HEADING = "### What each icon type does"


def told() -> dict[str, str]:
    """Return what the manual says of each icon type: asked, again, same, held or never."""
    lines = DOCS.read_text("utf-8").partition(HEADING)[2].partition("\n## ")[0].splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| `")]
    return {name.strip("`"): word for names, word, _ in rows for name in names.split(", ")}


def test_the_manual_says_of_every_icon_type_what_becomes_of_it_in_a_replayed_run() -> None:
    assert set(told()) == set(REGISTRY)


def of_agent(name: str) -> Icon:
    params = {
        "job": {"host": "a1", "script": "x"},
        "file_wait": {"host": "a1", "path": "/tmp/there"},
        "file_copy": {
            "source_host": "a2", "source_folder": "/a", "source_file": "*", "target_host": "a1", "target_folder": "/b"
        },
        "reboot": {"host": "a1"},
    }  # fmt: skip
    return Icon(icon_id="ask", type=name, params=params[name])


@pytest.mark.parametrize("name", [name for name, word in told().items() if word == "asked"])
def test_what_an_agent_does_is_asked_of_it(site: Site, name: str) -> None:
    connect(site)
    run = site.start(chained("ASKS", job("sort"), of_agent(name)))
    copy = site.save()
    site.agents["a1"].ends("sort")
    site.agents["a1"].ends("ask")
    site.fall_back(copy)

    connect(site)

    assert site.run(run).state == "ended"
    keys = [order.k for order in site.agents["a1"].dispatched]
    assert len(keys) == len(set(keys)) == 2


@pytest.mark.parametrize("name", [name for name, word in told().items() if word == "never"])
def test_what_this_build_cannot_do_was_not_done_before_either(site: Site, name: str) -> None:
    assert not REGISTRY[name].traits.available


def test_the_types_whose_answer_may_depend_on_the_clock_are_those_that_say_so() -> None:
    assert {name for name, word in told().items() if word == "same"} == {
        name for name, kind in REGISTRY.items() if kind.traits.asks_time
    }


@pytest.mark.parametrize("name", [name for name, word in told().items() if word == "same"])
def test_each_of_them_is_held_where_another_day_gives_another_answer(site: Site, name: str) -> None:
    run = asked_later(site, name, 24, *ONE_DAY)

    assert doubt(site, run, "ask").reason == "time"


def test_a_wait_for_a_time_waits_for_it_in_the_replay_too(site: Site) -> None:
    waits = Icon(icon_id="ask", type="extended_job", params={"command": "jacmdsleep", "parameter": "60"})
    connect(site)
    run = site.start(chained("WAITS", job("sort"), waits))
    copy = site.save()
    site.agents["a1"].ends("sort")
    site.fall_back(copy)
    connect(site)
    assert site.icon(run, "ask").state == "running"

    site.pass_time(61)

    assert site.run(run).state == "ended"


@pytest.mark.parametrize(("asked", "held"), [("/before", False), ("/beside", True)])
def test_the_state_of_another_icon_counts_if_the_flow_came_through_it(site: Site, asked: str, held: bool) -> None:
    ask = Icon(icon_id="ask", type="information", params={"about": "icon", "icon_path": asked.strip("/")})
    icons = (
        Icon(icon_id="START", type="start"), Icon(icon_id="fork", type="parallel_start"), job("before"), ask,
        job("beside", host="a2"), Icon(icon_id="join", type="parallel_end"), Icon(icon_id="END", type="end"),
    )  # fmt: skip
    lines = ("START fork", "fork before", "before ask", "ask join", "fork beside", "beside join", "join END")
    flows = tuple(Flow(source=line.split()[0], target=line.split()[1]) for line in lines)
    connect(site)
    run = site.start(replace(chained("FORKED", *icons[1:-1]), icons=icons, flows=flows))
    copy = site.save()
    site.agents["a1"].ends("before")
    site.fall_back(copy)
    connect(site)

    found = site.icon(run, "ask").doubt
    assert (found is not None) == held
    if held:
        assert found is not None
        assert found.reason == "time"
        site.ask(run, DecideIcon, "ask", "rerun")
    site.agents["a2"].ends("beside")
    assert site.run(run).state == "ended"


def test_types_that_only_lead_the_flow_lead_it_the_same_way_again(site: Site) -> None:
    """All of them in one jobnet: its jobs were done, a task was started, a held icon of the own run was let go."""
    inner = chained("INNER", job("inner"))
    site.define(inner, chained("OTHER", job("other", host="a2")))
    held = replace(job("held"), mark="hold")
    icons = (
        Icon(icon_id="START", type="start"), job("first"),
        Icon(icon_id="again", type="loop", params={}),
        Icon(icon_id="set", type="variable", params={"values": [{"name": "N", "value": "$JOB_EXIT_CD"}]}),
        Icon(icon_id="choose", type="condition", params={"variable": "N", "comparison": "0"}),
        Icon(icon_id="chosen", type="branch_end"),
        Icon(icon_id="fork", type="parallel_start"), held,
        Icon(icon_id="free", type="release", params={"target": "held"}),
        Icon(icon_id="join", type="parallel_end"),
        Icon(icon_id="sub", type="sub_jobnet", params={"jobnet_id": "INNER"}),
        Icon(icon_id="spawn", type="task", params={"jobnet_id": "OTHER"}),
        Icon(icon_id="END", type="end"),
    )  # fmt: skip
    lines = (
        "START first", "first again", "again set", "set choose", "choose chosen true", "choose again false",
        "chosen fork", "fork held", "fork free", "free join", "held join", "join sub", "sub spawn", "spawn END",
    )  # fmt: skip
    flows = tuple(
        Flow(source=source, target=target, kind=kind[0] if kind else "plain")  # type: ignore[arg-type]
        for source, target, *kind in (line.split() for line in lines)
    )
    connect(site)
    run = site.start(replace(chained("ALL", job("x")), icons=icons, flows=flows))
    copy = site.save()
    for name in ("first", "held", "inner"):
        site.agents["a1"].ends(name)
    assert site.run(run).state == "ended"
    site.agents["a2"].ends("other")
    site.fall_back(copy)

    connect(site)

    assert site.run(run).state == "ended"
    orders = [order.k for agent in site.agents.values() for order in agent.dispatched]
    assert len(orders) == len(set(orders)) == 4
    started = {name for name, word in told().items() if word == "again"}
    assert started == {icon.type for icon in icons} - {"job", "variable", "condition", "release"}


def test_types_without_a_witness_are_for_a_person() -> None:
    """Tried above; only what acts on another run is one of them."""
    assert {name for name, word in told().items() if word == "held"} == {"release"}
