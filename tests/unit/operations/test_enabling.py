"""Which versions may be enabled, disabled and deleted (objects.md sections 8 and 9)."""

from typing import Any

import pytest

from jaz_lite.errors import NoSuchObject, Refused, UsageError
from jaz_lite.operations.site import OfflineSite
from tests.unit.operations.small_site import ask, calendar, icon, job, jobnet, schedule

NEWER = "20261102090000"
SUB = jobnet("SUB", job("JOB-1"))
MAIN = jobnet("MAIN", icon("SUB", "sub_jobnet", jobnet_id="SUB"))


def put(site: OfflineSite, kind: str, *documents: dict[str, Any]) -> None:
    for document in documents:
        ask(site, "definition.put", kind=kind, document=document)


def versions(site: OfflineSite, kind: str, object_id: str) -> dict[str, bool]:
    rows = ask(site, "definition.list", kind=kind, versions=True)[f"{kind}s"]
    return {row["version"]: row["enabled"] for row in rows if row[f"{kind}_id"] == object_id}


def test_at_most_one_version_is_enabled(site: OfflineSite) -> None:
    put(site, "jobnet", SUB, {**SUB, "version": NEWER})

    ask(site, "definition.enable", kind="jobnet", names=["SUB"])
    assert versions(site, "jobnet", "SUB") == {NEWER: True, SUB["version"]: False}
    ask(site, "definition.enable", kind="jobnet", names=[f"SUB@{SUB['version']}"])

    assert versions(site, "jobnet", "SUB") == {NEWER: False, SUB["version"]: True}


def test_a_jobnet_is_enabled_only_when_its_sub_jobnets_are(site: OfflineSite) -> None:
    put(site, "jobnet", SUB, MAIN)

    with pytest.raises(Refused, match='jobnet "SUB" has no enabled version'):
        ask(site, "definition.enable", kind="jobnet", names=["MAIN"])
    ask(site, "definition.enable", kind="jobnet", names=["MAIN", "SUB"])

    assert versions(site, "jobnet", "MAIN") == {MAIN["version"]: True}


def test_several_objects_are_enabled_all_or_none_and_every_reason_is_told(site: OfflineSite) -> None:
    bad = jobnet("BAD", icon("T", "task", jobnet_id="NOWHERE"))
    worse = {**jobnet("WORSE"), "flows": []}
    put(site, "jobnet", SUB, bad, worse)

    with pytest.raises(Refused) as refused:
        ask(site, "definition.enable", kind="jobnet", names=["SUB", "BAD", "WORSE"])

    assert "BAD" in refused.value.message
    assert "WORSE" in refused.value.message
    assert versions(site, "jobnet", "SUB") == {SUB["version"]: False}


def test_a_schedule_without_times_cannot_be_enabled(site: OfflineSite) -> None:
    put(site, "schedule", {"schedule_id": "S", "version": NEWER, "name": "S"})

    with pytest.raises(Refused, match="not enabled"):
        ask(site, "definition.enable", kind="schedule", names=["S"])


def test_a_refused_schedule_names_the_part_each_reason_is_about(site: OfflineSite) -> None:
    put(site, "calendar", calendar("DAYS"))
    ask(site, "definition.enable", kind="calendar", names=["DAYS"])
    cycle = {"days_id": "DAYS", "since": "2200", "until": "0200", "every_min": 15}
    put(site, "schedule", {"schedule_id": "S", "version": NEWER, "name": "S", "cycles": [cycle], "end_by": "6:00"})

    with pytest.raises(Refused) as refused:
        ask(site, "definition.enable", kind="schedule", names=["S"])

    assert refused.value.message == (
        f'not enabled: schedule "S"@{NEWER}: cycles[0].until: is 0200, before since, which is 2200, jobnets: is empty, '
        "end_by: is not four digits HHMM from 0000 to 9959"
    )


def test_what_something_enabled_needs_cannot_be_disabled_unless_both_are(site: OfflineSite) -> None:
    put(site, "jobnet", SUB, MAIN)
    ask(site, "definition.enable", kind="jobnet", names=["MAIN", "SUB"])

    with pytest.raises(Refused, match="MAIN"):
        ask(site, "definition.disable", kind="jobnet", names=["SUB"])
    answer = ask(site, "definition.disable", kind="jobnet", names=["SUB", "MAIN"])

    assert [row["id"] for row in answer["disabled"]] == ["SUB", "MAIN"]


def test_a_schedule_keeps_its_calendar_enabled(site: OfflineSite) -> None:
    put(site, "calendar", calendar("C"))
    put(site, "jobnet", SUB)
    put(site, "schedule", schedule("S", "C", "SUB"))
    ask(site, "definition.enable", kind="calendar", names=["C"])
    ask(site, "definition.enable", kind="jobnet", names=["SUB"])
    ask(site, "definition.enable", kind="schedule", names=["S"])

    with pytest.raises(Refused, match="schedule S"):
        ask(site, "definition.disable", kind="calendar", names=["C"])


def test_a_release_icon_only_mentions_a_jobnet(site: OfflineSite) -> None:
    releaser = jobnet("RELEASER", icon("REL-1", "release", target="SUB/JOB-1"))
    put(site, "jobnet", SUB, releaser)
    ask(site, "definition.enable", kind="jobnet", names=["SUB", "RELEASER"])

    ask(site, "definition.disable", kind="jobnet", names=["SUB"])

    assert versions(site, "jobnet", "SUB") == {SUB["version"]: False}


def test_disabling_what_is_disabled_changes_nothing(site: OfflineSite) -> None:
    put(site, "jobnet", SUB)

    assert ask(site, "definition.disable", kind="jobnet", names=["SUB"]) == {"disabled": []}


def test_an_enabled_version_cannot_be_deleted(site: OfflineSite) -> None:
    put(site, "jobnet", SUB)
    ask(site, "definition.enable", kind="jobnet", names=["SUB"])

    with pytest.raises(Refused, match="is enabled"):
        ask(site, "definition.delete", kind="jobnet", name="SUB")


def test_the_last_version_cannot_be_deleted_while_something_needs_the_object(site: OfflineSite) -> None:
    put(site, "jobnet", SUB, {**SUB, "version": NEWER}, MAIN)

    ask(site, "definition.delete", kind="jobnet", name=f"SUB@{NEWER}")
    with pytest.raises(Refused, match="MAIN"):
        ask(site, "definition.delete", kind="jobnet", name="SUB")

    assert versions(site, "jobnet", "SUB") == {SUB["version"]: False}


def test_a_bare_id_deletes_only_where_it_can_mean_one_version(site: OfflineSite) -> None:
    put(site, "jobnet", SUB, {**SUB, "version": NEWER})

    with pytest.raises(Refused, match="has 2 versions"):
        ask(site, "definition.delete", kind="jobnet", name="SUB")
    answer = ask(site, "definition.delete", kind="jobnet", name="SUB", all_versions=True)

    assert len(answer["deleted"]) == 2
    with pytest.raises(NoSuchObject):
        ask(site, "definition.show", kind="jobnet", name="SUB")


def test_a_failed_delete_of_all_versions_deletes_none(site: OfflineSite) -> None:
    put(site, "jobnet", SUB, {**SUB, "version": NEWER}, MAIN)

    with pytest.raises(Refused):
        ask(site, "definition.delete", kind="jobnet", name="SUB", all_versions=True)

    assert len(versions(site, "jobnet", "SUB")) == 2


@pytest.mark.parametrize("name", ["", "@", "SUB@", "@1", "X" * 300])
def test_a_name_that_names_nothing_is_a_usage_error(site: OfflineSite, name: str) -> None:
    with pytest.raises(UsageError, match="names no object"):
        ask(site, "definition.enable", kind="jobnet", names=[name])


def test_a_deleted_object_is_not_there_any_more_but_its_history_is_told_of_others(site: OfflineSite) -> None:
    put(site, "jobnet", SUB, {**SUB, "version": NEWER})
    ask(site, "definition.delete", kind="jobnet", name=f"SUB@{NEWER}")

    rows = ask(site, "definition.history", kind="jobnet", name="SUB")["history"]

    assert [(row["version"], row["superseded_why"]) for row in rows] == [(NEWER, "deleted"), (SUB["version"], None)]
    assert rows[0]["superseded_by"] == "owner"
