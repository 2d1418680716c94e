"""TLS as a line over another line: encrypted where it is sent, decrypted where it is received, no task of its own.

trio has a TLS stream, and it cannot send without waiting; the links live on that. Versions, certificates and who is
who are settled in `tls`, this is only the machine.
"""

import ssl
from collections.abc import Iterator
from contextlib import suppress

import trio

from jaz_lite.net.line import Line
from jaz_lite.wire import limits

# What OpenSSL puts into one record. Its buffers keep the size they once had, so a line is fed a record at a time.
RECORD_BYTES = 16 * 1024


class TlsLine:
    """One TLS connection; `shake_hands` comes first."""

    __slots__ = ("_below", "_incoming", "_outgoing", "_over", "_tls")

    def __init__(self, below: Line, context: ssl.SSLContext, *, server_side: bool) -> None:
        self._below = below
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=server_side)
        self._over = False  # nothing more will be received

    async def shake_hands(self) -> None:
        """Do the handshake.

        Raises:
            ssl.SSLError: it failed; the peer has been told why, as far as it listens.
            trio.BrokenResourceError: the connection broke.
        """
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                done = False
            except ssl.SSLError:
                with suppress(trio.BrokenResourceError):
                    self._pass_down()
                raise
            else:
                done = True
            self._pass_down()
            while self._below.pending:
                await self._below.drain(limits.SEND_BYTES)
            if done:
                return
            data = await self._below.receive()
            if data:
                self._incoming.write(data)
            else:
                self._incoming.write_eof()

    @property
    def alpn(self) -> str | None:
        """The application protocol both sides settled on."""
        return self._tls.selected_alpn_protocol()

    @property
    def version(self) -> str:
        """The version of TLS that both sides settled on, as in `TLSv1.3`."""
        return self._tls.version() or ""

    @property
    def peer_certificate(self) -> bytes:
        """The DER bytes the peer has shown; b"" when it has shown none."""
        return self._tls.getpeercert(binary_form=True) or b""

    @property
    def pending(self) -> bool:
        """See `Line`."""
        return self._below.pending

    def send(self, data: bytes) -> None:
        """See `Line`."""
        try:
            if len(data) <= RECORD_BYTES:
                self._tls.write(data)
                self._pass_down()
            else:
                self._below.send(b"".join(self._sealed(data)))
        except ssl.SSLError as error:
            raise trio.BrokenResourceError(str(error)) from error

    def _sealed(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), RECORD_BYTES):
            self._tls.write(data[start : start + RECORD_BYTES])
            yield self._outgoing.read()

    async def drain(self, size: int) -> None:
        """See `Line`."""
        await self._below.drain(size)

    async def receive(self) -> bytes:
        """See `Line`."""
        if self._incoming.pending:
            # Came together with the last of the handshake.
            await trio.lowlevel.checkpoint()
            if plain := self._plain(b""):
                return plain
        while not self._over:
            data = await self._below.receive()
            if plain := self._plain(data):
                return plain
            self._over = self._over or not data
        return b""

    def _plain(self, data: bytes) -> bytes:
        """Return what `data` brings; what is wrong with it ends the line behind what was right."""
        found: list[bytes] = []
        try:
            for start in range(0, len(data) or 1, RECORD_BYTES):
                self._incoming.write(data[start : start + RECORD_BYTES])
                self._read_records(found)
        except ssl.SSLError:
            self._over = True
            with suppress(trio.BrokenResourceError):
                self._pass_down()  # the alert that says what was wrong
        # Answers to key updates may wait for the next `send`; who asks for more of them than that is up to no good.
        if self._outgoing.pending > RECORD_BYTES:
            self._over = True
        return b"".join(found)

    def _read_records(self, found: list[bytes]) -> None:
        while not self._over and (self._incoming.pending or self._tls.pending()):
            try:
                part = self._tls.read(RECORD_BYTES)
            except ssl.SSLWantReadError:
                return  # the rest of a record is still to come
            if part:
                found.append(part)
            else:
                self._over = True  # the peer said that this is the end

    def _pass_down(self) -> None:
        if self._outgoing.pending:
            self._below.send(self._outgoing.read())

    async def aclose(self) -> None:
        """See `Line`. The peer's own last word is not waited for."""
        try:
            with suppress(ssl.SSLError):
                self._tls.unwrap()
            with suppress(trio.BrokenResourceError):
                self._pass_down()
            await self._below.aclose()
        finally:
            self.close()

    def close(self) -> None:
        """See `Line`."""
        self._below.close()
