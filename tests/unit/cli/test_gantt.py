"""The drawing of a night: as wide as it may be, and to be read without colour."""

from zoneinfo import ZoneInfo

from jaz_lite.cli.gantt import BLOCKS, Bar, Signs, drawn

ZONE = ZoneInfo("Asia/Tokyo")
THREE = 1_900_000_800_000  # 2030-03-18 03:00:00 in Tokyo
MINUTE = 60_000


def lines(*bars: Bar, columns: int = 60, signs: Signs | None = None) -> list[str]:
    return list(drawn(bars, ZONE, columns, signs or Signs()))


def bar(label: str, start: int, end: int | None, slow: int | None = None, **more: int) -> Bar:
    minutes = {name: THREE + value * MINUTE for name, value in more.items()}
    return Bar(
        label=label,
        asked_ms=minutes.pop("asked_ms", THREE + start * MINUTE),
        start_ms=THREE + start * MINUTE,
        end_ms=None if end is None else THREE + end * MINUTE,
        slow_end_ms=None if slow is None else THREE + slow * MINUTE,
        **minutes,
    )


def test_a_run_is_a_bar_from_its_start_to_its_end() -> None:
    # 40 minutes over 40 columns: a column a minute, the last one for the end itself.
    axis, load, mail = lines(bar("LOAD", 0, 20, 20), bar("MAIL", 20, 40, 40), columns=47)

    assert load == "LOAD   " + "=" * 20
    assert mail == "MAIL   " + " " * 19 + "=" * 21
    assert axis.split() == ["03:00", "03:15", "03:30"]


def test_waiting_slowness_and_deadlines_have_their_signs() -> None:
    _, row, endless = lines(bar("A", 10, 20, 30, asked_ms=0, deadline_ms=36), bar("B", 0, None, 40), columns=44)

    assert row == "A   " + "." * 9 + "=" * 11 + "-" * 10 + "     |"
    assert endless == "B   " + "=" * 39 + ">"


def test_no_line_is_wider_than_asked() -> None:
    for columns in (40, 80, 200):
        every = lines(bar("A_VERY_LONG_NAME_OF_A_JOBNET_INDEED", 0, 300, 700), bar("夜間バッチ", 5, 6), columns=columns)

        assert max(map(len, every)) <= columns


def test_a_time_that_does_not_fit_on_the_axis_is_left_out() -> None:
    for until in range(40, 60):
        axis, *_ = lines(bar("A", 0, until, until), columns=47)

        assert all(len(time) == len("03:00") for time in axis.split())


def test_a_terminal_gets_blocks() -> None:
    _, row = lines(bar("A", 0, 20, 40), signs=BLOCKS)

    assert "█" in row
    assert "░" in row
