"""A server of a few lines for tests of the agent: real links over real TLS on loopback, all state in memory.

It applies each event once, acknowledges at once, keeps output by offset, and remembers everything across sessions of
the agent as a real server's store would.
"""

import os
import shlex
import ssl
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from jaz_lite.agent import lock
from jaz_lite.agent.enrol.enrolment import SiteRecord, write_site
from jaz_lite.errors import Unreachable
from jaz_lite.net.dial import Address
from jaz_lite.net.line import Line, SocketLine
from jaz_lite.net.session import Session
from jaz_lite.net.tcp import connect
from jaz_lite.net.tls import as_scheduler, server_context
from jaz_lite.wire import happenings as h
from jaz_lite.wire import x509
from jaz_lite.wire.ident import NO_SPOOL, natural_key
from jaz_lite.wire.identities import Hello, SiteIdentity
from jaz_lite.wire.server_core import ServerLink
from jaz_lite.wire.spec import pack_spec

AGENT = "local"
KEY = bytes(range(32))
SITE = bytes(range(16))
# Where the program to be tested is another one than ours: the words it begins with, as a shell would read them.
PROGRAM = shlex.split(os.environ.get("JAZ_LITE_TEST_AGENT", "")) or [sys.executable, "-m", "jaz_lite.agent.main"]
PATIENCE_S = float(os.environ.get("JAZ_LITE_TEST_PATIENCE_S", "20"))  # an emulated agent needs more
FINAL = ("finished", "failed", "lost", "cancelled")
CERTIFICATE = x509.self_signed("jazl-test", os.urandom)


class SmallServer:
    """See the module. `events` maps a key to the (name, fields) of what happened to it, in order."""

    def __init__(self, site_uid: bytes = SITE, certificate: x509.Certificate = CERTIFICATE) -> None:
        self.site_uid = site_uid
        self.certificate = certificate
        self.port = 0
        self.term, self.act = 1, b"act-0001"
        self.spool, self.cursor, self.chain = NO_SPOOL, 0, bytes(16)
        self.events: dict[bytes | None, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
        self.output: dict[tuple[bytes, int], bytearray] = defaultdict(bytearray)
        self.ended: set[tuple[bytes, int]] = set()
        self.states: list[h.WorkState] = []
        self.refusals: list[h.RefusedWork] = []
        self.inventory: list[h.InventoryItem] = []
        self.closed: list[h.Closed] = []
        self.hellos: list[Hello] = []
        self.deposed: list[h.Deposed] = []
        self.link: ServerLink | None = None
        self.up = False
        self.on_final: Callable[[bytes], None] | None = None
        self._session: Session | None = None
        self._changed = trio.Event()
        self._waiting: list[tuple[bytes, str, bytes]] = []

    # ---- what tests say

    def enrolment(self, *addrs: str) -> SiteRecord:
        """Return what an agent of this site is given when it is enrolled."""
        return SiteRecord(
            site_uid=self.site_uid,
            server_id="test",
            agent_id=AGENT,
            kid=1,
            key=KEY,
            cert_pem=self.certificate.cert_pem,
            addrs=addrs,
        )

    def dispatch(self, name: str, script: "str | bytes | None" = None, *, kind: str = "cmd", **spec: Any) -> bytes:
        """Send a job, now or as soon as the agent is up; return its key."""
        k = natural_key(self.site_uid, f"M:{name}", "/job#1", 1)
        if script is not None:
            spec["script"] = script
        self.send(name, kind, pack_spec(kind, spec))
        return k

    def send(self, name: str, kind: str, spec: bytes, **extra: Any) -> None:
        """Send a work order as it is."""
        assert self.link is not None
        k = natural_key(self.site_uid, f"M:{name}", "/job#1", 1)
        self.link.dispatch(k=k, occ=f"M:{name}", path="/job#1", att=1, run=7, kind=kind, spec=spec, **extra)
        self.flush()

    def flush(self) -> None:
        assert self._session is not None
        self._session.flush()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until it is so; what is asked is asked again after everything that happens."""
        with trio.fail_after(PATIENCE_S):
            while not condition():
                await self._changed.wait()

    async def until_up(self) -> None:
        await self.until(lambda: self.up)

    async def end_of(self, k: bytes) -> tuple[str, dict[str, Any]]:
        """Wait for the end of a job and return it."""
        await self.until(lambda: self.has_ended(k))
        return next((e, x) for e, x in self.events[k] if e in FINAL)

    def has_ended(self, k: bytes) -> bool:
        return any(e in FINAL for e, _ in self.events[k])

    def names(self, k: bytes) -> list[str]:
        return [e for e, _ in self.events[k]]

    # ---- inside

    async def serve(self, context: Any, *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listeners[0].socket.getsockname()[1]

        async def one(stream: trio.SocketStream) -> None:
            await self._hold(await as_scheduler(SocketLine.over(stream), context))

        await trio.serve_listeners(one, listeners, task_status=task_status)

    async def hold_dialled(self, context: ssl.SSLContext, port: int) -> None:
        """Dial an agent until it listens, and hold one session with it."""
        while True:
            try:
                line = await connect(Address("127.0.0.1", port))
            except Unreachable:
                await trio.sleep(0.02)
            else:
                await self._hold(await as_scheduler(line, context))
                return

    async def _hold(self, secured: Line) -> None:
        site = SiteIdentity(
            site_uid=self.site_uid,
            server_id="test",
            term=self.term,
            act=self.act,
            cert_sha256=self.certificate.sha256,
        )
        link = ServerLink(site, nonce=os.urandom(32), now=trio.current_time(), find_agent=lambda *_: KEY)
        self.link, self.up = link, False
        self._session = Session(link, secured, lambda found: self._heard(link, found))
        await self._session.run()

    def _heard(self, link: ServerLink, found: list[h.Happening]) -> None:
        for happening in found:
            match happening:
                case h.Identified(hello):
                    self._identified(link, hello)
                case h.Deposed():
                    self.deposed.append(happening)
                    link.bye("deposed")
                case h.AgentEvents(events):
                    for event in events:
                        assert event.n == self.cursor + 1
                        self.cursor, self.chain = event.n, event.chain
                        self.events[event.k].append((event.e, dict(event.x)))
                        if event.e in FINAL and event.k and self.on_final:
                            self.on_final(event.k)
                    link.ack(self.cursor)
                case h.Output(k, stream, offset, data, eof):
                    kept = self.output[k, stream]
                    assert offset <= len(kept), "a gap in the output"
                    kept += data[len(kept) - offset :]
                    if eof:
                        self.ended.add((k, stream))
                    link.out_ack(k, stream, len(kept))
                case h.InventoryPage(items, _):
                    self.inventory += items
                case h.Synced():
                    self.up = True
                case h.WorkState():
                    self.states.append(happening)
                case h.RefusedWork():
                    self.refusals.append(happening)
                case h.Closed():
                    self.closed.append(happening)
                    self.up = False
        changed, self._changed = self._changed, trio.Event()
        changed.set()

    def _identified(self, link: ServerLink, hello: Hello) -> None:
        self.hellos.append(hello)
        if hello.facts.spool != self.spool or self.spool == NO_SPOOL:
            self.spool, self.cursor, self.chain = os.urandom(16), 0, bytes(16)
        self.inventory = []
        link.welcome(ticket=bytes(32), spool=self.spool, cursor=self.cursor, chain=self.chain)


def context_of(server: SmallServer, folder: Path) -> ssl.SSLContext:
    """Return the server's side of TLS; its files are put into `folder`."""
    certificate, key = folder / f"{server.site_uid.hex()}.crt", folder / f"{server.site_uid.hex()}.key"
    certificate.write_text(server.certificate.cert_pem)
    key.write_text(server.certificate.key_pem)
    return server_context(certificate, key)


@asynccontextmanager
async def small_server(folder: Path, server: "SmallServer | None" = None) -> AsyncIterator[SmallServer]:
    """Serve on loopback, and enrol the agent in `folder` with it."""
    server = server or SmallServer()
    async with trio.open_nursery() as nursery:
        await nursery.start(server.serve, context_of(server, folder.parent))
        write_site(folder, server.enrolment(f"127.0.0.1:{server.port}"))
        if not (folder / "agent.toml").exists():
            (folder / "agent.toml").write_text('listen = "off"\n')
        yield server
        nursery.cancel_scope.cancel()


class AgentProcess:
    """The real agent as a process of its own, which tests may kill and start again; its keeper lives on."""

    def __init__(self, folder: Path, program: Sequence[str], env: "Mapping[str, str] | None") -> None:
        self.folder = folder
        self.process: trio.Process | None = None
        self._program = program
        self._env = env

    @property
    def command(self) -> list[str]:
        return [*self._program, "run", "--data", str(self.folder)]

    async def start(self) -> None:
        self.process = await trio.lowlevel.open_process(self.command, env=self._env)

    async def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        with trio.fail_after(PATIENCE_S):
            return await self.process.wait()

    @property
    def keeper_pids(self) -> list[int]:
        """The job keepers of this folder that live."""
        if sys.platform == "win32":
            holder = lock.holder_of(self.folder / "keeper")
            return [] if holder is None else [holder]
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                    state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                except OSError:
                    continue
                if b"keeper" in words and str(self.folder).encode() in words and state != "Z":
                    found.append(int(entry.name))
        return found


@asynccontextmanager
async def agent_at(
    folder: Path, *, program: Sequence[str] = PROGRAM, env: "Mapping[str, str] | None" = None
) -> AsyncIterator[AgentProcess]:
    """Run the agent of `folder`; at the end no process of it is left.

    Args:
        program: the agent's program, by default the one that is tested; env: its environment, by default ours.
    """
    agent = AgentProcess(folder, program, env)
    await agent.start()
    try:
        yield agent
    finally:
        with trio.CancelScope(shield=True):
            if agent.process is not None and agent.process.returncode is None:
                await agent.kill()
            for pid in agent.keeper_pids:
                os.kill(pid, 9)
