"""New keys and certificates as an agent takes them: what lies on its disk after a crash between any two steps."""

from typing import Any

import pytest

from jaz_lite.agent.attempts import Moment
from jaz_lite.agent.disk import PosixDisk
from jaz_lite.agent.membership import Membership, pin_of
from jaz_lite.agent.records import SiteRecord, load_sites, save_site, site_folder
from jaz_lite.agent.site_log import SiteLog
from jaz_lite.wire.happenings import ConfigChanged, Welcomed
from jaz_lite.wire.x509 import der_of, self_signed

UID = b"u" * 16
CERTS = [self_signed(f"c{n}", lambda size, n=n: bytes([n + 1]) * size) for n in range(3)]
PINS = [pin_of(cert.cert_pem) for cert in CERTS]


@pytest.fixture
def disk(tmp_path: Any) -> PosixDisk:
    disk = PosixDisk(tmp_path)
    save_site(
        disk,
        SiteRecord(
            site_uid=UID,
            server_id="S",
            agent_id="web1",
            kid=1,
            key=b"1" * 32,
            cert_pem=CERTS[0].cert_pem,
            addrs=("a:1",),
        ),
    )
    return disk


def member(disk: PosixDisk) -> Membership:
    """The membership as a new process finds it."""
    (record,) = load_sites(disk)
    return Membership(disk, site_folder(UID), record, Moment(0, 0))


def offer_key(kid: int) -> ConfigChanged:
    return ConfigChanged(key=str(kid).encode() * 32, kid=kid)


def welcome(term: int, act: bytes = b"a" * 8) -> Welcomed:
    return Welcomed(
        term=term, act=act, server_id="S", ticket=b"t", spool=b"s" * 16, cursor=0, chain=bytes(16), peers=(),
        hb_s=10, limits={}, cfg={}, drain=False, wall_ns=0,
    )  # fmt: skip


def offer_cert(number: int) -> ConfigChanged:
    return ConfigChanged(next_cert=der_of(CERTS[number].cert_pem), next_pin=PINS[number])


def test_a_new_key_is_used_next_and_the_old_one_is_kept_until_it_was_taken(disk: PosixDisk) -> None:
    one = member(disk)
    record = one.offered(offer_key(2))
    assert record is not None
    assert one.identity.kid == 1, "before it is durable the old one is used"
    one.keep_site(record)

    again = member(disk)
    assert (again.identity.kid, again.identity.key) == (2, b"2" * 32)
    assert again.identity_for(PINS[0], old=True).kid == 1

    taken = again.proved(again.identity)
    assert taken is not None
    again.keep_site(taken)
    assert (member(disk).record.old_kid, member(disk).record.old_key) == (0, b"")


def test_a_key_that_was_not_made_durable_is_offered_again_and_taken_then(disk: PosixDisk) -> None:
    member(disk).offered(offer_key(2))  # the process dies here

    again = member(disk)
    assert again.identity.kid == 1
    assert again.offered(offer_key(2)) is not None


def test_the_same_offer_twice_changes_nothing_more(disk: PosixDisk) -> None:
    one = member(disk)
    record = one.offered(offer_key(2))

    assert record is not None
    assert one.offered(offer_key(2)) is None
    one.keep_site(record)
    assert one.offered(offer_key(2)) is None


def test_a_third_key_leaves_the_one_that_was_proved_last_as_the_way_back(disk: PosixDisk) -> None:
    one = member(disk)
    one.offered(offer_key(2))
    record = one.offered(offer_key(3))

    assert record is not None
    assert (record.kid, record.old_kid) == (3, 1)


def test_a_server_that_takes_the_old_key_leaves_both(disk: PosixDisk) -> None:
    one = member(disk)
    record = one.offered(offer_key(2))
    assert record is not None
    one.keep_site(record)

    assert one.proved(one.identity_for(PINS[0], old=True)) is None


def test_the_next_certificate_is_pinned_beside_the_present_one_until_it_is_shown(disk: PosixDisk) -> None:
    one = member(disk)
    record = one.offered(offer_cert(1))
    assert record is not None
    one.keep_site(record)

    again = member(disk)
    assert list(again.certificates) == [PINS[0], PINS[1]]
    assert again.proved(again.identity_for(PINS[0])) is None, "the present one is still shown"

    changed = again.proved(again.identity_for(PINS[1]))
    assert changed is not None
    again.keep_site(changed)
    assert list(member(disk).certificates) == [PINS[1]]


def test_a_later_next_certificate_takes_the_place_of_an_earlier_one(disk: PosixDisk) -> None:
    one = member(disk)
    one.offered(offer_cert(1))
    record = one.offered(offer_cert(2))

    assert record is not None
    assert record.next_cert_pem.split() == CERTS[2].cert_pem.split()


def test_a_certificate_that_does_not_fit_its_hash_is_not_taken(disk: PosixDisk) -> None:
    offer = ConfigChanged(next_cert=der_of(CERTS[1].cert_pem), next_pin=PINS[2])

    assert member(disk).offered(offer) is None


def test_a_boot_counts_as_known_only_after_the_log_was_found_to_fit(disk: PosixDisk) -> None:
    one = member(disk)
    one.vouched(b"boot 1" + bytes(10))
    log = SiteLog(disk, site_folder(UID), one.term)

    one.keep(one.welcomed(welcome(2), log=log, now=Moment(0.0, 5)))

    assert member(disk).term.term == 2
    assert member(disk).term.boot.startswith(b"boot 1"), "an agent killed now must still ask before it starts work"
    one.vouched(b"boot 2" + bytes(10))
    assert member(disk).term.boot.startswith(b"boot 2")


def test_of_two_servers_that_took_over_apart_all_agents_end_with_the_same_one(disk: PosixDisk) -> None:
    one = member(disk)
    log = SiteLog(disk, site_folder(UID), one.term)

    one.keep(one.welcomed(welcome(2), log=log, now=Moment(0.0, 5)))

    assert one.may_speak(welcome(2, b"b" * 8)), "it met the lesser one first and changes over"
    assert not one.may_speak(welcome(2, b"A" * 8)), "it met the greater one first and stays"
    assert one.may_speak(welcome(2))


def test_addresses_that_come_with_a_welcome_do_not_bring_the_earlier_term_back(disk: PosixDisk) -> None:
    one = member(disk)
    log = SiteLog(disk, site_folder(UID), one.term)

    records = [
        one.welcomed(welcome(2), log=log, now=Moment(0.0, 5)),
        one.told_of(("b:2",), log=log, now=Moment(0.0, 5)),
    ]
    for record in records:
        one.keep(record)

    assert (member(disk).term.term, member(disk).term.addrs) == (2, ("b:2",))


def test_an_agent_that_is_sent_on_tries_that_address_first_and_forgets_none(disk: PosixDisk) -> None:
    one = member(disk)
    log = SiteLog(disk, site_folder(UID), one.term)

    one.keep(one.told_of(("b:2", "c:3"), log=log, now=Moment(0.0, 5)))
    one.keep(one.sent_on(("c:3", "d:4"), log=log, now=Moment(0.0, 5)))

    assert member(disk).addresses == ("a:1", "c:3", "d:4", "b:2")
