"""Invitation tokens: one line of text that brings an agent into a site, and the bundle, which needs no network.

A token holds where the server is, which certificate it will show, and a secret that both sides prove to know; it is
written in letters that survive reading aloud, with a checksum, so that a typing error is told as one. A bundle holds
the finished enrolment itself. Source: protocol.md section 2.4; the checksum is ours.
"""

import base64
import hashlib
from dataclasses import dataclass

from jaz_lite.errors import UsageError
from jaz_lite.wire import limits
from jaz_lite.wire.fields import ADDRESSES, NAME, U32
from jaz_lite.wire.frames import Violation, pack, unpack
from jaz_lite.wire.schema import binary, compile_fields

PREFIX = "jazl1-"  # of invitations for agents
STANDBY_PREFIX = "jazls1-"  # of invitations for standbys
FAMILY = "jazl"
VERSION = 1
FINGERPRINT_BYTES = 20
TOKEN_ID_BYTES = 6
SECRET_BYTES = 16
CHECKSUM_BYTES = 4
TOKEN_CHARS_MAX = 4_096
BUNDLE_HEAD = "jaz_lite agent bundle 1"
BUNDLE_CHARS_MAX = 64 * 1024
CERTIFICATE_BYTES_MAX = 2_048
_LINE_CHARS = 76
_ASK_AGAIN = "ask for the token again, or copy it whole: it is one line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What a token says. `fingerprint`: the first 20 bytes of SHA-256 of the site's certificate."""

    fingerprint: bytes
    token_id: bytes
    secret: bytes
    addresses: tuple[str, ...]

    @property
    def key(self) -> bytes:
        """What both sides prove to know."""
        return token_key(self.secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """What makes a program an agent of a site. cert: DER bytes. peers: where to dial, in order."""

    agent_id: str
    kid: int
    key: bytes
    cert: bytes
    site_uid: bytes
    server_id: str
    peers: tuple[str, ...] = ()


def token_key(secret: bytes) -> bytes:
    """Return what a server keeps of a token's secret, and both sides prove to know."""
    return hashlib.sha256(secret).digest()


# ---- tokens


def token_text(token: Token, *, prefix: str = PREFIX) -> str:
    """Return the token as people carry it.

    Args:
        prefix: what it is for: `PREFIX` or `STANDBY_PREFIX`.
    """
    assert len(token.fingerprint) == FINGERPRINT_BYTES
    assert len(token.token_id) == TOKEN_ID_BYTES
    assert len(token.secret) == SECRET_BYTES
    body = bytes((VERSION,)) + token.fingerprint + token.token_id + token.secret + " ".join(token.addresses).encode()
    return prefix + base64.b32encode(body + _checksum(body)).decode("ascii").rstrip("=").lower()


def parse_token(text: str, *, prefix: str = PREFIX) -> Token:
    """Return what a token says; spaces and line ends in it, and capitals, do not matter.

    Args:
        prefix: what it must be for.

    Raises:
        UsageError: it is no token, of a newer kind, or was mistyped or cut.
    """
    plain = "".join(text.split()).lower()
    kind = plain.partition("-")[0]
    if len(plain) <= TOKEN_CHARS_MAX and not plain.startswith(prefix):
        if plain.startswith((PREFIX, STANDBY_PREFIX)):
            wanted, given = ("an agent", "a standby") if prefix == PREFIX else ("a standby", "an agent")
            raise UsageError(f"this token is for {given}, not for {wanted}")
        if kind.startswith(FAMILY) and kind.removeprefix(FAMILY).removeprefix("s").isdigit():
            raise UsageError(f"this token is of the kind {kind}, which this version does not know", hint="upgrade")
    if len(plain) > TOKEN_CHARS_MAX or not plain.startswith(prefix):
        raise UsageError("this is no token of jaz_lite", hint=f"a token begins with {prefix}")
    letters = plain.removeprefix(prefix)
    try:
        data = base64.b32decode(letters.upper() + "=" * (-len(letters) % 8))
    except ValueError:
        raise UsageError("this token was mistyped or cut off", hint=_ASK_AGAIN) from None
    fixed = 1 + FINGERPRINT_BYTES + TOKEN_ID_BYTES + SECRET_BYTES
    body, checksum = data[:-CHECKSUM_BYTES], data[-CHECKSUM_BYTES:]
    if len(body) < fixed or _checksum(body) != checksum:
        raise UsageError("this token was mistyped or cut off: its checksum is not right", hint=_ASK_AGAIN)
    if body[0] != VERSION:
        raise UsageError("this token is of a kind that this version does not know", hint="upgrade")
    try:
        addresses = tuple(body[fixed:].decode().split())
    except UnicodeDecodeError:
        raise UsageError("this token is damaged", hint=_ASK_AGAIN) from None
    after_print, after_id = 1 + FINGERPRINT_BYTES, 1 + FINGERPRINT_BYTES + TOKEN_ID_BYTES
    return Token(
        fingerprint=body[1:after_print],
        token_id=body[after_print:after_id],
        secret=body[after_id:fixed],
        addresses=addresses[: limits.PEERS_MAX],
    )


# ---- bundles

_validate = compile_fields(
    "bundle",
    {
        "agent_id": NAME,
        "kid": U32,
        "key": binary(32),
        "cert": binary(CERTIFICATE_BYTES_MAX, 1),
        "site_uid": binary(16),
        "server_id": NAME,
        "peers": ADDRESSES,
    },
    level=2,
)


def bundle_text(enrolment: Enrolment) -> str:
    """Return the file that brings an enrolment to a machine without a network. Whoever has it is that agent."""
    body = pack(
        {
            "agent_id": enrolment.agent_id,
            "kid": enrolment.kid,
            "key": enrolment.key,
            "cert": enrolment.cert,
            "site_uid": enrolment.site_uid,
            "server_id": enrolment.server_id,
            "peers": list(enrolment.peers),
        }
    )
    letters = base64.b64encode(body + _checksum(body)).decode("ascii")
    lines = [letters[at : at + _LINE_CHARS] for at in range(0, len(letters), _LINE_CHARS)]
    return "\n".join((BUNDLE_HEAD, *lines, ""))


def parse_bundle(text: str) -> Enrolment:
    """Return the enrolment in a bundle.

    Raises:
        UsageError: it is none, of a newer kind, or damaged.
    """
    head, _, letters = text.strip().partition("\n")
    if head.strip() != BUNDLE_HEAD or len(text) > BUNDLE_CHARS_MAX:
        raise UsageError(
            "this is no bundle that this version of jaz_lite knows", hint="`jaz-lite agent bundle` makes one"
        )
    try:
        data = base64.b64decode("".join(letters.split()), validate=True)
        body, checksum = data[:-CHECKSUM_BYTES], data[-CHECKSUM_BYTES:]
        if _checksum(body) != checksum:
            raise UsageError("the bundle is damaged: its checksum is not right", hint="carry it over again")
        fields = unpack(body)
        if type(fields) is not dict:
            raise UsageError("the bundle is damaged", hint="make a new one")
        _validate(fields)
    except (ValueError, Violation):
        raise UsageError("the bundle is damaged", hint="carry it over again") from None
    return Enrolment(
        agent_id=fields["agent_id"],
        kid=fields["kid"],
        key=fields["key"],
        cert=fields["cert"],
        site_uid=fields["site_uid"],
        server_id=fields["server_id"],
        peers=tuple(fields["peers"]),
    )


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(b"jazl-check" + body).digest()[:CHECKSUM_BYTES]


# ---- fingerprints, for people to compare


def site_fingerprint(cert_sha256: bytes) -> str:
    """Return a certificate as six groups of five digits."""
    return _digits(b"jazl-site" + cert_sha256)


def agent_fingerprint(nonce: bytes, cert_sha256: bytes) -> str:
    """Return an agent that asks to be let in as six groups of five digits.

    Notes:
        The certificate that the agent sees is part of it. Somebody in the middle shows another one, and then agent
        and server show different digits.
    """
    return _digits(b"jazl-agent" + nonce + cert_sha256)


def same_fingerprint(one: str, other: str) -> bool:
    """Tell whether two fingerprints as people type them are the same."""
    return _only_digits(one) == _only_digits(other) != ""


def _digits(data: bytes) -> str:
    number = f"{int.from_bytes(hashlib.sha256(data).digest()[:20], 'big') % 10**30:030d}"
    return "-".join(number[at : at + 5] for at in range(0, 30, 5))


def _only_digits(text: str) -> str:
    return "".join(c for c in text if c.isdigit())
