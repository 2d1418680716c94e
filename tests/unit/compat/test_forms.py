"""The forms an export may have: encodings, line ends, gaps; and what an edit, a password and a number do to it."""

import dataclasses

import pytest

from jaz_lite.compat import jaz_codes
from jaz_lite.compat.jaz_xml.fields import SETTINGS
from jaz_lite.compat.jaz_xml.secret import SECRETS, scrambled, unscrambled, with_length, without_length
from jaz_lite.errors import DefinitionError
from jaz_lite.icons import REGISTRY
from jaz_lite.model.plain import structured
from jaz_lite.model.problem import Place
from tests.unit.compat.jaz_rows import (
    VERSION,
    export,
    icon_row,
    job_rows,
    jobnet_row,
    read,
    row,
    rows_in,
    settings_row,
    sorted_rows,
    told,
    unseal,
    written,
)

START = icon_row("START", 0)
NAMED = export(jobnet_row(jobnet_name="夜間 & <朝>"), START).decode()


def one(data):
    """Return the only document of an export without problems."""
    found = read(data)
    assert told(found) == []
    ((_, document, _),) = found.documents
    return document


def icon_of(data, icon_id):
    return next(icon for icon in one(data)["icons"] if icon["icon_id"] == icon_id)


# ---- encodings and layout


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(NAMED.encode(), id="as the web manager writes it"),
        pytest.param(b'<?xml version="1.0" standalone="yes"?>\r\n' + NAMED.encode(), id="as the desktop manager does"),
        pytest.param(b"\xef\xbb\xbf" + NAMED.encode(), id="UTF-8 with a mark"),
        pytest.param(('<?xml version="1.0" encoding="utf-16"?>' + NAMED).encode("utf-16"), id="UTF-16"),
        pytest.param(NAMED.encode("utf-16-le"), id="UTF-16 without a mark"),
        pytest.param(NAMED.replace("><", ">\r\n\t<").encode(), id="CRLF and tabs"),
        pytest.param(NAMED.replace("<All>", '<All xmlns:x="urn:x" x:y="z"><!-- c --><?p i?>').encode(), id="comments"),
    ],
)
def test_every_encoding_and_layout_gives_the_same_document(data):
    assert one(data)["name"] == "夜間 & <朝>"


def test_bytes_fed_one_by_one_give_the_same_document(monkeypatch):
    monkeypatch.setattr("jaz_lite.compat.jaz_xml.parse.CHUNK_BYTES", 1)

    assert one(NAMED.encode())["name"] == "夜間 & <朝>"


def test_line_ends_and_blanks_inside_a_text_survive_both_ways():
    script = "  a\r\n\tb\r c\n\n"
    data = export(
        jobnet_row(), *job_rows()[:2], settings_row("ja_job_command_table", "J", command_cls="0", command=script)
    )

    assert icon_of(data, "J")["params"]["script"] == script
    assert sorted_rows(written(read(data))[0]) == sorted_rows(data)


def test_an_export_of_an_old_version_without_many_columns_is_read():
    """As JAZ 1.x wrote them: no public flag of later versions, no filters, no timeouts, no marks."""
    data = export(
        row("ja_jobnet_control_table", jobnet_id="NIGHT", update_date=VERSION),
        row("ja_schedule_control_table", schedule_id="S", update_date=VERSION),
        row("ja_schedule_detail_table", schedule_id="S", update_date=VERSION, calendar_id="C", boot_time="0900"),
        START,
    )

    found = read(data)

    assert told(found) == []
    schedule, jobnet = (each.document for each in found.documents)
    assert schedule["boot_times"][0]["days_kind"] == "calendar"
    assert (jobnet["timeout_min"], jobnet["multiple_start"], jobnet["owner"]) == (0, "parallel", "")
    assert sorted_rows(written(found)[0]) == sorted_rows(data)


# ---- what our fields cannot say


def test_unknown_columns_and_numbers_survive_with_a_warning_for_the_numbers():
    data = export(jobnet_row(multiple_start_up="9", flavour="new"), icon_row("START", 0, method_flag="4"))

    found = read(data)

    assert [line.partition("column ")[2] for line in told(found)] == [
        'multiple_start_up: has the number 9, which is not known here; "parallel" is taken',
        'method_flag: has the number 4, which is not known here; "normal" is taken',
    ]
    assert sorted_rows(written(found)[0]) == sorted_rows(data)


def test_an_edit_wins_over_what_the_file_had():
    found = read(export(jobnet_row(memo="old", multiple_start_up="9"), icon_row("START", 0)))
    document = found.documents[0].document
    document["multiple_start"] = "wait"
    document["memo"] = None
    document["icons"][0]["name"] = "first"

    ((_, columns),) = [each for each in rows_in(written(found)[0]) if each[0] == "ja_jobnet_control_table"]
    ((_, icon_columns),) = [each for each in rows_in(written(found)[0]) if each[0] == "ja_job_control_table"]

    assert dict(columns)["multiple_start_up"] == "2"
    assert "memo" not in dict(columns)
    assert dict(icon_columns)["job_name"] == "first"


def test_a_stop_script_that_is_switched_off_survives_and_is_not_used():
    stop = settings_row("ja_job_command_table", "J", command_cls="2", command="kill")
    data = export(jobnet_row(), *job_rows(stop_flag="0"), stop)

    assert icon_of(data, "J")["params"]["stop_script"] is None
    assert sorted_rows(written(read(data))[0]) == sorted_rows(data)
    assert icon_of(export(jobnet_row(), *job_rows(stop_flag="1"), stop), "J")["params"]["stop_script"] == "kill"


def test_a_stop_script_that_is_missing_is_a_warning():
    found = read(export(jobnet_row(), *job_rows(stop_flag="1")))

    assert "says there is a stop script, but ja_job_command_table has none" in told(found)[0]
    assert not found.has_errors


def test_an_enabled_version_is_written_as_enabled():
    found = read(export(jobnet_row(valid_flag="1"), START))
    assert found.documents[0].enabled

    disabled = dataclasses.replace(found, documents=(found.documents[0]._replace(enabled=False),))

    assert b"<valid_flag>1</valid_flag>" in written(found)[0]
    assert b"<valid_flag>0</valid_flag>" in written(disabled)[0]


# ---- passwords


def test_the_scrambled_form_is_undone_and_made():
    assert scrambled("zabbix") == "1" + bytes(a ^ b for a, b in zip(b"zabbix", b"199907", strict=True)).hex()
    assert unscrambled(scrambled("パスワード $&1")) == "パスワード $&1"
    assert unscrambled(scrambled("x").upper()) == "x"
    assert unscrambled("KXYV") == "za`o"
    assert unscrambled("") == ""
    assert unscrambled("1" + "ff" * 3) is None


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("6|secret", "secret"),
        ("06secret", "secret"),
        ("3|夜間x", "夜間x"),
        ("7|secret", "7|secret"),
        ("secret", "secret"),
    ],
)
def test_the_length_before_an_agentless_password_is_taken_off(text, password):
    assert without_length(text) == password
    assert without_length(with_length(password)) == password


def test_passwords_are_sealed_in_documents_and_come_out_in_the_form_they_had():
    upper = scrambled("06zabbix").upper()
    data = export(
        jobnet_row(),
        icon_row("LESS", 18, run_user="root", run_user_password=scrambled("pw")),
        settings_row("ja_icon_agentless_table", "LESS", login_password=upper, passphrase="open", session_id=""),
    )

    found = read(data)
    icon = found.documents[0].document["icons"][0]

    assert (unseal(icon["run_user_password"]), unseal(icon["params"]["password"])) == ("pw", "zabbix")
    assert unseal(icon["params"]["passphrase"]) == "open"
    assert "zabbix" not in str(found.documents)
    assert sorted_rows(written(found)[0]) == sorted_rows(data)


def test_a_changed_password_is_written_in_jazs_form():
    found = read(
        export(
            jobnet_row(),
            icon_row("LESS", 18),
            settings_row("ja_icon_agentless_table", "LESS", login_password=scrambled("06zabbix")),
        )
    )
    found.documents[0].document["icons"][0]["params"]["password"] = "sealed(wen)"

    assert f"<login_password>{scrambled('3|new')}<".encode() in written(found)[0]


def test_without_secrets_passwords_are_left_out_and_counted():
    data, problems = written(
        read(export(jobnet_row(), icon_row("START", 0, run_user="u", run_user_password=scrambled("pw")))),
        with_secrets=False,
    )

    assert b"run_user_password" not in data
    assert [problem.message for problem in problems] == ["1 password was left out"]


def test_the_columns_of_secrets_are_the_secret_fields_of_the_icons():
    known = {secret.name for secret in SECRETS["ja_icon_agentless_table"]}
    marked = {
        field.name
        for kind in REGISTRY.values()
        if kind.jaz_code is not None
        for field in dataclasses.fields(kind.Params)
        if field.metadata.get("secret")
    }

    assert marked == known


# ---- numbers


def test_every_icon_type_of_jaz_has_the_number_jaz_gives_it():
    numbers = {kind.jaz_code: name for name, kind in REGISTRY.items() if kind.jaz_code is not None}

    assert numbers == jaz_codes.ICON_TYPE


@pytest.mark.parametrize("name", SETTINGS)
def test_every_word_of_a_table_of_numbers_is_one_the_settings_know(name):
    for field in SETTINGS[name].fields:
        for word in () if isinstance(field.form, str) else field.form.values():
            structured(REGISTRY[name].Params, {field.name: word}, Place(icon_id=name))


def test_a_run_in_error_is_shown_as_running_in_a_summary():
    assert jaz_codes.SUMMARY_WORD[jaz_codes.SUMMARY_STATE["run_error"]] == "RUN"
    assert jaz_codes.code_of(jaz_codes.ICON_STATE, "stopping") == 6
    assert jaz_codes.code_of(jaz_codes.METHOD, "rerun") == 4
    assert jaz_codes.RUN_TYPE_OF_ORIGIN["task"] == 1


# ---- what JAZ would refuse


def test_what_jaz_has_nothing_like_is_told_at_export():
    found = read(export(jobnet_row(), icon_row("L", 8), *job_rows()))
    loop, job = found.documents[0].document["icons"]
    loop["params"]["loop_limit"] = 10
    job["retries"] = 3

    _, problems = written(found)

    assert [(each.place.icon_id, each.place.field) for each in problems] == [("L", "loop_limit"), ("J", "retries")]


def test_a_jobnet_with_an_icon_that_jaz_does_not_have_is_left_out_and_all_else_is_written():
    found = read(export(jobnet_row(), START, jobnet_row("OTHER"), icon_row("START", 0, "OTHER")))
    found.documents[0].document["icons"].append({"icon_id": "wait", "type": "countdown", "params": {"seconds": 5}})

    data, problems = written(found)

    assert [(each.severity, str(each.place)) for each in problems] == [("error", f"jobnet NIGHT@{VERSION}: wait")]
    assert problems[0].message == 'Job Arranger has no icon type "countdown"; this version of the jobnet is left out'
    assert one(data)["jobnet_id"] == "OTHER"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "stable"}, 'Job Arranger has no file wait of mode "stable"; this version of the jobnet is left out'),
        ({"mode": "absent"}, 'Job Arranger has no file wait of mode "absent"; this version of the jobnet is left out'),
        ({"wildcards": True}, "Job Arranger has no file wait with wildcards; this version of the jobnet is left out"),
    ],
)
def test_a_file_wait_of_a_kind_that_jaz_does_not_have_leaves_its_jobnet_out(settings, message):
    found = read(export(jobnet_row(), START))
    params = {"host": "web01", "path": "/in/a.csv", **settings}
    found.documents[0].document["icons"].append({"icon_id": "wait", "type": "file_wait", "params": params})

    _, problems = written(found)

    assert [problem.message for problem in problems] == [message]


def test_what_shift_jis_or_xml_cannot_hold_is_told_at_export():
    found = read(export(jobnet_row(), START))
    document = found.documents[0].document
    document["name"] = "夜" * 33
    document["memo"] = "a🎉\x07"

    data, problems = written(found)

    assert [problem.message for problem in problems] == [
        "has 66 bytes in Shift-JIS; JAZ takes at most 64",
        "holds a control character, which XML cannot; it is written as \ufffd",
        'holds "🎉", which Shift-JIS does not have; JAZ\'s manager may refuse it',
    ]
    assert all(problem.severity == "warning" for problem in problems)
    assert one(data)["memo"] == "a🎉\ufffd"


def test_documents_of_one_kind_make_a_file_of_that_kind():
    assert written(read(export(jobnet_row(), START)), root=None)[0].startswith(b"<Jobnet>\n  <UserInfo>\n")


def test_a_document_of_the_wrong_shape_writes_nothing():
    found = read(export(jobnet_row(), START))
    found.documents[0].document["icons"][0]["params"] = {"colour": 1}

    with pytest.raises(DefinitionError, match="has no field colour"):
        written(found)
