"""The tables of messages, events and work orders: what each field takes, at its edges and beyond."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaz_lite.errors import LocalProtocolError
from jaz_lite.wire import limits
from jaz_lite.wire.catalogue import MESSAGES
from jaz_lite.wire.events import EVENT_FIELDS, pack_event, unpack_event
from jaz_lite.wire.frames import Violation, pack, unpack_frame
from jaz_lite.wire.schema import cut
from jaz_lite.wire.spec import pack_spec, unpack_spec
from tests.wire.corpus import ACCEPTED, FINISHED, say_everything

BODIES = {said.name: unpack_frame(said.frame[4:])[2] for said in say_everything()}
BY_NAME = {message.name: message for message in MESSAGES.values()}
FIELDS = [(name, field) for name, message in BY_NAME.items() for field in message.fields]
IDS = [f"{name}.{field}" for name, field in FIELDS]

# Values that no field of another type may take.
SAMPLES = {
    "int": 1,
    "str": "x",
    "bin": b"x" * 16,
    "bool": True,
    "float": 1.5,
    "list": [["x"]],
    "map": {"x": 1},
}


@pytest.mark.parametrize("name", BY_NAME)
def test_what_the_links_say_passes_its_own_schema(name):
    BY_NAME[name].validate(BODIES[name])


@pytest.mark.parametrize(("name", "field"), FIELDS, ids=IDS)
def test_a_field_is_missed_exactly_when_it_is_required(name, field):
    body = {key: value for key, value in BODIES[name].items() if key != field}

    if BY_NAME[name].fields[field].required:
        with pytest.raises(Violation, match=f"{name}.{field} is missing"):
            BY_NAME[name].validate(body)
    else:
        BY_NAME[name].validate(body)
        BY_NAME[name].validate(body | {field: None})


@pytest.mark.parametrize(("name", "field"), FIELDS, ids=IDS)
def test_a_field_takes_no_other_type(name, field):
    kind = BY_NAME[name].fields[field].kind
    own = "str" if "|" in kind or kind == "str" else kind.partition(" ")[0]

    for other, value in SAMPLES.items():
        if own not in (other, "list") and not (own == "str" and other == "str"):
            with pytest.raises(Violation, match=f"{name}.{field} is not"):
                BY_NAME[name].validate(BODIES[name] | {field: value})


@pytest.mark.parametrize(
    ("name", "field"),
    [(n, f) for n, f in FIELDS if BY_NAME[n].fields[f].kind in ("int", "str", "bin")],
)
def test_a_field_ends_where_its_table_says(name, field):
    table = BY_NAME[name].fields[field]

    def value(size):
        return size if table.kind == "int" else ("x" * size if table.kind == "str" else bytes(size))

    for inside in (table.low, table.high):
        BY_NAME[name].validate(BODIES[name] | {field: value(inside)})
    beyond = [table.high + 1, *([table.low - 1] if table.low > 0 or table.kind == "int" else [])]
    for outside in beyond:
        with pytest.raises(Violation):
            BY_NAME[name].validate(BODIES[name] | {field: value(outside)})


def test_text_is_measured_in_bytes():
    body = BODIES["cancel"]

    BY_NAME["cancel"].validate(body | {"why": "夜" * 21})  # 63 bytes
    with pytest.raises(Violation):
        BY_NAME["cancel"].validate(body | {"why": "夜" * 22})  # 66 bytes


@pytest.mark.parametrize("value", [1, "x", None, {"a": [1, {"b": 2.5}]}], ids=repr)
def test_unknown_keys_are_ignored(value):
    BY_NAME["ping"].validate({"n": 1, "newer": value})


@pytest.mark.parametrize(
    "extra",
    [
        {"newer": float("nan")},
        {"newer": [[[[[1]]]]]},
        {"k" * 33: 1},
        {b"newer": 1},
        {"newer": {"k" * 33: 1}},
        {str(n): n for n in range(257)},
    ],
    ids=["nan", "deep", "long key", "binary key", "long key inside", "too many"],
)
def test_unknown_keys_must_still_be_plain(extra):
    with pytest.raises(Violation):
        BY_NAME["ping"].validate({"n": 1, **extra})


@pytest.mark.parametrize(
    "row",
    [
        [],
        [b"k" * 15, "done", 1, b"d" * 8, "M:1", "/j#1", 1, 1],
        [b"k" * 16, "gone", 1, b"d" * 8, "M:1", "/j#1", 1, 1],
        [b"k" * 16, "done", -1, b"d" * 8, "M:1", "/j#1", 1, 1],
        [b"k" * 16, "done", 1, b"d" * 8, "", "/j#1", 1, 1],
        [b"k" * 16, "done", 1, b"d" * 8, "M:1", "/j#1", 0, 1],
        [b"k" * 16, "done", 1, b"d" * 8, "M:1", "/j#1", 1, 1, 1],
        ["done"] * 8,
    ],
)
def test_a_row_of_the_inventory_is_checked_field_by_field(row):
    with pytest.raises(Violation):
        BY_NAME["inv"].validate({"items": [row], "more": False})


def test_a_frame_of_events_is_bounded_in_number_and_bytes():
    BY_NAME["ev"].validate({"l": [b"x"] * 256})
    for refused in ([], [b"x"] * 257, [b""], [bytes(150_000)] * 2, ["x"]):
        with pytest.raises(Violation):
            BY_NAME["ev"].validate({"l": refused})


# ---- events

EVENTS = {
    "accepted": ACCEPTED,
    "started": {"pid": 77, "t": 1},
    "finished": FINISHED,
    "failed": {"why": "user", "msg": "no such user"},
    "lost": {"why": "reboot", "t0": 4},
    "cancelled": {"why": "expired"},
    "timeout": {"act": "warn"},
    "kill_sent": {"sig": "TERM"},
    "host_boot": {},
    "clock_jump": {"s": -3_600},
    "disk": {"state": "low"},
    "rotated": {"old": bytes(16), "why": "chain"},
}


def test_the_table_of_events_is_covered():
    assert EVENTS.keys() == EVENT_FIELDS.keys()


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_comes_out_as_it_went_in(name):
    packed = pack_event(7, 123, b"k" * 16, name, EVENTS[name])

    assert unpack_event(packed) == (7, 123, b"k" * 16, name, EVENTS[name])


def test_an_event_of_a_newer_agent_is_passed_on():
    assert unpack_event(pack([1, 2, None, "weather", {"rain": True}])) == (1, 2, None, "weather", {"rain": True})


@pytest.mark.parametrize(
    "value",
    [
        {},
        [1, 2, None, "host_boot"],
        [0, 2, None, "host_boot", {}],
        [1, -2, None, "host_boot", {}],
        [True, 2, None, "host_boot", {}],
        [1, 2, b"short", "host_boot", {}],
        [1, 2, None, "host_boot", []],
        [1, 2, None, "a name too long", {}],
        [1, 2, None, "started", {"pid": 1, "t": 1}],
        [1, 2, b"k" * 16, "started", {"pid": 1}],
        [1, 2, b"k" * 16, "lost", {"why": "aliens"}],
        [1, 2, b"k" * 16, "finished", FINISHED | {"exit": 2**63}],
        [1, 2, None, "weather", {"rain": [[[[[1]]]]]}],
        [1, 2, b"k" * 16, "finished", FINISHED | {"out_head": bytes(64_001)}],
    ],
    ids=lambda value: repr(value)[
        :80
    ],  # Windows keeps no longer environment variable than 32 KiB, and pytest the id in one
)
def test_what_is_no_event_is_refused(value):
    with pytest.raises(Violation):
        unpack_event(pack(value))


def test_an_event_that_would_be_refused_is_not_packed():
    with pytest.raises(LocalProtocolError, match=r"event disk 3: disk\.state"):
        pack_event(3, 1, None, "disk", {"state": "burning"})


# ---- work orders


def test_a_work_order_comes_out_as_it_went_in():
    spec = {
        "script": "#!/bin/sh\necho 夜間\n",
        "env": {"A" * 128: "x" * limits.ENV_VALUE_BYTES_MAX, "B": b"\xff"},
        "secret": ["B"],
        "timeout": 60,
        "timeout_act": "stop",
        "stop": "kill.sh",
        "head": 64_000,
        "nice": -5,
    }

    assert unpack_spec("cmd", pack_spec("cmd", spec)) == spec


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("cmd", {}),
        ("cmd", {"argv": ["a"], "script": "b"}),
        ("cmd", {"argv": []}),
        ("cmd", {"argv": ["x" * 4_097]}),
        ("cmd", {"script": "x", "env": {"A": 1}}),
        ("cmd", {"script": "x", "env": {"A" * 129: "1"}}),
        ("cmd", {"script": "x", "env": {str(n): "" for n in range(513)}}),
        ("cmd", {"script": "x", "env": {str(n): "x" * 131_072 for n in range(9)}}),
        ("cmd", {"script": "x", "head": 64_001}),
        ("cmd", {"script": "x", "timeout_act": "explode"}),
        ("fwait", {"path": "", "mode": "exist"}),
        ("newer", {"deep": [[[[[[[1]]]]]]]}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_work_order_is_refused(kind, spec):
    with pytest.raises(Violation):
        unpack_spec(kind, pack(spec))
    with pytest.raises(LocalProtocolError):
        pack_spec(kind, spec)


def test_a_work_order_must_be_a_map_of_bounded_size():
    for data in (b"\x90", b"", b"\xc0", bytes(limits.SPEC_BYTES_MAX + 1)):
        with pytest.raises(Violation):
            unpack_spec("cmd", data)


@given(message=st.text(max_size=100), size=st.integers(0, 64))
def test_text_for_people_is_cut_at_a_character(message, size):
    short = cut(message, size)

    assert len(short.encode()) <= size
    assert message.encode("utf-8", "replace").decode().startswith(short)
