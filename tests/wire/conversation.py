"""Two links that talk to each other in memory, with a clock that only the test moves."""

import random
from collections.abc import Callable, Sequence
from typing import Any

from jaz_lite.wire import ident
from jaz_lite.wire.agent_core import AgentLink
from jaz_lite.wire.events import pack_event
from jaz_lite.wire.happenings import Challenged, Happening, Identified, InventoryItem, Welcomed
from jaz_lite.wire.identities import AgentIdentity, HelloFacts, SiteIdentity
from jaz_lite.wire.server_core import ServerLink

SITE_UID = b"site-uid-16bytes"
PIN = b"p" * 32
KEY = b"k" * 32
ACT = b"act-0001"
SPOOL = b"s" * 16
TERM = ident.term_of(1, 3)
TICKET = ident.ticket(b"f" * 32, SITE_UID, TERM, ACT)
WORK = b"w" * 16


def site(**changes: Any) -> SiteIdentity:
    return SiteIdentity(
        **{"site_uid": SITE_UID, "server_id": "SITE", "term": TERM, "act": ACT, "cert_sha256": PIN} | changes
    )


def agent(**changes: Any) -> AgentIdentity:
    return AgentIdentity(
        **{"agent_id": "web01", "kid": 7, "key": KEY, "site_uid": SITE_UID, "pin_sha256": PIN} | changes
    )


def facts(**changes: Any) -> HelloFacts:
    return HelloFacts(
        **{"spool": SPOOL, "boot": b"b" * 16, "sw": "0.1", "os": "linux", "arch": "x86_64", "par": 4} | changes
    )


def find_agent(agent_id: str, kid: int) -> bytes | None:
    return KEY if (agent_id, kid) == ("web01", 7) else None


def server_link(*, now: float = 0.0, probe: bool = False, **changes: Any) -> ServerLink:
    return ServerLink(site(**changes), nonce=b"S" * 32, now=now, find_agent=find_agent, probe=probe)


def agent_link(*, now: float = 0.0, identity: AgentIdentity | None = None, **changes: Any) -> AgentLink:
    return AgentLink(identity or agent(), facts(**changes), nonce=b"A" * 32, now=now)


def event(n: int, name: str = "host_boot", k: bytes | None = None, **x: Any) -> bytes:
    return pack_event(n, 1_000 + n, k, name, x)


def dispatch(link: ServerLink, **changes: Any) -> None:
    link.dispatch(
        **{
            "k": WORK,
            "occ": "M:1",
            "path": "/job#1",
            "att": 1,
            "run": 1,
            "kind": "cmd",
            "spec": b"spec",
        }
        | changes
    )


class Conversation:
    """A server's and an agent's link, and all they told so far.

    `cut` says how bytes are split on their way: by default whole.
    """

    def __init__(
        self,
        server: ServerLink | None = None,
        agent: AgentLink | None = None,
        cut: Callable[[bytes], Sequence[bytes]] = lambda data: (data,),
    ) -> None:
        self.server = server or server_link()
        self.agent = agent or agent_link()
        self.cut = cut
        self.now = 0.0
        self.server_heard: list[Happening] = []
        self.agent_heard: list[Happening] = []

    def carry(self) -> None:
        """Carry bytes both ways until neither end has anything to say."""
        moved = True
        while moved:
            moved = False
            while data := self.agent.take():
                moved = True
                for part in self.cut(data):
                    self.server_heard += self.server.receive(part, self.now)
            while data := self.server.take():
                moved = True
                for part in self.cut(data):
                    self.agent_heard += self.agent.receive(part, self.now)

    def to_welcome(self, **changes: Any) -> None:
        self.carry()
        assert isinstance(self.agent_heard[-1], Challenged)
        self.agent.accept_term()
        self.carry()
        assert isinstance(self.server_heard[-1], Identified)
        self.server.welcome(**{"ticket": TICKET, "spool": SPOOL, "cursor": 0, "chain": bytes(16)} | changes)
        self.carry()
        assert isinstance(self.agent_heard[-1], Welcomed)

    def up(self) -> "Conversation":
        """Go through the handshake and the first synchronisation, with an empty log."""
        self.to_welcome()
        self.agent.inventory([])
        self.agent.synced(0)
        self.carry()
        assert (self.server.state, self.agent.state) == ("up", "up")
        self.server_heard.clear()
        self.agent_heard.clear()
        return self


def split_at_random(seed: int) -> Callable[[bytes], Sequence[bytes]]:
    """Return a `cut` that splits bytes into parts of 1 to 40, decided by the seed."""
    chance = random.Random(seed)

    def cut(data: bytes) -> Sequence[bytes]:
        parts = []
        while data:
            size = chance.randint(1, 40)
            parts.append(data[:size])
            data = data[size:]
        return parts

    return cut


def item(number: int, occ: str = "M:1") -> InventoryItem:
    """Return an entry of an inventory."""
    return InventoryItem(number.to_bytes(16, "big"), "done", number, b"d" * 8, occ, "/job#1", 1, 5)
