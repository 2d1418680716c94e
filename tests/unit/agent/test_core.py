"""The agent's decisions, without a disk, a process or a server."""

from typing import Any, Literal

import pytest

from jaz_lite.agent import effects as fx
from jaz_lite.agent.attempts import Moment, OutputFacts
from jaz_lite.agent.core import FORGET_AT_ONCE, AgentCore
from jaz_lite.agent.policy import Policy
from jaz_lite.agent.slots import Slots
from jaz_lite.wire.events import pack_event, unpack_event
from jaz_lite.wire.happenings import CancelAsked, Dispatched, Drained, KillAsked, Queried
from jaz_lite.wire.spec import pack_spec

NOW = Moment(100.0, 1_000_000)


def key(name: str) -> bytes:
    return name.encode().ljust(16, b".")


def work(name: str, *, start_by_s: int | None = None, kind: str = "cmd", **spec: Any) -> Dispatched:
    spec.setdefault("script", "exit 0")
    return Dispatched(
        k=key(name), occ=f"M:{name}", path="/job#1", att=1, run=1, kind=kind, spec=pack_spec("cmd", spec),
        start_by_s=start_by_s,
    )  # fmt: skip


class Driven:
    """A core whose effects are kept apart by kind."""

    def __init__(
        self,
        policy: "Policy | None" = None,
        *,
        keeper: bool = True,
        contact: bool = True,
        slots: "Slots | None" = None,
    ) -> None:
        policy = policy or Policy()
        self.core = AgentCore(policy=policy, slots=slots or Slots(policy.par), out_folder="/out", may_start=contact)
        self.effects: list[fx.Effect] = []
        self.log: list[bytes] = []
        if keeper:
            self.core.keeper_up(NOW)
            self.core.keeper_said(["list_end", 0], NOW)
        self.step()

    def step(self) -> list[fx.Effect]:
        self.effects = self.core.take()
        for effect in self.effects:
            if isinstance(effect, fx.Append):
                self.log += effect.payloads
        return self.effects

    def ask(self, *happenings: Any, now: Moment = NOW) -> list[fx.Effect]:
        for happening in happenings:
            self.core.asked(happening, now)
        return self.step()

    def said(self, *records: list[Any], now: Moment = NOW, facts: "OutputFacts | None" = None) -> list[fx.Effect]:
        for record in records:
            self.core.keeper_said(record, now, facts or OutputFacts())
        return self.step()

    @property
    def events(self) -> list[str]:
        return [unpack_event(payload)[3] for payload in self.log]

    @property
    def told(self) -> list[list[Any]]:
        return [m for effect in self.effects if isinstance(effect, fx.TellKeeper) for m in effect.messages]

    @property
    def answers(self) -> list[fx.Effect]:
        return [effect for effect in self.effects if isinstance(effect, fx.SayState | fx.SayRefused)]

    def again(self, *, booted: "bytes | None" = None, **options: Any) -> "Driven":
        """A new agent process that reads the log of this one. booted: the machine was started again."""
        fresh = Driven(keeper=False, **options)
        for payload in self.log:
            fresh.core.recall(unpack_event(payload))
        fresh.core.recalled(NOW, booted=booted)
        fresh.log = list(self.log)
        return fresh

    def run(self, name: str) -> None:
        self.ask(work(name))
        self.said(["pid", key(name).hex(), 7, 0, 5])


def test_accepting_is_durable_before_the_keeper_is_told() -> None:
    agent = Driven()

    effects = agent.ask(work("a"), work("b"))

    assert [type(effect) for effect in effects] == [fx.Append, fx.Sync, fx.TellKeeper]
    assert agent.events == ["accepted", "accepted"]
    assert [(m[0], m[1]) for m in agent.told] == [("start", key("a").hex()), ("start", key("b").hex())]


def test_a_start_is_written_at_once_and_flushed_later() -> None:
    agent = Driven()
    agent.ask(work("a"))

    effects = agent.said(["pid", key("a").hex(), 7, 0, 5])

    assert [type(effect) for effect in effects] == [fx.Append]
    assert agent.core.deadline == NOW.mono + 0.05
    agent.core.tick(Moment(NOW.mono + 0.05, 0))
    assert agent.step() == [fx.Sync()]
    assert agent.core.deadline is None


def test_an_end_is_durable_before_the_keeper_may_forget_it() -> None:
    agent = Driven(Policy(par=200))
    names = [f"job{n}" for n in range(FORGET_AT_ONCE)]
    for name in names:
        agent.run(name)

    for name in names[:-1]:
        agent.said(["exit", key(name).hex(), 3, None, 1, 2, "", 5, 6], facts=OutputFacts(out=1, out_head=b"x"))
        assert [type(effect) for effect in agent.effects] == [fx.Append, fx.Sync]
    agent.said(["exit", key(names[-1]).hex(), 3, None, 1, 2, "", 5, 6], facts=OutputFacts(out=1, out_head=b"x"))

    assert [type(effect) for effect in agent.effects] == [fx.Append, fx.Sync, fx.TellKeeper]
    assert agent.told == [["forget", *(key(name).hex() for name in names)]]
    _, _, _, name, fields = unpack_event(agent.log[-1])
    assert (name, fields["exit"], fields["out"], fields["out_head"]) == ("finished", 3, 1, b"x")


def test_slots_are_given_in_the_order_of_arrival() -> None:
    agent = Driven(Policy(par=2))

    agent.ask(*(work(name) for name in "abcd"))
    assert [m[1] for m in agent.told] == [key("a").hex(), key("b").hex()]

    agent.said(["pid", key("a").hex(), 7, 0, 5], ["exit", key("a").hex(), 0, None, 0, 0, "", 5, 6])
    assert [m[1] for m in agent.told if m[0] == "start"] == [key("c").hex()]


def test_a_known_key_never_starts_again() -> None:
    agent = Driven()
    agent.run("a")
    agent.said(["exit", key("a").hex(), 3, None, 1, 2, "", 5, 6])

    agent.ask(work("a"), work("a", script="exit 9"))

    assert agent.answers == [fx.SayState(key("a"), "done", 3, False), fx.SayState(key("a"), "done", 3, True)]
    assert agent.told == []
    restarted = agent.again()
    restarted.ask(work("a"))
    assert restarted.answers == [fx.SayState(key("a"), "done", 3, False)]


@pytest.mark.parametrize(
    ("policy", "before", "kind", "why"),
    [
        (Policy(), [Drained(True)], "cmd", "draining"),
        (Policy(), [], "fwait", "kind"),
        (Policy(par=1, queue=1), [work("x"), work("y")], "cmd", "busy"),
    ],
)
def test_work_that_cannot_be_taken_is_refused_without_a_record(
    policy: Policy, before: list[Any], kind: str, why: str
) -> None:
    agent = Driven(policy)
    agent.ask(*before)

    if kind == "fwait":
        asked = Dispatched(
            k=key("a"), occ="M:a", path="/a#1", att=1, run=1, kind="fwait",
            spec=pack_spec("fwait", {"path": "/x", "mode": "exist"}),
        )  # fmt: skip
    else:
        asked = work("a")
    agent.ask(asked)

    assert [(a.k, a.why) for a in agent.answers if isinstance(a, fx.SayRefused)] == [(key("a"), why)]
    assert key("a") not in agent.core.attempts


def test_a_full_disk_refuses_new_work_until_there_is_room() -> None:
    agent = Driven()
    agent.run("first")
    agent.core.room(1, NOW)
    agent.ask(work("a"))
    assert isinstance(agent.answers[0], fx.SayRefused)
    assert agent.answers[0].why == "no_space"

    agent.core.room(10**12, NOW)
    agent.ask(work("a"))

    assert agent.answers == []
    assert [e for e in agent.events if e == "disk"] == ["disk", "disk"]


def test_a_work_order_that_makes_no_sense_is_a_failed_attempt() -> None:
    agent = Driven()

    agent.ask(Dispatched(k=key("a"), occ="M:a", path="/a#1", att=1, run=1, kind="cmd", spec=b"\x81\xa1x\x01"))

    assert agent.events == ["accepted", "failed"]
    assert agent.told == []


def test_a_withdrawn_attempt_waits_for_the_keeper_to_say_so() -> None:
    agent = Driven(Policy(par=1))
    agent.ask(work("a"), work("b"))

    agent.ask(CancelAsked(key("b"), "person"), CancelAsked(key("never heard of"), "person"))
    assert [m[0] for m in agent.told] == ["cancel", "cancel"]
    assert "cancelled" not in agent.events

    agent.said(["cancelled", key("b").hex(), 9], ["cancelled", key("never heard of").hex(), 9])
    assert agent.events[-2:] == ["cancelled", "cancelled"]
    agent.ask(work("never heard of"))
    assert isinstance(agent.answers[0], fx.SayState)
    assert agent.answers[0].st == "cancelled"


def test_a_kill_that_overtakes_the_start_is_not_lost() -> None:
    agent = Driven()
    agent.ask(work("a"), KillAsked(key("a"), "signal", "TERM", 5, ""))
    assert [m[0] for m in agent.told] == ["start"]

    agent.said(["pid", key("a").hex(), 7, 0, 5])

    assert agent.told == [["kill", key("a").hex(), "TERM", 5, "kill"]]


def test_a_kill_that_comes_while_no_keeper_is_there_is_told_to_the_next() -> None:
    agent = Driven()
    agent.run("a")
    agent.core.keeper_down()
    agent.ask(KillAsked(key("a"), "signal", "TERM", 5, ""))

    agent.core.keeper_up(NOW)
    agent.said(["listed", key("a").hex(), ["pid", key("a").hex(), 7, 3, 5]], ["list_end", 1])

    assert ["kill", key("a").hex(), "TERM", 5, "kill"] in agent.told


def test_a_stop_runs_the_stop_command_under_a_claim_of_its_own() -> None:
    agent = Driven()
    agent.ask(work("a", stop="echo stop", env={"A": "1"}))
    agent.said(["pid", key("a").hex(), 7, 0, 5])

    agent.ask(KillAsked(key("a"), "stop", "TERM", 5, ""))

    [[verb, claim, order]] = agent.told
    assert (verb, claim) == ("start", key("a").hex() + "!stop")
    assert (order["argv"][-1], order["env"]) == ("echo stop", {"A": "1"})
    agent.said(["exit", claim, 0, None, 0, 0, "", 5, 6])
    assert agent.events == ["accepted", "started"]


@pytest.mark.parametrize(("act", "told"), [("warn", []), ("kill", ["kill"]), ("stop", ["start"])])
def test_a_timeout_is_told_and_does_what_was_chosen(act: str, told: list[str]) -> None:
    agent = Driven()
    agent.ask(work("a", timeout=60, timeout_act=act, stop="echo stop", grace=3))
    agent.said(["pid", key("a").hex(), 7, 0, NOW.wall_ms])

    agent.core.tick(Moment(NOW.mono + 59.9, 0))
    agent.step()
    assert "timeout" not in agent.events
    agent.core.tick(Moment(NOW.mono + 60, 0))
    agent.step()

    assert agent.events[-1] == "timeout"
    assert [m[0] for m in agent.told] == told


def test_a_start_that_comes_too_late_is_withdrawn_as_expired() -> None:
    agent = Driven(Policy(par=1))
    agent.ask(work("a"), work("b", start_by_s=30))

    agent.core.tick(Moment(NOW.mono + 30, 0))
    agent.step()
    assert agent.told == [["cancel", key("b").hex()]]
    agent.said(["cancelled", key("b").hex(), 9])

    assert unpack_event(agent.log[-1])[4] == {"why": "expired"}


def test_after_a_restart_the_keeper_says_what_became_of_each() -> None:
    agent = Driven(Policy(par=9))
    agent.ask(*(work(name) for name in ("ended", "runs", "begins", "lost", "unknown")))
    agent.said(["pid", key("ended").hex(), 1, 0, 5], ["pid", key("unknown").hex(), 1, 0, 5])

    restarted = agent.again(policy=Policy(par=9))
    restarted.core.keeper_up(NOW)
    restarted.said(
        ["listed", key("ended").hex(), ["exit", key("ended").hex(), 4, None, 0, 0, "", 5, 6]],
        ["listed", key("runs").hex(), ["pid", key("runs").hex(), 2, 0, 5]],
        ["listed", key("lost").hex(), ["lost", key("lost").hex(), "shim", 5, 6]],
        ["list_end", 3],
    )

    states = {name: restarted.core.attempts[key(name)].state for name in ("ended", "runs", "begins", "lost", "unknown")}
    assert states == {"ended": "done", "runs": "running", "begins": "starting", "lost": "lost", "unknown": "lost"}
    assert [m[1] for m in restarted.told if m[0] == "start"] == [key("begins").hex()]


def test_after_a_boot_nothing_starts_before_the_server_was_heard() -> None:
    agent = Driven(Policy(par=1))
    agent.ask(work("a"), work("b"))
    restarted = agent.again(contact=False)
    restarted.core.keeper_up(NOW)
    restarted.said(["list_end", 0])
    assert [m[0] for m in restarted.told] == ["list"]

    restarted.core.contact(NOW, drain=False)
    restarted.step()

    assert [m[0] for m in restarted.told] == ["start", "start"]


def test_a_rotation_waits_until_nothing_old_can_start_any_more() -> None:
    agent = Driven(Policy(par=1))
    agent.run("runs")
    agent.ask(work("waits"))

    assert not agent.core.prepare_rotation(NOW)
    agent.step()
    assert agent.told == [["cancel", key("waits").hex()]]
    agent.said(["cancelled", key("waits").hex(), 9])

    assert agent.core.prepare_rotation(NOW)
    assert unpack_event(agent.log[-1])[3:] == ("lost", {"why": "setback"})
    assert agent.core.attempts[key("runs")].state == "running"


def test_the_inventory_has_what_is_open_and_what_ended_since() -> None:
    agent = Driven()
    agent.run("old")
    agent.said(["exit", key("old").hex(), 0, None, 0, 0, "", 5, 6])
    cursor = agent.core.head
    agent.run("new")
    agent.said(["exit", key("new").hex(), 0, None, 0, 0, "", 5, 6])
    agent.run("open")

    assert {item.k for item in agent.core.inventory(cursor)} == {key("new"), key("open")}
    assert {item.k for item in agent.core.inventory()} == {key("old"), key("new"), key("open")}
    assert agent.ask(Queried(None)) == [fx.SayInventory()]


def test_a_long_work_order_is_kept_apart_and_found_again() -> None:
    agent = Driven(Policy(par=1))
    long = work("long", script="# " + "x" * 150_000)
    effects = agent.ask(long)
    assert effects[0] == fx.SaveSpec(key("long"), long.spec)

    restarted = agent.again()
    assert restarted.core.specs_apart() == [key("long")]
    restarted.core.spec_found(key("long"), long.spec)
    restarted.core.keeper_up(NOW)
    restarted.said(["list_end", 0])

    assert [m[0] for m in restarted.told] == ["list", "start"]


def test_what_is_old_and_below_the_log_is_forgotten() -> None:
    agent = Driven()
    agent.run("a")
    agent.said(["exit", key("a").hex(), 0, None, 0, 0, "", 5, 6])
    agent.run("open")

    assert agent.core.forget(3, 10**15) == []
    assert agent.core.forget(100, 0) == []
    assert agent.core.forget(100, 10**15) == [key("a")]
    assert list(agent.core.attempts) == [key("open")]


def test_what_an_old_log_left_unstarted_is_lost_when_the_keeper_does_not_know_it() -> None:
    agent = Driven(Policy(par=1))
    agent.ask(work("a"), work("b"))
    agent.log.append(pack_event(3, 0, None, "rotated", {"old": bytes(16), "why": "damaged"}))

    restarted = agent.again()
    restarted.core.keeper_up(NOW)
    restarted.said(["listed", key("a").hex(), ["pid", key("a").hex(), 7, 0, 5]], ["list_end", 1])

    assert restarted.core.attempts[key("a")].state == "running"
    assert unpack_event(restarted.log[-1])[2:] == (key("b"), "lost", {"why": "setback"})
    assert [m[0] for m in restarted.told] == ["list"]


def test_a_list_that_nobody_asked_for_loses_nothing() -> None:
    agent = Driven()
    agent.ask(work("a"))
    agent.said(["pid", key("a").hex(), 7, 0, 1])

    agent.said(["list_end", 0])

    assert agent.core.attempts[key("a")].state == "running"


def test_work_that_the_keeper_knows_is_never_refused_though_the_log_has_lost_it() -> None:
    agent = Driven(keeper=False)
    agent.core.keeper_up(NOW)
    agent.said(["listed", key("a").hex(), ["exit", key("a").hex(), 0, None, 1, 1, "", 1, 2]], ["list_end", 1])
    agent.core.room(1, NOW)

    agent.ask(work("a"), work("b"))

    assert [answer.k for answer in agent.answers if isinstance(answer, fx.SayRefused)] == [key("b")]
    assert agent.core.attempts[key("a")].state == "starting"


# ---- machines that are set back (4.5)


def waiting_over_a_boot(guard: "Literal['normal', 'strict']") -> Driven:
    policy = Policy(par=1, rollback_guard=guard)
    before = Driven(policy)
    before.run("runs")
    before.ask(work("waits"))
    return before.again(policy=policy, booted=b"b" * 16)


def keeper_lists_nothing_of(agent: Driven, name: str) -> None:
    agent.core.keeper_up(NOW)
    other = key("runs").hex()
    agent.said(["listed", other, ["lost", other, "reboot", 5, 9]], ["list_end", 1])


def test_after_a_boot_what_was_not_started_is_started_on_a_disk_that_is_not_set_back() -> None:
    agent = waiting_over_a_boot("normal")

    keeper_lists_nothing_of(agent, "waits")

    assert [m[1] for m in agent.told if m[0] == "start"] == [key("waits").hex()]


def test_after_a_boot_what_was_not_started_is_lost_on_a_machine_that_may_be_set_back() -> None:
    agent = waiting_over_a_boot("strict")

    keeper_lists_nothing_of(agent, "waits")

    assert [m for m in agent.told if m[0] == "start"] == []
    assert agent.core.attempts[key("waits")].state == "lost"


def test_an_agent_that_is_killed_after_such_a_boot_still_does_not_start_it() -> None:
    agent = waiting_over_a_boot("strict")
    agent.step()
    again = agent.again(policy=Policy(par=1, rollback_guard="strict"))

    keeper_lists_nothing_of(again, "waits")

    assert again.core.attempts[key("waits")].state == "lost"
