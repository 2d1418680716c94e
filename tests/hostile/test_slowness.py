"""T6: peers that take their time, in virtual time: at every step of the way in there is an end to patience."""

import secrets
import ssl
from contextlib import suppress

import pytest
import trio

from jaz_lite.errors import RemoteProtocolError
from jaz_lite.net import tls
from jaz_lite.wire import limits, x509
from tests.shells.net_ends import agent_end, server_end
from tests.shells.stream_line import memory_lines

CERTIFICATE = x509.self_signed("jazl-SITE", secrets.token_bytes)
LONGEST_S = limits.TLS_HANDSHAKE_S + limits.HANDSHAKE_S + limits.GOODBYE_S


@pytest.fixture(scope="module")
def server_tls(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    (folder / "site.crt").write_text(CERTIFICATE.cert_pem)
    (folder / "site.key").write_text(CERTIFICATE.key_pem)
    return tls.server_context(folder / "site.crt", folder / "site.key")


class SlowLine:
    """A line whose sender says `quick` bytes at once and the rest one byte in so many seconds."""

    def __init__(self, below, quick, seconds):
        self._below = below
        self._quick = quick
        self._seconds = seconds
        self._rest = b""

    pending = property(lambda self: bool(self._rest))

    def send(self, data):
        now, later = data[: self._quick], data[self._quick :]
        self._quick -= len(now)
        if now:
            self._below.send(now)
        self._rest += later

    async def drain(self, size):
        while self._rest and size > 0:
            await trio.sleep(self._seconds)
            self._below.send(self._rest[:1])
            self._rest = self._rest[1:]
            size -= 1

    async def receive(self):
        return await self._below.receive()

    async def aclose(self):
        await self._below.aclose()

    def close(self):
        self._below.close()


def hello_bytes():
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = tls.client_context(CERTIFICATE.cert_pem).wrap_bio(down, up)
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return up.read()


@pytest.mark.parametrize("quick", [0, 1, 5, 50, 200], ids=lambda n: f"after {n} bytes of its first word")
async def test_a_tls_greeting_byte_by_byte_is_not_waited_for(autojump_clock, server_tls, quick):
    one, other = memory_lines()
    greeting = hello_bytes()

    async def say_slowly():
        slow = SlowLine(other, quick, 1.0)
        slow.send(greeting)
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await slow.drain(len(greeting))

    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(say_slowly)
        with pytest.raises(RemoteProtocolError):
            await tls.as_scheduler(one, server_tls)
        nursery.cancel_scope.cancel()

    assert trio.current_time() - began <= limits.TLS_HANDSHAKE_S + 1


@pytest.mark.parametrize("quick", [0, 3, 100, 500, 600], ids=lambda n: f"after {n} bytes")
@pytest.mark.parametrize("slow_end", ["agent", "server"])
async def test_a_handshake_byte_by_byte_is_not_waited_for(autojump_clock, quick, slow_end):
    """hello (about 400 bytes) or auth come slowly; or challenge and welcome do, to the agent."""
    one, other = memory_lines()
    seconds = 0.9
    if slow_end == "agent":
        server, agent = server_end(one), agent_end(SlowLine(other, quick, seconds))
    else:
        server, agent = server_end(SlowLine(one, quick // 4, seconds)), agent_end(other)
    began = trio.current_time()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run)
        nursery.start_soon(agent.run)

    took = trio.current_time() - began
    patient = server if slow_end == "agent" else agent
    assert patient.closed is not None
    assert patient.closed.code in ("timeout", "silent", "eof")
    assert took <= LONGEST_S + limits.SEND_STALL_S
