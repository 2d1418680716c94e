"""The small languages in settings: variables in texts, ranges, regular expressions, calculations."""

from contextlib import suppress
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaz_lite.icons import _date, _expr, _ranges, _regex, _text

KNOWN = {"A": "1", "A B": "spaced", "LONG.NAME": "dotted", "EMPTY": ""}


# ---- variables in texts


@pytest.mark.parametrize(
    ("text", "value"),
    [("plain", "plain"), ("", ""), ("$", "$"), ("$A", "1"), ("$$A", "$A"), ("$A B", "spaced"), ("x$A", "x$A")],
)
def test_a_whole_value_may_be_a_variable(text: str, value: str) -> None:
    assert _text.whole(text, KNOWN) == value


def test_a_whole_value_whose_variable_is_not_set_is_an_error_or_empty() -> None:
    with pytest.raises(_text.NoSuchVariable, match="the variable NOPE is not set"):
        _text.whole("$NOPE", KNOWN)

    assert _text.whole_or_empty("$NOPE", KNOWN) == ""


@pytest.mark.parametrize(
    ("text", "lite", "jaz"),
    [
        ("a ${A} b", "a 1 b", "a 1 b"),
        ("$A", "1", "1"),
        ("$$A", "$A", "$A"),
        ("$A-x", "1-x", None),
        ("$A B", "1 B", "spaced"),
        ("$LONG.NAME}", None, "dotted}"),
        ("${LONG.NAME}", "dotted", "dotted"),
        ("$A$A", "11", "11"),
        ("$A\n$A", "1\n1", "1\n1"),
        ("x$EMPTY", "x", "x"),
        ("${A", None, None),
        ("$", None, None),
        ("${}", None, None),
        ("$NOPE", None, None),
    ],
)
def test_variables_anywhere_in_a_text_end_as_the_jobnet_says(text: str, lite: str | None, jaz: str | None) -> None:
    for compat, value in (("lite", lite), ("jaz", jaz)):
        if value is None:
            with pytest.raises(_text.BadText):
                _text.anywhere(text, KNOWN, compat)  # type: ignore[arg-type]
        else:
            assert _text.anywhere(text, KNOWN, compat) == value  # type: ignore[arg-type]


# ---- ranges


@pytest.mark.parametrize(
    ("ranges", "value", "held"),
    [
        ("0", 0, True),
        ("1-255", 0, False),
        ("1-255", 255, True),
        ("0, 5 - 9", 7, True),
        ("-5--1", -3, True),
        ("-3", -3, True),
        ("1.5-2", 1.75, True),
        ("1.0", 1, True),
        ("", 0, False),
        (" ", 0, False),
        ("5,x", 5, True),
    ],
)
def test_a_number_is_looked_for_in_a_list_of_ranges(ranges: str, value: float, held: bool) -> None:
    assert _ranges.holds(ranges, value) is held


@pytest.mark.parametrize("ranges", ["x", "1-", "5-1", "1,,2", "1,", "--1", "1-2-3", "1..2", "٣"])
def test_a_list_that_cannot_be_read_is_told(ranges: str) -> None:
    assert _ranges.fault(ranges) is not None
    with pytest.raises(_ranges.BadRange):
        _ranges.holds(ranges, 99)


# ---- regular expressions


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("b+", "abbc", True),
        ("^b", "ab", False),
        ("^a", "x\na", False),
        ("a.b", "a\nb", True),
        ("[[:digit:]]{2}$", "x12", True),
        ("B", "b", False),
        ("日本", "これは日本語", True),
        ("(", "(", False),
        ("a\\1", "a", False),
        ("", "x", True),
    ],
)
def test_an_extended_expression_is_searched_for_and_a_bad_one_never_matches(
    pattern: str, text: str, found: bool
) -> None:
    assert _regex.found(pattern, text) is found


def test_an_expression_that_would_stall_others_is_quick() -> None:
    assert not _regex.found("(a*)*(a*)*b", "a" * 20_000)


def test_a_bad_expression_says_what_is_wrong() -> None:
    assert _regex.fault("a{2,1}") is not None
    assert _regex.fault("(a|b)") is None


@pytest.mark.parametrize(
    ("pattern", "text", "value"),
    [
        ("ab*", "abbbc", "4"),
        ("b", "ab", "0"),
        ("a\\(.*\\)c", "abbc", "bb"),
        ("x\\(.*\\)", "abc", ""),
        ("a+", "a+", "2"),
        ("a\\+", "aaa", "3"),
        ("*a", "*a", "2"),
        ("a|b", "a|b", "3"),
        ("a\\|ab", "ab", "2"),
        ("[]x]*", "]x]", "3"),
        ("[[:alpha:]]*", "abc1", "3"),
        ("a^b$c", "a^b$c", "5"),
        ("^abc$", "abc", "3"),
        ("a\\{2\\}", "aaa", "2"),
        ("日.", "日本語", "2"),
    ],
)
def test_a_basic_expression_matches_from_the_beginning(pattern: str, text: str, value: str) -> None:
    assert _regex.matched(pattern, text) == value


# ---- the integer calculation


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("1 + 2", "3"),
        ("$A + 1", "2"),
        ("${A}0 + 1", "11"),
        ("7 - 2 - 1", "4"),
        ("2 + 3 * 4", "14"),
        ("( 2 + 3 ) * 4", "20"),
        ("7 / 2", "3"),
        ("-7 / 2", "-3"),
        ("-7 % 2", "-1"),
        ("7 % -2", "1"),
        ("1 = 1", "1"),
        ("01 = 1", "1"),
        ("a = b", "0"),
        ("a < b", "1"),
        ("10 > 9", "1"),
        ("x10 > x9", "0"),
        ("1 == 1", "1"),
        ("1 != 1", "0"),
        ("3 >= 3 & 2 <= 1", "0"),
        ("0 | 5", "5"),
        ("0 | 0", "0"),
        ("3 | 5", "3"),
        ("3 & 5", "3"),
        ("0 & 5", "0"),
        ("1 | 1 / 0", "1"),
        ("0 & a + 1", "0"),
        ("1 + 1 = 2 | 9", "1"),
        ("length abcde", "5"),
        ("length 日本", "2"),
        ("substr abcde 2 3", "bcd"),
        ("substr abcde 0 3", ""),
        ("index abcde dc", "3"),
        ("index abc z", "0"),
        ("abc : a.", "2"),
        ("abc : a\\(.\\)c", "b"),
        ("match abc b", "0"),
        ("+ length", "length"),
        ("+ 5 + 1", "6"),
        ("$EMPTY 5", "5"),
        ("$NOPE 5", "5"),
        ("$SUM * 2", "7"),
        ("'a b' = \"a b\"", "1"),
        ("9223372036854775807 + 1", "9223372036854775808"),
        ("5", "5"),
    ],
)
def test_a_formula_is_worked_out_as_expr_does(formula: str, value: str) -> None:
    # $SUM is split into words, as the shell does: 1 + 3 * 2.
    assert _expr.evaluate(formula, {"A": "1", "EMPTY": "", "SUM": "1 + 3"}) == value


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("", "is empty"),
        ("1 +", "ends too early"),
        ("1 2", 'cannot be read at "2"'),
        ("1 ''", 'cannot be read at ""'),
        ("1 / 0", "divides by zero"),
        ("1 % 0", "divides by zero"),
        ("a + 1", '"a", which is no whole number'),
        ("1+2 + 3", '"1\\+2", which is no whole number'),
        ("( 1", "is not closed"),
        (") 1", "was not opened"),
        ("'a", "a quote that is not closed"),
        ("a : \\(x\\)\\1", "back-references"),
        ("( " * 60 + "1" + " )" * 60, "nested deeper than 50"),
        ("$BIG * $BIG", "more than 4000 digits"),
        ("1" * 4001 + " + 1", "more than 4000 digits"),
        ("1 + " * 600 + "1", "more than 1000 words"),
    ],
)
def test_a_formula_that_cannot_be_worked_out_says_why(formula: str, message: str) -> None:
    with pytest.raises(_expr.BadFormula, match=message):
        _expr.evaluate(formula, {"BIG": "9" * 3999})


@given(st.text(alphabet="01 +-*/%:()|&<>=!a$A'\"\\[]{}^.", max_size=40))
def test_any_formula_gives_a_text_or_a_sentence(formula: str) -> None:
    with suppress(_expr.BadFormula):
        assert isinstance(_expr.evaluate(formula, {"A": "1 +"}), str)


# ---- the time calculation

TOKYO = ZoneInfo("Asia/Tokyo")
MONDAY = datetime(2026, 11, 23, 9, 30, 15, tzinfo=TOKYO)


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("now;%Y%m%d%H%M%S", "20261123093015"),
        ("today;%F %T", "2026-11-23 09:30:15"),
        ("2026-01-02;%Y/%m/%d %H:%M", "2026/01/02 00:00"),
        ("2026/1/2;%F", "2026-01-02"),
        ("20260102;%F", "2026-01-02"),
        ("2026-01-02 10:20;%T", "10:20:00"),
        ("2026-01-02T10:20:30;%T", "10:20:30"),
        ("2026-01-02T10:20:30Z;%T", "19:20:30"),
        ("2026-01-02T10:20:30+02:00;%T", "17:20:30"),
        ("12:00;%F %T", "2026-11-23 12:00:00"),
        ("+1 day;%F %T", "2026-11-24 09:30:15"),
        ("1 day ago;%F", "2026-11-22"),
        ("now -2 weeks;%F", "2026-11-09"),
        ("2026-01-31 +1 month;%F", "2026-03-03"),
        ("2026-01-31 -1 year;%F", "2025-01-31"),
        ("2026-01-01 +90 minutes;%T", "01:30:00"),
        ("2026-01-01 -1 second;%F %T", "2025-12-31 23:59:59"),
        ("friday;%F %T", "2026-11-27 00:00:00"),
        ("Mon;%F", "2026-11-23"),
        ("sunday +1 week;%F", "2026-12-06"),
        ("tomorrow;%F", "2026-11-24"),
        ("yesterday;%d", "22"),
        ("$DAY +1 day;%F", "2024-03-01"),
        ("now;$FORMAT", "2026"),
        ("now;%-H %_H %e %-d %j %a %^a %%", "9  9 23 23 327 Mon MON %"),
        ("2026-01-02;%e|%-d|%y|%u|%s", " 2|2|26|5|1767279600"),
        ("now;literal", "literal"),
    ],
)
def test_a_date_is_worked_out_as_date_does(formula: str, value: str) -> None:
    assert _date.formatted(formula, {"DAY": "2024-02-29", "FORMAT": "%Y"}, MONDAY) == value


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("now", "has no ;"),
        ("now;", "empty format"),
        ("now;%Q", '"%Q", which is not known'),
        ("next full moon;%F", '"next", which is no part of a date'),
        ("1 lightyear;%F", "whose unit is not known"),
        ("2026-13-01;%F", "leads out of"),
        ("+99999 years;%F", "leads out of"),
        ("@12;%F", '"@12", which is no part of a date'),
        ("$NOPE;%F", "not set: NOPE"),
    ],
)
def test_a_date_that_is_not_understood_names_its_part(formula: str, message: str) -> None:
    with pytest.raises(_date.BadDate, match=message):
        _date.formatted(formula, {}, MONDAY)


def test_days_are_counted_on_the_calendar_and_hours_in_elapsed_time() -> None:
    # Berlin's clocks went from 02:00 to 03:00 on 29 March 2026.
    evening = datetime(2026, 3, 28, 12, 0, tzinfo=ZoneInfo("Europe/Berlin"))

    assert _date.formatted("+1 day;%F %H", {}, evening) == "2026-03-29 12"
    assert _date.formatted("+24 hours;%F %H", {}, evening) == "2026-03-29 13"


@given(st.text(alphabet="0123456789-/:+ TZadegnomwtyhsiurf;%FY$", max_size=40))
def test_any_date_gives_a_text_or_a_sentence(formula: str) -> None:
    with suppress(_date.BadDate):
        assert _date.formatted(formula, {"A": "now"}, MONDAY)
