"""A further agent beside the embedded one of a site, a process of its own with its own data directory."""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time

from bench.process import by_command_line
from bench.site import STARTS_WITHIN_S, Site
from jaz_lite.agent.enrol.enrolment import SiteRecord, write_site
from jaz_lite.clock import SystemClock
from jaz_lite.model.host import Host
from jaz_lite.store.agents import AgentRow
from jaz_lite.store.directory import DataDirectory


class AgentBeside:
    """An agent that is enrolled while the server is not running, and reached by a host of its name."""

    def __init__(self, site: Site, agent_id: str, *, address: str) -> None:
        """Enrol the agent: `address` is where it dials, the server's or that of something between."""
        self._site = site
        self.agent_id = agent_id
        self.data = site.folder / f"agent-{agent_id}"
        self.process: subprocess.Popen[bytes] | None = None
        clock = SystemClock()
        if not DataDirectory.exists(site.data):
            DataDirectory.prepare(site.data, server_id="BENCH", clock=clock)
        store = DataDirectory(site.data).open_store(clock=clock)
        key = secrets.token_bytes(32)
        try:
            with store.transaction() as tx:
                tx.agents.put(AgentRow(agent_id=agent_id, kid=1, key=key, created_ms=clock.now_ms()))
                tx.hosts.put(Host(host=agent_id, agent_id=agent_id))
                identity = tx.term.site()
            pem = store.keys.site_certificate_file.read_text("ascii")
        finally:
            store.close()
        write_site(
            self.data,
            SiteRecord(
                site_uid=identity.site_uid, server_id=identity.server_id, agent_id=agent_id, kid=1, key=key,
                cert_pem=pem, addrs=(address,),
            ),
        )  # fmt: skip

    def start(self) -> None:
        """Start the agent."""
        with (self._site.folder / f"{self.agent_id}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jaz_lite.agent.main", "run", "--data", str(self.data)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def wait(self) -> None:
        """Return when the server has the agent in session."""
        until = time.monotonic() + STARTS_WITHIN_S
        while not any(a["reachable"] and a["agent_id"] == self.agent_id for a in self._site.ask("status")["agents"]):
            if time.monotonic() > until:
                raise RuntimeError(f"the agent {self.agent_id} did not come")
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill the agent as a crash would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End the agent and its keeper."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        for pid in by_command_line(str(self.data)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
