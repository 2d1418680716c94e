"""The server's process: the product's store, turns and links, and a death at every point a turn can have.

inputs gather ─ prepare ─ commit ─ release ─┐
     ▲    x        x         x        x     │     x: it may die here; the next boot opens the same directory
     └──────────────────────────────────────┘
"""

import math
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

from jaz_lite.errors import DiskFull, Fenced
from jaz_lite.runner.inputs import Input, Write
from jaz_lite.runner.links import Links
from jaz_lite.runner.port import Port
from jaz_lite.runner.tasks import FULL_PAUSE_S
from jaz_lite.runner.turn import Turn
from jaz_lite.runner.turns import Turns
from jaz_lite.store.connection import DATABASE_FILE
from jaz_lite.store.open import Store
from jaz_lite.store.transaction import Transaction
from jaz_lite.wire.ident import ticket
from jaz_lite.wire.identities import SiteIdentity
from jaz_lite.wire.server_core import ServerLink
from tests.sim.ledger import Ledger
from tests.sim.network import SERVER, Connection, Network
from tests.sim.oracle import Oracle
from tests.sim.world import Dies, Violation, World, WorldClock

ZONE = ZoneInfo("Asia/Tokyo")
TICK_MS = 10_000
RESERVE_PAGES = 6
CRASH_POINTS = ("before prepare", "before commit", "before release", "in release", "idle")


class ServerEnd:
    """One connection as the server holds it: a port of the runner, pumped by hand."""

    connection: Connection

    def __init__(self, server: "Server", number: int) -> None:
        self.server = server
        self._tick_ms: int | None = None
        link = ServerLink(
            server.identity,
            nonce=server.draw(32),
            now=server.clock.monotonic(),
            find_agent=server.find_agent,
        )
        self.port = Port(link, flush=self.flush, close=self.close, greet=self._greet)
        self.number = number

    def begin(self, connection: Connection) -> None:
        """The other end is there."""
        self.connection = connection
        self.server.ends[self.number] = self
        self._plan_tick()

    def came(self, data: bytes) -> None:
        """Bytes arrived."""
        now = self.server.clock.monotonic()
        self.server.links.happened(self.port, self.port.link.receive(data, now))
        if data:
            self.flush()
        else:
            self._gone()

    def flush(self) -> None:
        while data := self.port.link.take():
            self.server.leaves(self.connection, data)
        if self.port.link.closed:
            self.server.links.happened(self.port, self.port.link.tick(self.server.clock.monotonic()))
            self.close()
            return
        self._plan_tick()

    def close(self) -> None:
        self.connection.hang_up(1)
        self._gone()

    def _gone(self) -> None:
        if self in self.server.ends:
            self.server.ends.discard_end(self)
            self.server.links.gone(self.port)

    def _greet(self, link: ServerLink, spool: bytes, cursor: int, chain: bytes) -> None:
        server = self.server
        link.welcome(
            ticket=server.ticket,
            spool=spool,
            cursor=cursor,
            chain=chain,
            peers=server.peers,
            wall_ns=server.clock.now_ms() * 1_000_000,
        )

    def _plan_tick(self) -> None:
        deadline = self.port.link.deadline
        if deadline == float("inf"):
            return
        world = self.server.world
        at_ms = max(world.now_ms, round((deadline - 1_000.0) * 1_000) + 1)
        if self._tick_ms is not None and self._tick_ms <= at_ms:
            return
        self._tick_ms = at_ms
        world.after(at_ms - world.now_ms, self._tick, at_ms)

    def _tick(self, at_ms: int) -> None:
        if at_ms != self._tick_ms or self not in self.server.ends:
            return
        self._tick_ms = None
        self.server.links.happened(self.port, self.port.link.tick(self.server.clock.monotonic()))
        self.flush()


class Ends(dict[int, ServerEnd]):
    """The connections of one life of the server, in the order they came."""

    def discard_end(self, end: ServerEnd) -> None:
        self.pop(end.number, None)

    def __contains__(self, end: object) -> bool:
        return isinstance(end, ServerEnd) and self.get(end.number) is end


class Server:
    """The data directory and the process that serves it, life after life."""

    def __init__(self, world: World, network: Network, oracle: Oracle, folder: Path, *, name: str = SERVER) -> None:
        self.world = world
        self.name = name
        self.peers: tuple[str, ...] = ()  # addresses that agents are told of
        self.network = network
        self.oracle = oracle
        self.folder = folder
        self.database = str(folder / DATABASE_FILE)
        self.clock = WorldClock(world)
        self.dice = world.dice(name)
        self.alive = False
        self.life = 0
        self.crash_at: str | None = None
        self.disk_full = False
        self.ends = Ends()
        self._connections = 0
        self._turn: Turn | None = None
        self._committing = False
        self._bytes_left: int | None = None
        self._wake_ms: int | None = None
        self._rests_until_ms = 0
        self._reserve = True
        network.listen(name, self._accept)

    @property
    def ledger(self) -> Ledger:
        """What its directory holds, as committed."""
        return self.oracle.ledger_of(self)

    def draw(self, count: int) -> bytes:
        """Return random bytes, from the seed."""
        return self.dice.randbytes(count)

    # ---- life and death

    def boot(self) -> None:
        """Start the process on the directory as it is."""
        assert not self.alive
        self.life += 1
        self.store = Store.open(self.folder, clock=self.clock)
        if self.disk_full:
            self._limit_store()
        act = self.draw(8)
        try:
            with self.store.transaction() as tx:
                term = self._claim(tx, act)
                site = tx.term.site()
                act = site.act or b""
        except DiskFull:
            self.world.counts["boots on a full disk"] += 1
            self.store.close()
            self._boot_later()
            return
        self.site_uid = site.site_uid
        fence_key = self.store.keys.fence_key
        self.term = term
        self.ticket = ticket(fence_key, site.site_uid, term, act)
        self.identity = SiteIdentity(
            site_uid=site.site_uid, server_id=site.server_id, term=term, act=act, cert_sha256=self.oracle.pin
        )
        self.turns = Turns(
            self.store,
            clock=self.clock,
            zone=ZONE,
            site_uid=site.site_uid,
            term=term,
            draw_spool=lambda: self.draw(16),
        )
        self.turns.reload()
        self.turns.wake = self._plan
        self.turns.later = self._later
        self.links = Links(
            self.turns.submit,
            self.turns.copies,
            fence_key=fence_key,
            site_uid=site.site_uid,
            term=term,
            act=act,
            fence=self._fenced,
            now_ms=self.clock.now_ms,
        )
        self.ends = Ends()
        self.alive = True
        self.world.counts["servers begun"] += 1
        self._turn, self._wake_ms, self._committing = None, None, False
        self._rests_until_ms = 0
        self.world.log(self.name, f"life {self.life} begins, term {term}")
        self.oracle.server_booted(self)
        self._plan()
        self.world.after(TICK_MS, self._tick, self.life)

    def _claim(self, tx: Transaction, act: bytes) -> int:
        return tx.term.claim(act)

    def crash(self, where: str) -> None:
        """Kill the process; what was committed stays, everything else is gone."""
        if not self.alive:
            return
        self.world.counts[f"server crashes {where}"] += 1
        self.world.log(self.name, f"killed {where}")
        self._end()
        self._boot_later()

    def _end(self) -> None:
        self.alive = False
        self.crash_at = None
        self._bytes_left = None
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.tx.rollback()
        for end in list(self.ends.values()):
            end.connection.hang_up(1)
        self.ends = Ends()
        self.store.close()

    def _boot_later(self) -> None:
        self.world.after(self.dice.choice((50, 300, 2_000, 8_000)), self._boot_again, self.life)

    def _boot_again(self, life: int) -> None:
        if life == self.life and not self.alive:
            self.boot()

    def _fenced(self, fenced: Fenced) -> None:
        raise Violation("I4", f"the only server was deposed: {fenced.message}")

    # ---- disk

    def set_disk_full(self, full: bool) -> None:
        """Let the database grow no further, or grow again."""
        self.disk_full = full
        self.world.counts["server disk full"] += full
        self.world.log(self.name, "the disk is full" if full else "the disk has room again")
        if self.alive:
            self._limit_store()

    def _limit_store(self) -> None:
        # SQLite's own limit on the size of the file raises the very error of a full disk.
        connection = self.store._the_writer._connection
        pages = connection.pragma("page_count")
        connection.pragma("max_page_count", pages if self.disk_full else 2**30)

    # ---- turns

    def submit(self, item: Input) -> None:
        """Hand an input to the process that lives now."""
        self.turns.submit(item)

    def _tick(self, life: int) -> None:
        if life == self.life and self.alive:
            if self.turns.disk_full and not self.disk_full:
                self._reserve = True
                self.turns.room_again()
            self.turns.submit(Write(self._note_time))
            if self.turns.copies:
                self.turns.copies.tick()
            self.world.after(TICK_MS, self._tick, life)

    def _note_time(self, tx: Transaction) -> None:
        tx.term.tick(self.clock.now_ms())

    def _later(self, seconds: float, item: Input) -> None:
        self.world.after(round(seconds * 1_000), self._submit_later, self.life, item)

    def _submit_later(self, life: int, item: Input) -> None:
        if life == self.life and self.alive:
            self.turns.submit(item)

    def _plan(self) -> None:
        """Wake when a turn is wanted: for inputs, as urgent as they are, or for the next timer."""
        if self._committing:
            return
        waits_s = self.turns.wait_s
        due_ms = self.turns.next_due_ms()
        wanted = [] if waits_s is None else [self.world.now_ms + math.ceil(waits_s * 1_000)]
        if due_ms is not None:
            wanted.append(max(self.world.now_ms, self.clock.comes_ms(due_ms)))
        if not wanted:
            return
        at_ms = max(min(wanted), self._rests_until_ms)
        if self._wake_ms is not None and self._wake_ms <= at_ms:
            return
        self._wake_ms = at_ms
        self.world.after(
            at_ms - self.world.now_ms + self.dice.choice((0, 0, 0, 1, 5)), self._make_turn, self.life, at_ms
        )

    def _make_turn(self, life: int, at_ms: int) -> None:
        if life == self.life and self.alive and at_ms == self._wake_ms:
            self._wake_ms = None
            self._guarded(self._prepare)

    def _guarded(self, step: Callable[[], None]) -> None:
        """Do a step of a turn; the process may die of it, or the disk be full."""
        try:
            step()
        except Dies:
            self.crash("in release")
        except DiskFull:
            if not self.disk_full:
                raise
            self._turn, self._committing = None, False
            self.world.counts["turns undone by a full disk"] += 1
            self.turns.take_back()
            if not self._release_reserve():
                self._rests_until_ms = self.world.now_ms + round(FULL_PAUSE_S * 1_000)
            self._plan()
        finally:
            self._bytes_left = None

    def _release_reserve(self) -> bool:
        if not self._reserve:
            return False
        self._reserve = False
        connection = self.store._the_writer._connection
        connection.pragma("max_page_count", connection.pragma("page_count") + RESERVE_PAGES)
        return True

    def _prepare(self) -> None:
        if self.crash_at in ("before prepare", "idle"):
            self.crash(self.crash_at)
            return
        self._arm()
        turn = self.turns.prepare()
        if turn is None:
            self._plan()
            return
        self._turn = turn
        self.world.counts["turns"] += 1
        if self.crash_at == "before commit":
            self.crash(self.crash_at)
            return
        self._committing = True
        took_ms = self.dice.choice((0, 0, 0, 0, 0, 1, 1, 3, 40))
        self.world.after(took_ms, self._commit, self.life, turn)

    def _commit(self, life: int, turn: Turn) -> None:
        if life == self.life and self.alive and self._turn is turn:
            self._guarded(lambda: self._commit_and_release(turn))

    def _commit_and_release(self, turn: Turn) -> None:
        self._turn = None
        turn.tx.commit()
        self._committing = False
        self.ledger.committed(self, turn)
        if self.crash_at == "before release":
            self.crash(self.crash_at)
            return
        self._arm()
        self.turns.release(turn)
        self.ledger.released(self)
        self._plan()

    # ---- what leaves

    def _arm(self) -> None:
        if self.crash_at == "in release":
            self._bytes_left = self.dice.choice((0, 1, 20, 200, 1_000, 5_000))

    def leaves(self, connection: Connection, data: bytes) -> None:
        """Send bytes; a process that dies meanwhile has sent only the first of them."""
        if self._bytes_left is None:
            connection.send(1, data)
            return
        connection.send(1, data[: self._bytes_left])
        self._bytes_left -= len(data)
        if self._bytes_left < 0:
            raise Dies

    # ---- connections

    def _accept(self, connection: Connection) -> ServerEnd | None:
        if not self.alive:
            return None
        self._connections += 1
        end = self.new_end()
        end.begin(connection)
        return end

    def new_end(self) -> ServerEnd:
        """Return an end for a connection that is about to be."""
        self._connections += 1
        return ServerEnd(self, self._connections)

    def find_agent(self, agent_id: str, kid: int) -> bytes | None:
        """Return the key of an agent."""
        with self.store.snapshot() as view:
            row = view.agents.find(agent_id)
        return row.key if row is not None and row.kid == kid else None
