"""Sealing: a secret as text that tells nothing to whoever has not the key, and in which a change is noticed.

It hides secrets (passwords in definitions, keys of agents) from whoever gets the database without `keys/`. It is
encrypt-then-MAC from HMAC-SHA256 in counter mode: the standard library has no cipher, and the amounts are small.
"""

import base64
import binascii
import hashlib
import hmac
import secrets

from jaz_lite.errors import StoreDamaged

_PREFIX = "s1."  # names the method, so that another can follow
_NONCE_BYTES = 16
_TAG_BYTES = 32
_BLOCK_BYTES = 32


class Seal:
    """Seals and unseals with one key.

    Args:
        secret_key: 32 bytes.
    """

    def __init__(self, secret_key: bytes) -> None:
        self._stream_key = hmac.digest(secret_key, b"jazl-seal-stream", "sha256")
        self._tag_key = hmac.digest(secret_key, b"jazl-seal-tag", "sha256")

    def seal(self, plain: bytes) -> str:
        """Return `plain` hidden, as printable text; twice the same plain gives two different texts."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        hidden = self._mixed(nonce, plain)
        tag = hmac.digest(self._tag_key, nonce + hidden, "sha256")
        return _PREFIX + base64.urlsafe_b64encode(nonce + hidden + tag).decode("ascii")

    def unseal(self, sealed: str) -> bytes:
        """Return what was sealed.

        Raises:
            StoreDamaged: the text was changed, or sealed with the key of another data directory.
        """
        try:
            if not sealed.startswith(_PREFIX):
                raise ValueError("unknown method")
            raw = base64.b64decode(sealed.removeprefix(_PREFIX).encode("ascii"), altchars=b"-_", validate=True)
        except (ValueError, binascii.Error) as error:
            raise StoreDamaged("a sealed value has been changed") from error
        nonce, hidden, tag = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:-_TAG_BYTES], raw[-_TAG_BYTES:]
        if len(raw) < _NONCE_BYTES + _TAG_BYTES or not hmac.compare_digest(
            hmac.digest(self._tag_key, nonce + hidden, "sha256"), tag
        ):
            raise StoreDamaged(
                "a sealed value has been changed, or was sealed in another data directory",
                hint="keys/ and jaz.db belong together",
            )
        return self._mixed(nonce, hidden)

    def _mixed(self, nonce: bytes, data: bytes) -> bytes:
        """Combine `data` with the key stream of a nonce: hides what is plain, and the other way round."""
        blocks = -(-len(data) // _BLOCK_BYTES)
        stream = b"".join(
            hmac.digest(self._stream_key, nonce + number.to_bytes(8, "big"), hashlib.sha256) for number in range(blocks)
        )[: len(data)]
        return (int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(data), "big")


def is_sealed(text: str) -> bool:
    """Say whether a text looks sealed."""
    return text.startswith(_PREFIX)
