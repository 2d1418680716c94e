"""Lines: what leaves at once, what waits, and TLS on top of them, on real sockets and in memory."""

import secrets
import select
import socket
import struct

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import memory_stream_pair

from jaz_lite.errors import RemoteProtocolError
from jaz_lite.net import tls
from jaz_lite.net.line import SocketLine
from jaz_lite.net.session import Session
from jaz_lite.net.tls_line import RECORD_BYTES
from jaz_lite.wire import x509
from jaz_lite.wire.agent_core import AgentLink
from jaz_lite.wire.happenings import Closed, Dispatched
from tests.shells.net_ends import WORK, agent_end, secure_both, server_end
from tests.shells.stream_line import StreamLine, memory_lines

CERTIFICATE = x509.self_signed("jazl-SITE", secrets.token_bytes)
MUCH = secrets.token_bytes(3_000_000)


@pytest.fixture(scope="module")
def server_tls(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    (folder / "site.crt").write_text(CERTIFICATE.cert_pem)
    (folder / "site.key").write_text(CERTIFICATE.key_pem)
    return tls.server_context(folder / "site.crt", folder / "site.key")


@pytest.fixture
def sockets():
    pair = socket.socketpair()
    yield pair
    for one in pair:
        one.close()


def readable(one):
    return bool(select.select([one], [], [], 0)[0])


def reset(one):
    """Close a connection as a machine does that has forgotten it."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()


async def tcp_pair():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    return near, far


async def receive_all(line):
    found = b""
    while data := await line.receive():
        found += data
    return found


async def test_what_the_kernel_takes_leaves_without_waiting(sockets):
    near, far = sockets
    line = SocketLine(near)

    line.send(b"hello")

    assert not line.pending
    assert far.recv(100) == b"hello"


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "TLS"])
async def test_what_the_kernel_does_not_take_follows_in_order(sockets, server_tls, secured):
    one, other = map(SocketLine, sockets)
    if secured:
        one, other = await secure_both(one, other, server_tls, CERTIFICATE)
    got = []

    async def take_all():
        got.append(await receive_all(other))

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            one.send(MUCH)
            one.send(b"and the end")
            assert one.pending
            nursery.start_soon(take_all)
            while one.pending:
                await one.drain(65_536)
            await one.aclose()

    assert got == [MUCH + b"and the end"]


async def test_a_line_whose_peer_is_gone_is_broken_for_sending_and_ends_for_receiving():
    near, far = await tcp_pair()
    line = SocketLine(near)
    reset(far)

    with pytest.raises(trio.BrokenResourceError):
        await line.receive()
    with pytest.raises(trio.BrokenResourceError):
        line.send(b"anybody?")
    line.close()
    line.close()


async def test_what_comes_with_the_last_of_the_handshake_is_heard_even_after_a_cancelled_attempt(
    autojump_clock, server_tls
):
    one, other = memory_lines()
    ends = []

    async def speak_at_once():
        agent = await tls.as_agent(other, tls.client_context(CERTIFICATE.cert_pem), CERTIFICATE.sha256)
        agent.send(b"hello")
        await agent.drain(1000)
        ends.append(agent)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(speak_at_once)
        await trio.sleep(1)  # until the server's first word is waited for
        nursery.start_soon(trio.sleep, 2)
        server = await tls.as_scheduler(one, server_tls)
    with trio.CancelScope() as scope:
        scope.cancel()
        await server.receive()

    assert await server.receive() == b"hello"


async def test_the_end_is_heard_behind_the_last_words_said_or_not(autojump_clock, server_tls):
    for polite in (True, False):
        server, agent = await secure_both(*memory_lines(), server_tls, CERTIFICATE)
        agent.send(b"last words")
        await agent.drain(1000)
        if polite:
            await agent.aclose()
        else:
            agent.close()

        assert await receive_all(server) == b"last words"
        assert await server.receive() == b""


def in_trio(do, *args):
    async def bounded():
        with trio.fail_after(20):
            await do(*args)

    trio.run(bounded)


@given(garbage=st.binary(max_size=300))
@settings(max_examples=40)
def test_no_bytes_at_all_break_a_handshake_but_by_refusal(server_tls, garbage):
    async def try_them():
        one, other = memory_stream_pair()
        await other.send_all(garbage)
        await other.send_stream.aclose()
        with pytest.raises(RemoteProtocolError):
            await tls.as_scheduler(StreamLine(one), server_tls)

    in_trio(try_them)


@given(garbage=st.binary(min_size=1, max_size=300), as_record=st.booleans())
@settings(max_examples=40)
def test_garbage_after_the_handshake_ends_the_line_behind_what_was_right(server_tls, garbage, as_record):
    async def try_them():
        one, other = memory_lines()
        server, agent = await secure_both(one, other, server_tls, CERTIFICATE)
        agent.send(b"right")
        await agent.drain(1000)
        await other.stream.send_all(
            b"\x17\x03\x03" + struct.pack(">H", len(garbage)) + garbage if as_record else garbage
        )
        await other.stream.send_stream.aclose()

        assert await receive_all(server) == b"right"

    in_trio(try_them)


@given(
    texts=st.lists(st.binary(min_size=1, max_size=3 * RECORD_BYTES), min_size=1, max_size=4),
    cuts=st.lists(st.integers(1, 20_000), min_size=1, max_size=20),
)
@settings(max_examples=25)
def test_records_may_be_cut_anywhere(server_tls, texts, cuts):
    async def try_them():
        one, other = memory_lines()
        server, agent = await secure_both(one, other, server_tls, CERTIFICATE)
        for text in texts:
            agent.send(text)
        sealed = bytes(other.waiting)
        got = []

        async def take_all():
            got.append(await receive_all(server))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(take_all)
            for cut in cuts:
                await other.stream.send_all(sealed[:cut])
                sealed = sealed[cut:]
            await other.stream.send_all(sealed)
            await other.stream.send_stream.aclose()

        assert got == [b"".join(texts)]

    in_trio(try_them)


# ---- sessions on sockets


async def ends_on(sockets, server_tls):
    one, other = await secure_both(*map(SocketLine, sockets), server_tls, CERTIFICATE)
    return server_end(one, CERTIFICATE.sha256), agent_end(other, CERTIFICATE.sha256)


def dispatch(server, spec=b"spec"):
    server.link.dispatch(k=WORK, occ="M:1", path="/j#1", att=1, run=1, kind="cmd", spec=spec)
    server.session.flush()


def say_bye(server, msg=""):
    server.link.bye("shutdown", msg)
    server.session.flush()


async def test_a_flushed_command_is_with_the_kernel_when_flush_returns(sockets, server_tls):
    server, agent = await ends_on(sockets, server_tls)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run)
        nursery.start_soon(agent.run)
        await server.up.wait()
        await trio.testing.wait_all_tasks_blocked()
        assert not readable(sockets[1])

        dispatch(server)

        assert readable(sockets[1])
        say_bye(server)

    assert [type(found) for found in agent.heard[-2:]] == [Dispatched, Closed]


async def test_more_than_the_kernel_takes_is_sent_in_the_background_and_bye_comes_last(sockets, server_tls):
    sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8_192)
    server, agent = await ends_on(sockets, server_tls)
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.run)
            nursery.start_soon(agent.run)
            await server.up.wait()
            dispatch(server, MUCH[:1_500_000])
            while not isinstance(agent.heard[-1], Dispatched):
                await trio.sleep(0.001)
            say_bye(server, "done")

    assert agent.heard[-2].spec == MUCH[:1_500_000]
    assert agent.closed == Closed("shutdown", "done", by_us=False)
    assert server.closed == Closed("shutdown", "done", by_us=True)


async def test_a_reset_before_more_is_sent_is_told_once_as_the_end(server_tls):
    near, far = await tcp_pair()
    server, agent = await ends_on((near, far.dup()), server_tls)
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.run)
            async with trio.open_nursery() as inner:
                inner.start_soon(agent.run)
                await server.up.wait()
                inner.cancel_scope.cancel()
            reset(far)
            dispatch(server, MUCH[:1_000_000])
            dispatch(server)

    assert [found for found in server.heard if isinstance(found, Closed)] == [
        Closed("eof", "the connection ended", by_us=False)
    ]


async def test_a_cancelled_session_closes_at_once_whatever_waits_to_be_sent(sockets, server_tls):
    sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8_192)
    server, agent = await ends_on(sockets, server_tls)
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(agent.run)
            async with trio.open_nursery() as inner:
                inner.start_soon(server.run)
                await server.up.wait()
                dispatch(server, MUCH[:1_000_000])
                inner.cancel_scope.cancel()
            assert sockets[0].fileno() == -1
            server.session.flush()

    assert server.closed is None
    assert agent.closed == Closed("eof", "the connection ended", by_us=False)


async def test_a_link_closed_while_the_caller_is_busy_parts_at_once_and_is_told_later(autojump_clock):
    one, other = memory_lines()
    server, agent = server_end(one), agent_end(other)
    free = trio.Event()

    async def tell(found):
        server.tell(found)
        if server.up.is_set():
            await free.wait()

    server.session = Session(server.link, one, tell)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run)
        nursery.start_soon(agent.run)
        await server.up.wait()
        await trio.sleep(15)
        say_bye(server)
        await trio.sleep(1)
        assert server.closed is None
        assert agent.closed == Closed("shutdown", "", by_us=False)
        free.set()

    assert server.closed == Closed("shutdown", "", by_us=True)


class Faulty(AgentLink):
    """A link with a fault of ours in it, which shows when something is to be sent."""

    __slots__ = ("bad",)

    def take(self):
        if getattr(self, "bad", False):
            raise ZeroDivisionError
        return super().take()


async def test_a_fault_in_one_link_comes_out_of_its_session_and_not_of_flush(autojump_clock):
    one, other = memory_lines()
    server, agent = server_end(one), agent_end(other, kind=Faulty)

    async def come_to_the_fault():
        async with trio.open_nursery() as inner:
            inner.start_soon(agent.run)
            await agent.up.wait()
            await server.up.wait()
            agent.link.bad = True
            agent.link.bye("shutdown")
            agent.session.flush()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run)
        with pytest.raises(ExceptionGroup) as fault:
            await come_to_the_fault()
        assert fault.group_contains(ZeroDivisionError)

    assert server.closed == Closed("eof", "the connection ended", by_us=False)
