"""Runs: one row a run, one a touched icon, one an opened frame.

What the engine changes often is written with one statement a kind: the numbers of rows follow from the run
(`run_id + frame`, `first_icon + node`), so that no index has to be searched or kept.
"""

# Statements are put together from constants of this file; values are always bound.
# ruff: noqa: S608

from collections.abc import Collection, Sequence

from jaz_lite.errors import NoSuchObject
from jaz_lite.model.run import RUN_OVER, RUN_STATES, UNOPENED, UNTOUCHED, Boot, Run
from jaz_lite.store import names
from jaz_lite.store.connection import Row, Sql
from jaz_lite.store.rows_in_time import first_key_at
from jaz_lite.store.run_rows import (
    BOOT_FIELDS,
    HELD_NUMBER,
    ICON_FIELDS,
    JOB_STATUS_NUMBER,
    JOB_STATUSES,
    LATE_START_NUMBER,
    LOAD_STATUS_NUMBER,
    LOAD_STATUSES,
    ORIGIN_NUMBER,
    ORIGINS,
    RUN_STATE_NUMBER,
    IconPacker,
    RunRow,
    StoredRun,
    boot_of,
    frame_of,
    frame_row,
    icon_of,
    own_occ,
    variables_of,
)

__all__ = ["LIST_MAX", "RunRow", "Runs", "StoredRun"]

LIST_MAX = 1_000
IN_ERROR = frozenset(("run_error", "end_error"))

_FIELDS = (
    "r.run_id, r.occ, n.name, coalesce(d.version, v.name, ''), coalesce(r.doc_id, 0), r.icon_path, r.origin, u.name, r.state, r.job_status,"
    " r.load_status, r.scheduled_ms, r.created_ms, r.started_ms, r.ended_ms, r.exit_code, r.late, r.stopping,"
    f" r.timed_out, r.message, r.faulted, r.purging, r.replayed_since_ms, {BOOT_FIELDS}"
)
_BOOT_AT = 23  # where BOOT_FIELDS begin
_FROM = (
    " from runs r join names n on n.id = r.jobnet join names u on u.id = r.user"
    " left join definitions d on d.doc_id = r.doc_id left join names v on v.id = r.version"
    " left join boots b on b.run_id = r.run_id left join names s on s.id = b.schedule"
)

_INSERT = (
    "insert into runs (run_id, jobnet, doc_id, frames, icons, first_icon, occ, icon_path, origin, user, state,"
    " job_status, load_status, scheduled_ms, created_ms, started_ms, ended_ms, exit_code, late, stopping, timed_out,"
    " message, faulted, start_variables, replayed_since_ms)"
    " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
# Most saves change icons only: the row is then left alone, and with it a page of the WAL.
_UPDATE = (
    "update runs set state = ?1, job_status = ?2, load_status = ?3, scheduled_ms = ?4, started_ms = ?5, ended_ms = ?6,"
    " exit_code = ?7, late = ?8, stopping = ?9, timed_out = ?10, message = ?11, faulted = ?12 where run_id = ?13"
    " and (state <> ?1 or job_status <> ?2 or load_status <> ?3 or scheduled_ms is not ?4 or started_ms is not ?5"
    " or ended_ms is not ?6 or exit_code is not ?7 or late <> ?8 or stopping <> ?9 or timed_out <> ?10"
    " or message <> ?11 or faulted <> ?12)"
)
_INSERT_BOOT = (
    "insert into boots (run_id, schedule, nominal_ms, late_start, grace_min, deadline_ms, held, deadline_missed)"
    " values (?, ?, ?, ?, ?, ?, ?, ?)"
)
# Neither table has a further index or refers to another, so replacing a row is one step in its tree.
_PUT_ICON = f"insert or replace into icons ({ICON_FIELDS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_FRAME = "insert or replace into frames (id, state, visit, started_ms, ended_ms) values (?, ?, ?, ?, ?)"


class Runs:
    """All runs, live and over."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    # ---- writing

    def insert(self, run: Run, *, icon_path: str = "") -> None:
        """Put a new run, as it is, into the store.

        Args:
            icon_path: of a single icon run, so that the same plan can be built again.
        """
        sql = self._sql
        frames = run.plan.frames
        first_icon = self._draw_icons(len(run.plan.nodes))
        sql.run(
            _INSERT,
            (
                run.run_id,
                names.number_of(sql, run.jobnet.jobnet_id),
                frames[0].doc_id or None,
                len(frames),
                len(run.plan.nodes),
                first_icon,
                None if run.occ == own_occ(run.run_id) else run.occ,
                icon_path,
                ORIGIN_NUMBER[run.origin],
                names.number_of(sql, run.user),
                RUN_STATE_NUMBER[run.state],
                JOB_STATUS_NUMBER[run.job_status],
                LOAD_STATUS_NUMBER[run.load_status],
                run.scheduled_ms,
                run.created_ms,
                run.started_ms,
                run.ended_ms,
                run.exit_code,
                run.late,
                run.stopping,
                run.timed_out,
                run.message,
                run.faulted,
                sql.memory.pack(run.start_variables) if run.start_variables else None,
                run.replayed_since_ms,
            ),
        )
        if run.boot is not None:
            self._insert_boot(run.run_id, run.boot)
        sql.memory.keep_first_icon(run.run_id, first_icon)
        subs = {frame.doc_id for frame in frames[1:]} - {frames[0].doc_id}
        if subs:
            sql.many(
                "insert into run_docs (run_id, doc_id) values (?, ?)", [(run.run_id, doc_id) for doc_id in sorted(subs)]
            )
        self._put_icons(run, first_icon, [n for n, icon in enumerate(run.icons) if icon is not UNTOUCHED])
        self._put_frames(run, [n for n, frame in enumerate(run.frames) if frame is not UNOPENED])

    def _insert_boot(self, run_id: int, boot: Boot) -> None:
        self._sql.run(
            _INSERT_BOOT,
            (
                run_id,
                names.number_of(self._sql, boot.schedule_id) if boot.schedule_id else None,
                boot.nominal_ms,
                LATE_START_NUMBER[boot.late_start],
                boot.grace_min,
                boot.deadline_ms,
                HELD_NUMBER[boot.held],
                boot.deadline_missed,
            ),
        )

    def save(self, run: Run, nodes: Collection[int], frames: Collection[int], *, boot: bool = True) -> None:
        """Save what has changed: the run's own row, and the icons and frames named.

        Args:
            nodes, frames: numbers in the run's plan; may be empty.
            boot: what was planned for its start may have changed, too.
        """
        self._sql.run(
            _UPDATE,
            (
                RUN_STATE_NUMBER[run.state],
                JOB_STATUS_NUMBER[run.job_status],
                LOAD_STATUS_NUMBER[run.load_status],
                run.scheduled_ms,
                run.started_ms,
                run.ended_ms,
                run.exit_code,
                run.late,
                run.stopping,
                run.timed_out,
                run.message,
                run.faulted,
                run.run_id,
            ),
        )
        if boot and run.boot is not None:
            self._sql.run(
                "update boots set held = ?, deadline_missed = ? where run_id = ?",
                (HELD_NUMBER[run.boot.held], run.boot.deadline_missed, run.run_id),
            )
        if nodes:
            self._put_icons(run, self._first_icon(run.run_id), nodes)
        if frames:
            self._put_frames(run, frames)

    def set_faulted(self, run_id: int, text: str) -> None:
        """Set a run aside that our own code cannot go on with. `text` is the traceback."""
        self._sql.run("update runs set faulted = ? where run_id = ?", (text, run_id))

    def _put_icons(self, run: Run, first_icon: int, nodes: Collection[int]) -> None:
        packer = IconPacker(self._sql.memory)
        icons = run.icons
        self._sql.many(_PUT_ICON, [packer.row(first_icon + node, icons[node]) for node in nodes])

    def _put_frames(self, run: Run, frames: Collection[int]) -> None:
        self._sql.many(_PUT_FRAME, [frame_row(run.run_id + number, run.frames[number]) for number in frames])

    def _draw_icons(self, count: int) -> int:
        row = self._sql.row(
            "update counters set value = value + ?1 where name = 'icons' returning value - ?1", (count,)
        )
        assert row is not None
        return int(row[0])

    def _first_icon(self, run_id: int) -> int:
        found = self._sql.memory.first_icons.get(run_id)
        if found is None:
            row = self._sql.row("select first_icon from runs where run_id = ?", (run_id,))
            assert row is not None, f"run {run_id} is not in the store"
            found = int(row[0])
            self._sql.memory.keep_first_icon(run_id, found)
        return found

    # ---- reading

    def live(self) -> list[int]:
        """Return the runs that are neither over nor set aside, oldest first."""
        rows = self._sql.rows("select run_id from runs where state not in (3, 5) and faulted = '' order by run_id")
        return [row[0] for row in rows]

    def find_by_occ(self, occ: str) -> int | None:
        """Return the run of an occurrence, or None."""
        row = self._sql.row("select run_id from runs where occ = ?", (occ,))
        number = occ[2:] if occ.startswith("M:") else ""
        # An agent may tell of any occurrence; a run is numbered by no more than 63 bits.
        if row is None and number.isascii() and number.isdecimal() and len(number) <= 19 and int(number) < 1 << 63:
            row = self._sql.row("select run_id from runs where run_id = ? and occ is null", (int(number),))
        return None if row is None else int(row[0])

    def is_free(self, run_id: int) -> bool:
        """Tell whether a number belongs to no run, nor to a sub-jobnet of one: those are numbered after their run."""
        row = self._sql.row("select run_id, frames from runs where run_id <= ? order by run_id desc limit 1", (run_id,))
        return row is None or run_id >= row[0] + row[1]

    def row(self, run_id: int) -> RunRow | None:
        """Return the row of a run, also where only its result is left; None where there is no such run any more."""
        row = self._sql.row(f"select {_FIELDS}{_FROM} where r.run_id = ?", (run_id,))
        return None if row is None else _run_row(row)

    def load(self, run_id: int) -> StoredRun:
        """Return everything that is stored of a run.

        Raises:
            NoSuchObject: there is no such run, or retention has taken its parts.
        """
        sql = self._sql
        row = self.row(run_id)
        if row is None:
            raise NoSuchObject(f"there is no run {run_id}", hint="`jaz-lite run list` shows those that are kept")
        if not row.whole:
            raise NoSuchObject(
                f"the icons of run {run_id} are no longer kept",
                hint=f"`jaz-lite run show {run_id}` tells how it ended, `jaz-lite run log {run_id}` what happened",
            )
        more = sql.row("select frames, icons, first_icon, start_variables from runs where run_id = ?", (run_id,))
        assert more is not None
        frame_count, icon_count, first_icon, variables = more
        sql.memory.keep_first_icon(run_id, first_icon)
        docs = sql.rows(
            "select d.object_id, d.doc_id from run_docs r join definitions d on d.doc_id = r.doc_id where r.run_id = ?",
            (run_id,),
        )
        frames = sql.rows(
            "select id, state, visit, started_ms, ended_ms from frames where id >= ? and id < ?",
            (run_id, run_id + frame_count),
        )
        icons = sql.rows(
            f"select {ICON_FIELDS} from icons where id >= ? and id < ?", (first_icon, first_icon + icon_count)
        )
        return StoredRun(
            row=row,
            start_variables=variables_of(variables),
            docs={**({row.jobnet_id: row.doc_id} if row.doc_id else {}), **dict(docs)},
            frame_count=frame_count,
            icon_count=icon_count,
            frames={frame[0] - run_id: frame_of(frame) for frame in frames},
            icons={icon[0] - first_icon: icon_of(icon) for icon in icons},
        )

    def newest(self) -> int | None:
        """Return the newest run; one that a schedule planned counts once its time has come."""
        row = self._sql.row(
            "select r.run_id from runs r where r.purging = 0 and not (r.state = 0 and exists"
            " (select 1 from boots b where b.run_id = r.run_id and b.schedule is not null))"
            " order by r.run_id desc limit 1"
        )
        return None if row is None else row[0]

    def planned(
        self, *, schedule: str | None = None, jobnet: str | None = None, limit: int | None = None
    ) -> Sequence[RunRow]:
        """Return the planned runs that have not started, soonest first.

        Args:
            limit: at most so many rows; None: all.
        """
        sql = self._sql
        # The words of the index of live runs, among which they are few enough to be looked through.
        text = f"select {_FIELDS}{_FROM} where r.state not in (3, 5) and r.state = 0 and b.run_id is not null"
        values: list[int] = []
        for name, column in ((schedule, "b.schedule"), (jobnet, "r.jobnet")):
            if name is not None:
                number = names.find_number(sql, name)
                if number is None:
                    return ()
                text += f" and {column} = ?"
                values.append(number)
        values.append(-1 if limit is None else limit)
        return [_run_row(row) for row in sql.rows(text + " order by r.scheduled_ms, r.run_id limit ?", values)]

    def list(
        self,
        *,
        jobnet: str | None = None,
        states: Collection[str] = (),
        since_ms: int | None = None,
        until_ms: int | None = None,
        user: str | None = None,
        before: int | None = None,
        planned: bool = True,
        limit: int = 100,
    ) -> Sequence[RunRow]:
        """Return runs, newest first; those of which only the result is left are not among them.

        Args:
            states: any of these; empty: all.
            since_ms, until_ms: of their creation; since included, until excluded.
            before: only runs with a lower run_id: the last one of the page before.
            planned: also those that only wait for their time.
            limit: 1..LIST_MAX rows.
        """
        sql = self._sql
        text, values = f"select {_FIELDS}{_FROM} where r.purging = 0", []
        for name, column in ((jobnet, "r.jobnet"), (user, "r.user")):
            if name is not None:
                number = names.find_number(sql, name)
                if number is None:
                    return ()
                text += f" and {column} = ?"
                values.append(number)
        if states:
            numbers = sorted(RUN_STATE_NUMBER[state] for state in states)
            # A partial index is used only where its own words are in the query.
            if IN_ERROR.issuperset(states):
                text += " and r.state in (4, 5)"
            elif RUN_OVER.isdisjoint(states):
                text += " and r.state not in (3, 5)"
            text += f" and r.state in ({', '.join(map(str, numbers))})"
        if since_ms is not None:
            text += " and r.run_id >= ?"
            values.append(first_key_at(sql, "runs", since_ms))
        if until_ms is not None:
            text += " and r.run_id < ?"
            values.append(first_key_at(sql, "runs", until_ms))
        if not planned:
            text += " and (r.state <> 0 or b.run_id is null or r.load_status <> 0)"
        if before is not None:
            text += " and r.run_id < ?"
            values.append(before)
        values.append(max(1, min(limit, LIST_MAX)))
        return [_run_row(row) for row in sql.rows(text + " order by r.run_id desc limit ?", values)]


def _run_row(row: Row) -> RunRow:
    return RunRow(
        run_id=row[0],
        occ=own_occ(row[0]) if row[1] is None else row[1],
        jobnet_id=row[2],
        version=row[3],
        doc_id=row[4],
        icon_path=row[5],
        origin=ORIGINS[row[6]],
        user=row[7],
        state=RUN_STATES[row[8]],
        job_status=JOB_STATUSES[row[9]],
        load_status=LOAD_STATUSES[row[10]],
        scheduled_ms=row[11],
        created_ms=row[12],
        started_ms=row[13],
        ended_ms=row[14],
        exit_code=row[15],
        late=bool(row[16]),
        stopping=bool(row[17]),
        timed_out=bool(row[18]),
        message=row[19],
        faulted=row[20],
        whole=not row[21],
        replayed_since_ms=row[22],
        boot=boot_of(row[_BOOT_AT:]),
    )
