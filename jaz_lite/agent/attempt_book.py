"""The attempts of one site: their records, their slots, their deadlines, and the events written about them.

Pure; the lower half of the agent's core. What keeper and server say is taken in by `core.py`.

Source: protocol.md sections 6.1 and 9.2.
"""

import os
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from jaz_lite.agent import effects as fx
from jaz_lite.agent.attempts import STOP_CLAIM, Attempt, Moment
from jaz_lite.agent.due_times import DueTimes
from jaz_lite.agent.gathered import Gathered
from jaz_lite.agent.orders import NotStartable, job_order, stop_order
from jaz_lite.agent.policy import Policy
from jaz_lite.agent.slots import Slots
from jaz_lite.wire.events import Unpacked
from jaz_lite.wire.frames import Violation
from jaz_lite.wire.happenings import (
    AgentState,
    InventoryItem,
)
from jaz_lite.wire.limits import KILL_GRACE_S
from jaz_lite.wire.spec import unpack_spec

MESSAGE_CHARS_MAX = 400
_FINAL: Mapping[str, AgentState] = {"finished": "done", "failed": "failed", "lost": "lost", "cancelled": "cancelled"}


class AttemptBook:
    """See the module.

    Args:
        slots: shared with the other sites of this agent.
        out_folder: where the output files of the site are, as the keeper opens them.
        may_start: False after a boot of the system, until the first contact (protocol.md 4.5).
    """

    def __init__(self, *, policy: Policy, slots: Slots, out_folder: str, may_start: bool = True) -> None:
        self._policy = policy
        self._out_folder = out_folder
        self._may_start = may_start
        self.attempts: dict[bytes, Attempt] = {}
        self.running: dict[bytes, None] = {}  # their keys, in the order in which they began
        self._queue: deque[bytes] = deque()
        self._share = slots.share(self._start_some)  # a slot for each attempt that the keeper was told to start
        self._keeper_listed: set[str] | None = None  # claims heard of since the keeper came; None while it is away
        self._unlogged: set[str] = set()  # claims of the keeper that the log knows nothing of
        self._keeper_ready = False
        self._draining = False
        self._damaged = False
        self._low_space = False
        self._over_quota = False
        self._dues = DueTimes()
        self._now = Moment(0.0, 0)
        self._out = Gathered(strict=policy.durability == "strict")
        self._forgettable: list[str] = []
        self._packed_specs: dict[bytes, bytes] = {}  # while the log is read: of what is still open

    # ---- after a start: the log is read again

    def recall(self, event: Unpacked) -> None:
        """Take an event of the log, oldest first."""
        n, t_ns, k, e, x = event
        self._out.head = n
        if e == "rotated" or (e == "host_boot" and self._policy.rollback_guard == "strict"):
            # Later records of the old log may be gone: what looks as if it never started may have ended long ago.
            self._suspect_all()
        if k is None:
            return
        attempt = self.attempts.setdefault(k, Attempt(k))
        if e in ("accepted", "started") or e in _FINAL:
            attempt.eseq = n
        if e == "accepted":
            attempt.occ, attempt.path, attempt.att, attempt.run = x["occ"], x["path"], x["att"], x["run"]
            attempt.kind, attempt.digest, attempt.accepted_ms = x["kind"], x["digest"], t_ns // 1_000_000
            attempt.apart = "spec" not in x
            if not attempt.apart:
                self._packed_specs[k] = x["spec"]
            if x.get("start_by") is not None:
                attempt.start_by_ms = t_ns // 1_000_000 + x["start_by"] * 1000
        elif e == "started":
            attempt.state, attempt.started_ms = "running", x["t"]
        elif e in _FINAL:
            attempt.state, attempt.ended_ms = _FINAL[e], t_ns // 1_000_000
            self._packed_specs.pop(k, None)
            attempt.exit_code = x.get("exit")

    def _suspect_all(self) -> None:
        for attempt in self.attempts.values():
            attempt.suspect = attempt.state == "accepted"

    def specs_apart(self) -> list[bytes]:
        """Return the open attempts whose work order is in a file of its own, for `spec_found`."""
        return [k for k, attempt in self.attempts.items() if attempt.is_open and attempt.apart]

    def spec_found(self, k: bytes, spec: bytes) -> None:
        """Take a work order that was kept apart."""
        self.attempts[k].spec = _spec_of(self.attempts[k].kind, spec)

    def recalled(self, now: Moment, *, booted: bytes | None = None) -> None:
        """The log was read. `booted`: the id of this boot, if the log knows an earlier one only."""
        self._now = now
        if booted is not None and self.head:
            self._event(None, "host_boot", {"boot": booted})
            if self._policy.rollback_guard == "strict":
                # The machine may have been set back with its disk: then no record proves nothing.
                self._suspect_all()
        for k, packed in self._packed_specs.items():
            self.attempts[k].spec = _spec_of(self.attempts[k].kind, packed)
        self._packed_specs = {}
        for k, attempt in self.attempts.items():
            if attempt.state == "accepted" and attempt.start_by_ms:
                # Only the wall clock went on while there was no agent.
                self._due(max(0.0, (attempt.start_by_ms - now.wall_ms) / 1000), "start_by", k)
            elif attempt.state == "running":
                self._set_timeout(attempt)
                if not attempt.is_own:  # that takes no slot, and has no output that grows
                    self._share.take()
                    self.running[k] = None

    # ---- what is told of everything

    def inventory(self, newer_than: int = 0) -> Iterable[InventoryItem]:
        """Give the open attempts, and those that ended in an event newer than this."""
        return (
            attempt.item()
            for attempt in self.attempts.values()
            if attempt.occ and (attempt.is_open or attempt.eseq > newer_than)
        )

    def forget(self, low: int, before_ms: int) -> list[bytes]:
        """Drop what ended before `before_ms` and in an event older than `low`; return its keys."""
        gone = [
            attempt.k
            for attempt in self.attempts.values()
            if not attempt.is_open and attempt.eseq < low and attempt.ended_ms < before_ms
        ]
        for k in gone:
            del self.attempts[k]
        return gone

    # ---- the machine

    def room(self, free_bytes: int, now: Moment) -> None:
        """Take how much room the disk has."""
        self._now = now
        low = free_bytes < self._policy.free_bytes_min
        if low != self._low_space:
            self._low_space = low
            if self.head:
                self._event(None, "disk", {"state": "low" if low else "ok"})

    def quota(self, *, exceeded: bool) -> None:
        """Take whether what has to be kept is more than may be kept."""
        self._over_quota = exceeded

    def disk_was_full(self, now: Moment) -> None:
        """The reserve had to be given up to write a record."""
        self._now = now
        self._low_space = True
        self._event(None, "disk", {"state": "full"})

    def clock_jumped(self, seconds: int, now: Moment) -> None:
        """The wall clock was set; noted, and nothing else."""
        self._now = now
        if self.head:
            self._event(None, "clock_jump", {"s": seconds}, wait=False)

    def leave(self) -> None:
        """This core is of no use any more: another one takes its slots."""
        self._share.leave()

    def damaged(self) -> None:
        """The disk failed: take nothing and start nothing any more."""
        self._damaged = True

    # ---- time

    @property
    def deadline(self) -> float | None:
        """The monotonic second at which `tick` has something to do."""
        dues = [due for due in (self._out.flush_due, self._dues.first) if due is not None]
        return min(dues, default=None)

    def may_wait_to_send(self, sent: int, now: Moment) -> bool:
        """Tell whether the server waits for none of the events after number `sent`, and none has waited long."""
        due = self._out.send_due
        return due is not None and now.mono < due and sent >= self._out.hurry

    @property
    def send_due(self) -> float | None:
        """The monotonic second at which events that nobody waits for are to be sent."""
        return self._out.send_due

    def sent(self, number: int) -> None:
        """The events up to `number` were sent."""
        self._out.sent(number)

    def tick(self, now: Moment) -> None:
        """Do what is due."""
        self._now = now
        if self._out.flush_due is not None and self._out.flush_due <= now.mono:
            self._out.flush()
        for what, k in self._dues.passed(now.mono):
            if (attempt := self.attempts.get(k)) is not None:
                self._is_due(what, attempt)

    def _is_due(self, what: str, attempt: Attempt) -> None:
        if what == "start_by" and attempt.state == "accepted":
            self._withdraw(attempt, "expired")
        elif what == "timeout" and attempt.state == "running":
            self._timed_out(attempt)

    def _due(self, after_s: float, what: str, k: bytes) -> None:
        self._dues.add(self._now.mono + after_s, what, k)

    def _set_timeout(self, attempt: Attempt) -> None:
        limit = (attempt.spec or {}).get("timeout")
        if limit:
            # After a restart of the agent only the wall clock knows how long the job has been running.
            passed_s = min(max(0, self._now.wall_ms - attempt.started_ms) / 1000, limit)
            self._due(limit - passed_s, "timeout", attempt.k)

    def _timed_out(self, attempt: Attempt) -> None:
        spec = attempt.spec or {}
        act = spec.get("timeout_act") or "warn"
        self._event(attempt.k, "timeout", {"act": act})
        if act != "warn":
            how = "stop" if act == "stop" else "signal"
            self._end_running(attempt, how, "TERM", self._grace_s(spec), "timeout")

    @staticmethod
    def _grace_s(spec: Mapping[str, Any]) -> int:
        grace = spec.get("grace")
        return KILL_GRACE_S if grace is None else int(grace)

    # ---- slots

    def _start_some(self) -> None:
        if not (self._keeper_ready and self._may_start) or self._damaged:
            return
        while self._queue and self._share.has_room:
            attempt = self.attempts.get(self._queue.popleft())
            if attempt is None or attempt.state != "accepted" or attempt.withdrawn:
                continue
            path = f"{self._out_folder}/{attempt.claim}"
            try:
                if attempt.spec is None:
                    raise NotStartable("spec", "its work order is not there any more")
                order = job_order(
                    attempt.kind, attempt.spec, policy=self._policy,
                    out=path + ".out", err=path + ".err", text_path=path + ".text",
                )  # fmt: skip
            except NotStartable as error:
                self._final(attempt, "failed", {"why": error.why, "msg": cut(f"the job was not started: {error}")})
                continue
            attempt.has_text = "text" in order
            self._began_starting(attempt)
            self._out.tell(["start", attempt.claim, order])
        self._share.waits = bool(self._queue)

    def _began_starting(self, attempt: Attempt) -> None:
        attempt.state = "starting"
        self._share.take()

    def _runs_now(self, attempt: Attempt, pid: int, at_ms: int) -> None:
        """Its process has begun."""
        if attempt.state == "accepted":
            self._share.take()
        attempt.state, attempt.started_ms, attempt.withdrawn = "running", at_ms, ""
        self._event(attempt.k, "started", {"pid": pid, "t": at_ms}, about=attempt, wait=False)
        self._set_timeout(attempt)
        self.running[attempt.k] = None
        if attempt.kill is not None:
            self._end_running(attempt, *attempt.kill)

    @property
    def queued(self) -> int:
        """How many attempts wait for a slot."""
        return len(self._queue)

    def output_limit(self, attempt: Attempt) -> int:
        """Return how many bytes of each stream of an open attempt are kept."""
        asked = (attempt.spec or {}).get("out_max")
        limit = self._policy.out_bytes_max
        return limit if asked is None else min(int(asked), limit)

    def _final(self, attempt: Attempt, e: str, fields: dict[str, Any]) -> None:
        if attempt.state in ("starting", "running") and not attempt.is_own:
            self._share.give_back()
        self.running.pop(attempt.k, None)
        attempt.state, attempt.spec, attempt.kill = _FINAL[e], None, None
        attempt.ended_ms = self._now.wall_ms
        if attempt.apart:
            self._out.say(fx.DropSpec(attempt.k))
        self._event(attempt.k, e, fields, about=attempt)
        self._start_some()

    # ---- how an attempt is ended

    def _end_running(self, attempt: Attempt, how: str, sig: str, grace_s: float, why: str) -> None:
        if not self._keeper_ready:
            attempt.kill = (how, sig, grace_s, why)  # told when a keeper has said that it still runs
            return
        if how == "stop" and attempt.spec is not None and attempt.spec.get("stop") is not None:
            try:
                order = stop_order(attempt.spec, policy=self._policy, out=os.devnull, err=os.devnull,
                                   text_path=f"{self._out_folder}/{attempt.claim}.stop")  # fmt: skip
            except NotStartable:
                pass
            else:
                self._out.tell(["start", attempt.claim + STOP_CLAIM, order])
                return
        self._out.tell(["kill", attempt.claim, sig.removeprefix("SIG") or "TERM", grace_s, why])

    def _withdraw(self, attempt: Attempt, why: str) -> None:
        """See that an attempt never starts; the keeper has the last word."""
        if not attempt.withdrawn:
            attempt.withdrawn = why
            if self._keeper_ready:
                self._out.tell(["cancel", attempt.claim])

    # ---- events and effects

    def _event(
        self, k: bytes | None, e: str, fields: dict[str, Any], *, about: Attempt | None = None, wait: bool = True
    ) -> None:
        n = self._out.event(self._now, k, e, fields, wait=wait)
        if about is not None:
            about.eseq = n

    @property
    def head(self) -> int:
        """Number of the newest event, written or about to be."""
        return self._out.head

    @property
    def urgent(self) -> bool:
        """Whether `take` has something that must not wait for the next flush."""
        return self._out.urgent

    def take(self) -> list[fx.Effect]:
        """Return what is to be done now, in order."""
        return self._out.take()


def _spec_of(kind: str, spec: bytes) -> Mapping[str, Any] | None:
    try:
        return unpack_spec(kind, spec)
    except Violation:
        return None


def cut(text: str) -> str:
    """Return a message no longer than an event may carry."""
    return text[:MESSAGE_CHARS_MAX]
