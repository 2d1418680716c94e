"""The site: three machines for servers, four for agents, one cable. Whatever happens is done to this."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from jaz_lite.errors import JazLiteError
from tests.failover.files import COPY, Files
from tests.failover.machines import NOT_COPIED, PORT, Server
from tests.failover.witness import GROUP, JOBNETS, SCHEDULES, TICK, document
from tests.lab import wall_clock
from tests.lab.disks import Disk
from tests.lab.network import Host, network
from tests.lab.parts import LabAgent, comes_true, run_on

SERVERS = ("s1", "s2", "s3")
SILENT = "a1"  # listens nowhere: it has to find a new server
HIDDEN = "a3"  # may dial nobody: it has to be found
AGENTS = (SILENT, "a2", HIDDEN, "a4")
COMES_WITHIN_S = 150.0
COPIES_MAX = 6


class FailoverSite:
    """Machines, servers past and present, agents, and copies."""

    def __init__(self, folder: Path, hosts: dict[str, Host]) -> None:
        self.folder = folder
        self.hosts = hosts
        self.witness = folder / "witness"
        self.witness.touch()
        self.files = Files(folder, source="a2", target="a4")
        self.servers: list[Server] = []  # all that ever were
        self.copies: list[Path] = []  # oldest first
        self.clock = None if wall_clock.WHY_NOT else wall_clock.WallClock(folder)
        self.keep_files = False  # logs and directories, for who looks for the cause
        self.reruns: Counter[str] = Counter()  # what people asked to be done again: number of the run, name of the job
        self.keeper_kills: list[tuple[str, float]] = []  # host, when
        self._disks: list[Disk] = []
        self.peers = ", ".join(f"{hosts[name].address}:{PORT}" for name in SERVERS)
        if self.clock is not None:
            os.environ.update(self.clock.environment)  # every process of the site inherits it
        for name in SERVERS:
            hosts[name].own_machine()
        self.active = self.server_on("s1")
        self._prepare()
        self.agents = {name: LabAgent(hosts[name], folder / name) for name in AGENTS}
        for name in AGENTS:
            self._enrol(name)
        self.wait_for_agents(self.active)
        self._define()
        self.take_copy()

    # ---- beginnings

    def server_on(self, name: str) -> Server:
        """Return a place for a server on a machine; its directory does not exist yet."""
        made = Server(self.hosts[name], self.folder / f"{name}-{len(self.servers)}")
        self.servers.append(made)
        return made

    def copy_to(self, name: str, source: Path) -> Server:
        """Carry a copy to a machine."""
        made = self.server_on(name)
        shutil.copytree(source, made.data, ignore=NOT_COPIED)
        return made

    def copy_to_a_disk(self, name: str, source: Path) -> tuple[Server, Disk]:
        """Carry a copy to a disk of its own on a machine."""
        made = self.server_on(name)
        disk = Disk(made.data)
        self._disks.append(disk)
        shutil.copytree(source, made.data, ignore=NOT_COPIED, dirs_exist_ok=True)
        return made, disk

    def _prepare(self) -> None:
        self.active.command("init")
        self.active.configure(self.peers)
        self.active.start()
        assert self.active.wait_started(), self.active.said()

    def _enrol(self, name: str) -> None:
        agent = self.agents[name]
        agent.data.mkdir(mode=0o700)
        if name == SILENT:
            (agent.data / "agent.toml").write_text('listen = "off"\n')
        token = str(self.active.ask("agent.invite", name=name)["token"])
        if name == HIDDEN:
            agent.host.refuse_outgoing()
            agent.start_with("agent", "enroll", "--listen", "0.0.0.0:11055", token, "--data", str(agent.data))
            comes_true("it listens", lambda: "listening" in agent.said())
            self.active.command("agent", "add", name, agent.host.address)
        else:
            agent.enrol(token)
        agent.start()

    def _define(self) -> None:
        self.active.command("host", "add", GROUP, "--group", ",".join(AGENTS))
        for jobnet in JOBNETS:
            self._import(jobnet, document(jobnet, self.witness, AGENTS))
        self._import(COPY, self.files.document())
        for schedule, jobnet in SCHEDULES.items():
            words = ("--jobnet", jobnet, "-E", f"TAG={TICK}{jobnet}", "--zone", "UTC", "--late", "run_all", "--enable")
            self.active.command("schedule", "create", schedule, "--cron", "* * * * *", *words)

    def _import(self, name: str, text: str) -> None:
        path = self.folder / f"{name}.xml"
        path.write_text(text, "utf-8")
        self.active.command("import", str(path), "--enable")

    # ---- copies

    def take_copy(self) -> Path:
        """Take a copy of the active server, and return it."""
        copy = self.new_copy()
        self.active.command("snapshot", str(copy))
        self.keep_copy(copy)
        return copy

    def new_copy(self) -> Path:
        """Return where a further copy goes."""
        return self.folder / f"copy-{time.monotonic_ns()}"

    def keep_copy(self, copy: Path) -> None:
        """Keep a copy that was taken; the oldest of too many goes, but never the very first."""
        self.copies.append(copy)
        if len(self.copies) > COPIES_MAX:
            shutil.rmtree(self.copies.pop(1))

    # ---- accidents

    def kill_agent(self, name: str) -> None:
        """Kill an agent; its keeper and jobs go on."""
        self.agents[name].kill()

    def start_agent(self, name: str) -> None:
        """Start an agent as a service manager would, unless it lives."""
        agent = self.agents[name]
        if agent.process is None or agent.process.poll() is not None:
            agent.start()

    def kill_keeper(self, name: str) -> bool:
        """Kill a job keeper; tell whether there was one."""
        lock = self.agents[name].data / "keeper" / "lock"
        with contextlib.suppress(OSError, ValueError):
            pid = int(lock.read_text())
            if str(self.agents[name].data) in Path(f"/proc/{pid}/cmdline").read_text():
                self.keeper_kills.append((name, self.now))
                os.kill(pid, signal.SIGKILL)
                return True
        return False

    def mend(self) -> None:
        """Everything that was broken works again; what was ended by us and is no server is started."""
        for name, host in self.hosts.items():
            host.mend()
            host.allow_all()
            if name == HIDDEN:
                host.refuse_outgoing()
        for server in self.servers:
            server.thaw()
        for name in AGENTS:
            self.start_agent(name)

    def close(self) -> None:
        """End servers and agents, and take disks away; what they started ends with the network."""
        for server in self.servers:
            server.kill()
        for agent in self.agents.values():
            agent.kill()
        for disk in self._disks:
            disk.take_away()
        for name in () if self.clock is None else self.clock.environment:
            os.environ.pop(name, None)

    # ---- what is

    @property
    def now(self) -> float:
        """The time of day, as all processes of the site have it."""
        return time.time() + (0 if self.clock is None else self.clock.ahead_s)

    @property
    def living(self) -> list[Server]:
        """Servers whose process is there."""
        return [server for server in self.servers if server.lives]

    def wait_for_agents(self, server: Server) -> None:
        """Return when every agent is in session with a server, and has confirmed it."""
        until = time.monotonic() + COMES_WITHIN_S
        while True:
            missing = [f"the server ended with {server.exit_code}"]
            with contextlib.suppress(JazLiteError):
                missing = [row["agent_id"] for row in server.ask("agent.list")["agents"] if not row["reachable"]]
                missing += [row["agent_id"] for row in (server.ask("status").get("takeover") or {}).get("rest", ())]
            if not missing:
                return
            assert time.monotonic() < until, f"{server} has no contact with {', '.join(missing)}: {server.said()}"
            assert server.lives, f"{server} ended with {server.exit_code}: {server.said()}"
            time.sleep(0.2)


@contextlib.contextmanager
def failover_site() -> Iterator[FailoverSite]:
    """Give the site; everything is gone afterwards, but for files that are to be kept."""
    site = None
    folder = Path(tempfile.mkdtemp(prefix="jl-failover-"))
    try:
        with network(*SERVERS, *AGENTS) as hosts:
            site = FailoverSite(folder, hosts)
            try:
                yield site
            finally:
                site.close()
    finally:
        if site is None or not site.keep_files:
            shutil.rmtree(folder, ignore_errors=True)


def refused(server: Server, *words: str) -> tuple[int, str]:
    """Run a command that is to be refused; return its exit code and what it says."""
    done: subprocess.CompletedProcess[str] = run_on(server.host, "--data", str(server.data), *words, expect=None)
    return done.returncode, done.stderr
