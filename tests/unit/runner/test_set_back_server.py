"""A server whose data directory was set back to an earlier state, or copied: its agents know better."""

from jaz_lite.wire.ident import epoch_and_boot, line_of, ticket
from tests.unit.runner.site import Site

TWIN_ACT = b"another!"  # of a copy that was activated apart from this one
EPOCH = 1 << 19  # a step of the epoch within a term


def told_of(site: Site, term: int, act: bytes = b"") -> str:
    """Return what a server says that an agent with a proof of this term connects to."""
    agent = site.agents["a1"]
    act = act or line_of(site.identity.act) + b"late"
    proof = ticket(site.store.keys.fence_key, site.identity.site_uid, term, act)
    agent.facts |= {"term": term, "act": act, "ticket": proof}
    agent.connect()
    assert len(site.fenced) == 1
    return f"{site.fenced[0].message}; {site.fenced[0].hint}"


def test_a_later_start_of_the_same_epoch_is_no_successor(site: Site) -> None:
    _, boot = epoch_and_boot(site.identity.term)

    said = told_of(site, site.identity.term + 2)

    assert "was set back, or a copy of it runs elsewhere" in said
    assert f"knows start {boot + 2} of it, and this is start {boot}" in said
    assert "if there is none, take over with this one: jaz-lite activate" in said
    assert "replaced" not in said


def test_the_same_start_twice_means_two_copies(site: Site) -> None:
    assert "a copy of it runs elsewhere" in told_of(site, site.identity.term)
    assert site.fenced[0].term == 0, "no mark: it may be the only one there is"


def test_a_copy_that_began_the_same_epoch_apart_stays_and_this_one_leaves_a_mark(site: Site) -> None:
    assert "this one gave way: agent a1 goes by another server" in told_of(site, site.identity.term, TWIN_ACT)
    assert site.fenced[0].term == site.identity.term


def test_a_later_epoch_is_a_server_that_took_over(site: Site) -> None:
    assert "this server was replaced" in told_of(site, site.identity.term + EPOCH)
