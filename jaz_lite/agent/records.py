"""What an agent keeps of a site beside the log: who it is there, and the highest term it has accepted.

Source: protocol.md sections 1 and 9.1.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

import msgpack

from jaz_lite.agent.disk import Disk
from jaz_lite.errors import StoreDamaged

SITES = "sites"
FORMAT = 1

Record = TypeVar("Record", "SiteRecord", "TermRecord")


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRecord:
    """An enrolment: made by the server, kept by the agent.

    cert_pem: the scheduler's certificate, to pin. addrs: where to dial, `host:port`, in order.
    next_cert_pem: the one that will follow it; "" where none is announced. old_kid, old_key: the key before this one,
    until a server has taken the present one.
    """

    site_uid: bytes
    server_id: str
    agent_id: str
    kid: int
    key: bytes
    cert_pem: str
    addrs: tuple[str, ...]
    next_cert_pem: str = ""
    old_kid: int = 0
    old_key: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class TermRecord:
    """The highest term accepted, how it is proved to another server, and the boot in which the log was last vouched for.

    addrs: hints from `welcome` and `bye`. boot: empty before the first contact. acked: last acknowledged event known
    when this was written, of the log with this spool id; only ever too low.
    """

    term: int = 0
    act: bytes = b""
    ticket: bytes = b""
    addrs: tuple[str, ...] = ()
    boot: bytes = b""
    acked: int = 0
    spool: bytes = b""
    at_ms: int = 0


def site_folder(site_uid: bytes) -> str:
    """Return the folder of a site within the agent's data directory."""
    assert len(site_uid) == 16
    return f"{SITES}/{site_uid.hex()}"


def save_site(disk: Disk, record: SiteRecord) -> None:
    """Keep an enrolment, durably; an earlier one of the same site is replaced."""
    folder = site_folder(record.site_uid)
    disk.make_folder(folder)
    disk.make_folder(f"{folder}/out")
    disk.replace(f"{folder}/site.msgpack", _packed(asdict(record)))


def load_sites(disk: Disk) -> list[SiteRecord]:
    """Return all enrolments."""
    found = []
    for name in disk.names(SITES):
        path = f"{SITES}/{name}/site.msgpack"
        try:
            found.append(_read(disk, path, SiteRecord))
        except FileNotFoundError:
            continue
    return found


def save_term(disk: Disk, folder: str, record: TermRecord) -> None:
    """Keep the term, durably."""
    disk.replace(f"{folder}/term.msgpack", _packed(asdict(record)))


def load_term(disk: Disk, folder: str) -> TermRecord:
    """Return the term accepted last; the empty record before the first."""
    try:
        return _read(disk, f"{folder}/term.msgpack", TermRecord)
    except FileNotFoundError:
        return TermRecord()


def _packed(values: dict[str, Any]) -> bytes:
    data = msgpack.packb({"format": FORMAT, **values})
    assert isinstance(data, bytes)
    return data


def _read(disk: Disk, path: str, kind: type[Record]) -> Record:
    data = disk.read(path)
    try:
        values = msgpack.unpackb(data)
        if values["format"] != FORMAT:
            raise ValueError(values["format"])
        kept = {field.name: values[field.name] for field in fields(kind) if field.name in values}
        if "addrs" in kept:
            kept["addrs"] = tuple(kept["addrs"])
        if any(type(kept[field.name]).__name__ != _word(field.type) for field in fields(kind) if field.name in kept):
            raise TypeError(path)
        return kind(**kept)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreDamaged(f"{path} cannot be read", hint="enrol this agent again") from error


def _word(annotation: object) -> str:
    """Return the bare name of a field's type: `tuple` for `tuple[str, ...]`."""
    return getattr(annotation, "__name__", str(annotation)).partition("[")[0]
