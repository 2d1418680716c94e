"""The house of a running server, from the claimed term to the open doors.

The order matters: the term is claimed and committed, live runs loaded; only then may agents and people come in.
Whatever escapes from the engine's tasks ends the process: the service manager starts it again and the store resumes.
What comes before it is said in `start.py`.
"""

import logging
import secrets
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import trio

from jaz_lite import config as configuration
from jaz_lite.agent.policy import Policy
from jaz_lite.clock import SystemClock
from jaz_lite.config import Config
from jaz_lite.errors import Fenced, UsageError
from jaz_lite.net import tcp
from jaz_lite.net.local_socket import serve_local
from jaz_lite.operations.enrolling import addresses_of
from jaz_lite.operations.person import local_owner
from jaz_lite.operations.registry import call
from jaz_lite.runner import tasks
from jaz_lite.runner.control import Control
from jaz_lite.runner.idle_chores import IdleChores
from jaz_lite.runner.inputs import AgentRevoked
from jaz_lite.runner.links import Links
from jaz_lite.runner.purger import Purger
from jaz_lite.runner.shipping import Shipping
from jaz_lite.runner.turns import Turns
from jaz_lite.server.agents_dialler import AgentsDialler
from jaz_lite.server.agents_door import AgentsDoor
from jaz_lite.server.announcing import Announcing
from jaz_lite.server.embedded import EMBEDDED_LISTEN, SPOOL_FOLDER, enrol_local, is_embedded, keep_agent
from jaz_lite.server.enrolling import Enroller
from jaz_lite.server.face import Mirror
from jaz_lite.server.fence import Fence
from jaz_lite.server.garbage import keep_what_is_loaded
from jaz_lite.server.inquiry import peers_of
from jaz_lite.server.peers_door import PeersDoor
from jaz_lite.server.peers_watch import PeersWatch
from jaz_lite.server.promotion import Isolation
from jaz_lite.server.rotation import Rotation
from jaz_lite.server.site import ServerControl, ServerSite
from jaz_lite.server.snapshots import Snapshots
from jaz_lite.server.standbys import Standbys
from jaz_lite.store.directory import DataDirectory
from jaz_lite.store.open import Store
from jaz_lite.store.transaction import Transaction
from jaz_lite.wire.ident import epoch_and_boot, ticket
from jaz_lite.wire.identities import SiteIdentity

ACT_BYTES = 8
SPOOL_ID_BYTES = 16
STANDBY_EXPECTED_MS = 7 * 86_400_000  # one that followed so lately is expected to come back

log = logging.getLogger(__name__)

Claim = Callable[[Transaction, bytes], int]  # (the first transaction, random bytes for its act) -> its term


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What a server tells when its doors are open."""

    folder: Path
    created: bool  # the data directory is new
    listen: tuple[str, ...]  # host:port where agents connect
    server_id: str
    epoch: int
    boot: int
    live_runs: int
    notices: tuple[str, ...]  # what people should know


def claim_next(tx: Transaction, act: bytes) -> int:
    """Come to a term as an ordinary start does: the next one of the same epoch."""
    return tx.term.claim(act)


class House:
    """One server process."""

    def __init__(
        self,
        directory: DataDirectory,
        store: Store,
        config: Config,
        clock: SystemClock,
        *,
        claim: Claim = claim_next,
        verbosity: int,
    ) -> None:
        self._directory = directory
        self._store = store
        self._config = config
        self._clock = clock
        self._verbosity = verbosity
        self._zone = configuration.zone(config["site.zone"])
        self._over = trio.CancelScope()
        with store.snapshot() as view:
            followed_ms = view.commits.followed_ms()
        if followed_ms is not None and clock.now_ms() - followed_ms < STANDBY_EXPECTED_MS:
            store.changes.expect()
        with store.transaction() as tx:
            tx.clock_doubt.look(clock.now_ms(), tx.term.site().last_tick_ms)
            self._term = claim(tx, secrets.token_bytes(ACT_BYTES))
            tx.term.tick(clock.now_ms())
            act = self._act = tx.term.site().act or b""
        keys = store.keys
        self._mirror = Mirror(keys, lambda cert_sha256: self._identity(act, cert_sha256))
        self._ticket = ticket(keys.fence_key, directory.site_uid, self._term, act)
        self._turns = Turns(
            store,
            clock=clock,
            zone=self._zone,
            site_uid=directory.site_uid,
            term=self._term,
            draw_spool=lambda: secrets.token_bytes(SPOOL_ID_BYTES),
        )
        self._working = trio.CancelScope()
        self._fence = Fence(directory.folder, self._turns, stop_engine=self._working.cancel, over=self._over.cancel)
        self._turns.reload()
        self._doubt_revoked()
        keep_what_is_loaded()

    @property
    def term(self) -> int:
        """The term of this process."""
        return self._term

    @property
    def failure(self) -> Fenced | None:
        """Why it ended, where nobody asked for it."""
        return self._fence.error

    def _doubt_revoked(self) -> None:
        """An agent may have been revoked while no server ran: what it was given to do is in doubt."""
        with self._store.snapshot() as view:
            revoked = [row.agent_id for row in view.agents.list() if row.state == "revoked"]
        for agent_id in revoked:
            self._turns.submit(AgentRevoked(agent_id))

    def _embedded_elsewhere(self, local: str) -> list[str]:
        """Return the embedded agents of servers before this one, of which there may be no process any more."""
        with self._store.snapshot() as view:
            return [row.agent_id for row in view.agents.list() if is_embedded(row.agent_id) and row.agent_id != local]

    def _identity(self, act: bytes, cert_sha256: bytes) -> SiteIdentity:
        return SiteIdentity(
            site_uid=self._directory.site_uid,
            server_id=self._directory.server_id,
            term=self._term,
            act=act,
            cert_sha256=cert_sha256,
        )

    async def live(
        self, created: bool, ready: Callable[[Ready], None] | None, tell: Callable[[str], None] | None = None
    ) -> None:
        """Open the doors, tell that they are open, and keep them open until asked to stop.

        Args:
            tell: after a takeover: is told how it gets around to the agents.
        """
        spool = self._directory.folder / SPOOL_FOLDER
        keys = self._store.keys
        listeners = await tcp.listen(*configuration.listen_address(self._config["server.listen"]))
        addresses = tuple(tcp.address_of(listener) for listener in listeners)
        local = ""
        if self._config["server.embedded_agent"]:
            local = enrol_local(
                self._store,
                spool,
                cert_pem=keys.site_certificate_file.read_text("ascii"),
                next_cert_pem=keys.next_certificate() or "",
                address=_loopback(addresses[0]),
                policy=Policy(
                    par=self._config["agent.slots"], shell=self._config["agent.shell"], listen=EMBEDDED_LISTEN
                ),
                now_ms=self._clock.now_ms(),
            )
        links = Links(
            self._turns.submit,
            self._turns.copies,
            fence_key=keys.fence_key,
            site_uid=self._directory.site_uid,
            term=self._term,
            act=self._act,
            fence=self._fence.stop,
            now_ms=self._clock.now_ms,
            zone=self._zone,
        )
        control = Control(self._turns, request_stop=self._over.cancel)
        epoch, boot = epoch_and_boot(self._term)
        enroller = Enroller(
            control,
            self._store,
            self._clock,
            face=lambda: self._mirror.face,
            peers=lambda: _peers(site),
            accepts=self._config["server.accept_requests"],
        )
        peers = PeersWatch(
            self._store,
            self._clock,
            site_uid=self._directory.site_uid,
            term=self._term,
            act=self._act,
            ticket=self._ticket,
            zone=self._zone,
            fence=self._fence.stop,
            addrs=lambda: _peers(site),
        )
        peers_door = PeersDoor(keys, describe=peers.describe, heard=peers.heard, store=self._store)
        door = AgentsDoor(
            self._turns,
            links,
            mirror=self._mirror,
            ticket=self._ticket,
            enroller=enroller,
            peers=peers_door,
            addresses=lambda: (*_peers(site), *peers_of(self._config)),
            strangers_per_address=self._config["server.strangers_per_address"],
        )
        isolation = Isolation(self._turns, peers_door, self._config, proved_at=lambda: door.proved_at)
        standbys = Standbys(peers_door, self._turns, describe=peers.describe, fence=self._fence.stop)
        rotation = Rotation(self._turns, keys, self._mirror, not_here=self._embedded_elsewhere(local))
        rotation.resume()
        chores = IdleChores(self._store, self._clock)
        purger = Purger(self._turns, chores.purged)
        shipping = Shipping(
            self._store.changes, self._clock, after_ship=self._config["standby.ack"] == configuration.AFTER_SHIP
        )
        dialler = AgentsDialler(self._turns, door)
        announcing = Announcing(self._turns, dialler.trouble_of)
        snapshots = Snapshots(self._store, control, self._config)
        server = ServerControl(
            control,
            store=self._store,
            term=(epoch, boot),
            zone=self._zone,
            listening=addresses,
            enrol_at=door.enrol_at,
            rotation=rotation,
            purger=purger,
            shipping=shipping,
            announcing=announcing,
            standbys=standbys,
            snapshots=snapshots,
            isolation=isolation,
        )
        site = ServerSite(
            self._store, clock=self._clock, zone=self._zone, config=self._config, control=server, write=control
        )
        person = local_owner()
        with self._over:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch_signals)
                tasks.let_inputs_come_later(self._turns, nursery)
                nursery.start_soon(shipping.tell_followers)
                nursery.start_soon(self._fence.watch)
                nursery.start_soon(isolation.watch)
                await nursery.start(self._make_turns, chores, shipping)
                nursery.start_soon(tasks.keep_copies_going, self._turns)
                nursery.start_soon(tasks.keep_house, self._turns, self._directory)
                nursery.start_soon(purger.keep_purging)
                nursery.start_soon(snapshots.keep_taking)
                await nursery.start(door.serve, listeners)
                nursery.start_soon(dialler.run)
                nursery.start_soon(announcing.doubt_earlier, self._embedded_elsewhere(local))
                nursery.start_soon(peers.keep_asking, peers_of(self._config))
                await nursery.start(
                    serve_local,
                    self._directory.folder,
                    lambda name, args, emit: call(site, person, name, args, emit),
                )
                if self._config["server.embedded_agent"]:
                    nursery.start_soon(
                        partial(keep_agent, spool, self._verbosity, leave=lambda: self.failure is not None)
                    )
                if ready is not None:
                    health = await call(site, person, "status", {})
                    ready(
                        Ready(
                            folder=self._directory.folder,
                            created=created,
                            listen=addresses,
                            server_id=self._directory.server_id,
                            epoch=epoch,
                            boot=boot,
                            live_runs=len(self._turns.live),
                            notices=tuple(health["notices"]),
                        )
                    )
                if tell is not None:
                    nursery.start_soon(announcing.tell, tell)

    async def _make_turns(
        self, chores: IdleChores, shipping: Shipping, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        with self._working:
            await tasks.make_turns(self._turns, self._directory, chores, shipping, task_status=task_status)

    async def _watch_signals(self) -> None:
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for _ in signals:
                self._over.cancel()
                return


def _peers(site: ServerSite) -> tuple[str, ...]:
    """Return where agents are told to dial; nothing where that is not known."""
    try:
        return addresses_of(site, None)[0]
    except UsageError:
        return ()


def _loopback(address: str) -> str:
    """Return where the embedded agent finds a server that listens on `address`: every address includes this one."""
    host, _, port = address.rpartition(":")
    # Only a look at what was chosen in config.toml; nothing is bound here.
    return {"0.0.0.0": f"127.0.0.1:{port}", "[::]": f"[::1]:{port}"}.get(host, address)  # noqa: S104
