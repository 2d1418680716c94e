"""The agent's way to the job keeper: start one where none lives, connect, and pass batches on.

The keeper is started in a session of its own with no descriptor of ours, so that whatever ends the agent does not end
the keeper.
"""

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import trio

from jaz_lite.agent.batches import Unbatcher, batch
from jaz_lite.agent.machine import local
from jaz_lite.agent.machine.job_environment import job_environment
from jaz_lite.errors import RemoteProtocolError, StoreDamaged

log = logging.getLogger(__name__)

READ_BYTES = 256 * 1024
START_S = 10.0  # from its start to its first word
RETRY_S = 0.2
STARTS_MAX = 20  # without one good connection in between


class KeeperClient:
    """The connection to the keeper of one data directory."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._socket: socket.socket | None = None
        self._started: list[subprocess.Popen[bytes]] = []  # kept so that their ends are collected
        self._outbox = bytearray()
        self._wish = trio.Event()
        self._ending = False

    @property
    def connected(self) -> bool:
        """Whether a keeper listens to us."""
        return self._socket is not None

    def let_go(self) -> None:
        """Tell the keeper to end when no job runs; then do not start another."""
        self._ending = True
        self.tell([["end"]])

    def tell(self, messages: "tuple[list[Any], ...] | list[list[Any]]") -> None:
        """Send one batch; dropped where no keeper is connected, for the next one is asked for everything anyway."""
        if self._socket is None:
            return
        if self._outbox:
            self._outbox += batch(list(messages))
            return
        data = batch(list(messages))
        # Straight to the socket: a local socket nearly always takes it all, and a task less is woken for each job.
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            return
        if sent < len(data):
            self._outbox += data[sent:]
            self._wish.set()

    async def run(
        self, up: Callable[[], None], said: Callable[[list[list[Any]]], None], down: Callable[[], None]
    ) -> None:
        """Keep a keeper connected; never returns.

        Raises:
            StoreDamaged: no keeper can be started.
        """
        failures = 0
        while True:
            connection = await self._connect()
            if connection is None:
                failures += 1
                if failures > STARTS_MAX:
                    raise StoreDamaged(
                        "the job keeper cannot be started", hint=f"see {self._data / 'keeper' / 'keeper.err'}"
                    )
                await trio.sleep(RETRY_S)
                continue
            failures = 0
            with connection:
                self._socket = connection
                self._outbox.clear()
                self.tell([["base", job_environment()]])
                up()
                try:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(self._write, connection)
                        await self._read(connection, said)
                        nursery.cancel_scope.cancel()
                finally:
                    self._socket = None
                    down()
            if self._ending:
                await trio.sleep_forever()
            log.warning("the job keeper is gone", extra={"action": "keeper.gone"})

    async def _read(self, connection: socket.socket, said: Callable[[list[list[Any]]], None]) -> None:
        unbatcher = Unbatcher()
        while True:
            # One look for each word of the kernel: what one look leaves makes the socket readable again.
            await trio.lowlevel.wait_readable(connection)
            try:
                data = connection.recv(READ_BYTES)
                messages = unbatcher.feed(data)
            except BlockingIOError:
                continue
            except (OSError, RemoteProtocolError):
                return
            if not data:
                return
            if messages:
                said(messages)

    async def _write(self, connection: socket.socket) -> None:
        while True:
            while self._outbox:
                await trio.lowlevel.wait_writable(connection)
                try:
                    sent = connection.send(self._outbox)
                except BlockingIOError:
                    continue
                except OSError:
                    return
                del self._outbox[:sent]
            self._wish = trio.Event()
            await self._wish.wait()

    async def _connect(self) -> socket.socket | None:
        """Return a connection to the living keeper, or start one; None where neither came about."""
        try:
            return self._dial()
        except OSError:
            await self._start()
        try:
            return self._dial()
        except OSError:
            return None

    def _dial(self) -> socket.socket:
        return local.dial(str(self._data / "keeper"))

    async def _start(self) -> None:
        folder = self._data / "keeper"
        folder.mkdir(mode=0o700, exist_ok=True)
        with open(folder / "keeper.err", "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as errors:
            command = [*_program(), "keeper", "--data", str(self._data)]
            process = local.start_keeper(command, {**os.environ, **_found()}, errors)
        assert process.stdout is not None
        # It says "ready" and lets go of the pipe, or ends; either way the pipe does.
        with trio.move_on_after(START_S):
            # A thread, for on Windows a pipe cannot be waited for otherwise.
            await trio.to_thread.run_sync(_first_word, process.stdout, abandon_on_cancel=True)
            log.info("the job keeper was started", extra={"action": "keeper.started", "pid": process.pid})
        self._started = [earlier for earlier in (*self._started, process) if earlier.poll() is None]


def _first_word(pipe: IO[bytes]) -> None:
    with pipe:
        pipe.readline()


def _program() -> list[str]:
    if getattr(sys, "frozen", False):
        return [sys.executable]
    # UTF-8 whatever the locale: both ends must turn surrogates back into the same bytes.
    return [sys.executable, "-X", "utf8", "-m", "jaz_lite.agent.main"]


def _found() -> dict[str, str]:
    """Return the search path with which a keeper finds this package: a folder, or the one file that we are run out of."""
    if getattr(sys, "frozen", False):
        return {"PYINSTALLER_RESET_ENVIRONMENT": "1"}
    here = str(Path(__file__).absolute().parents[2])
    known = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": here if not known else f"{here}{os.pathsep}{known}"}
