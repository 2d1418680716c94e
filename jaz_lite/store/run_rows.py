"""Rows of runs, frames and icons, and the values of the model that they hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from jaz_lite.model.run import (
    EMPTY,
    ICON_STATES,
    RUN_STATES,
    UNOPENED,
    UNTOUCHED,
    Boot,
    Doubt,
    FrameRun,
    Held,
    IconRun,
    JobStatus,
    LoadStatus,
    Method,
    Origin,
    Plan,
    Run,
    RunState,
    untouched,
)
from jaz_lite.model.schedule import LateStart
from jaz_lite.store.connection import Row
from jaz_lite.store.memory import Memory, unpack

METHODS: tuple[Method, ...] = get_args(Method)
JOB_STATUSES: tuple[JobStatus, ...] = get_args(JobStatus)
LOAD_STATUSES: tuple[LoadStatus, ...] = get_args(LoadStatus)
ORIGINS: tuple[Origin, ...] = get_args(Origin)
LATE_STARTS: tuple[LateStart, ...] = get_args(LateStart)
HELDS: tuple[Held, ...] = get_args(Held)

RUN_STATE_NUMBER: Mapping[str, int] = {state: number for number, state in enumerate(RUN_STATES)}
ICON_STATE_NUMBER: Mapping[str, int] = {state: number for number, state in enumerate(ICON_STATES)}
METHOD_NUMBER: Mapping[str, int] = {method: number for number, method in enumerate(METHODS)}
JOB_STATUS_NUMBER: Mapping[str, int] = {status: number for number, status in enumerate(JOB_STATUSES)}
LOAD_STATUS_NUMBER: Mapping[str, int] = {status: number for number, status in enumerate(LOAD_STATUSES)}
ORIGIN_NUMBER: Mapping[str, int] = {origin: number for number, origin in enumerate(ORIGINS)}
LATE_START_NUMBER: Mapping[str, int] = {word: number for number, word in enumerate(LATE_STARTS)}
HELD_NUMBER: Mapping[str, int] = {word: number for number, word in enumerate(HELDS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """A run as its row tells it, without icons."""

    run_id: int
    occ: str
    jobnet_id: str
    version: str
    doc_id: int  # 0: it could not be planned (load error), there is nothing to build a plan from
    icon_path: str  # of a single icon run, else ""
    origin: Origin
    user: str
    state: RunState
    job_status: JobStatus
    load_status: LoadStatus
    scheduled_ms: int | None
    created_ms: int
    started_ms: int | None
    ended_ms: int | None
    exit_code: int | None
    late: bool
    stopping: bool
    timed_out: bool
    message: str
    faulted: str
    boot: Boot | None
    replayed_since_ms: int | None
    whole: bool  # False: retention has taken its parts, or begun to; only its result counts


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """All that is stored of a run: enough, with the plan built again from its documents, to go on with it."""

    row: RunRow
    start_variables: Mapping[str, str]
    docs: Mapping[str, int]  # jobnet_id -> doc_id, its own and those of its sub-jobnets
    frame_count: int
    icon_count: int
    frames: Mapping[int, FrameRun]  # by number; those never opened are absent
    icons: Mapping[int, IconRun]  # by node; those never touched are absent

    def assemble(self, plan: Plan, site_uid: bytes) -> Run:
        """Return the run as it was saved.

        Args:
            plan: built from `docs`, with `row.icon_path` as the single icon where there is one.
        """
        assert len(plan.frames) == self.frame_count, f"run {self.row.run_id}: the plan has another number of frames"
        assert len(plan.nodes) == self.icon_count, f"run {self.row.run_id}: the plan has another number of icons"
        row = self.row
        return Run(
            run_id=row.run_id,
            occ=row.occ,
            site_uid=site_uid,
            origin=row.origin,
            plan=plan,
            state=row.state,
            job_status=row.job_status,
            load_status=row.load_status,
            user=row.user,
            scheduled_ms=row.scheduled_ms,
            boot=row.boot,
            created_ms=row.created_ms,
            started_ms=row.started_ms,
            ended_ms=row.ended_ms,
            exit_code=row.exit_code,
            late=row.late,
            stopping=row.stopping,
            timed_out=row.timed_out,
            message=row.message,
            faulted=row.faulted,
            replayed_since_ms=row.replayed_since_ms,
            start_variables=self.start_variables,
            frames=tuple(self.frames.get(number, UNOPENED) for number in range(self.frame_count)),
            icons=(
                tuple([self.icons.get(node, UNTOUCHED) for node in range(self.icon_count)])
                if self.icons
                else untouched(self.icon_count)
            ),
        )


# ---- icons

ICON_FIELDS = (
    "id, state, method, visit, attempt, arrivals, started_ms, ended_ms, exit_code, continued, timed_out,"
    " work, message, doubt, memo, results, before"
)


class IconPacker:
    """Makes rows of icons, packing a map that several of them share only once."""

    def __init__(self, memory: Memory) -> None:
        self._pack = memory.pack
        self._packed: dict[int, bytes] = {}  # by id(): good while the run holds the maps

    def row(self, row_id: int, icon: IconRun) -> Row:
        """Return the row of an icon, in the order of ICON_FIELDS."""
        before: bytes | None = None
        if icon.before:
            key = id(icon.before)
            before = self._packed.get(key)
            if before is None:
                before = self._packed[key] = self._pack(icon.before)
        doubt = icon.doubt
        return (
            row_id,
            ICON_STATE_NUMBER[icon.state],
            METHOD_NUMBER[icon.method],
            icon.visit,
            icon.attempt,
            icon.arrivals,
            icon.started_ms,
            icon.ended_ms,
            icon.exit_code,
            icon.continued,
            icon.timed_out,
            icon.work,
            icon.message,
            None if doubt is None else self._pack((doubt.reason, doubt.since_ms, doubt.message)),
            self._pack(icon.memo) if icon.memo else None,
            self._pack(icon.results) if icon.results else None,
            before,
        )


def icon_of(row: Row) -> IconRun:
    """Return the icon that a row (ICON_FIELDS) holds."""
    doubt = None
    if row[13] is not None:
        reason, since_ms, message = unpack(row[13])
        doubt = Doubt(reason=reason, since_ms=since_ms, message=message)
    return IconRun(
        state=ICON_STATES[row[1]],
        method=METHODS[row[2]],
        visit=row[3],
        attempt=row[4],
        arrivals=row[5],
        started_ms=row[6],
        ended_ms=row[7],
        exit_code=row[8],
        continued=bool(row[9]),
        timed_out=bool(row[10]),
        work=row[11],
        message=row[12],
        doubt=doubt,
        memo=EMPTY if row[14] is None else unpack(row[14]),
        results=EMPTY if row[15] is None else unpack(row[15]),
        before=EMPTY if row[16] is None else unpack(row[16]),
    )


# ---- frames


def frame_row(row_id: int, frame: FrameRun) -> Row:
    """Return the row of a frame: id, state, visit, started_ms, ended_ms."""
    return (row_id, RUN_STATE_NUMBER[frame.state], frame.visit, frame.started_ms, frame.ended_ms)


def frame_of(row: Row) -> FrameRun:
    """Return the frame that a row holds."""
    return FrameRun(state=RUN_STATES[row[1]], visit=row[2], started_ms=row[3], ended_ms=row[4])


# ---- what was planned for the start

BOOT_FIELDS = (
    "b.nominal_ms, s.name, b.late_start, b.grace_min, b.deadline_ms, b.held, b.deadline_missed"  # null first: no boot
)


def boot_of(row: Row) -> Boot | None:
    """Return the boot that columns (BOOT_FIELDS) hold, or None where there is none."""
    if row[0] is None:
        return None
    return Boot(
        nominal_ms=row[0],
        schedule_id=row[1] or "",
        late_start=LATE_STARTS[row[2]],
        grace_min=row[3],
        deadline_ms=row[4],
        held=HELDS[row[5]],
        deadline_missed=bool(row[6]),
    )


# ---- the run itself


def own_occ(run_id: int) -> str:
    """Return the occ of a run that nothing else names; rows leave it out."""
    return f"M:{run_id}"


def variables_of(packed: Any) -> Mapping[str, str]:
    """Return the start variables that a row holds."""
    found: Mapping[str, str] = EMPTY if packed is None else unpack(packed)
    return found
