"""Host locks: which hosts a reboot keeps other work away from, and letting go of one by hand."""

from datetime import tzinfo
from typing import Any

from jaz_lite.engine.variables import moment
from jaz_lite.errors import NoSuchObject, Refused
from jaz_lite.model.fact import Fact
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Site
from jaz_lite.store.host_locks import HostLock
from jaz_lite.store.transaction import Nouns, Transaction


def lock_shown(lock: HostLock, zone: tzinfo) -> dict[str, Any]:
    """Return a lock as JSON tells it."""
    return {
        "agent_id": lock.agent_id,
        "host": lock.host,
        "run_id": str(lock.run_id),
        "path": lock.path,
        "since_at": moment(lock.since_ms, zone).isoformat(timespec="seconds"),
    }


def notices(nouns: Nouns, zone: tzinfo) -> list[str]:
    """Return a sentence for each lock."""
    return [
        f'host "{lock.host}" is locked since {moment(lock.since_ms, zone).isoformat(sep=" ", timespec="seconds")} by the '
        f"reboot {lock.path} of run {lock.run_id}; `jaz-lite host unlock {lock.host}` frees it by hand"
        for lock in nouns.host_locks.list()
    ]


async def unlock(site: Site, person: Person, *, host: str) -> dict[str, Any]:
    """Free a host that a reboot has locked; what waits for it is sent. Returns the lock that was.

    Raises:
        NoSuchObject: no host has this name. Refused: it is not locked.
    """

    def work(tx: Transaction) -> HostLock:
        found = tx.hosts.find(host)
        if found is None:
            raise NoSuchObject(f'no host is named "{host[:128]}"', hint="`jaz-lite host list` shows all")
        lock = tx.host_locks.find(found.agent_id) if found.agent_id else None
        if lock is None:
            raise Refused(f'host "{host}" is not locked', hint="`jaz-lite host list` shows the locks")
        tx.host_locks.remove(lock.agent_id)
        data = {"host": host, "agent_id": lock.agent_id, "user": person.name}
        tx.journal.add(site.clock.now_ms(), lock.run_id, lock.path, Fact(kind="host_unlocked", data=data))
        return lock

    lock = await site.write(work)
    if site.control is not None:
        site.control.agent_changed(lock.agent_id)
    return lock_shown(lock, site.zone)
