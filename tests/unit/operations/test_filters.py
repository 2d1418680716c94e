"""Filters as people make them, and why each month has the day that it has."""

from typing import Any

import pytest

from jaz_lite.errors import NoSuchObject, Refused, UsageError
from jaz_lite.operations.site import OfflineSite
from tests.unit.operations.small_site import ask

WORKDAYS = {"weekdays": ["mon", "tue", "wed", "thu", "fri"]}


@pytest.fixture
def work(site: OfflineSite) -> OfflineSite:
    """A site with a calendar of weekdays."""
    ask(site, "calendar.create", calendar="WORK", rule=WORKDAYS, enable=True)
    return site


def make(site: OfflineSite, base_day: str, shift_days: int = 0, **more: Any) -> None:
    ask(site, "filter.create", filter_id="F", calendar="WORK", base_day=base_day, shift_days=shift_days, **more)


def months(site: OfflineSite) -> dict[int, tuple[str | None, str]]:
    year = ask(site, "filter.year", filter_id="F", year=2027)
    return {number: (row["day"], row["why"]) for number, row in enumerate(year["months"], 1)}


def test_a_base_day_that_operates_is_the_day_whatever_the_shift(work: OfflineSite) -> None:
    make(work, "last", -3)

    assert months(work)[3] == ("2027-03-31", "the base day operates")


def test_a_base_day_that_does_not_operate_is_shifted_by_operating_days(work: OfflineSite) -> None:
    make(work, "last", -2)

    # 31 January 2027 is a Sunday: Friday is the first operating day before it, Thursday the second.
    assert months(work)[1] == (
        "2027-01-28",
        "the base day does not operate; second operating day before it",
    )


def test_without_a_shift_a_month_may_have_no_day(work: OfflineSite) -> None:
    make(work, "last")

    assert months(work)[1] == (None, "the base day does not operate, and there is no shift")


def test_a_month_without_the_designated_day_says_so(work: OfflineSite) -> None:
    make(work, "designated", 0, designated_day=31)
    found = months(work)

    # 1 March is a Monday, 1 May a Saturday.
    assert found[2] == ("2027-03-01", "the month has no day 31; the day after its end operates")
    assert found[4] == (None, "the month has no day 31; 2027-05-01 does not operate")


def test_a_search_that_finds_nothing_says_how_far_it_went(site: OfflineSite) -> None:
    ask(site, "calendar.create", calendar="WORK", days=["2027-01-29"])
    make(site, "last", -1)

    assert months(site)[1] == ("2027-01-29", "the base day does not operate; first operating day before it")
    assert months(site)[6] == (None, "no operating day found within 29 days before 2027-06-30")


def test_what_is_given_is_changed_and_the_rest_stays(work: OfflineSite) -> None:
    make(work, "designated", 2, designated_day=15)

    ask(work, "filter.set", filter_id="F", base_day="first")

    newest = ask(work, "definition.history", kind="filter", name="F")["history"][0]["version"]
    document = ask(work, "definition.show", kind="filter", name=f"F@{newest}")["document"]
    assert (document["base_day"], document["designated_day"], document["shift_days"]) == ("first", 0, 2)


def test_what_makes_no_sense_is_refused(work: OfflineSite) -> None:
    with pytest.raises(Refused, match="shift_days is 8"):
        make(work, "first", 8)
    with pytest.raises(Refused, match="designated_day is 32"):
        make(work, "designated", designated_day=32)
    with pytest.raises(UsageError, match='"middle" is no base day'):
        make(work, "middle")


def test_a_filter_needs_its_calendar_to_be_enabled_but_not_to_be_made(site: OfflineSite) -> None:
    make(site, "first")

    with pytest.raises(NoSuchObject, match='picks days of the calendar "WORK", which is not there'):
        months(site)
    with pytest.raises(Refused, match=r'nothing was saved: not enabled: .*there is no calendar "WORK"'):
        ask(site, "filter.set", filter_id="F", name="again", enable=True)
    assert len(ask(site, "definition.history", kind="filter", name="F")["history"]) == 1
