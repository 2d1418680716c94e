"""One standby that follows this server: a copy of everything where it needs one, then each change as it is committed.

The copy is taken beside the turns, from one committed state; what is committed meanwhile is kept and follows it. Keys
travel sealed with a key of the connection, which only who knows the site's `fence_key` (or the secret of the
invitation) can make.
"""

import logging
import secrets
import shutil
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from jaz_lite.errors import DiskFull, JazLiteError
from jaz_lite.store.changes import Changes, ChangeSet, Follower, NeedsCopy
from jaz_lite.store.commits import Position
from jaz_lite.store.copying import copy_live, keys_look, keys_of
from jaz_lite.store.keys import KEYS_FOLDER
from jaz_lite.store.manifest import MANIFEST_FILE, Manifest
from jaz_lite.store.open import Store
from jaz_lite.store.sealing import Seal
from jaz_lite.store.shipment import Packing
from jaz_lite.wire.happenings import Happening
from jaz_lite.wire.limits import CHUNK_BYTES_MAX
from jaz_lite.wire.peer_link import PeerHost
from jaz_lite.wire.peers import CopyRoom, FollowAsked, HandedOver, PeerStatus, ShipTaken, keys_sum

SHIPPING_FOLDER = "shipping"  # copies that are on their way; worth nothing after a restart
UNDER_WAY_BYTES_MAX = 8 * 1024 * 1024  # of changes that were sent and not acknowledged
TELL_S = 1.0  # so often a standby is told how far the active is
READY_LOOK_S = 0.001

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far one standby is behind.

    changes: commits that it does not have yet. seconds: how long ago the oldest of these was made; 0 where it has all.
    """

    who: str
    state: str  # connected, copying or following
    changes: int
    seconds: float


class Following:
    """What is done for one peer, as long as its link lasts.

    Args:
        invited: it holds an invitation only: it gets one copy, and then has to come back with the site's key.
        copied: is called when the copy it was given is complete.
    """

    def __init__(
        self,
        link: PeerHost,
        flush: Callable[[], None],
        *,
        store: Store,
        describe: Callable[[], PeerStatus],
        invited: Callable[[], bool],
        copied: Callable[[], None],
    ) -> None:
        self.who = ""
        self.state = "connected"
        self.confirmed = 0
        self.taken_over = False  # it was handed the site and says that it has it
        self.flush = flush
        self._link = link
        self._store = store
        self._describe = describe
        self._invited = invited
        self._copied = copied
        self._asked: FollowAsked | None = None
        self._wake = trio.Event()
        self._under_way: deque[tuple[int, int, float]] = deque()  # (number, bytes, when it was taken)
        self._packing = Packing()
        self._follower: Follower | None = None
        self._keys = b""  # sum of the keys that it has
        self._look: object = None  # of the keys here, as they were looked at last
        self._compared: object = None  # and as they were when they were compared

    def lag(self, lsn: int) -> Lag:
        """Return how far it is behind a store that stands at `lsn`."""
        oldest = self._under_way[0][2] if self._under_way else trio.current_time()
        behind = max(0, lsn - self.confirmed)
        seconds = trio.current_time() - oldest if behind else 0.0
        return Lag(who=self.who, state=self.state, changes=behind, seconds=round(seconds, 3))

    def heard(self, happening: Happening) -> None:
        """Take what the link told."""
        match happening:
            case FollowAsked():
                self._asked = happening
            case ShipTaken(lsn):
                while self._under_way and self._under_way[0][0] <= lsn:
                    self._under_way.popleft()
                if self._follower is not None:
                    self._follower.acked(lsn)
                    self.confirmed = self._follower.confirmed.lsn
            case CopyRoom():
                pass
            case HandedOver():
                self.taken_over = True
            case _:
                return
        self._poke()

    async def run(self) -> None:
        """Serve the peer until cancelled."""
        await self.until(lambda: self._asked is not None)
        assert self._asked is not None
        self.who = self._asked.who
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_telling)
            try:
                await self._serve(self._asked)
            except (JazLiteError, NeedsCopy, OSError) as error:
                # Also where more was changed during a copy than is kept: it may ask again in a quieter time.
                why = str(error)
                log.warning(
                    "a standby cannot be served", extra={"action": "peer.unserved", "peer": self.who, "why": why}
                )
                self._link.error("copy", why)
                self.flush()
            nursery.cancel_scope.cancel()

    # ---- inside

    async def _serve(self, asked: FollowAsked) -> None:
        try:
            await self._begin(asked)
            while True:
                try:
                    await self._ship()
                except NeedsCopy as why:
                    await self._copy(str(why))
        finally:
            if self._follower is not None:
                self._follower.close()

    async def _begin(self, asked: FollowAsked) -> None:
        if self._invited() or not asked.mark:
            await self._copy("it has none")
            return
        self._keys = asked.keys
        try:
            self._refuse_other_keys()
            async with self._ready() as changes:
                self._follow(changes, Position(asked.mark, asked.lsn))
            self.state = "following"
        except NeedsCopy as why:
            await self._copy(str(why))

    def _follow(self, changes: Changes, since: Position) -> None:
        if self._follower is not None:
            self._follower.close()
        self._follower = changes.follow(self.who, since)
        self._follower.wake = self._poke
        self._under_way.clear()
        self.confirmed = since.lsn
        log.info("a standby follows", extra={"action": "peer.follows", "peer": self.who, "lsn": since.lsn})

    # ---- changes

    async def _ship(self) -> None:
        """Send changes as they come; never returns.

        Raises:
            NeedsCopy: it is too far behind.
        """
        assert self._follower is not None
        while True:
            wake = self._wake
            self._refuse_other_keys()
            gathered: list[ChangeSet] = []
            if sum(size for _, size, _ in self._under_way) < UNDER_WAY_BYTES_MAX:
                gathered = self._follower.take()
            for change in gathered:
                self._under_way.append((change.until.lsn, change.size, trio.current_time()))
                for piece in self._packing.pack(change):
                    self._link.ship(piece.lsn, piece.data)
            if gathered:
                self.flush()
                await trio.lowlevel.checkpoint()
            else:
                await wake.wait()

    async def _keep_telling(self) -> None:
        while True:
            self._link.status(self._describe())
            self.flush()
            await trio.sleep(TELL_S)
            if self._look != (look := keys_look(self._store.folder / KEYS_FOLDER)):
                self._look = look
                self._poke()

    def _refuse_other_keys(self) -> None:
        """The keys of a site change seldom: with its certificate.

        Raises:
            NeedsCopy: the standby has other ones.
        """
        look = keys_look(self._store.folder / KEYS_FOLDER)
        if look == self._compared:
            return
        if self._sum_of_keys() != self._keys:
            raise NeedsCopy("the keys of the site have changed")
        self._compared = look

    def _sum_of_keys(self) -> bytes:
        return keys_sum(self._link.sealing_key, keys_of(self._store.folder / KEYS_FOLDER))

    # ---- the copy

    async def _copy(self, why: str) -> None:
        self.state = "copying"
        log.info("a standby gets a copy", extra={"action": "peer.copy", "peer": self.who, "why": why})
        shipping = self._store.folder / SHIPPING_FOLDER
        shipping.mkdir(mode=0o700, exist_ok=True)
        target = shipping / secrets.token_hex(8)
        try:
            async with self._ready() as changes:
                with changes.hold():
                    try:
                        manifest = await trio.to_thread.run_sync(self._take, target)
                        async with self._ready():
                            self._follow(changes, self._position_of(target))
                            self.confirmed = 0  # until the copy is verified there and in its place
                    finally:
                        with trio.CancelScope(shield=True):
                            async with self._ready():
                                pass  # a hold ends between two transactions, too
            self._keys = keys_sum(self._link.sealing_key, keys_of(target / KEYS_FOLDER))
            await self._send(target, (*manifest.files, MANIFEST_FILE))
        finally:
            shutil.rmtree(target, ignore_errors=True)
        await self.until(lambda: self._link.copy_taken)
        self._copied()
        self.state = "following"
        self._poke()

    def _position_of(self, target: Path) -> Position:
        copy = Store.open(target, clock=self._store.clock, read_only=True)
        try:
            with copy.snapshot() as view:
                return view.commits.position()
        finally:
            copy.close()

    def _take(self, target: Path) -> Manifest:
        try:
            return copy_live(
                self._store,
                self._store.folder,
                target,
                now_ms=self._store.clock.now_ms(),
                progress=lambda _done, _all: trio.from_thread.check_cancelled(),
                inside=True,
            )
        except DiskFull as error:
            raise DiskFull(
                f"the active has no room for the copy that is to be sent to the standby {self.who}: {error.message}",
                hint="free some space on the active, or carry a snapshot over and run the standby on it",
            ) from error

    async def _send(self, target: Path, names: Iterable[str]) -> None:
        seal = Seal(self._link.sealing_key)
        for name in names:
            path = target / name
            if name.startswith(KEYS_FOLDER + "/"):
                sealed = seal.seal(path.read_bytes()).encode("ascii")
                self._link.copy_file(name, len(sealed))
                await self._send_bytes(sealed)
                continue
            self._link.copy_file(name, path.stat().st_size)
            with path.open("rb") as source:
                while piece := await trio.to_thread.run_sync(source.read, CHUNK_BYTES_MAX * 8):
                    await self._send_bytes(piece)
        self._link.copy_over()
        self.flush()

    async def _send_bytes(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            await self.until(lambda: self._link.copy_room > 0)
            piece = rest[: min(self._link.copy_room, CHUNK_BYTES_MAX)]
            rest = rest[len(piece) :]
            self._link.copy_data(bytes(piece))
            self.flush()

    # ---- waiting

    def _poke(self) -> None:
        self._wake.set()
        self._wake = trio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until it is so; what is asked is asked again after everything that the standby says."""
        while not condition():
            await self._wake.wait()

    @asynccontextmanager
    async def _ready(self) -> AsyncIterator[Changes]:
        """Give the changes at a moment between two transactions; nothing may be waited for before they are used."""
        changes = self._store.changes
        while not changes.ready:
            await trio.sleep(READY_LOOK_S)
        yield changes
