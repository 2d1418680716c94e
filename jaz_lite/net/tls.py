"""TLS as the links use it: the scheduler is always the TLS server, the agent the client that pins its certificate.

Which side opened the TCP connection does not matter. Names are not checked and no authority is asked: a certificate
is the right one when its SHA-256 is the pin. Source: protocol.md section 2.2.
"""

import hashlib
import hmac
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import trio

from jaz_lite.errors import RemoteProtocolError
from jaz_lite.net.line import Line
from jaz_lite.net.tls_line import TlsLine
from jaz_lite.wire import limits, x509

ALPN = "jazl/1"
ANOTHER_CERTIFICATE = "the server shows a certificate other than the pinned one"


TlsFloor = Literal["1.2", "1.3"]
# What TLS 1.2 may use where it is allowed at all: forward secrecy and authenticated encryption.
CIPHERS_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20"


def server_context(cert_file: Path, key_file: Path) -> ssl.SSLContext:
    """Return the scheduler's side of TLS; make it once, it costs milliseconds.

    Raises:
        OSError, ssl.SSLError: the files cannot be read or do not belong together.
    """
    context = _context(ssl.PROTOCOL_TLS_SERVER, "1.3")
    context.load_cert_chain(cert_file, key_file)
    # A resumed session would skip the certificate, and with it the pin.
    context.num_tickets = 0
    return context


def client_context(cert_pem: str, floor: TlsFloor = "1.3") -> ssl.SSLContext:
    """Return the agent's side of TLS, which trusts exactly the certificates in this PEM text; make it once."""
    context = _context(ssl.PROTOCOL_TLS_CLIENT, floor)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    # A site's own certificate may have been signed by an authority that is not in the text.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=cert_pem)
    return context


def unpinned_context(floor: TlsFloor = "1.3") -> ssl.SSLContext:
    """Return the side of TLS of one who is not yet an agent: he looks at the certificate himself, in `as_stranger`."""
    context = _context(ssl.PROTOCOL_TLS_CLIENT, floor)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def pin_of(cert_pem: str) -> bytes:
    """Return SHA-256 of the DER bytes of the first certificate in PEM text."""
    return hashlib.sha256(x509.der_of(cert_pem)).digest()


async def as_scheduler(below: Line, context: ssl.SSLContext) -> TlsLine:
    """Do the TLS handshake as the server, over a connection of either direction.

    Raises:
        RemoteProtocolError: it failed or took too long; the line is closed.
    """
    secured = TlsLine(below, context, server_side=True)
    await _shake_hands(secured)
    return secured


async def as_agent(below: Line, context: ssl.SSLContext, pin_sha256: bytes) -> TlsLine:
    """Do the TLS handshake as the client and compare the certificate with the pin.

    Raises:
        RemoteProtocolError: it failed, took too long, or the certificate is another one; the line is closed.
    """
    return (await as_agent_of_one(below, context, (pin_sha256,)))[0]


async def as_agent_of_one(below: Line, context: ssl.SSLContext, pins_sha256: Iterable[bytes]) -> tuple[TlsLine, bytes]:
    """Do the TLS handshake as the client with a server that is one of several, and tell which of the pins it is.

    Raises:
        RemoteProtocolError: it failed, took too long, or the certificate is none of them; the line is closed.
    """
    secured = TlsLine(below, context, server_side=False)
    await _shake_hands(secured)
    shown = hashlib.sha256(secured.peer_certificate).digest()
    for pin in pins_sha256:
        if hmac.compare_digest(shown, pin):
            return secured, pin
    secured.close()
    raise RemoteProtocolError(ANOTHER_CERTIFICATE)


async def as_stranger(below: Line, context: ssl.SSLContext) -> tuple[TlsLine, bytes]:
    """Do the TLS handshake as the client and return the certificate (DER), which the caller must judge.

    Notes:
        That the server has the key of this certificate is proven by the handshake.

    Raises:
        RemoteProtocolError: it failed or took too long; the line is closed.
    """
    secured = TlsLine(below, context, server_side=False)
    await _shake_hands(secured)
    return secured, secured.peer_certificate


def set_floor(context: ssl.SSLContext, floor: TlsFloor) -> None:
    """Change the oldest version of TLS for handshakes to come.

    Notes:
        A server goes down to 1.2 when some agent may use it; whether this one may is looked at when it said its name.
    """
    context.minimum_version = ssl.TLSVersion.TLSv1_2 if floor == "1.2" else ssl.TLSVersion.TLSv1_3


def _context(protocol: int, floor: TlsFloor) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.set_ciphers(CIPHERS_1_2)
    set_floor(context, floor)
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols([ALPN])
    return context


async def _shake_hands(secured: TlsLine) -> None:
    try:
        with trio.fail_after(limits.TLS_HANDSHAKE_S):
            await secured.shake_hands()
        if secured.alpn != ALPN:
            raise RemoteProtocolError(f"the peer does not speak {ALPN}")
    except BaseException as error:
        secured.close()
        if isinstance(error, trio.TooSlowError):
            raise RemoteProtocolError(f"the TLS handshake took more than {limits.TLS_HANDSHAKE_S:.0f} s") from error
        if isinstance(error, ssl.SSLCertVerificationError):
            raise RemoteProtocolError(ANOTHER_CERTIFICATE) from error
        if isinstance(error, (trio.BrokenResourceError, ssl.SSLError)):
            raise RemoteProtocolError(f"the TLS handshake failed: {error}") from error
        raise
