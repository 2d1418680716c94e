"""Calendars and filters as schedules see them: the enabled versions."""

from jaz_lite.model.calendar import Calendar, Filter
from jaz_lite.model.plain import from_plain
from jaz_lite.store.transaction import Nouns


class EnabledDays:
    """The enabled calendars and filters of a store, each read once; usable as long as the nouns are.

    Args:
        known: calendars and filters by the document they are stored in, read before; it grows. Documents never change.
    """

    def __init__(self, nouns: Nouns, known: dict[int, Calendar | Filter] | None = None) -> None:
        self._nouns = nouns
        self._known = {} if known is None else known
        self._docs = {kind: nouns.definitions.enabled_docs(kind) for kind in ("calendar", "filter")}

    def calendar(self, calendar_id: str) -> Calendar | None:
        found = self._read("calendar", calendar_id)
        assert found is None or isinstance(found, Calendar), "documents of the kind calendar are calendars"
        return found

    def filter(self, filter_id: str) -> Filter | None:
        found = self._read("filter", filter_id)
        assert found is None or isinstance(found, Filter), "documents of the kind filter are filters"
        return found

    def doc_id(self, kind: str, object_id: str) -> int | None:
        """Return the number of the enabled document of a calendar or filter, or None."""
        return self._docs[kind].get(object_id)

    def _read(self, kind: str, object_id: str) -> Calendar | Filter | None:
        doc_id = self.doc_id(kind, object_id)
        if doc_id is None:
            return None
        if doc_id not in self._known:
            found = from_plain(kind, self._nouns.definitions.by_doc(doc_id).document)
            assert isinstance(found, Calendar | Filter), "schedules go by calendars and filters"
            self._known[doc_id] = found
        return self._known[doc_id]
