"""The job keeper: one small process that starts every job of an agent, and outlives the agent.

Standard library only and single-threaded; the decisions are in `keeper_core.py`, the operating system is behind
`process.py` and `local.py`. It holds `keeper/lock` for as long as it lives, so a data directory never has two. The
agent reaches it over `keeper/sock`. Its log in `keeper/log/` is the truth about starts and ends.

Source: protocol.md 13.6 and 9.2.
"""

import contextlib
import gc
import os
import sys
import time
from typing import TYPE_CHECKING

from jaz_lite.agent import keeper_core as core
from jaz_lite.agent import lock
from jaz_lite.agent.batches import Unbatcher, batch
from jaz_lite.agent.keeper_log import KeeperLog
from jaz_lite.agent.machine import local, process
from jaz_lite.agent.machine.boot import boot_text
from jaz_lite.errors import RemoteProtocolError

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

ORPHAN_POLL_MS = 500  # where a process that is not our child cannot be watched by a descriptor
FOLDER_CHECK_MS = 60_000  # a keeper without work ends when its folder is taken away
READ_BYTES = 256 * 1024


class Keeper:
    """The shell around `KeeperCore`: sockets and processes."""

    def __init__(self, folder: str, log: KeeperLog, waiting: local.Waiting, reception: local.Reception) -> None:
        self._folder = folder
        self._log = log
        self._waiting = waiting
        self._reception = reception
        self._core = core.KeeperCore(boot_text())
        self._base: dict[str, str] = {}
        self._agent: socket.socket | None = None
        self._unbatcher = Unbatcher()
        self._outbox = bytearray()
        self._orphans: dict[str, tuple[int, int, int | None]] = {}  # claim -> pid, start time, token of the watch
        self._texts: dict[int, str] = {}  # pid -> the folder made for its job text
        self._ended = False

    def run(self) -> None:
        """Serve until told to end and nothing runs."""
        self._core.load(map(core.unpacked, self._log.payloads))
        self._core.begin(process.still_is, _wall_ms())
        self._log.payloads = []
        self._perform()
        while not self._ended:
            ready = self._waiting.wait(self._timeout_ms())
            for descriptor, read, write in ready:
                if self._agent is not None and descriptor == self._agent.fileno():
                    self._serve(read=read, write=write)
                elif (newcomer := self._reception.visit(descriptor)) is not None:
                    self._welcome(newcomer)
            self._reap()
            self._watch_orphans()
            gone = not ready and self._agent is None and not os.path.exists(self._folder + "/sock")
            if gone or self._waiting.told_to_end():
                self._core.asked([["end"]], time.monotonic(), _wall_ms())
            self._core.tick(time.monotonic())
            self._perform()

    def _timeout_ms(self) -> float:
        wait = float(FOLDER_CHECK_MS)
        if (due := self._core.deadline) is not None:
            wait = max(0.0, (due - time.monotonic()) * 1000)
        if any(token is None for _, _, token in self._orphans.values()):
            wait = min(wait, ORPHAN_POLL_MS)
        return wait

    # ---- the agent

    def _welcome(self, newcomer: "socket.socket") -> None:
        # The agent's own lock lets only one agent be; a second connection means that the first has died.
        self._hang_up()
        self._agent = newcomer
        self._unbatcher = Unbatcher()
        self._waiting.watch(newcomer)

    def _hang_up(self) -> None:
        if self._agent is not None:
            self._waiting.unwatch(self._agent)
            self._agent.close()
            self._agent = None
            self._outbox.clear()

    def _serve(self, *, read: bool, write: bool) -> None:
        assert self._agent is not None
        try:
            if write:
                self._flush()
            if not read or self._agent is None:
                return
            data = self._agent.recv(READ_BYTES)
            if not data:
                self._hang_up()
                return
            messages = self._unbatcher.feed(data)
        except BlockingIOError:
            return
        except (OSError, RemoteProtocolError):
            self._hang_up()
            return
        for message in messages:
            if message[:1] == ["base"]:
                self._base = dict(message[1])
        self._core.asked((m for m in messages if m[:1] != ["base"]), time.monotonic(), _wall_ms())

    def _tell(self, records: "Sequence[core.Record]") -> None:
        if self._agent is None:
            return
        waiting = bool(self._outbox)
        self._outbox += batch(list(records))
        if not waiting:
            self._flush()

    def _flush(self) -> None:
        assert self._agent is not None
        try:
            sent = self._agent.send(self._outbox)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._hang_up()
            return
        del self._outbox[:sent]
        self._waiting.watch(self._agent, write=bool(self._outbox))

    # ---- processes

    def _reap(self) -> None:
        while (end := process.reaped()) is not None:
            if (name := self._core.killing(end.pid)) is not None and not process.group_exists(end.pid):
                self._core.emptied(name)
            if self._texts:
                process.remove_text(self._texts.pop(end.pid, ""))
            self._core.exited(
                end.pid, code=end.code, signal=end.signal, cpu_ms=end.cpu_ms, rss_kb=end.rss_kb, wall_ms=_wall_ms()
            )

    def _watch_orphans(self) -> None:
        for name, (pid, started, token) in list(self._orphans.items()):
            if not process.still_is(pid, started):
                self._waiting.unwatch_process(token)
                del self._orphans[name]
                self._core.gone(name, _wall_ms())

    def _adopt(self, watch: core.Watch) -> None:
        self._orphans[watch.claim] = (watch.pid, watch.start_time, self._waiting.watch_process(watch.pid))

    def _spawn(self, effect: core.Spawn) -> None:
        try:
            pid, made = process.spawn(effect.order, self._base)
        except process.NotStarted as error:
            self._core.not_spawned(effect.claim, error.step, error.code, str(error), _wall_ms())
        else:
            if made:
                self._texts[pid] = made
            self._core.spawned(effect.claim, pid, time.monotonic(), _wall_ms())

    # ---- effects

    def _perform(self) -> None:
        while effects := self._core.take():
            for effect in effects:
                match effect:
                    case core.Append(records):
                        self._log.append(b"".join(records))
                    case core.Sync():
                        self._log.sync()
                    case core.Spawn():
                        self._spawn(effect)
                    case core.Signal(pid, name):
                        process.signal_group(pid, name)
                    case core.Identify(claim, pid):
                        self._core.identified(claim, process.start_time(pid))
                    case core.Watch():
                        self._adopt(effect)
                    case core.Tell(records):
                        self._tell(records)
                    case core.End():
                        self._ended = True
            if self._log.full:
                self._log.turn(b"".join(map(core.packed, self._core.restate())))


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def run(data: str) -> int:
    """Keep the jobs of the agent whose data directory is `data`; return the exit code.

    Notes:
        Writes one line to standard output when it can be reached, then lets go of it.
    """
    folder = os.path.join(os.path.abspath(data), "keeper")
    os.makedirs(folder + "/log", mode=0o700, exist_ok=True)
    if lock.take(folder) is None:
        sys.stderr.write("another job keeper holds this data directory\n")
        return 5
    local.detach()
    log = KeeperLog(folder + "/log", os.path.dirname(folder) + "/reserve")
    waiting = local.Waiting()
    keeper = Keeper(folder, log, waiting, local.Reception(folder, waiting))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    gc.disable()  # nothing here makes circles of objects
    keeper.run()
    with contextlib.suppress(OSError):
        os.unlink(folder + "/sock")
    return 0
