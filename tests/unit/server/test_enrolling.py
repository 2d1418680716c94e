"""Who is let in: invitations, their limits, names, and a machine that lost the answer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jaz_lite.operations.agent_names import make_agent
from jaz_lite.server.enrolling import REQUESTS_MAX, LetIn, Refusal, judge, park
from jaz_lite.store.invitations import Invitation, Request
from jaz_lite.store.open import Store
from jaz_lite.wire.enrol import EnrolRequest
from tests.unit.operations.small_site import NOW_MS, opened

HOUR_MS = 3_600_000
TOKEN_ID = b"token1"
KEY, OTHER_KEY = b"k" * 32, b"o" * 32


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path / "data") as store:
        yield store


def invite(store: Store, name: str = "web1", **changes: Any) -> None:
    fields: dict[str, Any] = {
        "token_id": TOKEN_ID,
        "name": name,
        "key": b"h" * 32,
        "uses_left": 1,
        "replaces": False,
        "cert": b"c" * 32,
        "created_ms": NOW_MS,
        "created_by": "owner",
        "expires_ms": NOW_MS + HOUR_MS,
    }
    with store.transaction() as tx:
        tx.invitations.add(Invitation(**fields | changes))


def asked(name: str = "", host: str = "machine.example", nonce: bytes = b"n" * 32, **changes: Any) -> EnrolRequest:
    return EnrolRequest(**{"token_id": TOKEN_ID, "name": name, "host": host, "nonce": nonce} | changes)


def come(store: Store, request: EnrolRequest, *, now_ms: int = NOW_MS, key: bytes = KEY, wanted: str = "") -> Any:
    with store.transaction() as tx:
        return judge(tx, request, now_ms=now_ms, key=key, wanted=wanted)


def living(store: Store, name: str) -> None:
    with store.transaction() as tx:
        make_agent(tx, name, key=OTHER_KEY, now_ms=NOW_MS)


def test_who_is_invited_becomes_an_agent_with_a_host_of_its_name(store: Store) -> None:
    invite(store)

    assert come(store, asked()) == LetIn("web1", 1, KEY)

    with store.snapshot() as view:
        host, row = view.hosts.find("web1"), view.agents.find("web1")
        facts = [line.kind for line in view.journal.latest()]
    assert host is not None
    assert host.agent_id == "web1"
    assert row is not None
    assert (row.kid, row.key, row.state) == (1, KEY, "active")
    assert "agent_enrolled" in facts


def test_a_host_of_that_name_stays_as_it_is(store: Store) -> None:
    living(store, "old")
    with store.transaction() as tx:
        found = tx.hosts.find("old")
        assert found is not None
        from dataclasses import replace

        tx.hosts.put(replace(found, host="web1"))
    invite(store)

    come(store, asked())

    with store.snapshot() as view:
        host = view.hosts.find("web1")
    assert host is not None
    assert host.agent_id == "old"


def test_an_invitation_is_good_once(store: Store) -> None:
    invite(store)
    come(store, asked())

    second = come(store, asked(nonce=b"m" * 32))

    assert second == Refusal("used", "the invitation for web1 was used already")


def test_a_machine_that_lost_the_answer_gets_the_same_again_until_it_confirms(store: Store) -> None:
    invite(store)
    first = come(store, asked(), key=KEY)

    assert come(store, asked(), key=OTHER_KEY) == first

    with store.transaction() as tx:
        tx.invitations.confirm(b"n" * 32)
    assert come(store, asked()).code == "used"


def test_the_same_answer_is_not_given_after_the_agent_was_revoked(store: Store) -> None:
    invite(store)
    come(store, asked())
    with store.transaction() as tx:
        tx.agents.update("web1", state="revoked")

    assert come(store, asked()).code == "used"


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"expires_ms": NOW_MS - 2 * HOUR_MS}, "expired", "expired 120 min ago"),
        ({"withdrawn_ms": NOW_MS}, "withdrawn", "was withdrawn"),
        ({"uses_left": 0}, "used", "was used already"),
    ],
)
def test_an_invitation_that_is_no_good_says_why(store: Store, changes: Any, code: str, says: str) -> None:
    invite(store, **changes)

    refused = come(store, asked())

    assert refused.code == code
    assert says in refused.msg


def test_an_invitation_that_is_gone_says_so(store: Store) -> None:
    assert come(store, asked()).code == "withdrawn"


@pytest.mark.parametrize(
    ("pattern", "name", "host", "becomes"),
    [
        ("web1", "", "db9", "web1"),
        ("web1", "web1", "db9", "web1"),
        ("web*", "web7", "db9", "web7"),
        ("web*", "", "web9.example", "web9"),
        ("*", "", "anything", "anything"),
    ],
)
def test_the_name_is_that_of_the_invitation_the_person_or_the_machine(
    store: Store, pattern: str, name: str, host: str, becomes: str
) -> None:
    invite(store, pattern)

    assert come(store, asked(name, host)).agent_id == becomes


@pytest.mark.parametrize(
    ("pattern", "name", "host", "says"),
    [
        ("web1", "web2", "web1", 'is for "web1", not for "web2"'),
        ("web*", "db1", "web1", 'names like web*, not for "db1"'),
        ("web*", "", "db1", 'this machine\'s own name "db1"'),
        ("*", "bad name", "x", "cannot name an agent"),
        ("*", "local", "x", "the agent of the server itself"),
    ],
)
def test_a_name_that_the_invitation_does_not_allow_is_refused(
    store: Store, pattern: str, name: str, host: str, says: str
) -> None:
    invite(store, pattern)

    refused = come(store, asked(name, host))

    assert refused.code == "name"
    assert says in refused.msg


def test_the_server_that_dials_lets_only_the_wanted_one_in(store: Store) -> None:
    invite(store, "*")

    assert come(store, asked("web2"), wanted="web1").code == "name"
    assert come(store, asked("web1"), wanted="web1") == LetIn("web1", 1, KEY)


def test_the_name_of_a_living_agent_is_taken(store: Store) -> None:
    living(store, "web1")
    invite(store)

    refused = come(store, asked())

    assert refused.code == "taken"
    assert "--replace" in refused.msg


def test_an_invitation_to_replace_takes_the_place_of_a_living_agent(store: Store) -> None:
    living(store, "web1")
    invite(store, replaces=True)

    assert come(store, asked()) == LetIn("web1", 2, KEY, replaced=True)

    with store.snapshot() as view:
        row = view.agents.find("web1")
    assert row is not None
    assert (row.kid, row.key) == (2, KEY)


def test_a_revoked_agent_may_be_invited_anew_and_its_old_keys_stay_dead(store: Store) -> None:
    living(store, "web1")
    with store.transaction() as tx:
        tx.agents.update("web1", state="revoked")
    invite(store)

    assert come(store, asked()) == LetIn("web1", 2, KEY)


def test_a_refusal_uses_nothing_up(store: Store) -> None:
    invite(store)
    come(store, asked("db1"))

    assert come(store, asked()) == LetIn("web1", 1, KEY)


# ---- requests without a token


def waits(store: Store, nonce: bytes, name: str = "web1", now_ms: int = NOW_MS) -> Request | Refusal:
    with store.transaction() as tx:
        return park(tx, asked(name, nonce=nonce, token_id=b""), "10.0.0.9", now_ms)


def decide(store: Store, nonce: bytes, state: Any) -> None:
    from dataclasses import replace

    with store.transaction() as tx:
        row = tx.requests.find(nonce)
        assert row is not None
        tx.requests.put(replace(row, state=state))


def test_who_asks_waits_and_becomes_an_agent_only_when_accepted(store: Store) -> None:
    nonce = b"n" * 32
    found = waits(store, nonce)
    assert isinstance(found, Request)
    assert (found.name, found.address, found.state) == ("web1", "10.0.0.9", "waiting")
    assert come(store, asked(nonce=nonce, token_id=b"")).code == "rejected"

    decide(store, nonce, "accepted")

    assert come(store, asked(nonce=nonce, token_id=b"")) == LetIn("web1", 1, KEY)


def test_only_so_many_wait_and_only_for_so_long(store: Store) -> None:
    for number in range(REQUESTS_MAX):
        assert isinstance(waits(store, number.to_bytes(32, "big")), Request)
    assert isinstance(waits(store, b"x" * 32), Refusal)
    assert isinstance(waits(store, bytes(32)), Request), "who waits already may ask again"

    assert isinstance(waits(store, b"x" * 32, now_ms=NOW_MS + 25 * HOUR_MS), Request)


def test_an_acceptance_lets_in_once_so_a_revoked_machine_does_not_come_back_with_it(store: Store) -> None:
    request = asked("web1", token_id=b"")
    waits(store, request.nonce)
    decide(store, request.nonce, "accepted")
    assert isinstance(come(store, request), LetIn)
    with store.transaction() as tx:
        tx.agents.update("web1", state="revoked")

    again = come(store, request, key=OTHER_KEY)

    assert isinstance(again, Refusal)
    assert again.code == "rejected"
