"""The job keeper's decisions: which claim is made, when a process is started, what is told to the agent.

Pure: no process, no file, no clock. The shell (`keeper.py`) and the simulator carry out the same effects, in order;
a crash may come between any two of them.

Rules:
    A claim is durable before its process is started, so "never started" can be proven after any crash.
    An exit is durable before it is told. A pid is written at once and not waited for.
    A claim is started at most once; whoever asks again is told what is known of it.

A claim is named by the hex of the attempt's key; its stop command has a claim of its own, `<key>!stop`.
"""

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

from jaz_lite.agent.crc_log import framed

Record = list[Any]
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
State = Literal["claimed", "running", "ended", "cancelled", "lost"]

TELL_WITHIN_S = 0.02  # what nobody waits for is told with the next thing, or after this
IDENTIFY_AFTER_S = 0.2  # the age at which a process is worth telling from a later one with its pid


class Append(NamedTuple):
    """Write these framed records to the keeper log; not durable before the next `Sync`."""

    records: tuple[bytes, ...]


class Sync(NamedTuple):
    """Make the keeper log durable."""


class Spawn(NamedTuple):
    """Start the process; answer with `spawned` or `not_spawned` before the next effect."""

    claim: str
    order: Mapping[str, Any]


class Signal(NamedTuple):
    """Signal the process group."""

    pid: int
    name: str


class Identify(NamedTuple):
    """Find out when the process was started by the system's count; answer with `identified`."""

    claim: str
    pid: int


class Watch(NamedTuple):
    """Watch a process that is not our child: by pid and start time; answer with `gone`."""

    claim: str
    pid: int
    start_time: int


class Tell(NamedTuple):
    """Send these records to the agent, if one is connected."""

    records: tuple[Record, ...]


class End(NamedTuple):
    """End the keeper: it was told to, and nothing runs."""


Effect = Append | Sync | Spawn | Signal | Identify | Watch | Tell | End


class Claim:
    """What is known of one claim; `last` is the record that says it best."""

    # Written out, as the effects above are tuples: the dataclasses module would cost the keeper 2 MB.
    __slots__ = ("killed", "last", "pid", "start_time", "state")

    def __init__(self, state: State, last: Record) -> None:
        self.state = state
        self.last = last
        self.pid = 0
        self.start_time = 0
        self.killed = ""


def packed(record: Record) -> bytes:
    """Return the record as it stands in the keeper log."""
    return framed(_encode(record).encode())


def unpacked(payload: bytes) -> Record:
    """Return the record of a payload of the keeper log."""
    record = json.loads(payload)
    assert isinstance(record, list)
    return record


class KeeperCore:
    """All claims of a data directory that the agent has not yet said to forget."""

    def __init__(self, boot: str) -> None:
        self._boot = boot
        self.claims: dict[str, Claim] = {}
        self._by_pid: dict[int, str] = {}
        self._kills: dict[str, tuple[float, int]] = {}  # claim -> monotonic second of SIGKILL, pid of the group
        self._young: deque[tuple[float, str]] = deque()  # monotonic second to identify the process of a claim
        self._open = 0  # claims without an end
        self._append: list[bytes] = []
        self._tell: list[Record] = []
        self._after_sync: list[Effect] = []
        self._sync = False
        self._sync_last = False  # what may be told first
        self._tell_due: float | None = None  # None: what is to be told is told at once
        self._ending = False
        self._ended = False

    # ---- after a start

    def load(self, records: Iterable[Record]) -> None:
        """Take what an earlier keeper wrote, oldest first."""
        boot = ""
        for record in records:
            match record:
                case ["keeper", boot, _]:
                    pass
                case ["claim", claim, _]:
                    self.claims[claim] = Claim("claimed", [*record, boot])
                case ["pid", claim, pid, start_time, _] if claim in self.claims:
                    known = self.claims[claim]
                    known.state, known.pid, known.start_time = "running", pid, start_time
                    known.last = [*record, boot]
                case ["exit" | "failed", claim, *_]:
                    self.claims[claim] = Claim("ended", record)
                case ["cancelled", claim, _]:
                    self.claims[claim] = Claim("cancelled", record)
                case ["lost", claim, *_]:
                    self.claims[claim] = Claim("lost", record)
                case ["forget", *gone]:
                    for claim in gone:
                        self.claims.pop(claim, None)

    def begin(self, alive: Callable[[int, int], bool], wall_ms: int) -> None:
        """Settle what the earlier keeper left open: its children are watched if they live, else they are lost."""
        self._write(["keeper", self._boot, wall_ms])
        for name, claim in self.claims.items():
            if claim.state not in ("claimed", "running"):
                continue
            same_boot = claim.last[-1] == self._boot
            claim.last = claim.last[:-1]
            self._open += 1
            if same_boot and claim.pid and alive(claim.pid, claim.start_time):
                self._after_sync.append(Watch(name, claim.pid, claim.start_time))
            else:
                self._lose(name, claim, "shim" if same_boot else "reboot", wall_ms)
        self._sync = True

    # ---- what the agent says

    def asked(self, commands: Iterable[Record], now: float, wall_ms: int) -> None:
        """Take a batch of commands from the agent."""
        for command in commands:
            match command:
                case ["start", str() as claim, dict() as order]:
                    self._start(claim, order, wall_ms)
                case ["cancel", str() as claim]:
                    self._cancel(claim, wall_ms)
                case ["kill", str() as claim, str() as name, int() | float() as grace, str() as why]:
                    self._kill(claim, name, grace, why=why, now=now, wall_ms=wall_ms)
                case ["list"]:
                    for known, state in self.claims.items():
                        self._say(["listed", known, state.last])
                    self._say(["list_end", len(self.claims)])
                    self._ending = False
                case ["forget", *gone]:
                    self._forget(gone)
                case ["end"]:
                    self._ending = True
                case _:
                    self._say(["not_understood", str(command[:1])])

    def _start(self, name: str, order: dict[str, Any], wall_ms: int) -> None:
        known = self.claims.get(name)
        if known is not None:
            self._say(["listed", name, known.last])
            return
        record = ["claim", name, wall_ms]
        self.claims[name] = Claim("claimed", record)
        self._open += 1
        self._write(record)
        self._sync = True
        self._after_sync.append(Spawn(name, order))

    def _cancel(self, name: str, wall_ms: int) -> None:
        known = self.claims.get(name)
        if known is not None:
            self._say(["listed", name, known.last])
            return
        record = ["cancelled", name, wall_ms]
        self.claims[name] = Claim("cancelled", record)
        self._write(record)
        self._sync = True
        self._say(record)

    def _kill(self, name: str, signal_name: str, grace: float, *, why: str, now: float, wall_ms: int) -> None:
        known = self.claims.get(name)
        if known is None:
            self._cancel(name, wall_ms)
            return
        if known.state != "running":
            self._say(["listed", name, known.last])
            return
        known.killed = known.killed or why
        self._kills[name] = (now + grace, known.pid)
        self._after_sync.append(Signal(known.pid, signal_name))
        self._say(["kill_sent", name, signal_name])

    def _forget(self, gone: list[str]) -> None:
        final = []
        for name in gone:  # the agent may name one twice: it was told of its end and listed it
            if name in self.claims and self.claims[name].state not in ("claimed", "running"):
                del self.claims[name]
                final.append(name)
        if not final:
            return
        self._write(["forget", *final])

    def restate(self) -> list[Record]:
        """Return the records that say all that is known, for the head of a new segment."""
        records: list[Record] = [["keeper", self._boot, 0]]
        for name, claim in self.claims.items():
            if claim.state == "running":
                records.append(["claim", name, claim.last[-1]])
            records.append(claim.last)
        return records

    # ---- what the processes do

    def spawned(self, name: str, pid: int, now: float, wall_ms: int) -> None:
        """The process of a claim runs.

        Notes:
            Its start time is asked for later: reading it waits for the end of `exec` and cost two fifths of the
            keeper's time. A job that was younger when its keeper was killed counts as lost without being watched.
        """
        claim = self.claims[name]
        assert claim.state == "claimed", f"claim {name} was started twice"
        claim.state, claim.pid = "running", pid
        claim.last = ["pid", name, pid, 0, wall_ms]
        self._by_pid[pid] = name
        self._young.append((now + IDENTIFY_AFTER_S, name))
        self._write(claim.last)
        if not self._tell:
            # A short job has ended by then: both are told at once, which saves a sixth of the agent's work.
            self._tell_due = now + TELL_WITHIN_S
        self._tell.append(claim.last)

    def identified(self, name: str, start_time: int) -> None:
        """The start time of a process is known; 0 where the system does not tell."""
        claim = self.claims.get(name)
        if claim is not None and claim.state == "running" and start_time:
            claim.start_time = start_time
            claim.last = ["pid", name, claim.pid, start_time, claim.last[-1]]
            self._write(claim.last)

    def not_spawned(self, name: str, step: str, code: int, text: str, wall_ms: int) -> None:
        """The process of a claim could not be started, and will not be."""
        self._finish(name, ["failed", name, step, code, text, wall_ms])

    def exited(self, pid: int, *, code: int | None, signal: int | None, cpu_ms: int, rss_kb: int, wall_ms: int) -> None:
        """A child ended: with an exit code, or by the number of a signal."""
        name = self._by_pid.pop(pid, None)
        if name is None:
            return
        claim = self.claims[name]
        # Told before it is flushed: the agent's own log is durable before anybody beyond the agent learns of it, and
        # one flush less stands between the end of a job and the start of the next.
        self._finish(name, ["exit", name, code, signal, cpu_ms, rss_kb, claim.killed, claim.last[-1], wall_ms])

    def emptied(self, name: str) -> None:
        """Nobody is left in the group of a claim, so there is nobody to kill."""
        self._kills.pop(name, None)

    def killing(self, pid: int) -> str | None:
        """Return the claim of a child whose group is to be killed when its grace is over.

        A kill is meant for the whole group: when its leader has ended, the others keep the rest of the grace.
        """
        name = self._by_pid.get(pid)
        return name if name in self._kills else None

    def gone(self, name: str, wall_ms: int) -> None:
        """A process that was not our child has ended; how, nobody knows."""
        claim = self.claims.get(name)
        if claim is not None and claim.state == "running":
            self._lose(name, claim, "shim", wall_ms)

    def _finish(self, name: str, record: Record) -> None:
        self._open -= 1
        self.claims[name] = Claim("ended", record)
        self._write(record)
        self._sync_last = True
        self._say(record)

    def _lose(self, name: str, claim: Claim, why: str, wall_ms: int) -> None:
        record = ["lost", name, why, claim.last[-1], wall_ms]
        self._open -= 1
        self._kills.pop(name, None)
        self.claims[name] = Claim("lost", record)
        self._write(record)
        self._sync = True
        self._say(record)

    # ---- time

    @property
    def deadline(self) -> float | None:
        """The monotonic second at which `tick` has something to do."""
        while self._young and not self._runs(self._young[0][1]):
            self._young.popleft()
        dues = [due for due, _ in self._kills.values()]
        if self._tell_due is not None:
            dues.append(self._tell_due)
        if self._young:
            dues.append(self._young[0][0])
        return min(dues, default=None)

    def _runs(self, name: str) -> bool:
        claim = self.claims.get(name)
        return claim is not None and claim.state == "running"

    def tick(self, now: float) -> None:
        """Kill the groups whose grace is over, and have the processes identified that have lived for a while."""
        if self._tell_due is not None and self._tell_due <= now:
            self._tell_due = None
        while self._young and self._young[0][0] <= now:
            _, name = self._young.popleft()
            if self._runs(name):
                self._after_sync.append(Identify(name, self.claims[name].pid))
        for name, (due, pid) in list(self._kills.items()):
            if due <= now:
                del self._kills[name]
                self._after_sync.append(Signal(pid, "KILL"))
                self._say(["kill_sent", name, "KILL"])

    # ---- effects

    @property
    def busy(self) -> bool:
        """Whether any job runs."""
        return self._open > 0

    def _write(self, record: Record) -> None:
        self._append.append(packed(record))

    def _say(self, record: Record) -> None:
        self._tell.append(record)
        self._tell_due = None

    def take(self) -> list[Effect]:
        """Return what is to be done now, in order; one `Sync` for all that has gathered."""
        effects: list[Effect] = []
        if self._append:
            effects.append(Append(tuple(self._append)))
            if self._sync:
                effects.append(Sync())
                self._sync_last = False
        effects += self._after_sync
        if self._tell and self._tell_due is None:
            effects.append(Tell(tuple(self._tell)))
            self._tell = []
        if self._sync_last:
            effects.append(Sync())
        self._append, self._after_sync, self._sync, self._sync_last = [], [], False, False
        if self._ending and not effects and not self._ended and not self.busy:
            self._ended = True
            effects.append(End())
        return effects
