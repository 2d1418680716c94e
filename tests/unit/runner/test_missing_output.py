"""Output that was acknowledged by a server whose store is lost is asked for again, from where the copy has it."""

from jaz_lite.wire.happenings import OutputAsked
from tests.unit.runner.site import Site, chained, job

NIGHT = chained("NIGHT", job("load"), job("sort"))
TEXT = b"seven rows\n"


def test_output_of_a_job_that_ended_before_the_copy_was_made_is_asked_for(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    site.start(NIGHT)
    agent.ends("load", out=TEXT)
    copy = site.save()
    agent.writes("load", TEXT)
    site.fall_back(copy)

    agent.connect()

    assert agent.output_asked == [OutputAsked(agent.key("load"), 1, 0)]


def test_output_that_was_asked_for_over_a_connection_that_broke_is_asked_for_again_until_it_is_here(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    site.start(NIGHT)
    agent.starts("load")
    copy = site.save()
    agent.ends("load", out=TEXT)
    agent.writes("load", TEXT)
    site.fall_back(copy)
    agent.connect()
    agent.cut()

    agent.connect()
    asked = list(agent.output_asked)
    agent.writes("load", TEXT)
    agent.cut()
    agent.connect()

    assert asked == agent.output_asked == [OutputAsked(agent.key("load"), 1, 0)] * 2


def test_output_that_the_agent_says_it_has_no_more_is_not_asked_for_again(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    site.start(NIGHT)
    agent.ends("load", out=TEXT)
    copy = site.save()
    site.fall_back(copy)
    agent.connect()
    assert agent.output_asked == [OutputAsked(agent.key("load"), 1, 0)]

    agent.writes("load", TEXT[:4], eof=True)
    agent.cut()
    agent.connect()

    assert agent.output_asked == [OutputAsked(agent.key("load"), 1, 0)]


def test_output_of_a_job_that_ended_after_the_copy_was_made_is_asked_for_from_where_it_is_stored(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    site.start(NIGHT)
    agent.starts("load")
    agent.writes("load", TEXT[:5])
    copy = site.save()
    agent.writes("load", TEXT[5:], offset=5)
    site.fall_back(copy)
    agent.connect()

    agent.ends("load", out=TEXT)

    assert agent.output_asked == [OutputAsked(agent.key("load"), 1, 5)]


def test_output_of_an_attempt_that_the_copy_has_never_heard_of_is_asked_for(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    site.start(NIGHT)
    copy = site.save()
    agent.ends("load")
    agent.ends("sort", out=TEXT)
    agent.writes("sort", TEXT)
    site.fall_back(copy)

    agent.connect()

    assert agent.output_asked == [OutputAsked(agent.key("sort"), 1, 0)]


def test_output_that_this_server_has_ordered_itself_comes_without_being_asked_for(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    site.start(NIGHT)

    agent.ends("load", out=TEXT)
    agent.writes("load", TEXT)
    agent.cut()
    agent.connect()

    assert agent.output_asked == []


def test_output_of_an_order_that_waits_to_be_sent_is_asked_for_where_an_earlier_server_had_sent_it(site: Site) -> None:
    for agent in site.agents.values():
        agent.connect()
    site.start(chained("NIGHT", job("load", host="a2"), job("sort")))
    copy = site.save()
    site.agents["a2"].ends("load")
    site.agents["a1"].ends("sort", out=TEXT)
    site.agents["a1"].writes("sort", TEXT)
    site.fall_back(copy)
    site.agents["a2"].connect()

    site.agents["a1"].connect()

    assert site.agents["a1"].output_asked == [OutputAsked(site.agents["a1"].key("sort"), 1, 0)]
