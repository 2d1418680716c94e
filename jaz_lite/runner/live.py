"""Live runs: the runs that are not over, in memory beside the store.

The store is the truth. A run in memory is replaced by its successor only after the commit of the turn that made it;
a turn that failed leaves the copies as they were, and `reload` reads them again.
"""

import logging
from collections import defaultdict
from collections.abc import Iterator

from jaz_lite.model.jobnet import Jobnet
from jaz_lite.model.plain import from_plain
from jaz_lite.model.run import RUN_OVER, Run
from jaz_lite.runner.plans import Plans
from jaz_lite.store.open import Store
from jaz_lite.store.planned import planned_run
from jaz_lite.store.transaction import Nouns

DOCUMENTS_CACHED_MAX = 2_000

log = logging.getLogger(__name__)


class LiveRuns:
    """The runs that are not over."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._runs: dict[int, Run] = {}
        self._of_jobnet: defaultdict[str, set[int]] = defaultdict(set)
        self._documents: dict[int, Jobnet] = {}
        self.plans = Plans()

    def __iter__(self) -> Iterator[Run]:
        return iter(self._runs.values())

    def __len__(self) -> int:
        return len(self._runs)

    def find(self, run_id: int) -> Run | None:
        """Return the committed state of a live run, or None."""
        return self._runs.get(run_id)

    def of_jobnet(self, jobnet_id: str) -> list[Run]:
        """Return the live runs of a jobnet (as the outermost one), oldest first."""
        return [self._runs[run_id] for run_id in sorted(self._of_jobnet.get(jobnet_id, ()))]

    def replace(self, run: Run) -> None:
        """Take over the committed successor of a run; one that is over is forgotten."""
        ids = self._of_jobnet[run.jobnet.jobnet_id]
        if run.state in RUN_OVER or run.faulted:
            self._runs.pop(run.run_id, None)
            ids.discard(run.run_id)
            if not ids:
                del self._of_jobnet[run.jobnet.jobnet_id]
        else:
            self._runs[run.run_id] = run
            ids.add(run.run_id)

    def reload(self) -> None:
        """Read all live runs again. One that cannot be read is left out and told; the others are not its hostages."""
        self._runs.clear()
        self._of_jobnet.clear()
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


def _jobnet(nouns: Nouns, doc_id: int) -> Jobnet:
    found = from_plain("jobnet", nouns.definitions.by_doc(doc_id).document)
    assert isinstance(found, Jobnet)
    return found
