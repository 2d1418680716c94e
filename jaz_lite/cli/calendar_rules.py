"""The group `calendar rule`: the rule that a calendar keeps; and what commands about calendars tell of days."""

from collections.abc import Sequence
from typing import Any

import click

from jaz_lite.cli import days_text
from jaz_lite.cli.calendar_options import rule_fields, rule_options
from jaz_lite.cli.changes import OBJECT_ID, change_options, tell_change
from jaz_lite.cli.printing import line, print_json, say
from jaz_lite.cli.session import Group, Session, json_option, pass_session
from jaz_lite.cli.year_drawing import day_count

DAYS_TOLD_MAX = 5
WEEKDAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTH_NAMES = tuple(name.capitalize() for name in days_text.MONTHS)

rule = Group("rule", help="The rule of a calendar: operating days that follow from conditions, for every year.")


@rule.command(
    "set",
    example="jaz-lite calendar rule set WORK --weekdays mon-fri --except-holidays JP --minus 2027-12-30\n"
    "jaz-lite calendar rule set WORK --except-holidays none --months apr-jun",
)
@OBJECT_ID
@rule_options
@change_options
@pass_session
def set_(session: Session, /, object_id: str, enable: bool, dry_run: bool, as_json: bool, **given: Any) -> int:
    """Change what is given of the rule of a calendar; the rest stays. `none` takes a condition away."""
    fields = rule_fields(given)
    plus, minus = days_text.read_days(given["plus"]), days_text.read_days(given["minus"])
    if not (fields or plus or minus):
        raise click.UsageError("nothing of the rule is given")
    answer = session.ask_anywhere(
        "calendar.set_rule", calendar=object_id, rule=fields, plus=plus, minus=minus, enable=enable, dry_run=dry_run
    )
    return tell_days(answer, as_json)


@rule.command("clear", example="jaz-lite calendar rule clear WORK")
@OBJECT_ID
@change_options
@pass_session
def clear(session: Session, object_id: str, enable: bool, dry_run: bool, as_json: bool) -> int:
    """Take the rule away; fixed days stay."""
    answer = session.ask_anywhere("calendar.clear_rule", calendar=object_id, enable=enable, dry_run=dry_run)
    return tell_days(answer, as_json)


@rule.command("show", example="jaz-lite calendar rule show WORK")
@OBJECT_ID
@json_option
@pass_session
def show(session: Session, object_id: str, as_json: bool) -> None:
    """Show the rule in words."""
    answer = session.ask_anywhere("definition.show", kind="calendar", name=object_id)
    kept = answer["document"]["rule"]
    if as_json:
        print_json({"calendar_id": answer["calendar_id"], "version": answer["version"], "rule": kept})
    elif kept is None:
        say(f"calendar {object_id} has no rule; it operates on {len(answer['document']['days'])} fixed days")
    else:
        tell_rule(kept)


def tell_rule(kept: dict[str, Any] | None) -> None:
    """Print a rule in words; nothing where there is none."""
    for number, clause in enumerate(rule_in_words(kept) if kept else ()):
        line(f"  {'rule: ' if number == 0 else '      '}{clause}")


def rule_in_words(kept: dict[str, Any]) -> list[str]:
    """Return the clauses of a rule."""
    named = []
    if kept["weekdays"]:
        numbers = [days_text.WEEKDAYS.index(day) for day in kept["weekdays"]]
        named.append("every day" if len(numbers) == 7 else f"every {_ranges(numbers, WEEKDAY_NAMES)}")
    if kept["first_of_month"]:
        named.append("the first day of the month")
    if kept["last_of_month"]:
        named.append("the last day of the month")
    if kept["month_days"]:
        days = _ranges([day - 1 for day in kept["month_days"]], tuple(str(day) for day in range(1, 32)))
        named.append(f"day {days} of the month")
    clauses = [" and ".join(named) or "no day"]
    if kept["months"]:
        clauses.append(f"only in {_ranges([month - 1 for month in kept['months']], MONTH_NAMES)}")
    if kept["holidays"]:
        clauses.append(f"not on public holidays of {', '.join(kept['holidays'])}")
    if kept["minus"]:
        clauses.append(f"not on {told(kept['minus'])}")
    if kept["since"] or kept["until"]:
        since, until = kept["since"], kept["until"]
        clauses.append(" ".join(part for part in (since and f"from {since}", until and f"until {until}") if part))
    return clauses


def _ranges(numbers: Sequence[int], names: Sequence[str]) -> str:
    """Return sorted numbers by name, runs of three and more as a range."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    parts: list[str] = []
    for run in runs:
        parts += [f"{names[run[0]]} to {names[run[-1]]}"] if len(run) > 2 else [names[number] for number in run]
    return ", ".join(parts)


def tell_days(answer: dict[str, Any], as_json: bool, *more: str) -> int:
    """Print what a change of a calendar did to its days, and return the exit code."""
    days = answer["days"]
    sentences = list(more)
    for verb in ("added", "removed"):
        if days[verb]:
            count = len(days[verb])
            sentences.append(f"{count} day{'' if count == 1 else 's'} {verb}: {told(days[verb])}")
    sentences.append(f"{day_count(days['count'])} from {days['from']} to {days['to']}")
    return tell_change(answer, as_json, *sentences)


def told(days: Sequence[str]) -> str:
    """Return days, or where they are many the first and the last of them."""
    if len(days) <= DAYS_TOLD_MAX:
        return ", ".join(days)
    return f"{', '.join(days[: DAYS_TOLD_MAX - 2])} … {days[-1]}"
