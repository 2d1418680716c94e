"""Keys and certificates of agents that are in the site already: revoking."""

from typing import Any

from jaz_lite.errors import NoSuchObject, Refused
from jaz_lite.operations.agent_names import EMBEDDED, known_names
from jaz_lite.operations.enrolling import note
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Site
from jaz_lite.store.agents import AgentRow
from jaz_lite.store.transaction import Nouns, Transaction


async def revoke(site: Site, person: Person, *, agent: str, remove: bool = False) -> dict[str, Any]:
    """Refuse an agent from now on; its session ends at once, and what it was given to do is in doubt.

    Args:
        remove: forget it too, and the host names that lead to it.

    Returns:
        `{"agent_id", "removed", "hosts": [names that were forgotten]}`.
    """
    now_ms = site.clock.now_ms()

    def work(tx: Transaction) -> list[str]:
        row = get_agent(tx, agent)
        if row.state == "revoked" and not remove:
            raise Refused(f'agent "{agent}" is revoked already', hint="--remove forgets it")
        note(tx, now_ms, "agent_removed" if remove else "agent_revoked", agent, person)
        hosts = [host.host for host in tx.hosts.list() if host.agent_id == agent]
        if site.control is None:
            # No session to end and no run to doubt here: the next server sees to it when it starts.
            tx.agents.update(agent, state="revoked")
            tx.credentials.forget(agent)
        return hosts if remove else []

    if remove and site.control is None:
        raise Refused(f'only a running server can forget agent "{agent}"', hint="start it: jaz-lite up")
    hosts = await site.write(work)
    if site.control is not None:
        await site.control.revoke_agent(agent, remove=remove)
    return {"agent_id": agent, "removed": remove, "hosts": hosts}


def get_agent(nouns: Nouns, name: str) -> AgentRow:
    """Return an agent that a person named.

    Raises:
        NoSuchObject: there is none. Refused: it is the embedded one, which has no enrolment to change.
    """
    row = nouns.agents.find(name)
    if row is None:
        raise NoSuchObject(f'there is no agent "{name[:80]}"', hint=f"agents: {known_names(nouns)}")
    if name == EMBEDDED:
        raise Refused(
            f'"{EMBEDDED}" is the agent of the server itself', hint="`jaz-lite server` runs a server without it"
        )
    return row
