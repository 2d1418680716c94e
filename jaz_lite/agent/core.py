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
from collections.abc import Mapping
from typing import Any

from jaz_lite.agent import effects as fx
from jaz_lite.agent.attempt_book import cut
from jaz_lite.agent.attempts import STOP_CLAIM, Attempt, Moment, OutputFacts
from jaz_lite.agent.orders import KEEPER_KINDS
from jaz_lite.agent.reboots import Reboots
from jaz_lite.wire.frames import Violation
from jaz_lite.wire.happenings import (
    CancelAsked,
    Dispatched,
    Drained,
    Happening,
    KillAsked,
    Queried,
    RefusalReason,
)
from jaz_lite.wire.ident import spec_digest
from jaz_lite.wire.limits import SPEC_BYTES_MAX_INLINE
from jaz_lite.wire.spec import unpack_spec

FORGET_AT_ONCE = 64  # ended claims that the keeper is told of together; it needs a few hundred bytes for each


class AgentCore(Reboots):
    """All attempts of one site on this agent, and what keeper and server say of them."""

    # ---- the keeper

    def keeper_up(self, now: Moment) -> None:
        """The keeper is connected: ask it for all its claims before anything else."""
        self._now = now
        self._keeper_listed, self._keeper_ready = set(), False
        self._forgettable = []  # those that it still has will be listed
        self._unlogged.clear()
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
                    if self._attempt_of(claim) is None:
                        self._unlogged.add(claim)
                if last[0] != "claim":
                    self.keeper_said(last, now, facts)
                elif (attempt := self._attempt_of(claim)) is not None and attempt.state == "accepted":
                    self._began_starting(attempt)
            case ["list_end", _] if self._keeper_listed is not None:
                self._settle_after_list()
            case ["pid", str() as claim, int() as pid, _, int() as at_ms]:
                self._runs(claim, pid, at_ms)
            case ["exit", str() as claim, *rest]:
                if (attempt := self._open_attempt(claim)) is not None:
                    assert facts is not None, "the end of an open attempt without its output"
                    if not self._goes_on(attempt, rest, facts):
                        self._finished(attempt, rest, facts)
                    if attempt.is_open:  # a reboot: after the boot the keeper must still know of it
                        return
                self._forget_claim(claim)
            case ["failed", str() as claim, str() as step, int() as code, str() as text, _]:
                if (attempt := self._open_attempt(claim)) is not None:
                    attempt.exit_code = code
                    self._final(attempt, "failed", {"why": step, "msg": cut(f"the job was not started: {text}")})
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
                    self._was_lost(attempt, why, since_ms, facts)
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
        assert self._keeper_listed is not None
        listed = self._keeper_listed
        self._keeper_listed, self._keeper_ready = None, True
        self._queue.clear()
        for attempt in self.attempts.values():
            if not attempt.is_open or attempt.is_own or attempt.claim in listed:
                continue
            if attempt.state == "running":
                self._was_lost(attempt, "unknown", attempt.started_ms, None)
            elif attempt.suspect:
                self._final(attempt, "lost", {"why": "setback"})
            elif attempt.withdrawn:
                self._out.tell(["cancel", attempt.claim])
            else:
                if attempt.state == "starting":
                    self._share.give_back()
                    attempt.state = "accepted"
                self._line_up(attempt)
        for k in list(self.running):
            attempt = self.attempts[k]
            if attempt.kill is not None:
                self._end_running(attempt, *attempt.kill)
        self._start_some()

    def _runs(self, claim: str, pid: int, at_ms: int) -> None:
        attempt = self._open_attempt(claim)
        if attempt is not None and attempt.state != "running":
            self._runs_now(attempt, pid, at_ms)

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
        # A refusal says "never started"; of a claim that the log has lost (mode `fast`) only the keeper knows the end.
        if work.k.hex() not in self._unlogged and (refusal := self._refusal(work)) is not None:
            self._out.say(fx.SayRefused(work.k, *refusal))
            return
        attempt = self._accept(work, spec, digest)
        if fault:
            self._final(attempt, "failed", {"why": "spec", "msg": cut(f"the work order is not sound: {fault}")})
            return
        if work.start_by_s is not None:
            self._due(work.start_by_s, "start_by", work.k)
        self._line_up(attempt)
        self._start_some()

    def _refusal(self, work: Dispatched) -> tuple[RefusalReason, str] | None:
        if self._damaged:
            return "damaged", "the spool of this agent is damaged"
        if self._draining:
            return "draining", "this agent takes no new work"
        if work.kind not in KEEPER_KINDS and work.kind not in self._own_kinds:
            return "kind", f"this agent does no work of kind {work.kind}"
        if work.kind not in self._policy.kinds:
            return "kind", f"the policy of this agent allows no work of kind {work.kind} (kinds)"
        if self._low_space:
            return "no_space", "the disk of this agent is nearly full"
        if self._over_quota:
            return "no_space", "what this agent has to keep for the server fills its quota (quota_bytes)"
        if work.kind in self._own_kinds:
            return self._own_refusal(work.kind)
        if self._share.busy + len(self._queue) >= self._policy.par + self._policy.queue:
            return "busy", f"{self._policy.queue} jobs wait on this agent already"
        return None

    def _accept(self, work: Dispatched, spec: Mapping[str, Any] | None, digest: bytes) -> Attempt:
        attempt = Attempt(
            work.k, work.occ, work.path, work.att, work.run, work.kind, digest, spec=spec,
            apart=len(work.spec) > SPEC_BYTES_MAX_INLINE, accepted_ms=self._now.wall_ms,
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
        elif attempt.state == "starting" and not attempt.is_own:
            attempt.kill = (how, sig, grace_s, "kill")
        elif attempt.state in ("starting", "running"):
            self._end_running(attempt, how, sig, grace_s, "kill")
        else:
            self._say_state(k)

    def _cancel(self, k: bytes) -> None:
        attempt = self.attempts.get(k)
        if attempt is None:
            attempt = self.attempts[k] = Attempt(k)
        if attempt.state == "starting" and attempt.is_own:
            self._end_running(attempt, "signal", "TERM", 0, "kill")
        elif attempt.state == "accepted":
            self._withdraw(attempt, "server")
        else:
            self._say_state(k)

    def _say_state(self, k: bytes, *, conflict: bool = False) -> None:
        attempt = self.attempts.get(k)
        if attempt is not None:
            code = attempt.exit_code if attempt.state == "done" else None
            self._out.say(fx.SayState(k, attempt.state, code, conflict))

    # ---- set-back (4.5)

    def prepare_rotation(self, now: Moment) -> bool:
        """See that nothing accepted under the old log starts any more; True when that is so.

        Call again after each word of the keeper; then the log is begun anew and read by a new core.
        """
        self._now = now
        self._may_start = False
        for attempt in self.attempts.values():
            if attempt.state == "accepted" or (attempt.state == "starting" and attempt.is_own):
                self._withdraw(attempt, "setback")
        return not any(a.state in ("accepted", "starting") for a in self.attempts.values())
