"""Servers that ask each other what they are, over real TLS on loopback."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from jaz_lite.net import tcp
from jaz_lite.server.peers_asking import ask_peers
from jaz_lite.wire.peers import PeerStatus
from tests.shells.test_agents_door import Server, listening
from tests.unit.operations.small_site import opened


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with opened(tmp_path / "site") as store:
        yield Server(store)


def uid(server: Server) -> bytes:
    return server.face.identity.site_uid


async def test_a_server_of_the_site_says_what_it_is_and_proves_its_term(server: Server) -> None:
    own = PeerStatus(state="standby", term=5, lsn=3)
    async with listening(server) as address:
        (answer,) = await ask_peers([str(address)], server.store.keys, uid(server), 5.0, own=own)

    assert (answer.status, answer.proven, answer.why) == (server.status, True, "")
    assert server.peers == [(own, "127.0.0.1")]


async def test_a_server_of_another_site_is_told_nothing_and_tells_nothing(server: Server, tmp_path: Path) -> None:
    with opened(tmp_path / "other") as other:
        async with listening(server) as address:
            (answer,) = await ask_peers([str(address)], other.keys, uid(server), 5.0)

    assert answer.status is None
    assert answer.why == "the server there is not of this site"
    assert server.peers == []


async def test_a_term_that_nobody_of_this_site_made_is_not_proven(server: Server) -> None:
    server.status = PeerStatus(state="active", term=2**30, act=bytes(8), ticket=b"x" * 32)
    async with listening(server) as address:
        (answer,) = await ask_peers([str(address)], server.store.keys, uid(server), 5.0)

    assert answer.status is not None
    assert not answer.proven


async def test_addresses_where_nobody_answers_do_not_keep_the_others_waiting(server: Server) -> None:
    """One port where nobody listens, one where nobody speaks, one text that is no address."""
    (silent,) = await tcp.listen("127.0.0.1", 0)
    (closed,) = await tcp.listen("127.0.0.1", 0)
    where = [f"127.0.0.1:{listener.socket.getsockname()[1]}" for listener in (silent, closed)]
    await closed.aclose()
    async with listening(server) as address:
        began = trio.current_time()
        answers = await ask_peers([*where, "not an address", str(address)], server.store.keys, uid(server), 0.5)
        took = trio.current_time() - began
    await silent.aclose()

    assert [answer.status is not None for answer in answers] == [False, False, False, True]
    assert "no answer within" in answers[0].why
    assert "cannot be reached" in answers[1].why
    assert "no address" in answers[2].why
    assert took < 2
