"""A site put together: log, output and core on a real disk, without a server or a keeper."""

import errno
from pathlib import Path
from typing import Any

import pytest

from jaz_lite.agent import effects as fx
from jaz_lite.agent.attempts import Moment
from jaz_lite.agent.disk import Disk, PosixDisk
from jaz_lite.agent.output_files import PosixOutputFiles
from jaz_lite.agent.policy import Policy
from jaz_lite.agent.records import SiteRecord, TermRecord, save_site, site_folder
from jaz_lite.agent.site import Site
from jaz_lite.agent.slots import Slots
from jaz_lite.errors import StoreDamaged
from jaz_lite.wire.agent_core import AgentLink
from jaz_lite.wire.happenings import Closed, Deposed, Dispatched, Happening, ProbeAnswered
from jaz_lite.wire.identities import SiteIdentity
from jaz_lite.wire.server_core import ServerLink
from jaz_lite.wire.spec import pack_spec

NOW = Moment(100.0, 1_000_000)
UID = b"u" * 16
K = b"k" * 16
PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
RECORD = SiteRecord(
    site_uid=UID, server_id="s", agent_id="a", kid=1, key=bytes(32), cert_pem=PEM, addrs=("localhost:1",)
)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    save_site(PosixDisk(tmp_path), RECORD)
    return tmp_path / site_folder(UID) / "out"


def open_site(tmp_path: Path, disk: Disk | None = None) -> Site:
    return Site(
        disk=disk or PosixDisk(tmp_path),
        record=RECORD,
        policy=Policy(out_bytes_max=10),
        outputs=PosixOutputFiles(tmp_path / site_folder(UID) / "out"),
        out_folder=str(tmp_path / site_folder(UID) / "out"),
        boot=bytes(16),
        tell_keeper=lambda _messages: None,
        slots=Slots(64),
        now=NOW,
    )


class FullDisk(PosixDisk):
    """A disk on which no file can be replaced."""

    def replace(self, path: str, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def carry_out(site: Site) -> None:
    while effects := site.take():
        for effect in effects:
            site.perform(effect)


def job_that_runs(site: Site, *said: list[Any]) -> None:
    site.log.spool.begin(b"s" * 16)
    site.keeper_up(NOW)
    site.keeper_said([["list_end", 0]], NOW)
    site.core.asked(
        Dispatched(k=K, occ="M:1", path="/job#1", att=1, run=1, kind="cmd", spec=pack_spec("cmd", {"script": "x"})), NOW
    )
    carry_out(site)
    site.keeper_said([["pid", K.hex(), 7, 0, 1], *said], NOW)
    carry_out(site)


def test_the_output_of_a_lost_job_is_cut_at_its_limit_and_sent(tmp_path: Path, output: Path) -> None:
    site = open_site(tmp_path)
    (output / f"{K.hex()}.out").write_bytes(b"0123456789 and more")

    job_that_runs(site, ["lost", K.hex(), "shim", 1, 2])

    assert (output / f"{K.hex()}.out").read_bytes() == b"0123456789"
    assert len(site.output) == 1


def test_what_a_lost_job_went_on_writing_is_cut_off_at_the_next_start(tmp_path: Path, output: Path) -> None:
    job_that_runs(open_site(tmp_path), ["lost", K.hex(), "shim", 1, 2])
    (output / f"{K.hex()}.out").write_bytes(b"0123456789 and more")

    open_site(tmp_path)

    assert (output / f"{K.hex()}.out").read_bytes() == b"0123456789"


def test_what_was_acknowledged_of_an_earlier_log_says_nothing_of_the_present_one(tmp_path: Path, output: Path) -> None:
    site = open_site(tmp_path)
    site.log.spool.begin(b"1" * 16, [(0, 0, None, "host_boot", {})] * 9)
    site.log.acked = 9
    site.perform(fx.WriteTerm(site.member.told_of((), log=site.log, now=NOW)))
    assert open_site(tmp_path).log.acked == 9

    site.perform(fx.BeginLog(b"2" * 16, "setback"))

    assert open_site(tmp_path).log.acked == 0


def test_a_term_that_cannot_be_written_ends_the_agent_with_a_sentence(tmp_path: Path, output: Path) -> None:
    site = open_site(tmp_path, FullDisk(tmp_path))

    with pytest.raises(StoreDamaged, match="No space left"):
        site.perform(fx.WriteTerm(TermRecord(term=1)))


class Handshake:
    """A server of some term that has proved who it is, and whose welcome is on its way."""

    def __init__(self, site: Site, term: int) -> None:
        self._site = site
        facts = site.hello(NOW, conn=term, free=1, tz_s=0, sw="", system="", arch="")
        self.link = AgentLink(site.identity(), facts, nonce=bytes(32), now=NOW.mono)
        identity = SiteIdentity(
            site_uid=UID, server_id="s", term=term, act=bytes([term]) * 8, cert_sha256=site.identity().pin_sha256
        )
        self._server = ServerLink(identity, nonce=bytes(32), now=NOW.mono, find_agent=lambda _name, _kid: RECORD.key)
        self._server.receive(self.link.take(), NOW.mono)
        self._arrives()
        self._server.receive(self.link.take(), NOW.mono)
        assert self._server.state == "identified"

    def welcome(self) -> None:
        self._server.welcome(ticket=bytes(32), spool=b"s" * 16, cursor=0, chain=bytes(16))
        self._arrives()

    def beats(self, mono: float) -> None:
        """Let the server send its heartbeat, as it does when it has nothing to say."""
        self._server.tick(mono)
        if found := self.link.receive(self._server.take(), mono):  # a session does not tell of nothing
            self._site.heard(self.link, found, Moment(mono, NOW.wall_ms))

    def hears(self) -> list[Happening]:
        """Return what the server hears of what the agent has said since."""
        return self._server.receive(self.link.take(), NOW.mono)

    def _arrives(self) -> None:
        self._site.heard(self.link, self.link.receive(self._server.take(), NOW.mono), NOW)


@pytest.mark.parametrize("durable", [True, False], ids=["its term is durable", "its term is still being written"])
def test_the_late_welcome_of_an_earlier_term_does_not_take_over_from_a_later_one(
    tmp_path: Path, output: Path, durable: bool
) -> None:
    site = open_site(tmp_path)
    replaced, active = Handshake(site, 5), Handshake(site, 6)

    active.welcome()
    if durable:
        carry_out(site)
    replaced.welcome()
    carry_out(site)

    assert site.link is active.link
    assert site.member.term.term == 6
    assert replaced.link.closed
    assert not active.link.closed


def test_the_server_before_learns_in_its_session_that_it_was_replaced(tmp_path: Path, output: Path) -> None:
    site = open_site(tmp_path)
    before, after = Handshake(site, 5), Handshake(site, 6)
    before.welcome()
    carry_out(site)

    after.welcome()

    (deposed,) = [each for each in before.hears() if isinstance(each, Deposed)]
    assert (deposed.term, deposed.act) == (6, bytes([6]) * 8)


def test_a_newer_session_of_the_same_server_deposes_nobody(tmp_path: Path, output: Path) -> None:
    site = open_site(tmp_path)
    first, second = Handshake(site, 5), Handshake(site, 5)
    first.welcome()
    carry_out(site)

    second.welcome()

    assert [each.code for each in first.hears() if isinstance(each, Closed)] == ["busy"]


def test_a_server_that_only_keeps_its_session_alive_was_heard_then(tmp_path: Path, output: Path) -> None:
    site = open_site(tmp_path)
    session = Handshake(site, 5)
    session.welcome()
    carry_out(site)

    session.beats(NOW.mono + 10)
    site.detach(session.link)

    assert probed(site, NOW.mono + 13).live_s == 3


def probed(site: Site, mono: float) -> ProbeAnswered:
    """Return what a server that only asks is told."""
    now = Moment(mono, NOW.wall_ms)
    link = AgentLink(
        site.identity(),
        site.hello(now, conn=99, free=1, tz_s=0, sw="", system="", arch=""),
        nonce=bytes(32),
        now=mono,
    )
    identity = SiteIdentity(site_uid=UID, server_id="s", term=1, act=bytes(8), cert_sha256=site.identity().pin_sha256)
    server = ServerLink(identity, nonce=bytes(32), now=mono, find_agent=lambda _name, _kid: None, probe=True)
    server.receive(link.take(), mono)
    site.heard(link, link.receive(server.take(), mono), now)
    (answer, _) = server.receive(link.take(), mono)
    assert isinstance(answer, ProbeAnswered)
    return answer


def test_who_asks_is_told_whether_the_agent_has_a_session_and_when_it_heard_its_server(
    tmp_path: Path, output: Path
) -> None:
    site = open_site(tmp_path)
    session = Handshake(site, 5)
    session.welcome()
    carry_out(site)

    during = probed(site, NOW.mono + 7)
    site.detach(session.link)
    after = probed(site, NOW.mono + 9)

    assert (during.term, during.in_session, during.live_s) == (5, True, 7)
    assert (after.term, after.in_session, after.live_s) == (5, False, 9)


def test_an_agent_that_was_just_started_does_not_say_that_its_server_has_been_silent_for_long(
    tmp_path: Path, output: Path
) -> None:
    site = open_site(tmp_path)

    assert probed(site, NOW.mono).live_s == 0
    assert (probed(site, NOW.mono + 70).live_s, probed(site, NOW.mono + 70).heard_s) == (70, None)


def test_who_asks_is_told_what_was_confirmed_and_when_the_server_was_really_heard(tmp_path: Path, output: Path) -> None:
    site = open_site(tmp_path)
    session = Handshake(site, 5)
    session.welcome()
    carry_out(site)
    site.detach(session.link)

    answer = probed(site, NOW.mono + 9)

    assert answer.heard_s == 9
    assert (answer.spool, answer.acked) == (site.log.facts()["spool"], site.log.facts()["acked"])
