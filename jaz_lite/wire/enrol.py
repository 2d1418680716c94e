"""Enrolment: both ends of the short conversation in which a program becomes an agent of a site.

    agent                                server
    enroll ──────────────────────────►   asked: the caller knows the invitation, or parks the request
           ◄── enroll_challenge ──────
    enroll_proof ────────────────────►   proven: the caller commits the agent's row
           ◄── enrolled ──────────────
    given: the caller makes it durable
    enroll_ok ───────────────────────►   confirmed

Both prove that they know the secret of the invitation, over the exact bytes of both opening frames and the server's
certificate; why an invitation is refused is told only to who knows its secret. An agent without a token is parked
(`enroll_pending`) until a person has decided; its own random nonce stands in for the secret then. Frames are as small
as before a `welcome`, and so are the deadlines. Source: protocol.md sections 2.4, 4.2 and 5.6.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from jaz_lite.wire import enrol_messages as m
from jaz_lite.wire import ident, limits
from jaz_lite.wire.frames import Violation
from jaz_lite.wire.happenings import Closed, Happening
from jaz_lite.wire.identities import SiteIdentity
from jaz_lite.wire.link import Body, Link, Route, route
from jaz_lite.wire.schema import cut
from jaz_lite.wire.token import Enrolment

SERVER_STATES = ("enroll", "asked", "proof", "proven", "given")
AGENT_STATES = ("challenge", "enrolled", "given")
# The first bytes of a payload that opens an enrolment: an array of three, the number 96. Ours are always packed so.
OPENING = b"\x93" + bytes((m.ENROLL,))
OPENING_BYTES = limits.LENGTH_BYTES + len(OPENING)

# Why an enrolment is refused, as `error` names it. The first two are told without a proof, to whoever asks.
REFUSALS = ("closed", "full", "rejected", "expired", "used", "withdrawn", "name", "taken", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolRequest:
    """What an agent asks. token_id: empty where it has no token. name: the wished one; may be empty with a token.

    host: what the machine calls itself, for invitations that leave the name open.
    nonce: 32 random bytes, the same for every try of one enrolment.
    """

    token_id: bytes = b""
    name: str = ""
    host: str = ""
    nonce: bytes
    sw: str = ""
    os: str = ""
    arch: str = ""


# ---- what a server hears


@dataclass(frozen=True, slots=True)
class EnrolAsked(Happening):
    """Somebody wants to enrol. The caller answers `challenge`, `pending` or `refuse`."""

    request: EnrolRequest


@dataclass(frozen=True, slots=True)
class EnrolProven(Happening):
    """The secret was proved. The caller commits and then says `give`, or `refuse`."""

    request: EnrolRequest


@dataclass(frozen=True, slots=True)
class EnrolConfirmed(Happening):
    """The agent has made its enrolment durable."""

    request: EnrolRequest


# ---- what an agent hears


@dataclass(frozen=True, slots=True)
class EnrolPending(Happening):
    """A person has to decide; ask again, with the same nonce, after so many seconds."""

    retry_s: int


@dataclass(frozen=True, slots=True)
class Enrolled(Happening):
    """The server proved the secret too and gave this. The caller makes it durable, then says `confirm`."""

    enrolment: Enrolment


def begins_enrolment(head: bytes) -> bool:
    """Tell whether a connection that begins with these (at least `OPENING_BYTES`) bytes opens an enrolment."""
    return head[limits.LENGTH_BYTES : OPENING_BYTES] == OPENING


def asking_key(nonce: bytes) -> bytes:
    """Return what stands in for the secret of a token where there is none: only who parked the request knows it."""
    return hashlib.sha256(b"jazl-ask" + nonce).digest()


def agent_proof(key: bytes, transcript: bytes) -> bytes:
    """Return the agent's proof that it knows the secret."""
    return hmac.digest(key, b"jazl1-enroll-A" + transcript, "sha256")


def server_proof(key: bytes, transcript: bytes) -> bytes:
    """Return the server's proof that it knows the secret."""
    return hmac.digest(key, b"jazl1-enroll-S" + transcript, "sha256")


class EnrolServerLink(Link):
    """The server's end.

    Args:
        nonce: 32 fresh random bytes.
    """

    __slots__ = ("_key", "_known", "_nonce", "_payload_heard", "_request", "_site", "_transcript")

    def __init__(self, site: SiteIdentity, *, nonce: bytes, now: float) -> None:
        super().__init__(state="enroll", now=now)
        assert len(nonce) == 32
        self._site = site
        self._nonce = nonce
        self._request: EnrolRequest | None = None
        self._payload_heard = b""
        self._transcript = b""
        self._key = b""
        self._known = False

    # ---- commands

    def challenge(self, key: bytes | None) -> None:
        """Ask for the proof of a secret; None: there is no such invitation, which only the outcome tells."""
        if not self._must_be("asked"):
            return
        self._known = key is not None
        self._key = hashlib.sha256(b"jazl-nobody" + self._nonce).digest() if key is None else key
        body = {
            "proto": limits.PROTO_MAX,
            "site_uid": self._site.site_uid,
            "server": self._site.server_id,
            "ns": self._nonce,
        }
        answer = self._payload(m.ENROLL_CHALLENGE, body)
        self._transcript = ident.transcript(self._payload_heard, answer, self._site.cert_sha256)
        self._write(answer)
        self._step("proof")

    def pending(self, retry_s: int) -> None:
        """Say that a person has to decide, and close."""
        if self._must_be("asked"):
            self._send(m.ENROLL_PENDING, {"retry": retry_s})
            self._close(Closed("pending", "a person has to decide", by_us=True))

    def refuse(self, code: str, msg: str) -> None:
        """Say why not, and close."""
        assert code in REFUSALS, code
        if self._must_be("asked", "proven"):
            self._fail(code, msg)

    def give(self, enrolment: Enrolment) -> None:
        """Hand over the enrolment, after the agent's row was committed."""
        if not self._must_be("proven"):
            return
        self._send(
            m.ENROLLED,
            {
                "mac": server_proof(self._key, self._transcript),
                "agent": enrolment.agent_id,
                "kid": enrolment.kid,
                "key": enrolment.key,
                "cert": enrolment.cert,
                "site_uid": enrolment.site_uid,
                "server": enrolment.server_id,
                "peers": list(enrolment.peers)[: limits.PEERS_MAX],
            },
        )
        self._step("given")

    # ---- inside

    def _on_enroll(self, body: Body, payload: bytes) -> None:
        low, high = body["proto"]
        if min(high, limits.PROTO_MAX) < max(low, limits.PROTO_MIN):
            ours = f"{limits.PROTO_MIN} to {limits.PROTO_MAX}"
            self._say_bye("version", f"the server speaks versions {ours}, the agent {low} to {high}", 0, ())
            return
        self._payload_heard = payload
        self._request = EnrolRequest(
            token_id=body.get("token") or b"",
            name=body.get("agent") or "",
            host=body.get("host") or "",
            nonce=body["na"],
            sw=body["sw"],
            os=body["os"],
            arch=body["arch"],
        )
        self._wait_for_caller("asked")
        self._found.append(EnrolAsked(self._request))

    def _on_proof(self, body: Body, _payload: bytes) -> None:
        assert self._request is not None
        proven = ident.same(agent_proof(self._key, self._transcript), body["mac"])
        if not (proven and self._known):
            self._say_bye("auth", "not accepted", 0, ())
            return
        self._wait_for_caller("proven")
        self._found.append(EnrolProven(self._request))

    def _on_ok(self, _body: Body, _payload: bytes) -> None:
        assert self._request is not None
        self._found.append(EnrolConfirmed(self._request))
        self._close(Closed("enrolled", "the agent is enrolled", by_us=True))

    routes: ClassVar[Mapping[int, Route]] = dict(
        (
            *Link.common_routes(SERVER_STATES, ()),
            route(m.ENROLL, ("enroll",), _on_enroll),
            route(m.ENROLL_PROOF, ("proof",), _on_proof),
            route(m.ENROLL_OK, ("given",), _on_ok),
        )
    )


class EnrolAgentLink(Link):
    """The agent's end; it speaks first.

    Args:
        key: what is to be proved: of the token, or `asking_key` of the nonce.
        cert_sha256: of the certificate that the server showed, which was judged before.
    """

    __slots__ = ("_cert_sha256", "_enroll", "_key", "_site_uid", "_transcript")

    def __init__(self, request: EnrolRequest, *, key: bytes, cert_sha256: bytes, now: float) -> None:
        super().__init__(state="challenge", now=now)
        self._key = key
        self._cert_sha256 = cert_sha256
        self._site_uid = b""
        self._transcript = b""
        body = {
            "proto": [limits.PROTO_MIN, limits.PROTO_MAX],
            "token": request.token_id or None,
            "agent": request.name or None,
            "host": cut(request.host, 64) or None,
            "na": request.nonce,
            "sw": cut(request.sw, 64),
            "os": cut(request.os, 64),
            "arch": cut(request.arch, 32),
        }
        self._enroll = self._payload(m.ENROLL, {name: value for name, value in body.items() if value is not None})
        self._write(self._enroll)

    # ---- commands

    def confirm(self) -> None:
        """Say that the enrolment is durable, and close."""
        if self._must_be("given"):
            self._send(m.ENROLL_OK, {})
            self._close(Closed("enrolled", "the agent is enrolled", by_us=True))

    # ---- inside

    def _on_challenge(self, body: Body, payload: bytes) -> None:
        if not limits.PROTO_MIN <= body["proto"] <= limits.PROTO_MAX:
            raise Violation("state", f"version {body['proto']} was not offered")
        self._site_uid = body["site_uid"]
        self._transcript = ident.transcript(self._enroll, payload, self._cert_sha256)
        self._send(m.ENROLL_PROOF, {"mac": agent_proof(self._key, self._transcript)})
        self._step("enrolled")

    def _on_pending(self, body: Body, _payload: bytes) -> None:
        self._found.append(EnrolPending(body["retry"]))
        self._close(Closed("pending", "a person has to decide", by_us=True))

    def _on_enrolled(self, body: Body, _payload: bytes) -> None:
        if not ident.same(server_proof(self._key, self._transcript), body["mac"]):
            raise Violation("auth", "the server does not know the secret of the invitation")
        if hashlib.sha256(body["cert"]).digest() != self._cert_sha256 or body["site_uid"] != self._site_uid:
            raise Violation("auth", "the server gave another certificate or site than it showed")
        self._wait_for_caller("given")
        self._found.append(
            Enrolled(
                Enrolment(
                    agent_id=body["agent"],
                    kid=body["kid"],
                    key=body["key"],
                    cert=body["cert"],
                    site_uid=body["site_uid"],
                    server_id=body["server"],
                    peers=tuple(body["peers"]),
                )
            )
        )

    routes: ClassVar[Mapping[int, Route]] = dict(
        (
            *Link.common_routes(AGENT_STATES, ()),
            route(m.ENROLL_CHALLENGE, ("challenge",), _on_challenge),
            route(m.ENROLL_PENDING, ("challenge",), _on_pending),
            route(m.ENROLLED, ("enrolled",), _on_enrolled),
        )
    )
