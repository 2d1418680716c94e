"""The network: connections that deliver bytes in order, late and in pieces, and lose nothing but a suffix.

A cut is not seen at once: each end learns of it some time later, or never by itself (then only silence tells).
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from tests.sim.world import World

LOST_WITH_MACHINE = 0.7
SERVER = "server"  # the name of the only one


class End(Protocol):
    """What holds one end of a connection."""

    def came(self, data: bytes) -> None:
        """Bytes arrived; b"" says that the other end is gone."""


@dataclass(slots=True)
class Weather:
    """How the network is now."""

    delay_ms: tuple[int, int] = (0, 3)
    pieces: float = 0.2  # chance that a portion is torn into pieces
    notice_ms: tuple[int, int] = (0, 500)
    silent: float = 0.5  # chance that an end never learns of a cut


@dataclass(slots=True)
class Connection:
    """One connection between an agent (end 0) and a server (end 1)."""

    world: World
    weather: Weather
    dice: random.Random
    ends: list[End | None] = field(default_factory=lambda: [None, None])
    cut: bool = False
    _last_ms: list[int] = field(default_factory=lambda: [0, 0])

    def send(self, source: int, data: bytes) -> None:
        """Take bytes from one end; they arrive after all that came before them."""
        if self.cut or self.ends[source] is None or not data:
            return
        if self.dice.random() < self.weather.pieces and len(data) > 1:
            at = self.dice.randrange(1, len(data))
            self._deliver(1 - source, data[:at])
            data = data[at:]
        self._deliver(1 - source, data)

    def _deliver(self, target: int, data: bytes) -> None:
        at_ms = max(self._last_ms[target], self.world.now_ms + self.dice.randint(*self.weather.delay_ms))
        self._last_ms[target] = at_ms
        self.world.after(at_ms - self.world.now_ms, self._arrive, target, data)

    def _arrive(self, target: int, data: bytes) -> None:
        end = self.ends[target]
        if not self.cut and end is not None:
            if not data:
                self.ends[target] = None
            end.came(data)

    def hang_up(self, source: int) -> None:
        """One end closes or dies: the other one hears of it after all bytes on the way."""
        if self.ends[source] is None:
            return
        self.ends[source] = None
        if not self.cut:
            self._deliver(1 - source, b"")

    def tear(self) -> None:
        """The cable is cut: what is on the way is lost, and each end learns of it late or not at all."""
        if self.cut:
            return
        self.cut = True
        for target in (0, 1):
            if self.ends[target] is not None and self.dice.random() >= self.weather.silent:
                self.world.after(self.dice.randint(*self.weather.notice_ms), self._notice, target)

    def _notice(self, target: int) -> None:
        end, self.ends[target] = self.ends[target], None
        if end is not None:
            end.came(b"")


class Network:
    """Who can reach whom. Servers and machines have names; only servers and machines connect with each other."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.weather = Weather()
        self.unreachable: set[str] = set()
        self.parted: set[frozenset[str]] = set()  # pairs
        self._doors: dict[str, Callable[[Connection], End | None]] = {}
        self._dice = world.dice("network")
        self._connections: dict[
            tuple[str, str], list[Connection]
        ] = {}  # by machine and server, those since the last cut

    def listen(self, name: str, accept: Callable[[Connection], End | None]) -> None:
        """Let somebody be reached by this name."""
        self._doors[name] = accept

    def can_reach(self, name: str, other: str) -> bool:
        """Tell whether the net would carry bytes between two."""
        return not self.unreachable & {name, other} and frozenset((name, other)) not in self.parted

    def connect(self, name: str, end: End, to: str = SERVER) -> Connection | None:
        """Connect a machine with a server, whose end is the one that listens; None when nobody answers."""
        return self._connect(name, end, 0, to)

    def connect_to_machine(self, name: str, end: End, to: str) -> Connection | None:
        """The same the other way round: a server dials a machine."""
        return self._connect(name, end, 1, to)

    def _connect(self, name: str, end: End, side: int, to: str) -> Connection | None:
        if to not in self._doors or not self.can_reach(name, to):
            return None
        connection = Connection(self.world, self.weather, self._dice)
        connection.ends[side] = end
        accepted = self._doors[to](connection)
        if accepted is None:
            return None
        connection.ends[1 - side] = accepted
        pair = (name, to) if side == 0 else (to, name)
        open_ones = [each for each in self._connections.get(pair, ()) if not each.cut and None not in each.ends]
        self._connections[pair] = [*open_ones, connection]
        self.world.counts["connections"] += 1
        return connection

    def lose(self, name: str) -> None:
        """A machine goes down at once; what it had sent may not have left it."""
        if self._dice.random() < LOST_WITH_MACHINE:
            self.tear(name)

    def tear(self, name: str, server: str = SERVER) -> None:
        """Cut the connections of a machine with a server."""
        *older, newest = self._connections.pop((name, server), (None,))
        alive = [each for each in older if each is not None and None not in each.ends]
        if newest is not None and not newest.cut:
            alive.append(newest)
            self.world.counts["cuts"] += 1
            self.world.log("network", f"the connection of {name} is cut")
        for connection in alive:
            connection.tear()

    def part(self, name: str, other: str) -> None:
        """Let nothing pass between two any more."""
        self.parted.add(frozenset((name, other)))
        self.tear(name, other)
        self.tear(other, name)

    def join(self, name: str, other: str) -> None:
        """Let them meet again."""
        self.parted.discard(frozenset((name, other)))
