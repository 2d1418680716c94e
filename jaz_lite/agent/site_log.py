"""The log of one site and how far the server knows it: checked at each welcome, begun anew, sent, forgotten.

Source: protocol.md sections 4.4 and 4.5.
"""

from collections.abc import Iterator
from typing import Any, Literal

from jaz_lite.agent.attempts import Moment
from jaz_lite.agent.core import AgentCore
from jaz_lite.agent.disk import Disk
from jaz_lite.agent.records import TermRecord
from jaz_lite.agent.spool import Spool
from jaz_lite.wire.agent_core import AgentLink
from jaz_lite.wire.events import Unpacked
from jaz_lite.wire.happenings import Welcomed
from jaz_lite.wire.ident import NO_SPOOL

Verdict = Literal["fits", "begin anew", "ask for a new one"]


class SiteLog:
    """See the module.

    Attributes:
        spool: the log itself. acked: the last event that the server has said to have committed; at a start as far as
            the disk knows, which is only ever too low.
    """

    def __init__(self, disk: Disk, folder: str, known: TermRecord) -> None:
        self.spool = Spool(disk, folder)
        # What was acknowledged of an earlier log says nothing of this one.
        self.acked = known.acked if known.spool == self.spool.spool else 0
        self._sent = 0
        self._ask_new = False

    def facts(self) -> dict[str, Any]:
        """Return what `hello` says of the log."""
        if self._ask_new or self.spool.damaged:
            return {"spool": NO_SPOOL, "acked": 0, "head": 0, "low": 1, "low_chain": bytes(16)}
        return {
            "spool": self.spool.spool,
            "acked": min(self.acked, self.spool.synced),
            "head": self.spool.synced,
            "low": self.spool.low,
            "low_chain": self.spool.low_chain,
        }

    # ---- set-back (4.5)

    def compare(self, welcome: Welcomed) -> Verdict:
        """Compare what the server knows of the log with the log."""
        spool = self.spool
        if welcome.spool != spool.spool or spool.damaged:
            return "begin anew"
        if welcome.cursor > spool.synced or spool.chain_at(welcome.cursor) not in (welcome.chain, None):
            # One of us was set back. Only the server may name a new log, so ask it to (protocol.md 4.5).
            self._ask_new = True
            return "ask for a new one"
        return "fits"

    @property
    def why_anew(self) -> str:
        """Why the log is begun anew, in the word of the event."""
        return "damaged" if self.spool.damaged else "setback" if self.spool.head else "new"

    def begin(self, spool: bytes, why: str, now: Moment) -> None:
        """Begin the log anew under the id that the server gave; all that is known is repeated in it."""
        events = list(self._repeated(self.spool.spool, why, now))
        self.spool.begin(spool, events)
        self._ask_new = False
        self.acked = 0

    def _repeated(self, old: bytes, why: str, now: Moment) -> Iterator[Unpacked]:
        yield from (event for event in self.spool.events() if event[2] is not None)
        if old != NO_SPOOL:
            # The last one, so that whoever reads the log again knows which of its attempts come from the old log.
            yield 0, now.wall_ms * 1_000_000, None, "rotated", {"old": old, "why": why}

    # ---- sending

    def go_on_from(self, cursor: int) -> None:
        """A session begins, in which the server has everything up to `cursor`."""
        self._sent = self.acked = cursor

    def waits(self, core: AgentCore, now: Moment) -> bool:
        """Tell whether there are events to send now."""
        return self._sent < self.spool.synced and not core.may_wait_to_send(self._sent, now)

    def send(self, link: AgentLink, core: AgentCore, up_to: int) -> bool:
        """Send events up to number `up_to` as far as there is room; True when the server has been sent the whole log."""
        while self._sent < up_to and (room := link.event_room) > 0:
            payloads = self.spool.payloads(self._sent + 1, min(room, up_to - self._sent))
            link.events(payloads)
            self._sent += len(payloads)
            core.sent(self._sent)
        return self._sent >= self.spool.head

    def sendable(self, core: AgentCore, now: Moment, *, strict: bool, in_session: bool) -> int:
        """Return the number of the last event that may be sent now."""
        if in_session and core.may_wait_to_send(self._sent, now):
            return self._sent
        return self.spool.synced if strict else self.spool.head

    # ---- forgetting

    def forget(self, before_ms: int) -> None:
        """Remove what the server has and what was last written before."""
        while self.forget_one(before_ms):
            pass

    def forget_one(self, before_ms: int) -> bool:
        """Remove the oldest part of it; False where there is none."""
        return self.spool.forget(self.acked, before_ms)
