"""The group `run`: look at runs and control them; and `explain`."""

import sys
from typing import Any, TextIO

import click

from jaz_lite.cli import run_control
from jaz_lite.cli.printing import clean, is_terminal, line, moment, print_json, print_table, say
from jaz_lite.cli.run_control import PATH_OR_NONE, RUN
from jaz_lite.cli.session import Command, Group, Session, json_option, pass_session
from jaz_lite.model.encoding import Decoder, readable

run = Group("run", help="Look at runs and control them. RUN is a run's number, or `last`.")


@run.command("list", example="jaz-lite run list --state run_error --since 2h")
@click.option("--jobnet", metavar="ID", help="Only runs of this jobnet.")
@click.option("--state", "states", multiple=True, help="Only runs in this state; may be given again.")
@click.option("--since", metavar="TIME", help="Created at or after: 2026-11-23, today, 2h …")
@click.option("--until", metavar="TIME", help="Created before; a day means its end.")
@click.option("--user", help="Only runs that this user started.")
@click.option("--before", metavar="RUN", help="Only older ones: the last of the page before.")
@click.option("--limit", type=int, default=50, show_default=True)
@click.option("--planned", is_flag=True, help="Those that wait for their time, soonest first.")
@click.option("--schedule", metavar="ID", help="With --planned: only runs that this schedule planned.")
@click.option("--doubts", is_flag=True, help="What waits for a decision because its fate is not known.")
@json_option
@pass_session
def list_(
    session: Session,
    jobnet: str | None,
    states: tuple[str, ...],
    since: str | None,
    until: str | None,
    user: str | None,
    before: str | None,
    limit: int,
    planned: bool,
    schedule: str | None,
    doubts: bool,
    as_json: bool,
) -> None:
    """List runs, newest first; with --planned those that are still to start, soonest first.

    Runs that only wait for their time are left out unless --planned or --state asks for them.
    """
    if doubts:
        if planned or states or since or until or user or before or schedule:
            raise click.UsageError("--doubts goes with --jobnet only")
        _list_doubts(session.ask("run.doubts", jobnet=jobnet), as_json)
        return
    if planned:
        if states or since or until or user or before:
            raise click.UsageError("--planned goes with --jobnet, --schedule and --limit only")
        _list_planned(session.ask("run.planned", schedule=schedule, jobnet=jobnet, limit=limit), as_json)
        return
    if schedule is not None:
        raise click.UsageError("--schedule goes with --planned")
    answer = session.ask(
        "run.list",
        jobnet=jobnet,
        states=list(states),
        since=since,
        until=until,
        user=user,
        before=before,
        planned=bool(states),
        limit=limit,
    )
    if as_json:
        print_json(answer)
        return
    print_table(
        (
            "run",
            "jobnet",
            "schedule",
            "state",
            "status",
            "origin",
            "scheduled",
            "started",
            "ended",
            "exit code",
            "message",
        ),
        [
            (
                row["run_id"],
                row["jobnet_id"],
                row["schedule_id"],
                row["state"],
                status_of(row),
                row["origin"],
                moment(row["scheduled_at"]),
                moment(row["started_at"]),
                moment(row["ended_at"]),
                row["exit_code"],
                row["message"],
            )
            for row in answer["runs"]
        ],
        empty="there is no such run; those to come: jaz-lite run list --planned",
    )
    if answer["more"]:
        say(f"there are more: --before {answer['runs'][-1]['run_id']}")


def _list_planned(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    print_table(
        ("run", "scheduled", "jobnet", "schedule", "status", "moved from"),
        [
            (
                row["run_id"],
                moment(row["scheduled_at"]),
                row["jobnet_id"],
                row["schedule_id"],
                status_of(row),
                "" if row["scheduled_at"] == row["nominal_at"] else moment(row["nominal_at"]),
            )
            for row in answer["runs"]
        ],
        empty="no run is planned",
    )
    if answer["more"]:
        say("there are more: --limit shows them")


def _list_doubts(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    print_table(
        ("run", "jobnet", "icon", "since", "reason", "message"),
        [
            (row["run_id"], row["jobnet_id"], row["path"], moment(row["since"]), row["reason"], row["message"])
            for row in answer["doubts"]
        ],
        empty="nothing is in doubt",
    )
    if answer["doubts"]:
        say("say what became of it: jaz-lite run decide RUN ICON-PATH ended|failed|rerun|abandon")


def status_of(row: dict[str, Any]) -> str:
    """Return job status and load status on one word each, those that are not normal, and that it is held."""
    held = ["held"] if row["held"] == "held" and row["state"] == "waiting" else []
    return " ".join([row[name] for name in ("job_status", "load_status") if row[name] != "normal"] + held)


@run.command(example="jaz-lite run show last --json")
@RUN
@json_option
@pass_session
def show(session: Session, run: str, as_json: bool) -> None:
    """Show a run with all its icons."""
    answer = session.ask("run.show", run=run)
    if as_json:
        print_json(answer)
    else:
        show_run(answer)


def show_run(answer: dict[str, Any], *, icons: bool = True) -> None:
    """Print a run for people."""
    exit_code = "" if answer["exit_code"] is None else f"  exit code {answer['exit_code']}"
    status = status_of(answer)
    line(
        f"run {answer['run_id']}  {answer['jobnet_id']}@{answer['version']}  {answer['state']}{exit_code}"
        + (f"  {status}" if status else "")
    )
    if answer["nominal_at"]:
        line(planned_of(answer))
    line(
        f"started {moment(answer['started_at']) or '-'}  ended {moment(answer['ended_at']) or '-'}  {answer['origin']}"
    )
    if answer["message"]:
        line(answer["message"])
    print_table(
        ("adopted work", "attempt", "state", "agent", "exit code", "started", "ended"),
        [
            (
                *(row[name] for name in ("path", "attempt", "state", "agent")),
                "" if row["exit_code"] is None else row["exit_code"],
                moment(row["started_at"]),
                moment(row["ended_at"]),
            )
            for row in answer.get("adopted", ())
        ],
    )
    if answer["kept"] == "result":
        line("its icons are no longer kept, only its result; `jaz-lite run log` shows what happened")
    elif icons:
        print_table(
            ("icon", "type", "state", "pass", "host", "exit code", "started", "ended", "message"),
            [
                (
                    icon["path"],
                    icon["type"],
                    icon["state"] + (f" ({icon['method']})" if icon["method"] in ("hold", "skip") else ""),
                    icon["pass"] or None,
                    icon["host"],
                    icon["exit_code"],
                    moment(icon["started_at"])[11:],
                    moment(icon["ended_at"])[11:],
                    f"in doubt: {icon['doubt']['reason']}" if icon["doubt"] else icon["message"],
                )
                for icon in answer["icons"]
            ],
        )
    for icon in answer["icons"]:
        if icon.get("copy"):
            line(f"copies: {icon['path']} {icon['copy']['text']}")
    for each in answer["waiting_for"]:
        line(f"waits: {sentence(each)}")


def planned_of(run: dict[str, Any]) -> str:
    """Return what was planned for the start of a run, on one line."""
    parts = [f"scheduled {moment(run['scheduled_at'])}"]
    if run["schedule_id"]:
        parts.append(f"by the schedule {run['schedule_id']}")
    if run["scheduled_at"] != run["nominal_at"]:
        parts.append(f"moved from {moment(run['nominal_at'])}")
    if run["deadline_at"]:
        missed = " (missed)" if run["deadline_missed"] else ""
        parts.append(f"deadline {moment(run['deadline_at'])}{missed}")
    return "  ".join([*parts, "late"] if run["late"] else parts)


def sentence(waiting: Any) -> str:
    """Return what a run waits for as a sentence."""
    if isinstance(waiting, dict):
        return f"{waiting.get('path', '')}: {waiting.get('sentence') or waiting.get('message') or waiting.get('reason', '')}"
    return str(waiting)


@run.command(example="jaz-lite run log last\njaz-lite run log last /JOB-1 --follow")
@RUN
@PATH_OR_NONE
@click.option("--follow", is_flag=True, help="Go on with icon states and job output as they come.")
@click.option("--stream", type=click.Choice(["out", "err"]), help="Of an icon's output: only this stream.")
@click.option("--raw", is_flag=True, help="Of an icon's output: the bytes as the job wrote them, not made readable.")
@json_option
@pass_session
def log(
    session: Session, run: str, path: str | None, follow: bool, stream: str | None, raw: bool, as_json: bool
) -> None:
    """Print the journal of a run, or with ICON-PATH the output of that job."""
    if raw and (follow or as_json or path is None):
        raise click.UsageError("--raw is for the output of one icon, without --follow and --json")
    if follow:
        if as_json:
            raise click.UsageError("--follow and --json exclude each other")
        from jaz_lite.cli.follow import watched

        # "last" must stay the same run, also when another is started meanwhile.
        run_id = session.ask("run.log", run=run, limit=1)["run_id"]
        watched(session, run_id, news=True, until="over", path=path)
    elif path is not None:
        _print_output(session, run, path, stream, raw=raw, as_json=as_json)
    else:
        _print_journal(session, run, as_json)


def _print_journal(session: Session, run: str, as_json: bool) -> None:
    lines: list[dict[str, Any]] = []
    answer: dict[str, Any] = {"more": True}
    while answer["more"]:
        answer = session.ask("run.log", run=run, after=lines[-1]["id"] if lines else 0)
        lines += answer["lines"]
    if as_json:
        print_json({"run_id": answer["run_id"], "lines": lines})
        return
    for each in lines:
        severity = "" if each["severity"] == "info" else f"  {each['severity'].upper()}"
        line(f"{moment(each['at'])}  {each['path'] or '-'}{severity}  {each['text']}")


def _print_output(session: Session, run: str, path: str, stream: str | None, *, raw: bool, as_json: bool) -> None:

    number = None if stream is None else 1 if stream == "out" else 2
    pieces: dict[int, bytearray] = {1: bytearray(), 2: bytearray()}
    decoders: dict[int, Decoder] = {}
    with session.stream("run.output", run=run, path=path, stream=number) as answers:
        for item in answers:
            which, data = item["stream"], item["data"]
            target = sys.stderr if which == 2 and stream is None else sys.stdout
            if as_json:
                pieces[which] += data
            elif raw:
                target.flush()
                target.buffer.write(data)
                target.buffer.flush()
            else:
                decoder = decoders.get(which) or decoders.setdefault(which, Decoder(item["encoding"]))
                _write_text(decoder.decode(data), target)
        for which, decoder in decoders.items():
            # A character that the end of the output cuts in two.
            _write_text(decoder.decode(b"", final=True), sys.stderr if which == 2 and stream is None else sys.stdout)
        if as_json:
            encoding = answers.value["encoding"]
            texts = {name: readable(bytes(pieces[which]), encoding) for which, name in ((1, "std_out"), (2, "std_err"))}
            print_json({**answers.value, **texts})


def _write_text(text: str, target: TextIO) -> None:
    """Write output of a job: as it is into a pipe, harmless onto a terminal."""
    target.write(clean(text) if is_terminal(target) else text)


@run.command("vars", example="jaz-lite run vars last /JOB-1 --json")
@RUN
@PATH_OR_NONE
@json_option
@pass_session
def vars_(session: Session, run: str, path: str | None, as_json: bool) -> None:
    """Print the variables an icon saw and left, or those a run was given and ended with."""
    answer = session.ask("run.vars", run=run, path=path)
    if as_json:
        print_json(answer)
        return
    for when in ("before", "after"):
        line(f"{when}:")
        for name, value in sorted(answer[when].items()):
            line(f"  {name}={value}")


for control in run_control.COMMANDS:
    run.add_command(control)


@click.command(cls=Command, example="jaz-lite explain last /JOB-1")
@RUN
@PATH_OR_NONE
@json_option
@pass_session
def explain(session: Session, run: str, path: str | None, as_json: bool) -> None:
    """Say in sentences why a run or an icon is in its state and what it waits for."""
    answer = session.ask("run.explain", run=run, path=path)
    if as_json:
        print_json(answer)
        return
    for each in answer["sentences"]:
        line(each)
