"""Who may come in: limits on connections that have not yet proved who they are, and pauses after failed proofs.

Pure: the time is an argument. Addresses are counted as given (for IPv6, cut them to the network first).
Source: protocol.md section 11, threat T6.
"""

from dataclasses import dataclass

from jaz_lite.wire import limits


@dataclass(slots=True)
class _Failures:
    since: float  # start of the window in which failures are counted
    count: int = 0
    pause_s: float = 0.0  # the last pause given
    until: float = 0.0  # nobody from there is let in before


class Door:
    """Counts the strangers inside, and remembers which addresses failed to prove who they are."""

    def __init__(self) -> None:
        self._strangers: dict[str, int] = {}
        self._failures: dict[str, _Failures] = {}

    @property
    def strangers(self) -> int:
        """How many connections are inside without having proved who they are."""
        return sum(self._strangers.values())

    def admit(self, address: str, now: float) -> bool:
        """Let a connection in, or not. One that is let in must be given to `left` exactly once."""
        failures = self._failures.get(address)
        if failures is not None and now < failures.until:
            return False
        here = self._strangers.get(address, 0)
        if here >= limits.UNAUTHENTICATED_PER_IP_MAX or self.strangers >= limits.UNAUTHENTICATED_MAX:
            return False
        self._strangers[address] = here + 1
        return True

    def left(self, address: str) -> None:
        """Count a stranger no more: it proved who it is, or is gone."""
        here = self._strangers[address] - 1
        if here:
            self._strangers[address] = here
        else:
            del self._strangers[address]

    def failed(self, address: str, now: float) -> None:
        """Note a failed proof; too many of them close the door to that address for a while."""
        failures = self._failures.pop(address, None)
        if failures is None or now - failures.since > limits.FAILED_AUTH_WINDOW_S + failures.pause_s:
            failures = _Failures(since=now)
        failures.count += 1
        if failures.count >= limits.FAILED_AUTH_MAX:
            longer = failures.pause_s * 2 or limits.FAILED_AUTH_PAUSE_S
            failures.pause_s = min(longer, limits.FAILED_AUTH_PAUSE_S_MAX)
            failures.until = now + failures.pause_s
            failures.since, failures.count = failures.until, 0
        self._failures[address] = failures  # the latest are last, the oldest are forgotten first
        while len(self._failures) > limits.REMEMBERED_IPS_MAX:
            del self._failures[next(iter(self._failures))]

    def proved(self, address: str) -> None:
        """Forget the failures of an address from which somebody proved who he is."""
        self._failures.pop(address, None)
