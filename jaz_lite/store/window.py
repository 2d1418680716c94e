"""The uncertainty window: the span in which an earlier active may have done what this store knows nothing of.

Opened when a copy is activated, and when this directory turns out to have been set back (protocol.md 8.4). Runs of
that span are *replayed*: whatever they come to may have been done already, and agents are the witnesses. One window is
open at a time; another activation makes it wider.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from jaz_lite.store.connection import Row, Sql

WindowReason = Literal["activated", "set_back"]
REASONS: tuple[WindowReason, ...] = get_args(WindowReason)
KEEP_S_DEFAULT = 7 * 86_400  # what an agent keeps that has never said it
KEEP_MARGIN_MS = 86_400_000  # so much earlier than agents forget, their silence is not believed any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One uncertainty window. Both ends are included.

    too_old: it begins before the time of which agents have all records, so nothing proves that an attempt was not made.
    """

    number: int
    from_ms: int
    until_ms: int
    epoch: int
    reason: WindowReason
    too_old: bool

    def holds(self, at_ms: int) -> bool:
        """Tell whether a time lies in it."""
        return self.from_ms <= at_ms <= self.until_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """An agent, as a witness of the window."""

    agent_id: str
    heard_ms: int | None = None  # when it had told all that it knows; None: not since the window was opened
    no_proof: str = (
        ""  # "setback", "gap", "too_old": why its having no record of an attempt proves nothing; "": it does
    )


class Windows:
    """The window that is open, and its witnesses."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    def open(self, from_ms: int, until_ms: int, epoch: int, reason: WindowReason) -> Window:
        """Open a window; one that is open becomes part of it. Runs that were to run in it are replayed from now on.

        Args:
            from_ms: a minute before the last tick that the store holds; not after `until_ms`.
            until_ms: the present time.
            epoch: the one in which the agents are to confirm.
        """
        from_ms = min(from_ms, until_ms)
        present = self.current()
        if present is not None:
            from_ms = min(from_ms, present.from_ms)
            self.close(until_ms)
        too_old = until_ms - from_ms > self._keep_ms() - KEEP_MARGIN_MS
        self._sql.run(
            "insert into windows (from_ms, until_ms, epoch, reason, too_old) values (?, ?, ?, ?, ?)",
            (from_ms, until_ms, epoch, REASONS.index(reason), too_old),
        )
        self._call_witnesses(too_old=too_old)
        self._replay_live(from_ms, until_ms)
        window = self.current()
        assert window is not None, "it was opened just now"
        return window

    def _keep_ms(self) -> int:
        row = self._sql.row("select min(coalesce(keep_s, ?)) from agents where state <> 3", (KEEP_S_DEFAULT,))
        return (KEEP_S_DEFAULT if row is None or row[0] is None else int(row[0])) * 1000

    def _call_witnesses(self, *, too_old: bool) -> None:
        """All agents that may come are to be heard; what was lost of the records of some stays lost."""
        sql = self._sql
        sql.run(
            "insert into witnesses (agent_id, no_proof) select agent_id, '' from agents where state in (0, 1)"
            " on conflict (agent_id) do update set heard_ms = null"
        )
        sql.run("delete from witnesses where agent_id not in (select agent_id from agents where state in (0, 1))")
        if too_old:
            sql.run("update witnesses set no_proof = 'too_old' where no_proof = ''")

    def _replay_live(self, from_ms: int, until_ms: int) -> None:
        """A live run is replayed if it had begun, or was to begin by now; what lies ahead, nobody can have done."""
        self._sql.run(
            "update runs set replayed_since_ms = min(coalesce(replayed_since_ms, 9223372036854775807),"
            " case when state = 0 then max(?1, coalesce(scheduled_ms, ?1)) else ?1 end)"
            " where state not in (3, 5) and (state <> 0 or scheduled_ms is null or scheduled_ms <= ?2)",
            (from_ms, until_ms),
        )

    def current(self) -> Window | None:
        """Return the window that is open, or None."""
        row = self._sql.row(
            "select id, from_ms, until_ms, epoch, reason, too_old from windows where closed_ms is null"
            " order by id desc limit 1"
        )
        return None if row is None else _window(row)

    def missing_since(self, epoch: int) -> int | None:
        """Return from when on what a server of this epoch did may be missing here; None: no takeover says so."""
        row = self._sql.row(
            "select min(from_ms) from windows where epoch > ? and reason = ?", (epoch, REASONS.index("activated"))
        )
        return None if row is None or row[0] is None else int(row[0])

    def close(self, at_ms: int) -> None:
        """Close the window that is open: nothing of it is uncertain any more."""
        self._sql.run("update windows set closed_ms = ? where closed_ms is null", (at_ms,))

    # ---- witnesses

    def witnesses(self) -> Mapping[str, Witness]:
        """Return what is known of agents as witnesses; nothing is known from one that is not there."""
        rows = self._sql.rows("select agent_id, heard_ms, no_proof from witnesses order by agent_id")
        return {name: Witness(agent_id=name, heard_ms=heard_ms, no_proof=why) for name, heard_ms, why in rows}

    def heard(self, agent_id: str, at_ms: int) -> None:
        """An agent has told all that it knows: nothing that was sent to it before can still arrive."""
        self._sql.run("update witnesses set heard_ms = ? where agent_id = ?", (at_ms, agent_id))

    def not_believed(self, agent_id: str, why: str) -> None:
        """Records of an agent were lost that may have been about the window."""
        self._sql.run("update witnesses set no_proof = ? where agent_id = ?", (why, agent_id))

    def dismiss(self, agent_id: str) -> None:
        """An agent was refused for good: nobody waits for what it has to say."""
        self._sql.run("delete from witnesses where agent_id = ?", (agent_id,))

    def forget_witnesses(self) -> None:
        """No replayed run is left that could come to something for which a witness is needed."""
        self._sql.run("delete from witnesses")

    def replayed_live(self) -> list[int]:
        """Return the replayed runs that are not over, oldest first."""
        rows = self._sql.rows(
            "select run_id from runs where state not in (3, 5) and replayed_since_ms is not null order by run_id"
        )
        return [run_id for (run_id,) in rows]


def _window(row: Row) -> Window:
    return Window(
        number=row[0], from_ms=row[1], until_ms=row[2], epoch=row[3], reason=REASONS[row[4]], too_old=bool(row[5])
    )
