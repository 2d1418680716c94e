"""Links: what agents' connections say becomes inputs of turns.

One `Port` a connection. Nothing is decided here: who is welcome and what is in line with the store is settled inside
a turn. A link that breaks a rule is closed by itself; that changes reachability and nothing else.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, tzinfo

from jaz_lite.errors import Fenced
from jaz_lite.failover.replaced import replaced
from jaz_lite.runner.copies import Copies
from jaz_lite.runner.forged import note_forged
from jaz_lite.runner.inputs import (
    AgentAlive,
    AgentGone,
    AgentIdentified,
    AgentInventory,
    AgentOutput,
    AgentRefused,
    AgentReports,
    AgentState,
    AgentSynced,
    AgentTook,
    Input,
    Write,
)
from jaz_lite.runner.port import Port
from jaz_lite.wire.file_happenings import FileHappening
from jaz_lite.wire.happenings import (
    AgentEvents,
    Alive,
    Closed,
    ConfigTaken,
    Deposed,
    Happening,
    Identified,
    InventoryPage,
    Metric,
    Output,
    RefusedWork,
    Synced,
    WorkState,
)
from jaz_lite.wire.ident import ticket_is_valid

CLOCK_OFFSET_MS_MAX = 5_000  # more than that is told

ALARM_EVERY_MS = 3_600_000

log = logging.getLogger(__name__)


class Links:
    """Translates happenings of all ports. `fence` is called with the sentence when a valid higher term is seen."""

    def __init__(
        self,
        submit: Callable[[Input], None],
        copies: Copies,
        *,
        fence_key: bytes,
        site_uid: bytes,
        term: int,
        act: bytes,
        fence: Callable[[Fenced], None],
        now_ms: Callable[[], int],
        zone: tzinfo = UTC,
    ) -> None:
        self._zone = zone
        self._submit = submit
        self._now_ms = now_ms
        self._copies = copies
        self._alarmed_ms: int | None = None
        self._fence_key = fence_key
        self._site_uid = site_uid
        self._term = term
        self._act = act
        self._fence = fence

    def happened(self, port: Port, happenings: Iterable[Happening]) -> None:
        """Hand what a link told on to the turns."""
        for happening in happenings:
            match happening:
                case AgentEvents():
                    self._submit(AgentReports(port, happening))
                case Output():
                    self._submit(AgentOutput(port, happening))
                case FileHappening():
                    self._copies.heard(port, happening)
                case Identified():
                    # Its clock was read when hello left; since then that, our challenge and its proof have travelled.
                    self._compare_clocks(port, happening.hello.facts.wall_ns, travelled=1.5)
                    self._submit(AgentIdentified(port, happening))
                case InventoryPage():
                    self._submit(AgentInventory(port, happening.items))
                case Synced():
                    self._submit(AgentSynced(port))
                case RefusedWork():
                    self._submit(AgentRefused(port, happening))
                case WorkState():
                    self._submit(AgentState(port, happening))
                case Metric():
                    # Kept with the connection and not in the store: it is said again in a minute.
                    port.metric = happening
                    self._compare_clocks(port, happening.wall_ns, travelled=0.5)
                case Alive():
                    self._submit(AgentAlive(port))
                case ConfigTaken():
                    self._submit(AgentTook(port, happening))
                case Deposed():
                    self._deposed(port, happening)
                case Closed():
                    self._closed(port, happening)
                case _:
                    pass  # answers to questions that this build does not ask

    def gone(self, port: Port) -> None:
        """The connection of a port is over, told or not."""
        port.gone = True
        self._copies.gone(port)
        if port.agent_id:  # else no turn has welcomed it, and none will
            self._submit(AgentGone(port))

    def _compare_clocks(self, port: Port, wall_ns: int, *, travelled: float) -> None:
        """Estimate how much the clock of an agent is ahead of ours. Nothing is ever decided from it (protocol 4.8).

        Args:
            travelled: of the time that there and back takes, how much has passed since the agent read its clock.
        """
        before = port.clock_offset_ms
        offset_ms = wall_ns // 1_000_000 - self._now_ms() + round(port.link.rtt_s * 1000 * travelled)
        # What lay in a cut cable for a while looks like a clock that is behind: that is believed the second time.
        port.clock_doubted = before is not None and offset_ms < before - CLOCK_OFFSET_MS_MAX and not port.clock_doubted
        if port.clock_doubted:
            return
        port.clock_offset_ms = offset_ms
        if abs(offset_ms) > CLOCK_OFFSET_MS_MAX and (before is None or abs(before) <= CLOCK_OFFSET_MS_MAX):
            log.warning(
                "the clock of an agent differs from this server's",
                extra={"action": "agent.clock", "agent": port.agent_id, "peer": port.peer, "offset_ms": offset_ms},
            )

    def _closed(self, port: Port, happening: Closed) -> None:
        log.info(
            "an agent's link closed",
            extra={"action": "link.closed", "agent": port.agent_id, "code": happening.code, "why": happening.msg},
        )

    def _alarm(self, forged: Deposed) -> None:
        """Tell people, seldom: who claims a term has proved nothing yet, so anybody could fill the journal."""
        now_ms = self._now_ms()
        if self._alarmed_ms is not None and now_ms < self._alarmed_ms + ALARM_EVERY_MS:
            return
        self._alarmed_ms = now_ms
        self._submit(Write(lambda tx: note_forged(tx, now_ms, forged.agent_id, forged.term)))

    def _deposed(self, port: Port, happening: Deposed) -> None:
        """A higher term counts only with a ticket that this site's key made: a hostile agent deposes nobody."""
        if not ticket_is_valid(self._fence_key, self._site_uid, happening.term, happening.act, happening.ticket):
            log.error(
                "an agent claims a higher term without proof and is refused",
                extra={"action": "link.forged_term", "agent_id": happening.agent_id, "term": happening.term},
            )
            self._alarm(happening)
            port.link.bye("proto", "the ticket is not valid")
            port.flush()
            port.close()
            return
        self._fence(
            replaced(
                self._term,
                own_act=self._act,
                term=happening.term,
                act=happening.act,
                addrs=happening.addrs,
                seen_from=f"agent {happening.agent_id or port.agent_id}",
                at_ms=self._now_ms(),
                zone=self._zone,
            )
        )
