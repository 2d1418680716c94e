"""What this agent is at one of its sites: its name and key there, where the server is, and the highest term accepted.

Source: protocol.md section 1 (the agent's term rule) and 2.1.
"""

from base64 import encodebytes
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256

from jaz_lite.agent.attempts import Moment
from jaz_lite.agent.contact import ContactKeeper
from jaz_lite.agent.disk import Disk
from jaz_lite.agent.records import SiteRecord, TermRecord, load_term, save_site, save_term
from jaz_lite.agent.site_log import SiteLog
from jaz_lite.wire.agent_core import AgentLink
from jaz_lite.wire.happenings import Challenged, ConfigChanged, Welcomed
from jaz_lite.wire.ident import replaces
from jaz_lite.wire.identities import AgentIdentity
from jaz_lite.wire.limits import ADDRESSES_MAX, PEERS_MAX
from jaz_lite.wire.x509 import der_of


class Membership:
    """The enrolment at a site and the term in which its server speaks; `term` is what lies on the disk."""

    def __init__(self, disk: Disk, folder: str, record: SiteRecord, now: Moment) -> None:
        self.record = self._coming = record  # on the disk, and as it will be after what is being written
        self.term = self._coming_term = load_term(disk, folder)
        self.contact = ContactKeeper(disk, folder)
        # When the present server was last heard, monotonic. Before that, since when it could have been: who was started
        # a moment ago may have heard it just before, and must not speak against its life.
        self.heard_at = now.mono
        self.has_heard = False  # in this process
        self._disk = disk
        self._folder = folder

    @property
    def certificates(self) -> Mapping[bytes, str]:
        """The certificates that its servers may show, PEM by SHA-256: the present one, and the one that follows it."""
        shown = (self.record.cert_pem, self.record.next_cert_pem)
        return {pin_of(text): text for text in shown if text}

    @property
    def identity(self) -> AgentIdentity:
        """Who this agent is at its site."""
        return self.identity_for(pin_of(self.record.cert_pem))

    def identity_for(self, pin: bytes, *, old: bool = False) -> AgentIdentity:
        """Return who this agent is to a server that shows this certificate.

        Args:
            old: with the key before the present one, for a server that does not know the present one.
        """
        record = self.record
        return AgentIdentity(
            agent_id=record.agent_id,
            kid=record.old_kid if old else record.kid,
            key=record.old_key if old else record.key,
            site_uid=record.site_uid,
            pin_sha256=pin,
        )

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where to dial: the configured addresses, then those that servers have told of."""
        return tuple(dict.fromkeys((*self.record.addrs, *self.term.addrs)))[:ADDRESSES_MAX]

    def heard(self, now: Moment) -> None:
        """The server of the term that is known was heard."""
        self.heard_at, self.has_heard = now.mono, True

    def heard_s(self, now: Moment) -> int | None:
        """Return since when the server of the term that is known was not heard; None: not in this process."""
        return max(0, int(now.mono - self.heard_at)) if self.has_heard else None

    def answer(self, challenge: Challenged, link: AgentLink, now: Moment, *, in_session: bool) -> None:
        """Answer a server that named its term: go on with it, or tell it of the higher one.

        Args:
            in_session: whether there is a session with the server of the term that is known.
        """
        known = self._coming_term
        live_s = max(0, int(now.mono - self.heard_at))
        if challenge.probe:
            link.probe_answer(
                term=known.term,
                act=known.act,
                ticket=known.ticket,
                live_s=live_s,
                in_session=in_session,
                addrs=known.addrs,
            )
        elif self.may_speak(challenge):
            link.accept_term()
        else:
            self._depose(link, live_s)

    def part_from(self, link: AgentLink, welcome: Welcomed | None) -> None:
        """End a session, which began with this welcome, for another: of the same server, or of one that replaced it.

        Notes:
            A server that was only cut off from the one that replaced it learns of it here, wherever the agent dials.
        """
        known = self._coming_term
        if welcome is None or (welcome.term, welcome.act) == (known.term, known.act):
            link.bye("busy", "a newer session took over")
        else:
            self._depose(link, 0)

    def _depose(self, link: AgentLink, live_s: int) -> None:
        """Tell a server that one of a higher term has come."""
        known = self._coming_term
        addrs = known.addrs[:PEERS_MAX]
        link.stale(term=known.term, act=known.act, ticket=known.ticket, addrs=addrs, live_s=live_s)

    def may_speak(self, server: "Challenged | Welcomed") -> bool:
        """Tell whether no other server that is known replaces this one; the newest may still be on its way to the disk.

        Notes:
            Asked again at its welcome: between the two a server of a higher term may have come.
        """
        known = self._coming_term
        return not replaces(known.term, known.act, server.term, server.act)

    def welcomed(self, welcome: Welcomed, *, log: SiteLog, now: Moment) -> TermRecord:
        """Return what is to be kept of a server that proved who it is."""
        self._coming_term = TermRecord(
            term=welcome.term, act=welcome.act, ticket=welcome.ticket, addrs=welcome.peers, acked=log.acked,
            spool=log.spool.spool, at_ms=now.wall_ms,
        )  # fmt: skip
        return self._coming_term

    def told_of(self, addrs: tuple[str, ...], *, log: SiteLog, now: Moment) -> TermRecord:
        """Return what is to be kept when the server told where else it may be found."""
        # Of the one that comes: the welcome of a higher term may be on its way to the disk.
        self._coming_term = replace(
            self._coming_term, addrs=addrs, acked=log.acked, spool=log.spool.spool, at_ms=now.wall_ms
        )
        return self._coming_term

    def sent_on(self, addrs: tuple[str, ...], *, log: SiteLog, now: Moment) -> TermRecord:
        """Return what is to be kept where a server parted and said where to go.

        Notes:
            What was known stays behind it: who is sent on to an address that is wrong must find back.
        """
        addrs = tuple(dict.fromkeys((*addrs, *self._coming_term.addrs)))[:PEERS_MAX]
        return self.told_of(addrs, log=log, now=now)

    # ---- keys and certificates that follow

    def offered(self, config: ConfigChanged) -> SiteRecord | None:
        """Return the enrolment with what a server offers, or None where it offers nothing that is not known.

        Notes:
            The key before stays until a server has taken the new one: an answer may be lost, a server set back.
        """
        known = record = self._coming
        if config.key is not None and config.kid is not None and config.key != record.key:
            if not record.old_key:
                record = replace(record, old_kid=record.kid, old_key=record.key)
            record = replace(record, kid=config.kid, key=config.key)
        if config.next_cert is not None and sha256(config.next_cert).digest() == config.next_pin:
            text = _pem(config.next_cert)
            if text not in (record.cert_pem, record.next_cert_pem):
                record = replace(record, next_cert_pem=text)
        self._coming = record
        return None if record == known else record

    def proved(self, identity: AgentIdentity) -> SiteRecord | None:
        """Return the enrolment after a session came about with this key and certificate, or None where it stays."""
        known = record = self._coming
        if record.next_cert_pem and identity.pin_sha256 == pin_of(record.next_cert_pem):
            record = replace(record, cert_pem=record.next_cert_pem, next_cert_pem="")
        if record.old_key and identity.kid == record.kid:
            record = replace(record, old_kid=0, old_key=b"")
        self._coming = record
        return None if record == known else record

    def enrolled_anew(self, record: SiteRecord) -> None:
        """The enrolment was changed on the disk."""
        self.record = self._coming = record

    def keep_site(self, record: SiteRecord) -> None:
        """Make an enrolment durable."""
        save_site(self._disk, record)
        self.record = record

    # ---- the term on the disk

    def keep(self, record: TermRecord) -> None:
        """Make a term durable; for which boot the log is vouched for, is for `vouched` to say."""
        self._save(replace(record, boot=self.term.boot))

    def vouched(self, boot: bytes) -> None:
        """The server's view fits the log, so that what it holds may start in this boot of the machine.

        Notes:
            Not before: an agent that dies between its welcome and this finds work of the earlier boot, and must not
            take it for its own.
        """
        if self.term.boot != boot:
            self._save(replace(self.term, boot=boot))

    def _save(self, record: TermRecord) -> None:
        save_term(self._disk, self._folder, record)
        self.term = record


def pin_of(cert_pem: str) -> bytes:
    """Return SHA-256 of a certificate."""
    return sha256(der_of(cert_pem)).digest()


def _pem(certificate: bytes) -> str:
    text = encodebytes(certificate).decode("ascii")
    return f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n"
