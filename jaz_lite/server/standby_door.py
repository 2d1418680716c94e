"""The door of a standby: servers of its site are answered, agents are sent on to look for the active elsewhere.

It listens where agents will find it one day. Until then they are told nothing but that this is not the active: who
asks has proved nothing yet, and each agent has the other addresses.
"""

import secrets
from collections.abc import Callable, Sequence

import trio

from jaz_lite.net import tcp, tls
from jaz_lite.net.door import Door
from jaz_lite.net.line import Line
from jaz_lite.net.session import Session
from jaz_lite.server.agents_door import head_of
from jaz_lite.server.face import Mirror
from jaz_lite.server.peers_door import PeersDoor
from jaz_lite.store.keys import Keys
from jaz_lite.wire.happenings import Happening
from jaz_lite.wire.identities import SiteIdentity
from jaz_lite.wire.peer_link import PeerHost
from jaz_lite.wire.peers import PeerStatus, begins_peer

NOT_ACTIVE = "this server is a standby, not the active"


class StandbyDoor:
    """See the module.

    Args:
        identify: gives the site's identity for a certificate's SHA-256.
    """

    def __init__(
        self,
        keys: Keys,
        *,
        identify: Callable[[bytes], SiteIdentity],
        describe: Callable[[], PeerStatus],
        strangers_per_address: int,
    ) -> None:
        self._mirror = Mirror(keys, identify)
        self._peers = PeersDoor(keys, describe=describe, heard=lambda _status, _address: None)
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
        link = PeerHost(
            cert_sha256=face.identity.cert_sha256,
            nonce=secrets.token_bytes(32),
            find_secret=lambda _: None,
            now=trio.current_time(),
        )
        link.bye("redirect", NOT_ACTIVE)
        await Session(link, secured, _nothing).run()


def _nothing(_happenings: list[Happening]) -> None:
    """What somebody says who is sent on is of no interest."""
