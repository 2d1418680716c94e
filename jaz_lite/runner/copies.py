"""All file copies that are at work on target agents, and the relays that carry their bytes.

A relay runs while its attempt runs and both agents are in session with room for one more file. What it hears comes
straight from the links, between turns: nothing of it is stored. How the copy ended is said by the target's agent, as
an event like that of any job. An agent that is away is waited for.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Any

from jaz_lite.runner.copy_relay import CopyOrder, CopyRelay, Side
from jaz_lite.runner.desk import COPY_KIND, Desk
from jaz_lite.runner.feed import Feed
from jaz_lite.runner.port import Port
from jaz_lite.runner.work import Work, Works
from jaz_lite.store.open import Store
from jaz_lite.wire.file_happenings import FileHappening
from jaz_lite.wire.limits import FEATURE_FILES, FILE_LEGS_MAX
from jaz_lite.wire.spec import unpack_spec

SILENCE_S = 180.0  # JaFcopyTimeout: so long both agents may be in session and nothing happens
NEWS_S = 0.5  # between two pieces of news about one copy

log = logging.getLogger(__name__)


class Copies:
    """See the module.

    Args:
        clock: gives monotonic seconds.
    """

    def __init__(self, store: Store, works: Works, feed: Feed, clock: Callable[[], float]) -> None:
        self._store = store
        self._works = works
        self._feed = feed
        self._clock = clock
        self._relays: dict[bytes, CopyRelay] = {}
        self._ports: dict[bytes, dict[Side, Port]] = {}  # those that a relay at work holds
        self._sides: dict[tuple[int, bytes], tuple[CopyRelay, Side]] = {}  # (id of the port, x)
        self._source_agents: dict[bytes, str] = {}
        self._told_at: dict[bytes, float] = {}

    def __bool__(self) -> bool:
        return bool(self._relays or self._works.copies)

    # ---- called when something may have changed

    def look(self) -> None:
        """Begin what can begin, and let go of what is not wanted any more."""
        self._works.copies_changed = False
        for k in [k for k in self._relays if k not in self._works.copies]:
            self._let_go(self._relays.pop(k))
            self._source_agents.pop(k, None)
            self._told_at.pop(k, None)
        for work in self._wanted():
            relay = self._relays.get(work.k)
            if relay is None:
                order = self._order(work)
                if order is None:
                    continue
                relay = self._relays[work.k] = CopyRelay(work.k, order)
            if work.state != "running":
                self._let_go(relay)  # it is being stopped: the target is told by a kill
            elif not relay.at_work and self._clock() >= relay.not_before:
                self._begin(relay, work)

    def _wanted(self) -> Iterator[Work]:
        for k in tuple(self._works.copies):
            work = self._works.open.get(k)
            if work is not None and work.state in ("running", "stopping"):
                yield work

    def _order(self, work: Work) -> CopyOrder | None:
        with self._store.snapshot() as view:
            row = view.attempts.find(work.k)
        if row is None or not row.spec:
            return None
        spec = unpack_spec(COPY_KIND, row.spec)
        return CopyOrder(source_host=spec["source"], target_host=row.host, folder=spec["from"], pattern=spec["pattern"])

    def _begin(self, relay: CopyRelay, work: Work) -> None:
        target = self._port(work.agent_id)
        if target is None:
            return
        source = self._port(self._source_agent(relay)) if relay.needs_source else None
        if relay.needs_source and source is None:
            return
        if relay.needs_source and any(desk.lock for desk in self._desks(relay, work)):
            return  # one of the machines is being rebooted
        if target.link.has_leg(relay.k) or (source is not None and source.link.has_leg(relay.source_x)):
            return
        if source is not None and FEATURE_FILES not in source.features:
            relay.fail("old", f'the agent of host "{relay.order.source_host}" is too old to copy files from')
            source = None
        wanted = [port for port in (target, source) if port is not None]
        if any(self._room(port) < wanted.count(port) for port in wanted):
            return
        ports: dict[Side, Port] = {"target": target}
        self._sides[id(target), relay.k] = (relay, "target")
        if source is not None:
            ports["source"] = source
            self._sides[id(source), relay.source_x] = (relay, "source")
        self._ports[relay.k] = ports
        relay.begin(None if source is None else source.link, target.link, self._clock())
        self._flush(relay)

    def _desks(self, relay: CopyRelay, work: Work) -> list[Desk]:
        return [self._works.desk(name) for name in (work.agent_id, self._source_agent(relay))]

    def _port(self, agent_id: str) -> Port | None:
        desk = self._works.desks.get(agent_id)
        port = None if desk is None else desk.port
        return port if port is not None and port.synced and port.link.state == "up" else None

    def _source_agent(self, relay: CopyRelay) -> str:
        """Return the agent behind the source host, as it was at the last tick; "" where there is none."""
        agent_id = self._source_agents.get(relay.k)
        if agent_id is None:
            with self._store.snapshot() as view:
                found = view.hosts.find(relay.order.source_host)
            agent_id = "" if found is None or found.kind != "agent" else found.agent_id
            self._source_agents[relay.k] = agent_id
        return agent_id

    def _room(self, port: Port) -> int:
        """Return how many relays may still use a port: those at work keep their place also between two files."""
        mine = {x for at, x in self._sides if at == id(port)}
        others = sum(x not in mine for x in port.link.legs)
        return FILE_LEGS_MAX - len(mine) - others

    def _let_go(self, relay: CopyRelay) -> None:
        if relay.at_work:
            relay.cut()
        self._flush(relay)
        for side, port in self._ports.pop(relay.k, {}).items():
            self._sides.pop((id(port), relay.k if side == "target" else relay.source_x), None)

    def _flush(self, relay: CopyRelay) -> None:
        for port in self._ports.get(relay.k, {}).values():
            port.flush()

    # ---- called by the links

    def heard(self, port: Port, happening: FileHappening) -> None:
        """Take what an agent says about a file."""
        found = self._sides.get((id(port), happening.x))
        if found is None:
            self.look()  # the last word about a leg that was given up: there is room again
            return
        relay, side = found
        relay.heard(side, happening, self._clock())
        self._flush(relay)
        if not relay.at_work:
            self._let_go(relay)
        else:
            self._tell(relay)

    def gone(self, port: Port) -> None:
        """A connection is over."""
        for relay in [relay for (at, _), (relay, _) in tuple(self._sides.items()) if at == id(port)]:
            self._let_go(relay)
        self._works.copies_changed = True

    # ---- time

    def tick(self) -> None:
        """Give up what is silent, begin what was waited for. To be called every few seconds."""
        now = self._clock()
        for relay in self._relays.values():
            if relay.at_work and relay.needs_source and now - relay.heard_at > SILENCE_S:
                log.warning("a file copy is silent and fails", extra={"action": "copy.silent", "k": relay.k.hex()})
                relay.fail("silent", f"nothing was heard of the copy for {SILENCE_S:.0f} s")
                self._flush(relay)
        self._source_agents = {k: name for k, name in self._source_agents.items() if self._relays[k].at_work}
        self.look()

    # ---- what people are told

    def progress(self, k: bytes) -> dict[str, Any] | None:
        """Return how far a copy is, as plain values; None where it is not known here."""
        relay = self._relays.get(k)
        if relay is None:
            return None
        far = relay.progress
        return {
            "files_done": far.files_done,
            "files": far.files,
            "bytes_done": far.bytes_done,
            "bytes": far.size_bytes,
            "file": far.file,
            "source_host": relay.order.source_host,
            "at_work": relay.at_work,
        }

    def _tell(self, relay: CopyRelay) -> None:
        now = self._clock()
        if now - self._told_at.get(relay.k, -NEWS_S) < NEWS_S:
            return
        work = self._works.open.get(relay.k)
        if work is not None:
            self._told_at[relay.k] = now
            source = {"path": work.path, "pass": work.visit, "attempt": work.attempt}
            self._feed.at_once(work.run_id, {"kind": "copy", **source, **(self.progress(relay.k) or {})})
