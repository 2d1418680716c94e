"""Generated jobnets, as the JAZ XML that `jaz-lite import` reads: the benchmarks take the road of every site."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple
from xml.sax.saxutils import escape

VERSION = "20260101000000"
START, END, JOB, PARALLEL_START, PARALLEL_END, FILE_COPY = 0, 1, 4, 6, 7, 14
HOST = "localhost"
STOP_CODES = "1-255"  # exit codes that are errors

Icon = tuple[str, int]
Flow = tuple[str, str]


class Place(NamedTuple):
    """Files on a host."""

    host: str
    folder: str
    file: str = ""


def wide(
    jobnet_id: str,
    jobs: int,
    command: str,
    controller_variables: Iterable[str] = (),
    hosts: Sequence[str] = (HOST,),
    stop_codes: str = STOP_CODES,
) -> str:
    """START → `jobs` jobs side by side → END. `controller_variables` are handed to each job; `hosts` take turns."""
    names = [f"JOB-{number}" for number in range(1, jobs + 1)]
    icons = [("START", START), ("MTS-1", PARALLEL_START), *((name, JOB) for name in names)]
    icons += [("MTE-1", PARALLEL_END), ("END-1", END)]
    flows = [("START", "MTS-1"), *(("MTS-1", name) for name in names)]
    flows += [*((name, "MTE-1") for name in names), ("MTE-1", "END-1")]
    return _document(jobnet_id, icons, flows, command, tuple(controller_variables), hosts, stop_codes=stop_codes)


def chain(jobnet_id: str, jobs: int, command: str) -> str:
    """START → job → job → … → END."""
    names = [f"JOB-{number}" for number in range(1, jobs + 1)]
    line = ["START", *names, "END-1"]
    icons = [("START", START), *((name, JOB) for name in names), ("END-1", END)]
    return _document(jobnet_id, icons, list(pairwise(line)), command)


def fanout(
    jobnet_id: str,
    jobs: int,
    command: str,
    controller_variables: Iterable[str] = (),
    hosts: Sequence[str] = (HOST,),
    stop_codes: str = STOP_CODES,
) -> str:
    """START → one job → `jobs` jobs side by side → one job → END; `hosts` take turns in this order."""
    names = [f"JOB-{number}" for number in range(1, jobs + 1)]
    icons = [("START", START), ("FIRST", JOB), ("MTS-1", PARALLEL_START), *((name, JOB) for name in names)]
    icons += [("MTE-1", PARALLEL_END), ("LAST", JOB), ("END-1", END)]
    flows = [("START", "FIRST"), ("FIRST", "MTS-1"), *(("MTS-1", name) for name in names)]
    flows += [*((name, "MTE-1") for name in names), ("MTE-1", "LAST"), ("LAST", "END-1")]
    return _document(jobnet_id, icons, flows, command, tuple(controller_variables), hosts, stop_codes=stop_codes)


def copy(jobnet_id: str, source: Place, target: Place, *, overwrite: bool = False) -> str:
    """START → file copy → END. The file name of the target's place is not looked at."""
    icons = [("START", START), ("FCOPY-1", FILE_COPY), ("END-1", END)]
    row = _row(
        "ja_icon_fcopy_table",
        jobnet_id,
        job_id="FCOPY-1",
        from_host_flag=0,
        to_host_flag=0,
        overwrite_flag=int(overwrite),
        from_host_name=source.host,
        from_directory=source.folder,
        from_file_name=source.file,
        to_host_name=target.host,
        to_directory=target.folder,
    )
    return _document(jobnet_id, icons, [("START", "FCOPY-1"), ("FCOPY-1", "END-1")], "", rows=(row,))


def _document(
    jobnet_id: str,
    icons: list[Icon],
    flows: list[Flow],
    command: str,
    variables: tuple[str, ...] = (),
    hosts: Sequence[str] = (HOST,),
    rows: tuple[str, ...] = (),
    stop_codes: str = STOP_CODES,
) -> str:
    jobs = [name for name, kind in icons if kind == JOB]
    ends = [name for name, kind in icons if kind == END]
    every = [
        _row(
            "ja_jobnet_control_table",
            jobnet_id,
            valid_flag=1,
            public_flag=0,
            multiple_start_up=0,
            user_name="Admin",
            jobnet_name=jobnet_id,
            jobnet_timeout=0,
            timeout_run_type=0,
        ),
        *(
            _row(
                "ja_job_control_table",
                jobnet_id,
                job_id=name,
                job_type=kind,
                point_x=0,
                point_y=0,
                method_flag=0,
                force_flag=0,
                continue_flag=0,
            )
            for name, kind in icons
        ),
        *(
            _row("ja_flow_control_table", jobnet_id, start_job_id=source, end_job_id=target, flow_type=0, flow_width=0)
            for source, target in flows
        ),
        *(_row("ja_icon_end_table", jobnet_id, job_id=name, jobnet_stop_flag=0, jobnet_stop_code=0) for name in ends),
        *(
            _row(
                "ja_icon_job_table",
                jobnet_id,
                job_id=name,
                host_flag=0,
                stop_flag=0,
                command_type=0,
                timeout=0,
                host_name=hosts[place % len(hosts)],
                stop_code=stop_codes,
                timeout_run_type=0,
            )
            for place, name in enumerate(jobs)
        ),
        *(_row("ja_job_command_table", jobnet_id, job_id=name, command_cls=0, command=command) for name in jobs),
        *(
            _row("ja_value_jobcon_table", jobnet_id, job_id=name, value_name=variable)
            for name in jobs
            for variable in variables
        ),
        *rows,
    ]
    return _text(every)


def _row(table: str, jobnet_id: str, **columns: object) -> str:
    cells = {"jobnet_id": jobnet_id, "update_date": VERSION, **columns}
    inside = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in cells.items())
    return f"<{table}>{inside}</{table}>"


def _text(rows: Iterable[str]) -> str:
    person = "<UserInfo><user_name>Admin</user_name><type>SUPER</type></UserInfo>"
    return "\n".join(["<Jobnet>", person, *rows, "</Jobnet>", ""])
