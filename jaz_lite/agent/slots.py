"""The slots of an agent: so many jobs run at once, whichever sites they come from.

Pure. Every core has a `Share`. A slot that becomes free is offered to the other sites that wait before the one whose
job has ended takes it again, so that a site with a long queue does not shut out the others. While a reboot of the
machine is under way, no site begins anything (`held`).
"""

from collections.abc import Callable


class Slots:
    """All slots of an agent; `par` of them."""

    def __init__(self, par: int) -> None:
        self.par = par
        self._shares: list[Share] = []

    @property
    def busy(self) -> int:
        """How many slots are taken; after a restart jobs may run that are more than `par`."""
        return sum(share.busy for share in self._shares)

    def share(self, freed: Callable[[], None]) -> "Share":
        """Return the share of a new core; `freed` is called when it waits and a slot is there for it."""
        share = Share(self, freed)
        self._shares.append(share)
        return share

    def offer(self, after: "Share") -> None:
        """Let those who wait have what is free, beginning behind `after`."""
        start = self._shares.index(after) + 1
        for share in (*self._shares[start:], *self._shares[: start - 1]):
            if share.waits and self.busy < self.par:
                share.freed()

    @property
    def held(self) -> bool:
        """Whether a reboot is under way."""
        return any(share.holds for share in self._shares)

    def end_jobs(self) -> None:
        """Have the jobs of all sites killed."""
        for share in list(self._shares):
            share.end_jobs()

    def leave(self, share: "Share") -> None:
        """Forget a share: what it had is free."""
        share.busy, share.waits = 0, False
        share.holds.clear()
        self.offer(share)
        self._shares.remove(share)


class Share:
    """The slots that the attempts of one core have. `waits`: it would start more if there were a slot."""

    def __init__(self, slots: Slots, freed: Callable[[], None]) -> None:
        self.busy = 0
        self.waits = False
        self.holds: set[bytes] = set()  # the keys of its reboots
        self.freed = freed
        self.end_jobs: Callable[[], None] = _nothing
        self._slots = slots

    @property
    def has_room(self) -> bool:
        """Whether there is a slot to take, and no reboot under way."""
        return self._slots.busy < self._slots.par and not self._slots.held

    @property
    def held(self) -> bool:
        """Whether a reboot is under way, of this site or another."""
        return self._slots.held

    @property
    def all_busy(self) -> int:
        """How many jobs run, of all sites."""
        return self._slots.busy

    def hold(self, reboot: bytes) -> None:
        """Let nothing begin on this agent until `release`."""
        self.holds.add(reboot)

    def release(self, reboot: bytes) -> None:
        """A reboot is over, if this is one: what waits may begin."""
        if reboot in self.holds:
            self.holds.discard(reboot)
            self._slots.offer(self)

    def end_jobs_of_all(self) -> None:
        """Have the jobs of all sites killed."""
        self._slots.end_jobs()

    def take(self) -> None:
        """Take a slot; also beyond `par`, for a job that runs already."""
        self.busy += 1

    def give_back(self) -> None:
        """A job ended: its slot may be another's."""
        self.busy -= 1
        assert self.busy >= 0, "more slots given back than taken"
        self._slots.offer(self)

    def leave(self) -> None:
        """The core is of no use any more: its slots are free."""
        self._slots.leave(self)


def _nothing() -> None:
    """Nobody runs anything."""
