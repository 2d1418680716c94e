"""The commands of the group `run` that change runs."""

from typing import Any

import click

from jaz_lite.cli.printing import print_json, say
from jaz_lite.cli.session import Command, Session, json_option, pass_session
from jaz_lite.errors import JazLiteError

RUN = click.argument("run", metavar="RUN")
PATH = click.argument("path", metavar="ICON-PATH")
PATH_OR_NONE = click.argument("path", metavar="[ICON-PATH]", required=False)


def _control(name: str, op: str, text: str, *, example: str, icon: bool = True) -> click.Command:
    """Return a command that hands one operation to a run. `icon`: it needs a path; else it may have one."""

    @click.command(name, cls=Command, help=text, example=example)
    @RUN
    @(PATH if icon else PATH_OR_NONE)
    @json_option
    @pass_session
    def command(session: Session, run: str, path: str | None, as_json: bool) -> None:
        done(session.ask(op, run=run, path=path), f"{name}: done", as_json)

    return command


def done(answer: dict[str, Any], text: str, as_json: bool) -> None:
    """Say that an operation is done, or print its answer."""
    if as_json:
        print_json(answer)
    else:
        say(f"run {answer['run_id']}: {text}")


hold = _control(
    "hold",
    "run.hold",
    "Have an icon wait when it is reached; without ICON-PATH a planned run, whatever its time, until it is released.",
    example="jaz-lite run hold last /JOB-1",
    icon=False,
)
release = _control(
    "release",
    "run.release",
    "Let a held icon go on; without ICON-PATH a held planned run, or the start icon.",
    example="jaz-lite run release last",
    icon=False,
)
skip = _control(
    "skip",
    "run.skip",
    "Have an icon pass on without doing its work, also one in error.",
    example="jaz-lite run skip last /JOB-1",
)
unskip = _control("unskip", "run.unskip", "Take a skip back.", example="jaz-lite run unskip last /JOB-1")
rerun = _control(
    "rerun",
    "run.rerun",
    "Do an icon in error again; without ICON-PATH start a run now whose time was missed.",
    example="jaz-lite run rerun last /JOB-1",
    icon=False,
)


@click.command(cls=Command, example="jaz-lite run stop last\njaz-lite run stop last /JOB-1")
@click.argument("runs", metavar="RUN... | RUN ICON-PATH", nargs=-1, required=True)
@json_option
@pass_session
def stop(session: Session, runs: tuple[str, ...], as_json: bool) -> int:
    """Stop whole runs with their jobs, or one icon of a run.

    What is neither digits nor `last` is an ICON-PATH; it may always begin with a slash.
    """
    if len(runs) == 2 and not is_run(runs[1]):
        done(session.ask("run.stop", run=runs[0], path=runs[1]), "stop: done", as_json)
        return 0
    if len(runs) == 1:
        done(session.ask("run.stop", run=runs[0]), "stop: done", as_json)
        return 0
    stopped: list[str] = []
    refused: list[dict[str, str]] = []
    for run in dict.fromkeys(runs):
        try:
            stopped.append(session.ask("run.stop", run=run)["run_id"])
        except JazLiteError as error:
            refused.append({"run_id": run, "message": error.message, "hint": error.hint})
    return _told("stopped", {"stopped": stopped, "refused": refused}, as_json)


@click.command(
    cls=Command,
    example="jaz-lite run delete 2251799813685249 2251799813685250\njaz-lite run delete --schedule NIGHTLY",
)
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@click.option("--schedule", metavar="ID", help="All runs that this schedule planned and that have not started.")
@json_option
@pass_session
def delete(session: Session, runs: tuple[str, ...], schedule: str | None, as_json: bool) -> int:
    """Take planned runs back before they start. Their records stay, so they are not planned again."""
    if bool(runs) == (schedule is not None):
        raise click.UsageError("name either runs, or with --schedule the schedule that planned them")
    answer = session.ask("run.delete", runs=list(runs) or None, schedule=schedule)
    return _told("deleted", answer, as_json)


def is_run(word: str) -> bool:
    """Tell whether a word of the command line means a run, not the path of an icon."""
    return word == "last" or (word.isascii() and word.isdigit())


def _told(what: str, answer: dict[str, Any], as_json: bool) -> int:
    """Say what became of several runs; return the exit code."""
    if as_json:
        print_json(answer)
    else:
        for each in answer["refused"]:
            name = "" if each["run_id"] in each["message"] else f"run {each['run_id']}: "
            say(f"{name}{each['message']}" + (f" ({each['hint']})" if each["hint"] else ""))
        count = len(answer[what])
        say(f"{count} run{'' if count == 1 else 's'} {what}")
    return int(bool(answer["refused"]))


@click.command("set-var", cls=Command, example="jaz-lite run set-var last /JOB-1 JA_CMD='echo again'")
@RUN
@PATH
@click.argument("assignment", metavar="NAME=VALUE")
@json_option
@pass_session
def set_var(session: Session, run: str, path: str, assignment: str, as_json: bool) -> None:
    """Change a variable that a waiting or failed icon will see."""
    name, equals, value = assignment.partition("=")
    if not equals:
        raise click.UsageError(f"'{assignment}' is not NAME=VALUE")
    done(session.ask("run.set_var", run=run, path=path, name=name, value=value), f"{name} set", as_json)


@click.command(cls=Command, example='jaz-lite run move 2251799813685249 "2026-11-24 03:00"')
@RUN
@click.argument("at", metavar="TIME")
@json_option
@pass_session
def move(session: Session, run: str, at: str, as_json: bool) -> None:
    """Change the time at which a run that has not started is to start: 03:12 (the next one), +10m, a date and time."""
    done(session.ask("run.move", run=run, at=at), "moved", as_json)


@click.command(cls=Command, example="jaz-lite run decide last /JOB-1 ended --exit-code 0")
@RUN
@PATH
@click.argument("verdict", type=click.Choice(["ended", "failed", "rerun", "abandon"]))
@click.option("--exit-code", type=int, help="With ended or failed: the exit code to go on with.")
@json_option
@pass_session
def decide(session: Session, run: str, path: str, verdict: str, exit_code: int | None, as_json: bool) -> None:
    """Say what became of a job whose fate is not known."""
    answer = session.ask("run.decide", run=run, path=path, verdict=verdict, exit_code=exit_code)
    done(answer, f"{path} decided: {verdict}", as_json)


COMMANDS = (hold, release, skip, unskip, rerun, stop, delete, set_var, move, decide)
