"""Plans, shared by the runs that were planned from the same documents.

A schedule that starts a large jobnet every minute has sixty runs of it waiting. What was decided for them is the same,
does not change, and is kept once, as long as one of them lives.
"""

from collections.abc import Callable, Mapping
from weakref import WeakValueDictionary

from jaz_lite.model.run import Plan

Root = tuple[int, str]  # document of the outermost jobnet; path of the icon that is to run alone, or ""
Docs = frozenset[tuple[str, int]]  # jobnet id and document of every jobnet in the tree


class Plans:
    """The plans of the runs in memory."""

    def __init__(self) -> None:
        self._by_docs: WeakValueDictionary[tuple[Root, Docs], Plan] = WeakValueDictionary()
        self._enabled: WeakValueDictionary[Root, Plan] = WeakValueDictionary()
        self._enabled_at = 0

    def stored(self, root: Root, docs: Mapping[str, int], build: Callable[[], Plan]) -> Plan:
        """Return the plan from these documents, which `build` makes where no run has it yet."""
        key = (root, frozenset(docs.items()))
        plan = self._by_docs.get(key)
        if plan is None:
            plan = self._by_docs[key] = build()
        return plan

    def enabled(self, root: Root, version: int, build: Callable[[], Plan]) -> Plan:
        """Return the plan from a document and the versions that are enabled now.

        Args:
            version: the number of changes of definitions; while it stands still, so does what is enabled.
        """
        if version != self._enabled_at:
            self._enabled.clear()
            self._enabled_at = version
        plan = self._enabled.get(root)
        if plan is None:
            made = build()
            docs = {frame.jobnet.jobnet_id: frame.doc_id for frame in made.frames}
            plan = self._enabled[root] = self.stored(root, docs, lambda: made)
        return plan

    def clear(self) -> None:
        """Forget all: a document of a transaction that was rolled back may have had the number of another one."""
        self._by_docs.clear()
        self._enabled.clear()
