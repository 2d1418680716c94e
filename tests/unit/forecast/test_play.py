"""Nights played by the real engine in virtual time, and computed by hand beside it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaz_lite.forecast.world import Live, Machine, OpenWork
from jaz_lite.model import event as happened
from jaz_lite.model.host import Host
from jaz_lite.model.jobnet import Jobnet
from tests.unit.engine.playing import Site, icon, job, jobnet, sub
from tests.unit.forecast.night import MINUTE_MS, Night, at_ms, clock

LOAD = jobnet("start -> load -> sum -> end", jobnet_id="LOAD", load=job(), sum=job())
MAIL = jobnet("start -> send -> end", jobnet_id="MAIL", send=job())


def test_two_chains_side_by_side_take_as_long_as_each_by_itself():
    night = Night(a1=2)
    night.took_minutes(LOAD, load=20, sum=10)
    night.took_minutes(MAIL, send=5)
    load, mail = night.starts(LOAD, "22:00"), night.starts(MAIL, "22:10")

    foreseen = night.goes()

    assert foreseen.times(load) == ("22:00", "22:30")
    assert foreseen.times(mail) == ("22:10", "22:15")
    assert foreseen.outcome.crowds == ()


def test_with_one_slot_the_second_chain_waits_for_the_first_jobs_end():
    # load 22:00-22:20; send was asked for at 22:10, before sum (22:20), so it goes first: 22:20-22:25; sum to 22:35.
    night = Night(a1=1)
    night.took_minutes(LOAD, load=20, sum=10)
    night.took_minutes(MAIL, send=5)
    load, mail = night.starts(LOAD, "22:00"), night.starts(MAIL, "22:10")

    foreseen = night.goes()

    assert foreseen.jobs(load) == {"/load": ("22:00", "22:20"), "/sum": ("22:25", "22:35")}
    assert foreseen.jobs(mail) == {"/send": ("22:20", "22:25")}
    [crowd] = foreseen.outcome.crowds
    assert (clock(crowd.since_ms), clock(crowd.until_ms), crowd.most, crowd.slots) == ("22:10", "22:25", 1, 1)


def test_a_run_that_may_not_run_twice_waits_for_the_one_before():
    slow = jobnet("start -> load -> end", jobnet_id="SLOW", load=job(), multiple_start="wait")
    night = Night()
    night.took_minutes(slow, load=40)
    first, second, third = (night.starts(slow, at) for at in ("22:00", "22:15", "22:30"))

    foreseen = night.goes()

    assert [foreseen.times(each) for each in (first, second, third)] == [
        ("22:00", "22:40"),
        ("22:40", "23:20"),
        ("23:20", "24:00"),
    ]
    assert foreseen.run(second).waited_ms == 25 * MINUTE_MS
    assert foreseen.run(third).waited_ms == 50 * MINUTE_MS
    assert foreseen.run(third).waited_for == second


def test_a_run_that_may_not_run_twice_is_skipped():
    slow = jobnet("start -> load -> end", jobnet_id="SLOW", load=job(), multiple_start="skip")
    night = Night()
    night.took_minutes(slow, load=40)
    night.starts(slow, "22:00")
    second = night.starts(slow, "22:15")

    foreseen = night.goes()

    assert foreseen.run(second).run.load_status == "skipped"


def test_a_run_that_ends_as_the_next_one_starts_is_not_in_its_way():
    slow = jobnet("start -> load -> end", jobnet_id="SLOW", load=job(), multiple_start="wait")
    night = Night()
    night.took_minutes(slow, load=15)
    night.starts(slow, "22:00")
    second = night.starts(slow, "22:15")

    assert night.goes().run(second).waited_ms == 0


def test_a_deadline_may_be_missed_only_on_a_bad_day():
    night = Night()
    night.took_minutes(MAIL, send=[10] * 19 + [50])  # the median is 10, the 95th percentile still 10 of 20
    night.took_minutes(LOAD, load=[10] * 18 + [50] * 2, sum=5)  # and here it is 50
    mail = night.starts(MAIL, "22:00", deadline="22:30")
    load = night.starts(LOAD, "22:00", deadline="22:30")

    usual, bad = night.goes("median"), night.goes("p95")

    assert [each.run(mail).misses for each in (usual, bad)] == [False, False]
    assert [each.run(load).misses for each in (usual, bad)] == [False, True]
    assert (usual.times(load)[1], bad.times(load)[1]) == ("22:15", "22:55")


def test_what_the_past_does_not_know_takes_the_stated_time():
    night = Night()
    mail = night.starts(MAIL, "22:00")

    foreseen = night.goes()

    assert foreseen.times(mail) == ("22:00", "22:01")
    assert [each.samples for each in foreseen.work()] == [0]


def test_an_extended_job_waits_its_real_time():
    sleeps = jobnet(
        "start -> pause -> end",
        jobnet_id="SLEEPS",
        pause=icon("extended_job", command="jacmdsleep", parameter="600"),
    )
    night = Night()
    run = night.starts(sleeps, "22:00")

    assert night.goes().times(run) == ("22:00", "22:10")


def test_a_job_over_its_limit_is_ended_by_it_and_the_run_stops_there():
    strict = jobnet("start -> load -> end", jobnet_id="STRICT", load=job(timeout_min=30, timeout_action="stop"))
    night = Night()
    night.took_minutes(strict, load=45)
    run = night.starts(strict, "22:00")

    end = night.goes().run(run)

    assert (end.run.state, end.ended_ms) == ("run_error", None)
    assert "ran over its limit of 30 min" in end.stuck[0]


def test_a_job_for_a_host_that_nobody_knows_stops_the_run():
    lost = jobnet("start -> load -> end", jobnet_id="LOST", load=job("nowhere"))
    night = Night()
    run = night.starts(lost, "22:00")

    end = night.goes().run(run)

    assert end.run.state == "run_error"
    assert 'no host is named "nowhere"' in end.stuck[0]


def test_work_for_a_drained_agent_waits_for_ever():
    night = Night(a1=4)
    night.machines["a1"] = Machine(agent_id="a1", slots=4, draining=True)
    run = night.starts(MAIL, "22:00")

    foreseen = night.goes(until_ms=at_ms("30:00"))

    assert foreseen.run(run).ended_ms is None
    assert foreseen.outcome.crowds[0].until_ms is None


def test_a_group_gives_work_to_the_member_with_the_largest_share_of_free_slots():
    wide = jobnet(
        "start -> mts\nmts -> a -> mte\nmts -> b -> mte\nmts -> c -> mte\nmts -> d -> mte\nmte -> end",
        jobnet_id="WIDE",
        **{name: job("both") for name in "abcd"},
    )
    night = Night(a1=2, a2=1)
    night.hosts["both"] = Host(host="both", kind="group", members=("a1", "a2"))
    night.took_minutes(wide, a=10, b=10, c=10, d=10)
    night.starts(wide, "22:00")

    foreseen = night.goes()

    assert [(each.path, each.agent_id, clock(each.started_ms)) for each in foreseen.work()] == [
        ("/a", "a1", "22:00"),
        ("/b", "a2", "22:00"),
        ("/c", "a1", "22:00"),
        ("/d", "a1", "22:10"),
    ]
    [crowd] = foreseen.outcome.crowds
    assert (crowd.name, crowd.slots) == ("both", 3)


def test_a_task_icon_starts_another_run_which_does_not_hold_up_its_own():
    night = Night()
    night.jobnets["MAIL"] = MAIL
    night.took_minutes(MAIL, send=30)
    first = jobnet("start -> go -> end", jobnet_id="FIRST", go=icon("task", jobnet_id="MAIL"))
    run = night.starts(first, "22:00")

    foreseen = night.goes()

    task = next(end for end in foreseen.outcome.runs if end.started_by == run)
    assert foreseen.times(run) == ("22:00", "22:00")
    assert (clock(task.started_ms), clock(task.ended_ms)) == ("22:00", "22:30")


def test_a_run_that_turns_in_a_loop_is_left_alone():
    turns = jobnet(
        "start -> loop -> load -> if\nif -true-> loop\nif -false-> end",
        jobnet_id="TURNS",
        load=job(),
        **{"if": icon("condition", variable="JOB_EXIT_CD", comparison="0")},
    )
    night = Night()
    run = night.starts(turns, "22:00")

    end = night.goes().run(run)

    assert "turns in a loop" in end.given_up
    assert end.ended_ms is None


def test_a_live_run_goes_on_where_it_is():
    # The job has worked for 15 of its 20 minutes; sum takes 10 more.
    site = Site()
    site.clock.now = site.clock.now.replace(hour=20, minute=45)
    playing = site.start(LOAD)
    [key] = playing.work
    night = Night(a1=1)
    night.took_minutes(LOAD, load=20, sum=10)
    night.live.append(Live(run=playing.run, works={key: OpenWork(agent_id="a1", started_ms=at_ms("20:45"))}))

    foreseen = night.goes()

    assert foreseen.times(playing.run.occ) == ("20:45", "21:15")


def test_a_live_job_that_takes_longer_than_ever_is_told():
    site = Site()
    site.clock.now = site.clock.now.replace(hour=20, minute=0)
    playing = site.start(LOAD)
    [key] = playing.work
    night = Night(a1=1)
    night.took_minutes(LOAD, load=20, sum=10)
    night.live.append(Live(run=playing.run, works={key: OpenWork(agent_id="a1", started_ms=at_ms("20:00"))}))

    foreseen = night.goes()

    assert foreseen.times(playing.run.occ) == ("20:00", "21:10")
    assert [each.overdue for each in foreseen.work()] == [True, False]


def test_a_live_run_whose_icon_is_held_does_not_end():
    site = Site()
    held = jobnet("start -> load -> end", jobnet_id="HELD", load=job(mark="hold"))
    playing = site.start(held)
    night = Night()
    night.live.append(Live(run=playing.run))

    end = night.goes().run(playing.run.occ)

    assert end.ended_ms is None
    assert "held" in end.stuck[0]


def test_a_run_that_waits_for_a_live_one_starts_when_that_ends():
    slow = jobnet("start -> load -> end", jobnet_id="SLOW", load=job(), multiple_start="wait")
    site = Site()
    site.clock.now = site.clock.now.replace(hour=20, minute=50)
    first, second = site.start(slow), site.create(slow)
    second.send(happened.Started(others=True))
    [key] = first.work
    night = Night()
    night.took_minutes(slow, load=30)
    night.live.append(Live(run=first.run, works={key: OpenWork(agent_id="a1", started_ms=at_ms("20:50"))}))
    night.live.append(Live(run=second.run))

    foreseen = night.goes()

    assert foreseen.times(second.run.occ) == ("21:20", "21:50")


def _layered(minutes: list[list[int]]) -> Jobnet:
    """Return a jobnet of layers: the jobs of a layer side by side, the layers one after the other."""
    lines, icons, before = [], {}, "start"
    for number, layer in enumerate(minutes):
        for place, _ in enumerate(layer):
            name = f"j{number}x{place}"
            icons[name] = job()
            lines.append(f"mts{number} -> {name} -> mte{number}")
        lines.append(f"{before} -> mts{number}")
        before = f"mte{number}"
    return jobnet("\n".join([*lines, f"{before} -> end"]), jobnet_id="LAYERS", **icons)


@given(st.lists(st.lists(st.integers(1, 90), min_size=2, max_size=4), min_size=1, max_size=4))
def test_without_contention_a_run_takes_as_long_as_its_longest_path(minutes: list[list[int]]):
    net = _layered(minutes)
    night = Night(a1=64)
    night.took_minutes(net, **{f"j{n}x{m}": each for n, layer in enumerate(minutes) for m, each in enumerate(layer)})
    run = night.starts(net, "22:00")

    end = night.goes().run(run)

    assert end.ended_ms == at_ms("22:00") + sum(map(max, minutes)) * MINUTE_MS


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 20)), min_size=1, max_size=12), st.integers(1, 3))
def test_the_same_night_always_goes_the_same_way(starts: list[tuple[int, int]], slots: int):
    night = Night(a1=slots)
    for number, (minute, takes) in enumerate(starts):
        net = jobnet("start -> load -> end", jobnet_id=f"N{number % 4}", load=job(), multiple_start="wait")
        night.took_minutes(net, load=takes)
        night.starts(net, f"22:{minute:02}", schedule=f"S{number}")

    first, second = night.goes().outcome, night.goes().outcome

    assert first.activities == second.activities
    assert [(end.started_ms, end.ended_ms) for end in first.runs] == [(e.started_ms, e.ended_ms) for e in second.runs]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 20)), min_size=1, max_size=20), st.integers(1, 3))
def test_there_are_never_more_jobs_at_work_than_slots_and_no_slot_is_idle_while_one_waits(
    starts: list[tuple[int, int]], slots: int
):
    night = Night(a1=slots)
    for number, (minute, takes) in enumerate(starts):
        net = jobnet("start -> load -> end", jobnet_id=f"N{number}", load=job())
        night.took_minutes(net, load=takes)
        night.starts(net, f"22:{minute:02}")

    work = night.goes().work()

    for instant in {each.started_ms for each in work if each.started_ms is not None}:
        at_work = [each for each in work if each.started_ms <= instant < each.ended_ms]
        waiting = [each for each in work if each.begun_ms <= instant < each.started_ms]
        assert len(at_work) <= slots
        assert len(at_work) == slots or not waiting


def test_a_sub_jobnets_jobs_are_known_by_their_path():
    night = Night()
    night.jobnets["MAIL"] = MAIL
    outer = jobnet("start -> s1 -> s2 -> end", jobnet_id="OUTER", s1=sub("MAIL"), s2=sub("MAIL"))
    night.took["OUTER", "/s1/send"] = [5 * MINUTE_MS]
    night.took["OUTER", "/s2/send"] = [7 * MINUTE_MS]
    run = night.starts(outer, "22:00")

    assert night.goes().times(run) == ("22:00", "22:12")


@pytest.mark.parametrize("kind", ["file_wait", "file_copy", "reboot"])
def test_work_that_is_no_job_takes_no_slot(kind: str):
    settings = {
        "file_wait": {"host": "a1", "path": "/data/in"},
        "file_copy": {
            "source_host": "a1",
            "target_host": "a1",
            "source_folder": "/a",
            "source_file": "*",
            "target_folder": "/b",
        },
        "reboot": {"host": "a1"},
    }[kind]
    other = jobnet("start -> other -> end", jobnet_id="OTHER", other=icon(kind, **settings))
    night = Night(a1=1)
    night.took_minutes(MAIL, send=30)
    night.took_minutes(other, other=10)
    night.starts(MAIL, "22:00")
    run = night.starts(other, "22:05")

    assert night.goes().times(run) == ("22:05", "22:15")


def test_a_planned_run_that_is_held_does_not_start():
    night = Night()
    run = night.starts(MAIL, "22:00", held="held")

    assert night.goes().run(run).started_ms is None


def test_of_times_missed_while_the_server_was_down_the_policy_decides():
    night = Night()
    lost = night.starts(MAIL, "20:00", late_start="error")
    left_out = night.starts(LOAD, "20:00", late_start="run_latest")
    latest = night.starts(LOAD, "20:30", late_start="run_latest")

    foreseen = night.goes()

    assert foreseen.run(lost).run.start_missed
    assert foreseen.run(left_out).run.load_status == "skipped"
    assert foreseen.times(latest) == ("21:00", "21:02")
