"""The check of a jobnet: what Job Arranger refuses, and what would only show in a run."""

from dataclasses import replace

import pytest

from jaz_lite.engine.check import check
from jaz_lite.model.jobnet import Flow, Icon
from tests.unit.check.drawing import Site, jobnet, told

SITE = Site((jobnet("START > END", jobnet_id="INNER"), jobnet("START > END", jobnet_id="OTHER")))

SOUND = {
    "a line": ["START > J1 > J2 > END"],
    "a parallel part": ["START > M1 > J1 > W1 > END", "M1 > J2 > W1"],
    "parallel parts inside each other": [
        "START > M1 > M2 > J1 > W2 > W1 > END",
        "M2 > J2 > W2",
        "M1 > J3 > W1",
    ],
    "a condition with both branches joined": ["START > IF1 >true J1 > IFE1 > END", "IF1 >false J2 > IFE1"],
    "a condition with two ends": ["START > IF1 >true J1 > END1", "IF1 >false END2"],
    "a loop left by a condition": ["START > ENV1 > L1 > J1 > IF1 >true END", "IF1 >false J2 > L1"],
    "a condition inside one of two branches": [
        "START > M1 > IF1 >true J1 > IFE1 > W1 > END",
        "IF1 >false IFE1",
        "M1 > J2 > W1",
    ],
    "a parallel part inside a branch": [
        "START > IF1 >true M1 > J1 > W1 > IFE1 > END",
        "M1 > J2 > W1",
        "IF1 >false IFE1",
    ],
    "a parallel part inside a loop": [
        "START > L1 > M1 > J1 > W1 > IF1 >true END",
        "M1 > J2 > W1",
        "IF1 >false J3 > L1",
    ],
    "a parallel part with one branch": ["START > M1 > J1 > W1 > END"],
}


@pytest.mark.parametrize("lines", SOUND.values(), ids=SOUND)
@pytest.mark.parametrize("compat", ["jaz", "lite"])
def test_a_sound_jobnet_has_no_problem(lines, compat):
    assert told(check(jobnet(*lines, compat=compat), SITE)) == []


JAZ_REFUSES = {
    "no icon": ([], ["error : has no icon"]),
    "no end": (["START > J1"], ["error : has no end icon", "error J1: has 0 lines out; job needs 1"]),
    "no start": (["J1 > END"], ["error : has 0 start icons, not one", "error J1: has 0 lines in; job needs 1"]),
    "two lines into a job": (
        ["START > M1 > J1 > J2 > END", "M1 > J2"],
        ["error J2: has 2 lines in; job may have 1"],
    ),
    "two lines out of a job": (
        ["START > J1 > J2 > END1", "J1 > END2"],
        ["error J1: has 2 lines out; job may have 1"],
    ),
    "a loop without a way back": (["START > L1 > END"], ["error L1: has 1 line in; loop needs 2"]),
    "a condition with one branch": (
        ["START > IF1 >true END"],
        ["error IF1: has 1 line out; condition needs 2"],
    ),
    "a condition with two true branches": (
        ["START > IF1 >true END1", "IF1 >true END2"],
        ["error IF1: needs one line for true and one for false"],
    ),
    "a true line out of a job": (
        ["START > J1 >true END"],
        ['error J1: the line J1 → END is a "true" line, but only conditions have them'],
    ),
    "a line twice": (
        ["START > M1 > W1 > END", "M1 > W1"],
        ["error M1: the line M1 → W1 is there 2 times"],
    ),
    "a line from an icon to itself": (
        ["START > L1 > END", "L1 > L1"],
        ["error L1: the line L1 → L1 leads from an icon to itself", "error L1: has 2 lines out; loop may have 1"],
    ),
}


@pytest.mark.parametrize(("lines", "problems"), JAZ_REFUSES.values(), ids=JAZ_REFUSES)
@pytest.mark.parametrize("compat", ["jaz", "lite"])
def test_what_job_arranger_refuses_is_an_error_imported_or_not(lines, problems, compat):
    assert told(check(jobnet(*lines, compat=compat), SITE)) == problems


SHOWS_IN_A_RUN = {
    "a circle beside the way": (
        ["START > END", "IFE1 > J2 > IFE1"],
        "error IFE1",
        "can never be reached from the start",
    ),
    "a loop without a way out": (
        ["START > L1 > M1 > J1 > L1", "M1 > END"],
        "error L1",
        "the circle of L1, M1, J1 has no way out",
    ),
    "a join of two branches of a condition": (
        ["START > IF1 >true J1 > W1 > END", "IF1 >false J2 > W1"],
        "error W1",
        "can never be filled: only one of the lines of IF1 ever brings something",
    ),
    "a join that waits for itself": (
        ["START > M1 > W1 > IF1 >true END", "IF1 >false J1 > W1"],
        "error W1",
        "can never be filled: J1 comes only after it",
    ),
    "a join with a branch that may end before": (
        ["START > M1 > IF1 >true W1 > END1", "IF1 >false END2", "M1 > J1 > W1"],
        "warning W1",
        "waits for ever when IF1 decides the other way: not all of its lines bring something then",
    ),
    "an end inside a parallel part": (
        ["START > M1 > J1 > END1", "M1 > J2 > END2"],
        "warning END1",
        "END1 can be reached while other branches of M1 run; the jobnet ends abnormally then",
    ),
}


@pytest.mark.parametrize(("lines", "where", "message"), SHOWS_IN_A_RUN.values(), ids=SHOWS_IN_A_RUN)
def test_what_would_only_show_in_a_run_is_found(lines, where, message):
    assert f"{where}: {message}" in told(check(jobnet(*lines), SITE))


def test_what_would_only_show_in_a_run_is_a_warning_on_imported_versions():
    drawn = jobnet("START > IF1 >true J1 > W1 > END", "IF1 >false J2 > W1", compat="jaz")

    assert [each.severity for each in check(drawn, SITE)] == ["warning"]


def test_every_problem_is_told_at_once_with_a_hint():
    drawn = jobnet(
        "START > J1 > J2 > END",
        params={"J1": {"host": "", "stop_codes": "x", "retries": -1}, "END": {"mark": "skip"}},
        name="a,b",
        timeout_min=10_000,
        memo="'",
    )

    problems = check(drawn, SITE)

    assert [(each.place.icon_id, each.place.field) for each in problems] == [
        ("", "name"),
        ("", "memo"),
        ("", "timeout_min"),
        ("J1", "host"),
        ("J1", "stop_codes"),
        ("J1", "retries"),
        ("END", "mark"),
    ]
    assert all(each.severity == "error" for each in problems)


def test_a_name_job_arranger_let_through_does_not_keep_an_imported_jobnet_from_being_enabled():
    drawn = jobnet("START > J1 > END", params={"J1": {"name": "a,b"}}, name="it's", memo="a,b")
    imported = replace(drawn, compat="jaz", jaz={"row": {"created_date": "2024-11-08T12:31:37+06:30"}})

    assert {each.severity for each in check(drawn, SITE)} == {"error"}
    assert [(each.severity, each.place.field) for each in check(imported, SITE)] == [
        ("warning", "name"),
        ("warning", "memo"),
        ("warning", "name"),
    ]


def test_ids_of_icons_are_unique_and_start_is_the_start_icon_only():
    drawn = jobnet("START > J1 > END")
    icons = tuple(replace(icon, icon_id="START") if icon.icon_id == "J1" else icon for icon in drawn.icons)

    problems = told(check(replace(drawn, icons=icons, flows=(Flow(source="START", target="END"),)), SITE))

    assert "error START: is there 2 times" in problems
    assert 'error START: "START" is the id of the start icon, and of no other' in problems


def test_a_line_to_an_icon_that_is_not_there_is_found():
    drawn = jobnet("START > J1 > END")

    problems = check(replace(drawn, icons=drawn.icons[:1] + drawn.icons[2:]), SITE)

    assert 'error START: the line START → J1 names the icon "J1", which is not there' in told(problems)


def test_settings_of_the_wrong_shape_are_told_with_their_path():
    drawn = jobnet("START > J1 > END", params={"J1": {"timeout_min": "5", "colour": 1}})

    assert told(check(drawn, SITE)) == [
        'error J1: is the text "5", not a whole number',
        "error J1: has no field colour",
    ]


def test_an_unknown_icon_type_is_told_with_the_types_there_are():
    drawn = replace(jobnet("START > END"), icons=(*jobnet("START > END").icons, Icon(icon_id="X", type="rocket")))

    problem = check(drawn, SITE)[0]

    assert problem.message == '"rocket" is no icon type'
    assert "sub_jobnet" in problem.hint


# ---- what lies outside


def test_a_sub_jobnet_or_task_needs_an_enabled_version():
    drawn = jobnet("START > SUB1 > TASK1 > END", compat="jaz")
    site = Site(SITE.definitions[:1], disabled=frozenset({"INNER"}))

    assert told(check(drawn, site)) == [
        'error SUB1: the jobnet "INNER" has no enabled version',
        'error TASK1: there is no jobnet "OTHER"',
    ]


def test_the_calendar_of_an_information_icon_is_only_a_hint():
    assert told(check(jobnet("START > INF1 > END"), SITE)) == ['warning INF1: there is no calendar "DAYS"']


def test_jobnets_that_contain_each_other_are_found_with_the_way():
    inner = jobnet("START > SUB1 > END", jobnet_id="INNER", params={"SUB1": {"jobnet_id": "THIRD"}})
    third = jobnet("START > SUB1 > END", jobnet_id="THIRD", params={"SUB1": {"jobnet_id": "NIGHT"}})
    night = jobnet("START > SUB1 > END")

    problems = check(night, Site((inner, third, night)))

    assert told(problems) == ["error SUB1: the jobnet contains itself: NIGHT → INNER → THIRD → NIGHT"]


def test_a_circle_further_down_is_not_this_jobnets_problem_and_does_not_hang_the_check():
    inner = jobnet("START > SUB1 > END", jobnet_id="INNER", params={"SUB1": {"jobnet_id": "INNER"}})

    assert told(check(jobnet("START > SUB1 > END"), Site((inner,)))) == []


def test_an_unknown_host_is_a_hint_with_the_remedy():
    drawn = jobnet("START > J1 > J2 > END", params={"J1": {"host": "db1"}, "J2": {"host": "db1"}})

    problem = check(drawn, SITE)[0]

    assert told([problem]) == ['warning J1: the host "db1" is not known here (also in J2)']
    assert problem.hint == "jaz-lite host add db1 --agent …"


def test_a_text_that_begins_with_a_dollar_names_a_variable_to_its_end() -> None:
    drawn = jobnet("START > ENV1 > END", params={"ENV1": {"values": [{"name": "A", "value": "${B} and more"}]}})

    [problem] = check(drawn, SITE)
    assert problem.message == "the variable {B} and more is set by no icon before"
    assert (
        problem.hint == "a text that begins with $ is the name of a variable to its end; $$ stands for the sign itself"
    )


def test_a_variable_nothing_sets_before_is_a_hint():
    drawn = jobnet(
        "START > J1 > ENV1 > IF1 >true J2 > IFE1 > END",
        "IF1 >false IFE1",
        params={
            "J1": {"host": "WHERE", "host_from_variable": True},
            "ENV1": {"values": [{"name": "A", "value": "$GIVEN"}, {"name": "B", "value": "$$NO"}]},
            "IF1": {"variable": "A", "comparison": "1"},
            "J2": {"host": "B", "host_from_variable": True},
            "END": {"exit_code": "$JOB_EXIT_CD"},
        },
    )

    assert told(check(drawn, SITE)) == [
        "warning J1: the variable WHERE is set by no icon before",
        "warning ENV1: the variable GIVEN is set by no icon before",
    ]


def test_an_invalid_regular_expression_is_told():
    drawn = jobnet(
        "START > IF1 >true END1",
        "IF1 >false END2",
        params={"IF1": {"mode": "text", "comparison": "(", "variable": "STD_OUT"}},
    )

    assert [each.place.field for each in check(drawn, SITE)] == ["comparison"]


def test_a_jobnet_of_a_thousand_branches_is_checked_quickly():
    drawn = jobnet("START > M0 > J0 > W0 > END", *(f"M0 > J{n} > W0" for n in range(1, 1000)))

    assert told(check(drawn, SITE)) == []
