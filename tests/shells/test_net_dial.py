"""Where and when to dial, and who is let in."""

import pytest
import trio

from jaz_lite.errors import Unreachable, UsageError
from jaz_lite.net.dial import Address, AddressBook, Backoff, keep_dialling, parse_address
from jaz_lite.net.tcp import connect, listen
from jaz_lite.wire import limits

A, B, C = (Address(name, 11_061) for name in "abc")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("web01", Address("web01", 11_061)),
        (" web01:99 ", Address("web01", 99)),
        ("10.0.0.8:65535", Address("10.0.0.8", 65_535)),
        ("fe80::1", Address("fe80::1", 11_061)),
        ("[fe80::1]", Address("fe80::1", 11_061)),
        ("[fe80::1]:7", Address("fe80::1", 7)),
    ],
)
def test_an_address_is_read_as_people_write_it(text, address):
    assert parse_address(text, 11_061) == address
    assert parse_address(str(address), 1) == address


@pytest.mark.parametrize("text", ["", ":9", "a:", "a:x", "a:0", "a:65536", "a b", "[::1", "[::1]9", "[::1]:", "a:٣"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(UsageError):
        parse_address(text, 11_061)


def test_addresses_are_tried_in_rotation_the_last_good_one_first():
    book = AddressBook([A, B])
    book.learn([C, A])

    assert [book.next() for _ in range(4)] == [A, B, C, A]
    book.good(B)
    assert [book.next() for _ in range(4)] == [B, A, C, B]


def test_learnt_addresses_never_push_out_configured_ones():
    book = AddressBook([A, B])

    book.learn(Address(f"h{n}", 1) for n in range(100))
    book.learn([C])

    assert len(book.addresses) == limits.ADDRESSES_MAX
    assert book.addresses[:3] == (A, B, C)
    assert AddressBook([]).next() is None


def test_pauses_grow_to_half_a_minute_and_are_spread():
    middle = Backoff(lambda: 0.5)
    pauses = [middle.next_s() for _ in range(12)]

    # 0.5 × 1.6ⁿ; the ninth would be 34 s and is held at 30.
    assert [round(pause, 2) for pause in pauses] == [0.5, 0.8, 1.28, 2.05, 3.28, 5.24, 8.39, 13.42, 21.47, 30, 30, 30]
    assert Backoff(lambda: 0.0).next_s() == pytest.approx(0.35)
    assert Backoff(lambda: 1.0).next_s() == pytest.approx(0.65)
    middle.reset()
    assert middle.next_s() == 0.5


async def test_dialling_goes_on_until_somebody_answers_and_then_begins_there(autojump_clock):
    tried, held, failures = [], [], []

    async def reach(address):
        tried.append((address, round(trio.current_time(), 2)))
        if len(tried) < 4:
            raise Unreachable(f"{address} is down")
        return f"connection to {address}"

    async def hold(connection):
        held.append(connection)
        if len(held) == 2:
            scope.cancel()
        return True

    with trio.CancelScope() as scope:
        await keep_dialling(
            AddressBook([A, B]),
            Backoff(lambda: 0.5),
            wanted=trio.lowlevel.checkpoint,
            reach=reach,
            hold=hold,
            failed=lambda address, error: failures.append(error.message),
        )

    # The pauses are 0.5, 0.8 and 1.28 s, and 0.5 s again after the session at b.
    assert tried == [(A, 0.0), (B, 0.5), (A, 1.3), (B, 2.58), (B, 3.08)]
    assert held == ["connection to b:11061", "connection to b:11061"]
    assert failures == ["a:11061 is down", "b:11061 is down", "a:11061 is down"]


@pytest.mark.parametrize("host", ["a..b", "x" * 64, "é" * 70])
async def test_a_name_that_cannot_be_one_is_unreachable_like_any_other_that_nobody_has(host):
    with pytest.raises(Unreachable, match="cannot be reached"):
        await connect(Address(host, 1))
    with pytest.raises(UsageError, match="cannot listen"):
        await listen(host, 1)
