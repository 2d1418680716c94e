"""What this agent is at one of its sites: its name and key there, where the server is, and the highest term accepted.

Source: protocol.md section 1 (the agent's term rule) and 2.1.
"""

from base64 import b64decode
from dataclasses import replace
from hashlib import sha256

from jaz_lite.agent.attempts import Moment
from jaz_lite.agent.disk import Disk
from jaz_lite.agent.records import SiteRecord, TermRecord, load_term, save_term
from jaz_lite.wire.agent_core import AgentLink
from jaz_lite.wire.happenings import AgentIdentity, Challenged, Welcomed
from jaz_lite.wire.limits import ADDRESSES_MAX, PEERS_MAX


class Membership:
    """The enrolment at a site and the term in which its server speaks; `term` is what lies on the disk."""

    def __init__(self, disk: Disk, folder: str, record: SiteRecord) -> None:
        self.record = record
        self.term = load_term(disk, folder)
        self._disk = disk
        self._folder = folder

    @property
    def identity(self) -> AgentIdentity:
        """Who this agent is at its site."""
        body = "".join(line for line in self.record.cert_pem.splitlines() if line and not line.startswith("-----"))
        return AgentIdentity(
            agent_id=self.record.agent_id,
            kid=self.record.kid,
            key=self.record.key,
            site_uid=self.record.site_uid,
            pin_sha256=sha256(b64decode(body)).digest(),
        )

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where to dial: the configured addresses, then those that servers have told of."""
        return tuple(dict.fromkeys((*self.record.addrs, *self.term.addrs)))[:ADDRESSES_MAX]

    def answer(self, challenge: Challenged, link: AgentLink, live_s: int) -> None:
        """Answer a server that named its term: go on with it, or tell it of the higher one.

        Args:
            live_s: seconds since the last byte from the server of the term that is known.
        """
        known = self.term
        if challenge.probe:
            link.probe_answer(term=known.term, act=known.act, ticket=known.ticket, live_s=live_s)
        elif challenge.term > known.term or (challenge.term == known.term and challenge.act == known.act):
            link.accept_term()
        else:
            addrs = known.addrs[:PEERS_MAX]
            link.stale(term=known.term, act=known.act, ticket=known.ticket, addrs=addrs, live_s=live_s)

    def welcomed(self, welcome: Welcomed, *, boot: bytes, acked: int, now: Moment) -> TermRecord:
        """Return what is to be kept of a server that proved who it is."""
        return TermRecord(
            term=welcome.term, act=welcome.act, ticket=welcome.ticket, addrs=welcome.peers, boot=boot, acked=acked,
            at_ms=now.wall_ms,
        )  # fmt: skip

    def told_of(self, addrs: tuple[str, ...], *, acked: int, now: Moment) -> TermRecord:
        """Return what is to be kept when the server told where else it may be found."""
        return replace(self.term, addrs=addrs, acked=acked, at_ms=now.wall_ms)

    def keep(self, record: TermRecord) -> None:
        """Make a term durable."""
        save_term(self._disk, self._folder, record)
        self.term = record
