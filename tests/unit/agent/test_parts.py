"""Small pure parts of the agent: streams, orders, policy, environment, batches."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaz_lite.agent.batches import BATCH_BYTES_MAX, Unbatcher, batch
from jaz_lite.agent.machine.job_environment import cleaned
from jaz_lite.agent.orders import NotStartable, job_order
from jaz_lite.agent.policy import Policy
from jaz_lite.agent.streams import Chunk, Streams
from jaz_lite.errors import RemoteProtocolError

K, L = b"k" * 16, b"l" * 16
PLENTY = 1 << 30


def order(policy: "Policy | None" = None, **spec: Any) -> dict[str, Any]:
    return job_order("cmd", spec, policy=policy or Policy(), out="o", err="e", text_path="/out/text")


# ---- streams


def test_a_stream_travels_in_chunks_and_its_end_is_marked() -> None:
    streams = Streams()
    streams.grown(K, 1, 150_000)
    streams.grown(K, 1, 150_000, ended=True)

    found = [streams.next(lambda *_: PLENTY) for _ in range(4)]

    assert found == [
        Chunk(K, 1, 0, 65_536, False),
        Chunk(K, 1, 65_536, 65_536, False),
        Chunk(K, 1, 131_072, 18_928, True),
        None,
    ]
    streams.acked(K, 1, 150_000)
    assert list(streams.delivered()) == [(K, 1)]
    assert len(streams) == 0


def test_a_stream_goes_on_where_the_server_stands_when_the_file_has_become_shorter() -> None:
    streams = Streams()
    streams.grown(K, 1, 218)
    assert streams.next(lambda *_: PLENTY) == Chunk(K, 1, 0, 218, False)
    streams.acked(K, 1, 288)
    streams.grown(K, 1, 218, ended=True)

    assert streams.next(lambda *_: PLENTY) == Chunk(K, 1, 288, 0, True)


def test_an_end_that_comes_after_the_last_byte_is_sent_alone() -> None:
    streams = Streams()
    streams.grown(K, 1, 10)
    assert streams.next(lambda *_: PLENTY) == Chunk(K, 1, 0, 10, False)

    streams.grown(K, 1, 10, ended=True)

    assert streams.next(lambda *_: PLENTY) == Chunk(K, 1, 10, 0, True)


def test_streams_take_turns_and_wait_for_credit() -> None:
    streams = Streams()
    streams.grown(K, 1, 200_000)
    streams.grown(L, 2, 200_000)
    assert [streams.next(lambda *_: PLENTY).k for _ in range(4)] == [K, L, K, L]  # type: ignore[union-attr]

    assert streams.next(lambda *_: 0) is None
    streams.acked(K, 1, 131_072)

    assert streams.next(lambda *_: PLENTY) is not None


def test_a_new_session_starts_where_the_server_stands() -> None:
    streams = Streams()
    streams.grown(K, 1, 100, ended=True)
    streams.next(lambda *_: PLENTY)
    streams.acked(K, 1, 40)

    streams.restart()

    assert streams.next(lambda *_: PLENTY) == Chunk(K, 1, 40, 60, True)


def test_of_output_that_is_not_there_any_more_the_end_is_told() -> None:
    streams = Streams()

    streams.asked(K, 1, 30, 0)

    assert streams.next(lambda _k, _stream: 100) == (K, 1, 30, 0, True)
    streams.acked(K, 1, 30)
    assert list(streams.delivered()) == [(K, 1)]
    assert not streams


def test_what_was_delivered_is_sent_again_when_asked_for() -> None:
    streams = Streams()

    streams.asked(K, 1, 30, 100)

    assert streams.next(lambda *_: PLENTY) == Chunk(K, 1, 30, 70, True)


def test_of_what_a_power_cut_took_after_the_server_had_it_only_the_end_is_sent() -> None:
    streams = Streams()
    streams.grown(K, 1, 5, ended=True)

    streams.asked(K, 1, 22, 5)

    assert streams.next(lambda *_: PLENTY) == Chunk(K, 1, 22, 0, True)


# ---- orders


def test_a_text_goes_to_the_shell_without_its_carriage_returns() -> None:
    assert order(script="echo a\r\necho b")["argv"] == ["/bin/sh", "-c", "echo a\necho b"]
    assert order(Policy(shell="/bin/bash"), script="x")["argv"][0] == "/bin/bash"
    assert order(script="x", shell="/bin/ksh")["argv"][0] == "/bin/ksh"


def test_a_text_with_an_interpreter_line_or_beyond_100_kib_is_executed_as_a_file() -> None:
    marked = order(script="#!/usr/bin/perl\nprint 1")
    long = order(script="x" * 102_401)

    assert (marked["argv"], marked["text"]) == (["/out/text"], "#!/usr/bin/perl\nprint 1")
    assert long["argv"] == ["/bin/sh", "/out/text"]
    assert "text" not in order(script="x" * 102_400)


def test_bytes_that_are_no_text_reach_the_job_as_they_are() -> None:
    made = order(script=b"echo \xff", env={"V": b"\xfe"})

    assert made["argv"][2].encode("utf-8", "surrogateescape") == b"echo \xff"
    assert made["env"]["V"].encode("utf-8", "surrogateescape") == b"\xfe"


@pytest.mark.parametrize(
    ("policy", "spec"),
    [
        (Policy(), {"script": "a\0b"}),
        (Policy(), {"script": "a", "env": {"A=B": "1"}}),
        (Policy(), {"script": "a", "env": {"A": "1\0"}}),
        (Policy(), {"script": "a", "user": "root"}),
        (Policy(), {"script": "a", "cred": "batch"}),
        (Policy(), {"script": "a", "user": "0"}),
        (Policy(), {"script": "a", "user": "00"}),
        (Policy(), {"script": "a", "cred": "reports"}),
        (Policy(allow_users=("batch",)), {"script": "a", "user": "other"}),
    ],
)
def test_what_must_not_or_cannot_be_executed_is_not(policy: Policy, spec: dict[str, Any]) -> None:
    with pytest.raises(NotStartable):
        order(policy, **spec)


def test_a_job_without_a_user_runs_as_the_agent_whoever_that_is() -> None:
    assert "user" not in order(Policy(deny_root=True, allow_users=("batch",)), script="x")


def test_a_job_without_a_user_runs_as_the_default_user_which_needs_no_other_permission() -> None:
    policy = Policy(default_user="jobs", allow_users=("batch",))

    assert order(policy, script="x")["user"] == "jobs"
    assert order(policy, script="x", user="jobs")["user"] == "jobs"
    assert order(policy, script="x", user="batch")["user"] == "batch"


def test_the_keeper_is_told_whether_root_is_denied_since_only_it_sees_whose_number_is_zero() -> None:
    assert order(Policy(), script="x", user="toor")["deny_root"] is True
    assert order(Policy(deny_root=False), script="x", user="toor")["deny_root"] is False


# ---- environment


def test_a_job_does_not_see_the_packaging_of_the_agent() -> None:
    seen = cleaned(
        {
            "LD_LIBRARY_PATH": "/bundle",
            "LD_LIBRARY_PATH_ORIG": "/site/lib",
            "LIBPATH": "/bundle:/x",
            "SHLIB_PATH": "/site",
            "_PYI_ARCHIVE_FILE": "x",
            "HOME": "/root",
        },
        "/bundle",
    )

    assert seen == {"LD_LIBRARY_PATH": "/site/lib", "SHLIB_PATH": "/site", "HOME": "/root"}


# ---- batches


@given(st.lists(st.lists(st.text(max_size=20), max_size=3), max_size=5), st.integers(1, 9))
def test_batches_come_out_as_they_went_in_whatever_the_pieces(messages: list[list[Any]], piece: int) -> None:
    data = batch(messages) + batch([["end"]])
    unbatcher, found = Unbatcher(), []

    for start in range(0, len(data), piece):
        found += unbatcher.feed(data[start : start + piece])

    assert found == [*messages, ["end"]]


@pytest.mark.parametrize(
    "data",
    [b"\xff\xff\xff\xff", b"\0\0\0\x02{}", b"\0\0\0\x03[1]", b"\0\0\0\x01\xff", BATCH_BYTES_MAX.to_bytes(4, "big")],
)
def test_rubbish_on_the_local_socket_closes_it(data: bytes) -> None:
    unbatcher = Unbatcher()
    if data[0] == 1:
        assert unbatcher.feed(data) == []  # the most that is allowed: waits for the rest
        return

    with pytest.raises(RemoteProtocolError):
        unbatcher.feed(data)
