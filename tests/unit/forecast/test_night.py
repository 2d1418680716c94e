"""What a simulated night tells: the critical path, slack, overlaps, deadlines, and how sure it is."""

from jaz_lite.forecast.certainty import certainty
from jaz_lite.forecast.night import simulate
from tests.unit.engine.playing import icon, job, jobnet
from tests.unit.forecast.night import MINUTE_MS, Night, clock

LOAD = jobnet("start -> load -> sum -> end", jobnet_id="LOAD", load=job(), sum=job())
MAIL = jobnet("start -> send -> end", jobnet_id="MAIL", send=job())
SLOW = jobnet("start -> load -> end", jobnet_id="SLOW", load=job(), multiple_start="wait")


def foreseen(night: Night):
    return simulate(night.world(), night.durations())


def path_of(found) -> list[tuple[str, str, str, str]]:
    return [
        (link.activity.path or link.activity.kind, clock(link.since_ms), clock(link.until_ms), link.why)
        for link in found.path
    ]


def test_the_critical_path_is_the_chain_that_ends_last():
    night = Night(a1=4)
    night.took_minutes(LOAD, load=20, sum=10)
    night.took_minutes(MAIL, send=5)
    night.starts(LOAD, "22:00")
    night.starts(MAIL, "22:10")

    found = foreseen(night)

    assert path_of(found) == [
        ("start", "22:00", "22:00", "clock"),
        ("/load", "22:00", "22:20", "flow"),
        ("/sum", "22:20", "22:30", "flow"),
    ]
    assert [one.critical for one in found.runs] == [True, False]


def test_of_parallel_branches_the_longer_one_is_critical():
    both = jobnet(
        "start -> mts\nmts -> a -> mte\nmts -> b -> mte\nmte -> c -> end",
        jobnet_id="BOTH",
        a=job(),
        b=job(),
        c=job(),
    )
    night = Night(a1=4)
    night.took_minutes(both, a=10, b=25, c=5)
    night.starts(both, "22:00")

    assert [step[0] for step in path_of(foreseen(night))] == ["start", "/b", "/c"]


def test_the_path_leads_through_the_job_that_left_its_slot():
    # One slot: load 22:00-22:20, send (asked for at 22:10) 22:20-22:25, sum 22:25-22:35.
    night = Night(a1=1)
    night.took_minutes(LOAD, load=20, sum=10)
    night.took_minutes(MAIL, send=5)
    night.starts(LOAD, "22:00")
    night.starts(MAIL, "22:10")

    assert path_of(foreseen(night)) == [
        ("start", "22:00", "22:00", "clock"),
        ("/load", "22:00", "22:20", "flow"),
        ("/send", "22:20", "22:25", "slot"),
        ("/sum", "22:25", "22:35", "slot"),
    ]


def test_the_path_leads_through_the_run_that_was_waited_for():
    night = Night()
    night.took_minutes(SLOW, load=40)
    night.starts(SLOW, "22:00")
    night.starts(SLOW, "22:15")

    assert path_of(foreseen(night)) == [
        ("start", "22:00", "22:00", "clock"),
        ("/load", "22:00", "22:40", "flow"),
        ("start", "22:40", "22:40", "run"),
        ("/load", "22:40", "23:20", "flow"),
    ]


def test_the_path_leads_through_a_task_icon_into_its_run():
    night = Night()
    night.jobnets["MAIL"] = MAIL
    night.took_minutes(MAIL, send=30)
    first = jobnet("start -> load -> go -> end", jobnet_id="FIRST", load=job(), go=icon("task", jobnet_id="MAIL"))
    night.took_minutes(first, load=10)
    night.starts(first, "22:00")

    assert path_of(foreseen(night)) == [
        ("start", "22:00", "22:00", "clock"),
        ("/load", "22:00", "22:10", "flow"),
        ("start", "22:10", "22:10", "task"),
        ("/send", "22:10", "22:40", "flow"),
    ]


def test_slack_is_how_much_later_a_run_could_end():
    # LOAD ends last, at 22:30. MAIL ends at 22:15 and holds nobody up. The first SLOW ends at 22:10 and lets the
    # second begin, which ends at 22:20: ten minutes before the end, so the first one has ten minutes as well.
    night = Night(a1=8)
    night.took_minutes(LOAD, load=20, sum=10)
    night.took_minutes(MAIL, send=5)
    night.took_minutes(SLOW, load=10)
    load, mail = night.starts(LOAD, "22:00"), night.starts(MAIL, "22:10")
    first, second = night.starts(SLOW, "22:00"), night.starts(SLOW, "22:05")

    slack = {one.usual.run.occ: one.slack_ms for one in foreseen(night).runs}

    assert slack == {load: 0, mail: 15 * MINUTE_MS, first: 10 * MINUTE_MS, second: 10 * MINUTE_MS}


def test_jobs_of_different_runs_that_meet_on_an_agent_are_overlaps():
    # load 22:00-22:20 meets send 22:10-22:25; sum 22:20-22:30 meets it, too. Together 10 and 5 minutes.
    night = Night(a1=4)
    night.took_minutes(LOAD, load=20, sum=10)
    night.took_minutes(MAIL, send=15)
    night.starts(LOAD, "22:00")
    night.starts(MAIL, "22:10")

    [overlap] = foreseen(night).overlaps

    assert (overlap.first.path, overlap.second.path, overlap.pairs) == ("/load", "/send", 2)
    assert (clock(overlap.since_ms), clock(overlap.until_ms)) == ("22:10", "22:25")
    assert overlap.together_ms == 15 * MINUTE_MS


def test_a_deadline_that_is_missed_only_when_everything_is_slow_is_told_as_that():
    night = Night()
    night.took_minutes(LOAD, load=[10] * 18 + [50] * 2, sum=5)
    night.took_minutes(MAIL, send=45)
    night.starts(LOAD, "22:00", deadline="22:30")
    night.starts(MAIL, "22:00", deadline="22:30")
    night.starts(MAIL, "22:00", schedule="OTHER", deadline="23:00")

    found = foreseen(night)

    assert [one.misses for one in found.runs] == ["p95", "yes", "no"]


def test_how_sure_it_is_tells_what_the_past_knows():
    # load is known from 3 runs (median 20, 95th percentile 30), sum from 1 (10), send not at all.
    night = Night()
    night.took_minutes(LOAD, load=[10, 20, 30], sum=10)
    night.starts(LOAD, "22:00")
    night.starts(MAIL, "22:00")

    found = foreseen(night)
    sure = certainty(found.usual, night.durations())

    assert (sure.jobs, sure.known, sure.samples_least, sure.samples_median) == (3, 2, 1, 1)
    assert sure.spread == 1.33  # (30 + 10) / (20 + 10)
    assert sure.default_ms == MINUTE_MS
