"""Names: the field rules of Job Arranger, counted in characters."""

from datetime import UTC, datetime

import pytest

from jaz_lite.model import names
from jaz_lite.model.problem import Place


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("JOBNET_1", None),
        ("a-b_C9", None),
        ("x" * 32, None),
        ("x" * 33, "is longer than 32 characters"),
        ("", "is empty"),
        ("夜間", "may hold only letters, digits, - and _"),
        ("a b", "may hold only letters, digits, - and _"),
        ("a\n", "may hold only letters, digits, - and _"),
        ("١", "may hold only letters, digits, - and _"),
    ],
)
def test_an_id_holds_plain_letters_digits_and_two_signs(text, fault):
    assert names.id_fault(text) == fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("夜" * 64, None),
        ("夜" * 65, "is longer than 64 characters"),
        ("a,b", "must not contain ,"),
        ("it's \\", "must not contain ' \\"),
        ("a\x1b[31m", "must not contain control characters"),
        ("two\nlines", "must not contain control characters"),
        ("", None),
    ],
)
def test_a_name_may_be_japanese_but_not_quoted(text, fault):
    assert names.name_fault(text) == fault


@pytest.mark.parametrize(
    ("text", "good"),
    [("A", True), ("_x1", True), ("1A", False), ("A-B", False), ("", False), ("A" * 129, False), ("変数", False)],
)
def test_a_variable_name_is_one_a_shell_can_hold(text, good):
    assert (names.variable_name_fault(text) is None) is good


def test_a_domain_user_may_have_a_backslash():
    assert names.run_user_fault("DOMAIN\\operator") is None
    assert names.run_user_fault("a;b") == "must not contain ;"


@pytest.mark.parametrize(("text", "good"), [("0000", True), ("9959", True), ("0960", False), ("900", False)])
def test_a_boot_time_has_four_digits(text, good):
    assert (names.boot_time_fault(text) is None) is good


def test_a_second_save_in_the_same_second_gets_the_next_version():
    moment = datetime(2024, 12, 31, 23, 59, 59, tzinfo=UTC)

    assert names.new_version(moment, set()) == "20241231235959"
    assert names.new_version(moment, {"20241231235959"}) == "20250101000000"
    assert names.version_fault("20241231235959") is None
    assert names.version_fault("2024") == "is not 14 digits YYYYMMDDHHMMSS"


def test_a_place_says_where_inside_its_object_it_is():
    place = Place(file="f.xml", kind="jobnet", object_id="A", version="20240101000000", icon_id="J", field="host")

    assert place.where == "version 20240101000000, J, host"
    assert str(place) == "f.xml: jobnet A@20240101000000: J: host"
