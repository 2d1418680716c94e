"""The copy that a standby keeps: where it stands, what it takes in, and what it can say of itself."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import trio

from jaz_lite.clock import Clock
from jaz_lite.errors import JazLiteError, NoSuchObject
from jaz_lite.server.agents_door import key_of
from jaz_lite.store.binding import read_binding
from jaz_lite.store.changes import ChangeSet, NeedsCopy
from jaz_lite.store.commits import Position
from jaz_lite.store.copying import Progress, keys_of, nobody
from jaz_lite.store.followed import note_followed
from jaz_lite.store.incoming import Incoming, follows_on, settle
from jaz_lite.store.keys import KEYS_FOLDER, Keys
from jaz_lite.store.open import Store
from jaz_lite.store.replica import Replica
from jaz_lite.store.sealing import Seal
from jaz_lite.store.term import SiteRow
from jaz_lite.wire.ident import ticket
from jaz_lite.wire.identities import SiteIdentity
from jaz_lite.wire.peers import PeerStatus


class StandbyCopy:
    """One data directory that is kept as a copy. The caller holds its lock.

    Args:
        folder: may be empty, where everything is still to come.
        live_s: seconds since the active was heard; None: it is not.
        progress: is told how far a copy is that comes, done and all in bytes.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        live_s: Callable[[], int | None],
        addrs: Callable[[], Sequence[str]],
        progress: Progress = nobody,
    ) -> None:
        self._progress = progress
        self._bytes_done = self._bytes_all = 0
        self.wanted = False  # only a new copy helps
        self.taken_ms: int | None = None  # when the last copy arrived
        self._folder = folder
        self._clock = clock
        self._live_s = live_s
        self._addrs = addrs
        self._incoming: Incoming | None = None
        self._replica: Replica | None = None
        self._site: SiteRow | None = None
        self._follows_on = False  # the active's changes have gone on from this copy, and it was noted

    # ---- opening and closing

    def open(self) -> None:
        """Open what is there; an older format, or nothing, only means that a copy is wanted.

        Raises:
            StoreDamaged: what is there cannot be used.
        """
        settle(self._folder)
        try:
            self._replica = Replica.open(self._folder, clock=self._clock)
        except (NeedsCopy, NoSuchObject):
            self.wanted = True
            return
        self.wanted = False
        self._site = self._replica.site()

    def close(self) -> None:
        """Close it; a takeover may begin."""
        self.give_up()
        if self._replica is not None:
            self._replica.close()
            self._replica = None

    # ---- what it is

    @property
    def site_uid(self) -> bytes:
        """The site it is of."""
        return read_binding(self._folder).site_uid

    @property
    def position(self) -> Position | None:
        """Where it stands; None: there is nothing yet."""
        return None if self._replica is None else self._replica.position

    @property
    def lsn(self) -> int:
        """The number of the last change in it."""
        return 0 if self._replica is None else self._replica.position.lsn

    @property
    def epoch(self) -> int:
        """The epoch of the server that wrote it."""
        return 0 if self._site is None else self._site.epoch

    @property
    def last_tick_ms(self) -> int | None:
        """When the server that wrote it was alive."""
        return None if self._site is None else self._site.last_tick_ms

    def describe(self) -> PeerStatus:
        """Return what this standby says of itself to other servers of its site."""
        site = self._site
        if site is None:
            return PeerStatus(state="standby", term=0)
        act = site.act or b""
        proof = ticket(Keys.load(self._folder).fence_key, site.site_uid, site.term, act) if act else b""
        return PeerStatus(
            state="standby",
            term=site.term,
            act=act,
            ticket=proof,
            last_tick_ms=site.last_tick_ms or 0,
            lsn=self.lsn,
            live_s=self._live_s(),
            addrs=tuple(self._addrs()),
        )

    def agent_key(self, agent_id: str, kid: int) -> bytes | None:
        """Return by what an agent proves itself, as far as the copy knows."""
        try:
            store = Store.open(self._folder, clock=self._clock, read_only=True)
            try:
                with store.snapshot() as view:
                    return key_of(view, agent_id, kid)
            finally:
                store.close()
        except JazLiteError:
            return None  # there is nothing yet, or of an older format

    def keys(self) -> Mapping[str, bytes]:
        """Return the keys it has: name to content."""
        return keys_of(self._folder / KEYS_FOLDER)

    def identity(self, cert_sha256: bytes) -> SiteIdentity:
        """Return who this is, beside its certificate."""
        status, binding = self.describe(), read_binding(self._folder)
        return SiteIdentity(
            site_uid=binding.site_uid,
            server_id=binding.server_id,
            term=status.term,
            act=status.act,
            cert_sha256=cert_sha256,
        )

    def note_active(self, address: str) -> None:
        """Write down where the active was found, for the next start."""
        note_followed(self._folder, address)

    # ---- changes

    async def apply(self, changes: Sequence[ChangeSet]) -> None:
        """Write changes down, all or none of them.

        Raises:
            NeedsCopy: they do not go on from where the copy stands. StoreDamaged: the disk fails or is full.
        """
        replica = self._replica
        if replica is None:
            raise NeedsCopy("there is no copy yet")
        await trio.to_thread.run_sync(replica.apply, changes)
        if not self._follows_on:
            follows_on(self._folder)
            self._follows_on = True
        self._site = replica.site()
        if replica.wants_checkpoint:
            replica.checkpoint()

    # ---- a new copy

    def begin_file(self, name: str, size: int, seal: Seal) -> None:
        """The next file of a copy begins; the first one begins the copy."""
        if self._incoming is None:
            self._incoming = Incoming(self._folder, seal)
            self._bytes_done = self._bytes_all = 0
        self._incoming.begin(name, size)
        self._bytes_all += size

    def write(self, data: bytes) -> None:
        """Take the next bytes of the file."""
        if self._incoming is None:
            raise JazLiteError("bytes of a copy came before its first file")
        self._incoming.write(data)
        self._bytes_done += len(data)
        self._progress(self._bytes_done, self._bytes_all)

    async def finish(self) -> None:
        """The copy is whole: verify it, and put it in the place of what was there.

        Raises:
            StoreDamaged, Refused: it cannot be relied on; what was there stays.
        """
        if self._incoming is None:
            raise JazLiteError("a copy ended before it began")
        incoming, self._incoming = self._incoming, None
        if self._replica is not None:
            self._replica.close()
            self._replica = None
        try:
            await trio.to_thread.run_sync(incoming.finish)
        finally:
            self.open()
        self.taken_ms = self._clock.now_ms()

    def give_up(self) -> None:
        """The link ended: what has arrived of a copy is worth nothing."""
        if self._incoming is not None:
            self._incoming.give_up()
            self._incoming = None
