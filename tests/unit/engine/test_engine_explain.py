"""What people are told about a run: sentences and JSON."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from jaz_lite.engine.advance import advance
from jaz_lite.engine.explain import HostLocked, explain, waiting_for
from jaz_lite.engine.view import icon_to_json, run_to_json
from jaz_lite.model.event import Started, WorkPlaced
from tests.unit.engine.playing import FIRST_RUN_ID, ZONE, Site, icon, job, jobnet, sub


class World:
    """Knows the host a1, whose agent may be out of reach."""

    def __init__(
        self,
        *,
        since_ms: int | None = None,
        others: Sequence[int] = (),
        disabled: bool = False,
        attempts: str = "running",
        draining: bool = False,
        refusal: str = "",
        members: Sequence[tuple[str, str]] | None = None,
        lock: HostLocked | None = None,
        far: str = "",
        holder: str = "",
        silent: Sequence[str] = (),
    ) -> None:
        self.silent = silent
        self.holder = holder
        self.far = far
        self.refusal = refusal
        self.lock = lock
        self.draining = draining
        self.members = members
        self.attempts = attempts
        self.since_ms = since_ms
        self.others = others
        self.disabled = disabled

    def agent_of(self, host: str) -> str | None:
        return "agent-a" if host == "a1" else None

    def is_disabled(self, host: str) -> bool:
        return self.disabled

    def unreachable_since_ms(self, agent_id: str) -> int | None:
        return self.since_ms

    def copied(self, key: bytes) -> str:
        return self.far

    def lock_of(self, agent_id: str) -> HostLocked | None:
        return self.lock

    def is_draining(self, agent_id: str) -> bool:
        return self.draining

    def refusal_of(self, agent_id: str) -> str:
        return self.refusal

    def members_of(self, host: str) -> Sequence[tuple[str, str]] | None:
        return self.members if host == "a1" else None

    def attempt_state(self, key: bytes) -> str:
        return self.attempts

    def unheard(self) -> Sequence[str]:
        return self.silent

    def held_by(self, run_id: int) -> str:
        return self.holder

    def other_runs(self, jobnet_id: str, run_id: int) -> Sequence[int]:
        return self.others


def test_a_job_on_an_agent_out_of_reach_is_explained(site: Site) -> None:
    run = site.start(jobnet("start -> a -> end", a=job()))

    assert explain(run.run, run.node("a"), World(since_ms=site.clock.now_ms), ZONE) == [
        "/a runs on a1 since 2026-11-23 09:30:00+09:00",
        'the agent "agent-a" of the host "a1" is not reachable since 2026-11-23 09:30:00+09:00; its jobs may go on',
    ]


def test_a_job_on_an_agent_that_is_drained_says_so(site: Site) -> None:
    run = site.start(jobnet("start -> a -> end", a=job()))

    assert explain(run.run, run.node("a"), World(draining=True), ZONE)[1:] == [
        'the agent "agent-a" of the host "a1" is being drained and takes no new work'
    ]


def test_a_job_that_its_agent_refuses_for_now_says_why(site: Site) -> None:
    run = site.start(jobnet("start -> a -> end", a=job()))

    assert explain(run.run, run.node("a"), World(refusal="its disk is nearly full", attempts="ready"), ZONE)[2:] == [
        'the agent "agent-a" of the host "a1" refuses new work for now: its disk is nearly full'
    ]


def test_a_job_that_waits_for_a_member_of_a_group_says_what_keeps_each_of_them(site: Site) -> None:
    run = site.start(jobnet("start -> a -> end", a=job()))
    placed = advance(run.run, WorkPlaced(run.node("a"), run.icon("a").work, "a1", "a1"), site.clock.now)
    world = World(members=[("m1", "is not reachable"), ("m2", "")], attempts="ready")

    assert explain(placed.run, run.node("a"), world, ZONE) == [
        "/a waits for a free member of the group a1 since 2026-11-23 09:30:00+09:00",
        'members of the group "a1": m1 is not reachable; m2 is free',
    ]


def test_a_job_of_a_group_shows_the_member_that_runs_it(site: Site) -> None:
    run = site.start(jobnet("start -> a -> end", a=job()))
    placed = advance(run.run, WorkPlaced(run.node("a"), run.icon("a").work, "m2", "a1"), site.clock.now).run

    assert icon_to_json(placed, run.node("a"), ZONE)["host"] == "m2"
    assert waiting_for(placed, ZONE) == ["/a runs on m2 since 2026-11-23 09:30:00+09:00"]


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("ready", "its work order waits to be sent to the agent"),
        ("sent", "its work order was sent, and the agent has not said that it took it"),
        ("accepted", "the agent has it and starts it when a slot is free"),
    ],
)
def test_a_job_whose_process_does_not_run_yet_says_how_far_its_order_came(site: Site, state: str, reason: str) -> None:
    run = site.start(jobnet("start -> a -> end", a=job()))

    expected = ["/a runs on a1 since 2026-11-23 09:30:00+09:00", f"/a has not begun there: {reason}"]
    assert explain(run.run, run.node("a"), World(attempts=state), ZONE) == expected
    assert explain(run.run, None, World(attempts=state), ZONE)[1:] == expected


def test_icons_of_a_run_that_is_over_have_nothing_left_to_wait_for(site: Site) -> None:
    run = site.start(jobnet("start -> a -> b -> end", a=job(stop_codes="1-255"), b=job()))
    site.agent("a1").ends("a", exit_code=3)
    site.operator.stop(run)

    assert run.state == "end_error"
    assert explain(run.run, run.node("a"), World(), ZONE) == [
        "/a ended in error: the exit code 3 is among the stop codes 1-255; the run is over"
    ]
    assert explain(run.run, run.node("b"), World(), ZONE) == ["/b was not reached; the run is over"]


def test_a_host_nobody_knows_is_explained(site: Site) -> None:
    run = site.start(jobnet("start -> a -> end", a=job(host="b2")))

    assert explain(run.run, None, World(), ZONE)[1:] == [
        "/a runs on b2 since 2026-11-23 09:30:00+09:00",
        'the host "b2" is not known here; add it with: jaz-lite host add b2 --agent NAME',
    ]


def test_a_run_that_waits_for_others_names_them(site: Site) -> None:
    run = site.create(jobnet("start -> end", multiple_start="wait"))
    run.send(Started(others=True))

    assert explain(run.run, None, World(others=[12, 13]), ZONE)[1:] == [
        "running now: 12, 13",
        'waits until no other run of the jobnet "NET" is running',
    ]


def test_an_icon_that_was_not_reached_says_what_comes_before_it(site: Site) -> None:
    run = site.start(jobnet("start -> a -> b -> end", a=job(), b=job()))

    assert explain(run.run, run.node("b"), World(), ZONE) == [
        "/b has not been reached: 0 of 1 flows have arrived",
        "it is reached from /a, which is running",
    ]


def test_a_sub_jobnet_is_explained_by_what_is_inside_it(site: Site) -> None:
    site.enable(jobnet("start -> work -> end", jobnet_id="SUB", work=job()))
    run = site.start(jobnet("start -> s -> end", s=sub("SUB")))

    assert explain(run.run, run.node("s"), World(), ZONE)[-1] == (
        "inside it, /s/work runs on a1 since 2026-11-23 09:30:00+09:00"
    )


def test_everything_has_an_explanation(site: Site) -> None:
    run = site.start(jobnet("start -> a -> end", a=job()))
    site.agent().ends("a")

    assert explain(run.run, None, World(), ZONE) == [
        f'run {run.run.run_id} of the jobnet "NET" is over as ended since 2026-11-23 09:30:00+09:00'
    ]
    assert all(explain(run.run, node.number, World(), ZONE) for node in run.run.plan.nodes)


def test_many_running_jobs_are_told_shortly(site: Site) -> None:
    names = [f"j{number}" for number in range(60)]
    flows = "\n".join(f"mts -> {name} -> mte" for name in names)
    run = site.start(jobnet(f"start -> mts\nmte -> end\n{flows}", **{name: job() for name in names}))

    assert len(run.waiting_for) == 51
    assert run.waiting_for[-1] == "and 10 more icons"


def test_the_json_of_a_run_has_the_promised_shape(site: Site) -> None:
    site.enable(jobnet("start -> JOB-1 -> end", jobnet_id="SUB", **{"JOB-1": job("a1", stop_codes="1")}))
    run = site.start(jobnet("start -> JOBNET-1 -> end", **{"JOBNET-1": sub("SUB")}))
    site.agent().ends("JOBNET-1/JOB-1", exit_code=1, out="out", err="err")
    shape = run_to_json(run.run, ZONE)

    assert json.loads(json.dumps(shape)) == shape
    assert [each["path"] for each in shape["icons"]] == [
        "/START", "/JOBNET-1", "/end", "/JOBNET-1/START", "/JOBNET-1/JOB-1", "/JOBNET-1/end",
    ]  # fmt: skip
    assert shape["icons"][4] == {
        "path": "/JOBNET-1/JOB-1",
        "icon_id": "JOB-1",
        "name": None,
        "type": "job",
        "state": "run_error",
        "jaz_status": 4,
        "pass": 1,
        "attempt": 1,
        "host": "a1",
        "exit_code": 1,
        "std_out": "out",
        "std_err": "err",
        "message": "the exit code 1 is among the stop codes 1",
        "method": "normal",
        "continued": False,
        "timed_out": False,
        "cut": [],
        "doubt": None,
        "started_at": "2026-11-23T09:30:00.000+09:00",
        "ended_at": "2026-11-23T09:30:00.000+09:00",
    }
    del shape["icons"]
    assert shape == {
        "run_id": str(run.run.run_id),
        "jobnet_id": "NET",
        "version": "20261123000000",
        "state": "run_error",
        "jaz_status": 4,
        "job_status": "error",
        "load_status": "normal",
        "origin": "manual",
        "user": "kato",
        "scheduled_at": None,
        "created_at": "2026-11-23T09:30:00.000+09:00",
        "started_at": "2026-11-23T09:30:00.000+09:00",
        "ended_at": None,
        "exit_code": None,
        "late": False,
        "schedule_id": None,
        "nominal_at": None,
        "deadline_at": None,
        "deadline_missed": False,
        "held": "no",
        "stopping": False,
        "timed_out": False,
        "message": "",
        "faulted": False,
        "waiting_for": run.waiting_for,
    }


def test_a_doubt_is_in_the_json(site: Site) -> None:
    run = site.start(jobnet("start -> a -> end", a=job()))
    site.agent().loses("a")

    assert run_to_json(run.run, ZONE)["icons"][1]["doubt"] == {
        "reason": "lost",
        "since": "2026-11-23T09:30:00.000+09:00",
    }


def test_work_that_a_reboot_of_its_host_keeps_waiting_is_explained(site: Site) -> None:
    run = site.start(jobnet("start -> load -> end", load=job("a1")))
    lock = HostLocked(b"r" * 16, 77, "/REBOOT-1", 0)

    told = explain(run.run, run.run.plan.find("load"), World(attempts="ready", lock=lock), ZONE)

    assert (
        'the host "a1" is locked since 1970-01-01 09:00:00+09:00 by the reboot /REBOOT-1 of run 77: work for it waits '
        "until that is over, or until: jaz-lite host unlock a1"
    ) in told


def test_a_reboot_is_not_kept_waiting_by_its_own_lock(site: Site) -> None:
    run = site.start(jobnet("start -> load -> end", load=job("a1")))
    node = run.run.plan.find("load")
    assert node is not None
    key = run.run.icons[node].work
    assert key is not None

    told = explain(run.run, node, World(lock=HostLocked(key, 77, "/load", 0)), ZONE)

    assert not any("locked" in sentence for sentence in told)


def test_a_file_copy_tells_how_far_it_is_and_what_both_of_its_hosts_lack(site: Site) -> None:
    settings = {"source_host": "a2", "source_folder": "/out", "source_file": "*", "target_folder": "/in"}
    copy = icon("file_copy", target_host="a1", **settings)
    run = site.start(jobnet("start -> copy -> end", copy=copy))
    node = run.run.plan.find("copy")

    told = explain(run.run, node, World(far="1 of 3 files"), ZONE)

    assert told == [
        "/copy runs on a1 since 2026-11-23 09:30:00+09:00",
        "/copy copies from a2: 1 of 3 files",
        'the host "a2" is not known here; add it with: jaz-lite host add a2 --agent NAME',
    ]
    assert explain(run.run, None, World(far="1 of 3 files"), ZONE)[-2:] == told[1:]


# ---- planned runs; the clock stands at 09:30


def test_a_planned_run_says_who_planned_it_for_when(site: Site) -> None:
    run = site.plan(jobnet("start -> end"), in_min=10, deadline_ms=site.clock.now_ms + 3_600_000)

    assert explain(run.run, None, World(), ZONE) == [
        f'run {FIRST_RUN_ID} of the jobnet "NET" is waiting',
        "waits for its start at 2026-11-23 09:40:00+09:00",
        'it was planned by the schedule "NIGHTLY" for 2026-11-23 09:40:00+09:00',
        "it should be over by 2026-11-23 10:30:00+09:00",
    ]


def test_a_moved_and_held_run_says_by_whom_and_how_it_goes_on(site: Site) -> None:
    run = site.plan(jobnet("start -> end"), in_min=10, schedule_id="")
    site.operator.move(run, site.clock.now_ms + 3_600_000)
    site.operator.hold_run(run)

    assert explain(run.run, None, World(holder="sato"), ZONE)[1:] == [
        f"is held, whatever its time; let it start: jaz-lite run release {FIRST_RUN_ID}",
        "it was planned by kato for 2026-11-23 09:40:00+09:00, now for 2026-11-23 10:30:00+09:00",
        "it is held by sato",
    ]


def test_a_planned_run_that_waits_for_another_names_it(site: Site) -> None:
    run = site.plan(jobnet("start -> end", multiple_start="wait"), in_min=0)
    run.send(Started(others=True))

    assert explain(run.run, None, World(others=[5]), ZONE)[1:3] == [
        "running now: 5",
        'waits until no other run of the jobnet "NET" is running',
    ]


def test_a_delayed_start_error_says_what_to_do(site: Site) -> None:
    run = site.plan(jobnet("start -> end"), in_min=10, deadline_ms=site.clock.now_ms + 3_600_000)
    site.clock.jumps(hours=2)

    first, *more = explain(run.run, None, World(), ZONE)
    assert first == (
        f'run {FIRST_RUN_ID} of the jobnet "NET" is in error: its time 2026-11-23 09:40:00+09:00 was missed, so it was '
        "not started"
    )
    assert more == [
        f"start it now: jaz-lite run rerun {FIRST_RUN_ID}, or end it: jaz-lite run stop {FIRST_RUN_ID}",
        'it was planned by the schedule "NIGHTLY" for 2026-11-23 09:40:00+09:00',
        "it was not over at its deadline, 2026-11-23 10:30:00+09:00",
    ]


def test_a_start_that_was_left_out_says_why(site: Site) -> None:
    run = site.plan(jobnet("start -> end"), in_min=10, late_start="skip")
    site.clock.jumps(hours=2)

    assert explain(run.run, None, World(), ZONE)[0] == (
        f'run {FIRST_RUN_ID} of the jobnet "NET" was skipped at 2026-11-23 11:30:00+09:00: its time '
        "2026-11-23 09:40:00+09:00 was missed, so it was not started"
    )


def test_the_json_of_a_planned_run_tells_its_plan(site: Site) -> None:
    run = site.plan(jobnet("start -> end"), in_min=10, deadline_ms=site.clock.now_ms + 3_600_000)
    site.operator.hold_run(run)
    shape = run_to_json(run.run, ZONE)

    planned = ("schedule_id", "nominal_at", "scheduled_at", "late", "deadline_at", "deadline_missed", "held")
    assert {name: shape[name] for name in planned} == {
        "schedule_id": "NIGHTLY",
        "nominal_at": "2026-11-23T09:40:00.000+09:00",
        "scheduled_at": "2026-11-23T09:40:00.000+09:00",
        "late": False,
        "deadline_at": "2026-11-23T10:30:00.000+09:00",
        "deadline_missed": False,
        "held": "held",
    }


def test_a_run_that_started_late_says_by_how_much(site: Site) -> None:
    run = site.plan(jobnet("start -> load -> end", load=job("a1")), in_min=10, late_start="run_all")
    site.clock.jumps(hours=26, minutes=11)

    told = explain(run.run, None, World(), ZONE)

    assert "it started late, 1 day 2 hours 1 minute after its time" in told


def test_a_missed_start_that_waits_for_agents_after_a_takeover_names_them(site: Site) -> None:
    run = site.start(jobnet("start -> end"))
    waiting = replace(run.run, state="waiting", replayed_since_ms=1, scheduled_ms=1)

    said = explain(waiting, None, World(silent=("web01", "web02")), ZONE)

    assert said[-1].endswith("it waits for what these agents know: web01, web02")
