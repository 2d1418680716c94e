"""What the store wants done between transactions, a bounded piece at a time, in moments when nothing else is due."""

import logging

from jaz_lite.clock import Clock
from jaz_lite.errors import DiskFull
from jaz_lite.store.open import Store

PAGES_A_PIECE = 256  # 1 MiB: a few milliseconds
OPTIMIZE_EVERY_S = 86_400.0
FULL_REST_S = 60.0  # on a full disk they rest so long

log = logging.getLogger(__name__)


class IdleChores:
    """Finds the next piece. Only the task that makes the turns may carry one out: the writer is then free."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._has_free_pages = True  # an earlier process may have purged and not come to this
        self._optimize_at = clock.monotonic() + OPTIMIZE_EVERY_S  # the store was just opened, and did it then
        self._rest_until = clock.monotonic()

    @property
    def wanted(self) -> bool:
        """Whether an idle moment has something to do."""
        now = self._clock.monotonic()
        if now < self._rest_until:
            return False
        return self._store.wants_checkpoint or self._has_free_pages or now >= self._optimize_at

    def purged(self) -> None:
        """Rows were removed: their pages can go back to the file system."""
        self._has_free_pages = True

    def do_one(self) -> None:
        """Do one piece. On a full disk it can wait: a turn that finds no room gives the reserve up."""
        try:
            self._piece()
        except DiskFull as error:
            log.warning("the store waits for room on the disk", extra={"action": "disk.full", "why": error.message})
            self._rest_until = self._clock.monotonic() + FULL_REST_S

    def _piece(self) -> None:
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
