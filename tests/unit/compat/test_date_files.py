"""Files of dates in Job Arranger's five forms: whole lines, all or nothing, the first bad line told."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaz_lite.compat.date_file import FORMS, read_date_file, written
from jaz_lite.errors import DefinitionError, UsageError

DAYS = st.dates(min_value=date(1, 1, 1), max_value=date(9999, 12, 31))
ENDS = st.sampled_from(("\n", "\r\n"))


@given(days=st.lists(DAYS, min_size=1), form=st.sampled_from(sorted(FORMS)), end=ENDS, final=st.booleans())
def test_what_is_written_in_a_form_is_read_again(days: list[date], form: str, end: str, final: bool) -> None:
    text = end.join(written(day, form) for day in days) + (end if final else "")

    assert read_date_file(text.encode(), form, file="days.txt") == sorted(set(days))


@given(days=st.lists(DAYS, min_size=1), form=st.sampled_from(sorted(FORMS)))
def test_a_form_that_is_not_named_is_found_or_asked_for(days: list[date], form: str) -> None:
    text = "\n".join(written(day, form) for day in days).encode()
    others = [other for other in FORMS if other != form and _read_or_none(text, other) not in (None, sorted(set(days)))]

    assert _read_or_none(text, "") == (None if others else sorted(set(days)))


def _read_or_none(text: bytes, form: str) -> list[date] | None:
    try:
        return read_date_file(text, form, file="days.txt")
    except (DefinitionError, UsageError):
        return None


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("YYYY/MM/DD", "2027/04/01"),
        ("YYYY-MM-DD", "2027-04-01"),
        ("MM/DD/YYYY", "04/01/2027"),
        ("YYYYMMDD", "20270401"),
        ("MMDDYYYY", "04012027"),
    ],
)
def test_each_of_the_five_forms_is_told_from_the_others(form: str, text: str) -> None:
    assert read_date_file(text.encode(), file="days.txt") == [date(2027, 4, 1)]
    for other in FORMS.keys() - {form}:
        with pytest.raises(DefinitionError, match="line 1"):
            read_date_file(text.encode(), other, file="days.txt")


def test_a_file_of_a_windows_editor_is_read() -> None:
    assert read_date_file(b"\xef\xbb\xbf2027/01/04\r\n2027/01/05\r\n", file="days.txt") == [
        date(2027, 1, 4),
        date(2027, 1, 5),
    ]


def test_days_that_two_forms_read_differently_are_asked_about() -> None:
    # 11 December of the year 1112 one way, 11 November of the year 1212 the other.
    with pytest.raises(UsageError, match="YYYYMMDD and as MMDDYYYY"):
        read_date_file(b"11121211\n", file="days.txt")


BAD = {
    "empty line": (b"2027-01-01\n\n2027-01-02\n", "line 2 is empty"),
    "empty first line": (b"\n2027-01-01\n", "line 1 is empty"),
    "two newlines at the end": (b"2027-01-01\n\n", "line 2 is empty"),
    "no such month": (b"2027-13-01\n", 'line 1: there is no day "2027-13-01"'),
    "no such day": (b"2027-01-01\n2027-02-29\n", 'line 2: there is no day "2027-02-29"'),
    "year zero": (b"0000-01-01\n", "line 1: there is no day"),
    "blank before": (b" 2027-01-01\n", 'line 1: " 2027-01-01" is not of the form YYYY-MM-DD'),
    "blank behind": (b"2027-01-01 \n", "line 1"),
    "something behind": (b"2027-01-01 # new year\n", "line 1"),
    "one digit": (b"2027-1-01\n", "line 1"),
    "two on a line": (b"2027-01-01,2027-01-02\n", "line 1"),
    "other form later": (b"2027-01-01\n2027-01-02\n2027/01/03\n", "line 3"),
    "digits of another script": ("２０２７-01-01\n".encode(), "line 1"),
    "old Mac line ends": (b"2027-01-01\r2027-01-02\r", "line 1"),
    "UTF-16": ("2027-01-01\n".encode("utf-16"), "line 1"),
    "binary": (b"\x00\xff\xfe", "line 1"),
    "a line without end": (b"9" * 100_000, "line 1"),
}


@pytest.mark.parametrize(("data", "told"), BAD.values(), ids=BAD.keys())
def test_the_first_bad_line_is_told_with_its_number(data: bytes, told: str) -> None:
    with pytest.raises(DefinitionError, match=r"^days\.txt: ") as error:
        read_date_file(data, "YYYY-MM-DD", file="days.txt")

    assert told in error.value.message
    assert len(error.value.message) < 200


def test_a_bad_line_is_told_for_the_form_that_gets_furthest_where_none_is_named() -> None:
    with pytest.raises(DefinitionError, match='line 3: "soon" is not of the form MM/DD/YYYY'):
        read_date_file(b"12/24/2027\n12/25/2027\nsoon\n", file="days.txt")


def test_an_empty_file_holds_no_date() -> None:
    with pytest.raises(DefinitionError, match="holds no date"):
        read_date_file(b"", file="days.txt")
