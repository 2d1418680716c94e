"""Revoked agents, and new keys on their way, as the turns of a server deal with them."""

from jaz_lite.runner.inputs import AgentRevoked
from jaz_lite.store.credentials import NextKey
from tests.unit.runner.site import Site, chained, job


def revoke(site: Site, *, remove: bool = False) -> None:
    site.turns.submit(AgentRevoked("a1", remove))
    site.settle()


def test_a_revoked_agent_loses_its_session_and_leaves_its_job_in_doubt(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    run = site.start(chained("NIGHT", job("load")))
    agent.starts("load")

    revoke(site)

    assert agent.closed == ["revoked"]
    doubt = site.icon(run, "load").doubt
    assert doubt is not None
    assert (doubt.reason, doubt.message) == ("revoked", "this agent was revoked")


def test_a_revoked_agent_that_comes_again_is_told_so(site: Site) -> None:
    revoke(site)

    site.agents["a1"].connect()

    assert site.agents["a1"].closed == ["revoked"]
    assert site.agents["a1"].welcomes == []


def test_what_waited_for_a_revoked_agent_fails_and_so_does_what_comes_later(site: Site) -> None:
    waited = site.start(chained("NIGHT", job("load")))
    revoke(site)
    later = site.start(chained("DAY", job("load")))

    for run in (waited, later):
        assert site.icon(run, "load").state == "run_error"
        assert "was revoked" in site.icon(run, "load").message


def test_an_agent_that_was_revoked_and_invited_again_is_given_work(site: Site) -> None:
    revoke(site)
    with site.store.transaction() as tx:
        tx.agents.update("a1", state="active")

    run = site.start(chained("NIGHT", job("load")))
    site.agents["a1"].connect()

    assert site.attempt_states(run) == {"/load#1/1": "sent"}


def test_a_forgotten_agent_takes_its_hosts_along(site: Site) -> None:
    revoke(site, remove=True)

    with site.store.snapshot() as view:
        assert view.agents.find("a1") is None
        assert view.hosts.find("a1") is None


def test_a_key_counts_from_the_first_session_in_which_it_is_used(site: Site) -> None:
    with site.store.transaction() as tx:
        # The agent of these tests says that it has key 1; the server knows it as the next one.
        tx.agents.update("a1", kid=0, key=b"0" * 32)
        tx.credentials.put_next_key("a1", NextKey(kid=1, key=b"1" * 32, at_ms=0))

    site.agents["a1"].connect()

    with site.store.snapshot() as view:
        row = view.agents.find("a1")
        assert row is not None
        assert (row.kid, row.key) == (1, b"1" * 32)
        assert view.credentials.next_key("a1") is None
    assert len(site.agents["a1"].welcomes) == 1


def test_a_key_that_was_replaced_while_it_proved_itself_is_refused(site: Site) -> None:
    with site.store.transaction() as tx:
        tx.agents.update("a1", kid=2)

    site.agents["a1"].connect()

    assert site.agents["a1"].closed == ["auth"]
