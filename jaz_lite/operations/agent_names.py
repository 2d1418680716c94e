"""Names of agents, and how a name becomes an agent: one way for invitations, bundles and decisions of people."""

import re
from fnmatch import fnmatchcase

from jaz_lite.errors import Refused, UsageError
from jaz_lite.model.host import Host
from jaz_lite.store.agents import AgentRow
from jaz_lite.store.transaction import Nouns, Transaction

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
PATTERN = re.compile(r"[A-Za-z0-9*?][A-Za-z0-9_.*?-]{0,63}")
EMBEDDED = "local"
ALIVE = frozenset(("active", "draining", "quarantined"))


def check_name(name: str) -> None:
    """Refuse what cannot name an agent.

    Raises:
        UsageError: with the rule.
    """
    if not NAME.fullmatch(name):
        raise UsageError(
            f'"{name[:80]}" cannot name an agent',
            hint="a name has 1 to 64 letters, digits, points, hyphens and underscores, and begins with a letter or digit",
        )
    if name == EMBEDDED:
        raise UsageError(f'"{EMBEDDED}" is the agent of the server itself', hint="choose another name")


def check_pattern(pattern: str) -> None:
    """Refuse what is neither a name nor a pattern of names."""
    if not is_pattern(pattern):
        check_name(pattern)
    elif not PATTERN.fullmatch(pattern):
        raise UsageError(f'"{pattern[:80]}" is no pattern of names', hint="for example web* or db?.plant-2")


def is_pattern(name: str) -> bool:
    """Tell whether a name stands for many."""
    return "*" in name or "?" in name


def fits(name: str, pattern: str) -> bool:
    """Tell whether an invitation for `pattern` is good for `name`."""
    return fnmatchcase(name, pattern)


def is_alive(nouns: Nouns, name: str) -> bool:
    """Tell whether an agent of this name may connect."""
    row = nouns.agents.find(name)
    return row is not None and row.state in ALIVE


def refuse_living(nouns: Nouns, name: str, *, replaces: bool) -> None:
    """Refuse a name that an agent has, unless it may be taken from it.

    Raises:
        Refused: the name is taken.
    """
    if not replaces and is_alive(nouns, name):
        raise Refused(
            f'there is an agent "{name}" already',
            hint="--replace lets the new one take its place; `jaz-lite agent revoke` ends it for good",
        )


def make_agent(tx: Transaction, name: str, *, key: bytes, now_ms: int) -> AgentRow:
    """Save an agent with a new key. One of that name keeps its records' place and loses its old key.

    Notes:
        A host of its name leads to it, so that definitions can use it at once; a host that exists stays as it is.
    """
    old = tx.agents.find(name)
    if old is None:
        row = AgentRow(agent_id=name, kid=1, key=key, created_ms=now_ms)
        tx.agents.put(row)
    else:
        pending = tx.credentials.next_key(name)
        kid = max(old.kid, pending.kid if pending else 0) + 1
        tx.agents.update(name, kid=kid, key=key, state="active")
        row = tx.agents.find(name) or old
    tx.credentials.forget(name)
    if tx.hosts.find(name) is None:
        tx.hosts.put(Host(host=name, agent_id=name))
    return row


def known_names(nouns: Nouns) -> str:
    """Return the names of all agents, for a hint."""
    return ", ".join(row.agent_id for row in nouns.agents.list()) or "none yet"
