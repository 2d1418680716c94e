"""The definitions that a forecast goes by: the enabled versions, and what is laid over them to see what it would do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from jaz_lite.engine import plan as planning
from jaz_lite.model.calendar import Calendar, Filter
from jaz_lite.model.jobnet import Jobnet
from jaz_lite.model.plain import Definition
from jaz_lite.model.run import Plan
from jaz_lite.model.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Outline:
    """What a preview must know of an enabled jobnet: its document, and the jobnets inside it."""

    doc_id: int
    version: str
    subs: tuple[str, ...] = ()


@dataclass(slots=True)
class Definitions:
    """The versions that count, by id. Implements the view of the timetables."""

    schedules: dict[str, Schedule] = field(default_factory=dict)
    calendars: dict[str, Calendar] = field(default_factory=dict)
    filters: dict[str, Filter] = field(default_factory=dict)
    outlines: dict[str, Outline] = field(default_factory=dict)
    laid_over: dict[str, Jobnet] = field(default_factory=dict)  # jobnets that are not stored so
    documents: dict[int, Jobnet] = field(default_factory=dict)  # of outlines and of planned runs
    _plans: dict[tuple[int, str, tuple[tuple[str, int], ...]], Plan] = field(default_factory=dict)

    def put(self, definition: Definition) -> None:
        """Let a version count as the enabled one of its object."""
        match definition:
            case Schedule():
                self.schedules[definition.schedule_id] = definition
            case Calendar():
                self.calendars[definition.calendar_id] = definition
            case Filter():
                self.filters[definition.filter_id] = definition
            case Jobnet():
                self.laid_over[definition.jobnet_id] = definition

    def calendar(self, calendar_id: str) -> Calendar | None:
        return self.calendars.get(calendar_id)

    def filter(self, filter_id: str) -> Filter | None:
        return self.filters.get(filter_id)

    # ---- jobnets

    def subs_of(self, jobnet_id: str) -> tuple[str, ...] | None:
        """Return the sub-jobnets inside a jobnet; None: it has no enabled version."""
        over = self.laid_over.get(jobnet_id)
        if over is not None:
            return subs_in(over)
        outline = self.outlines.get(jobnet_id)
        return None if outline is None else outline.subs

    def version_of(self, jobnet_id: str) -> str:
        """Return the version of a jobnet that counts; "" where none does."""
        if jobnet_id in self.laid_over:
            return self.laid_over[jobnet_id].version
        return self.outlines[jobnet_id].version if jobnet_id in self.outlines else ""

    def lack_of(self, jobnet_id: str) -> str:
        """Say why a run of a jobnet could not be planned for want of an enabled version; "" where it could."""
        for inner in self.inside(jobnet_id):
            if self.subs_of(inner) is None:
                if inner == jobnet_id:
                    return f'jobnet "{jobnet_id}" has no enabled version'
                return f'sub-jobnet "{inner}" has no enabled version'
        return ""

    def inside(self, jobnet_id: str) -> Iterator[str]:
        """Give a jobnet and all that are inside it, each once."""
        seen = {jobnet_id}
        todo = [jobnet_id]
        for each in todo:  # grows while it is walked
            yield each
            for sub in self.subs_of(each) or ():
                if sub not in seen:
                    seen.add(sub)
                    todo.append(sub)

    def find_jobnet(self, jobnet_id: str) -> tuple[Jobnet, int] | None:
        """Return the version of a jobnet that counts, and its document (0: it is laid over)."""
        over = self.laid_over.get(jobnet_id)
        if over is not None:
            return over, 0
        outline = self.outlines.get(jobnet_id)
        return None if outline is None else (self.documents[outline.doc_id], outline.doc_id)

    def plan_of(self, jobnet_id: str) -> Plan:
        """Return the plan of a run of a jobnet as it would be made now; the same one each time.

        Raises:
            PlanError: there is none.
        """
        found = self.find_jobnet(jobnet_id)
        if found is None:
            raise planning.PlanError(f'jobnet "{jobnet_id}" has no enabled version')
        key = (-1, jobnet_id, ())
        if key not in self._plans:
            self._plans[key] = planning.build(found[0], self.find_jobnet, doc_id=found[1])
        return self._plans[key]

    def plan_from(self, docs: Mapping[str, int], doc_id: int, icon_path: str = "") -> Plan:
        """Return the plan of a run that was planned from documents: its own, and by id those of its sub-jobnets."""
        key = (doc_id, icon_path, tuple(sorted(docs.items())))
        if key not in self._plans:
            root = self.documents[doc_id]
            if icon_path:
                root = planning.single(root, icon_path)

            def find(sub_id: str) -> tuple[Jobnet, int] | None:
                return (self.documents[docs[sub_id]], docs[sub_id]) if sub_id in docs else None

            self._plans[key] = planning.build(root, find, doc_id=doc_id)
        return self._plans[key]


def subs_in(jobnet: Jobnet) -> tuple[str, ...]:
    """Return the jobnets that a jobnet has inside, each once."""
    found = (str(icon.params.get("jobnet_id", "")) for icon in jobnet.icons if icon.type == "sub_jobnet")
    return tuple(dict.fromkeys(found))
