"""What the store wants done between transactions, a bounded piece at a time, in moments when nothing else is due."""

from jaz_lite.clock import Clock
from jaz_lite.store.open import Store

PAGES_A_PIECE = 256  # 1 MiB: a few milliseconds
OPTIMIZE_EVERY_S = 86_400.0


class IdleChores:
    """Finds the next piece. Only the task that makes the turns may carry one out: the writer is then free."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._has_free_pages = True  # an earlier process may have purged and not come to this
        self._optimize_at = clock.monotonic() + OPTIMIZE_EVERY_S  # the store was just opened, and did it then

    @property
    def wanted(self) -> bool:
        """Whether an idle moment has something to do."""
        return self._store.wants_checkpoint or self._has_free_pages or self._clock.monotonic() >= self._optimize_at

    def purged(self) -> None:
        """Rows were removed: their pages can go back to the file system."""
        self._has_free_pages = True

    def do_one(self) -> None:
        """Do one piece."""
        if self._store.wants_checkpoint:
            self._store.checkpoint()
        elif self._has_free_pages:
            if self._store.give_back(PAGES_A_PIECE) == 0:
                self._has_free_pages = False
                # The file is shortened by the checkpoint, not by the pages' release.
                self._store.checkpoint(truncate=True)
        else:
            self._optimize_at = self._clock.monotonic() + OPTIMIZE_EVERY_S
            self._store.optimize()
