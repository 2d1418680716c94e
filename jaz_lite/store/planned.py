"""A stored run, whole again: its rows laid over the plan that its documents give."""

from collections.abc import Callable, Mapping

from jaz_lite.engine import plan as planning
from jaz_lite.model.jobnet import Jobnet
from jaz_lite.model.run import Plan, Run
from jaz_lite.store.run_rows import StoredRun
from jaz_lite.store.transaction import Nouns

Share = Callable[[tuple[int, str], Mapping[str, int], Callable[[], Plan]], Plan]


def unshared(_root: tuple[int, str], _docs: Mapping[str, int], build: Callable[[], Plan]) -> Plan:
    """Have every run get a plan of its own."""
    return build()


def planned_run(nouns: Nouns, run_id: int, document: Callable[[int], Jobnet], share: Share = unshared) -> Run:
    """Return a run as it was saved, planned again from the documents it was planned from.

    Args:
        document: gives the jobnet of a document id; documents never change, so it may remember them.
        share: gives the plan from a document (and an icon that runs alone) with those of all its sub-jobnets, or has
            it made.

    Raises:
        NoSuchObject: there is no such run, or retention has taken it.
    """
    stored = nouns.runs.load(run_id)
    return stored.assemble(_plan(stored, document, share), nouns.term.site().site_uid)


def _plan(stored: StoredRun, document: Callable[[int], Jobnet], share: Share) -> Plan:
    def find(jobnet_id: str) -> tuple[Jobnet, int] | None:
        doc_id = stored.docs.get(jobnet_id)
        return None if doc_id is None else (document(doc_id), doc_id)

    row = stored.row
    if not row.doc_id:
        return planning.unplanned(Jobnet(jobnet_id=row.jobnet_id, version=""), 0)
    root = document(row.doc_id)
    if row.icon_path:
        root = planning.single(root, row.icon_path)
    if row.load_status == "load_error":
        return planning.unplanned(root, row.doc_id)
    return share((row.doc_id, row.icon_path), stored.docs, lambda: planning.build(root, find, doc_id=row.doc_id))
