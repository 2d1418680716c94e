"""Restarting the machine: an attempt that waits for the jobs, runs a command, and ends with the next boot.

    accepted ─► no job runs, or it is forced ─► the keeper starts the command ─► the command ends well
                     └─► wait_s is over: the jobs are killed ─┘                        └─► another boot: finished, 0

Pure; a part of the agent's core. From its acceptance to its end nothing else begins on this agent, whichever site it is
for: what is accepted meanwhile waits, and starts after the boot. Jobs that a forced reboot cuts off are lost{reboot}.

A command that fails (an exit code other than 0) ends the attempt. One that was ended by a signal is taken as under way:
a system that goes down ends its own shutdown command. Where no boot follows, the attempt stays open, with a warning.

Source: protocol.md 6.3 (the row of the kind `reboot`), decision 21.
"""

from typing import Any

from jaz_lite.agent.attempt_book import cut
from jaz_lite.agent.attempts import Attempt, Moment, OutputFacts
from jaz_lite.agent.orders import NotStartable, job_order
from jaz_lite.agent.own_attempts import SIGTERM, OwnAttempts
from jaz_lite.wire.events import Unpacked
from jaz_lite.wire.limits import KILL_GRACE_S

KIND = "reboot"
BOOT_EXPECTED_S = 900  # after its command has ended; later there is a warning
MEANWHILE = b"the machine was booted before the command was run\n"


class Reboots(OwnAttempts):
    """See the module."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._reboots: list[bytes] = []  # whose command was not started
        self._timed: set[bytes] = set()  # whose time limit has been set
        self._share.end_jobs = self._end_jobs

    # ---- after a start: the log is read again

    def recall(self, event: Unpacked) -> None:
        super().recall(event)
        if event[3] == "host_boot":
            self.machine_booted(*(a.k for a in self.attempts.values() if a.is_open))

    def machine_booted(self, *keys: bytes) -> None:
        """The machine has been booted since these reboots were accepted."""
        for k in keys:
            if k in self.attempts and self.attempts[k].kind == KIND:
                self.attempts[k].rebooted = True

    @property
    def rebooted(self) -> "list[bytes]":
        """The open reboots that the machine has been booted after."""
        return [attempt.k for attempt in self.attempts.values() if attempt.is_open and attempt.rebooted]

    def recalled(self, now: Moment, *, booted: bytes | None = None) -> None:
        if booted is not None:
            self.machine_booted(*(attempt.k for attempt in self.attempts.values() if attempt.is_open))
        for attempt in self.attempts.values():
            if attempt.is_open and attempt.kind == KIND:
                self._share.hold(attempt.k)
        super().recalled(now, booted=booted)

    # ---- waiting for the jobs

    def _line_up(self, attempt: Attempt) -> None:
        if attempt.kind != KIND:
            super()._line_up(attempt)
            return
        if not self._policy.reboot_command:
            self._final(attempt, "failed", {"why": "policy", "msg": self._why_no_reboot()})
            return
        if attempt.k in self._reboots:
            return
        self._reboots.append(attempt.k)
        self._share.hold(attempt.k)
        self._set_timeout(attempt)
        spec = attempt.spec or {}
        if spec.get("wait") and spec.get("wait_s"):
            self._due_since_acceptance(attempt, spec["wait_s"], "end_jobs")

    def _why_no_reboot(self) -> str:
        if self._policy.allow_reboot:
            return (
                "this agent may not reboot its machine: it does not run as root, and agent.toml names no reboot_command"
            )
        return "this machine does not let its agent reboot it; allow_reboot = true in agent.toml allows it"

    def _set_timeout(self, attempt: Attempt) -> None:
        if attempt.kind != KIND:
            super()._set_timeout(attempt)
            return
        # It counts from the acceptance: waiting for jobs is what takes long.
        limit = (attempt.spec or {}).get("timeout")
        if limit and attempt.k not in self._timed:
            self._timed.add(attempt.k)
            self._due_since_acceptance(attempt, limit, "overtime")

    def _due_since_acceptance(self, attempt: Attempt, limit_s: int, what: str) -> None:
        passed_s = min(max(0, self._now.wall_ms - attempt.accepted_ms) / 1000, limit_s)
        self._due(limit_s - passed_s, what, attempt.k)

    def _run_reboots(self) -> None:
        if not self._reboots or not (self._keeper_ready and self._may_start) or self._damaged:
            return
        for k in list(self._reboots):
            attempt = self.attempts.get(k)
            if attempt is None or attempt.state != "accepted" or attempt.withdrawn:
                self._reboots.remove(k)
            elif attempt.rebooted:
                self._reboots.remove(k)
                self._booted(attempt, OutputFacts(out_head=MEANWHILE))
            elif self._share.all_busy and (attempt.spec or {}).get("wait"):
                self._share.waits = True
            else:
                self._reboots.remove(k)
                self._run_command(attempt)

    def _run_command(self, attempt: Attempt) -> None:
        path = f"{self._out_folder}/{attempt.claim}"
        try:
            if attempt.spec is None:
                raise NotStartable("spec", "its work order is not there any more")
            order = job_order(
                KIND, attempt.spec, policy=self._policy, out=path + ".out", err=path + ".err", text_path=path + ".text"
            )
        except NotStartable as error:
            self._final(attempt, "failed", {"why": error.why, "msg": cut(f"the machine is not rebooted: {error}")})
            return
        self._began_starting(attempt)
        self._out.tell(["start", attempt.claim, order])

    def _end_jobs(self) -> None:
        """Kill what runs for this site, since a reboot has waited for it long enough."""
        for attempt in self.attempts.values():
            if attempt.is_own or attempt.kind == KIND:
                continue
            if attempt.state == "running":
                self._end_running(attempt, "signal", "TERM", KILL_GRACE_S, KIND)
            elif attempt.state == "starting":
                attempt.kill = ("signal", "TERM", KILL_GRACE_S, KIND)

    def _is_due(self, what: str, attempt: Attempt) -> None:
        super()._is_due(what, attempt)
        if what == "end_jobs" and attempt.state == "accepted":
            self._share.end_jobs_of_all()
        elif (what == "boot" and attempt.awaits_boot) or (what == "overtime" and attempt.is_open):
            self._event(attempt.k, "timeout", {"act": "warn"})

    # ---- the command and the boot

    def _goes_on(self, attempt: Attempt, rest: "list[Any]", facts: OutputFacts) -> bool:
        """Take the end of a reboot's command; False: it is an end like that of a job.

        Args:
            rest: of the keeper's record: code, signal, CPU ms, RSS KiB, killed, begun, ended.
        """
        if attempt.kind != KIND:
            return False
        code, _, _, _, killed, begun_ms, _ = rest
        if killed or code:
            # Also where a boot has followed: the end must not depend on when the agent came to read it.
            return False
        if attempt.rebooted:
            attempt.started_ms = attempt.started_ms or begun_ms
            self._booted(attempt, facts)
            return True
        if attempt.state != "running":  # an earlier process of the agent died before it wrote that it runs
            self._runs_now(attempt, 0, begun_ms)
        self._await_boot(attempt)
        return True

    def _was_lost(self, attempt: Attempt, why: str, since_ms: int, facts: "OutputFacts | None") -> None:
        """The keeper, or its absence, tells that the end of a process is not known."""
        if attempt.kind != KIND:
            self._final(attempt, "lost", {"why": why, "t0": since_ms})
        elif why == "reboot" or attempt.rebooted:
            attempt.started_ms = attempt.started_ms or since_ms
            self._booted(attempt, facts or OutputFacts())
        else:
            if attempt.state != "running":
                self._runs_now(attempt, 0, since_ms)
            self._await_boot(attempt)

    def _await_boot(self, attempt: Attempt) -> None:
        attempt.awaits_boot = True
        self._due(BOOT_EXPECTED_S, "boot", attempt.k)

    def _booted(self, attempt: Attempt, facts: OutputFacts) -> None:
        now_ms = self._now.wall_ms
        attempt.exit_code = 0
        fields = {
            "exit": 0,
            "t0": attempt.started_ms or now_ms,
            "t1": now_ms,
            "out": facts.out,
            "err": facts.err,
            "out_head": facts.out_head,
            "err_head": facts.err_head,
        }
        self._final(attempt, "finished", fields)

    def _end_running(self, attempt: Attempt, how: str, sig: str, grace_s: float, why: str) -> None:
        if not attempt.awaits_boot:
            super()._end_running(attempt, how, sig, grace_s, why)
            return
        now_ms = self._now.wall_ms
        fields = {"sig": SIGTERM, "killed": why, "t0": attempt.started_ms, "t1": now_ms, "out": 0, "err": 0,
                  "out_head": b"", "err_head": b""}  # fmt: skip
        self._final(attempt, "finished", fields)
        if self._keeper_ready:
            self._out.tell(["forget", attempt.claim])

    def _final(self, attempt: Attempt, e: str, fields: dict[str, Any]) -> None:
        attempt.awaits_boot = False
        self._share.release(attempt.k)
        super()._final(attempt, e, fields)
