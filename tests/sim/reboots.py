"""What must hold of reboots, for the oracle: they end with a boot, and nothing begins on a machine that goes down.

I15 from the start of a reboot's command to its end nothing else begins on its machine; while the server holds the
    lock of a host it sends no other work there; in the end no lock is left
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jaz_lite.agent.own_attempts import SIGTERM

if TYPE_CHECKING:
    from tests.sim.machine import Machine

KIND = "reboot"
COMMAND = "sim reboot"
End = tuple[int | None, int | None]  # exit code and signal


class RebootTruth:
    """See the module. `fail` is the oracle's."""

    def __init__(self, fail: Callable[[str, str], None]) -> None:
        self._fail = fail
        self.keys: set[bytes] = set()
        self._boots: Counter[str] = Counter()
        self._accepted: dict[bytes, tuple[str, int]] = {}  # on which machine, and in which of its boots
        self._killed: set[bytes] = set()
        self._down: dict[str, bytes] = {}  # by machine: the reboot whose command was started
        self._locks: dict[str, bytes] = {}  # as committed

    # ---- the machines

    def booted(self, name: str) -> None:
        """A machine comes up."""
        self._boots[name] += 1
        self._down.pop(name, None)

    def command_begins(self, name: str, k: bytes) -> None:
        """The command of a reboot is started."""
        self._down[name] = k

    def begins(self, name: str, k: bytes) -> None:
        """Other work begins on a machine."""
        if self._down.get(name, k) != k:
            self._fail("I15", f"{k.hex()} begins on {name}, which is being restarted by {self._down[name].hex()}")

    def told(self, name: str, k: bytes, e: str, x: dict[str, Any]) -> None:
        """An agent has written an event."""
        if e == "accepted" and x["kind"] == KIND:
            self._accepted.setdefault(k, (name, self._boots[name]))
        if e == "finished" and x.get("killed"):
            self._killed.add(k)
        if e in ("finished", "failed", "cancelled", "lost") and self._down.get(name) == k:
            del self._down[name]

    def check_end(self, k: bytes, end: End, truth: End | None) -> None:
        """A reboot is over on the server."""
        name, boot = self._accepted[k]
        if end == (0, None) and not (k in self._killed and truth == end):  # a command may end well in spite of a kill
            if self._boots[name] == boot:
                self._fail("I15", f"reboot {k.hex()} ended well, but {name} was not booted")
        elif end not in (truth, (None, SIGTERM)):
            self._fail("I15", f"reboot {k.hex()} ended with {truth}, on the server with {end}")

    # ---- the locks

    def committed(self, changes: dict[str, bytes | None], sent: list[tuple[bytes, str]]) -> None:
        """A transaction has set and freed locks, and sent work to agents."""
        before = dict(self._locks)
        for name, holder in changes.items():
            if holder is None:
                self._locks.pop(name, None)
            else:
                self._locks[name] = holder
        for k, name in sent:
            holder = self._locks.get(name)
            if holder not in (None, k) and before.get(name) == holder:
                self._fail("I15", f"attempt {k.hex()} was sent to {name}, which is locked by {holder and holder.hex()}")

    def at_the_end(self, view: Any, machines: list[Machine]) -> None:
        """Everything has drained."""
        for lock in view.host_locks.list():
            self._fail("I15", f"{lock.agent_id} is still locked by {lock.k.hex()}")
        for machine in machines:
            if machine.agent is not None and machine.agent.slots.held:
                self._fail("I15", f"{machine.name} still lets nothing begin")
