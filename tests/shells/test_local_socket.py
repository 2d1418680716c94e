"""The local control socket: in memory for its rules, on a real socket for its file and its peer."""

import os
import socket
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from jaz_lite import errors
from jaz_lite.net import local_client
from jaz_lite.net.local_client import HEAD, packed, unpacked
from jaz_lite.net.local_socket import Emit, serve_connection, serve_local


async def echo(name: str, args: Mapping[str, Any], emit: Emit) -> Any:
    """A small set of operations."""
    match name:
        case "echo":
            return args
        case "count":
            for number in range(args["to"]):
                await emit(number)
            return "counted"
        case "forever":
            await trio.sleep_forever()
        case "missing":
            raise errors.NoSuchObject('there is no jobnet "X"', hint="jaz-lite jobnet list")
        case "broken":
            raise KeyError("oops")
    raise AssertionError(name)


async def asked(data: bytes, *, close: bool = False, slices: int = 0) -> list[dict[str, Any]]:
    """Send bytes to the server's side and return the messages it answers until it closes."""
    here, there = trio.testing.memory_stream_pair()
    messages: list[dict[str, Any]] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_connection, there, echo)
        if slices:
            for start in range(0, len(data), slices):
                await here.send_all(data[start : start + slices])
        else:
            await here.send_all(data)
        if close:
            await here.send_eof()
        buffer = bytearray()
        async for chunk in here:
            buffer += chunk
        while buffer:
            size = HEAD.unpack(buffer[:4])[0]
            messages.append(unpacked(bytes(buffer[4 : 4 + size])))
            del buffer[: 4 + size]
    return messages


async def test_a_request_is_answered_with_one_value() -> None:
    assert await asked(packed({"op": "echo", "args": {"name": "日本"}})) == [{"done": {"name": "日本"}}]


async def test_a_request_may_arrive_byte_by_byte() -> None:
    assert await asked(packed({"op": "echo", "args": {"n": 1}}), slices=1) == [{"done": {"n": 1}}]


async def test_a_stream_of_items_comes_before_the_last_word() -> None:
    answer = await asked(packed({"op": "count", "args": {"to": 3}}))

    assert answer == [{"item": 0}, {"item": 1}, {"item": 2}, {"done": "counted"}]


async def test_an_error_of_the_world_carries_its_kind_sentence_and_hint() -> None:
    answer = await asked(packed({"op": "missing"}))

    assert answer == [
        {"error": {"kind": "NoSuchObject", "message": 'there is no jobnet "X"', "hint": "jaz-lite jobnet list"}}
    ]


async def test_a_fault_of_ours_is_answered_with_its_traceback_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    answer = await asked(packed({"op": "broken"}))

    assert "KeyError" in answer[0]["error"]["message"]
    assert "oops" in answer[0]["error"]["trace"]
    assert [record.getMessage() for record in caplog.records] == ["an operation failed"]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\xff\xff\xff\xff", id="a length beyond the limit"),
        pytest.param(HEAD.pack(3) + b"\xc1\xc1\xc1", id="not msgpack"),
        pytest.param(HEAD.pack(1) + b"\x01", id="not a map"),
        pytest.param(packed({"args": {}}), id="no operation"),
        pytest.param(packed({"op": "echo", "args": [1]}), id="arguments that are not a map"),
        pytest.param(packed({"op": "echo"}) + b"more", id="two requests"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="another protocol"),
    ],
)
async def test_rubbish_is_answered_with_an_error_and_the_connection_is_closed(data: bytes) -> None:
    answer = await asked(data)

    assert [message["error"]["kind"] for message in answer] == ["RemoteProtocolError"]


async def test_a_request_cut_in_the_middle_is_an_error() -> None:
    answer = await asked(packed({"op": "echo"})[:-2], close=True)

    assert answer[0]["error"]["message"] == "the request ended in the middle"


async def test_a_client_that_says_nothing_is_let_go(autojump_clock: trio.testing.MockClock) -> None:
    answer = await asked(b"\x00\x00")

    assert "no request came" in answer[0]["error"]["message"]


async def test_a_client_that_goes_away_cancels_its_answer(autojump_clock: trio.testing.MockClock) -> None:
    here, there = trio.testing.memory_stream_pair()
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_connection, there, echo)
            await here.send_all(packed({"op": "forever"}))
            await trio.testing.wait_all_tasks_blocked()
            await here.aclose()


async def call(folder: Path, op: str, **args: Any) -> Any:
    return await trio.to_thread.run_sync(local_client.call, str(folder), op, args)


async def test_a_command_talks_to_the_server_through_a_file_that_only_the_owner_may_open(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(serve_local, tmp_path, echo)
        mode = stat.S_IMODE((tmp_path / "server.sock").stat().st_mode)
        answer = await call(tmp_path, "echo", x=1)
        nursery.cancel_scope.cancel()

    assert mode == 0o600
    assert answer == {"x": 1}
    assert not (tmp_path / "server.sock").exists()


async def test_a_path_too_long_for_a_socket_is_shortened(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 120)
    folder.mkdir()
    async with trio.open_nursery() as nursery:
        await nursery.start(serve_local, folder, echo)
        answer = await call(folder, "echo", x="far")
        nursery.cancel_scope.cancel()

    assert answer == {"x": "far"}


async def test_errors_reach_the_command_as_what_they_are(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(serve_local, tmp_path, echo)
        with pytest.raises(errors.NoSuchObject, match="no jobnet") as missing:
            await call(tmp_path, "missing")
        with pytest.raises(errors.JazLiteError, match="KeyError") as broken:
            await call(tmp_path, "broken")
        nursery.cancel_scope.cancel()

    assert missing.value.hint == "jaz-lite jobnet list"
    assert isinstance(broken.value.__cause__, local_client.ServerError)


async def test_a_socket_left_behind_by_a_killed_server_is_replaced(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "server.sock"))
    left.close()
    async with trio.open_nursery() as nursery:
        await nursery.start(serve_local, tmp_path, echo)
        answer = await call(tmp_path, "echo")
        nursery.cancel_scope.cancel()

    assert answer == {}


async def test_a_second_server_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(serve_local, tmp_path, echo)
        with pytest.raises(errors.AlreadyRunning):
            await serve_local(tmp_path, echo)
        answer = await call(tmp_path, "echo")
        nursery.cancel_scope.cancel()

    assert answer == {}


async def test_a_file_in_the_place_of_the_socket_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "server.sock").write_text("mine")

    with pytest.raises(errors.UsageError, match="in the way"):
        await serve_local(tmp_path, echo)

    assert (tmp_path / "server.sock").read_text() == "mine"


def test_without_a_server_the_command_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(local_client.NotRunning) as missing:
        local_client.call(str(tmp_path), "echo")

    assert missing.value.exit_code == 9


def test_a_text_with_bytes_that_are_not_utf_8_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(errors.UsageError, match="not valid UTF-8"):
        local_client.call(str(tmp_path), "echo", {"name": os.fsdecode(b"a\xff")})


async def test_a_server_that_dies_in_the_middle_is_unreachable(tmp_path: Path) -> None:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "server.sock"))
    listening.listen(1)

    def die() -> None:
        connection, _ = listening.accept()
        connection.recv(100)
        connection.sendall(HEAD.pack(50) + b"half")
        connection.close()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, die)
        with pytest.raises(errors.Unreachable, match="went away"):
            await call(tmp_path, "echo")
    listening.close()
