"""What an information icon is told about a calendar, its rule included."""

from datetime import UTC, datetime

import pytest

from jaz_lite.model.calendar import Calendar, CalendarRule
from jaz_lite.model.jobnet import Icon
from jaz_lite.model.plain import to_plain
from tests.unit.runner.site import VERSION, Site, chained

ASKING = Icon(icon_id="ASK", type="information", params={"about": "calendar", "calendar_id": "DAYS"})


def answer(site: Site, calendar: Calendar) -> str:
    with site.store.transaction() as tx:
        tx.definitions.put("calendar", to_plain(calendar), by="test", at_ms=0)
        tx.definitions.enable("calendar", calendar.calendar_id, calendar.version)
    icon = site.icon(site.start(chained("NIGHT", ASKING)), "ASK")
    assert icon.state == "ended"
    return str(icon.results["LAST_STATUS"])


@pytest.mark.parametrize(
    ("days", "rule", "operating"),
    [
        (("2026-01-01",), None, "1"),
        (("2026-01-02",), None, "0"),
        ((), CalendarRule(month_days=(1,)), "1"),
        ((), CalendarRule(month_days=(1,), holidays=("JP",)), "0"),
        (("2026-01-01",), CalendarRule(month_days=(1,), holidays=("JP",)), "1"),
    ],
    ids=["listed", "not listed", "by its rule", "public holiday", "listed all the same"],
)
def test_an_information_icon_knows_the_operating_days(site, days, rule, operating):
    # New Year's Day in Tokyo, the zone of this site
    site.clock.advance(datetime(2025, 12, 31, 15, 0, tzinfo=UTC).timestamp() - site.clock.now_ms() / 1000)

    assert answer(site, Calendar(calendar_id="DAYS", version=VERSION, days=days, rule=rule)) == operating


def test_holidays_that_nobody_knows_end_the_icon_in_an_error_that_says_so(site):
    with site.store.transaction() as tx:
        rule = CalendarRule(month_days=(1,), holidays=("ZZ",))
        tx.definitions.put(
            "calendar", to_plain(Calendar(calendar_id="DAYS", version=VERSION, rule=rule)), by="test", at_ms=0
        )
        tx.definitions.enable("calendar", "DAYS", VERSION)

    run = site.start(chained("NIGHT", ASKING))

    icon = site.icon(run, "ASK")
    assert icon.state == "run_error"
    assert icon.message == 'calendar "DAYS": no public holidays are known of "ZZ"'
