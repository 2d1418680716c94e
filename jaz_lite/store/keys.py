"""The keys of a data directory."""

import errno
import os
import secrets
from pathlib import Path

from jaz_lite.errors import StoreDamaged
from jaz_lite.store.sealing import Seal
from jaz_lite.wire.x509 import Draw, self_signed

KEYS_FOLDER = "keys"
SITE_KEY_FILE = "site.key"
SITE_CERTIFICATE_FILE = "site.crt"
FENCE_KEY_FILE = "fence.key"
SECRET_KEY_FILE = "secret.key"  # noqa: S105  # the name of the file
NEXT_KEY_FILE = "next.key"
NEXT_CERTIFICATE_FILE = "next.crt"
SWITCHING_FILE = "switching"  # while it is there, the next pair takes the place of the present one
KEY_BYTES = 32
PEM_FILES = (SITE_KEY_FILE, SITE_CERTIFICATE_FILE)
PEM_START = b"-----BEGIN "
KEYS_LOST = "put back keys/ from a copy"


class Keys(Seal):
    """The keys of one site: they travel with the data directory and never leave it."""

    def __init__(self, *, folder: Path, fence_key: bytes, secret_key: bytes) -> None:
        super().__init__(secret_key)
        self.folder = folder
        self.fence_key = fence_key

    @classmethod
    def create(cls, data_folder: Path, *, name: str) -> "Keys":
        """Draw all keys of a new site and write them, readable by the owner only.

        Args:
            name: of the site, for the certificate.
        """
        folder = data_folder / KEYS_FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        certificate = self_signed(name, secrets.token_bytes)
        write_private(folder / SITE_KEY_FILE, certificate.key_pem.encode("ascii"))
        write_private(folder / SITE_CERTIFICATE_FILE, certificate.cert_pem.encode("ascii"))
        write_private(folder / FENCE_KEY_FILE, secrets.token_bytes(KEY_BYTES))
        write_private(folder / SECRET_KEY_FILE, secrets.token_bytes(KEY_BYTES))
        return cls.load(data_folder)

    @classmethod
    def load(cls, data_folder: Path, *, look_only: bool = False) -> "Keys":
        """Read the keys of a data directory.

        Args:
            look_only: change nothing, not even to finish an interrupted change of the certificate.

        Raises:
            StoreDamaged: a key is missing or has the wrong length.
        """
        folder = data_folder / KEYS_FOLDER
        if not look_only:
            _finish_switching(folder)
        found: list[bytes] = []
        for name in (FENCE_KEY_FILE, SECRET_KEY_FILE, SITE_KEY_FILE, SITE_CERTIFICATE_FILE):
            try:
                key = (folder / name).read_bytes()
            except OSError as error:
                raise StoreDamaged(f"{folder / name} cannot be read: {error.strerror}", hint=KEYS_LOST) from error
            is_key = key.startswith(PEM_START) if name in PEM_FILES else len(key) == KEY_BYTES
            if not is_key:
                raise StoreDamaged(f"{folder / name} is not a key", hint=KEYS_LOST)
            found.append(key)
        return cls(folder=folder, fence_key=found[0], secret_key=found[1])

    @property
    def site_key_file(self) -> Path:
        """Where TLS finds the private key of the site."""
        return self.folder / SITE_KEY_FILE

    @property
    def site_certificate_file(self) -> Path:
        """Where TLS finds the certificate of the site."""
        return self.folder / SITE_CERTIFICATE_FILE

    # ---- the next certificate

    def next_certificate(self) -> str | None:
        """Return the certificate (PEM) that is to take the place of the present one, or None."""
        try:
            return (self.folder / NEXT_CERTIFICATE_FILE).read_text("ascii")
        except FileNotFoundError:
            return None

    def make_next_certificate(self, name: str, draw: Draw) -> None:
        """Make a key and a certificate that will take the place of the present ones."""
        made = self_signed(name, draw)
        # The certificate comes last: where it is, its key is there too.
        write_private(self.folder / NEXT_KEY_FILE, made.key_pem.encode("ascii"))
        write_private(self.folder / NEXT_CERTIFICATE_FILE, made.cert_pem.encode("ascii"))

    def use_next_certificate(self) -> None:
        """Put the next certificate and its key in the place of the present ones; a crash leaves both or none."""
        write_private(self.folder / SWITCHING_FILE, b"")
        _finish_switching(self.folder)


def _finish_switching(folder: Path) -> None:
    if not (folder / SWITCHING_FILE).exists():
        return
    for following, present in ((NEXT_CERTIFICATE_FILE, SITE_CERTIFICATE_FILE), (NEXT_KEY_FILE, SITE_KEY_FILE)):
        if (folder / following).exists():
            (folder / following).replace(folder / present)
    sync_folder(folder)
    (folder / SWITCHING_FILE).unlink()
    sync_folder(folder)


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only the owner may read, whole or not at all, and durably."""
    part = path.with_name(path.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        try:
            left = memoryview(data)
            while left:  # a disk that is nearly full takes less than it is given, and says so at the next piece
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make durable which files a folder has, where its file system can do that."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # network file systems; copies may well be put there
            raise
    finally:
        os.close(folder)
