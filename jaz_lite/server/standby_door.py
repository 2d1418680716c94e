"""The door of a standby: servers of its site are answered, agents are sent on to the active.

It listens where agents will find it one day, or where they found it when it was the active: an agent that nobody can
dial and that knows no other address learns here where its server is (protocol.md 8.6). Who cannot prove to be an agent
is told nothing but that this is not the active.
"""

import secrets
from collections.abc import Callable, Sequence

import trio

from jaz_lite.net import tcp, tls
from jaz_lite.net.door import Door
from jaz_lite.net.line import Line
from jaz_lite.net.session import Session
from jaz_lite.server.agents_door import addresses_for, head_of
from jaz_lite.server.face import Mirror
from jaz_lite.server.peers_door import PeersDoor
from jaz_lite.store.keys import Keys
from jaz_lite.wire.happenings import Closed, Happening, Identified
from jaz_lite.wire.identities import SiteIdentity
from jaz_lite.wire.peers import PeerStatus, begins_peer
from jaz_lite.wire.server_core import ServerLink
from jaz_lite.wire.server_handshake import FindKey

NOT_ACTIVE = "this server is a standby, not the active"


class StandbyDoor:
    """See the module.

    Args:
        identify: gives the site's identity for a certificate's SHA-256.
        find_agent: gives the key of an agent, as far as the copy knows.
        active: gives where the active may be found.
    """

    def __init__(
        self,
        keys: Keys,
        *,
        identify: Callable[[bytes], SiteIdentity],
        describe: Callable[[], PeerStatus],
        find_agent: FindKey,
        active: Callable[[], Sequence[str]],
        strangers_per_address: int,
    ) -> None:
        self._mirror = Mirror(keys, identify)
        self._identify = identify
        self._peers = PeersDoor(keys, describe=describe, heard=lambda _status, _address: None)
        self._find_agent = find_agent
        self._active = active
        self._door = Door(per_address=strangers_per_address)

    async def serve(
        self,
        listeners: Sequence[trio.SocketListener],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Receive whoever comes until cancelled."""
        await tcp.serve(listeners, self._door, self._receive, peer_speaks_first=True, task_status=task_status)

    async def _receive(self, line: Line, visitor: tcp.Visitor) -> None:
        face = self._mirror.face
        secured = await tls.as_scheduler(line, face.context)
        head = await head_of(secured)
        if begins_peer(head):
            await self._peers.attend(secured, head, visitor, face.identity.cert_sha256)
            return
        identity = self._identify(face.identity.cert_sha256)  # its term grows with the copy
        link = ServerLink(
            identity,
            nonce=secrets.token_bytes(32),
            now=trio.current_time(),
            find_agent=self._find_agent,
            refusal=("redirect", NOT_ACTIVE),
        )

        def tell(happenings: list[Happening]) -> None:
            for happening in happenings:
                match happening:
                    case Identified():
                        visitor.proved()
                        link.bye("redirect", NOT_ACTIVE, addrs=addresses_for(visitor.address, self._active()))
                    case Closed():
                        return
                    case _:
                        # It knows of a later server than this copy, and where that one is.
                        link.bye("redirect", NOT_ACTIVE)

        if not identity.act:
            link.bye("redirect", NOT_ACTIVE)  # no server has run on this copy, so there is nothing to challenge with
        await Session(link, secured, tell, head if identity.act else b"").run()
