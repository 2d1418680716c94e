"""`jaz-lite demo`: the main job in one go, on a server of its own in a temporary directory.

It does what a person would do, with the same commands' means: `up` as a child process, an import of Job Arranger's XML,
runs on the real agent over the real wire, and a look at the results. It ends well only if each is as expected.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import click

from jaz_lite.cli.follow import Screen, watched
from jaz_lite.cli.printing import line, print_json, print_table, say
from jaz_lite.cli.session import Command, Session, json_option, pass_session
from jaz_lite.errors import JazLiteError, TimeLimitReached, Unreachable
from jaz_lite.net.local_client import NotRunning

DEFINITIONS = "demo.xml"  # beside this file
START_SECONDS_MAX = 20.0
RUN_SECONDS_MAX = 25.0
STOP_SECONDS_MAX = 10.0
LOOK_SECONDS = 0.05

Run = Mapping[str, Any]


@dataclass(frozen=True)
class Trial:
    """A jobnet of the demonstration, and what must come of it."""

    jobnet_id: str
    shows: str
    expected: str
    is_as_expected: Callable[[Run], bool]
    variables: Mapping[str, str] = field(default_factory=dict)
    operator: tuple[tuple[str, Mapping[str, str]], ...] = ()  # what an operator does once it waits in error


def icon(run: Run, path: str) -> Mapping[str, Any]:
    """Return an icon of a run; an empty one where there is none."""
    found: Mapping[str, Any] = next((each for each in run["icons"] if each["path"] == path), {})
    return found


def _hello(run: Run) -> bool:
    return run["state"] == "ended" and icon(run, "/JOB-1").get("std_out") == "こんにちは, jaz_lite\n"


def _parallel(run: Run) -> bool:
    said = {icon(run, f"/JOB-{number}").get("std_out") for number in range(1, 9)}
    return run["state"] == "ended" and said == {f"part {number}\n" for number in range(1, 9)}


def _branch(run: Run) -> bool:
    return (
        run["state"] == "ended"
        and icon(run, "/JOB-1").get("exit_code") == 7
        and icon(run, "/JOB-2").get("std_out") == "low\n"
        and icon(run, "/JOB-3").get("state") == "waiting"
    )


def _loop(run: Run) -> bool:
    last = icon(run, "/JOB-1")
    rounds = run["exit_code"] == 3 and last.get("pass") == 3 and last.get("std_out") == "round 3\n"
    return run["state"] == "ended" and rounds


def _nested(run: Run) -> bool:
    inner = icon(run, "/DEMO_PARALLEL/JOB-8").get("std_out")
    return run["state"] == "ended" and inner == "part 8\n" and icon(run, "/DEMO_HELLO/END-1").get("state") == "ended"


def _error(run: Run) -> bool:
    return run["state"] == "ended" and icon(run, "/JOB-1").get("method") == "skip"


TRIALS = (
    Trial("DEMO_HELLO", "a job, a variable, Japanese text", "ended", _hello, {"WHO": "jaz_lite"}),
    Trial("DEMO_PARALLEL", "eight jobs side by side", "ended, 8 outputs", _parallel),
    Trial("DEMO_BRANCH", "a decision on an exit code", "ended on the true side", _branch),
    Trial("DEMO_LOOP", "a loop with a calculation", "ended after 3 rounds", _loop),
    Trial("DEMO_NESTED", "two sub-jobnets", "ended", _nested, {"WHO": "jaz_lite"}),
    Trial(
        "DEMO_ERROR",
        "a failing job, skipped by an operator",
        "in error, then ended",
        _error,
        operator=(("run.skip", {"path": "/JOB-1"}),),
    ),
)


@click.command(cls=Command, example="jaz-lite demo")
@json_option
@pass_session
def demo(session: Session, as_json: bool) -> int:
    """Import jobnets from Job Arranger's XML and run them on a real agent; exit 0 if all came out as expected."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="jaz-lite-demo-") as folder:
        session.data = os.path.join(folder, "data")  # noqa: PTH118
        with _server(session, folder):
            _import(session)
            outcomes = [_tried(session, trial, to_stderr=as_json) for trial in TRIALS]
    seconds = time.monotonic() - began
    good = all(outcome["as_expected"] for outcome in outcomes)
    if as_json:
        print_json({"results": outcomes, "as_expected": good, "seconds": round(seconds, 1)})
    else:
        line()
        print_table(
            ("jobnet", "shows", "expected", "state", "exit code", "seconds", "as expected"),
            [
                (
                    each["jobnet_id"],
                    each["shows"],
                    each["expected"],
                    each["state"],
                    each["exit_code"],
                    each["seconds"],
                    each["as_expected"],
                )
                for each in outcomes
            ],
        )
        verdict = "every result is as expected" if good else "NOT every result is as expected"
        line(f"demo: {verdict} ({len(outcomes)} jobnets, {seconds:.1f} s)")
    return int(not good)


@contextmanager
def _server(session: Session, folder: str) -> Iterator[None]:
    """Keep a server running inside the `with` block; its messages are shown only if it fails."""
    say("starting a server with its agent in a temporary directory")
    log_file = os.path.join(folder, "server.log")  # noqa: PTH118
    command = [sys.executable, "-m", "jaz_lite.cli.main", "up", "--listen", "127.0.0.1:0", "--data", session.folder]
    with open(log_file, "wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            _wait_until_reachable(session, process)
            yield
        except JazLiteError:
            _show_log(log_file)
            raise
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_reachable(session: Session, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Unreachable(f"the server ended at its start with exit code {process.returncode}")
        try:
            status = session.ask("status")
        except NotRunning:
            status = {}
        if any(agent["reachable"] for agent in status.get("agents", ())):
            return
        time.sleep(LOOK_SECONDS)
    raise Unreachable(f"server and agent did not come up within {START_SECONDS_MAX:.0f} seconds")


def _show_log(log_file: str) -> None:
    with open(log_file, encoding="utf-8", errors="backslashreplace") as log:
        for each in log.read().splitlines()[-20:]:
            say(f"  server: {each}")


def _import(session: Session) -> None:
    from jaz_lite.cli.transfer import read_files

    file = os.path.join(os.path.dirname(__file__), DEFINITIONS)  # noqa: PTH118, PTH120
    documents, problems = read_files((file,))
    answer = session.ask("definition.import", documents=documents, enable=True)
    problems += answer["problems"]
    if problems:
        raise JazLiteError(f"the import has problems: {problems[0]['message']}")
    say(f"imported {len(answer['imported'])} jobnets from Job Arranger's XML")


def _tried(session: Session, trial: Trial, *, to_stderr: bool) -> dict[str, Any]:
    """Run one trial and return its line of the result."""
    began = time.monotonic()
    say(f"\n{trial.jobnet_id}: {trial.shows}")
    run_id = session.ask("run.start", jobnet=trial.jobnet_id, variables=dict(trial.variables))["run_id"]
    screen = Screen(sys.stderr if to_stderr else sys.stdout)
    run: Run
    try:
        run = watched(session, run_id, news=True, screen=screen, timeout_s=RUN_SECONDS_MAX)
        for op, arguments in trial.operator:
            if run["state"] == "run_error":
                say(f"the operator: {op.replace('.', ' ')} {arguments.get('path', '')}")
                session.ask(op, run=run_id, **arguments)
                run = watched(session, run_id, news=True, screen=screen, timeout_s=RUN_SECONDS_MAX)
    except TimeLimitReached:
        run = session.ask("run.show", run=run_id)
    return {
        "jobnet_id": trial.jobnet_id,
        "shows": trial.shows,
        "expected": trial.expected,
        "run_id": run_id,
        "state": run["state"],
        "exit_code": run["exit_code"],
        "seconds": round(time.monotonic() - began, 2),
        "as_expected": trial.is_as_expected(run),
    }
