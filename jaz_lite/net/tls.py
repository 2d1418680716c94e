"""TLS as the links use it: the scheduler is always the TLS server, the agent the client that pins its certificate.

Which side opened the TCP connection does not matter. Names are not checked and no authority is asked: a certificate
is the right one when its SHA-256 is the pin. Source: protocol.md section 2.2.
"""

import hashlib
import hmac
import ssl
from pathlib import Path

import trio

from jaz_lite.errors import RemoteProtocolError
from jaz_lite.net.line import Line
from jaz_lite.net.tls_line import TlsLine
from jaz_lite.wire import limits, x509

ALPN = "jazl/1"


def server_context(cert_file: Path, key_file: Path) -> ssl.SSLContext:
    """Return the scheduler's side of TLS; make it once, it costs milliseconds.

    Raises:
        OSError, ssl.SSLError: the files cannot be read or do not belong together.
    """
    context = _context(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert_file, key_file)
    # A resumed session would skip the certificate, and with it the pin.
    context.num_tickets = 0
    return context


def client_context(cert_pem: str) -> ssl.SSLContext:
    """Return the agent's side of TLS, which trusts exactly the certificates in this PEM text; make it once."""
    context = _context(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    # A site's own certificate may have been signed by an authority that is not in the text.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=cert_pem)
    return context


def unpinned_context() -> ssl.SSLContext:
    """Return the side of TLS of one who is not yet an agent: he looks at the certificate himself, in `as_stranger`."""
    context = _context(ssl.PROTOCOL_TLS_CLIENT)
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
    secured = TlsLine(below, context, server_side=False)
    await _shake_hands(secured)
    if not hmac.compare_digest(hashlib.sha256(secured.peer_certificate).digest(), pin_sha256):
        secured.close()
        raise RemoteProtocolError("the server shows a certificate other than the pinned one")
    return secured


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


def _context(protocol: int) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION
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
        if isinstance(error, (trio.BrokenResourceError, ssl.SSLError)):
            raise RemoteProtocolError(f"the TLS handshake failed: {error}") from error
        raise
