"""The keeper's decisions, effect by effect."""

from typing import Any

from jaz_lite.agent import keeper_core as kc
from jaz_lite.agent.crc_log import unframed

ORDER: dict[str, Any] = {"argv": ["/bin/true"], "env": {}, "out": "o", "err": "e"}


def keeper(records: "list[kc.Record] | None" = None, alive: bool = False, boot: str = "b1") -> kc.KeeperCore:
    core = kc.KeeperCore(boot)
    core.load(records or [])
    core.begin(lambda pid, started: alive and started > 0, 5)
    return core


def kinds(effects: list[kc.Effect]) -> list[str]:
    return [type(effect).__name__ for effect in effects]


def written(effects: list[kc.Effect]) -> list[kc.Record]:
    data = b"".join(b"".join(effect.records) for effect in effects if isinstance(effect, kc.Append))
    return [kc.unpacked(payload) for payload in unframed(data)[0]]


def told(effects: list[kc.Effect]) -> list[kc.Record]:
    return [record for effect in effects if isinstance(effect, kc.Tell) for record in effect.records]


def test_all_claims_of_a_batch_are_durable_by_one_sync_before_any_process_starts() -> None:
    core = keeper()
    core.take()

    core.asked([["start", f"k{n}", ORDER] for n in range(20)], 1.0, 10)

    effects = core.take()
    assert kinds(effects) == ["Append", "Sync", *["Spawn"] * 20]
    assert [record[:2] for record in written(effects)] == [["claim", f"k{n}"] for n in range(20)]


def test_a_claim_is_started_once_however_often_it_is_asked_for() -> None:
    core = keeper()
    core.take()
    core.asked([["start", "k", ORDER], ["start", "k", ORDER]], 1.0, 10)
    assert kinds(core.take()).count("Spawn") == 1
    core.spawned("k", 77, 1.0, 11)
    core.take()

    core.asked([["start", "k", ORDER]], 2.0, 20)

    effects = core.take()
    assert kinds(effects) == ["Tell"]
    assert told(effects)[-1:] == [["listed", "k", ["pid", "k", 77, 0, 11]]]


def test_a_pid_is_written_at_once_and_told_soon() -> None:
    core = keeper()
    core.asked([["start", "k", ORDER]], 1.0, 10)
    core.take()

    core.spawned("k", 77, 1.0, 11)
    assert "Tell" not in kinds(core.take())
    assert core.deadline == 1.0 + kc.TELL_WITHIN_S

    core.tick(1.0 + kc.TELL_WITHIN_S)
    assert told(core.take())[-1] == ["pid", "k", 77, 0, 11]


def test_an_exit_is_told_behind_its_pid_and_flushed_at_once_after() -> None:
    core = keeper()
    core.asked([["start", "k", ORDER]], 1.0, 10)
    core.take()

    core.spawned("k", 77, 1.0, 11)
    core.take()

    core.exited(77, code=3, signal=None, cpu_ms=1, rss_kb=2, wall_ms=12)
    effects = core.take()
    assert kinds(effects) == ["Append", "Tell", "Sync"]
    assert told(effects) == [["pid", "k", 77, 0, 11], ["exit", "k", 3, None, 1, 2, "", 11, 12]]


def test_a_cancelled_claim_never_starts() -> None:
    core = keeper()
    core.take()

    core.asked([["cancel", "k"], ["start", "k", ORDER]], 1.0, 10)

    effects = core.take()
    assert kinds(effects) == ["Append", "Sync", "Tell"]
    assert told(effects) == [["cancelled", "k", 10], ["listed", "k", ["cancelled", "k", 10]]]


def test_a_start_wins_over_a_later_cancel() -> None:
    core = keeper()
    core.asked([["start", "k", ORDER]], 1.0, 10)
    core.take()
    core.spawned("k", 77, 1.0, 11)
    core.take()

    core.asked([["cancel", "k"]], 2.0, 20)

    assert told(core.take())[-1:] == [["listed", "k", ["pid", "k", 77, 0, 11]]]


def test_a_kill_becomes_sigkill_when_its_grace_is_over() -> None:
    core = keeper()
    core.asked([["start", "k", ORDER]], 1.0, 10)
    core.take()
    core.spawned("k", 77, 1.0, 11)
    core.tick(4.0)  # the process is identified meanwhile
    core.take()

    core.asked([["kill", "k", "TERM", 10, "kill"]], 5.0, 20)
    assert core.take()[0] == kc.Signal(77, "TERM")

    core.tick(14.9)
    assert core.take() == []
    core.tick(15.0)
    assert core.take()[0] == kc.Signal(77, "KILL")
    core.exited(77, code=None, signal=9, cpu_ms=0, rss_kb=0, wall_ms=30)
    assert told(core.take())[0][6] == "kill"


def test_a_process_that_lives_on_is_identified_for_a_later_keeper() -> None:
    core = keeper()
    core.asked([["start", "k", ORDER], ["start", "short", ORDER]], 1.0, 10)
    core.take()
    core.spawned("k", 77, 1.0, 11)
    core.spawned("short", 78, 1.0, 11)
    core.exited(78, code=0, signal=None, cpu_ms=0, rss_kb=0, wall_ms=12)
    core.take()

    assert core.deadline == 1.0 + kc.IDENTIFY_AFTER_S
    core.tick(2.0)
    assert core.take() == [kc.Identify("k", 77)]
    core.identified("k", 4711)
    assert written(core.take()) == [["pid", "k", 77, 4711, 11]]


def test_what_a_dead_keeper_left_running_is_watched_and_ends_as_lost() -> None:
    records: list[kc.Record] = [["keeper", "b1", 1], ["claim", "k", 2], ["pid", "k", 77, 4711, 3]]
    core = keeper(records, alive=True)
    assert kc.Watch("k", 77, 4711) in core.take()

    core.gone("k", 9)

    effects = core.take()
    assert kinds(effects) == ["Append", "Sync", "Tell"]
    assert told(effects) == [["lost", "k", "shim", 3, 9]]


def test_a_claim_without_a_process_is_lost_and_its_reason_tells_a_reboot() -> None:
    for boot, why in (("b1", "shim"), ("b2", "reboot")):
        core = keeper([["keeper", "b1", 1], ["claim", "k", 2]], boot=boot)

        assert told(core.take()) == [["lost", "k", why, 2, 5]]
        core.asked([["start", "k", ORDER]], 1.0, 10)
        assert "Spawn" not in kinds(core.take())


def test_a_list_tells_every_claim_and_forgetting_drops_only_ended_ones() -> None:
    core = keeper()
    core.asked([["start", "a", ORDER], ["start", "b", ORDER]], 1.0, 10)
    core.take()
    core.spawned("a", 1, 1.0, 11)
    core.spawned("b", 2, 1.0, 11)
    core.exited(1, code=0, signal=None, cpu_ms=0, rss_kb=0, wall_ms=12)
    core.take()

    core.asked([["forget", "a", "b", "a"], ["list"]], 2.0, 20)

    effects = core.take()
    assert told(effects) == [["listed", "b", ["pid", "b", 2, 0, 11]], ["list_end", 1]]
    assert written(effects) == [["forget", "a"]]


def test_the_restated_log_says_the_same_as_the_whole_one() -> None:
    core = keeper()
    core.asked([["start", "a", ORDER], ["start", "b", ORDER], ["cancel", "c"]], 1.0, 10)
    core.take()
    core.spawned("a", 1, 1.0, 11)
    core.identified("a", 99)
    core.spawned("b", 2, 1.0, 11)
    core.exited(2, code=5, signal=None, cpu_ms=0, rss_kb=0, wall_ms=12)

    again = keeper(core.restate(), alive=True)

    assert {name: claim.state for name, claim in again.claims.items()} == {
        "a": "running",
        "b": "ended",
        "c": "cancelled",
    }
    assert kc.Watch("a", 1, 99) in again.take()


def test_the_keeper_ends_when_told_to_and_nothing_runs() -> None:
    core = keeper()
    core.asked([["start", "k", ORDER], ["end"]], 1.0, 10)
    assert "End" not in kinds(core.take())
    core.spawned("k", 77, 1.0, 11)
    core.take()

    core.exited(77, code=0, signal=None, cpu_ms=0, rss_kb=0, wall_ms=12)

    assert "End" not in kinds(core.take())  # the exit is told first
    assert kinds(core.take()) == ["End"]


def test_rubbish_from_the_agent_is_answered_and_changes_nothing() -> None:
    core = keeper()
    core.take()

    core.asked([["start"], ["fly", 1], []], 1.0, 10)

    assert [record[0] for record in told(core.take())] == ["not_understood"] * 3
    assert core.claims == {}
