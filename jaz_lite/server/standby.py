"""The process of a standby: it keeps a copy of the active's data directory current, until it is to be the active.

It holds the lock of its directory, answers other servers of the site at the port where agents will find it one day,
and people at the local socket. It is not bound to its machine: started as a server by habit, its directory refuses.
How it ends says what comes next: it was asked to let go (somebody activates its copy), to stop, or to take over.
"""

import logging
import random
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import trio

from jaz_lite import config as configuration
from jaz_lite.clock import SystemClock
from jaz_lite.config import Config
from jaz_lite.errors import JazLiteError, Refused, UsageError
from jaz_lite.log import configure
from jaz_lite.net import tcp, tls
from jaz_lite.net.dial import Backoff, parse_address
from jaz_lite.net.local_socket import Emit, serve_local
from jaz_lite.server.inquiry import peers_of
from jaz_lite.server.leaves import first_of
from jaz_lite.server.peers_asking import dial_peer
from jaz_lite.server.promotion import Promotion
from jaz_lite.server.standby_copy import StandbyCopy
from jaz_lite.server.standby_door import StandbyDoor
from jaz_lite.server.standby_link import STANDBY_TOO, Heard, StandbyLink
from jaz_lite.store.binding import INSTANCE_FILE, read_binding, this_machine
from jaz_lite.store.connection import DATABASE_FILE
from jaz_lite.store.copying import nobody
from jaz_lite.store.directory import ARRIVED_FOLDER
from jaz_lite.store.fencing import read_fenced
from jaz_lite.store.folder_lock import hold_folder
from jaz_lite.store.followed import read_followed
from jaz_lite.store.incoming import kept_aside, settle, unbind
from jaz_lite.store.keys import Keys
from jaz_lite.wire.ident import epoch_and_boot
from jaz_lite.wire.limits import SERVER_PORT
from jaz_lite.wire.peers import HandedOver
from jaz_lite.wire.token import Token

FIRST_COPY_TRIES_S = 60.0
ANSWER_S = 0.05  # for an answer to leave before the end
NOT_OF_THIS_SITE = "it is not of this site"
PAUSE_S_MAX = 5.0  # between two tries to reach the active

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandbyReady:
    """What a standby tells when it has begun."""

    folder: Path
    listen: tuple[str, ...]
    follows: tuple[str, ...]
    lsn: int | None  # where its copy stands; None: everything is still to come


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a standby ended.

    why: stopped, released (somebody takes over with its copy), handed over (by the active, nothing is missing) or
    elected (the agents lost the active). epoch: what it is to begin in the latter two.
    """

    why: str
    epoch: int = 0
    from_address: str = ""


def run_standby(
    folder: Path,
    hosts: Sequence[str],
    *,
    config: Callable[[], Config],
    token: Token | None = None,
    ready: Callable[[StandbyReady], None] | None = None,
    progress: Callable[[int, int], None] = nobody,
    verbosity: int = 0,
) -> Ended:
    """Keep the copy in `folder` current until something ends that.

    Args:
        hosts: where the active may be, `host` or `host:port`, in the order to try them.
        config: gives the settings; a first copy brings some along.
        token: an invitation, for a folder in which there is no copy yet.
        progress: is told how far a copy is that comes.

    Raises:
        Refused: the folder is a server's own, or nobody knows whose. UsageError: there is neither a copy nor an invitation.
        AlreadyRunning: a process uses the folder. StoreDamaged: the copy there cannot be used.
    """
    configure(verbosity)
    for host in hosts:
        parse_address(host, SERVER_PORT)
    _refuse_own(folder, token)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    clock = SystemClock()
    with hold_folder(folder):
        settle(folder)
        try:
            if not (folder / INSTANCE_FILE).exists():
                assert token is not None, "without a copy there is an invitation"
                trio.run(_fetch_first, folder, clock, token, hosts, progress)
            unbind(folder, clock.now_ms())
            standby = Standby(folder, hosts, config(), clock, progress)
            try:
                trio.run(standby.live, ready)
            finally:
                standby.close()
        except BaseExceptionGroup as group:
            found = first_of(group, JazLiteError)
            if found is None:
                raise
            raise found from group
    return standby.ended


def _refuse_own(folder: Path, token: Token | None) -> None:
    """Refuse a folder that is a server's own and was not replaced, and one with nothing, or nothing known, to begin with."""
    if not (folder / INSTANCE_FILE).exists():
        if (folder / ARRIVED_FOLDER).is_dir():
            return  # a first copy, which is put in its place now
        if (folder / DATABASE_FILE).exists():
            raise Refused(
                f"{folder} holds a database, and {INSTANCE_FILE} is gone, which says whose it is",
                hint="put that back, or name another folder with --data: a fresh copy would take its place",
            )
        if token is None:
            raise UsageError(
                f"there is no copy in {folder}",
                hint="carry a snapshot over, or give --token with what `jaz-lite standby invite` prints on the active",
            )
        return
    binding = read_binding(folder)
    is_own = binding.copied_ms is None and binding.machine == this_machine() and binding.path == str(folder.resolve())
    if is_own and read_fenced(folder) is None:
        raise Refused(
            f"{folder} is a server's own directory, and no other server took over from it",
            hint="start it: jaz-lite up, or jaz-lite serve, which does what a directory is for; to make it the standby"
            " of another server: jaz-lite switchover there, or give another --data",
        )


async def _fetch_first(
    folder: Path, clock: SystemClock, token: Token, hosts: Sequence[str], progress: Callable[[int, int], None]
) -> None:
    """Fetch the first copy with an invitation.

    Raises:
        Refused: it cannot be had.
    """
    trouble = "no address is known"
    places = list(dict.fromkeys((*hosts, *token.addresses)))
    until = trio.current_time() + FIRST_COPY_TRIES_S
    while trio.current_time() < until:
        for place in places:
            copy = StandbyCopy(folder, clock, live_s=lambda: None, addrs=lambda: (), progress=progress)
            link = StandbyLink(copy, Heard(), who="newcomer", key=token.key, token_id=token.token_id, address=place)
            try:
                line, cert_sha256 = await dial_peer(place, tls.unpinned_context())
                if cert_sha256[: len(token.fingerprint)] != token.fingerprint:
                    line.close()
                    raise Refused("it shows another certificate than the invitation says")
                await link.hold(line, cert_sha256)
            except JazLiteError as error:
                link.trouble = error.message
            finally:
                copy.close()
            if link.done:
                return
            trouble = f"{place}: {link.trouble}"
            if link.proven or link.trouble == NOT_OF_THIS_SITE:
                raise Refused(f"the first copy was not given: {trouble}", hint="ask for a new invitation")
        await trio.sleep(1.0)
    raise Refused(f"the first copy was not given: {trouble}", hint="is the active server running, and reachable?")


class Standby:
    """One standby process. The caller holds the lock of the folder."""

    def __init__(
        self,
        folder: Path,
        hosts: Sequence[str],
        config: Config,
        clock: SystemClock,
        progress: Callable[[int, int], None],
    ) -> None:
        self.ended = Ended(why="stopped")
        self._folder = folder
        self._hosts = tuple(hosts)
        self._config = config
        self._clock = clock
        self._heard = Heard()
        self._over = trio.CancelScope()
        self._link: StandbyLink | None = None
        self._listening: tuple[str, ...] = ()
        self._keys = Keys.load(folder)
        self._copy = StandbyCopy(folder, clock, live_s=self._live_s, addrs=self._addrs, progress=progress)
        self._copy.open()
        self._began = 0.0
        self._troubles: dict[str, str] = {}  # by address
        self._promotion = Promotion(folder, config, clock, unheard_s=self._unheard_s)
        if self._promotion.wanted:
            self._promotion.check()

    def close(self) -> None:
        """Let go of the copy."""
        self._copy.close()

    async def live(self, ready: Callable[[StandbyReady], None] | None) -> None:
        """Follow until something ends that; what, is in `ended`."""
        self._began = trio.current_time()
        listeners = await tcp.listen(*configuration.listen_address(self._config["server.listen"]))
        self._listening = tuple(tcp.address_of(listener) for listener in listeners)
        door = StandbyDoor(
            self._keys,
            identify=self._copy.identity,
            describe=self._copy.describe,
            find_agent=self._copy.agent_key,
            active=self._active_at,
            strangers_per_address=self._config["server.strangers_per_address"],
        )
        with self._over:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch_signals)
                await nursery.start(door.serve, listeners)
                await nursery.start(serve_local, self._folder, self._answer)
                nursery.start_soon(self._keep_following)
                if self._promotion.wanted:
                    nursery.start_soon(self._await_election)
                if ready is not None:
                    position = self._copy.position
                    ready(
                        StandbyReady(
                            folder=self._folder,
                            listen=self._listening,
                            follows=self._places(),
                            lsn=None if position is None else position.lsn,
                        )
                    )

    # ---- following

    async def _keep_following(self) -> None:
        context = tls.unpinned_context()
        backoff = Backoff(random.random)
        while True:
            for place in self._places():
                if await self._follow(place, context):
                    backoff.reset()
            await trio.sleep(min(backoff.next_s(), PAUSE_S_MAX))

    def _note_trouble(self, place: str, why: str) -> None:
        """Keep why the active is not followed; that a standby answers, perhaps this one, explains nothing by itself."""
        self._troubles[place] = why
        wanted = self._places()
        told = {each: self._troubles[each] for each in wanted if each in self._troubles}
        plain = {each: why for each, why in told.items() if not why.endswith(STANDBY_TOO)}
        trouble = "; ".join(f"{each}: {why}" for each, why in (plain or told).items())
        if trouble != self._heard.trouble:
            log.warning("the active is not followed", extra={"action": "standby.lost", "why": trouble})
        self._heard.trouble = trouble

    async def _follow(self, place: str, context: Any) -> bool:
        """Follow at one address to the end of the link; tell whether a server of this site was there."""
        link = StandbyLink(self._copy, self._heard, who=self._who(), key=self._keys.fence_key, address=place)
        try:
            line, cert_sha256 = await dial_peer(place, context)
            await link.hold(line, cert_sha256)
        except JazLiteError as error:
            link.trouble = error.message
        if link.handed_over is not None:
            self._take_over(link.handed_over, place)
        self._note_trouble(place, link.trouble)
        return link.proven

    def _take_over(self, handed: HandedOver, place: str) -> None:
        self.ended = Ended(why="handed over", epoch=epoch_and_boot(handed.term)[0], from_address=place)
        self._over.cancel()

    async def _await_election(self) -> None:
        found = await self._promotion.elected()
        if self.ended.why == "stopped":
            self.ended = Ended(why="elected", epoch=found.epoch)
            self._over.cancel()

    def _unheard_s(self) -> float:
        return trio.current_time() - (self._began if self._heard.at is None else self._heard.at)

    def _who(self) -> str:
        """Return where others find this standby, as far as it can tell."""
        announced = self._config["server.announce"].replace(",", " ").split()
        if announced:
            return str(parse_address(announced[0], SERVER_PORT))
        host, _, port = self._listening[0].rpartition(":")
        # Only a look at what was chosen in config.toml; nothing is bound here.
        every = host in ("0.0.0.0", "[::]")  # noqa: S104
        return f"{socket.gethostname()}:{port}" if every else self._listening[0]

    def _places(self) -> tuple[str, ...]:
        """Return where the active may be, the most likely first."""
        noted = [address] if (address := read_followed(self._folder)) else []
        return tuple(dict.fromkeys((*self._heard.addrs, *self._hosts, *noted, *peers_of(self._config))))

    # ---- what it says

    def _active_at(self) -> Sequence[str]:
        """Return where agents find the active: where it says, then where this standby finds it, or did last."""
        said = () if self._heard.status is None else self._heard.status.addrs
        followed = self._heard.address or read_followed(self._folder)
        return (*said, followed) if followed else said

    def _live_s(self) -> int | None:
        return None if self._heard.at is None else int(trio.current_time() - self._heard.at)

    def _addrs(self) -> Sequence[str]:
        return (self._heard.address,) if self._heard.address else ()

    async def _answer(self, name: str, _args: Mapping[str, Any], _emit: Emit) -> Any:
        match name:
            case "standby.status" | "status":
                return self._told()
            case "standby.release":
                self.ended = Ended(why="released")
                self._over.deadline = trio.current_time() + ANSWER_S
                return {"released": True}
            case "server.stop":
                self._over.deadline = trio.current_time() + ANSWER_S
                return {"stopping": True}
        where = self._heard.address or ", ".join(self._places())
        raise Refused(
            f"this is a standby; the active server is at {where}",
            hint="ask there; `jaz-lite activate` makes this one the active",
        )

    def _told(self) -> dict[str, Any]:
        status, site = self._heard.status, read_binding(self._folder)
        now = trio.current_time()
        behind = 0 if status is None else max(0, status.lsn - self._copy.lsn)
        since = self._heard.behind_since
        tick = self._copy.last_tick_ms
        following = bool(self._heard.address)
        return {
            "state": "standby",
            "server_id": site.server_id,
            "listen": ", ".join(self._listening),
            "follows": self._heard.address,
            "epoch": epoch_and_boot(status.term)[0] if status is not None else self._copy.epoch,
            "changes": self._copy.lsn if self._copy.position is not None else None,
            "behind_changes": behind if following else None,
            "behind_s": (0.0 if since is None else round(now - since, 3)) if following else None,
            "heard_s": None if self._heard.at is None else round(now - self._heard.at, 1),
            "recovery_point_at": None if tick is None else _iso(self._recovery_ms(tick, following)),
            "copied_at": None if self._copy.taken_ms is None else _iso(self._copy.taken_ms),
            "trouble": "" if following else self._heard.trouble,
            "notices": self._notices(following),
        }

    def _recovery_ms(self, tick_ms: int, following: bool) -> int:
        """Return up to when everything is here: now, less the lag, while it follows; else what the copy says."""
        if not following or self._heard.at is None:
            return tick_ms
        ago_s = trio.current_time() - min(self._heard.at, self._heard.behind_since or self._heard.at)
        return max(tick_ms, int(time.time() * 1000 - ago_s * 1000))

    def _notices(self, following: bool) -> list[str]:
        found = [
            f"what this server knew alone is kept: jaz-lite diff-export --data {place}"
            for place in kept_aside(self._folder)
        ]
        if following:
            return found
        found += [f"the active server is not followed ({self._heard.trouble or 'not reached yet'})"]
        if self._promotion.why_not:
            found.append(f"it does not take over by itself: {self._promotion.why_not}")
        return found

    async def _watch_signals(self) -> None:
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for _ in signals:
                self._over.cancel()
                return


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
