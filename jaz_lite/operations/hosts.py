"""Host names as definitions use them, and what stands behind them: an agent, a group, or an SSH target."""

from typing import Any

from jaz_lite.errors import NoSuchObject, Refused, UsageError
from jaz_lite.model.host import SSH_PORT, Host
from jaz_lite.net.dial import parse_address
from jaz_lite.operations import host_rules
from jaz_lite.operations.host_locks import lock_shown
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Site
from jaz_lite.store.transaction import Nouns, Transaction

MEMO_CHARS_MAX = 100


def host_shown(site: Site, nouns: Nouns, host: Host) -> dict[str, Any]:
    """Return a host as JSON tells it.

    `reachable` is None where no server runs or no agent stands behind it; `lock` is the reboot that keeps other work
    away from its agent.
    """
    return {
        "host": host.host,
        "kind": host.kind,
        "agent_id": host.agent_id,
        "members": list(host.members),
        "address": host.address,
        "port": host.port if host.kind == "ssh" else None,
        "user": host.user,
        "target": host.target,
        "reachable": _reachable(site, nouns, host),
        "enabled": host.enabled,
        "encoding": host.encoding,
        "memo": host.memo,
        "lock": _lock(site, nouns, host),
    }


def _lock(site: Site, nouns: Nouns, host: Host) -> dict[str, Any] | None:
    lock = nouns.host_locks.find(host.agent_id) if host.agent_id else None
    return None if lock is None else lock_shown(lock, site.zone)


def _reachable(site: Site, nouns: Nouns, host: Host) -> bool | None:
    if site.control is None or host.kind == "ssh":
        return None
    return any(site.control.reachable(agent_id) for agent_id in host_rules.agents_behind(nouns, host))


async def listed(site: Site, person: Person) -> dict[str, Any]:
    """Return `{"hosts": [...]}`, by name."""
    return await site.read(lambda view: {"hosts": [host_shown(site, view, host) for host in view.hosts.list()]})


async def show(site: Site, person: Person, *, host: str) -> dict[str, Any]:
    """Return a host, the groups that name it, and of a group why each member takes no work now (`obstacles`)."""

    def look(nouns: Nouns) -> dict[str, Any]:
        present = _get(nouns, host)
        return {**host_shown(site, nouns, present), "in_groups": list(nouns.hosts.groups_of(host))}

    shown = await site.read(look)
    members = None if site.control is None else site.control.group_members(host)
    obstacles = None if members is None else [{"member": name, "why": why} for name, why in members]
    return {**shown, "obstacles": obstacles}


async def add(
    site: Site,
    person: Person,
    *,
    host: str,
    agent: str | None = None,
    group: list[str] | None = None,
    ssh: str | None = None,
    encoding: str = "",
    memo: str = "",
    enabled: bool = True,
) -> dict[str, Any]:
    """Map a new host name to an agent, a group of hosts and agents, or an SSH target; returns the host.

    Args:
        group: names of hosts or agents, in the order in which equals are taken. ssh: `[user@]host[:port]`.
        encoding: of the output of its jobs; "" as the agent says.

    Raises:
        Refused: the name is mapped already, or a group would contain itself. NoSuchObject: there is no such agent or
            member. UsageError: a value is wrong.
    """
    new = _aimed(Host(host=host, enabled=enabled, encoding=encoding, memo=memo), agent, group, ssh)
    if new is None:
        raise UsageError(f'what host "{host[:100]}" stands for is not given', hint="give --agent, --group or --ssh")

    def work(tx: Transaction) -> dict[str, Any]:
        present = tx.hosts.find(host)
        if present is not None:
            raise Refused(
                f'host "{host}" is mapped to {_words(present)} already',
                hint=f"`jaz-lite host set {host} --{new.kind} {new.target}` changes it",
            )
        _put(tx, new)
        return host_shown(site, tx, new)

    return await site.write(work)


async def change(
    site: Site,
    person: Person,
    *,
    host: str,
    agent: str | None = None,
    group: list[str] | None = None,
    ssh: str | None = None,
    encoding: str | None = None,
    memo: str | None = None,
    enabled: bool | None = None,
) -> dict[str, Any]:
    """Change what is given of a host; returns the host. See `add` for the arguments."""

    def work(tx: Transaction) -> dict[str, Any]:
        present = _get(tx, host)
        frame = Host(
            host=host,
            enabled=present.enabled if enabled is None else enabled,
            encoding=present.encoding if encoding is None else encoding,
            memo=present.memo if memo is None else memo,
        )
        changed = _aimed(frame, agent, group, ssh) or Host(
            host=host,
            kind=present.kind,
            agent_id=present.agent_id,
            members=present.members,
            address=present.address,
            port=present.port,
            user=present.user,
            enabled=frame.enabled,
            encoding=frame.encoding,
            memo=frame.memo,
        )
        _put(tx, changed)
        return host_shown(site, tx, changed)

    return await site.write(work)


async def remove(site: Site, person: Person, *, host: str) -> dict[str, Any]:
    """Forget a host name; jobs for it end in an error that says so. Returns what it was.

    Raises:
        Refused: a group has it as a member.
    """

    def work(tx: Transaction) -> dict[str, Any]:
        present = _get(tx, host)
        host_rules.refuse_if_member(tx, host, "be removed")
        tx.hosts.remove(host)
        return host_shown(site, tx, present)

    return await site.write(work)


def _get(nouns: Nouns, host: str) -> Host:
    present = nouns.hosts.find(host)
    if present is None:
        name = host[: host_rules.HOST_CHARS_MAX]
        raise NoSuchObject(f'no host is named "{name}"', hint="`jaz-lite host list` shows all")
    return present


def _aimed(frame: Host, agent: str | None, group: list[str] | None, ssh: str | None) -> Host | None:
    """Return the host with what it stands for; None where nothing is said about that."""
    if sum(each is not None for each in (agent, group, ssh)) > 1:
        raise UsageError("a host stands for an agent, a group or an SSH target, and only one of them is to be given")
    more = {"host": frame.host, "enabled": frame.enabled, "encoding": frame.encoding, "memo": frame.memo}
    if agent is not None:
        return Host(agent_id=agent, **more)  # type: ignore[arg-type]  # the four are of the right types
    if group is not None:
        return Host(kind="group", members=tuple(group), **more)  # type: ignore[arg-type]
    if ssh is not None:
        user, _, place = ssh.rpartition("@")
        address = parse_address(place, SSH_PORT)
        return Host(kind="ssh", address=address.host, port=address.port, user=user, **more)  # type: ignore[arg-type]
    return None


def _words(host: Host) -> str:
    what = {"agent": "agent", "group": "the group", "ssh": "the SSH target"}[host.kind]
    return f'{what} "{host.target}"'


def _put(tx: Transaction, host: Host) -> None:
    host_rules.check(tx, host)
    if len(host.memo) > MEMO_CHARS_MAX:
        raise UsageError(f"the memo is longer than {MEMO_CHARS_MAX} characters")
    tx.hosts.put(host)
