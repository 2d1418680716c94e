"""Zero loss: with `after_ship`, nothing is told to anybody before a standby has it, and no standby stops the site."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from jaz_lite.model.host import Host
from jaz_lite.runner import tasks
from jaz_lite.runner.idle_chores import IdleChores
from jaz_lite.runner.inputs import NewRun, Reply, Write
from jaz_lite.runner.shipping import Shipping
from jaz_lite.store.transaction import Transaction
from tests.store.following import Standby, contents
from tests.unit.runner.site import Site, chained, job


class NoReserve:
    def keep_reserve(self) -> bool:
        return True

    def release_reserve(self) -> bool:
        return True


@asynccontextmanager
async def running(site: Site, *, after_ship: bool = True) -> AsyncIterator[Shipping]:
    """Make turns of what is submitted."""
    shipping = Shipping(site.store.changes, site.clock, after_ship=after_ship)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(shipping.tell_followers)
        await nursery.start(tasks.make_turns, site.turns, NoReserve(), IdleChores(site.store, site.clock), shipping)
        yield shipping
        nursery.cancel_scope.cancel()


@pytest.fixture
def standby(site: Site, tmp_path: Path) -> Standby:
    return Standby(site.store, tmp_path / "standby")


def put(site: Site, name: str) -> list[Reply]:
    """Hand in a write; what is returned is filled when it is answered."""
    answers: list[Reply] = []
    site.turns.submit(Write(lambda tx: tx.hosts.put(Host(host=name, agent_id=name)), Reply(answers.append)))
    return answers


def has(site: Site, name: str) -> bool:
    with site.store.snapshot() as view:
        return any(host.host == name for host in view.hosts.list())


async def test_an_answer_is_given_when_a_standby_has_it_on_its_disk(
    site: Site, standby: Standby, autojump_clock: trio.testing.MockClock
) -> None:
    async with running(site):
        answers = put(site, "new")
        await trio.sleep(5)
        assert has(site, "new"), "it is committed here"
        assert answers == []

        standby.catch_up()
        await trio.sleep(0)
        await trio.testing.wait_all_tasks_blocked()

        assert len(answers) == 1
        assert "new" in str(contents(standby.folder)["hosts"])


async def test_an_order_leaves_when_a_standby_has_it_on_its_disk(
    site: Site, standby: Standby, autojump_clock: trio.testing.MockClock
) -> None:
    agent = site.agents["a1"]
    agent.connect()
    site.define(chained("NIGHT", job("load")))
    standby.catch_up()

    async with running(site):
        site.turns.submit(NewRun(jobnet_id="NIGHT"))
        await trio.sleep(5)
        agent.pump()
        assert agent.dispatched == []

        standby.catch_up()
        await trio.testing.wait_all_tasks_blocked()
        agent.pump()

        assert [order.path for order in agent.dispatched] == ["/load#1"]


async def test_what_gathers_while_a_turn_waits_makes_one_turn(
    site: Site, standby: Standby, autojump_clock: trio.testing.MockClock
) -> None:
    async with running(site):
        first = put(site, "first")
        await trio.testing.wait_all_tasks_blocked()
        others = [put(site, f"other{number}") for number in range(20)]
        await trio.testing.wait_all_tasks_blocked()
        before = site.store.changes.position.lsn

        standby.catch_up()
        await trio.testing.wait_all_tasks_blocked()
        assert first
        assert site.store.changes.position.lsn == before + 1
        assert others == [[]] * 20

        standby.catch_up()
        await trio.testing.wait_all_tasks_blocked()
        assert all(others)


async def test_without_a_standby_turns_go_on_after_ten_seconds_and_it_is_said(
    site: Site, standby: Standby, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(site) as shipping:
        began = trio.current_time()
        answers = put(site, "slow")
        while not answers:
            await trio.sleep(0.1)
        assert 10 <= trio.current_time() - began < 10.2
        assert shipping.alone_s is not None
        assert "no standby confirms" in caplog.text

        began = trio.current_time()
        answers = put(site, "quick")
        await trio.testing.wait_all_tasks_blocked()
        assert answers
        assert trio.current_time() == began


async def test_a_standby_that_has_caught_up_is_waited_for_again(
    site: Site, standby: Standby, autojump_clock: trio.testing.MockClock
) -> None:
    async with running(site) as shipping:
        put(site, "a")
        await trio.sleep(11)
        assert shipping.alone_s is not None

        standby.catch_up()
        assert shipping.alone_s is None
        answers = put(site, "b")
        await trio.sleep(5)
        assert answers == []
        standby.catch_up()
        await trio.testing.wait_all_tasks_blocked()

        assert answers


async def test_without_after_ship_nobody_waits_and_followers_are_told_now_and_then(
    site: Site, standby: Standby, autojump_clock: trio.testing.MockClock
) -> None:
    told: list[float] = []
    standby.follower.wake = lambda: told.append(trio.current_time())
    async with running(site, after_ship=False) as shipping:
        for number in range(50):
            assert put(site, f"h{number}") == []
            await trio.sleep(0.002)
        await trio.sleep(1)

        assert shipping.alone_s is None
        assert 5 <= len(told) <= 7  # 100 ms, every 20 ms
        standby.catch_up()
        assert contents(standby.folder) == contents(site.store.folder)


async def test_also_what_a_failed_turn_is_taken_apart_into_waits_for_the_standby(
    site: Site, standby: Standby, autojump_clock: trio.testing.MockClock
) -> None:
    def broken(_tx: Transaction) -> None:
        raise ZeroDivisionError

    async with running(site):
        site.turns.submit(Write(broken))
        answers = put(site, "beside")
        await trio.sleep(5)
        assert has(site, "beside")
        assert answers == []

        standby.catch_up()
        await trio.testing.wait_all_tasks_blocked()

        assert answers


async def test_a_server_that_is_stopped_just_before_a_slow_commit_leaves_no_transaction_open(site: Site) -> None:
    writer = site.store._writer
    assert writer is not None
    writer.commit_slow = True
    shipping = Shipping(site.store.changes, site.clock)
    async with trio.open_nursery() as nursery:
        await nursery.start(tasks.make_turns, site.turns, NoReserve(), IdleChores(site.store, site.clock), shipping)
        site.turns.submit(Write(lambda tx: nursery.cancel_scope.cancel()))
        await trio.sleep_forever()

    with site.store.transaction() as tx:
        assert tx.term.site().epoch == 1


async def test_while_turns_are_halted_nothing_is_taken_and_afterwards_all_of_it(
    site: Site, autojump_clock: trio.testing.MockClock
) -> None:
    async with running(site, after_ship=False):
        site.turns.halt("one", on=True)
        site.turns.halt("two", on=True)
        answers = put(site, "waiting")
        site.turns.halt("one", on=False)
        await trio.testing.wait_all_tasks_blocked()
        assert (answers, has(site, "waiting")) == ([], False)

        site.turns.halt("two", on=False)
        await trio.testing.wait_all_tasks_blocked()

        assert (len(answers), has(site, "waiting")) == (1, True)
