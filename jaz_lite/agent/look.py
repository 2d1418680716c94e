"""A look into an agent's data directory from outside: read-only, also while the agent runs on it.

What is read may be a moment old; a tail that is just being written is passed over.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack

from jaz_lite.agent import lock
from jaz_lite.agent.contact import load_contact
from jaz_lite.agent.crc_log import unframed
from jaz_lite.agent.disk import Disk, PosixDisk
from jaz_lite.agent.records import load_sites, load_term, site_folder
from jaz_lite.agent.spool import HEADER_BYTES

_STATES = {"accepted": "accepted", "started": "running", "finished": "done", "failed": "failed", "lost": "lost",
           "cancelled": "cancelled"}  # fmt: skip


def status(data: Path) -> dict[str, Any]:
    """Return what the files of a data directory say of the agent and its sites."""
    disk = PosixDisk(data)
    sites = []
    for record in load_sites(disk):
        term = load_term(disk, site_folder(record.site_uid))
        contact = load_contact(disk, site_folder(record.site_uid))
        states = [attempt["state"] for attempt in _attempts(disk, record.site_uid)]
        sites.append(
            {
                "site": record.site_uid.hex(),
                "server_id": record.server_id,
                "agent_id": record.agent_id,
                "addresses": list(dict.fromkeys((*record.addrs, *term.addrs))),
                "kid": record.kid,
                "term": term.term,
                "last_contact_ms": max(term.at_ms, contact.at_ms),
                "last_address": contact.address,
                "last_error": contact.trouble,
                "running": states.count("running"),
                "waiting": states.count("accepted"),
            }
        )
    return {"agent": lock.holder_of(data), "keeper": lock.holder_of(data / "keeper") is not None, "sites": sites}


def jobs(data: Path) -> list[dict[str, Any]]:
    """Return the attempts that the logs of all sites know of, oldest first."""
    disk = PosixDisk(data)
    return [
        {"server_id": record.server_id, **attempt}
        for record in load_sites(disk)
        for attempt in _attempts(disk, record.site_uid)
    ]


def _attempts(disk: Disk, site_uid: bytes) -> list[dict[str, Any]]:
    """Return the attempts of one site as its log tells them, in the order in which they came."""
    found: dict[bytes, dict[str, Any]] = {}
    for t_ns, k, e, x in _events(disk, site_folder(site_uid)):
        if k is None or e not in _STATES:
            continue
        attempt = found.setdefault(
            k, {"key": k.hex(), "path": "", "run": "", "attempt": 1, "kind": "", "state": "", "exit_code": None}
        )
        attempt["state"], attempt["since_ms"] = _STATES[e], t_ns // 1_000_000
        if e == "accepted":
            attempt |= {"path": x["path"], "run": str(x["run"]), "attempt": x["att"], "kind": x["kind"]}
        elif e == "started":
            attempt["pid"] = x.get("pid")
        elif e == "finished":
            attempt["exit_code"] = x.get("exit")
            attempt["signal"] = x.get("sig")
        elif e in ("failed", "lost", "cancelled"):
            attempt["why"] = x.get("why", "")
    return list(found.values())


def _events(disk: Disk, folder: str) -> Iterator[tuple[int, bytes | None, str, dict[str, Any]]]:
    for name in disk.names(f"{folder}/log"):
        if not name.isdigit():
            continue
        try:
            data = disk.read(f"{folder}/log/{name}")
        except FileNotFoundError:
            continue  # forgotten just now
        for payload in unframed(data, HEADER_BYTES)[0]:
            _, t_ns, k, e, x = msgpack.unpackb(payload)
            yield t_ns, k, e, x
