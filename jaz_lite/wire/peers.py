"""Peers: what servers of one site tell each other, and how each proves to the other that it is one.

Whoever holds the site's `fence_key` is a server of the site. Both ends prove it over the exact bytes of both opening
frames and the certificate that was shown, so a proof is of no use on any other connection, and somebody in the middle
with a certificate of his own is found out. A machine that is to become a standby and has nothing yet proves the secret
of an invitation instead, and may then only fetch a copy. Source: protocol.md sections 4.2, 5.6 and 8.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jaz_lite.wire import limits
from jaz_lite.wire import peer_messages as m
from jaz_lite.wire.frames import Violation
from jaz_lite.wire.happenings import Happening
from jaz_lite.wire.ident import replaces, ticket_is_valid

PeerState = Literal["active", "standby", "fenced"]

# The first bytes of a payload that opens a link between servers: an array of three, the number 104.
OPENING = b"\x93" + bytes((m.PEER_HELLO,))
OPENING_BYTES = limits.LENGTH_BYTES + len(OPENING)

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerStatus:
    """What a server says of itself.

    act, ticket: of the term; empty where no server has run on these data. last_tick_ms: when the active wrote last.
    lsn: number of the last change that these data hold. live_s: a standby's seconds since it heard the active; None:
    it does not hear one. addrs: where the active is, as far as this one knows.
    """

    state: PeerState
    term: int
    act: bytes = b""
    ticket: bytes = b""
    last_tick_ms: int = 0
    lsn: int = 0
    live_s: int | None = None
    addrs: tuple[str, ...] = ()

    def beats(self, term: int, act: bytes) -> bool:
        """Say whether it replaces the server of this term."""
        return replaces(self.term, self.act, term, act)

    def is_proven(self, fence_key: bytes, site_uid: bytes) -> bool:
        """Say whether its term was really made by a server of this site."""
        return bool(self.act and self.ticket) and ticket_is_valid(fence_key, site_uid, self.term, self.act, self.ticket)


# ---- what both ends hear


@dataclass(frozen=True, slots=True)
class PeerProven(Happening):
    """The other end is a server of this site, or (`token_id`) holds this invitation."""

    token_id: bytes = b""


@dataclass(frozen=True, slots=True)
class PeerSaid(Happening):
    """What the other end says of itself; again whenever it likes."""

    status: PeerStatus


@dataclass(frozen=True, slots=True)
class HandedOver(Happening):
    """At the standby: all changes up to `lsn` were sent and the active has stopped; it is to begin this term.

    At the active: the standby has all of it and takes over.
    """

    lsn: int
    term: int


# ---- what the active hears


@dataclass(frozen=True, slots=True)
class FollowAsked(Happening):
    """The peer wants all changes after a position; where they are not kept, or it has none, a copy comes first.

    who: where it listens. mark: 8 bytes, beside the number; empty: it has nothing yet. keys: `keys_sum` of its keys.
    """

    who: str
    mark: bytes
    lsn: int
    keys: bytes = b""


@dataclass(frozen=True, slots=True)
class CopyRoom(Happening):
    """The peer has written down more of the copy: there is room for more."""


@dataclass(frozen=True, slots=True)
class ShipTaken(Happening):
    """The peer holds everything up to `lsn` durably."""

    lsn: int


# ---- what the standby hears


@dataclass(frozen=True, slots=True)
class CopyFile(Happening):
    """The next file of the copy begins. name: relative to the data directory, at most one folder deep."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class CopyData(Happening):
    """The next bytes of the file that was begun."""

    data: bytes


@dataclass(frozen=True, slots=True)
class CopyOver(Happening):
    """The copy is whole."""


@dataclass(frozen=True, slots=True)
class Shipped(Happening):
    """A piece of a change set. lsn: where the set leads to, with its last piece; 0 with the others."""

    lsn: int
    data: bytes


# ---- proofs


def begins_peer(head: bytes) -> bool:
    """Tell whether a connection that begins with these (at least `OPENING_BYTES`) bytes is a server's."""
    return head[limits.LENGTH_BYTES : OPENING_BYTES] == OPENING


def caller_proof(key: bytes, transcript: bytes) -> bytes:
    """Return the proof of the end that dialled."""
    return hmac.digest(key, b"jazl1-peer-C" + transcript, "sha256")


def host_proof(key: bytes, transcript: bytes) -> bytes:
    """Return the proof of the end that was dialled."""
    return hmac.digest(key, b"jazl1-peer-H" + transcript, "sha256")


def sealing_key(key: bytes, transcript: bytes) -> bytes:
    """Return the key under which keys travel within one connection: also whoever reads the TLS sees none."""
    return hmac.digest(key, b"jazl1-peer-K" + transcript, "sha256")


def keys_sum(sealing_key: bytes, keys: Mapping[str, bytes]) -> bytes:
    """Return by what two ends of a link tell whether they have the same keys (name to content); it tells no more."""
    digest = hmac.new(sealing_key, b"jazl1-peer-S", "sha256")
    for name in sorted(keys):
        for part in (name.encode(), keys[name]):
            digest.update(len(part).to_bytes(4, "big") + part)
    return digest.digest()


def nobody_key(nonce: bytes) -> bytes:
    """Return what stands in for the secret of an invitation that does not exist."""
    return hashlib.sha256(b"jazl-nobody" + nonce).digest()


# ---- bodies


def status_body(status: PeerStatus) -> dict[str, Any]:
    """Return a status as it is sent."""
    body: dict[str, Any] = {
        "state": status.state,
        "term": status.term,
        "last_tick": status.last_tick_ms,
        "lsn": status.lsn,
    }
    if status.act and status.ticket:
        body |= {"act": status.act, "ticket": status.ticket}
    if status.live_s is not None:
        body["live"] = min(status.live_s, 2**32 - 1)
    if status.addrs:
        body["addrs"] = list(status.addrs)[: limits.PEERS_MAX]
    return body


def status_of(body: Mapping[str, Any]) -> PeerStatus:
    """Return the status in a checked body."""
    return PeerStatus(
        state=body["state"],
        term=body["term"],
        act=body.get("act") or b"",
        ticket=body.get("ticket") or b"",
        last_tick_ms=body["last_tick"],
        lsn=body["lsn"],
        live_s=body.get("live"),
        addrs=tuple(body.get("addrs") or ()),
    )


def check_name(name: str) -> None:
    """Refuse the name of a file that could lie outside of the copy.

    Raises:
        Violation: it is not one or two plain words with a slash between them.
    """
    if not _NAME.fullmatch(name):
        raise Violation("schema", "copy_file.file is no name of a file in a data directory")
