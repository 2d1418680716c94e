"""Live runs: the runs that are not over, in memory beside the store.

The store is the truth. A run in memory is replaced by its successor only after the commit of the turn that made it;
a turn that failed leaves the copies as they were, and `reload` reads them again.
"""

import logging
from collections import defaultdict
from collections.abc import Iterator
from typing import TypeVar

from jaz_lite.model.jobnet import Jobnet
from jaz_lite.model.plain import from_plain
from jaz_lite.model.run import RUN_OVER, Run
from jaz_lite.runner.plans import Plans
from jaz_lite.store.open import Store
from jaz_lite.store.planned import planned_run
from jaz_lite.store.transaction import Nouns

DOCUMENTS_CACHED_MAX = 2_000

K = TypeVar("K")

log = logging.getLogger(__name__)


class LiveRuns:
    """The runs that are not over."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._runs: dict[int, Run] = {}
        self._astir: defaultdict[str, set[int]] = defaultdict(set)  # by jobnet
        self._of_schedule: defaultdict[tuple[str, str], set[int]] = defaultdict(set)  # by schedule and jobnet
        self._documents: dict[int, Jobnet] = {}
        self.plans = Plans()

    def __iter__(self) -> Iterator[Run]:
        return iter(self._runs.values())

    def __len__(self) -> int:
        return len(self._runs)

    def find(self, run_id: int) -> Run | None:
        """Return the committed state of a live run, or None."""
        return self._runs.get(run_id)

    def astir(self, jobnet_id: str) -> Iterator[Run]:
        """Give the live runs of a jobnet (as the outermost one) that have begun, or wait for another run of it."""
        return (self._runs[run_id] for run_id in self._astir.get(jobnet_id, ()))

    def of_schedule(self, schedule_id: str, jobnet_id: str) -> Iterator[Run]:
        """Give the live runs of a jobnet that a schedule planned."""
        return (self._runs[run_id] for run_id in self._of_schedule.get((schedule_id, jobnet_id), ()))

    def replace(self, run: Run) -> None:
        """Take over the committed successor of a run; one that is over is forgotten."""
        jobnet_id = run.jobnet.jobnet_id
        is_live = run.state not in RUN_OVER and not run.faulted
        if is_live:
            self._runs[run.run_id] = run
        else:
            self._runs.pop(run.run_id, None)
        # Of a jobnet that schedules start often, nearly all live runs just wait for their time.
        is_astir = is_live and (run.state != "waiting" or run.load_status == "delayed")
        _note(self._astir, jobnet_id, run.run_id, is_astir)
        if run.boot is not None and run.boot.schedule_id:
            _note(self._of_schedule, (run.boot.schedule_id, jobnet_id), run.run_id, is_live)

    def reload(self) -> None:
        """Read all live runs again. One that cannot be read is left out and told; the others are not its hostages."""
        self._runs.clear()
        self._astir.clear()
        self._of_schedule.clear()
        self._documents.clear()  # a document of a turn that was rolled back may have had the number of another one
        self.plans.clear()
        with self._store.snapshot() as view:
            for run_id in view.runs.live():
                try:
                    self.replace(self.read(view, run_id))
                except Exception:
                    log.exception("a run cannot be loaded", extra={"action": "run.not_loaded", "run_id": run_id})

    def read(self, nouns: Nouns, run_id: int) -> Run:
        """Return a run as stored, live or over."""
        return planned_run(nouns, run_id, lambda doc_id: self.document(nouns, doc_id), self.plans.stored)

    def document(self, nouns: Nouns, doc_id: int) -> Jobnet:
        """Return a jobnet by the document it is stored in; documents never change."""
        found = self._documents.get(doc_id)
        if found is None:
            if len(self._documents) >= DOCUMENTS_CACHED_MAX:
                self._documents.pop(next(iter(self._documents)))
            found = self._documents[doc_id] = _jobnet(nouns, doc_id)
        return found


def _note(sets: defaultdict[K, set[int]], key: K, run_id: int, belongs: bool) -> None:
    """Put a run into the set of a key or take it out; no empty set is kept."""
    if belongs:
        sets[key].add(run_id)
    elif key in sets:
        sets[key].discard(run_id)
        if not sets[key]:
            del sets[key]


def _jobnet(nouns: Nouns, doc_id: int) -> Jobnet:
    found = from_plain("jobnet", nouns.definitions.by_doc(doc_id).document)
    assert isinstance(found, Jobnet)
    return found
