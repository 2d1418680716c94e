"""Agents as the administrator sees them, and what the server lets them do: limits and draining."""

from collections.abc import Mapping
from typing import Any

from jaz_lite.errors import NoSuchObject, Refused, UsageError
from jaz_lite.net.dial import parse_address
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Site, control_of
from jaz_lite.operations.times import shown
from jaz_lite.store.agents import AgentRow
from jaz_lite.store.transaction import Nouns, Transaction
from jaz_lite.wire.ident import epoch_and_boot
from jaz_lite.wire.limits import AGENT_PORT

CLOCK_OFFSET_MS_MAX = 5_000  # more than that is told
PAR_MAX = 10_000
QUEUE_MAX = 1_000_000
DIAL_MODES = ("agent", "server", "both")
TLS_VERSIONS = ("1.2", "1.3")
LOST_NAMED_MAX = 5
NOBODY: Mapping[str, Any] = {}


def agent_shown(site: Site, nouns: Nouns, row: AgentRow) -> dict[str, Any]:
    """Return an agent as JSON tells it. What only a running server knows is None without one."""
    now = NOBODY if site.control is None else site.control.agent_now(row.agent_id)
    here = bool(now.get("reachable"))

    def latest(name: str) -> Any:
        """What it said in this session, else what was stored when it was last seen."""
        said = now.get(name) if here else None
        return getattr(row, name) if said is None else said

    term = None if row.confirmed_term is None else epoch_and_boot(row.confirmed_term)
    return {
        "agent_id": row.agent_id,
        "state": row.state,
        "reachable": here if site.control is not None else None,
        "since": shown(now.get("since_ms") or row.seen_ms, site.zone),
        "address": row.peer,
        "dial": row.dial,
        "dialled_at": list(row.addrs),
        "tls_min": row.tls_min,
        "twin_at": shown(row.twin_ms, site.zone),
        "twin_address": row.twin_peer,
        "forged_at": shown(row.forged_ms, site.zone),
        "version": row.version,
        "os": row.os,
        "arch": row.arch,
        "clock_offset_ms": latest("clock_offset_ms"),
        "running": now.get("running", row.running),
        "queued": now.get("queued"),
        "waiting": now.get("waiting"),
        "refusal": now.get("refusal", ""),
        "par": row.par,
        "queue": row.queue,
        "par_max": row.par_max,
        "queue_max": row.queue_max,
        "spool_bytes": latest("spool_bytes"),
        "free_bytes": latest("free_bytes"),
        "load": None if now.get("load") is None else now["load"] / 100,
        "mem_bytes": now.get("mem_bytes"),
        "encoding": row.encoding or "utf-8",
        "last_seen": shown(site.clock.now_ms() if here else row.seen_ms, site.zone),
        "term": None if term is None else f"{term[0]}.{term[1]}",
        "confirmed": row.confirmed_term is not None and row.confirmed_term == nouns.term.site().term,
        "dial_at": row.dial_at,
        "finds_standby": finds_standby(row, site.config["server.peers"]),
        "hosts": list(nouns.hosts.of_agent(row.agent_id)),
        "groups": list(nouns.hosts.groups_of(row.agent_id)),
    }


def finds_standby(row: AgentRow, peers: str) -> bool:
    """Tell whether an agent would find a server that takes over, or be found by it.

    Args:
        peers: the other servers of the site, as config.toml names them.
    """
    return bool(row.seen_ms is None or row.dial_at or row.addrs or peers)


def lost_notices(nouns: Nouns, site: Site) -> list[str]:
    """Return, as one line at most, which agents would not find a standby."""
    lost = [
        row.agent_id
        for row in nouns.agents.list()
        if row.state != "revoked" and not finds_standby(row, site.config["server.peers"])
    ]
    if not lost:
        return []
    names = ", ".join(lost[:LOST_NAMED_MAX]) + (
        f" and {len(lost) - LOST_NAMED_MAX} more" * (len(lost) > LOST_NAMED_MAX)
    )
    who = f"agent {names}" if len(lost) == 1 else f"{len(lost)} agents ({names})"
    return [f"{who} would not find a standby: `jaz-lite agent list` says why"]


def agent_notices(shown: Mapping[str, Any]) -> list[str]:
    """Return what people should know of an agent: that it takes no work, and that its clock is off.

    Notes:
        The order of events and time limits do not depend on clocks; what people read does (protocol 4.8).
    """
    name, told = shown["agent_id"], []
    if shown["state"] == "draining":
        told.append(f"agent {name} is being drained and takes no new work")
    if shown["refusal"]:
        told.append(f"agent {name} refuses new work for now: {shown['refusal']}")
    if not shown.get("finds_standby", True):  # what the whole server tells of itself does not go into this
        told.append(
            f"agent {name} would not find a standby: it says nowhere that servers may dial it, and no other server of"
            " this site is named (setting server.peers)"
        )
    offset_ms = shown["clock_offset_ms"]
    if offset_ms is not None and abs(offset_ms) > CLOCK_OFFSET_MS_MAX:
        direction = "ahead of" if offset_ms > 0 else "behind"
        told.append(f"the clock of agent {name} is {abs(offset_ms) / 1000:,.0f} s {direction} the server's")
    return told


async def listed(site: Site, person: Person) -> dict[str, Any]:
    """Return `{"agents": [...], "notices": [...]}`, by name."""
    agents = await site.read(lambda view: [agent_shown(site, view, row) for row in view.agents.list()])
    return {"agents": agents, "notices": [sentence for agent in agents for sentence in agent_notices(agent)]}


async def show(site: Site, person: Person, *, agent: str) -> dict[str, Any]:
    """Return one agent."""
    shown = await site.read(lambda view: agent_shown(site, view, _get(view, agent)))
    return {**shown, "notices": agent_notices(shown)}


async def drain(site: Site, person: Person, *, agent: str, on: bool = True) -> dict[str, Any]:
    """Have an agent take no new work, or take it again; what runs there goes on. Returns the agent.

    Raises:
        Refused: it is revoked or quarantined.
    """

    def work(tx: Transaction) -> dict[str, Any]:
        row = _get(tx, agent)
        if row.state not in ("active", "draining"):
            raise Refused(f'agent "{agent}" is {row.state}, so it takes no work anyway')
        tx.agents.update(agent, state="draining" if on else "active")
        return agent_shown(site, tx, _get(tx, agent))

    return await _changed(site, agent, work)


async def change(
    site: Site,
    person: Person,
    *,
    agent: str,
    par: int | None = None,
    queue: int | None = None,
    dial: str | None = None,
    addresses: list[str] | None = None,
    tls: str | None = None,
) -> dict[str, Any]:
    """Change how much work an agent is given, and how it is spoken to. Returns the agent.

    Args:
        par: jobs at once; 0: as the agent says. queue: work orders that wait there beyond those; -1: as the agent says.
            What the agent says itself stays a limit, too.
        dial: agent, server or both. addresses: where the server dials it. tls: the oldest version it may use.
    """
    if par is not None and not 0 <= par <= PAR_MAX:
        raise UsageError(f"an agent runs 1 to {PAR_MAX} jobs at once, not {par}; 0 leaves it to the agent")
    if queue is not None and not -1 <= queue <= QUEUE_MAX:
        raise UsageError(f"0 to {QUEUE_MAX} work orders may wait on an agent, not {queue}; -1 leaves it to the agent")
    changes: dict[str, Any] = {}
    if par is not None:
        changes["par_max"] = par or None
    if queue is not None:
        changes["queue_max"] = None if queue < 0 else queue

    if dial is not None:
        if dial not in DIAL_MODES:
            raise UsageError(f'"{dial}" is no way to dial', hint=f"one of {', '.join(DIAL_MODES)}")
        changes["dial"] = dial
    if addresses is not None:
        changes["addrs"] = tuple(str(parse_address(text, AGENT_PORT)) for text in addresses)
    if tls is not None:
        if tls not in TLS_VERSIONS:
            raise UsageError(f'"{tls}" is no version of TLS that can be used', hint="1.2 or 1.3")
        changes["tls_min"] = tls

    def work(tx: Transaction) -> dict[str, Any]:
        row = _get(tx, agent)
        if changes.get("dial", row.dial) != "agent" and not changes.get("addrs", row.addrs):
            raise UsageError(f'it is not known where to dial agent "{agent}"', hint="name it with --address HOST:PORT")
        tx.agents.update(agent, **changes)
        return agent_shown(site, tx, _get(tx, agent))

    return await _changed(site, agent, work)


async def _changed(site: Site, agent: str, work: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await site.write(work)
    if site.control is not None:
        control_of(site).agent_changed(agent)
    return answer


def _get(nouns: Nouns, agent: str) -> AgentRow:
    row = nouns.agents.find(agent)
    if row is None:
        raise NoSuchObject(f'there is no agent "{agent[:100]}"', hint="`jaz-lite agent list` shows all")
    return row
