"""Attempts: what agents were asked to do, and what became of it (protocol.md section 6.5).

An attempt is *open* until its fate is settled: done, failed or cancelled. `unknown` and `abandoned` are open too, since
late evidence may still come.
"""

# Statements are put together from constants of this file; values are always bound.
# ruff: noqa: S608

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from jaz_lite.store import names
from jaz_lite.store.connection import Row, Sql
from jaz_lite.store.run_rows import own_occ

AttemptState = Literal[
    "ready", "sent", "accepted", "running", "stopping", "done", "failed", "unknown", "cancelled", "abandoned"
]
AttemptOrigin = Literal["sent", "adopted"]  # adopted: an agent told of it, this store had not heard of it

ATTEMPT_STATES: tuple[AttemptState, ...] = get_args(AttemptState)
SETTLED_STATES: frozenset[str] = frozenset(("done", "failed", "cancelled"))
ORIGINS: tuple[AttemptOrigin, ...] = get_args(AttemptOrigin)

STATE_NUMBER: Mapping[str, int] = {state: number for number, state in enumerate(ATTEMPT_STATES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt.

    `spec` is the packed work order, kept to be sent again byte for byte; it may hold secrets and is wiped when the
    attempt is settled.
    """

    k: bytes  # natural key, 16 bytes
    run_id: int
    node: int  # -1: adopted, its icon is not known
    visit: int
    key_path: str
    attempt: int
    occ: str
    agent_id: str
    host: str
    kind: str
    state: str = "ready"  # one of ATTEMPT_STATES
    digest: bytes = b""
    spec: bytes = b""
    boot_sent: bytes | None = None  # boot id of the agent's machine when it was sent
    term_sent: int | None = None
    exit_code: int | None = None
    signal: int | None = None
    why: str = ""
    message: str = ""
    created_ms: int
    sent_ms: int | None = None
    accepted_ms: int | None = None
    started_ms: int | None = None
    ended_ms: int | None = None
    out_bytes: int = 0  # what the process wrote, as its agent counted; `Output.length` is what is stored
    err_bytes: int = 0
    origin: str = "sent"
    group: str = ""  # the group host it may go elsewhere in if it is refused; unbound while `agent_id` is ""


_COLUMNS = (
    "k, run_id, node, visit, key_path, attempt, occ, agent, host, kind, state, digest, spec, boot_sent, term_sent,"
    " exit_code, signal, why, message, created_ms, sent_ms, accepted_ms, started_ms, ended_ms, out_bytes, err_bytes,"
    " origin, host_group"
)
_SELECT = f"select {_COLUMNS} from attempts"
_INSERT = f"insert into attempts ({_COLUMNS}) values ({', '.join('?' * 28)})"

_CHANGEABLE = frozenset(
    (
        "agent_id",
        "host",
        "state",
        "digest",
        "spec",
        "boot_sent",
        "term_sent",
        "exit_code",
        "signal",
        "why",
        "message",
        "sent_ms",
        "accepted_ms",
        "started_ms",
        "ended_ms",
        "out_bytes",
        "err_bytes",
    )
)
_COLUMN_OF = {"agent_id": "agent"}
_updates: dict[tuple[str, ...], str] = {}  # statement texts by the fields they set: SQLite's cache wants the same text


class Attempts:
    """All attempts, by their natural key."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    def insert(self, attempt: Attempt) -> None:
        """Put a new attempt into the store; its key must be new."""
        sql = self._sql
        sql.run(
            _INSERT,
            (
                attempt.k,
                attempt.run_id,
                attempt.node,
                attempt.visit,
                attempt.key_path,
                attempt.attempt,
                None if attempt.occ == own_occ(attempt.run_id) and attempt.origin == "sent" else attempt.occ,
                names.number_of(sql, attempt.agent_id),
                names.number_of(sql, attempt.host),
                names.number_of(sql, attempt.kind),
                STATE_NUMBER[attempt.state],
                attempt.digest,
                attempt.spec,
                attempt.boot_sent,
                attempt.term_sent,
                attempt.exit_code,
                attempt.signal,
                attempt.why,
                attempt.message,
                attempt.created_ms,
                attempt.sent_ms,
                attempt.accepted_ms,
                attempt.started_ms,
                attempt.ended_ms,
                attempt.out_bytes,
                attempt.err_bytes,
                ORIGINS.index(attempt.origin),
                names.number_of(sql, attempt.group) if attempt.group else None,
            ),
        )

    def update(self, k: bytes, **fields: Any) -> None:
        """Change fields of an attempt; a settled state wants its `ended_ms`, and wipes the work order.

        Args:
            fields: of `Attempt`, but not what its key is made of.
        """
        if not fields:
            return
        if fields.get("state") in SETTLED_STATES:
            fields["spec"] = b""
        present = tuple(fields)
        text = _updates.get(present)
        if text is None:
            assert _CHANGEABLE.issuperset(present), f"not to be changed: {set(present) - _CHANGEABLE}"
            sets = ", ".join(f"{_COLUMN_OF.get(name, name)} = ?" for name in present)
            text = _updates[present] = f"update attempts set {sets} where k = ?"
        values = [self._stored(name, value) for name, value in fields.items()]
        values.append(k)
        changed = self._sql.change(text, values)
        assert changed == 1, f"no attempt has the key {k.hex()}"

    def _stored(self, name: str, value: Any) -> Any:
        if name == "state":
            return STATE_NUMBER[value]
        if name in ("agent_id", "host"):
            return names.number_of(self._sql, value)
        return value

    def find(self, k: bytes) -> Attempt | None:
        """Return an attempt, or None."""
        row = self._sql.row(_SELECT + " where k = ?", (k,))
        return None if row is None else self._attempt(row)

    def remove(self, k: bytes) -> None:
        """Forget an attempt and its output."""
        self._sql.run("delete from attempts where k = ?", (k,))

    def open_of(self, agent_id: str) -> list[Attempt]:
        """Return the open attempts of an agent, oldest first."""
        number = names.find_number(self._sql, agent_id)
        if number is None:
            return []
        rows = self._sql.rows(_SELECT + " where agent = ? and state not in (5, 6, 8) order by id", (number,))
        return [self._attempt(row) for row in rows]

    def of_run(self, run_id: int) -> list[Attempt]:
        """Return the attempts of a run, oldest first."""
        rows = self._sql.rows(_SELECT + " where run_id = ? order by id", (run_id,))
        return [self._attempt(row) for row in rows]

    def _attempt(self, row: Row) -> Attempt:
        sql = self._sql
        return Attempt(
            k=row[0],
            run_id=row[1],
            node=row[2],
            visit=row[3],
            key_path=row[4],
            attempt=row[5],
            occ=own_occ(row[1]) if row[6] is None else row[6],
            agent_id=names.name_of(sql, row[7]),
            host=names.name_of(sql, row[8]),
            kind=names.name_of(sql, row[9]),
            state=ATTEMPT_STATES[row[10]],
            digest=row[11],
            spec=row[12],
            boot_sent=row[13],
            term_sent=row[14],
            exit_code=row[15],
            signal=row[16],
            why=row[17],
            message=row[18],
            created_ms=row[19],
            sent_ms=row[20],
            accepted_ms=row[21],
            started_ms=row[22],
            ended_ms=row[23],
            out_bytes=row[24],
            err_bytes=row[25],
            origin=ORIGINS[row[26]],
            group="" if row[27] is None else names.name_of(sql, row[27]),
        )
