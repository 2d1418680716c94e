"""Host names as definitions use them, and the agents behind them."""

import codecs
from typing import Any

from jaz_lite.errors import NoSuchObject, Refused, UsageError
from jaz_lite.model.host import Host
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Site
from jaz_lite.store.transaction import Nouns, Transaction

HOST_CHARS_MAX = 128
MEMO_CHARS_MAX = 100


def host_shown(host: Host) -> dict[str, Any]:
    """Return a host as JSON tells it."""
    return {
        "host": host.host,
        "agent_id": host.agent_id,
        "enabled": host.enabled,
        "encoding": host.encoding,
        "memo": host.memo,
    }


async def listed(site: Site, person: Person) -> dict[str, Any]:
    """Return `{"hosts": [...]}`, by name."""
    hosts = await site.read(lambda view: list(view.hosts.list()))
    return {"hosts": [host_shown(host) for host in sorted(hosts, key=lambda host: host.host)]}


async def add(
    site: Site,
    person: Person,
    *,
    host: str,
    agent: str,
    encoding: str = "utf-8",
    memo: str = "",
    enabled: bool = True,
) -> dict[str, Any]:
    """Map a new host name to an agent; returns the host.

    Raises:
        Refused: the name is mapped already. NoSuchObject: there is no such agent. UsageError: a value is wrong.
    """
    new = Host(host=host, agent_id=agent, enabled=enabled, encoding=encoding, memo=memo)

    def work(tx: Transaction) -> dict[str, Any]:
        present = tx.hosts.find(host)
        if present is not None:
            raise Refused(
                f'host "{host}" is mapped to agent "{present.agent_id}" already',
                hint=f"`jaz-lite host set {host} --agent {agent}` changes it",
            )
        _put(tx, new)
        return host_shown(new)

    return await site.write(work)


async def change(
    site: Site,
    person: Person,
    *,
    host: str,
    agent: str | None = None,
    encoding: str | None = None,
    memo: str | None = None,
    enabled: bool | None = None,
) -> dict[str, Any]:
    """Change what is given of a host; returns the host."""

    def work(tx: Transaction) -> dict[str, Any]:
        present = _get(tx, host)
        changed = Host(
            host=host,
            agent_id=present.agent_id if agent is None else agent,
            enabled=present.enabled if enabled is None else enabled,
            encoding=present.encoding if encoding is None else encoding,
            memo=present.memo if memo is None else memo,
        )
        _put(tx, changed)
        return host_shown(changed)

    return await site.write(work)


async def remove(site: Site, person: Person, *, host: str) -> dict[str, Any]:
    """Forget a host name; jobs for it end in an error that says so. Returns what it was."""

    def work(tx: Transaction) -> dict[str, Any]:
        present = _get(tx, host)
        tx.hosts.remove(host)
        return host_shown(present)

    return await site.write(work)


def _get(nouns: Nouns, host: str) -> Host:
    present = nouns.hosts.find(host)
    if present is None:
        raise NoSuchObject(f'no host is named "{host[:HOST_CHARS_MAX]}"', hint="`jaz-lite host list` shows all")
    return present


def _put(tx: Transaction, host: Host) -> None:
    if not host.host or len(host.host) > HOST_CHARS_MAX or not host.host.isprintable() or " " in host.host:
        raise UsageError(f"a host name has 1 to {HOST_CHARS_MAX} characters without spaces, not {host.host[:200]!r}")
    if len(host.memo) > MEMO_CHARS_MAX:
        raise UsageError(f"the memo is longer than {MEMO_CHARS_MAX} characters")
    try:
        codecs.lookup(host.encoding)
        "".encode(host.encoding)  # some codecs of Python turn bytes into bytes and are no encodings of text
    except LookupError as error:
        raise UsageError(f'"{host.encoding}" is no text encoding', hint="for example utf-8, cp932, euc_jp") from error
    if tx.agents.find(host.agent_id) is None:
        known = ", ".join(sorted(agent.agent_id for agent in tx.agents.list())) or "none yet"
        raise NoSuchObject(
            f'there is no agent "{host.agent_id[:HOST_CHARS_MAX]}"',
            hint=f'agents: {known}; `jaz-lite up` enrols the agent of this machine as "local"',
        )
    tx.hosts.put(host)
