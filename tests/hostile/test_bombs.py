"""T7: frames made to cost more than they weigh, and peers that send what nobody asked for. Memory has a ceiling."""

import hashlib
import tracemalloc
from collections.abc import Callable
from typing import Any

import msgpack
import pytest
from msgpack import fallback

from jaz_lite.wire import limits
from jaz_lite.wire import messages as m
from jaz_lite.wire.frames import frame, pack
from jaz_lite.wire.happenings import BEAT, Closed
from jaz_lite.wire.link import Link
from tests.wire.conversation import WORK, Conversation, event

# 256 KiB of empty maps are 18 MiB of objects; the library's own limits let no more through.
CEILING_BYTES = 24 * 1024 * 1024
ROOM = limits.FRAME_BYTES_MAX - 64


def filled(head: bytes, item: bytes) -> bytes:
    """Return a value that fills a frame with as many items as fit."""
    return head + item * ((ROOM - len(head)) // len(item))


BOMBS: dict[str, bytes] = {
    "empty maps": filled(b"\xdd\x00\x03\xff\x00", b"\x80"),
    "empty arrays": filled(b"\xdc\xff\xff", b"\x90"),
    "arrays of arrays": b"\xdc\x10\x00" + (b"\xdc\x00\x3c" + b"\xc0" * 60) * 4_096,
    "one array of many": filled(b"\xdd\x00\x03\xff\x00", b"\x00"),
    "a map of many": b"\xde\xff\xff" + b"".join(b"\xa4%04x\xc0" % n for n in range(65_535))[: ROOM - 3],
    "deep arrays": b"\x91" * ROOM,
    "deep maps": b"\x81\xa1k" * (ROOM // 3),
    "long text": b"\xdb" + (ROOM - 5).to_bytes(4, "big") + b"x" * (ROOM - 5),
    "long bytes": b"\xc6" + (ROOM - 5).to_bytes(4, "big") + b"x" * (ROOM - 5),
    "promises": b"\xdd\xff\xff\xff\xff" + b"\xdf\xff\xff\xff\xff" * 100,
    "ext types": filled(b"\xdc\xff\xff", b"\xd4\x05\x00"),
    "doubled keys": b"\xde\x00\xff" + b"\xa1k\xc0" * 255,
    "bad text": b"\xa4\xff\xfe\xfd\xfc",
    "NaN": b"\xcb\x7f\xf8" + bytes(6),
    "infinity": b"\xcb\xff\xf0" + bytes(6),
    "a huge number": b"\xcf" + b"\xff" * 8,
}


def peak_of(work: Callable[[], Any]) -> tuple[int, Any]:
    tracemalloc.start()
    try:
        result = work()
        return tracemalloc.get_traced_memory()[1], result
    finally:
        tracemalloc.stop()


def link_of(end: str) -> Link:
    talk = Conversation().up()
    return talk.server if end == "server" else talk.agent


@pytest.mark.parametrize("end", ["server", "agent"])
@pytest.mark.parametrize("pure", [False, True], ids=["compiled", "pure python"])
@pytest.mark.parametrize("name", BOMBS)
def test_a_frame_costs_no_more_than_the_ceiling(
    name: str, pure: bool, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if pure:
        monkeypatch.setattr(msgpack, "unpackb", fallback.unpackb)
    link = link_of(end)
    payload = b"\x93" + pack(m.PING) + pack(link._seq_in) + b"\x82\xa1n\x01\xa1x" + BOMBS[name]
    data = frame(payload[: limits.FRAME_BYTES_MAX])

    peak, heard = peak_of(lambda: link.receive(data, 1.0))

    assert peak < CEILING_BYTES
    harmless = name in ("arrays of arrays", "long text", "long bytes", "a huge number")
    assert [type(one) for one in heard if one != BEAT] == ([] if harmless else [Closed])


@pytest.mark.parametrize("end", ["server", "agent"])
def test_a_frame_that_never_ends_is_kept_up_to_its_limit_only(end: str) -> None:
    link = link_of(end)
    link.receive(limits.FRAME_BYTES_MAX.to_bytes(4, "big"), 1.0)
    chunk = b"x" * 4_096

    def feed() -> None:
        for _ in range(10_000):
            link.receive(chunk, 1.0)

    peak, _ = peak_of(feed)

    assert link.closed
    assert peak < 8 * limits.FRAME_BYTES_MAX


# ---- what nobody asked for


def flood(link: Link, frames: Callable[[int], bytes], count: int = 20_000) -> tuple[int, list[Any]]:
    """Give a link so many frames, never sending what it wants to say; return the peak and what it told."""

    def all_of_them() -> list[Any]:
        told: list[Any] = []
        for number in range(count):
            told += [one for one in link.receive(frames(number), 1.0) if one != BEAT]
            if link.closed:
                break
        return told

    return peak_of(all_of_them)


@pytest.mark.parametrize("end", ["server", "agent"])
@pytest.mark.parametrize(
    ("number", "body"),
    [(m.PING, {"n": 1}), (200, {"x": "y" * 200}), (m.PONG, {"n": 0})],
    ids=["pings", "news", "pongs"],
)
def test_a_flood_of_what_is_allowed_leaves_nothing_behind(end: str, number: int, body: dict[str, Any]) -> None:
    link = link_of(end)

    peak, told = flood(link, lambda _: frame(pack([number, link._seq_in, body])))

    assert told == []
    assert peak < 512 * 1024  # half of it is the packer of this test
    assert len(link.take()) < 100  # one answer, however many were asked


def test_output_beyond_its_credit_ends_the_session_early() -> None:
    link = link_of("server")
    piece = bytes(limits.CHUNK_BYTES_MAX)

    peak, told = flood(
        link,
        lambda n: frame(pack([m.OUT, link._seq_in, {"k": n.to_bytes(16, "big"), "s": 1, "o": 0, "d": piece}])),
    )

    assert told[-1].code == "limit"
    assert peak < 2 * limits.OUTPUT_CREDIT_BYTES_SESSION


def test_streams_without_a_byte_are_counted_too() -> None:
    link = link_of("server")

    _, told = flood(
        link, lambda n: frame(pack([m.OUT, link._seq_in, {"k": n.to_bytes(16, "big"), "s": 1, "o": 0, "d": b""}]))
    )

    assert told[-1].code == "limit"


def test_events_that_are_never_acknowledged_end_the_session() -> None:
    link = link_of("server")

    _, told = flood(link, lambda n: frame(pack([m.EV, link._seq_in, {"l": [event(n + 1)]}])))

    assert told[-1].code == "limit"


def test_blobs_that_nobody_orders_end_the_session() -> None:
    link = link_of("agent")

    def blob(number: int) -> bytes:
        data = number.to_bytes(4, "big") * 16_000
        body = {"h": hashlib.sha256(data).digest(), "o": 0, "d": data, "last": True}
        return frame(pack([m.BLOB, link._seq_in, body]))

    peak, told = flood(link, blob)

    assert told[-1].code == "limit"
    assert peak < 4 * limits.SPEC_BYTES_MAX


def test_a_half_sent_blob_is_replaced_by_the_next_and_not_kept_beside_it() -> None:
    link = link_of("agent")
    part = bytes(limits.CHUNK_BYTES_MAX)

    peak, told = flood(
        link,
        lambda n: frame(pack([m.BLOB, link._seq_in, {"h": n.to_bytes(32, "big"), "o": 0, "d": part, "last": False}])),
        count=2_000,
    )

    assert told == []
    assert peak < 2 * limits.SPEC_BYTES_MAX


def test_an_attempt_asked_about_a_thousand_times_is_answered_in_bounded_space() -> None:
    link = link_of("server")

    peak, told = flood(link, lambda _: frame(pack([m.STATE, link._seq_in, {"k": WORK, "st": "done"}])), count=5_000)

    assert len(told) == 5_000
    assert peak < 8 * 1024 * 1024
