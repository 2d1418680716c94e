"""Reboots without a machine: what is held, when the command is started, and what a boot means."""

from typing import Any

import pytest

from jaz_lite.agent import effects as fx
from jaz_lite.agent.attempts import Moment, OutputFacts
from jaz_lite.agent.core import AgentCore
from jaz_lite.agent.machine.boot import reboot_command
from jaz_lite.agent.orders import job_order
from jaz_lite.agent.policy import Policy
from jaz_lite.agent.reboots import BOOT_EXPECTED_S
from jaz_lite.agent.slots import Slots
from jaz_lite.wire.events import unpack_event
from jaz_lite.wire.happenings import Dispatched, KillAsked
from jaz_lite.wire.spec import pack_spec

NOW = Moment(100.0, 1_000_000)
COMMAND = ("shutdown", "-r", "now")
BOOT = bytes(16)


def key(name: str) -> bytes:
    return name.encode().ljust(16, b".")


def work(name: str, kind: str, **spec: Any) -> Dispatched:
    return Dispatched(
        k=key(name), occ=f"M:{name}", path=f"/{name}#1", att=1, run=1, kind=kind, spec=pack_spec(kind, spec),
        start_by_s=None,
    )  # fmt: skip


def reboot(*, wait: bool = False, **more: Any) -> Dispatched:
    return work("reboot", "reboot", wait=wait, **more)


def job(name: str) -> Dispatched:
    return work(name, "cmd", script="sleep 60")


def pid(name: str, at_ms: int = 5) -> list[Any]:
    return ["pid", key(name).hex(), 7, 0, at_ms]


def ended(name: str, code: "int | None" = 0, signal: "int | None" = None, killed: str = "") -> list[Any]:
    return ["exit", key(name).hex(), code, signal, 1, 2, killed, 5, 6]


class Driven:
    """A core with a keeper, on slots that it may share."""

    def __init__(
        self, slots: "Slots | None" = None, *, may_start: bool = True, command: Any = COMMAND, allow: bool = False
    ) -> None:
        policy = Policy(par=4, reboot_command=command, allow_reboot=allow)
        self.slots = slots or Slots(policy.par)
        self.core = AgentCore(
            policy=policy, slots=self.slots, out_folder="/out", may_start=may_start, own_kinds=("fwait",)
        )
        self.log: list[bytes] = []
        self.told: list[list[Any]] = []
        self.own: list[fx.Effect] = []

    def keeper(self, *listed: list[Any], now: Moment = NOW) -> "Driven":
        self.core.keeper_up(now)
        for record in listed:
            self.core.keeper_said(["listed", record[1], record], now, OutputFacts())
        self.core.keeper_said(["list_end", 0], now)
        return self.step()

    def step(self) -> "Driven":
        self.told, self.own = [], []
        for effect in self.core.take():
            match effect:
                case fx.Append(payloads):
                    self.log += payloads
                case fx.TellKeeper(messages):
                    self.told += messages
                case fx.BeginOwn() | fx.EndOwn():
                    self.own.append(effect)
        return self

    def ask(self, *happenings: Any) -> "Driven":
        for happening in happenings:
            self.core.asked(happening, NOW)
        return self.step()

    def said(self, *records: list[Any], facts: "OutputFacts | None" = None) -> "Driven":
        for record in records:
            self.core.keeper_said(record, NOW, facts or OutputFacts())
        return self.step()

    def at(self, seconds: float) -> "Driven":
        self.core.tick(Moment(NOW.mono + seconds, NOW.wall_ms + int(seconds * 1000)))
        return self.step()

    def again(self, *, booted: bool = False, now: Moment = NOW) -> "Driven":
        """A new agent process that reads the log of this one; after a boot it may not start before a contact."""
        fresh = Driven(may_start=not booted)
        for payload in self.log:
            fresh.core.recall(unpack_event(payload))
        fresh.core.recalled(now, booted=BOOT if booted else None)
        fresh.log = list(self.log)
        return fresh.step()

    @property
    def starts(self) -> list[str]:
        return [bytes.fromhex(m[1]).decode().rstrip(".") for m in self.told if m[0] == "start"]

    @property
    def last(self) -> "tuple[str, dict[str, Any]]":
        _, _, _, e, x = unpack_event(self.log[-1])
        return e, x


@pytest.fixture
def agent() -> Driven:
    return Driven().keeper()


def test_a_forced_reboot_starts_its_command_at_once(agent: Driven) -> None:
    agent.ask(job("a"))
    agent.said(pid("a"))

    agent.ask(reboot())

    assert agent.told == [
        ["start", key("reboot").hex(), {
            "argv": list(COMMAND), "env": {}, "out": f"/out/{key('reboot').hex()}.out",
            "err": f"/out/{key('reboot').hex()}.err",
        }],
    ]  # fmt: skip


def test_a_reboot_after_jobs_waits_until_none_runs_and_lets_none_begin(agent: Driven) -> None:
    agent.ask(job("a"))
    agent.said(pid("a"))

    agent.ask(reboot(wait=True), job("b"), work("w", "fwait", path="/a", mode="exist"))
    assert (agent.starts, agent.own) == ([], [])
    agent.said(ended("a"))

    assert agent.starts == ["reboot"]


def test_jobs_of_other_sites_are_waited_for_and_held_too() -> None:
    slots = Slots(4)
    one, other = Driven(slots).keeper(), Driven(slots).keeper()
    other.ask(job("a"))
    other.said(pid("a"))
    one.ask(reboot(wait=True))
    assert one.starts == []

    assert other.ask(job("b")).starts == []
    other.said(ended("a"))

    assert one.step().starts == ["reboot"]
    assert other.step().starts == []


def test_when_the_wait_is_over_the_jobs_of_all_sites_are_killed_and_then_it_reboots() -> None:
    slots = Slots(4)
    one, other = Driven(slots).keeper(), Driven(slots).keeper()
    one.ask(job("a"), job("starting"))
    one.said(pid("a"))
    other.ask(job("b"))
    other.said(pid("b"))
    one.ask(reboot(wait=True, wait_s=60))

    one.at(59.9)
    assert one.told == []
    one.at(60.0)
    assert one.told == [["kill", key("a").hex(), "TERM", 10, "reboot"]]
    assert other.step().told == [["kill", key("b").hex(), "TERM", 10, "reboot"]]
    one.said(pid("starting"))
    assert one.told == [["kill", key("starting").hex(), "TERM", 10, "reboot"]]
    one.said(ended("a", None, 15, "reboot"), ended("starting", None, 15, "reboot"))
    assert one.starts == []
    other.said(ended("b", None, 15, "reboot"))

    assert one.step().starts == ["reboot"]


def test_the_wait_goes_on_after_a_restart_of_the_agent_with_the_time_that_was_left(agent: Driven) -> None:
    agent.ask(job("a"))
    agent.said(pid("a", NOW.wall_ms))
    agent.ask(reboot(wait=True, wait_s=60), job("b"))

    fresh = agent.again(now=Moment(NOW.mono, NOW.wall_ms + 50_000))
    fresh.keeper(pid("a"), now=Moment(NOW.mono, NOW.wall_ms + 50_000))
    assert fresh.starts == []
    fresh.at(9.9)
    assert fresh.told == []
    fresh.at(10.0)

    assert fresh.told == [["kill", key("a").hex(), "TERM", 10, "reboot"]]


def test_a_command_that_ends_well_leaves_it_running_until_the_boot(agent: Driven) -> None:
    agent.ask(reboot(), job("b"))
    agent.said(pid("reboot"))
    agent.said(ended("reboot"))
    assert agent.last[0] == "started"
    assert agent.told == [], "the keeper must not forget it before the boot"

    booted = agent.again(booted=True).keeper(ended("reboot"))

    e, x = booted.last
    assert (e, x["exit"]) == ("finished", 0)
    assert booted.starts == [], "what was accepted before the boot waits for the first contact"
    booted.core.contact(NOW, drain=False)
    assert booted.step().starts == ["b"]


def test_a_machine_that_goes_down_while_the_command_runs_has_rebooted(agent: Driven) -> None:
    agent.ask(reboot())
    agent.said(pid("reboot"))

    booted = agent.again(booted=True).keeper(["lost", key("reboot").hex(), "reboot", 5])

    assert booted.last[0] == "finished"
    assert booted.last[1]["exit"] == 0


def test_a_machine_that_goes_down_before_the_agent_wrote_that_it_began_has_rebooted(agent: Driven) -> None:
    agent.ask(reboot())

    booted = agent.again(booted=True).keeper(["lost", key("reboot").hex(), "reboot", 5])

    assert booted.last[0] == "finished"


def test_a_command_that_was_ended_by_a_signal_is_under_way(agent: Driven) -> None:
    agent.ask(reboot())
    agent.said(pid("reboot"))

    agent.said(ended("reboot", None, 15))
    assert agent.last[0] == "started"

    assert agent.again(booted=True).keeper(ended("reboot", None, 15)).last[0] == "finished"


def test_a_command_that_fails_is_an_error_with_its_output_and_what_waited_goes_on(agent: Driven) -> None:
    agent.ask(reboot(), job("b"))
    agent.said(pid("reboot"))

    agent.said(ended("reboot", 1), facts=OutputFacts(err=5, err_head=b"no..."))

    assert agent.starts == ["b"]
    finished = next(x for _, _, _, e, x in map(unpack_event, agent.log) if e == "finished")
    assert (finished["exit"], finished["err_head"]) == (1, b"no...")


@pytest.mark.parametrize("end", [ended("reboot", 3), ended("reboot", None, 15, killed="kill")])
def test_a_command_that_failed_or_was_killed_did_so_whatever_boot_came_later(agent: Driven, end: list[Any]) -> None:
    agent.ask(reboot()).said(pid("reboot"))

    booted = agent.again(booted=True).keeper(end)

    e, x = booted.last
    assert e == "finished"
    assert (x.get("exit"), x.get("sig")) == (end[2], end[3])


def test_a_restart_of_the_agent_alone_is_no_boot(agent: Driven) -> None:
    agent.ask(reboot())
    agent.said(pid("reboot"), ended("reboot"))

    fresh = agent.again().keeper(ended("reboot"))
    assert fresh.last[0] == "started"
    assert fresh.ask(job("b")).starts == [], "the reboot still holds everything back"

    assert fresh.again(booted=True).keeper(ended("reboot")).last[0] == "finished"


def test_a_reboot_that_was_accepted_before_another_boot_is_done_by_it(agent: Driven) -> None:
    agent.ask(job("a"))
    agent.said(pid("a"))
    agent.ask(reboot(wait=True))

    booted = agent.again(booted=True).keeper(["lost", key("a").hex(), "reboot", 5])
    assert booted.last[0] == "lost"
    booted.core.contact(NOW, drain=False)
    booted.step()

    assert booted.starts == []
    assert booted.last[0] == "finished"
    assert booted.last[1]["out_head"] == b"the machine was booted before the command was run\n"


def test_no_boot_for_long_is_a_warning_and_nothing_else(agent: Driven) -> None:
    agent.ask(reboot())
    agent.said(pid("reboot"), ended("reboot"))

    agent.at(BOOT_EXPECTED_S - 0.1)
    assert agent.last[0] == "started"
    agent.at(BOOT_EXPECTED_S)

    assert agent.last == ("timeout", {"act": "warn"})


def test_the_time_limit_counts_from_the_acceptance_and_warns_once(agent: Driven) -> None:
    agent.ask(job("a"))
    agent.said(pid("a"))
    agent.ask(reboot(wait=True, timeout=300))

    agent.at(300)
    assert agent.last == ("timeout", {"act": "warn"})
    agent.said(ended("a"), pid("reboot"))
    agent.at(900)

    assert [unpack_event(payload)[3] for payload in agent.log].count("timeout") == 1


def test_a_reboot_that_waits_can_be_taken_back(agent: Driven) -> None:
    agent.ask(job("a"))
    agent.said(pid("a"))
    agent.ask(reboot(wait=True), job("b"))

    agent.ask(KillAsked(key("reboot"), "signal", "TERM", 10, "stop"))
    assert agent.told == [["cancel", key("reboot").hex()]]
    agent.said(["cancelled", key("reboot").hex(), 5])

    assert agent.starts == ["b"]
    assert "cancelled" in [unpack_event(payload)[3] for payload in agent.log]


def test_a_boot_that_never_comes_can_be_given_up(agent: Driven) -> None:
    agent.ask(reboot(), job("b"))
    agent.said(pid("reboot"), ended("reboot"))

    agent.ask(KillAsked(key("reboot"), "signal", "TERM", 10, "stop"))

    assert agent.starts == ["b"]
    assert ["forget", key("reboot").hex()] in agent.told
    finished = next(x for _, _, _, e, x in map(unpack_event, agent.log) if e == "finished")
    assert (finished["sig"], finished["killed"]) == (15, "kill")


def test_a_machine_is_not_rebooted_unless_it_allows_that() -> None:
    agent = Driven(command=()).keeper()

    agent.ask(reboot(), job("b"))

    assert agent.starts == ["b"]
    failed = next(x for _, _, _, e, x in map(unpack_event, agent.log) if e == "failed")
    assert failed == {
        "why": "policy",
        "msg": "this machine does not let its agent reboot it; allow_reboot = true in agent.toml allows it",
    }


def test_an_agent_without_a_command_says_what_it_lacks() -> None:
    agent = Driven(command=(), allow=True).keeper()

    agent.ask(reboot(), job("b"))

    assert agent.starts == ["b"]
    failed = next(x for _, _, _, e, x in map(unpack_event, agent.log) if e == "failed")
    assert failed == {
        "why": "policy",
        "msg": "this agent may not reboot its machine: it does not run as root, and agent.toml names no reboot_command",
    }


def test_a_set_back_log_keeps_in_mind_that_the_machine_was_booted(agent: Driven) -> None:
    agent.ask(reboot())
    agent.said(pid("reboot"), ended("reboot"))
    booted = agent.again(booted=True)

    assert booted.core.rebooted == [key("reboot")]


def test_a_lost_keeper_leaves_the_reboot_waiting_for_the_boot(agent: Driven) -> None:
    agent.ask(reboot())
    agent.said(pid("reboot"))
    fresh = agent.again()

    fresh.keeper(["lost", key("reboot").hex(), "shim", 5])

    assert fresh.last[0] == "started"
    assert fresh.again(booted=True).keeper().last[0] == "finished"


@pytest.mark.parametrize(
    ("platform", "command"),
    [
        ("linux", ("/sbin/shutdown", "-r", "now")),
        ("aix7", ("/sbin/shutdown", "-Fr", "now")),
        ("hp-ux11", ("/sbin/shutdown", "-r", "-y", "now")),
        ("sunos5", ("/sbin/shutdown", "-y", "-g0", "-i6")),
        ("freebsd14", ("/sbin/shutdown", "-r", "now")),
        ("win32", ("shutdown", "-r", "-f", "-t", "10")),
    ],
)
def test_each_system_has_its_command(platform: str, command: "tuple[str, ...]") -> None:
    assert reboot_command(platform, root=True, find=lambda name: f"/sbin/{name}") == command


def test_without_root_or_without_the_program_there_is_no_command() -> None:
    assert reboot_command("linux", root=False, find=lambda name: f"/sbin/{name}") == ()
    assert reboot_command("linux", root=True, find=lambda _name: None) == ()


def test_the_command_comes_from_the_machine_and_never_from_the_server() -> None:
    order = job_order("reboot", {"wait": False, "cmd": "rm", "argv": ["rm"]}, policy=Policy(reboot_command=COMMAND),
                      out="o", err="e", text_path="t")  # fmt: skip

    assert order["argv"] == list(COMMAND)
