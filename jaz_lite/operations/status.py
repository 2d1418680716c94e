"""The health of the site on one screen, and its clean stop."""

from typing import Any

from jaz_lite.operations import host_locks
from jaz_lite.operations.agents import agent_notices
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Site, control_of
from jaz_lite.store.transaction import Nouns


async def status(site: Site, person: Person) -> dict[str, Any]:
    """Return what the server says of itself, and what people should know (`notices`, sentences)."""
    told = control_of(site).status()
    agents = [sentence for agent in told.get("agents", ()) for sentence in agent_notices(agent)]
    locks = await site.read(lambda nouns: [host_locks.lock_shown(lock, site.zone) for lock in nouns.host_locks.list()])
    locked = await site.read(lambda nouns: host_locks.notices(nouns, site.zone))
    said = [*told.get("notices", ()), *agents, *await site.read(notices), *locked]
    return {**told, "locks": locks, "notices": said}


def notices(nouns: Nouns) -> list[str]:
    """Return what this build does not do although the definitions ask for it."""
    count = sum(row.enabled for row in nouns.definitions.rows("schedule"))
    if not count:
        return []
    return [f"{count} schedule{'s' if count > 1 else ''} enabled; this build does not start them"]


async def stop(site: Site, person: Person) -> dict[str, Any]:
    """Have the server stop cleanly; running jobs go on."""
    control_of(site).request_stop()
    return {"stopping": True}
