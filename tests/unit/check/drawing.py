"""Jobnets drawn as text, and a site to check them against: the words of these tests."""

from dataclasses import dataclass, field

from jaz_lite.model.jobnet import Flow, Icon, Jobnet
from jaz_lite.model.plain import id_of, kind_of

TYPES = {
    "START": ("start", {}),
    "END": ("end", {}),
    "IF": ("condition", {"variable": "JOB_EXIT_CD", "comparison": "0"}),
    "IFE": ("branch_end", {}),
    "M": ("parallel_start", {}),
    "W": ("parallel_end", {}),
    "L": ("loop", {}),
    "J": ("job", {"host": "localhost", "script": "true"}),
    "SUB": ("sub_jobnet", {"jobnet_id": "INNER"}),
    "TASK": ("task", {"jobnet_id": "OTHER"}),
    "ENV": ("variable", {"values": [{"name": "A", "value": "1"}]}),
    "INF": ("information", {"about": "calendar", "calendar_id": "DAYS"}),
}


def jobnet(*lines, jobnet_id="NIGHT", version="20240101000000", params=None, **fields):
    """Draw a jobnet: `"START > J1 > IF1 >true J2 > END1"`; the letters of an id are its type."""
    ids, flows = {}, []
    for line in lines:
        words = line.split()
        for word in words[::2]:
            ids.setdefault(word, None)
        for source, arrow, target in zip(words[::2], words[1::2], words[2::2], strict=False):
            flows.append(Flow(source=source, target=target, kind=arrow[1:] or "plain"))
    icons = []
    for icon_id in ids:
        type_, settings = TYPES[icon_id.rstrip("0123456789-")]
        own = (params or {}).get(icon_id, {})
        more = {name: own[name] for name in ("mark", "retries", "name", "run_user") if name in own}
        settings = {**settings, **{name: value for name, value in own.items() if name not in more}}
        icons.append(Icon(icon_id=icon_id, type=type_, params=settings, **more))
    basics = {"name": jobnet_id, "jobnet_id": jobnet_id, "version": version}
    return Jobnet(**{**basics, "icons": tuple(icons), "flows": tuple(flows), **fields})


@dataclass
class Site:
    """A site with these definitions; those in `disabled` have no enabled version."""

    definitions: tuple = ()
    disabled: frozenset = frozenset()
    hosts: frozenset = field(default_factory=lambda: frozenset({"localhost"}))

    def find(self, kind, object_id):
        return next((each for each in self.definitions if (kind_of(each), id_of(each)) == (kind, object_id)), None)

    def exists(self, kind, object_id):
        return self.find(kind, object_id) is not None

    def is_enabled(self, kind, object_id):
        return self.exists(kind, object_id) and object_id not in self.disabled

    def find_jobnet(self, jobnet_id):
        return self.find("jobnet", jobnet_id) if self.is_enabled("jobnet", jobnet_id) else None

    def has_host(self, host):
        return host in self.hosts

    def knows_holidays(self, place):
        return place in ("JP", "DE-BY")


def told(problems):
    """Return problems as short text: severity, icon, message."""
    return [f"{each.severity} {each.place.icon_id}: {each.message}" for each in problems]
