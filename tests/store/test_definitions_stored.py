"""What the store promises about definitions: versions, history, and documents that never change."""

import pytest

from jaz_lite.errors import NoSuchObject
from jaz_lite.store.definitions import AlreadyExists
from jaz_lite.store.transaction import Transaction
from tests.store.making import document, plan, run


def test_a_saved_document_comes_back_as_it_was(tx: Transaction) -> None:
    saved = document(
        "NIGHT", name="夜間", memo=None, public=True, owner="ann", icons=[{"icon_id": "A"}, {"icon_id": "B"}]
    )

    doc_id = tx.definitions.put("jobnet", saved, by="bob", at_ms=7)

    found = tx.definitions.by_doc(doc_id)
    assert found.document == saved
    assert (found.name, found.public, found.owner, found.icons) == ("夜間", True, "ann", 2)
    assert (found.saved_ms, found.saved_by, found.enabled) == (7, "bob", False)


def test_a_large_document_is_kept_small(tx: Transaction) -> None:
    saved = document("NIGHT", icons=[{"icon_id": f"JOB-{n}", "type": "job"} for n in range(2_000)])

    found = tx.definitions.by_doc(tx.definitions.put("jobnet", saved, by="ann", at_ms=1))

    assert found.document == saved
    assert len(found.packed) < found.size / 4


def test_text_that_no_encoding_knows_survives(tx: Transaction) -> None:
    saved = document("NIGHT", memo="before \udcff after")

    assert tx.definitions.by_doc(tx.definitions.put("jobnet", saved, by="ann", at_ms=1)).document == saved


def test_saving_a_version_again_needs_to_be_asked_for(tx: Transaction) -> None:
    tx.definitions.put("jobnet", document("NIGHT", "1"), by="ann", at_ms=1)

    with pytest.raises(AlreadyExists, match='jobnet "NIGHT" has a version 1'):
        tx.definitions.put("jobnet", document("NIGHT", "1"), by="ann", at_ms=2)


def test_a_replaced_version_is_not_enabled_and_its_old_document_stays(tx: Transaction) -> None:
    old = tx.definitions.put("jobnet", document("NIGHT", "1", memo="old"), by="ann", at_ms=1)
    tx.definitions.enable("jobnet", "NIGHT", "1")

    new = tx.definitions.put("jobnet", document("NIGHT", "1", memo="new"), by="bob", at_ms=2, replace=True)

    assert new != old
    assert tx.definitions.enabled("jobnet", "NIGHT") is None
    assert tx.definitions.get("jobnet", "NIGHT", "1").document["memo"] == "new"
    assert tx.definitions.by_doc(old).document["memo"] == "old"
    history = tx.definitions.history("jobnet", "NIGHT")
    assert [(row.doc_id, row.superseded_by, row.superseded_why) for row in history] == [
        (new, None, None),
        (old, "bob", "replaced"),
    ]


def test_at_most_one_version_is_enabled(tx: Transaction) -> None:
    for version in ("1", "2", "3"):
        tx.definitions.put("calendar", {"calendar_id": "DAYS", "version": version}, by="ann", at_ms=1)

    tx.definitions.enable("calendar", "DAYS", "1")
    tx.definitions.enable("calendar", "DAYS", "2")

    enabled = [row.version for row in tx.definitions.rows("calendar", versions=True) if row.enabled]
    assert enabled == ["2"]
    assert tx.definitions.disable("calendar", "DAYS")
    assert not tx.definitions.disable("calendar", "DAYS")


def test_a_bare_id_means_the_enabled_version_else_the_newest(tx: Transaction) -> None:
    for version in ("1", "3", "2"):
        tx.definitions.put("jobnet", document("NIGHT", version), by="ann", at_ms=1)

    newest = tx.definitions.current("jobnet", "NIGHT")
    tx.definitions.enable("jobnet", "NIGHT", "2")
    enabled = tx.definitions.current("jobnet", "NIGHT")

    assert newest is not None
    assert newest.version == "3"
    assert enabled is not None
    assert enabled.version == "2"
    assert [row.version for row in tx.definitions.rows("jobnet")] == ["2"]
    assert tx.definitions.current("jobnet", "OTHER") is None


def test_kinds_do_not_share_ids(tx: Transaction) -> None:
    tx.definitions.put("calendar", {"calendar_id": "X", "version": "1"}, by="ann", at_ms=1)
    tx.definitions.put("filter", {"filter_id": "X", "version": "1"}, by="ann", at_ms=1)

    assert tx.definitions.find("jobnet", "X", "1") is None
    assert len(tx.definitions.rows("calendar")) == len(tx.definitions.rows("filter")) == 1


def test_a_deleted_version_is_gone_but_runs_still_find_their_document(tx: Transaction) -> None:
    doc_id = tx.definitions.put("jobnet", document("NIGHT", "1"), by="ann", at_ms=1)
    made = run(plan("NIGHT", doc_id))
    tx.runs.insert(made)

    tx.definitions.delete("jobnet", "NIGHT", "1", by="bob", at_ms=5)

    assert tx.definitions.find("jobnet", "NIGHT", "1") is None
    assert tx.definitions.rows("jobnet", versions=True) == []
    stored = tx.runs.load(made.run_id)
    assert tx.definitions.by_doc(stored.docs["NIGHT"]).document["version"] == "1"
    (row,) = tx.definitions.history("jobnet", "NIGHT")
    assert (row.superseded_ms, row.superseded_by, row.superseded_why) == (5, "bob", "deleted")


@pytest.mark.parametrize("ask", ["get", "enable", "delete"])
def test_a_version_that_is_not_there_is_named(tx: Transaction, ask: str) -> None:
    with pytest.raises(NoSuchObject, match='jobnet "NIGHT" has no version 9'):
        getattr(tx.definitions, ask)("jobnet", "NIGHT", "9")


def test_who_refers_to_an_object_is_known(tx: Transaction) -> None:
    icons = [
        {"icon_id": "A", "type": "sub_jobnet", "params": {"jobnet_id": "SUB"}},
        {"icon_id": "B", "type": "task", "params": {"jobnet_id": "SUB"}},
        {"icon_id": "C", "type": "release", "params": {"target": "OTHER/JOB-1"}},
        {"icon_id": "D", "type": "information", "params": {"about": "calendar", "calendar_id": "DAYS"}},
        {"icon_id": "E", "type": "information", "params": {"about": "icon", "calendar_id": None}},
        {"icon_id": "F", "type": "job", "params": {"host": "SUB"}},
    ]
    schedule = {
        "schedule_id": "S",
        "version": "1",
        "boot_times": [{"days_id": "DAYS", "days_kind": "calendar"}, {"days_id": "LAST", "days_kind": "filter"}],
        "cycles": [{"days_id": "EVERY", "days_kind": "calendar"}],
        "jobnets": [{"jobnet_id": "SUB"}],
    }
    tx.definitions.put("jobnet", document("MAIN", "1", icons=icons), by="ann", at_ms=1)
    tx.definitions.put("schedule", schedule, by="ann", at_ms=1)
    tx.definitions.put("filter", {"filter_id": "LAST", "version": "1", "base_calendar_id": "DAYS"}, by="ann", at_ms=1)

    def users(kind: str, object_id: str) -> list[tuple[str, str]]:
        return [(row.kind, row.object_id) for row in tx.definitions.references(kind, object_id)]

    assert users("jobnet", "SUB") == [("schedule", "S"), ("jobnet", "MAIN")]
    assert users("jobnet", "OTHER") == [("jobnet", "MAIN")]
    assert users("calendar", "DAYS") == [("filter", "LAST"), ("schedule", "S"), ("jobnet", "MAIN")]
    assert users("calendar", "EVERY") == [("schedule", "S")]
    assert users("filter", "LAST") == [("schedule", "S")]


def test_a_superseded_version_refers_to_nothing_any_more(tx: Transaction) -> None:
    icon = {"icon_id": "A", "type": "task", "params": {"jobnet_id": "SUB"}}
    tx.definitions.put("jobnet", document("MAIN", "1", icons=[icon]), by="ann", at_ms=1)

    tx.definitions.put("jobnet", document("MAIN", "1"), by="ann", at_ms=2, replace=True)

    assert tx.definitions.references("jobnet", "SUB") == []
