"""The job keeper: one small process that starts every job of an agent, and outlives the agent.

Standard library only and single-threaded; the decisions are in `keeper_core.py`. It holds `keeper/lock` for as long
as it lives, so a data directory never has two. The agent reaches it over `keeper/sock`. Its log in `keeper/log/` is
the truth about starts and ends.

Source: protocol.md 13.6 and 9.2.
"""

import contextlib
import errno
import fcntl
import gc
import os
import select
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING

from jaz_lite.agent import keeper_core as core
from jaz_lite.agent import process_posix as process
from jaz_lite.agent.batches import Unbatcher, batch
from jaz_lite.agent.keeper_log import KeeperLog
from jaz_lite.errors import RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Sequence

ORPHAN_POLL_MS = 500  # where a process that is not our child cannot be watched by a descriptor
FOLDER_CHECK_MS = 60_000  # a keeper without work ends when its folder is taken away
READ_BYTES = 256 * 1024


class Keeper:
    """The shell around `KeeperCore`: descriptors, signals, processes."""

    def __init__(self, folder: str, log: KeeperLog, listener: socket.socket) -> None:
        self._folder = folder
        self._log = log
        self._listener = listener
        self._core = core.KeeperCore(process.boot_text())
        self._base: dict[str, str] = {}
        self._agent: socket.socket | None = None
        self._unbatcher = Unbatcher()
        self._outbox = bytearray()
        self._orphans: dict[str, tuple[int, int, int | None]] = {}  # claim -> pid, start time, pidfd
        self._texts: dict[int, str] = {}  # pid -> the folder made for its job text
        self._poll = select.poll()
        self._ended = False

    def run(self) -> None:
        """Serve until told to end and nothing runs."""
        wakeup, told = os.pipe()
        os.set_blocking(wakeup, False)
        os.set_blocking(told, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # A stray signal must not take the jobs' only witness away; SIGTERM is a request to end when idle.
        terminated: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, _: terminated.append(number))
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.signal(signal.SIGHUP, lambda *_: None)
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        self._poll.register(wakeup, select.POLLIN)
        self._poll.register(self._listener, select.POLLIN)
        self._core.load(map(core.unpacked, self._log.payloads))
        self._core.begin(lambda pid, started: started > 0 and process.start_time(pid) == started, _wall_ms())
        self._log.payloads = []
        self._perform()
        while not self._ended:
            ready = self._poll.poll(self._timeout_ms())
            for descriptor, flags in ready:
                if descriptor == wakeup:
                    with contextlib.suppress(BlockingIOError):
                        while os.read(wakeup, 4096):
                            pass
                elif descriptor == self._listener.fileno():
                    self._accept()
                elif self._agent is not None and descriptor == self._agent.fileno():
                    self._serve(flags)
            self._reap()
            self._watch_orphans()
            if terminated:
                terminated.clear()
                self._core.asked([["end"]], time.monotonic(), _wall_ms())
            elif not ready and self._agent is None and not os.path.exists(self._folder + "/sock"):
                self._core.asked([["end"]], time.monotonic(), _wall_ms())
            self._core.tick(time.monotonic())
            self._perform()

    def _timeout_ms(self) -> float:
        wait = float(FOLDER_CHECK_MS)
        if (due := self._core.deadline) is not None:
            wait = max(0.0, (due - time.monotonic()) * 1000)
        if any(descriptor is None for _, _, descriptor in self._orphans.values()):
            wait = min(wait, ORPHAN_POLL_MS)
        return wait

    # ---- the agent

    def _accept(self) -> None:
        newcomer, _ = self._listener.accept()
        # The agent's own lock lets only one agent be; a second connection means that the first has died.
        self._hang_up()
        newcomer.setblocking(False)
        self._agent = newcomer
        self._unbatcher = Unbatcher()
        self._poll.register(newcomer, select.POLLIN)

    def _hang_up(self) -> None:
        if self._agent is not None:
            self._poll.unregister(self._agent)
            self._agent.close()
            self._agent = None
            self._outbox.clear()

    def _serve(self, flags: int) -> None:
        assert self._agent is not None
        try:
            if flags & select.POLLOUT:
                self._flush()
            if not flags & (select.POLLIN | select.POLLHUP | select.POLLERR):
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
        self._poll.modify(self._agent, select.POLLIN | (select.POLLOUT if self._outbox else 0))

    # ---- processes

    def _reap(self) -> None:
        while True:
            try:
                pid, status, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if (name := self._core.killing(pid)) is not None and not process.group_exists(pid):
                self._core.emptied(name)
            if self._texts:
                process.remove_text(self._texts.pop(pid, ""))
            cpu_ms = round((used.ru_utime + used.ru_stime) * 1000)
            code, number = process.ended(status)
            self._core.exited(pid, code=code, signal=number, cpu_ms=cpu_ms, rss_kb=used.ru_maxrss, wall_ms=_wall_ms())

    def _watch_orphans(self) -> None:
        for name, (pid, started, descriptor) in list(self._orphans.items()):
            if process.start_time(pid) != started:
                if descriptor is not None:
                    self._poll.unregister(descriptor)
                    os.close(descriptor)
                del self._orphans[name]
                self._core.gone(name, _wall_ms())

    def _adopt(self, watch: core.Watch) -> None:
        descriptor: int | None = None
        if hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):
                descriptor = os.pidfd_open(watch.pid)
                self._poll.register(descriptor, select.POLLIN)
        self._orphans[watch.claim] = (watch.pid, watch.start_time, descriptor)

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
    lock = os.open(folder + "/lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EAGAIN):
            raise
        sys.stderr.write("another job keeper holds this data directory\n")
        return 5
    with contextlib.suppress(PermissionError):
        os.setsid()  # refused where we already lead one
    log = KeeperLog(folder + "/log", os.path.dirname(folder) + "/reserve")
    listener = _listen(folder)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    gc.disable()  # nothing here makes circles of objects
    Keeper(folder, log, listener).run()
    with contextlib.suppress(OSError):
        os.unlink(folder + "/sock")
    return 0


def _listen(folder: str) -> socket.socket:
    """Listen on `sock`, by a name short enough for every system: relative to its folder."""
    home = os.open(".", os.O_RDONLY | os.O_CLOEXEC)
    mask = os.umask(0o177)
    try:
        os.chdir(folder)
        with contextlib.suppress(FileNotFoundError):
            os.unlink("sock")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind("sock")
        listener.listen(8)
        listener.setblocking(False)
        return listener
    finally:
        os.umask(mask)
        os.fchdir(home)
        os.close(home)
