"""T6 with a real server: crowds of strangers from the agent's own address, while the agent comes back."""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.process import pss_mb
from bench.site import Site

pytestmark = pytest.mark.real

IDLE = 500
GARBAGE = 50
RECONNECT_S_MAX = 5.0  # protocol.md section 12, T6
GROWTH_MB_MAX = 50.0
RUBBISH = (
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x00\x05hello",  # the head of a TLS record with nothing sensible in it
    b"\x16\x03\x01\xff\xff" + bytes(100),
    b"SSH-2.0-nobody\r\n",
    os.urandom(1_000),
    b"\0\0\0\x05\x93\x01\0\x80",  # a frame, in plain
    bytes(10_000),
)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.start()
    made.wait_for_agent()
    yield made
    made.stop()


def dialled(port: int) -> socket.socket:
    line = socket.create_connection(("127.0.0.1", port), timeout=5)
    line.setblocking(False)
    return line


def says(line: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):
        line.send(data)


def seconds_until_back(site: Site) -> float:
    """Kill the agent and return how long it takes until another one is synced."""
    os.kill(site.processes()["agent"], signal.SIGKILL)
    began = time.monotonic()
    while site.command("status", "--json").count(b'"reachable": true'):
        assert time.monotonic() < began + 10, "the server does not notice that its agent is gone"
    site.wait_for_agent()
    return time.monotonic() - began


def test_idle_and_talking_strangers_do_not_keep_an_agent_out(site: Site) -> None:
    server, port = site.processes()["server"], site.port()
    before_mb = pss_mb(server)
    crowd = [dialled(port) for _ in range(IDLE)]
    for number in range(GARBAGE):
        crowd.append(dialled(port))
        says(crowd[-1], RUBBISH[number % len(RUBBISH)])

    took = seconds_until_back(site)

    for line in crowd:
        line.close()
    assert took < RECONNECT_S_MAX
    assert pss_mb(server) - before_mb < GROWTH_MB_MAX


def test_strangers_who_begin_and_do_not_go_on_do_not_keep_an_agent_out(site: Site) -> None:
    """Each has said the beginning of a TLS record, so each is dealt with until patience ends."""
    port = site.port()
    crowd = [dialled(port) for _ in range(200)]
    for line in crowd:
        says(line, b"\x16\x03\x01")

    took = seconds_until_back(site)

    for line in crowd:
        line.close()
    assert took < RECONNECT_S_MAX + 3.0  # and the patience with those who are slow
