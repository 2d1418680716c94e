"""A server that other servers of its site may replace, and that may take over with a copy.

It stops for good when it learns of a higher epoch, as the product's process does; people may start it again, or let
it take over. An activation may be cut short by its death at each of its steps, and is then repeated.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jaz_lite.errors import Fenced
from jaz_lite.failover.judgement import Again, AgentSaid, Go, Refuse, ServerSaid, is_set_back, judge, replaced_by, rival
from jaz_lite.server.activation import take_over
from jaz_lite.server.start import ASKED_AGENTS_MAX, claim_set_back
from jaz_lite.store.fencing import FencedBy, clear_fenced, read_fenced, write_fenced
from jaz_lite.store.open import Store
from jaz_lite.store.transaction import Transaction
from jaz_lite.wire.ident import epoch_and_boot, term_of
from tests.sim.failover.calls import LOOK_MS, Calls
from tests.sim.server import Server

if TYPE_CHECKING:
    from tests.sim.failover.site import Site

ACTIVATION_DEATHS = ("before its epoch", "before it is bound", "before it speaks")
SET_BACK_STARTS = 0.7  # chance that a server that was set back is started again until it is ahead


class SiteServer(Server):
    """See the module. `place` is the host it runs on; its directory may come from elsewhere."""

    def __init__(self, site: Site, place: str, folder: Path) -> None:
        super().__init__(site.world, site.network, site.oracle, folder, name=place)
        self.site = site
        self.place = place
        self.clock = site.clocks[place]
        self.dice = site.world.dice(f"server {place} {folder.name}")
        self.ever_ran = False
        self._knows_set_back = False
        self.bound = True  # its directory may be started here
        self.rests = False  # nobody starts it
        self.deposed = False
        self.dies_activating: str | None = None
        self._epoch: int | None = None  # which it is about to begin
        self._calls = Calls(())

    # ---- starting

    def boot(self) -> None:
        """Start, unless the directory is not to be started here or was replaced."""
        if self.rests or not self.bound or self.site.running_at(self.place) is not None:
            return
        self.network.listen(self.name, self._accept)
        if self._epoch is None:
            if read_fenced(self.folder) is not None:
                self.deposed = True
                return
            known = self.ledger.term, self.ledger.act
            agents, servers = self.site.answers(self.place, self)
            agents = agents[:ASKED_AGENTS_MAX]
            said = replaced_by(*known, agents, servers)
            if said is not None:
                self.world.log(self.name, "does not start: another server took over")
                self.world.counts["starts refused"] += 1
                self._mark(said)
                return
            if rival(*known, agents, servers) is not None:
                self.world.counts["starts refused beside a later one"] += 1
                self._boot_later()  # somebody looks, and tries again
                return
            self._knows_set_back = is_set_back(*known, agents, self._unseen_s())
        self.deposed = False
        super().boot()
        self._epoch = None
        if self.alive:
            self.ever_ran = True
            self.peers = self.site.addresses()
            self._calls = Calls(self.site.waiting)
            self.world.after(0, self._look_for_agents, self.life)

    def _unseen_s(self) -> float | None:
        """Return since when the process before this one was alive, as far as the directory knows."""
        store = Store.open(self.folder, clock=self.clock)
        try:
            with store.snapshot() as view:
                tick_ms = view.term.site().last_tick_ms
        finally:
            store.close()
        return None if tick_ms is None else (self.clock.now_ms() - tick_ms) / 1000

    def _mark(self, said: AgentSaid | ServerSaid) -> None:
        self.deposed = True
        mark = FencedBy(term=said.term, act=b"another", addrs=(), seen_from="somebody", at_ms=self.clock.now_ms())
        write_fenced(self.folder, mark)

    def _claim(self, tx: Transaction, act: bytes) -> int:
        if self._epoch is None and self._knows_set_back:
            self.world.counts["starts that found themselves set back"] += 1
            return claim_set_back(tx, act, now_ms=self.clock.now_ms())
        if self._epoch is None:
            return super()._claim(tx, act)
        return take_over(tx, self._epoch, act, self.clock.now_ms())

    # ---- taking over

    def activate(self, *, force: bool) -> bool:
        """Ask around and take over; return whether it did, or will."""
        assert not self.alive
        known = max(self.ledger.term, 0 if (mark := read_fenced(self.folder)) is None else mark.term)
        agents, servers = self.site.answers(self.place, self)
        judgement = judge(known, agents, servers, force=force, sure=True)
        match judgement:
            case Again():
                self.world.after(round(judgement.after_s * 1_000), self._activate_again, self.life)
                return True
            case Refuse():
                self.world.counts["activations refused"] += 1
                self.world.log(self.name, f"does not take over: {judgement.reasons[0]}")
                return False
        assert isinstance(judgement, Go)
        death, self.dies_activating = self.dies_activating, None
        if death == "before its epoch":
            self._died_activating(death)
            return True
        self._epoch, bound = judgement.epoch, self.bound
        self.rests, self.bound = False, True
        self.boot()
        self._epoch = None
        if not self.alive:
            self.bound = bound  # its disk is full
            self.world.after(2_000, self._activate_again, self.life)
            return True
        self.world.counts["activations"] += 1
        self.world.log(self.name, f"took over with {self.folder.name}, epoch {judgement.epoch}")
        if death == "before it is bound":
            self.bound = False
            self._died_activating(death)
            return True
        clear_fenced(self.folder)
        if death is not None:
            self._died_activating(death)
        return True

    def _died_activating(self, where: str) -> None:
        self.world.counts["deaths while activating"] += 1
        self.world.counts[f"server crashes {where}"] += 1
        self.world.log(self.name, f"killed {where}")
        self.life += 1
        if self.alive:
            self._end()
        self.world.after(self.dice.choice((300, 2_000, 8_000)), self._activate_again, self.life)

    def _activate_again(self, life: int) -> None:
        if life == self.life and not self.alive and not self.rests:
            self.activate(force=True)

    # ---- being replaced

    def _fenced(self, fenced: Fenced) -> None:
        self.world.after(0, self._stop_deposed, fenced, self.life)

    def _stop_deposed(self, fenced: Fenced, life: int) -> None:
        if life != self.life or not self.alive:
            return
        self.world.counts["servers deposed"] += 1
        self.world.log(self.name, f"stops: {fenced.message}")
        for desk in self.turns.works.desks.values():
            if desk.port is not None:
                desk.port.synced = desk.port.up = False
                desk.port.link.bye("deposed", "another server took over", addrs=fenced.addrs)
                desk.port.flush()
        self.deposed = True
        self._end()
        if fenced.term:
            mark = FencedBy(
                term=fenced.term,
                act=fenced.act,
                addrs=fenced.addrs,
                seen_from=fenced.seen_from,
                at_ms=self.clock.now_ms(),
            )
            write_fenced(self.folder, mark)
        elif self.dice.random() < SET_BACK_STARTS and not self.site.healed:
            self._boot_later()

    def stop_for_good(self, why: str) -> None:
        """Its host is gone, or nobody starts it any more."""
        self.rests = True
        if self.alive:
            self.world.log(self.name, f"stops: {why}")
            self._end()
        self.life += 1

    # ---- reaching agents

    def _look_for_agents(self, life: int) -> None:
        if life != self.life or not self.alive:
            return
        epoch, _ = epoch_and_boot(self.term)
        again_ms = [LOOK_MS]
        for machine in self.site.machines:
            desk = self.turns.works.desk(machine.name)
            confirmed = desk.confirmed_term >= term_of(epoch, 0)
            again_ms.append(
                self._calls.look(
                    machine.name,
                    self.world.now_ms,
                    there=desk.port is not None,
                    confirmed=confirmed,
                    call=self._call,
                )
            )
        self.world.after(max(100, min(again_ms)), self._look_for_agents, life)

    def _call(self, name: str) -> None:
        if self.alive:
            end = self.new_end()
            connection = self.network.connect_to_machine(self.name, end, name)
            if connection is not None:
                end.begin(connection)
