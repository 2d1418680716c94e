"""Where to dial and when: a list of addresses in rotation, and growing pauses between attempts.

Addresses are only hints: who answers is checked in TLS and in the handshake. Randomness is passed in, and the pauses
are slept on trio's clock, so that tests decide both. Source: protocol.md section 2.1.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import trio

from jaz_lite.errors import JazLiteError, UsageError
from jaz_lite.wire import limits

Connection = TypeVar("Connection")


@dataclass(frozen=True, slots=True)
class Address:
    """A host name or IP address, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str, default_port: int) -> Address:
    """Return the address in `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address.

    Raises:
        UsageError: it is none of these.
    """
    host, port = text.strip(), ""
    if host.startswith("["):
        host, bracket, rest = host[1:].partition("]")
        port = rest.removeprefix(":")
        if not bracket or (rest and not (rest.startswith(":") and port)):
            host = ""
    elif host.count(":") == 1:
        host, _, port = host.partition(":")
        if not port:
            host = ""
    number = int(port) if port.isascii() and port.isdigit() and len(port) <= 5 else (0 if port else default_port)
    if not host or not 0 < number < 65_536 or any(c.isspace() for c in host):
        raise UsageError(f'"{text}" is no address', hint="write host, host:port or [v6 address]:port")
    return Address(host, number)


class AddressBook:
    """The addresses of a server in the order in which they are tried: the last good one first, then in rotation.

    Args:
        configured: never forgotten; learnt ones give way when there are more than `ADDRESSES_MAX`.
    """

    def __init__(self, configured: Iterable[Address] = ()) -> None:
        self._configured = tuple(dict.fromkeys(configured))
        self._learnt: list[Address] = []
        self._good: Address | None = None
        self._turn = 0

    @property
    def addresses(self) -> tuple[Address, ...]:
        """All of them, in the order of a round."""
        every = dict.fromkeys((*self._configured, *self._learnt))
        if self._good in every:
            assert self._good is not None
            del every[self._good]
            return (self._good, *every)
        return tuple(every)

    def next(self) -> Address | None:
        """Return the next address to try, or None while there is none."""
        every = self.addresses
        if not every:
            return None
        address = every[self._turn % len(every)]
        self._turn = (self._turn + 1) % len(every)
        return address

    def configure(self, addresses: Iterable[Address]) -> None:
        """Take other configured addresses; what was learnt stays."""
        self._configured = tuple(dict.fromkeys(addresses))
        self._turn = 0

    def learn(self, addresses: Iterable[Address]) -> None:
        """Add hints from `welcome`, `stale` or `bye`; the latest come first among the learnt."""
        fresh = [address for address in dict.fromkeys(addresses) if address not in self._configured]
        room = max(0, limits.ADDRESSES_MAX - len(self._configured))
        self._learnt = list(dict.fromkeys((*fresh, *self._learnt)))[:room]

    def good(self, address: Address) -> None:
        """Note that a session came about at `address`: it is tried first next time."""
        self._good = address
        self._turn = 0


class Backoff:
    """Pauses that grow from 0.5 s by 1.6 up to 30 s, each changed by up to 30 % either way.

    Args:
        draw: gives a number from 0 (included) to 1 (excluded).
        first_s, factor, most_s: other pauses than those.
    """

    def __init__(
        self,
        draw: Callable[[], float],
        *,
        first_s: float = limits.RECONNECT_S_FIRST,
        factor: float = limits.RECONNECT_FACTOR,
        most_s: float = limits.RECONNECT_S_MAX,
    ) -> None:
        self._draw = draw
        self._first_s = self._delay_s = first_s
        self._factor = factor
        self._most_s = most_s

    def next_s(self) -> float:
        """Return how many seconds to wait before the next attempt."""
        delay = self._delay_s
        self._delay_s = min(delay * self._factor, self._most_s)
        return delay * (1 + limits.RECONNECT_JITTER * (2 * self._draw() - 1))

    def reset(self) -> None:
        """Begin with short pauses again, after a session came about."""
        self._delay_s = self._first_s


async def keep_dialling(
    book: AddressBook,
    backoff: Backoff,
    *,
    wanted: Callable[[], Awaitable[None]],
    reach: Callable[[Address], Awaitable[Connection]],
    hold: Callable[[Connection], Awaitable[bool]],
    failed: Callable[[Address, JazLiteError], None] = lambda _address, _error: None,
    pause: Callable[[float], Awaitable[None]] = trio.sleep,
) -> None:
    """Keep a connection to one of the addresses, trying them in rotation; never returns.

    Args:
        wanted: returns as soon as a connection is wanted.
        reach: opens a connection, or raises a `JazLiteError` that says why it could not.
        hold: uses it to its end and says whether a session came about; that address is the first to be tried again.
        failed: is told of each failure; it may teach the book.
        pause: waits some seconds, or less when something speaks for trying at once.
    """
    while True:
        await wanted()
        address = book.next()
        if address is not None:
            try:
                connection = await reach(address)
            except JazLiteError as error:
                failed(address, error)
            else:
                if await hold(connection):
                    book.good(address)
                    backoff.reset()
        await pause(backoff.next_s())
