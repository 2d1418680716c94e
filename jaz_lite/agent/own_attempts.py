"""The attempts that the agent's own process works off, without a job keeper: file waits, file copies.

    accepted ─► BeginOwn ─► "started" ─► "ended"
                    └─► EndOwn (kill, time over, set-back) ─► "ended", "failed" or "cancelled"

Pure; the middle of the agent's core. Such work is idempotent: after a restart of the agent every open attempt of these
kinds is begun again, whether an earlier process had begun it or not. It takes no slot, and has limits of its own.

Source: protocol.md sections 5.3 and 6.
"""

from collections import deque
from collections.abc import Iterable
from typing import Any

from jaz_lite.agent import effects as fx
from jaz_lite.agent.attempt_book import AttemptBook, cut
from jaz_lite.agent.attempts import Attempt, Moment
from jaz_lite.agent.orders import OWN_LIMITS
from jaz_lite.agent.policy import Policy
from jaz_lite.agent.slots import Slots
from jaz_lite.wire.happenings import RefusalReason
from jaz_lite.wire.limits import OUTPUT_HEAD_BYTES_MAX

SIGTERM = 15  # what a process would have ended by; people and icons know this number from jobs


class OwnAttempts(AttemptBook):
    """See the module.

    Args:
        own_kinds: those that this agent can do, of `OWN_LIMITS`.
    """

    def __init__(
        self,
        *,
        policy: Policy,
        slots: Slots,
        out_folder: str,
        may_start: bool = True,
        own_kinds: Iterable[str] = (),
    ) -> None:
        super().__init__(policy=policy, slots=slots, out_folder=out_folder, may_start=may_start)
        self._own_kinds = frozenset(own_kinds)
        self._own_waiting: dict[str, deque[bytes]] = {kind: deque() for kind in OWN_LIMITS}
        self._own_begun: dict[str, set[bytes]] = {kind: set() for kind in OWN_LIMITS}
        self._recalled: set[bytes] = set()  # accepted by an earlier process of this agent
        self._starting = self._start_again = False

    def recalled(self, now: Moment, *, booted: bytes | None = None) -> None:
        super().recalled(now, booted=booted)
        for k, attempt in self.attempts.items():
            if not (attempt.is_open and attempt.is_own):
                continue
            if attempt.suspect:
                self._final(attempt, "lost", {"why": "setback"})
            else:
                self._recalled.add(k)
                self._own_waiting[attempt.kind].append(k)
        self._start_some()

    # ---- what is told of it

    def own_said(self, record: tuple[Any, ...], now: Moment) -> None:
        """Take what is said of own work: ("started", k, at_ms), ("ended", k, exit_code, out_head, err_head),
        ("failed", k, why, msg) if it could never be begun, or ("cancelled", k) in answer to `EndOwn`.
        """
        self._now = now
        attempt = self.attempts.get(record[1])
        if attempt is None or not attempt.is_open:
            return
        match record:
            case ("started", _, int() as at_ms) if attempt.state != "running":
                attempt.state, attempt.started_ms = "running", at_ms
                self._event(attempt.k, "started", {"pid": 0, "t": at_ms}, about=attempt, wait=False)
                self._set_timeout(attempt)
            case ("ended", _, int() as code, bytes() as out, bytes() as err):
                attempt.exit_code = code
                self._own_finished(attempt, {"exit": code}, out, err)
            case ("failed", _, str() as why, str() as message):
                self._final(attempt, "failed", {"why": why, "msg": cut(message)})
            case ("cancelled", _) if attempt.withdrawn == "setback":
                self._final(attempt, "lost", {"why": "setback"})
            case ("cancelled", _) if attempt.state == "running":
                why = "kill" if attempt.kill is None else attempt.kill[3]
                self._own_finished(attempt, {"sig": SIGTERM, "killed": why}, b"", b"")
            case ("cancelled", _):
                self._final(attempt, "cancelled", {"why": "server"})

    def _own_finished(self, attempt: Attempt, how: dict[str, Any], out: bytes, err: bytes) -> None:
        ended_ms = self._now.wall_ms
        fields: dict[str, Any] = {
            **how,
            "t0": attempt.started_ms or ended_ms,
            "t1": ended_ms,
            "out": 0,  # there are no files: all of its output is in the heads
            "err": 0,
            "out_head": out[:OUTPUT_HEAD_BYTES_MAX],
            "err_head": err[:OUTPUT_HEAD_BYTES_MAX],
        }
        self._final(attempt, "finished", fields)

    # ---- begin and end

    def _own_refusal(self, kind: str) -> "tuple[RefusalReason, str] | None":
        most = OWN_LIMITS[kind] + self._policy.queue
        if len(self._own_begun[kind]) + len(self._own_waiting[kind]) >= most:
            return "busy", f"{most} work orders of kind {kind} are with this agent already"
        return None

    def _line_up(self, attempt: Attempt) -> None:
        """Let an accepted attempt wait for its turn."""
        (self._own_waiting[attempt.kind] if attempt.is_own else self._queue).append(attempt.k)

    def _start_some(self) -> None:
        # An attempt that cannot be started ends, and its end starts others: a long row of them must not nest.
        self._start_again = True
        if self._starting:
            return
        self._starting = True
        while self._start_again:
            self._start_again = False
            super()._start_some()
            if self._may_start and not self._damaged:
                self._begin_some()
            self._run_reboots()
        self._starting = False

    def _run_reboots(self) -> None:
        """Reboot, where that is wanted and may be: see `reboots.py`."""

    def _begin_some(self) -> None:
        for kind, waiting in self._own_waiting.items():
            if waiting and self._share.held:
                self._share.waits = True
                return
            while waiting and len(self._own_begun[kind]) < OWN_LIMITS[kind]:
                self._begin(self.attempts.get(waiting.popleft()))

    def _begin(self, attempt: "Attempt | None") -> None:
        if attempt is None or not attempt.is_open:
            return
        if attempt.kind not in self._own_kinds or attempt.spec is None:
            self._final(attempt, "failed", {"why": "spec", "msg": "the work order is not there any more"})
            return
        again = attempt.k in self._recalled
        self._recalled.discard(attempt.k)
        self._own_begun[attempt.kind].add(attempt.k)
        if attempt.state == "accepted":
            attempt.state = "starting"
        self._out.own(fx.BeginOwn(attempt.k, attempt.kind, attempt.spec, again))

    def _final(self, attempt: Attempt, e: str, fields: dict[str, Any]) -> None:
        if attempt.is_own:
            self._own_begun[attempt.kind].discard(attempt.k)
            self._recalled.discard(attempt.k)
        super()._final(attempt, e, fields)

    def _end_running(self, attempt: Attempt, how: str, sig: str, grace_s: float, why: str) -> None:
        if not attempt.is_own:
            super()._end_running(attempt, how, sig, grace_s, why)
            return
        attempt.kill = (how, sig, grace_s, why)
        if attempt.k in self._own_begun[attempt.kind]:
            self._out.own(fx.EndOwn(attempt.k, attempt.kind, why))
        else:  # after a boot, before the first contact: nobody works at it
            self.own_said(("cancelled", attempt.k), self._now)

    def _timed_out(self, attempt: Attempt) -> None:
        if attempt.is_own:
            self._end_running(attempt, "signal", "TERM", 0, "timeout")
        else:
            super()._timed_out(attempt)

    def _withdraw(self, attempt: Attempt, why: str) -> None:
        if not attempt.is_own:
            super()._withdraw(attempt, why)
        elif attempt.k in self._own_begun[attempt.kind]:
            if not attempt.withdrawn:
                attempt.withdrawn = why
                self._out.own(fx.EndOwn(attempt.k, attempt.kind, why))
        elif why == "setback":
            self._final(attempt, "lost", {"why": why})
        else:
            self._final(attempt, "cancelled", {"why": why})
