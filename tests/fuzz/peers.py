"""Two servers: both ends of their link against a peer out of its mind, before and after the proofs."""

import random

from jaz_lite.wire.happenings import Happening
from jaz_lite.wire.link import Link
from jaz_lite.wire.peer_link import PeerCaller, PeerHost
from jaz_lite.wire.peers import CopyData, FollowAsked, HandedOver, PeerProven, Shipped
from tests.fuzz.links import Peer, _in_parts, _look_at
from tests.wire.conversation import Conversation
from tests.wire.peering import ACTIVE, STANDBY, begun, proven

FRAMES_MAX = 40


def play(chance: random.Random) -> int:
    """Play one link against one end in one of its states; return the number of frames."""
    end = chance.choice(("host", "caller"))
    talk: Conversation = proven() if chance.random() < 0.7 else begun()
    link: Link = talk.server if end == "host" else talk.agent
    link.take()
    peer = Peer(chance, link)
    now = 0.0
    for count in range(FRAMES_MAX):
        data = peer.next()
        now += chance.choice((0, 0, 0, 1, 6))
        found: list[Happening] = []
        for part in _in_parts(data, chance):
            found += link.receive(part, now)
        _answer(link, found, chance)
        found += link.tick(now)
        _look_at(link, found)
        if link.closed:
            return count + 1
    return FRAMES_MAX


def _answer(link: Link, found: list[Happening], chance: random.Random) -> None:
    for happening in found:
        if isinstance(link, PeerHost):
            match happening:
                case PeerProven():
                    link.status(ACTIVE)
                case FollowAsked(mark=b""):
                    link.copy_file("jaz.db", 1_000)
                    if room := link.copy_room:
                        link.copy_data(bytes(min(room, 1_000)))
                case FollowAsked():
                    link.ship(1, chance.randbytes(chance.choice((1, 10, 70_000))))
        elif isinstance(link, PeerCaller):
            match happening:
                case PeerProven():
                    link.status(STANDBY)
                    link.follow("b", chance.choice((b"", b"mark-001")), 7)
                case CopyData():
                    link.copy_ack()
                case Shipped(lsn):
                    link.ship_ack(lsn)
                case HandedOver(lsn, term):
                    link.hand_over(lsn, term)
