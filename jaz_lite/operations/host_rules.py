"""What a host must be: names, encodings, agents that exist, and groups that do not contain themselves."""

import difflib
from collections.abc import Iterator

from jaz_lite.errors import NoSuchObject, Refused, UsageError
from jaz_lite.model.encoding import is_text_encoding
from jaz_lite.model.host import Host
from jaz_lite.store.transaction import Nouns

HOST_CHARS_MAX = 128
USER_CHARS_MAX = 64
ENCODING_CHARS_MAX = 16  # what a work order carries
MEMBERS_MAX = 1_000


def check(nouns: Nouns, host: Host) -> None:
    """Refuse a host that could not be used, before it is saved.

    Raises:
        UsageError, NoSuchObject, Refused: with the sentence.
    """
    if not host.host or len(host.host) > HOST_CHARS_MAX or not host.host.isprintable() or " " in host.host:
        raise UsageError(f"a host name has 1 to {HOST_CHARS_MAX} characters without spaces, not {host.host[:200]!r}")
    if "," in host.host:
        raise UsageError(f'host name "{host.host}" has a comma, which separates the members of groups')
    _check_encoding(host.encoding)
    if host.kind == "agent":
        _check_agent(nouns, host.agent_id)
    elif host.kind == "group":
        _check_group(nouns, host)
    else:
        _check_ssh(host)
        refuse_if_member(nouns, host.host, "become an SSH target")


def refuse_if_member(nouns: Nouns, host: str, what: str) -> None:
    """Refuse something that a member of a group cannot do; an agent of the same name would silently take its place.

    Raises:
        Refused: the sentence says which groups.
    """
    groups = nouns.hosts.groups_of(host)
    if groups:
        told = ", ".join(f'"{group}"' for group in groups)
        raise Refused(
            f'host "{host}" cannot {what}: it is a member of the group{"s" if len(groups) > 1 else ""} {told}',
            hint=f"`jaz-lite host set {groups[0]} --group ...` changes its members",
        )


def agents_behind(nouns: Nouns, host: Host) -> Iterator[str]:
    """Give the agents that work for a host may go to, each once; whether they are enabled is not asked."""
    seen: set[str] = set()
    found: set[str] = set()
    todo = [host]
    while todo:
        each = todo.pop()
        if each.host in seen:
            continue
        seen.add(each.host)
        for name in (each.agent_id,) if each.kind == "agent" else each.members:
            inner = nouns.hosts.find(name) if each.kind == "group" else None
            if inner is not None:
                todo.append(inner)
            elif name not in found and (each.kind == "agent" or nouns.agents.find(name) is not None):
                found.add(name)
                yield name


def _check_encoding(encoding: str) -> None:
    if encoding and not is_text_encoding(encoding):
        hint = "for example utf-8, cp932, euc_jp, utf-16, or nothing: as the agent says"
        raise UsageError(f'"{encoding[:50]}" is no text encoding', hint=hint)
    if len(encoding) > ENCODING_CHARS_MAX:
        raise UsageError(f'the name of the encoding "{encoding}" is too long', hint="most have a shorter one")


def _check_agent(nouns: Nouns, agent_id: str) -> None:
    if nouns.agents.find(agent_id) is None:
        known = ", ".join(agent.agent_id for agent in nouns.agents.list()) or "none yet"
        raise NoSuchObject(
            f'there is no agent "{agent_id[:HOST_CHARS_MAX]}"',
            hint=f'agents: {known}; `jaz-lite up` enrols the agent of this machine as "local"',
        )


def _check_group(nouns: Nouns, group: Host) -> None:
    if not 1 <= len(group.members) <= MEMBERS_MAX:
        raise UsageError(f'group "{group.host}" must have 1 to {MEMBERS_MAX} members, not {len(group.members)}')
    for place, name in enumerate(group.members):
        if name in group.members[:place]:
            raise UsageError(f'group "{group.host}" names "{name[:HOST_CHARS_MAX]}" twice')
        member = nouns.hosts.find(name)
        if name == group.host:
            raise Refused(f'group "{group.host}" would contain itself')
        if member is None and nouns.agents.find(name) is None:
            known = [*(host.host for host in nouns.hosts.list()), *(agent.agent_id for agent in nouns.agents.list())]
            near = difflib.get_close_matches(name, known, 1)
            raise NoSuchObject(
                f'group "{group.host}" names "{name[:HOST_CHARS_MAX]}", which is neither a host nor an agent',
                hint=f'did you mean "{near[0]}"?' if near else "`jaz-lite host list` shows the hosts",
            )
        if member is not None and member.kind == "ssh":
            raise Refused(f'group "{group.host}" cannot have the SSH target "{name}" as a member: it has no agent')
        if member is not None and (way := _way(nouns, member, group.host)):
            raise Refused(f'group "{group.host}" would contain itself: {" → ".join((group.host, *way))}')


def _way(nouns: Nouns, first: Host, target: str) -> tuple[str, ...]:
    """Return the hosts from `first` to `target`, both included; empty where there is no way."""
    ways: list[tuple[str, ...]] = [(first.host,)]
    seen = {first.host}
    for way in ways:  # grows while it is walked
        if way[-1] == target:
            return way
        host = nouns.hosts.find(way[-1])
        for name in () if host is None else host.members:
            if name not in seen:
                seen.add(name)
                ways.append((*way, name))
    return ()


def _check_ssh(host: Host) -> None:
    user = host.user
    if len(user) > USER_CHARS_MAX or not user.isprintable() or " " in user:
        raise UsageError(f"the user of an SSH target has at most {USER_CHARS_MAX} characters without spaces")
    if len(host.address) > HOST_CHARS_MAX or not host.address.isprintable() or host.address.startswith("-"):
        raise UsageError(f"{host.address[:200]!r} is no address", hint="write [user@]host[:port]")
