"""The stand-in for epoll keeps epoll's contract: where the system has a real one, the same tests try both."""

import errno
import os
import select
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jaz_lite.net import poll_epoll as ours
from jaz_lite.net.poll_epoll import PollEpoll

REAL = getattr(select, "epoll", PollEpoll)
KINDS = [PollEpoll] if REAL is PollEpoll else [PollEpoll, REAL]


@pytest.fixture(params=KINDS, ids=lambda kind: "stand-in" if kind is PollEpoll else "real epoll")
def epoll(request: pytest.FixtureRequest) -> Iterator[Any]:
    with request.param() as made:
        yield made


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    left, right = socket.socketpair()
    with left, right:
        yield left, right


@pytest.fixture
def many() -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    pairs = [socket.socketpair() for _ in range(5)]
    yield pairs
    for left, right in pairs:
        left.close()
        right.close()


def number_of(act: Callable[[], object]) -> int | None:
    with pytest.raises(OSError) as caught:  # noqa: PT011 - its number is what counts
        act()
    return caught.value.errno


Pair = tuple[socket.socket, socket.socket]


def test_what_is_ready_is_told_until_it_is_read(epoll: Any, pair: Pair) -> None:
    epoll.register(pair[0], ours.EPOLLIN)
    assert epoll.poll(0) == []

    pair[1].send(b"x")

    assert epoll.poll(0) == epoll.poll(0) == [(pair[0].fileno(), ours.EPOLLIN)]
    pair[0].recv(1)
    assert epoll.poll(0) == []


def test_room_to_write_is_told_beside_something_to_read(epoll: Any, pair: Pair) -> None:
    pair[1].send(b"x")

    epoll.register(pair[0].fileno(), ours.EPOLLIN | ours.EPOLLOUT)

    assert epoll.poll(0) == [(pair[0].fileno(), ours.EPOLLIN | ours.EPOLLOUT)]


def test_a_one_shot_watch_speaks_once_until_it_is_asked_again(epoll: Any, pair: Pair) -> None:
    epoll.register(pair[0], ours.EPOLLIN | ours.EPOLLONESHOT)
    pair[1].send(b"x")

    assert len(epoll.poll(0)) == 1
    assert epoll.poll(0) == []
    epoll.modify(pair[0], ours.EPOLLIN | ours.EPOLLONESHOT)
    assert len(epoll.poll(0)) == 1


def test_a_spent_one_shot_watch_is_silent_about_a_hang_up(epoll: Any, pair: Pair) -> None:
    epoll.register(pair[0], ours.EPOLLIN | ours.EPOLLONESHOT)
    pair[1].send(b"x")
    epoll.poll(0)

    pair[1].close()

    assert epoll.poll(0) == []


def test_a_hang_up_is_told_to_who_asked_for_nothing(epoll: Any) -> None:
    reader, writer = os.pipe()
    epoll.register(reader, 0)

    os.close(writer)

    assert epoll.poll(0) == [(reader, ours.EPOLLHUP)]
    os.close(reader)


def test_errors_of_register_are_those_of_epoll(epoll: Any, pair: Pair, tmp_path: Path) -> None:
    closed = os.dup(0)
    os.close(closed)
    epoll.register(pair[0], ours.EPOLLIN)

    assert number_of(lambda: epoll.register(pair[0], ours.EPOLLIN)) == errno.EEXIST
    assert number_of(lambda: epoll.register(closed, ours.EPOLLIN)) == errno.EBADF
    with (tmp_path / "file").open("wb") as file:
        assert number_of(lambda: epoll.register(file, ours.EPOLLIN)) == errno.EPERM
    folder = os.open(tmp_path, os.O_RDONLY)
    assert number_of(lambda: epoll.register(folder, ours.EPOLLIN)) == errno.EPERM
    os.close(folder)


def test_errors_of_modify_and_unregister_are_those_of_epoll(epoll: Any, pair: Pair) -> None:
    assert number_of(lambda: epoll.modify(pair[0], ours.EPOLLIN)) == errno.ENOENT
    assert number_of(lambda: epoll.unregister(pair[0])) == errno.ENOENT
    epoll.register(pair[0], ours.EPOLLIN)
    number = pair[0].fileno()

    pair[0].close()

    assert number_of(lambda: epoll.modify(number, ours.EPOLLIN)) == errno.EBADF
    assert number_of(lambda: epoll.modify(number, ours.EPOLLIN)) == errno.EBADF


def test_what_was_unregistered_is_silent_and_may_come_again(epoll: Any, pair: Pair) -> None:
    epoll.register(pair[0], ours.EPOLLIN)
    pair[1].send(b"x")

    epoll.unregister(pair[0])

    assert epoll.poll(0) == []
    epoll.register(pair[0], ours.EPOLLIN)
    assert len(epoll.poll(0)) == 1


def test_a_descriptor_closed_behind_its_back_is_forgotten_without_a_word(epoll: Any, many: list[Pair]) -> None:
    for left, right in many:
        epoll.register(left, ours.EPOLLIN)
        right.send(b"x")

    for left, _ in many[:3]:
        left.close()

    assert {number for number, _ in epoll.poll(0)} == {left.fileno() for left, _ in many[3:]}


def test_only_closed_descriptors_do_not_end_the_wait_of_somebody_else(epoll: Any, pair: Pair) -> None:
    gone, _ = os.pipe()
    epoll.register(gone, ours.EPOLLIN)
    epoll.register(pair[0], ours.EPOLLIN)
    os.close(gone)
    pair[1].send(b"x")

    assert epoll.poll(None) == [(pair[0].fileno(), ours.EPOLLIN)]


def test_a_wait_never_ends_before_its_time(epoll: Any, pair: Pair) -> None:
    epoll.register(pair[0], ours.EPOLLIN)
    for seconds in (0.0001, 0.0014, 0.0101):
        began = time.monotonic()

        assert epoll.poll(seconds) == []

        assert time.monotonic() - began >= seconds


def test_a_wait_of_many_days_is_no_error(epoll: Any, pair: Pair) -> None:
    epoll.register(pair[0], ours.EPOLLOUT)

    assert len(epoll.poll(2_000_000)) == 1


def test_of_more_than_asked_for_everyone_has_a_turn(epoll: Any, many: list[Pair]) -> None:
    for left, right in many:
        epoll.register(left, ours.EPOLLIN)
        right.send(b"x")

    for most in (1, 2, 3, 4):
        told: set[int] = set()
        for _ in range(5):
            found = epoll.poll(0, most)
            assert len(found) == most
            told |= {number for number, _ in found}
        assert told == {left.fileno() for left, _ in many}


def test_those_who_were_left_out_keep_their_one_shot(epoll: Any, many: list[Pair]) -> None:
    for left, right in many:
        epoll.register(left, ours.EPOLLIN | ours.EPOLLONESHOT)
        right.send(b"x")

    found = [epoll.poll(0, 2) for _ in range(4)]

    assert sorted(number for one in found for number, _ in one) == sorted(left.fileno() for left, _ in many)
    assert found[3] == []


def test_a_closed_one_answers_nothing(pair: Pair) -> None:
    for kind in KINDS:
        epoll = kind()
        epoll.close()
        epoll.close()

        assert epoll.closed
        for act in (lambda e=epoll: e.poll(0), lambda e=epoll: e.register(pair[0]), epoll.fileno, epoll.__enter__):  # type: ignore[misc]
            with pytest.raises(ValueError, match="closed"):
                act()


def test_a_senseless_number_of_events_is_refused(epoll: Any) -> None:
    with pytest.raises(ValueError, match="maxevents"):
        epoll.poll(0, 0)


def test_a_negative_descriptor_is_none(epoll: Any, pair: Pair) -> None:
    pair[0].close()

    with pytest.raises((OSError, ValueError)):
        epoll.register(pair[0])
