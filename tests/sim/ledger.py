"""What one data directory holds, as committed: compared with the truth at every commit, and with itself at every boot.

A copy of the directory is a copy of its ledger: what was acknowledged after it was taken is nothing it must know.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from jaz_lite.model.event import Event, WorkEnded
from jaz_lite.model.run import DOUBT_REASONS, RUN_OVER, Run
from jaz_lite.store.term import FIRST_EPOCH
from jaz_lite.wire.events import unpack_event
from jaz_lite.wire.ident import term_of
from tests.sim.agent_log import Log
from tests.sim.reboots import KIND as REBOOT

if TYPE_CHECKING:
    from jaz_lite.runner.turn import Turn
    from tests.sim.oracle import Oracle
    from tests.sim.server import Server

FINAL = frozenset(("done", "failed", "cancelled"))
FINISHING = {"finished": "done", "failed": "failed", "cancelled": "cancelled"}
INBOX_MAX = 20_000
SESSIONS_MAX = 64  # what a listening server lets in of strangers; there are three agents at most
BUFFER_BYTES_MAX = 8 * 1024 * 1024


@dataclass
class Tx:
    """What a transaction in the making has changed."""

    attempts: list[tuple[bytes, dict[str, Any]]] = field(default_factory=list)
    cursors: dict[str, tuple[bytes, int, bytes]] = field(default_factory=dict)
    runs: dict[int, str] = field(default_factory=dict)
    locks: dict[str, bytes | None] = field(default_factory=dict)
    sent: list[tuple[bytes, str]] = field(default_factory=list)
    output: dict[tuple[bytes, int], int] = field(default_factory=dict)
    raised: list[tuple[int, Event]] = field(default_factory=list)


class Ledger:
    """See the module. `name` is that of the server, for the trace."""

    def __init__(self, oracle: Oracle, name: str = "server") -> None:
        self.oracle = oracle
        self.name = name
        self.tx = Tx()
        self.attempts: dict[bytes, dict[str, Any]] = {}
        self.cursors: dict[str, tuple[bytes, int, bytes]] = {}
        self.run_states: dict[int, str] = {}
        self.output: dict[tuple[bytes, int], int] = {}
        self.finished: dict[bytes, tuple[str, Any]] = {}  # by events behind a cursor: name and fields of the end
        self.seen_ended: Counter[bytes] = Counter()
        self.memory: dict[int, Run] = {}  # live runs as of the last turn
        self.unsent: set[bytes] = set()  # attempts that were withdrawn before they were sent
        self.was_set_back = False  # in place, with nobody to tell it
        self.acked_runs: set[int] = set()
        self.acked_memos: dict[str, str] = {}
        self.term, self.act = term_of(FIRST_EPOCH, 0), b""  # of the last process

    # ---- what a transaction does, told by `observe.py`

    def copy(self) -> Ledger:
        """Return that of a copy of the directory, as it is now."""
        other = Ledger(self.oracle, self.name)
        other.attempts = {k: dict(row) for k, row in self.attempts.items()}
        other.cursors, other.run_states = dict(self.cursors), dict(self.run_states)
        other.output, other.finished = dict(self.output), dict(self.finished)
        other.seen_ended, other.memory = self.seen_ended.copy(), dict(self.memory)
        other.term, other.act, other.was_set_back = self.term, self.act, self.was_set_back
        other.unsent = set(self.unsent)
        other.acked_runs, other.acked_memos = set(self.acked_runs), dict(self.acked_memos)
        return other

    @property
    def has_others(self) -> bool:
        """Tell whether there are, or were, other histories of this site, which may have done what this one withdrew."""
        return self.was_set_back or len(self.oracle.ledgers) > 1

    def begun(self) -> None:
        """A transaction begins."""
        self.tx = Tx()

    def output_stored(self, k: bytes, stream: int, before: int, after: int, stored: bytes) -> None:
        """Output was stored, to be committed."""
        truth = self.oracle.written[k.hex(), stream]
        if bytes(truth[before:after]) != stored or after > len(truth):
            self.oracle.fail("I9", f"output {stream} of {k.hex()} at {before} is not what the job wrote")
        self.tx.output[k, stream] = after

    def tx_committed(self) -> None:
        """A transaction is durable: compare what it did."""
        tx, self.tx = self.tx, Tx()
        self.output.update(tx.output)
        changed: set[bytes] = set()
        made: set[bytes] = set()
        for k, fields in tx.attempts:
            if k not in self.attempts:
                made.add(k)
            self._attempt_changed(tx, k, fields)
            changed.add(k)
        for run_id, state in tx.runs.items():
            before = self.run_states.get(run_id)
            if before in RUN_OVER and state != before:
                self.oracle.fail("I7", f"run {run_id} was {before} and is now {state}")
            self.run_states[run_id] = state
        for run_id, event in tx.raised:
            if isinstance(event, WorkEnded):
                self._work_ended(run_id, event)
        for agent_id, cursor in tx.cursors.items():
            self._cursor_moved(agent_id, *cursor, made)
        self.oracle.reboots.committed(tx.locks, tx.sent)
        for k in changed:
            self._explained(k)

    def _attempt_changed(self, tx: Tx, k: bytes, fields: dict[str, Any]) -> None:
        row = self.attempts.setdefault(k, {"state": "ready"})
        before, after = row["state"], fields.get("state", row["state"])
        if before in FINAL and after != before:
            self.oracle.fail("I7", f"attempt {k.hex()} was {before} and is now {after}")
        if after != before:
            self.oracle.world.log(self.name, f"attempt {k.hex()[:8]} {before} -> {after}")
        row.update(fields)
        if after == "unknown" and row.get("why") not in DOUBT_REASONS:
            self.oracle.fail("I12", f"attempt {k.hex()} is of unknown fate, because of {row.get('why')!r}")
        self.oracle.committed.add(k)
        if "what" in fields:
            self.oracle.meant[k] = fields["what"]
        if after != "ready":
            self.oracle.sent.add(k)
        elif before != "ready":
            self.oracle.sent.discard(k)
        if fields.get("kind") == REBOOT:
            self.oracle.reboots.keys.add(k)
        if (before, after) == ("ready", "cancelled"):
            self.unsent.add(k)
        if (before, after) == ("ready", "sent"):
            tx.sent.append((k, row["agent_id"]))

    def _work_ended(self, run_id: int, event: WorkEnded) -> None:
        self.seen_ended[event.key] += 1
        if self.seen_ended[event.key] > 1:
            self.oracle.fail("I2", f"run {run_id} was told twice that {event.key.hex()} ended")
        self.oracle.check_end(event.key, event.result.exit_code, event.result.signal)

    def _cursor_moved(self, agent_id: str, spool: bytes, cursor: int, chain_now: bytes, made: set[bytes]) -> None:
        known_spool, known_cursor, _ = self.cursors.get(agent_id, (b"", 0, b""))
        self.cursors[agent_id] = (spool, cursor, chain_now)
        if spool != known_spool:
            if self.has_others:
                self.oracle.may_begin_anew.add(agent_id)  # each history gives it a log of its own
            if cursor:
                self.oracle.fail("I5", f"the cursor of {agent_id} is {cursor} in a log that was never read")
            return
        if cursor < known_cursor:
            self.oracle.fail("I6", f"the cursor of {agent_id} went back from {known_cursor} to {cursor}")
        logs = [self.oracle.logs.get((agent_id, spool), Log()), *self.oracle.earlier.get((agent_id, spool), ())]
        log = next((log for log in logs if log.has(cursor, chain_now)), None)
        if log is None:
            self.oracle.fail("I5", f"cursor {cursor} and chain of {agent_id} fit no log it ever wrote")
            return
        for number in range(known_cursor + 1, cursor + 1):
            self._replay(agent_id, log.payloads[number - 1], made)

    def _replay(self, agent_id: str, payload: bytes, made: set[bytes]) -> None:
        """An event lies behind the cursor: its effect must be there. `made`: attempts that the same turn has made."""
        n, _, k, e, x = unpack_event(payload)
        if k is None:
            return
        row = self.attempts.get(k)
        if row is None:
            # A tombstone is of something that was never accepted: it says enough when it is met.
            if e in ("accepted", *FINISHING) and (e != "cancelled" or k in self.oracle.accepted_at):
                self.oracle.fail(
                    "I6", f"event {n} ({e}) of {agent_id} is behind the cursor, but its attempt is not there"
                )
            return
        state = row["state"]
        if e in FINISHING:
            first, how = self.finished.setdefault(k, (e, x))
            differs = first == e == "finished" and (how.get("exit"), how.get("sig")) != (x.get("exit"), x.get("sig"))
            forgotten = (
                k in self.oracle.reboots.keys and agent_id in self.oracle.may_rotate
            )  # the agent, of a reboot it gave up
            self.oracle.told_twice |= differs
            if differs and not (forgotten or self.oracle.own.may_differ(k)):
                self.oracle.fail("I2", f"event {n} of {agent_id} tells another end of {k.hex()} than the first one")
            if state == "cancelled" and k in self.unsent and self.has_others:
                self.oracle.told_twice = True
                return  # people withdrew it before anybody could know: what was done is told as an alarm
            if e == "cancelled" and k in made and k not in self.oracle.accepted_at:
                return  # a tombstone, read just before the run came to what it is of: it says enough when it is met
            if state not in (FINISHING[self.finished[k][0]], "unknown" if e == "cancelled" else ""):
                self.oracle.fail(
                    "I6", f"event {n} ({e}) of {agent_id} is behind the cursor, but its attempt is {state}"
                )
        elif e == "accepted" and state in ("ready", "sent"):
            self.oracle.fail(
                "I6", f"event {n} (accepted) of {agent_id} is behind the cursor, but its attempt is {state}"
            )
        elif e == "started" and state in ("ready", "sent", "accepted"):
            self.oracle.fail(
                "I6", f"event {n} (started) of {agent_id} is behind the cursor, but its attempt is {state}"
            )
        elif e == "lost" and state in ("ready", "sent", "accepted", "running", "stopping"):
            self.oracle.fail("I6", f"event {n} (lost) of {agent_id} is behind the cursor, but its attempt is {state}")

    def _explained(self, k: bytes) -> None:
        """A result must have come out of an event behind the cursor."""
        row = self.attempts[k]
        if row["state"] == "done":
            if self.finished.get(k, ("", None))[0] != "finished":
                self.oracle.fail("I6", f"attempt {k.hex()} is done, but no such event is behind the cursor")
            self.oracle.check_end(k, row.get("exit_code"), row.get("signal"))

    # ---- the process

    def committed(self, server: Server, turn: Turn) -> None:
        """A turn is committed and not released: its runs are the truth now."""
        self.memory = {run.run_id: run for run in server.turns.live}
        for run_id, staged in turn._staged.items():
            self.memory[run_id] = staged.run
            for icon in staged.run.icons:
                doubt = icon.doubt
                if doubt is not None and not (doubt.reason in DOUBT_REASONS and doubt.message):
                    self.oracle.fail("I12", f"run {run_id} holds an icon because of {doubt}")

    def released(self, server: Server) -> None:
        """A turn is released."""
        if server.turns.backlog > INBOX_MAX:
            self.oracle.fail("I13", f"{server.turns.backlog} inputs wait")
        if len(server.ends) > SESSIONS_MAX:
            self.oracle.fail("I13", f"{len(server.ends)} connections of {len(self.oracle.agents)} agents are open")
        for end in server.ends.values():
            if len(end.port.link._out) > BUFFER_BYTES_MAX:
                self.oracle.fail("I13", f"{len(end.port.link._out)} bytes wait for one agent")

    def booted(self, server: Server) -> None:
        """A new process has read the store: all that was committed must be there, and nothing else."""
        expected = {i: run for i, run in self.memory.items() if run.state not in RUN_OVER and not run.faulted}
        found = {run.run_id: run for run in server.turns.live}
        if expected.keys() != found.keys():
            self.oracle.fail("ACK", f"live runs before the crash {sorted(expected)}, after it {sorted(found)}")
        for run_id, run in expected.items():
            other = found[run_id]
            # An uncertainty window is opened beside the turns.
            if replace(run, plan=other.plan, replayed_since_ms=other.replayed_since_ms) != other:
                self.oracle.fail("ACK", f"run {run_id} is not what it was: {_difference(run, other)}")
            if _shape(run) != _shape(other):
                self.oracle.fail("ACK", f"run {run_id} was planned differently the second time")
        with server.store.snapshot() as view:
            for k, fields in self.attempts.items():
                row = view.attempts.find(k)
                if row is None or row.state != fields["state"]:
                    self.oracle.fail("ACK", f"attempt {k.hex()} was committed as {fields['state']}, and is now {row}")
            for agent_id, cursor in self.cursors.items():
                agent = view.agents.find(agent_id)
                if agent is None or (agent.spool, agent.cursor, agent.chain) != cursor:
                    self.oracle.fail("ACK", f"the cursor of {agent_id} is not what was committed")
            for run_id in self.acked_runs:
                if view.runs.row(run_id) is None:
                    self.oracle.fail("ACK", f"the start of run {run_id} was acknowledged, and the run is gone")
            for name, memo in self.acked_memos.items():
                host = view.hosts.find(name)
                if host is None or host.memo < memo:
                    self.oracle.fail("ACK", f"the change of host {name} to {memo} was acknowledged, and is gone")


def _shape(run: Run) -> list[tuple[Any, ...]]:
    return [(node.frame, node.icon.icon_id, node.targets, node.child) for node in run.plan.nodes]


def _difference(one: Run, other: Run) -> str:
    for name in ("state", "job_status", "load_status", "stopping", "message", "frames", "start_variables"):
        if getattr(one, name) != getattr(other, name):
            return f"{name}: {getattr(one, name)} / {getattr(other, name)}"
    for number, (a, b) in enumerate(zip(one.icons, other.icons, strict=True)):
        if a != b:
            return f"icon {one.plan.path(number)}: {a} / {b}"
    return "somewhere"
