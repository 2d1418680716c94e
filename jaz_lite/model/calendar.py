"""A calendar (operating days) and a filter (a rule that picks days from a calendar), in one version each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from jaz_lite.model.jobnet import NOTHING

BaseDay = Literal["first", "last", "designated"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")  # in the order of date.weekday()


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarRule:
    """Operating days that follow from conditions, for every year.

    A day is one if any of the first four conditions names it, it is in one of the `months`, it is neither a public
    holiday of one of the `holidays` nor one of `minus`, and it is not outside of `since` to `until`.
    """

    weekdays: tuple[Weekday, ...] = ()
    first_of_month: bool = False
    last_of_month: bool = False
    month_days: tuple[int, ...] = ()  # 1..31; a month that is shorter has none
    months: tuple[int, ...] = ()  # 1..12; empty: all
    holidays: tuple[str, ...] = ()  # whose public holidays do not operate: "JP", "DE-BY"; substitute days included
    minus: tuple[str, ...] = ()  # ISO dates that do not operate although the rule names them
    since: str = ""  # ISO date, the first day the rule is for; "": it has always been
    until: str = ""  # ISO date, the last one; "": for ever


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """One version of a calendar: a day operates if it is listed, or if the rule says so."""

    calendar_id: str
    version: str
    name: str = ""
    memo: str | None = None
    public: bool = False
    owner: str = ""
    days: tuple[str, ...] = ()  # operating days, ISO dates, sorted, without repeats; with a rule: besides it
    rule: CalendarRule | None = None
    jaz: Mapping[str, Any] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One version of a filter."""

    filter_id: str
    version: str
    name: str = ""
    memo: str | None = None
    public: bool = False
    owner: str = ""
    base_calendar_id: str = ""
    base_day: BaseDay = "first"
    designated_day: int = 0  # 1..31 when base_day is "designated"
    shift_days: int = 0  # -7..7, counted in operating days
    jaz: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
