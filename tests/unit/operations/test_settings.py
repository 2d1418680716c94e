"""Settings of the store: shown with their meaning, read as people write them, changed at once."""

import pytest

from jaz_lite.errors import JazLiteError, NoSuchObject, UsageError
from jaz_lite.operations.site import OfflineSite
from jaz_lite.operations.spans import read_minutes, shown_minutes
from jaz_lite.store.settings import KNOWN
from tests.unit.operations.small_site import NOW_MS, ask

HOUR, DAY = 60, 24 * 60


@pytest.mark.parametrize(
    ("text", "minutes", "again"),
    [
        ("90", 90, "90m"),
        ("90m", 90, "90m"),
        ("36h", 36 * HOUR, "36h"),
        (" 30 d ", 30 * DAY, "30d"),
        ("2w", 14 * DAY, "14d"),
        ("48h", 2 * DAY, "2d"),
        ("0", 0, "0m"),
    ],
)
def test_spans_are_written_in_minutes_hours_days_and_weeks(text: str, minutes: int, again: str) -> None:
    assert read_minutes(text) == minutes
    assert shown_minutes(minutes) == again
    assert read_minutes(again) == minutes


@pytest.mark.parametrize("text", ["", "h", "-1", "1.5h", "3y", "1h30m", "٣", "99999999999"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no span of time"):
        read_minutes(text)


def test_all_settings_are_listed_with_what_they_mean(site: OfflineSite) -> None:
    rows = {row["name"]: row for row in ask(site, "setting.list")["settings"]}

    assert set(rows) == set(KNOWN)
    assert all(row["meaning"] and row["origin"] == "default" for row in rows.values())
    keep = rows["keep_runs_min"]
    assert (keep["value"], keep["text"], keep["unit"], keep["least"]) == (43_200, "30d", "min", 0)
    assert keep["meaning"].endswith("; 0: for ever")


def test_a_change_takes_effect_at_once_and_is_told_in_the_journal(site: OfflineSite) -> None:
    told = ask(site, "setting.set", name="keep_runs_min", value="36h")

    assert (told["value"], told["text"], told["was"], told["was_text"]) == (2_160, "36h", 43_200, "30d")
    assert told["origin"] == "store"
    assert ask(site, "setting.show", name="keep_runs_min")["text"] == "36h"
    with site.store.snapshot() as view:
        assert view.settings.minutes("keep_runs_min") == 2_160
        (line,) = view.journal.latest()
    assert (line.kind, line.at_ms, line.run_id) == ("setting_changed", NOW_MS, None)
    assert dict(line.data) == {"name": "keep_runs_min", "was": "30d", "now": "36h", "by": "owner"}


def test_a_reset_gives_the_default_back(site: OfflineSite) -> None:
    ask(site, "setting.set", name="keep_runs_min", value="for ever")
    assert ask(site, "setting.show", name="keep_runs_min")["text"] == "for ever"

    told = ask(site, "setting.reset", name="keep_runs_min")

    assert (told["text"], told["origin"], told["was"]) == ("30d", "default", 0)


def test_what_changes_nothing_is_no_news(site: OfflineSite) -> None:
    ask(site, "setting.set", name="keep_runs_min", value="1h")
    ask(site, "setting.set", name="keep_runs_min", value="60m")
    ask(site, "setting.reset", name="keep_output_min")

    with site.store.snapshot() as view:
        assert len(view.journal.latest()) == 1


@pytest.mark.parametrize(
    ("name", "value", "kind", "sentence", "hint"),
    [
        ("colour", "red", NoSuchObject, 'there is no setting "colour"', "the settings are agent_lost_after_min, "),
        ("server.listen", "x:1", NoSuchObject, "stands in config.toml", "[server], listen = …"),
        ("keep_runs_min", "soon", UsageError, 'wants a span of time, not "soon"', "write 90m"),
        ("load_span_min", "0", UsageError, '"load_span_min" cannot be "0"', "it may be 1m to 31d"),
        ("load_span_min", "32d", UsageError, '"load_span_min" cannot be "32d"', "it may be 1m to 31d"),
        ("keep_runs_min", "9999999999", UsageError, "cannot be", "it may be 0 to 2147483647m"),
        ("keep_runs_min", "x" * 3_000, UsageError, "longer than 2048", ""),
    ],
)
def test_what_a_setting_cannot_be_is_said_in_one_sentence(
    site: OfflineSite, name: str, value: str, kind: type[JazLiteError], sentence: str, hint: str
) -> None:
    with pytest.raises(kind) as caught:
        ask(site, "setting.set", name=name, value=value)

    assert sentence in caught.value.message
    assert hint in caught.value.hint
