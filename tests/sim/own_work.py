"""What must hold of the work of the agents' own processes (file waits), for the oracle.

Such work is begun again after a restart. After a set-back of its machine it is begun again even though it had ended,
since nothing on the machine remembers: then it may end otherwise, and delete the next file. Nobody else's may.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jaz_lite.agent.own_attempts import SIGTERM

if TYPE_CHECKING:
    from tests.sim.machine import Machine

End = tuple[int | None, int | None]  # exit code and signal


class OwnTruth:
    """See the module. `fail` is the oracle's."""

    def __init__(self, fail: Callable[[str, str], None]) -> None:
        self._fail = fail
        self.begun: dict[bytes, str] = {}  # where
        self._ends: dict[bytes, set[End]] = defaultdict(set)  # as said
        self._deleted: Counter[bytes] = Counter()
        self._set_back: Counter[bytes] = Counter()  # how often its machine was, since it was begun first

    def began(self, machine: Machine, k: bytes, *, again: bool) -> None:
        """An agent's process begins such work."""
        machine.world.counts["waits begun"] += 1
        if k in self.begun and not again:
            self._fail("I1", f"own work {k.hex()} was begun twice, and not as something begun again")
        self.begun[k] = machine.name

    def said(self, record: tuple[Any, ...]) -> None:
        """It is said how such work goes."""
        match record:
            case ("ended", k, code, _, _):
                self._ends[k].add((code, None))
            case ("cancelled", k):
                self._ends[k].add((None, SIGTERM))

    def file_deleted(self, k: bytes) -> None:
        """A wait deletes its file."""
        self._deleted[k] += 1
        if self._deleted[k] > 1 + self._set_back[k]:
            self._fail("I14", f"wait {k.hex()} deleted again, though it had found one file only")

    def set_back(self, name: str) -> None:
        """A machine was set back."""
        self._set_back.update(k for k, where in self.begun.items() if where == name)

    def may_differ(self, k: bytes) -> bool:
        """Tell whether it may have ended twice, each time in another way."""
        return self._set_back[k] > 0

    def check_end(self, k: bytes, end: End) -> None:
        """Such work is over on the server."""
        # One that a boot has interrupted is ended without its worker.
        if end not in self._ends[k] | {(None, SIGTERM)}:
            self._fail("I2", f"own work {k.hex()} ended with {self._ends[k]}, on the server with {end}")
