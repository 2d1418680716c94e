"""TCP connections: listening behind a `Door`, and dialling."""

import errno
import ipaddress
import logging
import math
import os
import socket
from collections.abc import Awaitable, Callable, Sequence

import trio

from jaz_lite.errors import JazLiteError, Unreachable, UsageError
from jaz_lite.net.dial import Address
from jaz_lite.net.door import Door, Place
from jaz_lite.net.line import SocketLine
from jaz_lite.wire import limits

KEEPALIVE_IDLE_S = 30
KEEPALIVE_INTERVAL_S = 10
KEEPALIVE_COUNT = 3
LINE_ENDS = (trio.BrokenResourceError, trio.ClosedResourceError)

log = logging.getLogger(__name__)


class Visitor:
    """One connection that came in; says at the door what became of it."""

    __slots__ = ("_door", "_place", "address")

    def __init__(self, door: Door, place: Place) -> None:
        self.address = place.address
        self._door = door
        self._place = place

    def proved(self) -> None:
        """Say that the peer proved who it is: it no longer counts as a stranger."""
        self._door.proved(self.address)
        self.leave()

    def failed(self) -> None:
        """Say that the peer failed to prove who it is."""
        self._door.failed(self.address, trio.current_time())

    def leave(self) -> None:
        """Say that the connection is over; may be said twice."""
        self._door.leave(self._place, trio.current_time())


Receive = Callable[[SocketLine, Visitor], Awaitable[None]]


async def listen(host: str | None, port: int) -> list[trio.SocketListener]:
    """Return sockets that listen on `host` (None: all addresses), one for each kind of address it has.

    Raises:
        UsageError: the address is not ours, or the port is taken.
    """
    try:
        return await trio.open_tcp_listeners(port, host=host)
    except (OSError, UnicodeError) as error:  # the latter: no name of a host can look like this
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot listen on {host or 'all addresses'}, port {port}: {why}") from error


def address_of(listener: trio.SocketListener) -> str:
    """Return where a socket listens, as `host:port` or `[v6]:port`."""
    host, port = listener.socket.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def serve(
    listeners: Sequence[trio.SocketListener],
    door: Door,
    receive: Receive,
    *,
    peer_speaks_first: bool = False,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Receive connections until cancelled. What one of them does or fails at never touches the others.

    Args:
        peer_speaks_first: who has said nothing is not dealt with yet; only where the peer's word comes first, as it
            does where the peer is the TLS client.
    """

    async def one(stream: trio.SocketStream) -> None:
        address = _address_of(stream)
        called = trio.Event()
        with trio.CancelScope() as scope:
            place = Place(address, call_in=called.set, send_away=scope.cancel)
            door.arrive(place, trio.current_time())
            visitor = Visitor(door, place)
            try:
                _tune(stream)
                line = SocketLine.over(stream)
            except OSError:
                visitor.leave()
                return  # gone already
            try:
                if peer_speaks_first:
                    with trio.fail_after(limits.LOBBY_S):
                        await line.wait_for_word()
                door.speak(place, trio.current_time())
                if not called.is_set():
                    with trio.fail_after(limits.WAITING_S):
                        await _wait_for_room(door, called)
                await receive(line, visitor)
            except JazLiteError as error:
                log.info("a connection ended", extra={"action": "link.ended", "peer": address, "why": error.message})
            except (trio.TooSlowError, *LINE_ENDS):
                log.info("nobody came in", extra={"action": "link.ended", "peer": address, "why": "it took too long"})
            except Exception:
                log.exception("a connection broke our code", extra={"action": "link.fault", "peer": address})
            finally:
                visitor.leave()
                line.close()

    await trio.serve_listeners(one, list(listeners), task_status=task_status)  # type: ignore[arg-type]


async def _wait_for_room(door: Door, called: trio.Event) -> None:
    while not called.is_set():
        due = door.let_in(trio.current_time())
        with trio.move_on_at(math.inf if due is None else due):
            await called.wait()


async def connect(address: Address, timeout_s: float = limits.CONNECT_S) -> SocketLine:
    """Return a connection to `address`.

    Raises:
        Unreachable: nobody answered in time, or the name is unknown.
    """
    try:
        with trio.fail_after(timeout_s):
            stream = await _open(address)
        _tune(stream)
        return SocketLine.over(stream)
    except trio.TooSlowError as error:
        raise Unreachable(f"{address} did not answer in {timeout_s:.0f} s") from error
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"{address} cannot be reached: {_why(error)}") from error


async def _open(address: Address) -> trio.SocketStream:
    family = _family_of(address.host)
    if family is None:
        return await trio.open_tcp_stream(address.host, address.port)
    # Nothing to look up and nothing to choose from: the race between the addresses of a name, which trio prepares
    # here too, costs twice as much as all the rest. A takeover dials a thousand agents.
    opened = trio.socket.socket(family, socket.SOCK_STREAM)
    try:
        await opened.connect((address.host, address.port))
        return trio.SocketStream(opened)
    except BaseException:
        opened.close()
        raise


def _why(error: OSError | UnicodeError) -> object:
    """Return what went wrong in the system's own words, without an address that is named already."""
    number = getattr(error, "errno", None)
    return os.strerror(number) if number is not None and number in errno.errorcode else error


def _family_of(host: str) -> socket.AddressFamily | None:
    """Return the family of an IP address; None: it is a name, or an address that belongs to one interface."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return socket.AF_INET
    return None if "%" in host else socket.AF_INET6


def _tune(stream: trio.SocketStream) -> None:
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # Not every platform lets the intervals be set; heartbeats do the real work.
    for name, value in (
        ("TCP_KEEPIDLE", KEEPALIVE_IDLE_S),
        ("TCP_KEEPINTVL", KEEPALIVE_INTERVAL_S),
        ("TCP_KEEPCNT", KEEPALIVE_COUNT),
    ):
        if hasattr(socket, name):
            stream.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _address_of(stream: trio.SocketStream) -> str:
    """Return what the door counts: an IPv4 address, or the /64 network of an IPv6 one."""
    try:
        name = stream.socket.getpeername()[0]
        address = ipaddress.ip_address(name.partition("%")[0])
    except (OSError, ValueError, IndexError, TypeError):
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
