"""The door where agents come in: TLS, then a session that feeds the runner. One barrier a connection."""

import secrets
import ssl
import time
from collections.abc import Awaitable, Sequence

import trio

from jaz_lite.net import tcp, tls
from jaz_lite.net.door import Door
from jaz_lite.net.line import Line
from jaz_lite.net.session import Session
from jaz_lite.runner.links import Links
from jaz_lite.runner.port import Port
from jaz_lite.runner.turns import Turns
from jaz_lite.wire.happenings import Closed, Happening, Identified, SiteIdentity
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
        identity: SiteIdentity,
        ticket: bytes,
        context: ssl.SSLContext,
        strangers_per_address: int,
    ) -> None:
        self._turns = turns
        self._links = links
        self._identity = identity
        self._ticket = ticket
        self._context = context
        self._door = Door(per_address=strangers_per_address)

    async def serve(
        self,
        listeners: Sequence[trio.SocketListener],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Receive agents until cancelled."""
        await tcp.serve(listeners, self._door, self._receive, peer_speaks_first=True, task_status=task_status)

    async def _receive(self, line: Line, visitor: tcp.Visitor) -> None:
        secured = await tls.as_scheduler(line, self._context)
        link = ServerLink(
            self._identity,
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

        session = Session(link, secured, tell)
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
        if row is None or row.kid != kid or row.state in ("revoked", "quarantined"):
            return None
        return row.key

    def _greet(self, link: ServerLink, spool: bytes, cursor: int, chain: bytes) -> None:
        link.welcome(ticket=self._ticket, spool=spool, cursor=cursor, chain=chain, wall_ns=time.time_ns())
