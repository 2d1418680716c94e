"""What other Unixes than Linux tell of processes; `ps` and `who` of this machine answer as theirs do."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from jaz_lite.agent.machine import process_unix

Found = TypeVar("Found")


def soon(look: Callable[[], "Found | None"]) -> Found:
    """Look until something is found: the kernel takes its time to let a process end."""
    until = time.monotonic() + 20
    while not (found := look()):
        assert time.monotonic() < until
    return found


@pytest.fixture
def child() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(["sleep", "1000"]) as process:
        yield process
        process.kill()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("00:07", 7), ("03:02", 182), ("1:02:03", 3723), ("2-00:00:01", 172_801), ("120-23:59:59", 10_454_399)],
)
def test_the_age_of_a_process_is_read_as_posix_writes_it(text: str, seconds: int) -> None:
    assert process_unix.age(text) == seconds


def test_a_process_that_ps_finds_younger_than_nothing_began_just_now() -> None:
    assert process_unix.age("441077234-00:18:40") == 0


@pytest.mark.parametrize("text", ["", "-", "12", "a:b", "x-01:00", "-01:00", "1:2:3:4", "ELAPSED", "1 :2"])
def test_what_is_no_age_is_none(text: str) -> None:
    assert process_unix.age(text) is None


def test_a_process_is_known_again_by_its_start(child: "subprocess.Popen[bytes]") -> None:
    started = process_unix.start_time(child.pid)

    assert 0 < started <= time.monotonic()
    assert process_unix.still_is(child.pid, started)


def test_a_process_that_took_over_a_number_is_another_one(child: "subprocess.Popen[bytes]") -> None:
    started = process_unix.start_time(child.pid)

    assert not process_unix.still_is(child.pid, max(1, started - 3600))


def test_what_has_ended_is_not_there_whether_or_not_its_parent_knows(child: "subprocess.Popen[bytes]") -> None:
    started = process_unix.start_time(child.pid)

    child.kill()
    soon(lambda: process_unix.start_time(child.pid) == 0)  # a zombie by now
    assert not process_unix.still_is(child.pid, started)
    child.wait()

    assert process_unix.start_time(child.pid) == 0
    assert not process_unix.still_is(child.pid, started)


def test_the_end_of_a_child_is_told_with_what_it_used() -> None:
    child = subprocess.Popen(["/bin/sh", "-c", "exit 5"])

    pid, status, cpu_ms, rss_kb = soon(lambda: process_unix.reaped(lambda *told: told))

    assert (pid, os.waitstatus_to_exitcode(status)) == (child.pid, 5)
    assert 0 <= cpu_ms < 1000
    assert rss_kb >= 0
    assert process_unix.reaped(lambda *told: told) is None
    assert child.wait() == 0  # it was waited for above


def test_a_deadly_signal_is_told(child: "subprocess.Popen[bytes]") -> None:
    child.send_signal(signal.SIGTERM)

    _, status, _, _ = soon(lambda: process_unix.reaped(lambda *told: told))

    assert os.WTERMSIG(status) == signal.SIGTERM


def test_the_text_of_a_boot_stays_the_same() -> None:
    assert process_unix.boot_text() == process_unix.boot_text()
