"""Keys of agents that are in the site already, and the certificate of the site: revoke, rekey, rotate."""

import secrets
from hashlib import sha256
from typing import Any

from jaz_lite.errors import NoSuchObject, Refused
from jaz_lite.operations.agent_names import EMBEDDED, known_names
from jaz_lite.operations.enrolling import KEY_BYTES, note
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Site, control_of
from jaz_lite.store.agents import AgentRow
from jaz_lite.store.credentials import NextKey
from jaz_lite.store.transaction import Nouns, Transaction
from jaz_lite.wire import x509
from jaz_lite.wire.token import site_fingerprint


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
        site.control.certificate_may_change()
    return {"agent_id": agent, "removed": remove, "hosts": hosts}


async def rekey(site: Site, person: Person, *, agent: str) -> dict[str, Any]:
    """Make a new key for an agent; the old one is good until the agent uses the new one.

    Returns:
        `{"agent_id", "kid", "next_kid", "connected"}`, as `keys` does.
    """
    now_ms, key = site.clock.now_ms(), secrets.token_bytes(KEY_BYTES)

    def work(tx: Transaction) -> int:
        row = get_agent(tx, agent)
        if row.state == "revoked":
            raise Refused(f'agent "{agent}" is revoked', hint="`jaz-lite agent invite` lets it in anew")
        pending = tx.credentials.next_key(agent)
        kid = max(row.kid, pending.kid if pending else 0) + 1
        tx.credentials.put_next_key(agent, NextKey(kid=kid, key=key, at_ms=now_ms))
        note(tx, now_ms, "agent_key_sent", agent, person, key=kid)
        return kid

    kid = await site.write(work)
    if site.control is not None:
        site.control.offer_key(agent, kid, key)
    return await keys(site, person, agent=agent)


async def keys(site: Site, person: Person, *, agent: str) -> dict[str, Any]:
    """Return `{"agent_id", "kid", "next_kid", "connected"}`: the number of the key in use, and of the one on its way."""

    def look(view: Nouns) -> dict[str, Any]:
        row = get_agent(view, agent)
        following = view.credentials.next_key(agent)
        return {"agent_id": agent, "kid": row.kid, "next_kid": None if following is None else following.kid}

    found = await site.read(look)
    return {**found, "connected": site.control is not None and site.control.reachable(agent)}


async def certificate(site: Site, person: Person) -> dict[str, Any]:
    """Return what the site shows: `{"fingerprint", "sha256", "next": None | {…, "have": [agents], "missing": [agents]}}`.

    `have` and `missing` say which agents have made the next certificate durable.
    """
    folder_keys = site.store.keys
    present = _shown(folder_keys.site_certificate_file.read_text("ascii"))
    following = folder_keys.next_certificate()
    if following is None:
        return {**present, "next": None}
    pin = sha256(x509.der_of(following)).digest()

    def look(view: Nouns) -> tuple[list[str], list[str]]:
        here = site.config["server.embedded_agent"]
        names = [r.agent_id for r in view.agents.list() if r.state != "revoked" and (here or r.agent_id != EMBEDDED)]
        pins = view.credentials.pins()
        have = [name for name in names if pins.get(name) == pin]
        return have, [name for name in names if name not in have]

    have, missing = await site.read(look)
    return {**present, "next": {**_shown(following), "have": have, "missing": missing}}


async def rotate_certificate(site: Site, person: Person, *, force: bool = False) -> dict[str, Any]:
    """Give all agents a new certificate of the site; it is shown when all have it, or at once where forced.

    Returns:
        As `certificate`.
    """
    if force and site.store.keys.next_certificate() is None:
        raise Refused(
            "no new certificate is on its way, so there is nothing to force",
            hint="`jaz-lite site rotate-cert` first tells the agents; --force cuts off those that were not told",
        )
    control_of(site).rotate_certificate(force=force)
    return await certificate(site, person)


def _shown(pem: str) -> dict[str, Any]:
    digest = sha256(x509.der_of(pem)).digest()
    return {"fingerprint": site_fingerprint(digest), "sha256": digest.hex()}


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
