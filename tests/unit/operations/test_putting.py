"""Documents that are shown, edited and put back: versions, problems at once, and passwords behind masks."""

from typing import Any

import pytest

from jaz_lite.errors import Refused
from jaz_lite.operations.secrets import MASK
from jaz_lite.operations.site import OfflineSite
from tests.unit.operations.small_site import VERSION, ask, calendar, icon, job, jobnet, schedule

SECRET = icon("SSH-1", "agentless", host="db", user="op", password="open sesame", command="true")


def shown(site: OfflineSite, name: str = "J", kind: str = "jobnet") -> dict[str, Any]:
    document: dict[str, Any] = ask(site, "definition.show", kind=kind, name=name)["document"]
    return document


def put(site: OfflineSite, document: dict[str, Any], kind: str = "jobnet", **more: Any) -> dict[str, Any]:
    """Put a document as `KIND put` does."""
    plain = dict(document)
    base = plain.pop("version", "")
    answer: dict[str, Any] = ask(
        site, "definition.put", kind=kind, document=plain, **{"base": base, "strict": True, **more}
    )
    return answer


def stored(site: OfflineSite, name: str, version: str) -> dict[str, Any]:
    with site.store.snapshot() as view:
        return view.definitions.get("jobnet", name, version).document


@pytest.mark.parametrize(
    ("kind", "name", "document"),
    [
        ("jobnet", "J", jobnet("J", job("JOB-1"))),
        ("calendar", "C", calendar("C")),
        ("filter", "F", {"filter_id": "F", "version": VERSION, "name": "F", "base_calendar_id": "C"}),
        ("schedule", "S", schedule("S", "C", "J")),
    ],
    ids=["jobnet", "calendar", "filter", "schedule"],
)
def test_what_is_shown_can_be_put_back_edited(
    site: OfflineSite, kind: str, name: str, document: dict[str, Any]
) -> None:
    ask(site, "definition.put", kind=kind, document=document)

    same = put(site, shown(site, name, kind), kind)
    edited = put(site, {**shown(site, name, kind), "memo": "edited"}, kind)

    assert (same["action"], same["version"]) == ("unchanged", VERSION)
    assert (edited["action"], edited["base"], edited["version"]) == ("changed", VERSION, "20261123031209")
    assert shown(site, name, kind)["memo"] == "edited"


def test_a_masked_password_keeps_the_stored_one(site: OfflineSite) -> None:
    ask(site, "definition.put", kind="jobnet", document=jobnet("J", SECRET, job("JOB-1")))
    document = shown(site)
    first, *others = document["icons"]
    # The order of the icons is not what tells them from each other.
    document = {**document, "icons": [*others, first], "memo": "edited"}
    assert MASK in str(document)

    answer = put(site, document)

    old = {one["icon_id"]: one for one in stored(site, "J", VERSION)["icons"]}
    new = {one["icon_id"]: one for one in stored(site, "J", answer["version"])["icons"]}
    assert new["SSH-1"]["params"]["password"] == old["SSH-1"]["params"]["password"] != MASK


def test_a_mask_that_stands_for_nothing_is_refused(site: OfflineSite) -> None:
    lone = icon("SSH-1", "agentless", host="db", user="op", password=MASK, command="true")

    answer = put(site, jobnet("J", lone))

    assert answer["action"] == "refused"
    assert [(problem["where"], problem["message"]) for problem in answer["problems"]] == [
        ("icons[1].params.password", "is masked")
    ]
    assert ask(site, "definition.list", kind="jobnet") == {"jobnets": []}


def test_stars_where_no_secret_belongs_are_text(site: OfflineSite) -> None:
    answer = put(site, jobnet("J", job("JOB-1", script=MASK), memo=MASK))

    assert answer["action"] == "made"
    assert shown(site)["memo"] == MASK


def test_a_new_password_takes_the_place_of_the_old_one(site: OfflineSite) -> None:
    ask(site, "definition.put", kind="jobnet", document=jobnet("J", SECRET))
    document = shown(site)
    document["icons"][1]["params"]["password"] = "another"

    answer = put(site, document)

    old, new = stored(site, "J", VERSION), stored(site, "J", answer["version"])
    assert old["icons"][1]["params"]["password"] != new["icons"][1]["params"]["password"]
    assert "another" not in str(new)


def test_every_problem_of_the_shape_is_told_with_its_path(site: OfflineSite) -> None:
    document = {"schedule_id": "S", "name": 5, "boot_times": [{"at": "0900"}], "colour": "red"}

    answer = put(site, document, "schedule")

    assert answer["action"] == "refused"
    assert {problem["where"] for problem in answer["problems"]} >= {"name", "boot_times[0].days_id"}
    assert "colour" in str(answer["problems"])


def test_every_problem_of_the_meaning_is_told_and_nothing_is_saved_unless_as_a_draft(site: OfflineSite) -> None:
    document = {**schedule("S", "C", "J"), "boot_times": [{"days_id": "C", "at": "0960"}], "grace_min": -1}

    refused = put(site, document, "schedule")
    draft = put(site, document, "schedule", strict=False)

    assert refused["version"] is None
    assert {"boot_times[0].at", "grace_min"} <= {problem["where"] for problem in refused["problems"]}
    assert draft["action"] == "made"


def test_what_is_only_missing_does_not_forbid_saving(site: OfflineSite) -> None:
    answer = put(site, schedule("S", "C", "J"), "schedule")

    assert answer["action"] == "made"
    assert 'there is no calendar "C"' in {problem["message"] for problem in answer["problems"]}


def test_enable_enables_or_saves_nothing(site: OfflineSite) -> None:
    with pytest.raises(Refused, match="nothing was saved: not enabled"):
        put(site, schedule("S", "C", "J"), "schedule", enable=True)
    assert ask(site, "definition.list", kind="schedule") == {"schedules": []}

    ask(site, "definition.put", kind="jobnet", document=jobnet("J"), enable=True)
    put(site, calendar("C"), "calendar", enable=True)

    assert put(site, schedule("S", "C", "J"), "schedule", enable=True)["enabled"] is True


def test_a_rehearsal_saves_nothing(site: OfflineSite) -> None:
    answer = put(site, calendar("C"), "calendar", dry_run=True)

    assert (answer["action"], answer["dry_run"]) == ("made", True)
    assert ask(site, "definition.list", kind="calendar") == {"calendars": []}


def test_a_version_is_replaced_only_where_that_is_said(site: OfflineSite) -> None:
    ask(site, "definition.put", kind="calendar", document=calendar("C"))
    edited = {**calendar("C"), "memo": "edited"}

    ask(site, "definition.put", kind="calendar", document=edited, replace=True, strict=True, base=VERSION)

    rows = ask(site, "definition.history", kind="calendar", name="C")["history"]
    assert [(row["version"], row["superseded_why"]) for row in rows] == [(VERSION, None), (VERSION, "replaced")]


def test_a_version_from_the_future_is_followed_by_a_newer_one(site: OfflineSite) -> None:
    ask(site, "definition.put", kind="calendar", document=calendar("C", "20991231235959"))

    answer = put(site, {**calendar("C", "20991231235959"), "memo": "edited"}, "calendar")

    assert answer["version"] == "21000101000000"
