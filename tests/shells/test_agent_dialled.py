"""A real agent that is dialled: by the servers of its sites, and by strangers."""

import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from jaz_lite.agent.enrol.enrolment import write_site
from jaz_lite.errors import RemoteProtocolError
from jaz_lite.net.dial import Address
from jaz_lite.net.tcp import connect
from jaz_lite.net.tls import as_scheduler
from jaz_lite.wire import x509
from tests.shells.small_server import AgentProcess, SmallServer, agent_at, context_of, small_server

pytestmark = pytest.mark.real

OTHER_SITE = b"other-site-12345"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "agent"


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found = probe.getsockname()[1]
    assert isinstance(found, int)
    return found


@pytest.fixture
def server() -> SmallServer:
    return SmallServer()


def enrol(folder: Path, port: int, *servers: SmallServer, more: str = "") -> None:
    """Enrol an agent that nobody can be dialled by, and have it listen."""
    for server in servers:
        write_site(folder, server.enrolment())
    (folder / "agent.toml").write_text(f'listen = "127.0.0.1:{port}"\n{more}')


@asynccontextmanager
async def dialling(server: SmallServer, port: int, folder: Path) -> AsyncIterator[None]:
    """Have a server dial the agent until it answers, and hold the session."""
    context = context_of(server, folder.parent)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.hold_dialled, context, port)
        yield
        nursery.cancel_scope.cancel()


async def test_an_agent_that_is_dialled_works_like_one_that_dials(folder: Path, port: int, server: SmallServer) -> None:
    enrol(folder, port, server)
    async with agent_at(folder), dialling(server, port, folder):
        await server.until_up()

        assert (await server.end_of(server.dispatch("job", "exit 7")))[1]["exit"] == 7


async def test_each_site_is_known_by_its_certificate_also_where_two_have_one_name(
    folder: Path, port: int, server: SmallServer
) -> None:
    other = SmallServer(OTHER_SITE, x509.self_signed("jazl-test", os.urandom))
    enrol(folder, port, server, other)
    async with agent_at(folder), dialling(server, port, folder), dialling(other, port, folder):
        await server.until_up()
        await other.until_up()

        ours, theirs = server.dispatch("job", "exit 1"), other.dispatch("job", "exit 2")

        assert (await server.end_of(ours))[1]["exit"] == 1
        assert (await other.end_of(theirs))[1]["exit"] == 2
        assert {k for k in server.events if k} == {ours}
        assert {k for k in other.events if k} == {theirs}


async def test_a_server_that_takes_over_announces_itself_by_dialling(
    folder: Path, port: int, server: SmallServer
) -> None:
    heir = SmallServer()
    heir.term, heir.act = 2, b"act-0002"
    enrol(folder, port, server)
    async with agent_at(folder), dialling(server, port, folder):
        await server.until_up()

        async with dialling(heir, port, folder):
            await heir.until_up()

            await server.until(lambda: bool(server.closed))
            assert heir.hellos[0].facts.term == 1
            assert (await heir.end_of(heir.dispatch("job", "exit 3")))[1]["exit"] == 3


async def test_a_server_of_a_lower_term_is_told_so_and_the_session_stays(
    folder: Path, port: int, server: SmallServer
) -> None:
    server.term = 5
    old = SmallServer()
    enrol(folder, port, server)
    async with agent_at(folder), dialling(server, port, folder):
        await server.until_up()

        async with dialling(old, port, folder):
            await old.until(lambda: bool(old.deposed))

        assert old.deposed[0].term == 5
        assert not server.closed
        assert (await server.end_of(server.dispatch("job", "exit 3")))[1]["exit"] == 3


async def until_listening(agent: AgentProcess, port: int) -> None:
    with trio.fail_after(20):
        while True:
            try:
                line = await connect(Address("127.0.0.1", port))
            except Exception:
                await trio.sleep(0.02)
            else:
                line.close()
                return


async def test_a_stranger_with_another_certificate_learns_nothing(
    folder: Path, port: int, server: SmallServer, tmp_path: Path
) -> None:
    impostor = SmallServer(server.site_uid, x509.self_signed("jazl-test", os.urandom))
    enrol(folder, port, server)
    (tmp_path / "impostor").mkdir()
    context = context_of(impostor, tmp_path / "impostor")
    async with agent_at(folder) as agent:
        await until_listening(agent, port)

        line = await connect(Address("127.0.0.1", port))

        with pytest.raises(RemoteProtocolError, match="handshake failed"):
            await as_scheduler(line, context)

    assert impostor.hellos == []


async def test_plain_garbage_is_answered_by_the_end_of_the_connection(
    folder: Path, port: int, server: SmallServer
) -> None:
    enrol(folder, port, server)
    async with agent_at(folder) as agent:
        await until_listening(agent, port)
        line = await connect(Address("127.0.0.1", port))

        line.send(b"GET / HTTP/1.1\r\n\r\n")

        heard = b""
        with trio.fail_after(15):
            while data := await line.receive():
                heard += data
        assert heard[:1] == b"\x16"  # a TLS record: all that an agent says before the other has proved itself
        assert b"jazl-test" not in heard
        line.close()
        async with dialling(server, port, folder):
            await server.until_up()


async def test_a_taken_port_is_told_and_the_agent_works_on(folder: Path, port: int, server: SmallServer) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        async with small_server(folder, server):
            (folder / "agent.toml").write_text(f'listen = "127.0.0.1:{port}"\n')
            async with agent_at(folder):
                await server.until_up()


async def test_tls_1_2_is_spoken_where_the_agent_allows_it_and_only_there(
    folder: Path, port: int, server: SmallServer
) -> None:
    enrol(folder, port, server, more='tls_min = "1.2"\n')
    old = context_of(server, folder.parent)
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_2
    async with agent_at(folder) as agent:
        await until_listening(agent, port)
        secured = await as_scheduler(await connect(Address("127.0.0.1", port)), old)
        assert secured.version == "TLSv1.2"
        secured.close()

    (folder / "agent.toml").write_text(f'listen = "127.0.0.1:{port}"\n')
    async with agent_at(folder) as agent:
        await until_listening(agent, port)
        with pytest.raises(Exception, match="TLS handshake failed"):
            await as_scheduler(await connect(Address("127.0.0.1", port)), old)
