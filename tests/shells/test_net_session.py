"""The trio shell of a session: real links and real TLS over memory and over loopback."""

import secrets
import ssl
from contextlib import suppress
from functools import partial

import pytest
import trio
import trio.testing

from jaz_lite.errors import RemoteProtocolError, Unreachable
from jaz_lite.net import tcp, tls
from jaz_lite.net.dial import Address
from jaz_lite.net.door import Door
from jaz_lite.net.session import Session
from jaz_lite.wire import limits, x509
from jaz_lite.wire.happenings import (
    Closed,
    Dispatched,
    Synced,
)
from tests.shells.net_ends import WORK, agent_end, secure_both, server_end
from tests.shells.stream_line import memory_lines


@pytest.fixture(scope="module")
def certificate():
    return x509.self_signed("jazl-SITE", secrets.token_bytes)


@pytest.fixture(scope="module")
def other_certificate():
    return x509.self_signed("jazl-SITE", secrets.token_bytes)


@pytest.fixture(scope="module")
def server_tls(certificate, tmp_path_factory):
    return _server_tls(certificate, tmp_path_factory.mktemp("keys"))


def _server_tls(made, folder):
    (folder / "site.crt").write_text(made.cert_pem)
    (folder / "site.key").write_text(made.key_pem)
    return tls.server_context(folder / "site.crt", folder / "site.key")


async def test_a_job_travels_over_tls_to_the_agent_and_the_session_parts_politely(
    autojump_clock, server_tls, certificate
):
    streams = await secure_both(*memory_lines(), server_tls, certificate)
    server = server_end(streams[0], certificate.sha256)
    agent = agent_end(streams[1], certificate.sha256)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run)
        nursery.start_soon(agent.run)
        await server.up.wait()
        server.link.dispatch(k=WORK, occ="M:1", path="/j#1", att=1, run=1, kind="cmd", spec=bytes(500_000))
        server.link.kill(b"x" * 16, how="signal")
        server.session.flush()
        await trio.sleep(100)  # ten heartbeats
        assert not server.link.closed
        agent.link.bye("shutdown", "host goes down")
        agent.session.flush()

    orders = [order for order in agent.heard if isinstance(order, Dispatched)]
    assert [len(order.spec) for order in orders] == [500_000]
    assert agent.closed == Closed("shutdown", "host goes down", by_us=True)
    assert server.closed == Closed("shutdown", "host goes down", by_us=False)


async def test_an_impostor_with_another_certificate_is_refused_in_the_handshake(
    autojump_clock, certificate, other_certificate, tmp_path
):
    one, other = memory_lines()
    impostor = _server_tls(other_certificate, tmp_path)

    async def pose():
        with pytest.raises(RemoteProtocolError):
            await tls.as_scheduler(one, impostor)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pose)
        with pytest.raises(RemoteProtocolError, match="other than the pinned one"):
            await tls.as_agent(other, tls.client_context(certificate.cert_pem), certificate.sha256)


async def test_a_trusted_certificate_that_is_not_the_pinned_one_is_refused(
    autojump_clock, server_tls, certificate, other_certificate
):
    one, other = memory_lines()
    both = tls.client_context(certificate.cert_pem + other_certificate.cert_pem)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(tls.as_scheduler, one, server_tls)
        with pytest.raises(RemoteProtocolError, match="other than the pinned"):
            await tls.as_agent(other, both, other_certificate.sha256)


async def test_a_peer_with_another_application_protocol_is_refused(autojump_clock, server_tls, certificate):
    one, other = memory_lines()
    web = tls.client_context(certificate.cert_pem)
    web.set_alpn_protocols(["h2"])

    async def browse():
        with pytest.raises(RemoteProtocolError):
            await tls.as_agent(other, web, certificate.sha256)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(browse)
        with pytest.raises(RemoteProtocolError, match="jazl/1"):
            await tls.as_scheduler(one, server_tls)


@pytest.mark.parametrize("sends", [b"GET / HTTP/1.0\r\n\r\n", b""], ids=["plain text", "nothing"])
async def test_a_stranger_does_not_get_through_tls(autojump_clock, server_tls, sends):
    one, other = memory_lines()
    await other.stream.send_all(sends)

    with pytest.raises(RemoteProtocolError, match="TLS handshake"):
        await tls.as_scheduler(one, server_tls)

    assert trio.current_time() <= limits.TLS_HANDSHAKE_S


def test_tls_is_1_3_without_tickets(server_tls, certificate):
    assert server_tls.minimum_version == ssl.TLSVersion.TLSv1_3
    assert server_tls.num_tickets == 0
    assert tls.client_context(certificate.cert_pem).verify_mode == ssl.CERT_REQUIRED
    assert tls.pin_of(certificate.cert_pem) == certificate.sha256


async def test_a_peer_that_stops_in_the_handshake_is_given_up(autojump_clock):
    one, other = memory_lines()
    server = server_end(one)
    await other.stream.send_all(agent_end(other).link.take())  # hello, and then nothing

    await server.run()

    # 10 s for the step in which auth was due.
    assert trio.current_time() == 10.0
    assert server.closed == Closed("timeout", "the handshake took too long in state auth", by_us=True)


async def test_a_peer_that_falls_silent_is_given_up_after_three_heartbeats(autojump_clock):
    one, other = memory_lines()
    server, agent = server_end(one), agent_end(other)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run)
        nursery.start_soon(_answer_until_up, agent, other.stream)
        await server.up.wait()

    assert trio.current_time() == 30.0
    assert server.closed == Closed("silent", "nothing heard for 30 s", by_us=True)


async def _answer_until_up(agent, stream):
    """Speak for the agent until it is up; then leave the connection open and say nothing."""
    while not agent.up.is_set():
        await stream.send_all(agent.link.take())
        agent.tell(agent.link.receive(await stream.receive_some(65_536), trio.current_time()))
    await stream.send_all(agent.link.take())


async def test_a_slow_caller_is_not_taken_for_a_silent_peer(autojump_clock):
    one, other = memory_lines()
    server, agent = server_end(one), agent_end(other)
    slow = trio.Event()

    async def tell(found):
        server.tell(found)
        if any(isinstance(happening, Synced) for happening in found):
            await trio.sleep(300)
            slow.set()

    server.session = Session(server.link, one, tell)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run)
        nursery.start_soon(agent.run)
        await slow.wait()
        await trio.sleep(50)

        assert not server.link.closed
        assert not agent.link.closed
        server.link.bye("shutdown")
        server.session.flush()


async def test_a_peer_that_reads_nothing_is_given_up(autojump_clock):
    one, other = memory_lines(trio.testing.lockstep_stream_pair)  # a send waits until it is read
    server, agent = server_end(one), agent_end(other)

    async def speak_without_reading():
        await _answer_until_up(agent, other.stream)
        while not server.link.closed:
            await trio.sleep(5)
            agent.link.heard(trio.current_time())
            agent.link.tick(trio.current_time())
            await other.stream.send_all(agent.link.take())

    async def speak():
        with suppress(trio.BrokenResourceError):
            await speak_without_reading()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run)
        nursery.start_soon(speak)
        await server.up.wait()
        server.link.drain(True)
        server.session.flush()

    assert server.closed == Closed("silent", "the peer has read nothing for 30 s", by_us=True)


async def test_garbage_gets_an_error_frame_and_an_end(autojump_clock):
    one, other = memory_lines()
    server = server_end(one)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run)
        await other.stream.send_all(b"\xff" * 100)
        answer = b""
        while data := await other.stream.receive_some(1000):
            answer += data

    assert server.closed == Closed("frame", "a frame of 4294967295 bytes; 1 to 4096 are allowed", by_us=True)
    assert b"error" not in answer
    assert b"frame" in answer


async def test_a_dead_connection_is_told_as_the_end(autojump_clock):
    one, other = memory_lines()
    server, agent = server_end(one), agent_end(other)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run)
        nursery.start_soon(agent.run)
        await server.up.wait()
        other.close()

    assert server.closed == Closed("eof", "the connection ended", by_us=False)
    assert agent.closed == Closed("eof", "the connection ended", by_us=False)


async def test_either_side_may_dial_over_loopback(server_tls, certificate):
    """Real sockets, once: the server dials the agent's port and is still the TLS server."""
    door = Door(per_address=64)
    ended = []

    async def agent_listens(stream, visitor):
        secured = await tls.as_agent(stream, tls.client_context(certificate.cert_pem), certificate.sha256)
        agent = agent_end(secured, certificate.sha256)
        visitor.proved()
        await agent.run()
        ended.append(agent.closed)

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            listeners = await tcp.listen("127.0.0.1", 0)
            port = listeners[0].socket.getsockname()[1]
            await nursery.start(tcp.serve, listeners, door, agent_listens)
            stream = await tcp.connect(Address("127.0.0.1", port))
            server = server_end(await tls.as_scheduler(stream, server_tls), certificate.sha256)
            nursery.start_soon(server.run)
            await server.up.wait()
            assert (door.strangers, door.outside) == (0, 0)
            server.link.bye("shutdown")
            server.session.flush()
            while not ended:
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()

    assert ended == [Closed("shutdown", "", by_us=False)]


async def test_nobody_there_is_said_in_one_sentence():
    listeners = await tcp.listen("127.0.0.1", 0)
    port = listeners[0].socket.getsockname()[1]
    await listeners[0].aclose()

    with pytest.raises(Unreachable, match=f"127.0.0.1:{port} cannot be reached"):
        await tcp.connect(Address("127.0.0.1", port))


async def until(what):
    """Wait for what others do. Where the clock stands still (`mock_clock`), nobody's patience can end meanwhile."""
    for _ in range(10_000):
        if what():
            return
        await trio.testing.wait_all_tasks_blocked(0.001)
    raise AssertionError("it did not come about")


async def test_more_strangers_than_there_is_room_for_wait_until_one_has_gone(mock_clock):
    door = Door(per_address=2)
    came, stay = [], trio.Event()

    async def wait(line, _visitor):
        came.append(line)
        await (line.receive() if len(came) == 1 else stay.wait())

    async with trio.open_nursery() as nursery:
        listeners = await tcp.listen("127.0.0.1", 0)
        port = listeners[0].socket.getsockname()[1]
        await nursery.start(tcp.serve, listeners, door, wait)
        lines = [await tcp.connect(Address("127.0.0.1", port)) for _ in range(3)]
        await until(lambda: (door.strangers, door.outside) == (2, 1))

        lines[0].send(b"done")
        await until(lambda: (door.strangers, door.outside) == (2, 0) and len(came) == 3)

        for line in lines:
            line.close()
        nursery.cancel_scope.cancel()


async def test_who_says_nothing_takes_no_room(mock_clock):
    door = Door(per_address=1)
    came = []

    async def receive(line, _visitor):
        came.append(await line.receive())

    async with trio.open_nursery() as nursery:
        listeners = await tcp.listen("127.0.0.1", 0)
        port = listeners[0].socket.getsockname()[1]
        await nursery.start(partial(tcp.serve, peer_speaks_first=True), listeners, door, receive)
        silent = [await tcp.connect(Address("127.0.0.1", port)) for _ in range(20)]
        await until(lambda: door.outside == 20)
        speaker = await tcp.connect(Address("127.0.0.1", port))
        speaker.send(b"here I am")
        assert await speaker.receive() == b""

        assert came == [b"here I am"]
        assert door.outside == 20

        for line in (*silent, speaker):
            line.close()
        nursery.cancel_scope.cancel()


async def test_a_connection_that_breaks_our_code_does_not_stop_the_listener(caplog):
    door = Door(per_address=64)

    async def break_down(_stream, _visitor):
        raise ZeroDivisionError

    async with trio.open_nursery() as nursery:
        listeners = await tcp.listen("127.0.0.1", 0)
        port = listeners[0].socket.getsockname()[1]
        await nursery.start(tcp.serve, listeners, door, break_down)
        for _ in range(2):
            stream = await tcp.connect(Address("127.0.0.1", port))
            with trio.fail_after(5):
                with suppress(trio.BrokenResourceError):
                    assert await stream.receive() == b""
            await stream.aclose()
        nursery.cancel_scope.cancel()

    assert [record.action for record in caplog.records] == ["link.fault"] * 2
    assert (door.strangers, door.outside) == (0, 0)
