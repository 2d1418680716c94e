"""Asking all who may know of another active server: the other servers of this site, and its agents."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

import trio

from jaz_lite import config as configuration
from jaz_lite.config import Config
from jaz_lite.errors import UsageError
from jaz_lite.failover.judgement import AgentSaid, ServerSaid
from jaz_lite.net.dial import parse_address
from jaz_lite.net.own_addresses import is_here
from jaz_lite.server.face import Mirror
from jaz_lite.server.peers_asking import PeerAnswer, ask_peers
from jaz_lite.server.probing import ask_agents, askable
from jaz_lite.store.open import Store
from jaz_lite.wire.identities import SiteIdentity
from jaz_lite.wire.limits import PROBE_S, SERVER_PORT

ACT_BYTES = 8
NAMES_S = 1.0  # so long a name server may take


@dataclass(slots=True)
class Answers:
    """What was answered. silent: who did not answer, and why."""

    agents: list[AgentSaid] = field(default_factory=list)
    servers: list[ServerSaid] = field(default_factory=list)
    silent: dict[str, str] = field(default_factory=dict)


def peers_of(config: Config) -> tuple[str, ...]:
    """Return the addresses of the other servers of this site, as config.toml names them.

    Raises:
        UsageError: one of them is none.
    """
    peers = tuple(config["server.peers"].replace(",", " ").split())
    for peer in peers:
        try:
            parse_address(peer, SERVER_PORT)
        except UsageError as error:
            raise UsageError(f"server.peers: {error.message}", hint=error.hint) from error
    return peers


async def inquire(
    store: Store, config: Config, *, agents_max: int | None = None, timeout_s: float = PROBE_S
) -> Answers:
    """Ask everybody at once; return as soon as all have answered, or after `timeout_s`.

    Args:
        agents_max: ask only so many agents, those seen last.
    """
    with store.snapshot() as view:
        site = view.term.site()
        rows = askable(view.agents.list())[:agents_max]
    act = secrets.token_bytes(ACT_BYTES)  # nothing is claimed with it

    def identity(cert_sha256: bytes) -> SiteIdentity:
        return SiteIdentity(
            site_uid=site.site_uid, server_id=site.server_id, term=site.term, act=act, cert_sha256=cert_sha256
        )

    found = Answers()
    keys, peers = store.keys, peers_of(config)

    async def agents() -> None:
        said, silent = await ask_agents(
            rows, Mirror(keys, identity).face, fence_key=keys.fence_key, timeout_s=timeout_s
        )
        found.agents += said
        found.silent |= {f"agent {name}": why for name, why in silent.items()}

    async def servers() -> None:
        answers = await ask_peers(peers, keys, site.site_uid, timeout_s)
        found.servers += _said(answers)
        for answer in answers:
            if answer.status is None and not await _is_this_one(answer.address, config):
                found.silent[f"server {answer.address}"] = answer.why

    async with trio.open_nursery() as nursery:
        if rows:
            nursery.start_soon(agents)
        if peers:
            nursery.start_soon(servers)
    return found


async def _is_this_one(text: str, config: Config) -> bool:
    """Tell whether an address is where this server is about to listen: a copied config.toml may name it as a peer."""
    port = configuration.listen_address(config["server.listen"])[1]
    with trio.move_on_after(NAMES_S):
        return await trio.to_thread.run_sync(is_here, parse_address(text, SERVER_PORT), port, abandon_on_cancel=True)
    return False


def _said(answers: Sequence[PeerAnswer]) -> list[ServerSaid]:
    return [
        ServerSaid(
            address=answer.address,
            state=answer.status.state,
            term=answer.status.term,
            act=answer.status.act,
            addrs=answer.status.addrs or ((answer.address,) if answer.status.state == "active" else ()),
            proven=answer.proven,
            active_silent_s=answer.status.live_s,
            follows=answer.status.state == "standby" and bool(answer.status.addrs),  # it tells where the active is
        )
        for answer in answers
        if answer.status is not None
    ]
