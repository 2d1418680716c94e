"""Two connections in the name of one agent: it came back, or its disk was copied (protocol 4.3)."""

import pytest

from jaz_lite.runner.inputs import Input
from jaz_lite.wire.ident import NO_SPOOL
from tests.unit.runner.site import AgentEnd, Site, chained, job

OTHER_BOOT = b"boot-2".ljust(16, b"\0")


class Later:
    """What turns asked to be handed in later."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.items: list[tuple[float, Input]] = []
        site.turns.later = lambda seconds, item: self.items.append((seconds, item))

    def pass_by(self) -> None:
        """Let all of it be due."""
        items, self.items = self.items, []
        for _, item in items:
            self._site.turns.submit(item)
        self._site.settle()


@pytest.fixture
def later(site: Site) -> Later:
    return Later(site)


def up(site: Site) -> AgentEnd:
    agent = site.agents["a1"]
    agent.connect()
    return agent


def another(site: Site, first: AgentEnd, *, boot: bytes, spool: bytes | None = None, conn: int = 10) -> AgentEnd:
    """Connect once more in the name of an agent."""
    end = dialled(site, first, boot=boot, spool=spool, conn=conn)
    site.agents["another"] = end
    site.settle()
    return end


def dialled(site: Site, first: AgentEnd, *, boot: bytes, spool: bytes | None = None, conn: int = 10) -> AgentEnd:
    """Begin a connection in the name of an agent, over which nothing travels yet."""
    end = AgentEnd(site, first.agent_id)
    end.boot, end.spool, end.conn = boot, first.spool if spool is None else spool, conn
    end.log = list(first.log)
    end.dial()
    return end


def unplug(site: Site, name: str) -> AgentEnd:
    """Pull the cable: neither end learns of it."""
    return site.agents.pop(name)


def test_a_newer_connection_of_the_same_agent_takes_over_at_once(site: Site, later: Later) -> None:
    agent = up(site)
    unplug(site, "a1")

    newer = another(site, agent, boot=agent.boot)

    assert len(newer.welcomes) == 1
    assert later.items == []
    assert site.turns.works.desk("a1").port is newer.port


def test_two_connections_at_once_of_an_agent_that_is_given_a_new_log_are_of_one_agent(site: Site, later: Later) -> None:
    first = site.agents["a1"]
    said = first.spool = b"a log from before"[:16]
    first.connect()
    assert first.spool != said

    second = another(site, first, boot=first.boot, spool=said)

    assert (second.closed, len(second.welcomes)) == ([], 1)
    assert "agent_twin" not in site.journal_kinds()


def test_two_first_connections_of_an_agent_at_once_are_given_one_log(site: Site, later: Later) -> None:
    first = site.agents["a1"]
    second = dialled(site, first, boot=first.boot, spool=NO_SPOOL)
    site.clock.advance(1)
    first.connect()

    site.agents["another"] = second
    site.settle()

    assert [welcome.spool for welcome in (*first.welcomes, *second.welcomes)] == [first.spool] * 2


def test_two_first_connections_in_one_turn_are_given_one_log_and_one_of_them_stays(site: Site, later: Later) -> None:
    first = site.agents["a1"]
    second = dialled(site, first, boot=first.boot, spool=NO_SPOOL)
    site.agents["another"] = second

    first.connect()

    assert [welcome.spool for welcome in (*first.welcomes, *second.welcomes)] == [first.spool] * 2
    assert first.closed == ["busy"]
    assert site.turns.works.desk("a1").port is second.port


def test_a_first_hello_that_was_long_under_way_is_of_the_agent_that_has_gone_on_meanwhile(
    site: Site, later: Later
) -> None:
    first = site.agents["a1"]
    second = dialled(site, first, boot=first.boot, spool=NO_SPOOL)
    site.clock.advance(1)
    first.connect()
    site.start(chained("NIGHT", job("load")))
    first.accepts("load")
    second.spool, second.log = first.spool, list(first.log)

    site.agents["another"] = second
    site.settle()

    assert (second.closed, [(one.spool, one.cursor) for one in second.welcomes]) == ([], [(first.spool, 1)])
    assert "agent_twin" not in site.journal_kinds()


def test_a_first_hello_that_waited_until_its_agent_had_a_log_and_went_is_to_be_said_again(
    site: Site, later: Later
) -> None:
    first = site.agents["a1"]
    second = dialled(site, first, boot=first.boot, spool=NO_SPOOL, conn=-1)
    site.clock.advance(1)
    first.connect()
    site.start(chained("NIGHT", job("load")))
    first.accepts("load")
    unplug(site, "a1")
    site.agents["another"] = second
    site.settle()

    first.cut()
    site.settle()

    assert (second.closed, second.welcomes) == (["busy"], [])
    again = another(site, first, boot=first.boot, conn=11)
    assert [welcome.spool for welcome in again.welcomes] == [first.spool]


def test_an_agent_without_a_log_that_comes_when_the_first_one_has_gone_on_is_another_machine(
    site: Site, later: Later
) -> None:
    first = up(site)

    copy = another(site, first, boot=first.boot, spool=NO_SPOOL)

    assert copy.closed == ["dup_agent"]


def test_a_copied_machine_is_refused_while_the_first_one_answers(site: Site, later: Later) -> None:
    agent = up(site)
    run = site.start(chained("NIGHT", job("load")))

    copy = another(site, agent, boot=OTHER_BOOT)

    assert copy.welcomes == []
    assert copy.closed == ["dup_agent"]
    assert "agent_twin" in site.journal_kinds()
    with site.store.snapshot() as view:
        row = view.agents.find("a1")
    assert row is not None
    assert row.twin_ms == site.clock.now_ms()
    assert site.turns.works.desk("a1").port is agent.port
    agent.ends("load")
    assert site.run(run).state == "ended"


def test_of_two_copies_of_a_machine_that_come_at_once_one_is_let_in_and_the_other_one_refused(
    site: Site, later: Later
) -> None:
    agent = up(site)
    agent.cut()
    copy = dialled(site, agent, boot=OTHER_BOOT)
    site.agents["another"] = copy

    agent.connect()

    assert (len(agent.welcomes), copy.welcomes, copy.closed) == (2, [], ["dup_agent"])
    assert site.turns.works.desk("a1").port is agent.port
    assert "agent_twin" in site.journal_kinds()


def test_a_copied_log_on_the_same_machine_is_refused_too(site: Site, later: Later) -> None:
    agent = up(site)

    copy = another(site, agent, boot=agent.boot, spool=b"another log.....")

    assert copy.closed == ["dup_agent"]


def test_a_machine_that_was_started_again_is_let_in_when_its_old_connection_is_silent(site: Site, later: Later) -> None:
    agent = up(site)
    unplug(site, "a1")

    again = another(site, agent, boot=OTHER_BOOT)

    assert again.welcomes == []
    assert [seconds for seconds, _ in later.items] == [5.0]
    later.pass_by()
    assert len(again.welcomes) == 1
    assert site.turns.works.desk("a1").port is again.port
    assert "agent_twin" not in site.journal_kinds()


def test_a_machine_that_was_started_again_is_let_in_as_soon_as_its_old_connection_is_gone(
    site: Site, later: Later
) -> None:
    agent = up(site)
    unplug(site, "a1")
    again = another(site, agent, boot=OTHER_BOOT)

    agent.cut()
    site.settle()

    assert len(again.welcomes) == 1
    later.pass_by()
    assert site.turns.works.desk("a1").port is again.port


def test_a_newcomer_that_gave_up_waiting_is_forgotten(site: Site, later: Later) -> None:
    agent = up(site)
    unplug(site, "a1")
    again = another(site, agent, boot=OTHER_BOOT)
    assert again.port is not None
    again.port.link.error("timeout")
    again.cut()

    later.pass_by()

    assert site.turns.works.desk("a1").port is agent.port


def test_an_older_connection_that_comes_late_does_not_push_out_the_newer_one(site: Site, later: Later) -> None:
    agent = up(site)

    late = another(site, agent, boot=agent.boot, conn=-1)

    assert late.closed == ["busy"]
    assert site.turns.works.desk("a1").port is agent.port
    assert "agent_twin" not in site.journal_kinds()


def test_a_hello_of_the_machine_before_it_was_started_again_is_of_no_other_machine(site: Site, later: Later) -> None:
    first = site.agents["a1"]
    of_before = dialled(site, first, boot=OTHER_BOOT, conn=-1)
    site.clock.advance(1)
    first.connect()

    site.agents["another"] = of_before
    site.settle()

    assert of_before.closed == ["busy"]
    assert "agent_twin" not in site.journal_kinds()


def test_what_an_agent_said_of_its_log_while_it_was_given_another_one_makes_it_no_other_machine(
    site: Site, later: Later
) -> None:
    first = site.agents["a1"]
    first.dial()
    site.clock.advance(1)
    meanwhile = dialled(site, first, boot=first.boot, spool=b"a log of between"[:16])
    site.clock.advance(1)
    site.settle()

    site.agents["another"] = meanwhile
    site.settle()

    assert meanwhile.closed == ["busy"]
    assert "agent_twin" not in site.journal_kinds()


def test_a_connection_that_went_before_its_turn_came_does_not_take_the_place_of_the_agent(
    site: Site, later: Later
) -> None:
    agent = site.agents["a1"]
    agent.dial()
    while agent.pump():
        pass  # it has proved who it is, and no turn has looked yet

    agent.cut()
    site.settle()

    assert site.turns.works.desk("a1").port is None
