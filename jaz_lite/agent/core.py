"""The agent's decisions about the attempts of one site: what is accepted, when it starts, what is told of it.

Pure: no file, no process, no clock. The shell and the simulator give it what happened and carry out what `take`
returns, in order.

Rules:
    A known key never starts again; whoever asks is told the recorded state.
    `accepted` is durable before the keeper is told to start, and before the server hears of it.
    The keeper decides between start and withdrawal: only its answer is written down.
    `started` may wait for the next flush; everything else that happens to an attempt is flushed at once.

Source: protocol.md sections 6.1, 6.3, 6.4 and 9.2.
"""

import hashlib
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from jaz_lite.agent import effects as fx
from jaz_lite.agent.attempts import STOP_CLAIM, Attempt, Moment, OutputFacts
from jaz_lite.agent.due_times import DueTimes
from jaz_lite.agent.gathered import Gathered
from jaz_lite.agent.orders import KINDS, NotStartable, job_order, stop_order
from jaz_lite.agent.policy import Policy
from jaz_lite.wire.events import Unpacked
from jaz_lite.wire.frames import Violation
from jaz_lite.wire.happenings import (
    AgentState,
    CancelAsked,
    Dispatched,
    Drained,
    Happening,
    InventoryItem,
    KillAsked,
    Queried,
    RefusalReason,
)
from jaz_lite.wire.ident import spec_digest
from jaz_lite.wire.limits import KILL_GRACE_S, SPEC_BYTES_MAX_INLINE
from jaz_lite.wire.spec import unpack_spec

FORGET_AT_ONCE = 64  # ended claims that the keeper is told of together; it needs a few hundred bytes for each
MESSAGE_CHARS_MAX = 400
_FINAL: Mapping[str, AgentState] = {"finished": "done", "failed": "failed", "lost": "lost", "cancelled": "cancelled"}


class AgentCore:
    """All attempts of one site on this agent.

    Args:
        out_folder: where the output files of the site are, as the keeper opens them.
        may_start: False after a boot of the system, until the first contact (protocol.md 4.5).
    """

    def __init__(self, *, policy: Policy, out_folder: str, may_start: bool = True) -> None:
        self._policy = policy
        self._out_folder = out_folder
        self._may_start = may_start
        self.attempts: dict[bytes, Attempt] = {}
        self.running: set[bytes] = set()
        self._queue: deque[bytes] = deque()
        self._busy = 0  # attempts that the keeper was told to start and that have not ended
        self._keeper_listed: set[str] | None = None  # claims heard of since the keeper came; None while it is away
        self._keeper_ready = False
        self._draining = False
        self._damaged = False
        self._low_space = False
        self._dues = DueTimes()
        self._now = Moment(0.0, 0)
        self._out = Gathered(strict=policy.durability == "strict")
        self._forgettable: list[str] = []

    # ---- after a start: the log is read again

    def recall(self, event: Unpacked) -> None:
        """Take an event of the log, oldest first."""
        n, t_ns, k, e, x = event
        self._out.head = n
        if e == "rotated":
            # Later records of the old log may be gone: what looks as if it never started may have ended long ago.
            for attempt in self.attempts.values():
                attempt.suspect = attempt.state == "accepted"
        if k is None:
            return
        attempt = self.attempts.setdefault(k, Attempt(k))
        if e in ("accepted", "started") or e in _FINAL:
            attempt.eseq = n
        if e == "accepted":
            attempt.occ, attempt.path, attempt.att, attempt.run = x["occ"], x["path"], x["att"], x["run"]
            attempt.kind, attempt.digest = x["kind"], x["digest"]
            attempt.apart = "spec" not in x
            if not attempt.apart:
                attempt.spec = _spec_of(attempt.kind, x["spec"])
            if x.get("start_by") is not None:
                attempt.started_ms = t_ns // 1_000_000 + x["start_by"] * 1000
        elif e == "started":
            attempt.state, attempt.started_ms = "running", x["t"]
        elif e in _FINAL:
            attempt.state, attempt.spec, attempt.ended_ms = _FINAL[e], None, t_ns // 1_000_000
            attempt.exit_code = x.get("exit")

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
        for k, attempt in self.attempts.items():
            if attempt.state == "accepted" and attempt.started_ms:
                left_s = (attempt.started_ms - now.wall_ms) / 1000
                attempt.started_ms = 0
                self._due(max(0.0, left_s), "start_by", k)
            elif attempt.state == "running":
                self._busy += 1
                self._set_timeout(attempt)
                self.running.add(k)

    # ---- the keeper

    def keeper_up(self, now: Moment) -> None:
        """The keeper is connected: ask it for all its claims before anything else."""
        self._now = now
        self._keeper_listed, self._keeper_ready = set(), False
        self._forgettable = []  # those that it still has will be listed
        self._out.tell(["list"])

    def keeper_down(self) -> None:
        """The keeper is gone; nothing is started until it, or a new one, has said what it knows."""
        self._keeper_listed, self._keeper_ready = None, False
        self._out.drop_messages()

    def keeper_said(self, record: list[Any], now: Moment, facts: OutputFacts | None = None) -> None:
        """Take a record of the keeper.

        Args:
            facts: what the job left in its output files; must be there for the end of a job that is open here.
        """
        self._now = now
        match record:
            case ["listed", str() as claim, list() as last]:
                if self._keeper_listed is not None:
                    self._keeper_listed.add(claim)
                if last[0] != "claim":
                    self.keeper_said(last, now, facts)
                elif (attempt := self._attempt_of(claim)) is not None and attempt.state == "accepted":
                    self._began_starting(attempt)
            case ["list_end", _]:
                self._settle_after_list()
            case ["pid", str() as claim, int() as pid, _, int() as at_ms]:
                self._runs(claim, pid, at_ms)
            case ["exit", str() as claim, *rest]:
                if (attempt := self._open_attempt(claim)) is not None:
                    assert facts is not None, "the end of an open attempt without its output"
                    self._finished(attempt, rest, facts)
                self._forget_claim(claim)
            case ["failed", str() as claim, str() as step, int() as code, str() as text, _]:
                if (attempt := self._open_attempt(claim)) is not None:
                    attempt.exit_code = code
                    self._final(attempt, "failed", {"why": step, "msg": _cut(f"the job was not started: {text}")})
                self._forget_claim(claim)
            case ["cancelled", str() as claim, _]:
                if (attempt := self._open_attempt(claim)) is not None:
                    if attempt.withdrawn in ("setback", "unknown"):
                        self._final(attempt, "lost", {"why": attempt.withdrawn})
                    else:
                        self._final(attempt, "cancelled", {"why": attempt.withdrawn or "server"})
                self._forget_claim(claim)
            case ["lost", str() as claim, str() as why, int() as since_ms, *_]:
                if (attempt := self._open_attempt(claim)) is not None:
                    self._final(attempt, "lost", {"why": why, "t0": since_ms})
                self._forget_claim(claim)
            case ["kill_sent", str() as claim, str() as name]:
                if (attempt := self._open_attempt(claim)) is not None:
                    self._event(attempt.k, "kill_sent", {"sig": name[:8]})

    def wants_facts(self, record: list[Any]) -> Attempt | None:
        """Return the attempt whose output has to be looked at before this record is taken."""
        if record[0] == "listed":
            record = record[2]
        return self._open_attempt(record[1]) if record[0] in ("exit", "lost") else None

    def _attempt_of(self, claim: str) -> Attempt | None:
        return None if claim.endswith(STOP_CLAIM) else self.attempts.get(bytes.fromhex(claim))

    def _open_attempt(self, claim: str) -> Attempt | None:
        attempt = self._attempt_of(claim)
        return attempt if attempt is not None and attempt.is_open else None

    def _forget_claim(self, claim: str) -> None:
        # Unknown ones stay with the keeper: they are the last proof that this key was started.
        if claim.endswith(STOP_CLAIM) or self._attempt_of(claim) is not None:
            self._forgettable.append(claim)
            if len(self._forgettable) >= FORGET_AT_ONCE:
                self._out.tell(["forget", *self._forgettable])
                self._forgettable = []

    def _settle_after_list(self) -> None:
        listed = self._keeper_listed or set()
        self._keeper_listed, self._keeper_ready = None, True
        again: list[bytes] = []
        for attempt in self.attempts.values():
            if not attempt.is_open or attempt.claim in listed:
                continue
            if attempt.state == "running":
                self._final(attempt, "lost", {"why": "unknown", "t0": attempt.started_ms})
            elif attempt.suspect:
                self._final(attempt, "lost", {"why": "setback"})
            elif attempt.withdrawn:
                self._out.tell(["cancel", attempt.claim])
            else:
                if attempt.state == "starting":
                    self._busy -= 1
                    attempt.state = "accepted"
                again.append(attempt.k)
        self._queue = deque(again)
        self._start_some()

    def _began_starting(self, attempt: Attempt) -> None:
        attempt.state = "starting"
        self._busy += 1

    def _runs(self, claim: str, pid: int, at_ms: int) -> None:
        attempt = self._open_attempt(claim)
        if attempt is None or attempt.state == "running":
            return
        if attempt.state == "accepted":
            self._busy += 1
        attempt.state, attempt.started_ms, attempt.withdrawn = "running", at_ms, ""
        self._event(attempt.k, "started", {"pid": pid, "t": at_ms}, about=attempt, wait=False)
        self._set_timeout(attempt)
        self.running.add(attempt.k)
        if attempt.kill is not None:
            self._end_running(attempt, *attempt.kill)

    def _finished(self, attempt: Attempt, rest: list[Any], facts: OutputFacts) -> None:
        code, signal_number, cpu_ms, rss_kb, killed, begun_ms, ended_ms = rest
        attempt.exit_code = code
        fields: dict[str, Any] = {
            "t0": begun_ms,
            "t1": ended_ms,
            "cpu_ms": cpu_ms,
            "rss_kb": rss_kb,
            "out": facts.out,
            "err": facts.err,
            "out_head": facts.out_head,
            "err_head": facts.err_head,
        }
        if code is not None:
            fields["exit"] = code
        else:
            fields["sig"] = signal_number
        if facts.truncated:
            fields["trunc"] = True
        if killed:
            fields["killed"] = killed[:12]
        self._final(attempt, "finished", fields)

    # ---- the server

    def contact(self, now: Moment, *, drain: bool) -> None:
        """The server's term is durable and the log fits its cursor: work accepted before a boot may start."""
        self._now = now
        self._draining = drain
        self._may_start = True
        self._start_some()

    def asked(self, happening: Happening, now: Moment) -> None:
        """Take what the server asks for."""
        self._now = now
        match happening:
            case Dispatched():
                self._dispatched(happening)
            case KillAsked(k, how, sig, grace_s, _):
                self._kill(k, how, sig, grace_s)
            case CancelAsked(k, _):
                self._cancel(k)
            case Queried(None):
                self._out.say(fx.SayInventory())
            case Queried(bytes() as k):
                self._say_state(k)
            case Drained(on):
                self._draining = on

    def _dispatched(self, work: Dispatched) -> None:
        known = self.attempts.get(work.k)
        try:
            spec: Mapping[str, Any] | None = unpack_spec(work.kind, work.spec)
            digest = spec_digest(work.kind, spec or {})
            fault = ""
        except Violation as error:
            spec, digest, fault = None, hashlib.sha256(work.spec).digest(), str(error)
        if known is not None:
            self._say_state(work.k, conflict=known.digest != digest)
            return
        if (refusal := self._refusal(work)) is not None:
            self._out.say(fx.SayRefused(work.k, *refusal))
            return
        attempt = self._accept(work, spec, digest)
        if fault:
            self._final(attempt, "failed", {"why": "spec", "msg": _cut(f"the work order is not sound: {fault}")})
            return
        if work.start_by_s is not None:
            self._due(work.start_by_s, "start_by", work.k)
        self._queue.append(work.k)
        self._start_some()

    def _refusal(self, work: Dispatched) -> tuple[RefusalReason, str] | None:
        if self._damaged:
            return "damaged", "the spool of this agent is damaged"
        if self._draining:
            return "draining", "this agent takes no new work"
        if work.kind not in KINDS:
            return "kind", f"this agent does no work of kind {work.kind}"
        if self._low_space:
            return "no_space", "the disk of this agent is nearly full"
        if self._busy + len(self._queue) >= self._policy.par + self._policy.queue:
            return "busy", f"{self._policy.queue} jobs wait on this agent already"
        return None

    def _accept(self, work: Dispatched, spec: Mapping[str, Any] | None, digest: bytes) -> Attempt:
        attempt = Attempt(
            work.k, work.occ, work.path, work.att, work.run, work.kind, digest, spec=spec,
            apart=len(work.spec) > SPEC_BYTES_MAX_INLINE,
        )  # fmt: skip
        self.attempts[work.k] = attempt
        fields: dict[str, Any] = {
            "occ": work.occ,
            "path": work.path,
            "att": work.att,
            "run": work.run,
            "kind": work.kind,
            "digest": digest,
            "desc": dict(work.desc),
        }
        if attempt.apart:
            self._out.save(fx.SaveSpec(work.k, work.spec))
        else:
            fields["spec"] = work.spec
        if work.start_by_s is not None:
            fields["start_by"] = work.start_by_s
        self._event(work.k, "accepted", fields, about=attempt)
        return attempt

    def _kill(self, k: bytes, how: str, sig: str, grace_s: int) -> None:
        attempt = self.attempts.get(k)
        if attempt is None or attempt.state == "accepted":
            self._cancel(k)
        elif attempt.state == "starting":
            attempt.kill = (how, sig, grace_s, "kill")
        elif attempt.state == "running":
            self._end_running(attempt, how, sig, grace_s, "kill")
        else:
            self._say_state(k)

    def _end_running(self, attempt: Attempt, how: str, sig: str, grace_s: float, why: str) -> None:
        if how == "stop" and attempt.spec is not None and attempt.spec.get("stop") is not None:
            try:
                order = stop_order(attempt.spec, policy=self._policy, out="/dev/null", err="/dev/null",
                                   text_path=f"{self._out_folder}/{attempt.claim}.stop")  # fmt: skip
            except NotStartable:
                pass
            else:
                self._out.tell(["start", attempt.claim + STOP_CLAIM, order])
                return
        self._out.tell(["kill", attempt.claim, sig.removeprefix("SIG") or "TERM", grace_s, why])

    def _cancel(self, k: bytes) -> None:
        attempt = self.attempts.get(k)
        if attempt is None:
            attempt = self.attempts[k] = Attempt(k)
        if attempt.state != "accepted":
            self._say_state(k)
            return
        self._withdraw(attempt, "server")

    def _withdraw(self, attempt: Attempt, why: str) -> None:
        """See that an attempt never starts; the keeper has the last word."""
        if not attempt.withdrawn:
            attempt.withdrawn = why
            if self._keeper_ready:
                self._out.tell(["cancel", attempt.claim])

    def _say_state(self, k: bytes, *, conflict: bool = False) -> None:
        attempt = self.attempts.get(k)
        if attempt is not None:
            code = attempt.exit_code if attempt.state == "done" else None
            self._out.say(fx.SayState(k, attempt.state, code, conflict))

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

    # ---- set-back (4.5)

    def prepare_rotation(self, now: Moment) -> bool:
        """See that nothing accepted under the old log starts any more; True when that is so.

        Call again after each word of the keeper; then the log is begun anew and read by a new core.
        """
        self._now = now
        self._may_start = False
        waiting = [a for a in self.attempts.values() if a.state in ("accepted", "starting")]
        for attempt in waiting:
            if attempt.state == "accepted":
                self._withdraw(attempt, "setback")
        return not waiting

    # ---- the machine

    def room(self, free_bytes: int, now: Moment) -> None:
        """Take how much room the disk has."""
        self._now = now
        low = free_bytes < self._policy.free_bytes_min
        if low != self._low_space:
            self._low_space = low
            if self.head:
                self._event(None, "disk", {"state": "low" if low else "ok"})

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

    # ---- time

    @property
    def deadline(self) -> float | None:
        """The monotonic second at which `tick` has something to do."""
        dues = [due for due in (self._out.flush_due, self._dues.first) if due is not None]
        return min(dues, default=None)

    def tick(self, now: Moment) -> None:
        """Do what is due."""
        self._now = now
        if self._out.flush_due is not None and self._out.flush_due <= now.mono:
            self._out.flush()
        for what, k in self._dues.passed(now.mono):
            attempt = self.attempts.get(k)
            if attempt is None:
                continue
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
        while self._queue and self._busy < self._policy.par:
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
                self._final(attempt, "failed", {"why": error.why, "msg": _cut(f"the job was not started: {error}")})
                continue
            attempt.has_text = "text" in order
            self._began_starting(attempt)
            self._out.tell(["start", attempt.claim, order])

    def output_limit(self, attempt: Attempt) -> int:
        """Return how many bytes of each stream of an open attempt are kept."""
        asked = (attempt.spec or {}).get("out_max")
        limit = self._policy.out_bytes_max
        return limit if asked is None else min(int(asked), limit)

    def _final(self, attempt: Attempt, e: str, fields: dict[str, Any]) -> None:
        if attempt.state in ("starting", "running"):
            self._busy -= 1
        self.running.discard(attempt.k)
        attempt.state, attempt.spec, attempt.kill = _FINAL[e], None, None
        attempt.ended_ms = self._now.wall_ms
        if attempt.apart:
            self._out.say(fx.DropSpec(attempt.k))
        self._event(attempt.k, e, fields, about=attempt)
        self._start_some()

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

    def damaged(self) -> None:
        """The disk failed: take nothing and start nothing any more."""
        self._damaged = True

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


def _cut(text: str) -> str:
    return text[:MESSAGE_CHARS_MAX]
