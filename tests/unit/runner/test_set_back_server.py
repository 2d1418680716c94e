"""A server whose data directory was set back to an earlier state, or copied: its agents know better."""

from jaz_lite.wire.ident import epoch_and_boot, ticket
from tests.unit.runner.site import Site

ANOTHER_ACT = b"another!"
EPOCH = 1 << 19  # a step of the epoch within a term


def told_of(site: Site, term: int) -> str:
    """Return what a server says that an agent with a proof of this term connects to."""
    agent = site.agents["a1"]
    proof = ticket(site.store.keys.fence_key, site.identity.site_uid, term, ANOTHER_ACT)
    agent.facts |= {"term": term, "act": ANOTHER_ACT, "ticket": proof}
    agent.connect()
    assert len(site.fenced) == 1
    return f"{site.fenced[0].message}; {site.fenced[0].hint}"


def test_a_later_start_of_the_same_epoch_is_no_successor(site: Site) -> None:
    _, boot = epoch_and_boot(site.identity.term)

    said = told_of(site, site.identity.term + 2)

    assert "was set back, or a copy of it runs elsewhere" in said
    assert f"knows start {boot + 2} of it, and this is start {boot}" in said
    assert "3 more starts are needed" in said
    assert "replaced" not in said


def test_the_same_start_twice_means_two_copies(site: Site) -> None:
    assert "1 more start is needed" in told_of(site, site.identity.term)


def test_a_later_epoch_is_a_server_that_took_over(site: Site) -> None:
    assert "this server was replaced" in told_of(site, site.identity.term + EPOCH)
