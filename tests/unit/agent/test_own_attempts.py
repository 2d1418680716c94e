"""Work that the agent's own process does: when it is begun, begun again and ended, and what is told of it."""

from typing import Any

import pytest

from jaz_lite.agent import effects as fx
from jaz_lite.agent.attempts import Moment
from jaz_lite.agent.core import AgentCore
from jaz_lite.agent.policy import Policy
from jaz_lite.agent.slots import Slots
from jaz_lite.wire.events import unpack_event
from jaz_lite.wire.happenings import CancelAsked, Dispatched, KillAsked
from jaz_lite.wire.spec import pack_spec

NOW = Moment(100.0, 1_000_000)
SPEC = {"path": "/in/orders.csv", "mode": "exist"}


def key(name: str) -> bytes:
    return name.encode().ljust(16, b".")


def wait(name: str, **more: Any) -> Dispatched:
    return Dispatched(
        k=key(name), occ=f"M:{name}", path="/wait#1", att=1, run=1, kind="fwait",
        spec=pack_spec("fwait", {**SPEC, **more}), start_by_s=None,
    )  # fmt: skip


def kill(name: str) -> KillAsked:
    return KillAsked(key(name), "signal", "TERM", 10, "stop")


class Own:
    """A core that can wait for files, whose effects are looked at."""

    def __init__(self, *, may_start: bool = True, policy: "Policy | None" = None) -> None:
        self.core = AgentCore(
            policy=policy or Policy(),
            slots=Slots(1),
            out_folder="/out",
            may_start=may_start,
            own_kinds=("fwait",),
        )
        self.effects: list[fx.Effect] = []
        self.log: list[bytes] = []

    def step(self) -> list[fx.Effect]:
        self.effects = self.core.take()
        for effect in self.effects:
            if isinstance(effect, fx.Append):
                self.log += effect.payloads
        return self.effects

    def ask(self, *happenings: Any) -> list[fx.Effect]:
        for happening in happenings:
            self.core.asked(happening, NOW)
        return self.step()

    def said(self, *records: "tuple[Any, ...]", now: Moment = NOW) -> list[fx.Effect]:
        for record in records:
            self.core.own_said(record, now)
        return self.step()

    def again(self, *, may_start: bool = True, booted: "bytes | None" = None) -> "Own":
        """A new agent process that reads the log of this one."""
        fresh = Own(may_start=may_start)
        for payload in self.log:
            fresh.core.recall(unpack_event(payload))
        fresh.core.recalled(NOW, booted=booted)
        fresh.log = list(self.log)
        fresh.step()
        return fresh

    @property
    def own(self) -> list[fx.Effect]:
        return [effect for effect in self.effects if isinstance(effect, fx.BeginOwn | fx.EndOwn)]

    @property
    def last(self) -> "tuple[str, dict[str, Any]]":
        _, _, _, e, x = unpack_event(self.log[-1])
        return e, x


def test_own_work_is_begun_when_its_acceptance_is_durable_and_no_keeper_is_asked() -> None:
    agent = Own()

    agent.ask(wait("a"))

    assert [type(effect) for effect in agent.effects] == [fx.Append, fx.Sync, fx.BeginOwn]
    assert agent.own == [fx.BeginOwn(key("a"), "fwait", SPEC, again=False)]


def test_what_is_said_of_own_work_becomes_events() -> None:
    agent = Own()
    agent.ask(wait("a"), wait("b"))

    agent.said(("started", key("a"), 1_000_000))
    assert agent.last == ("started", {"pid": 0, "t": 1_000_000})
    agent.said(("ended", key("a"), 0, b"there", b""), now=Moment(105.0, 1_005_000))
    assert agent.last == (
        "finished",
        {"exit": 0, "t0": 1_000_000, "t1": 1_005_000, "out": 0, "err": 0, "out_head": b"there", "err_head": b""},
    )
    agent.said(("failed", key("b"), "path", "the path is not absolute"))
    assert agent.last == ("failed", {"why": "path", "msg": "the path is not absolute"})


def test_what_is_said_late_or_of_nothing_known_changes_nothing() -> None:
    agent = Own()
    agent.ask(wait("a"))
    agent.said(("ended", key("a"), 0, b"", b""))

    assert agent.said(("ended", key("a"), 1, b"", b""), ("started", key("x"), 5), ("cancelled", key("a"))) == []


def test_own_work_takes_no_slot_and_jobs_take_none_of_its() -> None:
    agent = Own(policy=Policy(par=1))
    agent.ask(wait("a"), wait("b"))
    agent.core.keeper_up(NOW)
    agent.core.keeper_said(["list_end", 0], NOW)
    job = Dispatched(k=key("j"), occ="M:j", path="/j#1", att=1, run=1, kind="cmd",
                     spec=pack_spec("cmd", {"script": "true"}), start_by_s=None)  # fmt: skip

    agent.ask(job)

    assert [type(effect) for effect in agent.effects] == [fx.Append, fx.Sync, fx.TellKeeper]


def test_more_own_work_than_its_limit_waits_for_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jaz_lite.agent.own_attempts.OWN_LIMITS", {"fwait": 2})
    agent = Own(policy=Policy(queue=1))

    agent.ask(wait("a"), wait("b"), wait("c"), wait("d"))

    assert [effect.k for effect in agent.own if isinstance(effect, fx.BeginOwn)] == [key("a"), key("b")]
    assert [effect.why for effect in agent.effects if isinstance(effect, fx.SayRefused)] == ["busy"]
    agent.said(("ended", key("a"), 0, b"", b""))
    assert agent.own == [fx.BeginOwn(key("c"), "fwait", SPEC, again=False)]


def test_after_a_restart_of_the_agent_every_open_own_attempt_is_begun_again() -> None:
    agent = Own()
    agent.ask(wait("a"), wait("b"), wait("c"))
    agent.said(("started", key("a"), 999_000), ("ended", key("c"), 0, b"", b""))

    fresh = agent.again()

    assert fresh.own == [
        fx.BeginOwn(key("a"), "fwait", SPEC, again=True),
        fx.BeginOwn(key("b"), "fwait", SPEC, again=True),
    ]
    fresh.said(("started", key("a"), 1_000_000))
    assert fresh.effects == [], "that it runs has been told"


def test_after_a_boot_own_work_waits_for_the_first_contact() -> None:
    agent = Own()
    agent.ask(wait("a"))
    agent.said(("started", key("a"), 999_000))

    fresh = agent.again(may_start=False, booted=bytes(16))
    assert fresh.own == []
    fresh.core.contact(NOW, drain=False)
    fresh.step()
    assert fresh.own == [fx.BeginOwn(key("a"), "fwait", SPEC, again=True)]


def test_a_kill_of_running_own_work_is_told_as_the_end_of_a_killed_job() -> None:
    agent = Own()
    agent.ask(wait("a"))
    agent.said(("started", key("a"), 999_000))

    agent.ask(kill("a"))
    assert agent.own == [fx.EndOwn(key("a"), "fwait", "kill")]
    agent.said(("cancelled", key("a")))

    e, x = agent.last
    assert (e, x["sig"], x["killed"]) == ("finished", 15, "kill")


@pytest.mark.parametrize("asked", [kill("a"), CancelAsked(key("a"), "server")], ids=["kill", "cancel"])
def test_a_kill_or_cancel_before_it_says_that_it_started_withdraws_it(asked: Any) -> None:
    agent = Own()
    agent.ask(wait("a"))

    agent.ask(asked)
    assert agent.own == [fx.EndOwn(key("a"), "fwait", "kill")]
    agent.said(("cancelled", key("a")))

    assert agent.last == ("cancelled", {"why": "server"})


def test_what_ended_while_it_was_being_killed_keeps_its_true_end() -> None:
    agent = Own()
    agent.ask(wait("a"))
    agent.ask(kill("a"))

    agent.said(("ended", key("a"), 0, b"there", b""), ("cancelled", key("a")))

    assert (agent.last[0], agent.last[1]["exit"]) == ("finished", 0)


def test_a_kill_after_a_boot_and_before_the_first_contact_ends_it_at_once() -> None:
    agent = Own()
    agent.ask(wait("a"), wait("b"))
    agent.said(("started", key("a"), 999_000))
    fresh = agent.again(may_start=False, booted=bytes(16))

    fresh.ask(kill("a"), kill("b"))

    assert fresh.own == []
    assert [unpack_event(payload)[3] for payload in fresh.log[-2:]] == ["finished", "cancelled"]


def test_the_time_limit_is_kept_over_a_restart_and_ends_the_work() -> None:
    agent = Own()
    agent.ask(wait("a", timeout=60))
    agent.said(("started", key("a"), NOW.wall_ms - 50_000))
    fresh = agent.again()

    fresh.core.tick(Moment(NOW.mono + 9.9, 0))
    assert fresh.step() == []
    fresh.core.tick(Moment(NOW.mono + 10.0, 0))
    fresh.step()

    assert fresh.effects == [fx.EndOwn(key("a"), "fwait", "timeout")]


def test_a_set_back_ends_what_was_only_accepted_and_keeps_what_ran() -> None:
    agent = Own()
    agent.ask(wait("runs"), wait("begun"))
    agent.said(("started", key("runs"), 999_000))

    assert not agent.core.prepare_rotation(NOW)
    agent.step()
    assert agent.own == [fx.EndOwn(key("begun"), "fwait", "setback")]
    agent.said(("cancelled", key("begun")))

    assert agent.last == ("lost", {"why": "setback"})
    assert agent.core.prepare_rotation(NOW)


def test_a_long_row_of_work_that_cannot_be_started_is_answered_without_nesting() -> None:
    agent = Own(policy=Policy(queue=5_000, allow_users=("kato",)))
    for n in range(3_000):
        spec = pack_spec("cmd", {"script": "true", "user": "sato"})
        agent.core.asked(Dispatched(k=key(str(n)), occ="M:1", path=f"/j{n}#1", att=1, run=1, kind="cmd", spec=spec,
                                    start_by_s=None), NOW)  # fmt: skip
    agent.core.keeper_up(NOW)
    agent.core.keeper_said(["list_end", 0], NOW)
    agent.step()

    assert sum(unpack_event(payload)[3] == "failed" for payload in agent.log) == 3_000
