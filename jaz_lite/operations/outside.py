"""What an explanation of a run asks about the world around it: hosts, agents, other runs."""

from collections.abc import Sequence

from jaz_lite.engine.explain import HostLocked
from jaz_lite.operations.copy_text import copy_text
from jaz_lite.operations.site import Site, control_of
from jaz_lite.store.transaction import Nouns

HELD_LINES_MAX = 1_000  # a run that has not started has said hardly anything


class Outside:
    """The world around a run, as the store and the running server know it."""

    def __init__(self, site: Site, nouns: Nouns) -> None:
        self._control = control_of(site)
        self._clock = site.clock
        self._nouns = nouns

    def agent_of(self, host: str) -> str | None:
        found = self._nouns.hosts.find(host)
        if found is not None:
            return found.agent_id or None
        # A group may name an agent itself.
        return host if self._nouns.agents.find(host) is not None else None

    def is_disabled(self, host: str) -> bool:
        found = self._nouns.hosts.find(host)
        return found is not None and not found.enabled

    def unreachable_since_ms(self, agent_id: str) -> int | None:
        if self._control.reachable(agent_id):
            return None
        agent = self._nouns.agents.find(agent_id)
        seen_ms = None if agent is None else agent.seen_ms
        return self._clock.now_ms() if seen_ms is None else seen_ms

    def is_draining(self, agent_id: str) -> bool:
        agent = self._nouns.agents.find(agent_id)
        return agent is not None and agent.state == "draining"

    def refusal_of(self, agent_id: str) -> str:
        return str(self._control.agent_now(agent_id)["refusal"])

    def lock_of(self, agent_id: str) -> HostLocked | None:
        lock = self._nouns.host_locks.find(agent_id)
        return None if lock is None else HostLocked(lock.k, lock.run_id, lock.path, lock.since_ms)

    def members_of(self, host: str) -> Sequence[tuple[str, str]] | None:
        return self._control.group_members(host)

    def copied(self, key: bytes) -> str:
        far = self._control.copy_progress(key)
        return "" if far is None else copy_text(far)

    def attempt_state(self, key: bytes) -> str:
        found = self._nouns.attempts.find(key)
        return "" if found is None else found.state

    def other_runs(self, jobnet_id: str, run_id: int) -> Sequence[int]:
        rows = self._nouns.runs.list(jobnet=jobnet_id, states=("ready", "running", "run_error"))
        # One whose start was missed is in error, but it does not run.
        return [row.run_id for row in rows if row.run_id != run_id and row.load_status != "delayed"]

    def unheard(self) -> Sequence[str]:
        if self._nouns.window.current() is None:
            return ()
        return [name for name, witness in self._nouns.window.witnesses().items() if witness.heard_ms is None]

    def held_by(self, run_id: int) -> str:
        lines = self._nouns.journal.of_run(run_id, limit=HELD_LINES_MAX)
        return next((str(line.data.get("by", "")) for line in reversed(lines) if line.kind == "run_held"), "")
