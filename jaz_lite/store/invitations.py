"""Invitations, what was given for them, and requests of agents that came without one."""

# Statements are put together from constants of this file; values are always bound.
# ruff: noqa: S608

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from jaz_lite.store.connection import Row, Sql
from jaz_lite.store.keys import Keys

RequestState = Literal["waiting", "accepted", "rejected"]
REQUEST_STATES: tuple[RequestState, ...] = get_args(RequestState)
REQUEST_STATE_NUMBER: Mapping[str, int] = {state: number for number, state in enumerate(REQUEST_STATES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """One token, without its secret. The key is plain here and sealed in the file."""

    token_id: bytes
    name: str  # of the agent, or a pattern of names
    key: bytes
    uses_left: int
    replaces: bool  # may take the name of a living agent
    cert: bytes
    created_ms: int
    created_by: str
    expires_ms: int
    withdrawn_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What was given to the nonce of an agent."""

    nonce: bytes
    agent_id: str
    kid: int
    at_ms: int
    confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An agent without a token, and what a person decided about it."""

    nonce: bytes
    name: str
    address: str
    version: str
    os: str
    arch: str
    state: RequestState = "waiting"
    replaces: bool = False
    asked_ms: int
    seen_ms: int


_INVITATION = tuple(field.name for field in fields(Invitation))
_REQUEST = tuple(field.name for field in fields(Request))


class Invitations:
    """All invitations, also those that can no longer be used, for as long as somebody may come with them."""

    def __init__(self, sql: Sql, keys: Callable[[], Keys]) -> None:
        self._sql = sql
        self._keys = keys

    def add(self, row: Invitation) -> None:
        """Save a new invitation."""
        values = [self._keys().seal(row.key) if name == "key" else getattr(row, name) for name in _INVITATION]
        self._sql.run(
            f"insert into invitations ({', '.join(_INVITATION)}) values ({', '.join('?' * len(values))})", values
        )

    def find(self, token_id: bytes) -> Invitation | None:
        """Return an invitation, or None."""
        row = self._sql.row(f"select {', '.join(_INVITATION)} from invitations where token_id = ?", (token_id,))
        return None if row is None else self._invitation(row)

    def list(self) -> Sequence[Invitation]:
        """Return all invitations, oldest first."""
        return [
            self._invitation(row)
            for row in self._sql.rows(f"select {', '.join(_INVITATION)} from invitations order by id")
        ]

    def use(self, token_id: bytes) -> None:
        """Count one use."""
        changed = self._sql.change(
            "update invitations set uses_left = uses_left - 1 where token_id = ? and uses_left > 0", (token_id,)
        )
        assert changed == 1, "an invitation was used that was used up"

    def withdraw(self, token_id: bytes, at_ms: int) -> None:
        """Let nobody in with it any more."""
        self._sql.run("update invitations set withdrawn_ms = ? where token_id = ?", (at_ms, token_id))

    def forget(self, before_ms: int) -> None:
        """Remove what expired, and what was given, before a time."""
        self._sql.run("delete from invitations where expires_ms < ?", (before_ms,))
        self._sql.run("delete from enrolments where at_ms < ?", (before_ms,))

    # ---- what was given

    def given_to(self, nonce: bytes) -> Given | None:
        """Return what was given to a nonce, or None."""
        row = self._sql.row("select nonce, agent_id, kid, at_ms, confirmed from enrolments where nonce = ?", (nonce,))
        return (
            None
            if row is None
            else Given(nonce=row[0], agent_id=row[1], kid=row[2], at_ms=row[3], confirmed=bool(row[4]))
        )

    def give(self, given: Given) -> None:
        """Note what is given to a nonce."""
        self._sql.run(
            "insert or replace into enrolments (nonce, agent_id, kid, at_ms, confirmed) values (?, ?, ?, ?, ?)",
            (given.nonce, given.agent_id, given.kid, given.at_ms, given.confirmed),
        )

    def confirm(self, nonce: bytes) -> None:
        """The agent has what was given."""
        self._sql.run("update enrolments set confirmed = 1 where nonce = ?", (nonce,))

    def _invitation(self, row: Row) -> Invitation:
        named: dict[str, Any] = dict(zip(_INVITATION, row, strict=True))
        named["key"] = self._keys().unseal(named["key"])
        named["replaces"] = bool(named["replaces"])
        return Invitation(**named)


class Requests:
    """Agents that wait to be let in."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    def put(self, row: Request) -> None:
        """Save a request, new or known."""
        values = [REQUEST_STATE_NUMBER[row.state] if name == "state" else getattr(row, name) for name in _REQUEST]
        sets = ", ".join(f"{name} = excluded.{name}" for name in _REQUEST if name != "nonce")
        self._sql.run(
            f"insert into requests ({', '.join(_REQUEST)}) values ({', '.join('?' * len(values))})"
            f" on conflict (nonce) do update set {sets}",
            values,
        )

    def find(self, nonce: bytes) -> Request | None:
        """Return the request with a nonce, or None."""
        row = self._sql.row(f"select {', '.join(_REQUEST)} from requests where nonce = ?", (nonce,))
        return None if row is None else _request(row)

    def list(self) -> Sequence[Request]:
        """Return all requests, oldest first."""
        return [_request(row) for row in self._sql.rows(f"select {', '.join(_REQUEST)} from requests order by id")]

    def remove(self, nonce: bytes) -> None:
        """Forget a request."""
        self._sql.run("delete from requests where nonce = ?", (nonce,))

    def forget(self, before_ms: int) -> None:
        """Remove those that were last heard of before a time."""
        self._sql.run("delete from requests where seen_ms < ?", (before_ms,))


def _request(row: Row) -> Request:
    named: dict[str, Any] = dict(zip(_REQUEST, row, strict=True))
    named["state"] = REQUEST_STATES[named["state"]]
    named["replaces"] = bool(named["replaces"])
    return Request(**named)
