"""Servers on machines: each a process with a data directory of its own, to be killed, frozen, or told by an agent."""

import contextlib
import json
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from jaz_lite.errors import JazLiteError
from jaz_lite.net.local_client import call
from tests.lab.network import Host
from tests.lab.parts import comes_true, run_on, start_on

PORT = 11061
STARTS_WITHIN_S = 120.0
ENDS_WITHIN_S = 150.0
REPLACED = 3  # the exit code of a server that learnt that it is not the server any more
SEEMS_ACTIVE = 5  # ... of a takeover that was refused
LISTEN = ("--listen", f"0.0.0.0:{PORT}")
PROMOTION = "[failover]"
PROMOTED_AFTER_S = 30  # the shortest
BEHIND_MAX = 5  # changes; while jobs run all the time it is seldom none
NOT_COPIED = shutil.ignore_patterns("server.sock", "sock", "lock")


class Server:
    """A data directory on a machine, and the server on it."""

    def __init__(self, host: Host, data: Path, *, embedded: bool = False) -> None:
        """Name it; `embedded`: with an agent of its own."""
        self.host = host
        self.data = data
        self.embedded = embedded
        self.log = data.with_suffix(".log")
        self.process: subprocess.Popen[bytes] | None = None
        self.killed = False  # by us; else it ended by itself
        self.frozen = False

    def __str__(self) -> str:
        return self.data.name

    # ---- its life

    def start(self) -> None:
        """Start it by habit, as a service would."""
        self._run("up" if self.embedded else "server", *LISTEN)

    def activate(self, *words: str) -> None:
        """Take over with its directory."""
        self._run("activate", *(() if self.embedded else ("--no-agent",)), "--yes", *LISTEN, *words)

    def invitation(self) -> tuple[str, str]:
        """Return the words with which a standby fetches its first copy from here."""
        return "--token", str(json.loads(self.command("standby", "invite", "--json"))["token"])

    def follow(self, active: "Server", *words: str) -> None:
        """Keep a copy of another server current, as a standby; return when it has one and is up to date."""
        self._run("standby", "run", "--from", f"{active.host.address}:{PORT}", *words, *LISTEN)
        self.wait_until_current(active)

    def wait_until_current(self, active: "Server") -> None:
        """Wait until this standby has what another server has."""
        comes_true(f"{self} follows {active}", self._is_current)

    def _is_current(self) -> bool:
        assert self.lives, f"{self} ended with {self.exit_code}: {self.said()}"
        with contextlib.suppress(JazLiteError):  # it fetches its first copy
            told = self.standby_status()
            return bool(told["follows"]) and told["behind_changes"] <= BEHIND_MAX
        return False

    def standby_status(self) -> dict[str, Any]:
        """Return what a standby says of itself."""
        return dict(self.ask("standby.status"))

    def configure(self, peers: str, *, elective: bool = False) -> None:
        """Write its settings, read at its next start. elective: standbys take over by themselves."""
        embedded = str(self.embedded).lower()
        text = f'[server]\nembedded_agent = {embedded}\nlisten = "{LISTEN[1]}"\npeers = "{peers}"\n'
        if elective:
            text += f"\n{PROMOTION}\nauto_promote = true\npromote_after_s = {PROMOTED_AFTER_S}\n"
        (self.data / "config.toml").write_text(text)

    @property
    def elective(self) -> bool:
        """Whether its settings let standbys take over by themselves."""
        return PROMOTION in (self.data / "config.toml").read_text()

    def _run(self, *words: str) -> None:
        self.killed = self.frozen = False
        if not self.lives:  # what a killed server leaves is no sign of life
            (self.data / "server.sock").unlink(missing_ok=True)
        self.process = start_on(self.host, self.log, "--data", str(self.data), *words, TZ="UTC")

    def wait_started(self) -> bool:
        """Wait until people are answered, or it has ended; tell whether it lives."""
        until = time.monotonic() + STARTS_WITHIN_S
        while self.lives:
            if self.answers():
                return True
            assert time.monotonic() < until, f"{self} does not start: {self.said()}"
            time.sleep(0.05)
        return False

    @property
    def lives(self) -> bool:
        """Whether the process is there."""
        return self.process is not None and self.process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit code of its process; None: it lives, or never lived."""
        return None if self.process is None else self.process.poll()

    def ended(self) -> int:
        """Wait until it has ended by itself, and return its exit code."""
        assert self.process is not None
        try:
            return self.process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self} goes on beside another server: {self.said()}") from None

    def kill(self) -> None:
        """End it as a power cut of its process would."""
        if self.process is not None and self.lives:
            self.killed = True
            self.process.kill()
            self.process.wait()

    def freeze(self) -> None:
        """Stop its time, as a virtual machine that is paused."""
        assert self.process is not None
        self.frozen = True
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let its time go on."""
        if self.frozen and self.process is not None:
            self.process.send_signal(signal.SIGCONT)
        self.frozen = False

    # ---- people

    def ask(self, operation: str, **arguments: Any) -> Any:
        """Return what the server answers."""
        return call(str(self.data), operation, arguments)

    def answers(self) -> bool:
        """Tell whether it answers people as a server; a standby says that it is none."""
        with contextlib.suppress(JazLiteError):  # between the two it does not answer
            return bool(self.ask("status")["state"] == "active")
        return False

    def command(self, *words: str, expect: int | None = 0) -> str:
        """Run a command against it, on its machine."""
        return run_on(self.host, "--data", str(self.data), *words, expect=expect).stdout

    def snapshot(self, target: Path) -> "subprocess.Popen[bytes]":
        """Begin to take a copy while it goes on."""
        return start_on(self.host, self.log, "--data", str(self.data), "snapshot", str(target))

    def said(self) -> str:
        """Return the end of its log."""
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""
