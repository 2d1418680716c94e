"""Frames fed whole, byte by byte, with trailing data and with rubbish; with both forms of msgpack."""

import contextlib
import math
import os
import struct
import subprocess
import sys

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgpack import fallback

from jaz_lite.wire import limits
from jaz_lite.wire.frames import FrameReader, Violation, check_plain, frame, pack, unpack, unpack_frame


@pytest.fixture(params=["c", "pure"], autouse=True)
def msgpack_form(request, monkeypatch):
    """Run each test with msgpack in C and in pure Python."""
    if request.param == "pure":
        monkeypatch.setattr(msgpack, "Packer", fallback.Packer)
        monkeypatch.setattr(msgpack, "packb", lambda value, **options: fallback.Packer(**options).pack(value))
        monkeypatch.setattr(msgpack, "unpackb", fallback.unpackb)
    return request.param


def whole(payload):
    """Decode a payload as a link would, up to its schema."""
    number, seq, body = unpack_frame(payload)
    check_plain(body, 2)
    return number, seq, body


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100, 1_000])
def test_payloads_come_out_as_they_went_in_however_they_are_fed(size):
    payloads = [pack([7, n, {"n": n * 1_000}]) for n in range(20)]
    stream = b"".join(map(frame, payloads)) + b"\x00\x00"  # the beginning of one more
    reader, found = FrameReader(), []

    for start in range(0, len(stream), size):
        reader.feed(stream[start : start + size])
        while (payload := reader.next(limits.FRAME_BYTES_MAX)) is not None:
            found.append(payload)

    assert found == payloads


@pytest.mark.parametrize(("length", "limit"), [(0, 4096), (4097, 4096), (262_145, 262_144), (2**32 - 1, 262_144)])
def test_a_length_out_of_its_limits_is_refused_with_its_four_bytes(length, limit):
    reader = FrameReader()
    reader.feed(struct.pack(">I", length)[:3])
    assert reader.next(limit) is None

    reader.feed(struct.pack(">I", length)[3:])

    with pytest.raises(Violation, match=f"{length} bytes"):
        reader.next(limit)


@pytest.mark.parametrize("length", [1, 4096])
def test_a_length_at_its_limits_is_read(length):
    reader = FrameReader()
    reader.feed(frame(b"x" * length))

    assert reader.next(4096) == b"x" * length


def nested(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value


RUBBISH = {
    "empty": b"",
    "reserved byte": b"\xc1",
    "not an array": b"\x01",
    "an array of two": b"\x92\x01\x00",
    "an array of four": b"\x94\x01\x00\x80\x80",
    "type is text": b"\x93\xa1x\x00\x80",
    "type is true": b"\x93\xc3\x00\x80",
    "type is 256": b"\x93\xcd\x01\x00\x00\x80",
    "type is negative": b"\x93\xff\x00\x80",
    "seq is nil": b"\x93\x01\xc0\x80",
    "seq is true": b"\x93\x01\xc3\x80",
    "body is a list": b"\x93\x01\x00\x90",
    "body is nil": b"\x93\x01\x00\xc0",
    "trailing byte": b"\x93\x01\x00\x80\x00",
    "cut short": b"\x93\x01\x00\x81\xa1n",
    "bad utf-8": b"\x93\x01\x00\x81\xa1n\xa2\xff\xfe",
    "overlong utf-8": b"\x93\x01\x00\x81\xa1n\xa2\xc0\x80",
    "surrogate": b"\x93\x01\x00\x81\xa1n\xa3\xed\xa0\x80",
    "doubled key": b"\x93\x01\x00\x82\xa1n\x01\xa1n\x02",
    "doubled key deep": b"\x93\x01\x00\x81\xa1n\x82\xa1n\x01\xa1n\x02",
    "integer key": b"\x93\x01\x00\x81\x01\x01",
    "binary key": b"\x93\x01\x00\x81\xc4\x01n\x01",
    "nil key": b"\x93\x01\x00\x81\xc0\x01",
    "list as key": b"\x93\x01\x00\x81\x90\x01",
    "long key": pack([1, 0, {"k" * 33: 1}]),
    "long key in bytes": pack([1, 0, {"夜" * 11: 1}]),
    "fixext": b"\x93\x01\x00\x81\xa1n\xd4\x05\x00",
    "empty ext": b"\x93\x01\x00\x81\xa1n\xc7\x00\x05",
    "empty timestamp": b"\x93\x01\x00\x81\xa1n\xc7\x00\xff",
    "timestamp": b"\x93\x01\x00\x81\xa1n\xd6\xff\x00\x00\x00\x00",
    "nan": b"\x93\x01\x00\x81\xa1n" + msgpack.packb(math.nan),
    "infinity": b"\x93\x01\x00\x81\xa1n" + msgpack.packb(-math.inf),
    "float32 infinity": b"\x93\x01\x00\x81\xa1n\xca\x7f\x80\x00\x00",
    "array of a million": b"\x93\x01\x00\x81\xa1n\xdd\x00\x0f\x42\x40",
    "array of four thousand ninety-seven": pack([1, 0, {"n": [0] * 4_097}]),
    "map of two hundred fifty-seven": pack([1, 0, {"n": {str(n): 0 for n in range(257)}}]),
    "five levels below the body": pack([1, 0, {"n": nested(5)}]),
    "a thousand levels": pack([1, 0, {"n": nested(500)}]),
    "a hundred thousand levels": b"\x93\x01\x00\x81\xa1n" + b"\x91" * 100_000,
    "half a frame of maps": b"\x93\x01\x00\x81\xa1n" + b"\x81\xa1a" * 50_000,
}


@pytest.mark.parametrize("payload", RUBBISH.values(), ids=RUBBISH)
def test_rubbish_is_refused_with_a_sentence(payload):
    with pytest.raises(Violation) as caught:
        whole(payload)

    assert caught.value.code in ("frame", "schema")
    assert len(caught.value.message) > 10


def test_four_levels_below_the_body_are_allowed():
    # The frame is level 1, the body 2: four more make 6.
    payload = pack([1, 0, {"n": nested(4), "m": {"a": {"b": {"c": {}}}}}])

    assert whole(payload)[2]["n"] == [[[[1]]]]


def test_a_frame_full_of_empty_maps_is_not_taken():
    payload = pack([1, 0, {"n": []}])[:-1] + b"\xdc\x0f\xff" + b"\xdc\x0f\xff" * 4_095

    with pytest.raises(Violation):
        whole(payload)


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
).filter(lambda value: depth(value) <= 4)


def depth(value):
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


@given(body=st.dictionaries(st.text(max_size=8), plain, max_size=5), number=st.integers(0, 255), seq=st.integers(0))
def test_plain_values_survive_the_wire(body, number, seq):
    seq %= 2**64

    assert whole(pack([number, seq, body])) == (number, seq, body)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_a_value_or_a_violation(data):
    with contextlib.suppress(Violation):
        check_plain(unpack(data), 1)


def test_a_session_works_with_msgpack_in_pure_python():
    """In a process of its own, because msgpack decides at import."""
    program = (
        "import msgpack; assert msgpack.Packer.__module__ == 'msgpack.fallback'\n"
        "from tests.wire.conversation import Conversation, dispatch\n"
        "talk = Conversation().up()\n"
        "dispatch(talk.server, spec=bytes(200_000)); talk.carry()\n"
        "assert len(talk.agent_heard[0].spec) == 200_000\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "MSGPACK_PUREPYTHON": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
