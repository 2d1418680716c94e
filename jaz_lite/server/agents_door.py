"""The door where agents come in: TLS, then a session that feeds the runner, or an enrolment. One barrier a connection.

Other servers of the site come to the same port and are shown to their own door.
"""

import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import NamedTuple

import trio

from jaz_lite.errors import Refused, RemoteProtocolError
from jaz_lite.net import tcp, tls
from jaz_lite.net.dial import Address, parse_address
from jaz_lite.net.door import Door
from jaz_lite.net.line import Line
from jaz_lite.net.own_addresses import is_loopback
from jaz_lite.net.session import Session
from jaz_lite.net.tls_line import TlsLine
from jaz_lite.runner.links import Links
from jaz_lite.runner.port import Port
from jaz_lite.runner.turns import Turns
from jaz_lite.server.enrolling import Enroller, Refusal
from jaz_lite.server.face import Face, Mirror
from jaz_lite.server.peers_door import PeersDoor
from jaz_lite.store.transaction import View
from jaz_lite.wire import limits
from jaz_lite.wire.enrol import OPENING_BYTES, begins_enrolment
from jaz_lite.wire.happenings import Closed, Happening, Identified
from jaz_lite.wire.limits import AGENT_PORT, SERVER_PORT
from jaz_lite.wire.peers import begins_peer
from jaz_lite.wire.server_core import ServerLink

BACKLOG_MAX = 2_000  # inputs that wait for a turn; with more, nothing further is read from agents
BACKLOG_LOOK_S = 0.01
OLD_TLS = frozenset(("TLSv1", "TLSv1.1", "TLSv1.2"))
TLS_TOO_OLD = "this agent may not use TLS 1.2: the server has to allow it for this agent"

log = logging.getLogger(__name__)


class Reached(NamedTuple):
    """A line to a peer to whom this face was shown."""

    line: TlsLine
    face: Face
    peer: str  # where it is


class AgentsDoor:
    """Receives agents on the listening sockets.

    Args:
        addresses: where agents find this server, then where they find the others of the site.
    """

    def __init__(
        self,
        turns: Turns,
        links: Links,
        *,
        mirror: Mirror,
        ticket: bytes,
        enroller: Enroller,
        peers: PeersDoor,
        addresses: Callable[[], Sequence[str]],
        strangers_per_address: int,
    ) -> None:
        self._turns = turns
        self._links = links
        self._mirror = mirror
        self._ticket = ticket
        self._enroller = enroller
        self._peers = peers
        self._addresses = addresses
        self._door = Door(per_address=strangers_per_address)
        self.proved_at: dict[str, float] = {}  # when each agent proved last who it is, to this server in its term
        self._floored: tuple[int, Face | None] = (-1, None)

    async def serve(
        self,
        listeners: Sequence[trio.SocketListener],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Receive agents until cancelled."""
        await tcp.serve(listeners, self._door, self._receive, peer_speaks_first=True, task_status=task_status)

    async def enrol_at(self, name: str, place: Address) -> None:
        """Dial a machine that listens in order to become the agent `name`.

        Raises:
            Unreachable: nobody answers. Refused: it was not let in, or wants something else.
        """
        try:
            secured = (await self.reach(place)).line
            head = await head_of(secured)
        except RemoteProtocolError as error:
            raise Refused(
                f"{place} does not take this server for its own, or is no agent ({error.message})",
                hint=f"there: jaz-lite agent enroll --listen TOKEN, with a token of `jaz-lite agent invite {name}`",
            ) from error
        if not begins_enrolment(head):
            secured.close()
            raise Refused(
                f"{place} does not want to enrol with this site",
                hint=f"there: jaz-lite agent enroll --listen TOKEN, with a token of `jaz-lite agent invite {name}`",
            )
        outcome = await self._enroller.attend(secured, head, None, str(place), name)
        if isinstance(outcome, Refusal):
            raise Refused(f"{place} was not enrolled: {outcome.msg}")

    async def _receive(self, line: Line, visitor: tcp.Visitor) -> None:
        face = self._face()
        secured = await tls.as_scheduler(line, face.context)
        head = await head_of(secured)
        if begins_enrolment(head):
            await self._enroller.attend(secured, head, visitor, visitor.address)
            return
        if begins_peer(head):
            await self._peers.attend(secured, head, visitor, face.identity.cert_sha256)
            return
        reached = Reached(secured, face, visitor.address)
        await self.hold(reached, head, proved=visitor.proved, failed=visitor.failed)

    async def reach(self, address: Address) -> "Reached":
        """Dial an agent that listens.

        Raises:
            Unreachable: nobody is there. RemoteProtocolError: it does not take us for its server, or is no agent.
        """
        face = self._face()
        return Reached(await tls.as_scheduler(await tcp.connect(address), face.context), face, str(address))

    async def hold(
        self,
        reached: "Reached",
        head: bytes = b"",
        *,
        only: str = "",
        proved: Callable[[], None] = lambda: None,
        failed: Callable[[], None] = lambda: None,
    ) -> str:
        """Hold one session to its end, whichever side dialled.

        Args:
            head: what was received already.
            only: the agent that is looked for there; another one is not let in. "": any.
            proved, failed: called when the agent has proved who it is, or could not.

        Returns:
            The name of the agent that was let in; "" if none was.
        """
        secured, face, peer = reached
        link = ServerLink(
            face.identity,
            nonce=secrets.token_bytes(32),
            now=trio.current_time(),
            find_agent=self._find_key,
        )

        is_known = False

        def tell(happenings: list[Happening]) -> Awaitable[None] | None:
            nonlocal is_known
            for happening in happenings:
                if isinstance(happening, Identified):
                    is_known = True
                    self.proved_at[happening.hello.agent_id] = trio.current_time()
                    proved()
                    if only not in ("", happening.hello.agent_id):
                        link.bye("busy", f"agent {only} was looked for here")
                        return None
                    if not self._is_new_enough(secured, happening.hello.agent_id):
                        log.warning("an agent may not use TLS 1.2", extra={
                            "action": "link.tls", "agent": happening.hello.agent_id})  # fmt: skip
                        link.bye("auth", TLS_TOO_OLD)
                        return None
                elif isinstance(happening, Closed) and happening.code == "auth" and not is_known:
                    failed()
            self._links.happened(port, happenings)
            return self._wait_for_room() if self._turns.backlog > BACKLOG_MAX else None

        session = Session(link, secured, tell, head)
        with trio.CancelScope() as scope:
            port = Port(link, peer=peer, flush=session.flush, close=scope.cancel, greet=partial(self._greet, peer))
            try:
                await session.run()
            finally:
                self._links.gone(port)
        return port.agent_id

    # ---- TLS 1.2, for agents on machines that know nothing newer

    def _face(self) -> Face:
        """Return the present face; its TLS goes down to 1.2 as long as some agent may use that."""
        face, version = self._mirror.face, self._turns.store.agents_version
        if self._floored != (version, face):
            self._floored = (version, face)
            with self._turns.store.snapshot() as view:
                tls.set_floor(face.context, "1.2" if view.agents.any_with_tls("1.2") else "1.3")
        return face

    def _is_new_enough(self, secured: TlsLine, agent_id: str) -> bool:
        if secured.version not in OLD_TLS:
            return True
        with self._turns.store.snapshot() as view:
            row = view.agents.find(agent_id)
        return row is not None and row.tls_min == "1.2"

    async def _wait_for_room(self) -> None:
        while self._turns.backlog > BACKLOG_MAX // 2:
            await trio.sleep(BACKLOG_LOOK_S)

    def _find_key(self, agent_id: str, kid: int) -> bytes | None:
        with self._turns.store.snapshot() as view:
            return key_of(view, agent_id, kid)

    def _greet(self, peer: str, link: ServerLink, spool: bytes, cursor: int, chain: bytes) -> None:
        peers = addresses_for(peer, self._addresses())
        link.welcome(ticket=self._ticket, spool=spool, cursor=cursor, chain=chain, peers=peers, wall_ns=time.time_ns())


def key_of(view: View, agent_id: str, kid: int) -> bytes | None:
    """Return the key of that number by which an agent is to prove itself; None where it has none that counts."""
    row = view.agents.find(agent_id)
    if row is None or row.state == "quarantined":
        return None
    if row.kid == kid:
        return row.key  # also of a revoked one: it is told so, and strangers are not
    following = view.credentials.next_key(agent_id)
    return following.key if following is not None and following.kid == kid else None


def addresses_for(peer: str, addresses: Sequence[str]) -> tuple[str, ...]:
    """Return those addresses that an agent can dial which is seen at `peer`: loopback is another place elsewhere."""
    here = is_loopback(parse_address(peer, AGENT_PORT)) if peer else True
    found = [text for text in dict.fromkeys(addresses) if here or not is_loopback(parse_address(text, SERVER_PORT))]
    return tuple(found[: limits.PEERS_MAX])


async def head_of(line: Line) -> bytes:
    """Receive so much that one can tell what the connection is for; where nothing comes the line is closed."""
    head = b""
    try:
        with trio.fail_after(limits.HANDSHAKE_STEP_S):
            while len(head) < OPENING_BYTES and (data := await line.receive()):
                head += data
    except trio.TooSlowError as error:
        line.close()
        raise RemoteProtocolError(f"nothing was said for {limits.HANDSHAKE_STEP_S:.0f} s") from error
    except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
        line.close()
        raise RemoteProtocolError("the connection broke") from error
    return head
