"""Deliberate faults in the product, by name: each leaves out one step that a promise rests on.

They are put in from outside while a seed is played. A simulator that does not notice them proves nothing.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

from jaz_lite.agent import membership
from jaz_lite.agent.attempt_book import AttemptBook
from jaz_lite.agent.copying import file_target
from jaz_lite.agent.copying.file_folder import Folder
from jaz_lite.agent.file_waits import DiskNotes
from jaz_lite.agent.keeper_core import Claim, KeeperCore, Spawn, Sync
from jaz_lite.agent.policy import Policy
from jaz_lite.agent.site import Site
from jaz_lite.agent.site_log import SiteLog
from jaz_lite.agent.slots import Slots
from jaz_lite.agent.spool import Spool
from jaz_lite.engine import icon_view
from jaz_lite.model.event import WorkEnded
from jaz_lite.runner import agents, dispatch, groups, locks, outcomes, reconcile, reports
from jaz_lite.runner.inputs import AgentGone, AgentReports
from jaz_lite.runner.turn import Turn
from jaz_lite.runner.turns import Turns
from jaz_lite.runner.work import Works
from jaz_lite.store.host_locks import HostLocks
from jaz_lite.store.output import Output
from jaz_lite.store.transaction import Transaction
from jaz_lite.wire import ident, server_handshake
from jaz_lite.wire.happenings import Acked, Welcomed
from tests.sim.failover import server as failover_server
from tests.sim.kinds import Kind
from tests.sim.observe import patched
from tests.sim.world import World

Breakage = Callable[[World], AbstractContextManager[None]]


def forget_on_ack(_world: World) -> AbstractContextManager[None]:
    """The agent forgets an attempt as soon as its latest event is acknowledged."""
    heard = Site.heard

    def broken(self: Site, link: Any, happenings: Any, now: Any) -> None:
        happenings = list(happenings)
        heard(self, link, happenings, now)
        for happening in happenings:
            if isinstance(happening, Acked):
                for k in [k for k, attempt in self.core.attempts.items() if attempt.eseq <= happening.n]:
                    del self.core.attempts[k]
                    self.core.running.pop(k, None)

    return patched((Site, "heard", broken))


def cursor_apart_from_effect(_world: World) -> AbstractContextManager[None]:
    """The server moves an agent's cursor in a transaction of its own, before the one with the effects."""
    prepare = Turns.prepare

    def broken(self: Turns) -> Turn | None:
        for item in self._inbox:
            if isinstance(item, AgentReports) and item.port.up:
                last = item.happening.events[-1]
                with self.store.transaction() as tx:
                    tx.agents.move_cursor(item.port.agent_id, item.port.spool, last.n, last.chain)
        return prepare(self)

    return patched((Turns, "prepare", broken))


def no_claim_before_exec(_world: World) -> AbstractContextManager[None]:
    """The keeper starts the process and writes down afterwards that it did."""

    def broken(self: KeeperCore, name: str, order: Any, wall_ms: int) -> None:
        known = self.claims.get(name)
        if known is not None:
            self._say(["listed", name, known.last])
            return
        self.claims[name] = Claim("claimed", ["claim", name, wall_ms])
        self._open += 1
        self._after_sync.append(Spawn(name, order))

    return patched((KeeperCore, "_start", broken))


def claim_not_synced(_world: World) -> AbstractContextManager[None]:
    """The keeper writes its log and never syncs it."""
    take = KeeperCore.take

    def broken(self: KeeperCore) -> list[Any]:
        return [effect for effect in take(self) if not isinstance(effect, Sync)]

    return patched((KeeperCore, "take", broken))


def dispatch_before_commit(_world: World) -> AbstractContextManager[None]:
    """The server sends a work order while the transaction that says so is still open."""
    leave = dispatch.hand_over

    def broken(turn: Turn, *arguments: Any) -> None:
        after_commit = turn.after_commit

        def at_once(do: Callable[[], None], port: Any = None) -> None:
            do()
            port.flush()

        turn.after_commit = at_once  # type: ignore[method-assign]
        try:
            leave(turn, *arguments)
        finally:
            turn.after_commit = after_commit  # type: ignore[method-assign]

    return patched((dispatch, "hand_over", broken))


def ack_before_commit(_world: World) -> AbstractContextManager[None]:
    """The server acknowledges events while the transaction with their effects is still open."""
    take_in = reports.take_in

    def broken(turn: Turn, item: AgentReports) -> None:
        take_in(turn, item)
        if item.port.up:
            item.port.link.ack(item.happening.events[-1].n)
            item.port.flush()

    return patched((reports, "take_in", broken))


def result_applied_twice(_world: World) -> AbstractContextManager[None]:
    """The end of a job is told to its run twice."""
    apply = reports.apply

    def broken(turn: Turn, work: Any, kind: str, x: Any, at_ms: int) -> None:
        apply(turn, work, kind, x, at_ms)
        if kind == "finished":
            turn.raise_event(work.run_id, WorkEnded(work.node, work.k, outcomes.result_of(x, work.encoding)))

    return patched((reports, "apply", broken))


def term_not_durable(_world: World) -> AbstractContextManager[None]:
    """The agent keeps the highest term in memory only."""
    return patched((membership, "save_term", lambda *_arguments: None))


def event_sent_before_sync(_world: World) -> AbstractContextManager[None]:
    """The agent takes its log for durable without having made it so."""

    def broken(self: Spool) -> None:
        self.synced = self.head

    return patched((Spool, "sync", broken))


def output_offset_not_checked(_world: World) -> AbstractContextManager[None]:
    """The server puts each piece of output behind the last one, wherever it belongs."""
    append = Output.append

    def broken(self: Output, k: bytes, stream: int, offset: int, data: bytes) -> int:
        return append(self, k, stream, self.length(k, stream), data)

    return patched((Output, "append", broken))


@contextmanager
def sent_work_not_sent_again(_world: World) -> Iterator[None]:
    """The server takes what it has sent for received, and does not repeat it on the next contact."""
    with patched((dispatch, "send_again", lambda *_arguments: None)):
        yield


def doubts_settle_themselves(_world: World) -> AbstractContextManager[None]:
    """The server takes an attempt of unknown fate for one that may be sent again."""
    move = Works.move

    def broken(self: Works, work: Any, state: str) -> None:
        move(self, work, state)
        if state == "unknown":
            work.state = "ready"
            self.desk(work.agent_id).pile_of(work.kind).append(work.k)

    return patched((Works, "move", broken))


def deletion_forgotten(_world: World) -> AbstractContextManager[None]:
    """A wait that is begun again does not look whether it has deleted its file already."""
    return patched((DiskNotes, "find", lambda _notes, _k: None))


def group_work_moves_on(_world: World) -> AbstractContextManager[None]:
    """The server takes work of a group back from a member that it cannot reach, and gives it to another."""
    gone = agents.gone

    def broken(turn: Turn, item: AgentGone, *more: Any) -> None:
        gone(turn, item, *more)
        for work in turn.works.of_agent(item.port.agent_id):
            if work.group and work.state in ("sent", "accepted", "running"):
                groups.give_back(turn, work, "busy", "", for_good=False)

    return patched((agents, "gone", broken))


def setback_agent_starts(_world: World) -> AbstractContextManager[None]:
    """After a boot the agent starts what it had accepted, before the server could tell it that it was set back."""
    make = AttemptBook.__init__

    def broken(self: AttemptBook, **settings: Any) -> None:
        make(self, **{**settings, "may_start": True})

    return patched((AttemptBook, "__init__", broken))


def no_boot_check_on_sent(_world: World) -> AbstractContextManager[None]:
    """The server takes it for proof that a machine booted since has no record of work sent to it (strict guard)."""
    return patched((reconcile, "_sent_in_this_boot", lambda *_arguments: True))


def normal_instead_of_strict(_world: World) -> AbstractContextManager[None]:
    """The agent passes over the strict guard that its policy asks for."""
    make = Site.__init__

    def broken(self: Site, *, policy: Policy, **more: Any) -> None:
        make(self, policy=replace(policy, rollback_guard="normal"), **more)

    return patched((Site, "__init__", broken))


def reboot_holds_nothing(_world: World) -> AbstractContextManager[None]:
    """The agent goes on beginning work while a reboot is under way."""
    return patched((Slots, "held", property(lambda _slots: False)))


def host_lock_not_durable(_world: World) -> AbstractContextManager[None]:
    """The server keeps the lock of a host in memory only."""
    return patched((HostLocks, "put", lambda *_arguments: None))


def host_lock_stays(_world: World) -> AbstractContextManager[None]:
    """The server frees the lock of a host only when the machine was booted."""
    free = locks.free

    def broken(turn: Turn, desk: Any, why: str) -> None:
        if why != "the reboot is over":
            free(turn, desk, why)

    return patched((locks, "free", broken))


def random_keys(world: World) -> AbstractContextManager[None]:
    """Each process of the server gives attempts keys of its own, whatever they are for."""
    prepare, natural_key = Turns.prepare, icon_view.natural_key
    process = ""

    def speaking(self: Turns) -> Turn | None:
        nonlocal process
        process = f"{world.seed} {self.store.folder.name} {self.term}"
        return prepare(self)

    def broken(site_uid: bytes, occ: str, path: str, attempt: int) -> bytes:
        return natural_key(site_uid, f"{occ} {process}", path, attempt)

    return patched((Turns, "prepare", speaking), (icon_view, "natural_key", broken))


def no_fencing(_world: World) -> AbstractContextManager[None]:
    """Agents obey every server of their site, and no server listens when it is told of a higher term."""
    return patched(
        (membership.Membership, "may_speak", lambda *_arguments: True),
        (server_handshake, "_beats", lambda *_arguments: False),
    )


def no_chain(_world: World) -> AbstractContextManager[None]:
    """The agent compares with the server how many events there are, and not what they say."""
    compare = SiteLog.compare

    def broken(self: SiteLog, welcome: Welcomed) -> str:
        found = compare(self, welcome)
        counts_fit = welcome.spool == self.spool.spool and self.spool.low - 1 <= welcome.cursor <= self.spool.head
        return "fits" if counts_fit else found

    return patched((SiteLog, "compare", broken))


def no_window_replay(_world: World) -> AbstractContextManager[None]:
    """A copy takes over as if it knew all that was done: no window is opened, and nothing is replayed."""

    def broken(tx: Transaction, epoch: int, act: bytes, _now_ms: int) -> int:
        return tx.term.activate(epoch, act)

    return patched((failover_server, "take_over", broken))


def copy_written_in_place(_world: World) -> AbstractContextManager[None]:
    """A file that is copied has its final name from the first byte on."""

    def part_name(_k: bytes, name: bytes) -> str:
        return os.fsdecode(name)

    def published(self: Folder, _part: str, _name: str, *, overwrite: bool) -> None:
        self.sync()

    return patched((file_target, "part_name", part_name), (Folder, "publish", published))


def act_not_compared(_world: World) -> AbstractContextManager[None]:
    """Of two processes with an equal term neither replaces the other."""

    def broken(term: int, _act: bytes, other_term: int, _other_act: bytes) -> bool:
        return term > other_term

    return patched((membership, "replaces", broken), (ident, "replaces", broken))


BREAKAGES: dict[str, Breakage] = {
    "random-keys": random_keys,
    "no-fencing": no_fencing,
    "no-chain": no_chain,
    "act-not-compared": act_not_compared,
    "copy-written-in-place": copy_written_in_place,
    "no-window-replay": no_window_replay,
    "forget-on-ack": forget_on_ack,
    "cursor-apart-from-effect": cursor_apart_from_effect,
    "no-claim-before-exec": no_claim_before_exec,
    "claim-not-synced": claim_not_synced,
    "dispatch-before-commit": dispatch_before_commit,
    "ack-before-commit": ack_before_commit,
    "result-applied-twice": result_applied_twice,
    "term-not-durable": term_not_durable,
    "event-sent-before-sync": event_sent_before_sync,
    "output-offset-not-checked": output_offset_not_checked,
    "sent-work-not-sent-again": sent_work_not_sent_again,
    "doubts-settle-themselves": doubts_settle_themselves,
    "deletion-forgotten": deletion_forgotten,
    "group-work-moves-on": group_work_moves_on,
    "setback-agent-starts": setback_agent_starts,
    "no-boot-check-on-sent": no_boot_check_on_sent,
    "normal-instead-of-strict": normal_instead_of_strict,
    "reboot-holds-nothing": reboot_holds_nothing,
    "host-lock-not-durable": host_lock_not_durable,
    "host-lock-stays": host_lock_stays,
}
KIND_OF: dict[str, Kind] = {  # the kind of worlds in which a fault shows; else the ordinary ones
    "random-keys": "failover",
    "no-fencing": "failover",
    "act-not-compared": "failover",
    "copy-written-in-place": "failover",
    "no-window-replay": "failover",
    "no-chain": "trapped",
    "setback-agent-starts": "trapped",
    "no-boot-check-on-sent": "trapped",
    "normal-instead-of-strict": "trapped",
    "claim-not-synced": "reboots",
    "reboot-holds-nothing": "reboots",
    "host-lock-not-durable": "reboots",
    "host-lock-stays": "reboots",
}
