"""The site and its term: who we are, and the number that grows with every start of the server."""

from dataclasses import dataclass

from jaz_lite.errors import NoSuchObject
from jaz_lite.store.connection import Sql
from jaz_lite.wire.ident import act_in_line, next_term, term_of

FIRST_EPOCH = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRow:
    """The site this store belongs to."""

    site_uid: bytes
    server_id: str
    epoch: int
    boot: int
    act: bytes | None  # of the process that claimed this term; None: no server has run yet
    last_tick_ms: int | None  # the server was alive then
    tick_before_ms: int | None = None  # the last one before the present term was claimed

    @property
    def term(self) -> int:
        return term_of(self.epoch, self.boot)


class Term:
    """The one row that names the site."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    def create(self, *, site_uid: bytes, server_id: str) -> None:
        """Name the site of a new store; once in its life.

        Args:
            site_uid: 16 random bytes.
            server_id: 1..64 characters, for people.
        """
        self._sql.run(
            "insert into site (id, site_uid, server_id, epoch, boot) values (1, ?, ?, ?, 0)",
            (site_uid, server_id, FIRST_EPOCH),
        )

    def site(self) -> SiteRow:
        """Return the site.

        Raises:
            NoSuchObject: the store has not been given one.
        """
        row = self._sql.row("select site_uid, server_id, epoch, boot, act, last_tick_ms, tick_before_ms from site")
        if row is None:
            raise NoSuchObject("this store belongs to no site yet", hint="`jaz-lite init` makes a data directory")
        return SiteRow(
            site_uid=row[0],
            server_id=row[1],
            epoch=row[2],
            boot=row[3],
            act=row[4],
            last_tick_ms=row[5],
            tick_before_ms=row[6],
        )

    def claim(self, act: bytes) -> int:
        """Take the next term for this server process and return it.

        Args:
            act: 8 random bytes that tell two processes with an equal term apart; the first of them stay those of
                the process that began the epoch here (`wire.ident.act_in_line`), so look what it has become.

        Notes:
            While an uncertainty window is open, all its witnesses are to be heard again. Another copy may have begun
            the same epoch: an agent may have worked for it since it was heard, and refuses it only once it knows the
            present term.
        """
        site = self.site()
        epoch, boot = next_term(site.epoch, site.boot)
        act = act_in_line(act, site.act)
        self._sql.run("update site set epoch = ?, boot = ?, act = ?, tick_before_ms = last_tick_ms", (epoch, boot, act))
        self._sql.run(
            "update witnesses set heard_ms = null where exists (select 1 from windows where closed_ms is null)"
        )
        return term_of(epoch, boot)

    def activate(self, epoch: int, act: bytes) -> int:
        """Take over: begin an epoch that no server of this site has had, and return its first term.

        Args:
            epoch: higher than this store's own and every one that was seen.
            act: 8 random bytes, as for `claim`.
        """
        assert epoch > self.site().epoch, "a takeover begins a new epoch"
        term = term_of(epoch, 0)
        self._sql.run("update site set epoch = ?, boot = 0, act = ?, tick_before_ms = last_tick_ms", (epoch, act))
        return term

    def note_pause(self) -> None:
        """The server has not been at work since its last tick: it may have been set back to then."""
        self._sql.run("update site set tick_before_ms = last_tick_ms")

    def tick(self, at_ms: int) -> None:
        """Note that the server is alive: what came after the last tick may be missing in an older copy."""
        self._sql.run("update site set last_tick_ms = ?", (at_ms,))
