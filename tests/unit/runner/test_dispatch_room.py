"""A session takes so many unanswered orders and no more: the rest waits here, however much an agent may do at once."""

from jaz_lite.model.jobnet import Icon
from jaz_lite.wire.limits import DISPATCH_UNANSWERED_MAX
from tests.unit.runner.site import Site, chained, job

SOME_MORE = 10


def wait_for_file(name: str) -> Icon:
    return Icon(icon_id=name, type="file_wait", params={"host": "a1", "path": f"/tmp/{name}"})


def test_more_file_waits_than_a_session_takes_unanswered_wait_for_room(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()

    for n in range(DISPATCH_UNANSWERED_MAX + SOME_MORE):
        site.start(chained(f"J{n}", wait_for_file(f"f{n}")))
    assert len(agent.dispatched) == DISPATCH_UNANSWERED_MAX

    agent.accepts("f0")
    assert len(agent.dispatched) == DISPATCH_UNANSWERED_MAX + 1


def test_a_large_agent_that_comes_gets_its_jobs_in_parts(site: Site) -> None:
    for n in range(DISPATCH_UNANSWERED_MAX + SOME_MORE):
        site.start(chained(f"J{n}", job(f"j{n}")))
    agent = site.agents["a1"]
    agent.facts = {"par": 1_000}

    agent.connect()
    assert len(agent.dispatched) == DISPATCH_UNANSWERED_MAX

    for n in range(SOME_MORE):
        agent.starts(f"j{n}")
    assert len(agent.dispatched) == DISPATCH_UNANSWERED_MAX + SOME_MORE


def test_orders_that_were_under_way_when_the_link_broke_are_sent_again_in_parts(site: Site) -> None:
    agent = site.agents["a1"]
    agent.facts = {"par": 1_000}
    agent.connect()
    for n in range(DISPATCH_UNANSWERED_MAX):
        site.start(chained(f"J{n}", job(f"j{n}")))
    site.start(chained("MORE", job("more")))
    agent.cut()
    site.settle()

    agent.connect(inventory={})

    again = agent.dispatched[DISPATCH_UNANSWERED_MAX:]
    assert len({order.k for order in again}) == len(again) == DISPATCH_UNANSWERED_MAX
