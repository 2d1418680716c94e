"""`jaz-lite exec`: start a run, and wait for it or watch it if asked."""

import os

import click

from jaz_lite.cli.printing import line, moment, print_json, say
from jaz_lite.cli.session import Command, Session, json_option, pass_session
from jaz_lite.errors import UsageError


def variables_of(given: tuple[str, ...]) -> dict[str, str]:
    """Return the variables of `-E NAME=VALUE` and `-E NAME` (taken from this command's environment).

    Raises:
        UsageError: a name alone is not in the environment.
    """
    variables: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            found = os.environ.get(name)
            if found is None:
                raise UsageError(
                    f'-E {text}: there is no variable "{name}" in the environment', hint="write NAME=VALUE"
                )
            value = found
        variables[name] = value
    return variables


@click.command(
    "exec",
    cls=Command,
    example="jaz-lite exec Icon_10 -E JA_HOSTNAME=localhost -E JA_CMD='echo hello' --wait --json",
)
@click.argument("jobnet", metavar="JOBNET[@VERSION]")
@click.option(
    "-E",
    "variables",
    multiple=True,
    metavar="NAME[=VALUE]",
    help="A variable of the run; without a value it is taken from the environment.",
)
@click.option("--hold", is_flag=True, help="Wait at the start icon (with --at: as a whole) until `run release`.")
@click.option("--test", is_flag=True, help="Test run: both branches are taken, jobs start with an empty text.")
@click.option("--icon", metavar="ICON-PATH", help="Run only this icon of the jobnet.")
@click.option(
    "--at", metavar="TIME", help='Start then: 03:12 (the next one), +10m, "2026-11-24 03:12", with an offset if wanted.'
)
@click.option("--wait", is_flag=True, help="Wait for the end; exit 0 if it ended, 1 if it ended or waits in error.")
@click.option("--follow", is_flag=True, help="Show icons and output as they come, to the end; exit as --wait.")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="S", help="Wait at most so many seconds; exit 10.")
@json_option
@pass_session
def execute(
    session: Session,
    jobnet: str,
    variables: tuple[str, ...],
    hold: bool,
    test: bool,
    icon: str | None,
    at: str | None,
    wait: bool,
    follow: bool,
    timeout: float | None,
    as_json: bool,
) -> int:
    """Start a run of a jobnet, now or at a time, and print its number."""
    if sum((hold, test, icon is not None)) > 1:
        raise UsageError("--hold, --test and --icon exclude each other")
    if timeout is not None and not (wait or follow):
        raise UsageError("--timeout says how long to wait", hint="add --wait or --follow")
    started = session.ask(
        "run.start",
        jobnet=jobnet,
        origin="hold" if hold else "test" if test else "manual",
        variables=variables_of(variables),
        icon_path=icon or "",
        at=at,
    )
    if not (wait or follow):
        if as_json:
            print_json(started)
        else:
            line(started["run_id"])
            if at is not None:
                say(f"starts at {moment(started['scheduled_at'])}")
        return 0
    from jaz_lite.cli.follow import watched
    from jaz_lite.cli.runs import show_run

    if not as_json:
        say(f"run {started['run_id']}")
    run = watched(session, started["run_id"], news=follow, to_stderr=as_json, timeout_s=timeout)
    if as_json:
        print_json(run)
    else:
        show_run(run, icons=not follow)
    return int(run["state"] != "ended")
