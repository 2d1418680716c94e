"""The keeper's port on Windows: who has not read its secret gets nothing, and disturbs nobody."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.platform != "win32":
    pytest.skip("needs Windows; make test-wine runs it under Wine", allow_module_level=True)

from jaz_lite.agent.machine import local
from jaz_lite.agent.machine.trusted_folder import refuse_if_others_may_write
from jaz_lite.errors import JazLiteError

STRANGERS = 20  # more than may wait


class Door:
    """A keeper's reception, answered in this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.waiting = local.Waiting()
        self.reception = local.Reception(str(folder), self.waiting)
        self.port = int((folder / "sock").read_text().split()[0])

    def turn(self, timeout_ms: float = 2_000) -> "socket.socket | None":
        """Answer what has come; return an agent that was let in."""
        for descriptor, _, _ in self.waiting.wait(timeout_ms):
            if (agent := self.reception.visit(descriptor)) is not None:
                return agent
        return None

    def call(self) -> socket.socket:
        """Connect without knowing anything."""
        caller = socket.create_connection(("127.0.0.1", self.port), 5)
        self.turn()
        return caller


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    made = Door(tmp_path)
    yield made
    made.reception.close()
    made.waiting.close()


def test_a_stranger_with_a_wrong_proof_is_hung_up_on(door: Door) -> None:
    with door.call() as stranger:
        stranger.sendall(bytes(16))
        assert door.turn() is None
        assert len(stranger.recv(100)) == 48
        stranger.sendall(bytes(32))
        assert door.turn() is None

        assert stranger.recv(1) == b""


def test_strangers_who_say_nothing_make_room_for_others(door: Door) -> None:
    callers = [door.call() for _ in range(STRANGERS)]

    assert callers[0].recv(1) == b""
    for caller in callers:
        caller.close()


def test_the_agent_does_not_believe_a_program_that_has_not_read_the_file(tmp_path: Path) -> None:
    import threading

    with socket.create_server(("127.0.0.1", 0)) as impostor:
        (tmp_path / "sock").write_text(f"{impostor.getsockname()[1]} {bytes(32).hex()}\n")

        def answer() -> None:
            caller, _ = impostor.accept()
            with caller:
                caller.sendall(bytes(48))
                told.append(caller.recv(16))
                told.append(caller.recv(16))

        told: list[bytes] = []
        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ConnectionRefusedError, match="something else"):
            local.dial(str(tmp_path))
        thread.join()

    assert told[1] == b""  # nothing but the challenge was said


def test_a_data_directory_is_closed_to_other_users(tmp_path: Path) -> None:
    (tmp_path / "before").write_text("")

    refuse_if_others_may_write(tmp_path)
    (tmp_path / "after").write_text("still ours")

    assert (tmp_path / "after").read_text() == "still ours"
    with pytest.raises(JazLiteError, match="cannot be closed"):
        refuse_if_others_may_write(tmp_path / "nothing")
