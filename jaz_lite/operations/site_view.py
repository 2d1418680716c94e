"""The site as the checks of definitions see it: the store, perhaps as it will be after a change that is being judged."""

from collections.abc import Mapping

from jaz_lite.model.jobnet import Jobnet
from jaz_lite.model.plain import from_plain
from jaz_lite.schedule.public_holidays import HOLIDAYS
from jaz_lite.store.definitions import Stored
from jaz_lite.store.transaction import Nouns

Key = tuple[str, str]  # kind and id


class StoreView:
    """Looks things up once: it is good for the length of one judgement, in which nothing changes."""

    def __init__(self, nouns: Nouns, together: Mapping[Key, Stored] | None = None) -> None:
        """See the store, as if the versions in `together` were the enabled ones of their objects."""
        self._nouns = nouns
        self._together = together or {}
        self._exists: dict[Key, bool] = {}
        self._enabled: dict[Key, Stored | None] = {}
        self._jobnets: dict[str, Jobnet | None] = {}
        self._hosts: dict[str, bool] = {}

    def exists(self, kind: str, object_id: str) -> bool:
        key = (kind, object_id)
        if key not in self._exists:
            self._exists[key] = self._nouns.definitions.newest(kind, object_id) is not None
        return self._exists[key]

    def is_enabled(self, kind: str, object_id: str) -> bool:
        return self._version(kind, object_id) is not None

    def find_jobnet(self, jobnet_id: str) -> Jobnet | None:
        if jobnet_id not in self._jobnets:
            found = self._version("jobnet", jobnet_id)
            jobnet = None if found is None else from_plain("jobnet", found.document)
            assert jobnet is None or isinstance(jobnet, Jobnet), "documents of the kind jobnet are jobnets"
            self._jobnets[jobnet_id] = jobnet
        return self._jobnets[jobnet_id]

    def has_host(self, host: str) -> bool:
        if host not in self._hosts:
            self._hosts[host] = self._nouns.hosts.find(host) is not None
        return self._hosts[host]

    def knows_holidays(self, place: str) -> bool:
        return place in HOLIDAYS.places()

    def _version(self, kind: str, object_id: str) -> Stored | None:
        key = (kind, object_id)
        if key in self._together:
            return self._together[key]
        if key not in self._enabled:
            self._enabled[key] = self._nouns.definitions.enabled(kind, object_id)
        return self._enabled[key]


class AllEnabled(StoreView):
    """The store as if every object had an enabled version and every host were known: only faults of its own are left."""

    def is_enabled(self, kind: str, object_id: str) -> bool:  # noqa: ARG002  # whatever it is
        return True

    def has_host(self, host: str) -> bool:  # noqa: ARG002  # whatever it is
        return True
