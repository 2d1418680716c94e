"""Plain maps: what is stored and typed comes back as the same definition, and every fault is named with its path."""

import msgpack
import pytest

from jaz_lite.errors import DefinitionError
from jaz_lite.model.calendar import Calendar, Filter
from jaz_lite.model.jobnet import Flow, Icon, Jobnet
from jaz_lite.model.plain import BadDocumentError, from_plain, id_of, kind_of, to_plain
from jaz_lite.model.schedule import BootTime, Schedule, ScheduledJobnet

DEFINITIONS = [
    Jobnet(
        jobnet_id="NIGHT",
        version="20240101000000",
        memo="",
        icons=(
            Icon(icon_id="START", type="start"),
            Icon(icon_id="J", type="job", retry_backoff=1.5, params={"host": "a", "variables": [{"name": "A"}]}),
        ),
        flows=(Flow(source="START", target="J", jaz={"row": {"flow_style": "{}"}}),),
    ),
    Calendar(calendar_id="C", version="20240101000000", days=("2024-01-01", "2024-12-31")),
    Filter(filter_id="F", version="20240101000000", base_calendar_id="C", base_day="last", shift_days=-2),
    Schedule(
        schedule_id="S",
        version="20240101000000",
        boot_times=(BootTime(days_id="C", at="2530"),),
        jobnets=(ScheduledJobnet(jobnet_id="NIGHT"),),
    ),
]


@pytest.mark.parametrize("definition", DEFINITIONS, ids=kind_of)
def test_a_definition_survives_the_way_through_msgpack(definition):
    stored = msgpack.packb(to_plain(definition))

    found = from_plain(kind_of(definition), msgpack.unpackb(stored))

    assert found == definition
    assert id_of(found) == id_of(definition)


def test_every_fault_of_a_document_is_named_at_once():
    document = to_plain(DEFINITIONS[0])
    document["timeout_min"] = "5"
    document["colour"] = "red"
    document["multiple_start"] = "often"
    document["icons"][1]["x"] = True
    document["icons"][1]["params"] = []
    del document["flows"][0]["target"]
    document["public"] = 1

    with pytest.raises(BadDocumentError) as caught:
        from_plain("jobnet", document)

    assert sorted((p.place.field, p.message) for p in caught.value.problems) == [
        ("document", "has no field colour"),
        ("flows[0].target", "is missing"),
        ("icons[1].params", "is a list, not a map"),
        ("icons[1].x", "is True, not a whole number"),
        ("multiple_start", 'is the text "often", not one of parallel, skip, wait'),
        ("public", "is 1, not true or false"),
        ("timeout_min", 'is the text "5", not a whole number'),
    ]
    assert caught.value.message.startswith("jobnet NIGHT@20240101000000: ")


@pytest.mark.parametrize(
    ("document", "field", "message"),
    [
        pytest.param({"icons": "ab"}, "icons", 'is the text "ab", not a list', id="text-for-a-list"),
        pytest.param({"icons": [5]}, "icons[0]", "is 5, not a map", id="number-for-an-icon"),
        pytest.param({"icons": None}, "icons", "is empty, not a list", id="nothing-for-a-list"),
        pytest.param({"memo": 3}, "memo", "is 3, not text", id="number-for-a-text"),
        pytest.param({"jaz": {1: 2}}, "jaz", "has the key 1, which is not text", id="key-that-is-no-text"),
        pytest.param({"version": None}, "version", "is empty, not text", id="version-empty"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_not_bent(document, field, message):
    with pytest.raises(BadDocumentError) as caught:
        from_plain("jobnet", {"jobnet_id": "A", "version": "20240101000000", **document})

    assert [(p.place.field, p.message) for p in caught.value.problems] == [(field, message)]


@pytest.mark.parametrize("document", [None, [], "x", 5])
def test_what_is_not_a_map_is_no_document(document):
    with pytest.raises(DefinitionError, match="not a map"):
        from_plain("calendar", document)


def test_an_unknown_kind_is_refused_with_the_kinds_there_are():
    with pytest.raises(DefinitionError) as caught:
        from_plain("workflow", {})

    assert caught.value.hint == "the kinds are calendar, filter, schedule, jobnet"
