"""What an enrolment leaves on the agent's disk: the record of the site, and, until then, the nonce of the try.

The nonce is durable before it is sent. A machine that died in the middle tries again with it, and the server, which
may have let it in already, gives the same answer.
"""

import os
import ssl
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgpack

from jaz_lite.agent.disk import Disk, PosixDisk
from jaz_lite.agent.policy_file import write_sample
from jaz_lite.agent.records import SiteRecord, load_sites, save_site
from jaz_lite.errors import NoSuchObject, Refused, UsageError
from jaz_lite.wire.token import BUNDLE_CHARS_MAX, FINGERPRINT_BYTES, Enrolment, parse_bundle
from jaz_lite.wire.x509 import der_of

__all__ = ["SiteRecord", "enrol_by_bundle", "forget_nonce", "nonce_for", "refuse_enrolled", "store", "write_site"]

TRY_FILE = "enrolling.msgpack"
NONCE_BYTES = 32


def write_site(folder: Path, record: SiteRecord) -> None:
    """Enrol the agent whose data directory is `folder` with a site; the directory is made if it is not there,
    and so is an `agent.toml` that explains every setting and sets none.

    Notes:
        Writing the record of a site again replaces it; the agent's log of that site stays as it is.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    save_site(PosixDisk(folder), record)
    write_sample(folder)


def nonce_for(disk: Disk, what: bytes) -> bytes:
    """Return the nonce of the try that goes on with the same token (or server), else a new one; durable either way."""
    with suppress(FileNotFoundError, ValueError, TypeError, msgpack.UnpackException):
        kept, nonce = msgpack.unpackb(disk.read(TRY_FILE))
        if kept == what and type(nonce) is bytes and len(nonce) == NONCE_BYTES:
            return nonce
    nonce = os.urandom(NONCE_BYTES)
    disk.make_folder(".")
    disk.replace(TRY_FILE, msgpack.packb([what, nonce]))
    return nonce


def forget_nonce(disk: Disk) -> None:
    """The try came to its end."""
    disk.remove(TRY_FILE)


def refuse_enrolled(records: Iterable[SiteRecord], fingerprint: bytes) -> None:
    """Refuse to enrol once more with the site of this certificate.

    Args:
        fingerprint: the first bytes of SHA-256 of the certificate.

    Raises:
        Refused: this agent is in it already.
    """
    for record in records:
        if sha256(der_of(record.cert_pem)).digest().startswith(fingerprint[:FINGERPRINT_BYTES]):
            raise _enrolled(record)


def store(disk: Disk, enrolment: Enrolment, *, dialled: str = "", replace: bool = False) -> SiteRecord:
    """Make an enrolment durable and return its record.

    Args:
        dialled: the address at which the server was found; it is tried first from now on.
        replace: an enrolment with the same site gives way.

    Raises:
        Refused: there is one with the same site.
    """
    for record in load_sites(disk):
        if record.site_uid == enrolment.site_uid and not replace and record.key != enrolment.key:
            raise _enrolled(record)
    record = SiteRecord(
        site_uid=enrolment.site_uid,
        server_id=enrolment.server_id,
        agent_id=enrolment.agent_id,
        kid=enrolment.kid,
        key=enrolment.key,
        cert_pem=ssl.DER_cert_to_PEM_cert(enrolment.cert),
        addrs=tuple(dict.fromkeys(address for address in (dialled, *enrolment.peers) if address)),
    )
    save_site(disk, record)
    forget_nonce(disk)
    return record


def enrol_by_bundle(folder: Path, file: Path, *, replace: bool = False) -> SiteRecord:
    """Enrol the agent of a data directory with what a bundle holds.

    Raises:
        NoSuchObject: there is no such file. UsageError: it is no bundle. Refused: the agent is in that site already.
    """
    try:
        with open(file, encoding="utf-8", errors="replace") as source:
            text = source.read(BUNDLE_CHARS_MAX + 1)
    except FileNotFoundError:
        raise NoSuchObject(f"there is no file {file}") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    enrolment = parse_bundle(text)
    disk = PosixDisk(folder)
    disk.make_folder(".")
    return store(disk, enrolment, replace=replace)


def _enrolled(record: SiteRecord) -> Refused:
    return Refused(
        f'this agent is in site "{record.server_id}" already, as "{record.agent_id}"',
        hint="`jaz-lite agent run` connects it; --replace enrols it anew, and its jobs and results stay",
    )
