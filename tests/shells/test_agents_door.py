"""The server's own door and dialler: agents over TLS on loopback, in front of a real store."""

import os
import secrets
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import trio
import trio.testing

from jaz_lite.failover.judgement import AgentSaid
from jaz_lite.net import tcp, tls
from jaz_lite.net.dial import Address
from jaz_lite.net.line import Line, SocketLine
from jaz_lite.net.session import Session
from jaz_lite.operations.agent_names import make_agent
from jaz_lite.runner.control import Control
from jaz_lite.runner.inputs import AgentIdentified, Input
from jaz_lite.runner.links import Links
from jaz_lite.runner.turns import Turns
from jaz_lite.server.agents_dialler import LOST_MS, AgentsDialler
from jaz_lite.server.agents_door import TLS_TOO_OLD, AgentsDoor, Reached, addresses_for
from jaz_lite.server.enrolling import Enroller
from jaz_lite.server.face import Face, Mirror
from jaz_lite.server.peers_door import PeersDoor
from jaz_lite.server.probing import ask_agents, askable
from jaz_lite.store.open import Store
from jaz_lite.wire.agent_core import AgentLink
from jaz_lite.wire.happenings import Challenged, Closed, Happening
from jaz_lite.wire.ident import ticket
from jaz_lite.wire.identities import AgentIdentity, HelloFacts, SiteIdentity
from jaz_lite.wire.peers import PeerStatus
from tests.unit.operations.small_site import NOW_MS, opened

WITHIN_S = 20.0
KEY = b"k" * 32


class Server:
    """The door of a server whose turns are made by nobody: what agents say is in `said`."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.said: list[Input] = []
        self.faults: list[Exception] = []  # raised when an agent proves who it is
        self.sent_on: tuple[str, ...] = ()
        with store.transaction() as tx:
            term, uid = tx.term.claim(bytes(8)), tx.term.site().site_uid

        def identify(cert_sha256: bytes) -> SiteIdentity:
            return SiteIdentity(site_uid=uid, server_id="test", term=term, act=bytes(8), cert_sha256=cert_sha256)

        self.turns = Turns(
            store, clock=store.clock, zone=ZoneInfo("UTC"), site_uid=uid, term=term,
            draw_spool=lambda: secrets.token_bytes(16),
        )  # fmt: skip
        mirror = Mirror(store.keys, identify)
        links = Links(
            self._submit, self.turns.copies, fence_key=store.keys.fence_key, site_uid=uid, term=term, act=bytes(8),
            fence=self.faults.append, now_ms=store.clock.now_ms,
        )  # fmt: skip
        enroller = Enroller(
            Control(self.turns, request_stop=lambda: None), store, store.clock, face=lambda: mirror.face,
            peers=lambda: (), accepts=False,
        )  # fmt: skip
        self.face: Face = mirror.face
        self.status = PeerStatus(
            state="active", term=term, act=bytes(8), ticket=ticket(store.keys.fence_key, uid, term, bytes(8))
        )
        self.peers: list[tuple[PeerStatus, str]] = []
        self.door = AgentsDoor(
            self.turns, links, mirror=mirror, ticket=bytes(32), enroller=enroller, addresses=tuple,
            strangers_per_address=8,
            peers=PeersDoor(
                store.keys, describe=lambda: self.status, heard=lambda told, where: self.peers.append((told, where))
            ),
        )  # fmt: skip

    def _submit(self, item: Input) -> None:
        if isinstance(item, AgentIdentified) and self.faults:
            raise self.faults.pop()
        self.said.append(item)

    def agent(self, name: str, **fields: object) -> None:
        with self.store.transaction() as tx:
            make_agent(tx, name, key=KEY, now_ms=NOW_MS)
            tx.agents.update(name, **fields)

    async def be_agent(self, name: str, line: Line, context: ssl.SSLContext, key: bytes = KEY) -> list[str]:
        """Be an agent over a line; return what the server said at the end, and keep where it sent the agent."""
        identity = self.face.identity
        secured = await tls.as_agent(line, context, identity.cert_sha256)
        me = AgentIdentity(agent_id=name, kid=1, key=key, site_uid=identity.site_uid, pin_sha256=identity.cert_sha256)
        facts = HelloFacts(spool=bytes(16), boot=bytes(16), conn=1, head=0, acked=0, wall_ns=0)
        link = AgentLink(me, facts, nonce=os.urandom(32), now=trio.current_time())
        told: list[str] = []

        def tell(happenings: list[Happening]) -> None:
            for happening in happenings:
                if isinstance(happening, Challenged):
                    link.accept_term()
                elif isinstance(happening, Closed):
                    told.append(happening.msg)
                    self.sent_on = happening.addrs

        await Session(link, secured, tell).run()
        return told

    def context(self) -> ssl.SSLContext:
        return tls.client_context(ssl.DER_cert_to_PEM_cert(self.face.certificate), "1.2")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with opened(tmp_path / "site") as store:
        yield Server(store)


@asynccontextmanager
async def listening(server: Server) -> AsyncIterator[Address]:
    listeners = await tcp.listen("127.0.0.1", 0)
    async with trio.open_nursery() as nursery:
        await nursery.start(server.door.serve, listeners)
        with trio.fail_after(WITHIN_S):
            yield Address("127.0.0.1", listeners[0].socket.getsockname()[1])
        nursery.cancel_scope.cancel()


def only_1_2(server: Server) -> ssl.SSLContext:
    context = server.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


async def test_an_agent_with_tls_1_2_that_was_not_allowed_it_is_told_so(server: Server) -> None:
    server.agent("old", tls_min="1.2")
    server.agent("new")
    async with listening(server) as address:
        told = await server.be_agent("new", await tcp.connect(address), only_1_2(server))

    assert told == [TLS_TOO_OLD]
    assert server.said == [], "nothing of it reached a turn"


async def test_a_refusal_for_old_tls_is_not_held_against_the_address_it_came_from(server: Server) -> None:
    server.agent("old", tls_min="1.2")
    server.agent("new")
    proved, failed = [], []
    async with trio.open_nursery() as nursery:
        one, other = map(SocketLine, socket.socketpair())
        nursery.start_soon(server.be_agent, "new", other, only_1_2(server))
        face = server.face
        tls.set_floor(face.context, "1.2")
        secured = await tls.as_scheduler(one, face.context)
        await server.door.hold(
            Reached(secured, face, "peer"), proved=lambda: proved.append(1), failed=lambda: failed.append(1)
        )

    assert (proved, failed) == ([1], [])


async def test_an_agent_with_tls_1_2_that_may_use_it_is_let_in(server: Server) -> None:
    server.agent("old", tls_min="1.2")
    async with listening(server) as address, trio.open_nursery() as nursery:
        nursery.start_soon(server.be_agent, "old", await tcp.connect(address), only_1_2(server))
        while not server.said:
            await trio.testing.wait_all_tasks_blocked(0.01)
        nursery.cancel_scope.cancel()

    assert isinstance(server.said[0], AgentIdentified)


async def test_tls_1_2_ends_in_the_handshake_where_no_agent_may_use_it(server: Server) -> None:
    server.agent("new")
    async with listening(server) as address:
        with pytest.raises(Exception, match="TLS handshake failed"):
            await server.be_agent("new", await tcp.connect(address), only_1_2(server))


async def test_a_session_that_breaks_our_code_ends_alone_and_its_agent_is_dialled_again(server: Server) -> None:
    listeners = await tcp.listen("127.0.0.1", 0)
    port = listeners[0].socket.getsockname()[1]
    server.agent("dmz", dial="server", addrs=(f"127.0.0.1:{port}",))
    server.faults.append(RuntimeError("a fault of ours"))
    context = server.context()

    async def one(stream: trio.SocketStream) -> None:
        await server.be_agent("dmz", SocketLine.over(stream), context)

    with trio.fail_after(WITHIN_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, one, listeners)
            nursery.start_soon(AgentsDialler(server.turns, server.door).run)
            while not any(isinstance(item, AgentIdentified) for item in server.said):
                await trio.testing.wait_all_tasks_blocked(0.01)
            nursery.cancel_scope.cancel()

    assert server.faults == []


@asynccontextmanager
async def one_that_listens(server: Server, name: str, told: list[str]) -> AsyncIterator[int]:
    """An agent that waits to be dialled; gives its port."""
    listeners = await tcp.listen("127.0.0.1", 0)
    context = server.context()

    async def one(stream: trio.SocketStream) -> None:
        told.extend(await server.be_agent(name, SocketLine.over(stream), context))

    with trio.fail_after(WITHIN_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, one, listeners)
            yield listeners[0].socket.getsockname()[1]
            nursery.cancel_scope.cancel()


async def test_an_agent_that_has_not_confirmed_the_epoch_is_looked_for_where_it_listened(server: Server) -> None:
    async with one_that_listens(server, "web1", []) as port, trio.open_nursery() as nursery:
        server.agent("web1", peer="127.0.0.1", listen_port=port, seen_ms=NOW_MS)
        server.turns.reload()
        nursery.start_soon(AgentsDialler(server.turns, server.door).run)
        while not any(isinstance(item, AgentIdentified) for item in server.said):
            await trio.testing.wait_all_tasks_blocked(0.01)
        nursery.cancel_scope.cancel()


async def test_another_agent_at_the_place_of_the_one_that_is_looked_for_is_left_alone(server: Server) -> None:
    told: list[str] = []
    async with one_that_listens(server, "other", told) as port, trio.open_nursery() as nursery:
        server.agent("other")
        server.agent("web1", peer="127.0.0.1", listen_port=port, seen_ms=NOW_MS)
        server.turns.reload()
        nursery.start_soon(AgentsDialler(server.turns, server.door).run)
        while not told:
            await trio.testing.wait_all_tasks_blocked(0.01)
        nursery.cancel_scope.cancel()

    assert told == ["agent web1 was looked for here"]
    assert server.said == []


async def test_an_agent_that_was_there_is_looked_for_after_a_while_and_one_that_cannot_be_dialled_never(
    server: Server,
) -> None:
    term = server.turns.term
    server.agent("web1", peer="192.0.2.1", listen_port=11_055, confirmed_term=term)
    server.agent("web2", peer="192.0.2.2", confirmed_term=None)
    server.turns.reload()
    dialler = AgentsDialler(server.turns, server.door)
    now_ms = server.turns.clock.now_ms()

    sought = {
        name: [dialler.is_sought(server.turns.works.desk(name), now_ms + after) for after in (0, LOST_MS)]
        for name in ("web1", "web2")
    }

    assert sought == {"web1": [False, True], "web2": [False, False]}


def test_an_agent_elsewhere_is_not_told_of_loopback() -> None:
    addresses = ("127.0.0.1:11061", "192.0.2.1:11061", "standby.example:11061")

    assert addresses_for("192.0.2.7", addresses) == addresses[1:]
    assert addresses_for("127.0.0.1", addresses) == addresses


async def answering(server: Server, name: str, line: Line, **answer: Any) -> None:
    """Be an agent that is only asked."""
    identity = server.face.identity
    secured = await tls.as_agent(line, server.context(), identity.cert_sha256)
    me = AgentIdentity(agent_id=name, kid=1, key=KEY, site_uid=identity.site_uid, pin_sha256=identity.cert_sha256)
    link = AgentLink(me, HelloFacts(spool=bytes(16), boot=bytes(16)), nonce=os.urandom(32), now=trio.current_time())

    def tell(happenings: list[Happening]) -> None:
        if any(isinstance(happening, Challenged) for happening in happenings):
            link.probe_answer(**answer)

    await Session(link, secured, tell).run()


async def test_agents_are_asked_what_they_know_and_only_a_ticket_of_this_site_proves_it(server: Server) -> None:
    keys, uid = server.store.keys, server.face.identity.site_uid
    proof = ticket(keys.fence_key, uid, 99, b"a" * 8)
    answers = {
        "honest": {"term": 99, "act": b"a" * 8, "ticket": proof, "live_s": 3, "in_session": True, "addrs": ("b:1",)},
        "evil": {"term": 999, "act": b"a" * 8, "ticket": bytes(32), "live_s": 0},
    }
    with trio.fail_after(WITHIN_S):
        async with trio.open_nursery() as nursery:
            for name, answer in answers.items():
                listeners = await tcp.listen("127.0.0.1", 0)

                async def one(stream: trio.SocketStream, name: str = name, answer: Any = answer) -> None:
                    await answering(server, name, SocketLine.over(stream), **answer)

                nursery.start_soon(trio.serve_listeners, one, listeners)
                server.agent(name, addrs=(f"127.0.0.1:{listeners[0].socket.getsockname()[1]}",))
            server.agent("off", addrs=("127.0.0.1:1",))
            with server.store.snapshot() as view:
                rows = askable(view.agents.list())
            said, silent = await ask_agents(rows, server.face, fence_key=keys.fence_key)
            nursery.cancel_scope.cancel()

    found = {each.agent_id: each for each in said}
    assert found["honest"] == AgentSaid(
        agent_id="honest", term=99, act=b"a" * 8, addrs=("b:1",), proven=True, silent_s=3, in_session=True
    )
    assert (found["evil"].proven, found["evil"].in_session) == (False, None)
    assert list(silent) == ["off"]
