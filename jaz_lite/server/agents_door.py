"""The door where agents come in: TLS, then a session that feeds the runner, or an enrolment. One barrier a connection."""

import secrets
import time
from collections.abc import Awaitable, Sequence

import trio

from jaz_lite.errors import Refused, RemoteProtocolError
from jaz_lite.net import tcp, tls
from jaz_lite.net.dial import Address
from jaz_lite.net.door import Door
from jaz_lite.net.line import Line
from jaz_lite.net.session import Session
from jaz_lite.runner.links import Links
from jaz_lite.runner.port import Port
from jaz_lite.runner.turns import Turns
from jaz_lite.server.enrolling import Enroller, Refusal
from jaz_lite.server.face import Mirror
from jaz_lite.wire import limits
from jaz_lite.wire.enrol import OPENING_BYTES, begins_enrolment
from jaz_lite.wire.happenings import Closed, Happening, Identified
from jaz_lite.wire.server_core import ServerLink

BACKLOG_MAX = 2_000  # inputs that wait for a turn; with more, nothing further is read from agents
BACKLOG_LOOK_S = 0.01


class AgentsDoor:
    """Receives agents on the listening sockets."""

    def __init__(
        self,
        turns: Turns,
        links: Links,
        *,
        mirror: Mirror,
        ticket: bytes,
        enroller: Enroller,
        strangers_per_address: int,
    ) -> None:
        self._turns = turns
        self._links = links
        self._mirror = mirror
        self._ticket = ticket
        self._enroller = enroller
        self._door = Door(per_address=strangers_per_address)

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
        face = self._mirror.face
        secured = await tls.as_scheduler(await tcp.connect(place), face.context)
        head = await _head_of(secured)
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
        face = self._mirror.face
        secured = await tls.as_scheduler(line, face.context)
        head = await _head_of(secured)
        if begins_enrolment(head):
            await self._enroller.attend(secured, head, visitor, visitor.address)
            return
        link = ServerLink(
            face.identity,
            nonce=secrets.token_bytes(32),
            now=trio.current_time(),
            find_agent=self._find_key,
        )

        def tell(happenings: list[Happening]) -> Awaitable[None] | None:
            for happening in happenings:
                if isinstance(happening, Identified):
                    visitor.proved()
                elif isinstance(happening, Closed) and happening.code == "auth":
                    visitor.failed()
            self._links.happened(port, happenings)
            return self._wait_for_room() if self._turns.backlog > BACKLOG_MAX else None

        session = Session(link, secured, tell, head)
        with trio.CancelScope() as scope:
            port = Port(link, flush=session.flush, close=scope.cancel, greet=self._greet, peer=visitor.address)
            try:
                await session.run()
            finally:
                self._links.gone(port)

    async def _wait_for_room(self) -> None:
        while self._turns.backlog > BACKLOG_MAX // 2:
            await trio.sleep(BACKLOG_LOOK_S)

    def _find_key(self, agent_id: str, kid: int) -> bytes | None:
        with self._turns.store.snapshot() as view:
            row = view.agents.find(agent_id)
            if row is None or row.state == "quarantined":
                return None
            if row.kid == kid:
                return row.key  # also of a revoked one: it is told so, and strangers are not
            following = view.credentials.next_key(agent_id)
        return following.key if following is not None and following.kid == kid else None

    def _greet(self, link: ServerLink, spool: bytes, cursor: int, chain: bytes) -> None:
        link.welcome(ticket=self._ticket, spool=spool, cursor=cursor, chain=chain, wall_ns=time.time_ns())


async def _head_of(line: Line) -> bytes:
    """Receive so much that one can tell what the connection is for."""
    head = b""
    try:
        with trio.fail_after(limits.HANDSHAKE_STEP_S):
            while len(head) < OPENING_BYTES and (data := await line.receive()):
                head += data
    except trio.TooSlowError as error:
        raise RemoteProtocolError(f"nothing was said for {limits.HANDSHAKE_STEP_S:.0f} s") from error
    except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
        raise RemoteProtocolError("the connection broke") from error
    return head
