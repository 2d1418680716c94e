"""Who may come in: how many strangers are dealt with at a time, and in which order the others wait.

A stranger is a connection that has not yet proved who it is. A thousand agents behind one address come at once after a
restart, so those that find no room wait instead of being sent away; and since somebody may open connections only to
fill the room, three rules keep it from being filled for long:

    Who has said nothing takes no room: he waits in the lobby, which costs a descriptor, and goes after some seconds.
    While others wait, a stranger keeps his room for `STRANGER_PATIENCE_S` only.
    Room that becomes free goes to the address that has least of it, and there to the newest: the old ones may be junk.

An address from which proofs failed is dealt with one stranger at a time for a while. It is not shut out: keys cannot
be guessed, and behind the same address there may be others whose keys are right.

Pure: the time is an argument. Addresses are counted as given (for IPv6, cut them to the network first).
Source: protocol.md section 11, threat T6; decision 0006.
"""

from collections.abc import Callable
from dataclasses import dataclass

from jaz_lite.wire import limits


@dataclass(slots=True, eq=False)
class Place:
    """The place of one connection at the door.

    call_in: called when there is room for it. send_away: called when it has to go.
    """

    address: str
    call_in: Callable[[], None]
    send_away: Callable[[], None]
    since: float = 0.0  # of its state
    state: str = "lobby"  # lobby (said nothing), waiting, inside, gone


@dataclass(slots=True)
class _Failures:
    since: float  # start of the window in which failures are counted
    count: int = 0
    pause_s: float = 0.0  # the last pause given
    until: float = 0.0  # one stranger at a time before


class Door:
    """Counts the strangers, and remembers which addresses failed to prove who they are.

    Args:
        per_address: strangers of one address that are dealt with at a time.
    """

    def __init__(self, *, per_address: int) -> None:
        self._per_address = per_address
        self._inside: dict[str, dict[Place, None]] = {}  # oldest first, as are the others
        self._outside: dict[str, dict[Place, None]] = {}  # in the lobby or waiting
        self._failures: dict[str, _Failures] = {}
        self._inside_count = self._outside_count = 0

    @property
    def strangers(self) -> int:
        """How many strangers are being dealt with."""
        return self._inside_count

    @property
    def outside(self) -> int:
        """How many are in the lobby or wait for room."""
        return self._outside_count

    def arrive(self, place: Place, now: float) -> None:
        """Take a new connection into the lobby; the oldest of the address with most of them may have to go."""
        while self._outside_count >= limits.LOBBY_MAX:
            crowd = max(self._outside.values(), key=len)
            oldest = next(iter(crowd))
            self.leave(oldest, now)
            oldest.send_away()
        place.since = now
        self._outside.setdefault(place.address, {})[place] = None
        self._outside_count += 1

    def speak(self, place: Place, now: float) -> None:
        """The stranger has said something: he may come in as soon as there is room."""
        if place.state == "lobby":
            place.state, place.since = "waiting", now
            self.let_in(now)

    def leave(self, place: Place, now: float) -> None:
        """Count a connection no more: it proved who it is, or is gone. May be said twice."""
        if place.state == "gone":
            return
        if place.state == "inside":
            self._inside_count -= 1
            _take_out(self._inside, place)
        else:
            self._outside_count -= 1
            _take_out(self._outside, place)
        place.state = "gone"
        self.let_in(now)

    def let_in(self, now: float) -> float | None:
        """Give room to those who wait.

        Returns:
            When to ask again while somebody still waits: then the patience with one inside is over.
        """
        due: float | None = None
        while waiting := self._most_patient(now):
            place, blocker = waiting
            if blocker is not None and now < blocker.since + limits.STRANGER_PATIENCE_S:
                due = blocker.since + limits.STRANGER_PATIENCE_S
                break
            if blocker is not None:
                # Its room is given on below, so it must not call anybody in by leaving.
                self._inside_count -= 1
                _take_out(self._inside, blocker)
                blocker.state = "gone"
                blocker.send_away()
            _take_out(self._outside, place)
            self._outside_count -= 1
            place.state, place.since = "inside", now
            self._inside.setdefault(place.address, {})[place] = None
            self._inside_count += 1
            place.call_in()
        return due

    def _most_patient(self, now: float) -> tuple[Place, Place | None] | None:
        """Return who comes next, and whose room he would have to be given; rather somebody who needs nobody's."""
        best: tuple[Place, Place | None] | None = None
        for address in sorted(self._outside, key=lambda each: len(self._inside.get(each, ()))):
            newest = next((place for place in reversed(self._outside[address]) if place.state == "waiting"), None)
            if newest is None:
                continue
            blocker = self._blocker(address, now)
            if blocker is None:
                return newest, None
            if best is None or best[1] is None or blocker.since < best[1].since:
                best = newest, blocker
        return best

    def _blocker(self, address: str, now: float) -> Place | None:
        """Return the one in whose room a stranger of `address` would come in, None where there is room."""
        here = self._inside.get(address, {})
        if len(here) >= self._room_of(address, now):
            return next(iter(here))
        if self._inside_count >= limits.STRANGERS_MAX:
            return min((next(iter(each)) for each in self._inside.values()), key=lambda place: place.since)
        return None

    def _room_of(self, address: str, now: float) -> int:
        failures = self._failures.get(address)
        return 1 if failures is not None and now < failures.until else self._per_address

    # ---- proofs

    def failed(self, address: str, now: float) -> None:
        """Note a failed proof; after too many of them the address has room for one stranger only, for a while."""
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


def _take_out(places: dict[str, dict[Place, None]], place: Place) -> None:
    here = places[place.address]
    del here[place]
    if not here:
        del places[place.address]
