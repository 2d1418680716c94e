"""Rules of calendars and cycles of schedules, which Job Arranger keeps only the outcome of, in an export."""

import pytest

from jaz_lite.compat.jaz_xml import ExportedObject
from jaz_lite.compat.jaz_xml.reader import Export
from tests.unit.compat.jaz_rows import VERSION, read, rows_in, written


def exported(kind, years=range(2024, 2026), **document):
    """Return the rows of a definition in an export, and the warnings as `field: message`."""
    plain = {f"{kind}_id": "X", "version": VERSION, "name": "x", **document}
    found = Export(
        kind=kind.capitalize(), user_name="Admin", user_type="SUPER", documents=(ExportedObject(kind, plain, False),)
    )
    data, problems = written(found, years=years)
    return data, [f"{each.severity} {each.place.field}: {each.message}" for each in problems]


def column(data, table, *names):
    return [tuple(dict(columns)[name] for name in names) for (found, columns) in rows_in(data) if found == table]


def test_the_rule_of_a_calendar_is_written_as_the_days_of_the_years_asked_for():
    # Of 2024 the 31st of January, March, May, July, August, October, December; of 2025 only the listed day.
    rule = {"month_days": [31], "holidays": ["JP"], "minus": ["2024-05-31"], "until": "2024-12-31"}
    data, problems = exported("calendar", days=["2023-06-01", "2024-01-31", "2025-02-03"], rule=rule)

    assert [day for (day,) in column(data, "ja_calendar_detail_table", "operating_date")] == [
        "20230601",
        "20240131",
        "20240331",
        "20240731",
        "20240831",
        "20241031",
        "20241231",
        "20250203",
    ]
    assert problems == ["warning rule: is written as the days it names from 2024 to 2025; Job Arranger keeps no rules"]


def test_a_calendar_of_holidays_that_nobody_knows_is_left_out():
    data, problems = exported("calendar", rule={"month_days": [31], "holidays": ["ZZ"]})

    assert column(data, "ja_calendar_control_table", "calendar_id") == []
    assert problems == ['error : no public holidays are known of "ZZ"; this version is left out']


def test_cycles_are_written_as_boot_times_each_once():
    data, problems = exported(
        "schedule",
        boot_times=[{"days_id": "A", "at": "0800"}],
        cycles=[
            {"days_id": "A", "since": "0730", "until": "0900", "every_min": 30},
            {"days_id": "A", "since": "0900", "until": "2600", "every_min": 500},
            {"days_id": "A", "days_kind": "filter", "since": "0800", "until": "0800"},
        ],
    )

    # 07:30, 08:00 (given), 08:30, 09:00; 09:00 (made), 17:20, 25:40; of the filter 08:00
    assert column(data, "ja_schedule_detail_table", "calendar_id", "object_flag", "boot_time") == [
        ("A", "0", "0800"),
        ("A", "0", "0730"),
        ("A", "0", "0830"),
        ("A", "0", "0900"),
        ("A", "0", "1720"),
        ("A", "0", "2540"),
        ("A", "1", "0800"),
    ]
    assert problems == ["warning cycles: are written as 6 boot times; Job Arranger keeps no cycles"]
    assert read(data).problems == ()


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"zone": "Asia/Tokyo"}, "zone"),
        ({"end_by": "0600"}, "end_by"),
        ({"end_within_min": 5}, "end_within_min"),
        ({"late_start": "skip"}, "late_start"),
        ({"grace_min": 5}, "grace_min"),
        (
            {"jobnets": [{"jobnet_id": "N"}, {"jobnet_id": "M", "variables": [{"name": "A", "value": "1"}]}]},
            "jobnets[1].variables",
        ),
    ],
)
def test_settings_that_jaz_does_not_have_are_told(settings, field):
    _, problems = exported("schedule", boot_times=[{"days_id": "A", "at": "0800"}], **settings)

    assert problems == [f"warning {field}: is left out; Job Arranger has nothing like it"]
