"""The face that the server shows to agents: its certificate in TLS, and who it says it is beside it.

A connection keeps the face with which it began, also when the site changes its certificate meanwhile.
"""

import hashlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from jaz_lite.errors import StoreDamaged
from jaz_lite.net import tls
from jaz_lite.store.keys import KEYS_LOST, Keys
from jaz_lite.wire import x509
from jaz_lite.wire.identities import SiteIdentity


@dataclass(frozen=True, slots=True)
class Face:
    """One certificate of the site, ready for use."""

    certificate: bytes  # DER
    context: ssl.SSLContext
    identity: SiteIdentity


class Mirror:
    """Holds the present face.

    Args:
        identify: gives the site's identity for a certificate's SHA-256.
    """

    def __init__(self, keys: Keys, identify: Callable[[bytes], SiteIdentity]) -> None:
        self._keys = keys
        self._identify = identify
        self.face = self._look()

    def look_again(self) -> None:
        """The certificate was changed: new connections see the new one."""
        self.face = self._look()

    def _look(self) -> Face:
        keys = self._keys
        certificate = x509.der_of(keys.site_certificate_file.read_text("ascii"))
        try:
            context = tls.server_context(keys.site_certificate_file, keys.site_key_file)
        except OSError as error:
            raise StoreDamaged(
                f"the certificate and the key in {keys.folder} cannot be used: {error.strerror}", hint=KEYS_LOST
            ) from error
        return Face(certificate, context, self._identify(hashlib.sha256(certificate).digest()))
