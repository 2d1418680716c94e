"""Names and patterns of file copies, as pure functions."""

import fnmatch
import random
import re
import time

import pytest

from jaz_lite.agent.copying.file_paths import FileFault, check_folder, check_name, fits, part_name, part_prefix, shown


@pytest.mark.parametrize("name", ["a", "a.b", ".profile", "夜.csv", "a b", "a:b", "-rf", "…", "\udcff", "x" * 255, "~"])
def test_a_plain_name_of_a_file_is_taken(name: str) -> None:
    check_name(name, windows=False)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "/",
        "a/b",
        "../a",
        "a/../b",
        "/etc/passwd",
        "a\0b",
        "\0",
        "..\\a",
        "C:\\a",
        "a\\b",
        ".jazl-x.part",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    for windows in (False, True):
        with pytest.raises(FileFault) as caught:
            check_name(name, windows=windows)
        assert caught.value.code == "name"


@pytest.mark.parametrize(
    "name",
    [
        "a:b",
        "C:",
        "a:$DATA",
        "NUL",
        "nul",
        "nul.txt",
        "COM1",
        "com1.log",
        "LPT9.",
        "a.",
        "a ",
        "con .txt",
        "a\nb",
        "a?",
        "a|b",
    ],
)
def test_what_windows_reads_as_something_else_is_refused_there(name: str) -> None:
    with pytest.raises(FileFault):
        check_name(name, windows=True)


@pytest.mark.parametrize(
    ("path", "windows", "good"),
    [
        ("/", False, True), ("/data", False, True), ("/data/../etc", False, True), ("data", False, False),
        ("", False, False), ("./a", False, False), ("~/a", False, False), ("/a\0b", False, False),
        ("C:\\a", True, True), ("c:/a", True, True), ("\\\\host\\share", True, True), ("C:a", True, False),
        ("\\a", True, False), ("C:\\a", False, False),
    ],
)  # fmt: skip
def test_a_folder_is_an_absolute_path(path: str, windows: bool, good: bool) -> None:
    if good:
        check_folder(path, windows=windows)
    else:
        with pytest.raises(FileFault):
            check_folder(path, windows=windows)


@pytest.mark.parametrize(
    ("pattern", "name", "fit"),
    [
        ("*", "anything", True), ("*", "", True), ("*.csv", "a.csv", True), ("*.csv", "a.CSV", False),
        ("a?c", "abc", True), ("a?c", "ac", False), ("a?c", "a夜c", True), ("a*c", "abbbc", True),
        ("a*c", "abbb", False), ("[ab]", "a", False), ("[ab]", "[ab]", True), ("a.b", "axb", False),
        ("**", "x", True), ("?*", "", False), ("*?", "x", True), ("*", ".hidden", True), ("a\\*", "a\\b", True),
        ("{a,b}", "a", False), ("日*.txt", "日本.txt", True),
    ],
)  # fmt: skip
def test_a_pattern_knows_two_signs_and_takes_all_else_as_it_is(pattern: str, name: str, fit: bool) -> None:
    assert fits(pattern, name) is fit


def test_patterns_fit_as_the_library_says_where_it_knows_the_same_signs() -> None:
    chance = random.Random(7)
    for _ in range(3_000):
        pattern = "".join(chance.choice("ab*?") for _ in range(chance.randrange(8)))
        name = "".join(chance.choice("ab") for _ in range(chance.randrange(10)))
        assert fits(pattern, name) == bool(re.fullmatch(fnmatch.translate(pattern), name)), (pattern, name)


def test_a_pattern_that_is_made_to_be_slow_is_not() -> None:
    began = time.process_time()

    assert not fits("*a" * 100 + "b", "a" * 4_000)

    assert time.process_time() - began < 5.0


def test_parts_are_named_after_the_copy_and_the_file() -> None:
    k = bytes(range(16))

    assert part_name(k, b"a").startswith(part_prefix(k))
    assert part_name(k, b"a") != part_name(k, b"b")
    assert part_name(k, b"a") != part_name(bytes(16), b"a")
    assert len(part_name(k, b"x" * 255)) < 80


def test_what_no_terminal_should_get_is_not_shown() -> None:
    assert shown("a\x1b[31m\nb") == "a�[31m�b"
    assert len(shown("x" * 5_000)) < 100
