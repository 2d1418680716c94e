"""Imports: all or nothing, everything told at once, nothing enabled unless asked for."""

from pathlib import Path
from typing import Any

import pytest

from jaz_lite.compat.jaz_xml import read_export
from jaz_lite.operations import registry
from jaz_lite.operations.secrets import PLAIN_MARK, marked
from jaz_lite.operations.site import OfflineSite, drive
from jaz_lite.store.open import Store
from jaz_lite.store.sealing import is_sealed
from tests.unit.operations.small_site import OWNER, ask, calendar, icon, incoming, job, jobnet, schedule

SUB = jobnet("SUB", job("JOB-1"))
MAIN = jobnet("MAIN", icon("SUB", "sub_jobnet", jobnet_id="SUB"))


def take_in(site: OfflineSite, *documents: dict[str, Any], **options: bool) -> dict[str, Any]:
    answer: dict[str, Any] = ask(site, "definition.import", documents=list(documents), **options)
    return answer


def messages(answer: dict[str, Any], severity: str) -> list[str]:
    return [problem["message"] for problem in answer["problems"] if problem["severity"] == severity]


def enabled_ids(site: OfflineSite, kind: str = "jobnet") -> list[str]:
    return [row[f"{kind}_id"] for row in ask(site, "definition.list", kind=kind)[f"{kind}s"] if row["enabled"]]


def test_what_comes_in_is_disabled_whatever_the_file_says(site: OfflineSite) -> None:
    answer = take_in(site, incoming("jobnet", SUB, enabled=True))

    assert answer["imported"] == [
        {"kind": "jobnet", "id": "SUB", "version": SUB["version"], "enabled": False, "action": "added"}
    ]
    assert enabled_ids(site) == []


def test_enable_enables_what_the_file_says_was_enabled_in_any_order(site: OfflineSite) -> None:
    other = jobnet("OTHER", job("JOB-1"))

    take_in(
        site,
        incoming("schedule", schedule("S", "C", "MAIN"), enabled=True),
        incoming("jobnet", MAIN, enabled=True),
        incoming("jobnet", SUB, enabled=True),
        incoming("jobnet", other),
        incoming("calendar", calendar("C"), enabled=True),
        enable=True,
    )

    assert enabled_ids(site) == ["MAIN", "SUB"]
    assert enabled_ids(site, "schedule") == ["S"]


def test_jobnets_that_start_each_other_are_enabled_together(site: OfflineSite) -> None:
    here = jobnet("HERE", icon("TASK-1", "task", jobnet_id="THERE"))
    there = jobnet("THERE", icon("TASK-1", "task", jobnet_id="HERE"))

    take_in(site, incoming("jobnet", here, enabled=True), incoming("jobnet", there, enabled=True), enable=True)

    assert enabled_ids(site) == ["HERE", "THERE"]


def test_jobnets_that_contain_each_other_are_told_when_they_come_in(site: OfflineSite) -> None:
    here = jobnet("HERE", icon("IN", "sub_jobnet", jobnet_id="THERE"))
    there = jobnet("THERE", icon("OUT", "sub_jobnet", jobnet_id="HERE"))

    answer = take_in(site, incoming("jobnet", here, enabled=True), incoming("jobnet", there, enabled=True))

    assert [m for m in messages(answer, "warning") if "contains itself" in m] == [
        "the jobnet contains itself: HERE → THERE → HERE",
        "the jobnet contains itself: THERE → HERE → THERE",
    ]


def test_each_version_that_may_not_be_enabled_is_told_with_the_reason_and_the_rest_is_enabled(
    site: OfflineSite,
) -> None:
    broken = jobnet("BROKEN", icon("SUB", "sub_jobnet", jobnet_id="NOWHERE"))
    above = jobnet("ABOVE", icon("SUB", "sub_jobnet", jobnet_id="BROKEN"))

    answer = take_in(
        site,
        incoming("jobnet", above, enabled=True),
        incoming("jobnet", broken, enabled=True),
        incoming("jobnet", SUB, enabled=True),
        enable=True,
    )

    assert enabled_ids(site) == ["SUB"]
    refused = [message for message in messages(answer, "warning") if message.startswith("not enabled: ")]
    assert len(refused) == 2
    assert any('there is no jobnet "NOWHERE"' in message for message in refused)
    assert messages(answer, "error") == []


def test_a_version_that_is_there_already_stops_the_whole_import(site: OfflineSite) -> None:
    take_in(site, incoming("jobnet", SUB))

    answer = take_in(site, incoming("jobnet", MAIN), incoming("jobnet", SUB))

    assert answer["imported"] == []
    assert messages(answer, "error") == ["this version is there already"]
    assert [row["jobnet_id"] for row in ask(site, "definition.list", kind="jobnet")["jobnets"]] == ["SUB"]


def test_overwriting_an_enabled_version_leaves_it_disabled_and_says_so(site: OfflineSite) -> None:
    take_in(site, incoming("jobnet", SUB, enabled=True), enable=True)

    answer = take_in(site, incoming("jobnet", {**SUB, "memo": "new"}), overwrite=True)

    assert answer["imported"][0]["action"] == "replaced"
    assert "the version it replaces was enabled; this one is disabled" in messages(answer, "warning")
    assert enabled_ids(site) == []
    assert ask(site, "definition.show", kind="jobnet", name="SUB")["document"]["memo"] == "new"


def test_a_dry_run_tells_the_same_and_changes_nothing(site: OfflineSite) -> None:
    documents = [incoming("jobnet", SUB, enabled=True), incoming("jobnet", MAIN, enabled=True)]

    rehearsed = take_in(site, *documents, enable=True, dry_run=True)
    nothing = ask(site, "definition.list", kind="jobnet", versions=True)
    done = take_in(site, *documents, enable=True)

    assert rehearsed == done
    assert nothing == {"jobnets": []}


def test_every_fault_of_every_document_is_told_at_once(site: OfflineSite) -> None:
    answer = take_in(
        site,
        incoming("jobnet", {**SUB, "timeout_min": "soon", "icons": [{"icon_id": 5, "type": "start"}]}),
        incoming("planet", {"planet_id": "X"}),
        incoming("calendar", calendar("C")),
        {**incoming("calendar", {**calendar("C"), "name": "other"}), "file": "again.xml"},
    )

    assert answer["imported"] == []
    places = {(problem["kind"], problem["where"]) for problem in answer["problems"]}
    assert ("jobnet", "timeout_min") in places
    assert ("jobnet", "icons[0].icon_id") in places
    assert '"planet" is no kind of definition' in messages(answer, "error")
    assert "it comes in from test.xml and from again.xml, and they differ" in messages(answer, "error")


def test_hosts_without_an_agent_and_references_to_nothing_are_warnings(site: OfflineSite) -> None:
    far = jobnet("FAR", job("JOB-1", host="far.example"), icon("TASK-1", "task", jobnet_id="NOWHERE"))

    answer = take_in(site, incoming("jobnet", far))

    told = messages(answer, "warning")
    assert 'no agent stands behind the host name "far.example"' in told
    assert 'there is no jobnet "NOWHERE", neither in the file nor here' in told
    assert len(answer["imported"]) == 1


def test_secrets_are_sealed_in_the_store_and_come_out_only_when_asked_for(site: OfflineSite, store: Store) -> None:
    agentless = icon("LESS-1", "agentless", host="h", user="u", password=marked("geheim"), command="id")
    document = jobnet("SECRET", {**agentless, "run_user_password": "auch geheim"})
    take_in(site, incoming("jobnet", document))

    with store.snapshot() as view:
        stored = view.definitions.get("jobnet", "SECRET", document["version"]).document["icons"][1]
    shown = ask(site, "definition.show", kind="jobnet", name="SECRET")["document"]["icons"][1]

    assert is_sealed(stored["params"]["password"])
    assert is_sealed(stored["run_user_password"])
    assert shown["params"]["password"] == shown["run_user_password"] == "******"
    assert exported(site, with_secrets=True)[0]["icons"][1]["params"]["password"] == PLAIN_MARK + "geheim"
    assert is_sealed(exported(site)[0]["icons"][1]["params"]["password"])


def exported(site: OfflineSite, **options: Any) -> list[dict[str, Any]]:
    documents: list[dict[str, Any]] = []

    async def emit(items: list[dict[str, Any]]) -> None:
        documents.extend(item["document"] for item in items)

    drive(registry.call(site, OWNER, "definition.export", options, emit))
    return documents


@pytest.mark.parametrize(
    ("options", "count"),
    [
        pytest.param({}, 4, id="all"),
        pytest.param({"kind": "calendar"}, 1, id="a kind"),
        pytest.param({"kind": "jobnet", "names": ["SUB"]}, 2, id="all versions of an id"),
        pytest.param({"kind": "jobnet", "names": ["SUB@20261102090000", "MAIN"]}, 2, id="versions"),
    ],
)
def test_an_export_holds_what_was_asked_for(site: OfflineSite, options: dict[str, Any], count: int) -> None:
    newer = {**SUB, "version": "20261102090000"}
    take_in(
        site,
        incoming("jobnet", SUB),
        incoming("jobnet", newer),
        incoming("jobnet", MAIN),
        incoming("calendar", calendar("C")),
    )

    assert len(exported(site, **options)) == count


def test_the_demonstration_can_be_imported_and_enabled_without_a_problem(site: OfflineSite) -> None:
    import jaz_lite.cli

    export = read_export(Path(jaz_lite.cli.__file__).with_name("demo.xml"), seal=marked)
    ask(site, "definition.import", documents=[])
    with_host(site, "localhost")

    answer = take_in(
        site, *(incoming(each.kind, each.document, enabled=each.enabled) for each in export.documents), enable=True
    )

    assert messages(answer, "error") == []
    assert [message for message in messages(answer, "warning") if "WHO" not in message] == []
    assert all(row["enabled"] for row in answer["imported"])


def with_host(site: OfflineSite, host: str) -> None:
    from jaz_lite.model.host import Host

    with site.store.transaction() as tx:
        tx.hosts.put(Host(host=host, agent_id="local"))


def test_what_comes_in_twice_alike_comes_in_once_and_enabled_where_one_file_says_so(site: OfflineSite) -> None:
    less = icon("LESS-1", "agentless", host="h", user="u", password=marked("geheim"), command="id")
    document = jobnet("SECRET", less)

    answer = take_in(
        site,
        {**incoming("jobnet", document), "file": "all.xml"},
        {**incoming("jobnet", document, enabled=True), "file": "one.xml"},
        enable=True,
    )

    assert [(one["id"], one["enabled"]) for one in answer["imported"]] == [("SECRET", True)]
    assert messages(answer, "error") == []
