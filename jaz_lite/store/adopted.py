"""Adopted attempts: those that an agent told of before this store had meant them.

They wait for the run they belong to. Their rows are among the attempts; beside each stands what its run will want to
know, until it takes the attempt as its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jaz_lite.store import names
from jaz_lite.store.connection import Sql
from jaz_lite.store.memory import unpack


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """What is kept of an attempt for the run that will take it."""

    k: bytes
    agent_id: str  # which told of it
    run_id: int  # as its agent was told
    occ: str
    jobnet_id: str  # "": its agent did not say
    ended: Mapping[str, Any] | None  # the fields of the event `finished`; None: it has not ended so
    told_ms: int  # when
    ended_ms: int | None  # when it was settled; None: it was not


class AdoptedAttempts:
    """The adopted attempts that no run has taken."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    def put(self, k: bytes, jobnet_id: str) -> None:
        """An attempt that was just put into the store is one nobody here had meant."""
        self._sql.run("insert into adopted (attempt, jobnet) select id, ? from attempts where k = ?", (jobnet_id, k))

    def ended(self, k: bytes, fields: Mapping[str, Any]) -> None:
        """Keep how an attempt ended."""
        self._sql.run(
            "update adopted set ended = ? where attempt = (select id from attempts where k = ?)",
            (self._sql.memory.pack(fields), k),
        )

    def find(self, k: bytes) -> Adopted | None:
        """Return what is kept of an attempt; None where it is no adopted one, or was taken."""
        rows = self._sql.rows(f"{_SELECT} where t.k = ?", (k,))
        return _adopted(rows[0]) if rows else None

    def list(self) -> list[Adopted]:
        """Return those that no run has taken and none shows, oldest first; how they ended is left out."""
        rows = self._sql.rows(
            "select t.k, n.name, t.run_id, t.occ, a.jobnet, null, t.created_ms, t.ended_ms from adopted a"
            " join attempts t on t.id = a.attempt join names n on n.id = t.agent where a.shown = 0 order by a.attempt"
        )
        return [_adopted(row) for row in rows]

    def tellers(self, occ: str) -> Sequence[str]:
        """Return the agents that told of attempts of an occurrence that were not meant here, as if it had been started."""
        rows = self._sql.rows(
            "select distinct n.name from attempts t join names n on n.id = t.agent where t.occ = ? and t.origin = 1",
            (occ,),
        )
        return [name for (name,) in rows]

    def counts(self) -> Sequence[tuple[str, str, int]]:
        """Return how many that no run has taken there are, by agent and occurrence."""
        return self._sql.rows(
            "select n.name, t.occ, count(*) from adopted a join attempts t on t.id = a.attempt"
            " join names n on n.id = t.agent group by n.name, t.occ order by n.name, t.occ"
        )

    def oldest_ms(self) -> int | None:
        """Return when the first was told of that no run has taken and none shows; None: there is none."""
        row = self._sql.row(
            "select min(t.created_ms) from adopted a join attempts t on t.id = a.attempt where a.shown = 0"
        )
        return None if row is None else row[0]

    def take(self, k: bytes, *, run_id: int, node: int, visit: int, host: str, group: str, spec: bytes) -> None:
        """Give an attempt to the run that came to it.

        Args:
            host, group: as for an attempt that is sent.
            spec: the work order, where its end has not come yet.
        """
        sql = self._sql
        changed = sql.change(
            "update attempts set run_id = ?, node = ?, visit = ?, host = ?, host_group = ?, spec = ? where k = ?",
            (
                run_id,
                node,
                visit,
                names.number_of(sql, host),
                names.number_of(sql, group) if group else None,
                spec,
                k,
            ),
        )
        assert changed == 1, f"no attempt has the key {k.hex()}"
        sql.run("delete from adopted where attempt = (select id from attempts where k = ?)", (k,))

    def show(self, occ: str, run_id: int) -> None:
        """A run record shows the attempts of an occurrence that no run has taken."""
        self._sql.run(
            "update attempts set run_id = ? where occ = ? and id in (select attempt from adopted where shown = 0)",
            (run_id, occ),
        )
        self.leave(occ)

    def leave(self, occ: str) -> None:
        """Nothing shows the attempts of an occurrence that no run has taken; retention removes them."""
        self._sql.run("update adopted set shown = 1 where attempt in (select id from attempts where occ = ?)", (occ,))


_SELECT = (
    "select t.k, n.name, t.run_id, t.occ, a.jobnet, a.ended, t.created_ms, t.ended_ms from adopted a"
    " join attempts t on t.id = a.attempt join names n on n.id = t.agent"
)


def _adopted(row: Any) -> Adopted:
    return Adopted(
        k=row[0],
        agent_id=row[1],
        run_id=row[2],
        occ=row[3],
        jobnet_id=row[4],
        ended=None if row[5] is None else unpack(row[5]),
        told_ms=row[6],
        ended_ms=row[7],
    )
