"""The site of a running server, as operations see it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, TypeVar

import trio

from jaz_lite.clock import Clock
from jaz_lite.config import Config
from jaz_lite.errors import JazLiteError, Refused
from jaz_lite.failover.votes import AGENTS_MIN
from jaz_lite.model.event import Operation
from jaz_lite.model.run import Run
from jaz_lite.net.dial import Address
from jaz_lite.operations.site import StartRequest
from jaz_lite.runner.control import Control
from jaz_lite.runner.purger import Purger, Told
from jaz_lite.runner.shipping import ACK_WITHIN_S, Shipping
from jaz_lite.server.announcing import Announcing
from jaz_lite.server.promotion import Isolation
from jaz_lite.server.rotation import Rotation
from jaz_lite.server.snapshots import Snapshots
from jaz_lite.server.snapshots import Told as Passed
from jaz_lite.server.standbys import Standbys
from jaz_lite.store.agents import AgentRow
from jaz_lite.store.copy_series import Taken
from jaz_lite.store.open import Store
from jaz_lite.store.retention import Purged
from jaz_lite.store.term import FIRST_EPOCH
from jaz_lite.store.transaction import Transaction, View

T = TypeVar("T")
EnrolAt = Callable[[str, Address], Awaitable[None]]


class ServerControl:
    """The engine's control, and what only the whole server knows."""

    def __init__(
        self,
        control: Control,
        *,
        store: Store,
        term: tuple[int, int],
        zone: tzinfo,
        listening: tuple[str, ...] = (),
        enrol_at: EnrolAt | None = None,
        rotation: Rotation | None = None,
        purger: Purger | None = None,
        shipping: Shipping | None = None,
        announcing: Announcing | None = None,
        standbys: Standbys | None = None,
        snapshots: Snapshots | None = None,
        isolation: Isolation | None = None,
    ) -> None:
        self._control = control
        self._store = store
        self._epoch, self._boot = term
        self._zone = zone
        self._listening = listening
        self._enrol_at = enrol_at
        self._rotation = rotation
        self._purger = purger
        self._shipping = shipping
        self._announcing = announcing
        self._standbys = standbys
        self._snapshots = snapshots
        self._isolation = isolation

    async def start_run(self, request: StartRequest) -> int:
        return await self._control.start_run(request)

    async def operate(self, run_id: int, make: Callable[[Run], Operation]) -> None:
        await self._control.operate(run_id, make)

    async def operate_all(
        self, run_ids: Sequence[int], make: Callable[[Run], Operation]
    ) -> Mapping[int, JazLiteError | None]:
        return await self._control.operate_all(run_ids, make)

    def find_run(self, run_id: int) -> Run | None:
        return self._control.find_run(run_id)

    def read_run(self, run_id: int) -> Run:
        return self._control.read_run(run_id)

    def live_runs(self) -> list[Run]:
        return self._control.live_runs()

    def follow(self, run_id: int, *, quiet: bool = False) -> AsyncIterator[Mapping[str, Any]]:
        return self._control.follow(run_id, quiet=quiet)

    def reachable(self, agent_id: str) -> bool:
        return self._control.reachable(agent_id)

    def copy_progress(self, key: bytes) -> Mapping[str, Any] | None:
        return self._control.copy_progress(key)

    def agent_now(self, agent_id: str) -> Mapping[str, Any]:
        return self._control.agent_now(agent_id)

    def agent_changed(self, agent_id: str) -> None:
        self._control.agent_changed(agent_id)

    def group_members(self, host: str) -> list[tuple[str, str]] | None:
        return self._control.group_members(host)

    def listening(self) -> tuple[str, ...]:
        return self._listening

    def end_session(self, agent_id: str, code: str, why: str) -> None:
        self._control.end_session(agent_id, code, why)

    def offer_key(self, agent_id: str, kid: int, key: bytes) -> None:
        self._control.offer_key(agent_id, kid, key)

    def rotate_certificate(self, *, force: bool) -> None:
        assert self._rotation is not None, "this server has no door"
        with self._store.snapshot() as view:
            server_id = view.term.site().server_id
        self._rotation.rotate(force=force, server_id=server_id)

    def certificate_may_change(self) -> None:
        if self._rotation is not None:
            self._rotation.look()

    async def enrol_at(self, name: str, place: Address) -> None:
        assert self._enrol_at is not None, "this server has no door"
        await self._enrol_at(name, place)

    async def revoke_agent(self, agent_id: str, *, remove: bool) -> None:
        await self._control.revoke_agent(agent_id, remove=remove)

    async def journal_grows(self, seen: int) -> int:
        return await self._control.journal_grows(seen)

    async def purge(self, told: Told, *, trust_clock: bool) -> tuple[Purged, int | None]:
        assert self._purger is not None, "this server keeps no house"
        outcome = await self._purger.run(told, trust_clock=trust_clock)
        return outcome.gone, outcome.doubted_until_ms

    def invite_standby(self, valid_s: float) -> tuple[bytes, bytes]:
        if self._standbys is None:
            raise Refused("nobody can come to this server: it does not listen")
        return self._standbys.invite(valid_s)

    def standbys(self) -> list[dict[str, Any]]:
        return [] if self._standbys is None else self._standbys.shown()

    async def switch_over(self, to: str, told: Callable[[str], Awaitable[None]]) -> dict[str, Any]:
        if self._standbys is None:
            raise Refused("no standby follows: this server does not listen")
        return await self._standbys.switch_over(to, told)

    async def snapshot(self, target: Path, keep: int | None, told: Passed) -> Taken:
        assert self._snapshots is not None, "this server takes no copies"
        return await self._snapshots.take(target, keep, told)

    def request_stop(self) -> None:
        self._control.request_stop()

    def status(self) -> dict[str, Any]:
        """Return one screen of health (interface.md, `status --json`)."""
        with self._store.snapshot() as view:
            site = view.term.site()
            agents = view.agents.list()
            enabled = len(view.definitions.enabled_docs("schedule"))
        counts = dict.fromkeys(("running", "error", "waiting", "planned", "missed"), 0)
        for run in self._control.live_runs():
            counts["running"] += run.state in ("ready", "running")
            counts["error"] += run.state == "run_error"
            counts["missed"] += run.start_missed  # of those in error
            if run.state == "waiting":
                counts["planned" if run.boot is not None and run.load_status == "normal" else "waiting"] += 1
        listed = []
        for agent in agents:
            at_agent, queued = self._control.waiting_for_agent(agent.agent_id)
            now = self._control.agent_now(agent.agent_id)
            listed.append(
                {
                    "agent_id": agent.agent_id,
                    "state": agent.state,
                    "reachable": self._control.reachable(agent.agent_id),
                    "running": at_agent,
                    "waiting": queued,
                    "confirmed": self._announcing is not None and self._announcing.has_confirmed(agent),
                    "version": agent.version,
                    "seen_at": self._time(agent.seen_ms),
                    "refusal": now["refusal"],
                    "clock_offset_ms": now["clock_offset_ms"],
                }
            )
        return {
            "server_id": site.server_id,
            "epoch": self._epoch,
            "boot": self._boot,
            "state": "active",
            "agents": listed,
            "takeover": self._takeover(agents),
            "runs": counts,
            "schedules": {"enabled": enabled, **self._schedules()},
            "notices": self._notices(),
            "standbys": self.standbys(),
        }

    def _takeover(self, agents: Sequence[AgentRow]) -> dict[str, Any] | None:
        """Return which agents do not know yet that this server took over; None where all do, or nobody took over."""
        progress = None if self._announcing is None else self._announcing.progress(agents)
        if progress is None or self._epoch == FIRST_EPOCH or not progress.rest:
            return None
        return {
            "confirmed": progress.confirmed,
            "agents": progress.agents,
            "rest": [
                {"agent_id": each.agent_id, "reason": each.reason, "since": self._time(each.since_ms)}
                for each in progress.rest
            ],
        }

    def _notices(self) -> list[str]:
        found = []
        if self._control.disk_full:
            found.append("the disk is full: nothing new is started until there is room")
        if self._isolation is not None and self._isolation.paused:
            found.append("neither a standby nor a majority of the agents is heard: nothing is started until one is")
        if self._isolation is not None and self._isolation.has_too_few:
            found.append(f"automatic promotion is set, and works only with {AGENTS_MIN} agents or more")
        alone_s = None if self._shipping is None else self._shipping.alone_s
        if alone_s is not None:
            found.append(
                f"no standby has confirmed anything for {alone_s + ACK_WITHIN_S:.0f} s: what is done is acknowledged"
                " without one (setting standby.ack)"
            )
        if self._snapshots is not None:
            found += self._snapshots.notices()
        return found

    def _schedules(self) -> dict[str, Any]:
        """Return which schedule starts next, and what hinders some."""
        outlook = self._control.outlook()
        starts = [
            (run.scheduled_ms, run.boot.schedule_id)
            for run in self._control.live_runs()
            if run.state == "waiting" and run.scheduled_ms is not None and run.boot is not None
            if run.boot.schedule_id and run.boot.held != "held" and run.load_status == "normal"
        ]
        if outlook.next_ms is not None:
            starts.append((outlook.next_ms, outlook.next_schedule))
        at_ms, schedule_id = min(starts, default=(None, ""))
        return {
            "next_at": self._time(at_ms),
            "next_schedule": schedule_id,
            "behind": list(outlook.behind),
            "broken": [{"schedule_id": name, "message": why} for name, why in outlook.broken],
        }

    def _time(self, at_ms: int | None) -> str | None:
        if at_ms is None:
            return None
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self._zone).isoformat(timespec="seconds")


class ServerSite:
    """Store, time and control of a running server. Changes run inside turns; looks take a snapshot."""

    def __init__(
        self, store: Store, *, clock: Clock, zone: tzinfo, config: Config, control: ServerControl, write: Control
    ) -> None:
        self.store = store
        self.clock = clock
        self.zone = zone
        self.config = config
        self.control = control
        self._write = write

    async def write(self, work: Callable[[Transaction], T]) -> T:
        return await self._write.write(work)

    async def read(self, work: Callable[[View], T]) -> T:
        with self.store.snapshot() as view:
            return work(view)

    async def breathe(self) -> None:
        await trio.lowlevel.checkpoint()
