"""Files that are wrong in every way: a clear answer with the place, nothing half read, within bounds."""

import os
import resource
import tracemalloc

import pytest

from jaz_lite.compat.jaz_xml import parse
from tests.unit.compat.jaz_rows import (
    USER,
    VERSION,
    export,
    flow_row,
    icon_row,
    job_rows,
    jobnet_row,
    read,
    row,
    settings_row,
    told,
)

START = icon_row("START", 0)
BOMB = '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;&b;">]><All>&c;</All>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><All>&b;</All>'
JAPANESE = "<All><UserInfo><user_name>夜間</user_name></UserInfo></All>"

NOT_AN_EXPORT = {
    "empty": (b"", "line 1: is empty"),
    "blank": (b" \n\n", "line 3: is empty"),
    "text": (b"jobnet: NIGHT\n", "line 1: is not XML"),
    "binary": (b"\x00\x01\x02\xff", "line 1: is not XML"),
    "another root": (b"<html/>", 'line 1: begins with the element "html", so it is no export of Job Arranger'),
    "cut in a row": (export(jobnet_row())[:150], "line 1: ends in the middle; the rest is missing"),
    "cut after a row": (export(jobnet_row())[:-6], "line 1: ends in the middle; the rest is missing"),
    "cut in a character": (JAPANESE.encode()[:32], "line 1: ends in the middle; the rest is missing"),
    "wrong end": (b"<All>\n<UserInfo></All>", "line 2: is broken XML at column 12: mismatched tag"),
    "more after the end": (
        export() + b"<All/>",
        f"line 1: is broken XML at column {len(export())}: junk after document element",
    ),
    "entity bomb": (BOMB.encode(), "line 1: has a document type or an entity, which no export has"),
    "entity from a file": (OUTSIDE.encode(), "line 1: has a document type or an entity, which no export has"),
    "document type": (b'<!DOCTYPE All SYSTEM "http://x/y"><All/>', "line 1: has a document type or an entity"),
    "undefined entity": (b"<All>&x;</All>", "line 1: is broken XML at column 5: undefined entity"),
    "bytes of Shift-JIS": (JAPANESE.encode("cp932"), "line 1: has bytes that are not UTF-8"),
    "declared Shift-JIS": (
        b'<?xml version="1.0" encoding="Shift_JIS"?>' + JAPANESE.encode("cp932"),
        "line 1: has an encoding that is not understood",
    ),
    "an encoding nobody knows": (
        b'<?xml version="1.0" encoding="x-y"?><All/>',
        "has an encoding that is not understood",
    ),
    "no user": (b"<All></All>", "All: has no UserInfo, with which every export begins"),
}


@pytest.mark.parametrize(("data", "problem"), NOT_AN_EXPORT.values(), ids=NOT_AN_EXPORT)
def test_what_is_no_export_is_said_so_in_one_sentence(data, problem):
    found = read(data)

    (line,) = told(found)
    assert line.startswith("error f.xml: ")
    assert problem in line
    assert found.documents == ()


WRONG_ROWS = {
    "a version that is none": (
        [jobnet_row(version="2024")],
        "jobnet NIGHT@2024: ja_jobnet_control_table row 1 (line 1), column update_date: is not 14 digits",
    ),
    "an id with a space": ([jobnet_row("A B")], "column jobnet_id: may hold only letters, digits, - and _"),
    "an id that is missing": ([jobnet_row(None)], "column jobnet_id: is missing"),
    "a number that is none": (
        [jobnet_row(jobnet_timeout="ten")],
        'column jobnet_timeout: is "ten", not a whole number',
    ),
    "a number in Arabic digits": (
        [jobnet_row(jobnet_timeout="١")],
        'column jobnet_timeout: is "١", not a whole number',
    ),
    "a number without end": ([jobnet_row(jobnet_timeout="9" * 20)], "not a whole number"),
    "a number below zero": ([jobnet_row(jobnet_timeout="-1")], "column jobnet_timeout: is -1, below zero"),
    "a name that is too long": ([jobnet_row(jobnet_name="x" * 65)], "column jobnet_name: is longer than 64 characters"),
    "a column twice": (
        [jobnet_row().replace("<user_name>", "<jobnet_id>B</jobnet_id><user_name>")],
        "the column jobnet_id is there twice in one row",
    ),
    "an element in a column": (
        [jobnet_row().replace("<user_name>Admin", "<user_name><b>x</b>")],
        "the column user_name holds the element b",
    ),
    "text between the columns": ([jobnet_row().replace("<user_name>", "stray<user_name>")], 'has the text "stray"'),
    "a version twice": ([jobnet_row(), jobnet_row()], "row 2 (line 1): is there twice, first in line 1"),
    "rows of a jobnet that is not there": (
        [START, icon_row("END", 1)],
        f"belongs to jobnet NIGHT@{VERSION}, which is not in the file (2 such rows)",
    ),
    "an icon twice": ([jobnet_row(), START, START], "ja_job_control_table row 2 (line 1): is there twice"),
    "a line twice": (
        [jobnet_row(), START, flow_row("START", "START"), flow_row("START", "START", flow_type="1")],
        "ja_flow_control_table row 2 (line 1): is there twice",
    ),
    "a line to nowhere": (
        [jobnet_row(), START, flow_row("START", "END")],
        'column end_job_id: names the icon "END", which the jobnet does not have',
    ),
    "settings without an icon": (
        [jobnet_row(), settings_row("ja_icon_end_table", "END")],
        'END: ja_icon_end_table row 1 (line 1), column job_id: names the icon "END", which the jobnet does not have',
    ),
    "an icon without settings": (
        [jobnet_row(), icon_row("END", 1)],
        "END: ja_job_control_table row 1 (line 1): has no row in",
    ),
    "settings of another type": (
        [jobnet_row(), START, settings_row("ja_icon_end_table", "START")],
        "is for an icon of the type end, but START is of the type start",
    ),
    "settings twice": (
        [jobnet_row(), icon_row("END", 1), *[settings_row("ja_icon_end_table", "END")] * 2],
        "ja_icon_end_table row 2 (line 1): is there twice",
    ),
    "a job without a script": (
        [jobnet_row(), *job_rows()[:2]],
        "has no script in ja_job_command_table",
    ),
    "a variable without a job": (
        [jobnet_row(), settings_row("ja_value_job_table", "J", value_name="A", value="1")],
        'names the icon "J", which the jobnet does not have',
    ),
    "an icon type nobody knows": (
        [jobnet_row(), icon_row("X", 20)],
        "column job_type: is 20; there is no such icon type",
    ),
    "a day that is none": (
        [
            row("ja_calendar_control_table", calendar_id="C", update_date=VERSION),
            row("ja_calendar_detail_table", calendar_id="C", update_date=VERSION, operating_date="20240230"),
        ],
        'column operating_date: is "20240230", not a date YYYYMMDD',
    ),
    "a boot time that is none": (
        [
            row("ja_schedule_control_table", schedule_id="S", update_date=VERSION),
            row("ja_schedule_detail_table", schedule_id="S", update_date=VERSION, calendar_id="C", boot_time="0960"),
        ],
        "column boot_time: is not four digits HHMM from 0000 to 9959",
    ),
    "a kind of days nobody knows": (
        [
            row("ja_schedule_control_table", schedule_id="S", update_date=VERSION),
            row(
                "ja_schedule_detail_table",
                schedule_id="S",
                update_date=VERSION,
                calendar_id="C",
                boot_time="0900",
                object_flag="7",
            ),
        ],
        "column object_flag: is 7, which is not known here",
    ),
}


@pytest.mark.parametrize(("rows", "problem"), WRONG_ROWS.values(), ids=WRONG_ROWS)
def test_a_wrong_row_is_named_with_its_place_and_nothing_is_taken(rows, problem):
    found = read(export(*rows))

    errors = [line for line in told(found) if line.startswith("error")]
    assert any(problem in line for line in errors), errors
    assert found.documents == ()


def test_all_problems_of_a_file_are_told_at_once():
    rows = [jobnet_row(jobnet_timeout="x"), START, flow_row("START", "A"), flow_row("B", "START"), icon_row("END", 1)]

    lines = told(read(export(*rows)))

    assert len(lines) == 4
    assert all(line.startswith(f"error f.xml: jobnet NIGHT@{VERSION}: ") for line in lines)


def test_the_line_of_a_problem_is_the_line_of_its_row():
    data = export("\n" * 6, jobnet_row(), "\n", START, "\n\n", flow_row("START", "END"))

    assert "ja_flow_control_table row 1 (line 10)" in told(read(data))[0]


def test_an_endless_list_of_problems_is_cut():
    found = read(export(*[jobnet_row(version="1")] * 5000))

    assert len(found.problems) == parse.PROBLEMS_MAX + 1
    assert "the rest was not read" in told(found)[-1]


def test_unknown_tables_and_kinds_of_users_are_warnings_and_the_rest_is_taken():
    user = "<UserInfo><user_name>a</user_name><type>KING</type></UserInfo>"
    data = export(jobnet_row(), START, *["<ja_new_table><x><y>1</y></x></ja_new_table>"] * 3, user=user)

    found = read(data)

    assert told(found) == [
        'warning f.xml: line 1: has the table "ja_new_table", which is not known; its rows are left out',
        'warning f.xml: UserInfo: the type of user is "KING"',
    ]
    assert len(found.documents) == 1


def test_an_export_of_nothing_is_told():
    assert told(read(export())) == ["warning f.xml: holds no object"]


def test_two_enabled_versions_of_one_jobnet_are_told():
    found = read(export(jobnet_row(), jobnet_row(version="20240201000000")))

    assert "is enabled beside version" in told(found)[0]
    assert len(found.documents) == 2


# ---- places that are no file


def test_a_directory_a_missing_file_and_a_device_are_told(tmp_path):
    assert told(read(tmp_path)) == ["error f.xml: is a directory"]
    assert told(read(tmp_path / "none.xml")) == ["error f.xml: does not exist"]
    assert told(read("a\0b")) == ["error f.xml: cannot be read: embedded null byte"]
    os.mkfifo(tmp_path / "pipe")
    assert told(read(tmp_path / "pipe")) == ["error f.xml: is no ordinary file"]


# ---- limits


def test_a_file_over_the_limit_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "large.xml"
    with path.open("wb") as stream:
        stream.truncate(100 * 2**20)

    (problem,) = read(path).problems

    assert problem.message == "has 100 MiB; at most 64 MiB are read at once"
    assert problem.hint == parse.SMALLER_HINT


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param("<All>" + "<a>" * 40, "nests deeper than 32 levels", id="depth"),
        pytest.param(f"<All>{USER}<{'a' * 200}/></All>", "has an element name longer than 128 characters", id="name"),
        pytest.param(
            f"<All>{USER}<ja_flow_control_table>{''.join(f'<c{n}/>' for n in range(70))}",
            "more than 64 columns",
            id="row",
        ),
        pytest.param(
            f"<All>{USER}<ja_job_command_table><command>{'x' * 300_000}", "a text of more than 262,144", id="text"
        ),
        pytest.param(f"<All>{USER}" + "<ja_job_command_table/>" * 5, "more than 3 rows", id="rows"),
        pytest.param(f"<All>{USER}" + "<a/>" * 50, "more than 40 elements", id="elements"),
    ],
)
def test_each_limit_is_named_with_a_hint(data, message, monkeypatch):
    if message.endswith(" rows"):
        monkeypatch.setattr(parse, "ROWS_MAX", 3)
    if message.endswith(" elements"):
        monkeypatch.setattr(parse, "ELEMENTS_MAX", 40)

    problem = read(data.encode()).problems[-1]

    assert message in problem.message
    assert problem.message.endswith("which is more than is read at once")
    assert problem.hint == parse.SMALLER_HINT


def test_a_long_text_is_refused_without_being_gathered():
    data = f"<All>{USER}<ja_job_command_table><command>{'x' * 20_000_000}".encode()

    tracemalloc.start()
    found = read(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert found.has_errors
    assert peak < 8_000_000


def test_rubbish_of_every_kind_is_answered(tmp_path):
    data = export(jobnet_row(), START, *job_rows(), flow_row("START", "J"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    for cut in range(0, len(data), 7):
        assert read(data[:cut]).has_errors
        for rubbish in (b"<", b"&", b"\x00", b"\xff", b"]]>", b"<!--", b"<![CDATA["):
            read(data[:cut] + rubbish + data[cut + 1 :])

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64_000
