"""Identities are the same on every machine: exact values, and what they must not depend on."""

import contextlib
import secrets
import ssl

import pytest

from jaz_lite.wire import ident, x509

UID = bytes(range(16))


def test_a_term_holds_epoch_and_boot_and_compares_as_one_number():
    assert ident.term_of(1, 0) == 524_288
    assert ident.term_of(4_095, 524_287) == 2**31 - 1
    assert ident.epoch_and_boot(ident.term_of(7, 42)) == (7, 42)
    assert ident.term_of(2, 0) > ident.term_of(1, 524_287)
    assert ident.next_term(3, 9) == (3, 10)
    assert ident.next_term(3, 524_287) == (4, 0)
    assert ident.run_id_of(ident.term_of(4_095, 524_287), 2**32 - 1) == 2**63 - 1


def test_of_two_servers_one_replaces_the_other_also_where_their_terms_are_equal():
    one, other = (5, b"act-0001"), (5, b"act-0002")

    assert ident.replaces(*other, *one)
    assert not ident.replaces(*one, *other)
    assert not ident.replaces(*one, *one)
    assert ident.replaces(6, b"act-0000", *other)
    assert not ident.replaces(4, b"act-9999", *one)
    assert ident.replaces(*one, 0, b""), "an agent that knows no server takes any"


def test_the_natural_key_is_these_bytes():
    # SHA-256 over "jazl-key1", the site and msgpack(["M:1", "/job#1", 1]), first 16 bytes.
    assert ident.natural_key(UID, "M:1", "/job#1", 1).hex() == "aa5a668d46dc00ad238cb3eaf6ad4a0f"


def test_the_natural_key_depends_on_what_is_run_and_where_it_is_counted():
    keys = {
        ident.natural_key(UID, "M:1", "/job#1", 1),
        ident.natural_key(UID, "M:1", "/job#1", 2),
        ident.natural_key(UID, "M:1", "/job#2", 1),
        ident.natural_key(UID, "M:2", "/job#1", 1),
        ident.natural_key(bytes(16), "M:1", "/job#1", 1),
    }

    assert len(keys) == 5


def test_a_task_gives_the_same_occurrence_again():
    assert ident.task_occ("M:1", "/task#1", 1) == ident.task_occ("M:1", "/task#1", 1)
    assert ident.task_occ("M:1", "/task#1", 2) != ident.task_occ("M:1", "/task#1", 1)
    assert len(ident.task_occ("M:1", "/task#1", 1)) == 34


def test_the_digest_of_a_work_order_leaves_values_out():
    spec = {"script": "load.sh", "env": {"B": "1", "A": "2"}, "user": "batch"}

    same = ident.spec_digest("cmd", {"script": "load.sh", "env": {"A": "9", "B": "8"}, "user": "batch", "timeout": 5})
    assert ident.spec_digest("cmd", spec) == same
    for change in ({"script": "x"}, {"env": {"A": "1"}}, {"user": "root"}, {"cwd": "/"}):
        assert ident.spec_digest("cmd", spec | change) != same
    assert ident.spec_digest("test", spec) != same


def test_a_ticket_proves_its_own_term_only():
    fence_key = b"f" * 32
    proof = ident.ticket(fence_key, UID, 5, b"act-0001")

    assert ident.ticket_is_valid(fence_key, UID, 5, b"act-0001", proof)
    assert not ident.ticket_is_valid(fence_key, UID, 6, b"act-0001", proof)
    assert not ident.ticket_is_valid(fence_key, UID, 5, b"act-0002", proof)
    assert not ident.ticket_is_valid(fence_key, bytes(16), 5, b"act-0001", proof)
    assert not ident.ticket_is_valid(b"g" * 32, UID, 5, b"act-0001", proof)
    assert not ident.ticket_is_valid(fence_key, UID, 5, b"act-0001", b"")


def test_the_two_proofs_of_a_handshake_differ():
    digest = ident.transcript(b"hello", b"challenge", b"c" * 32)

    assert ident.agent_mac(b"k" * 32, digest) != ident.server_mac(b"k" * 32, digest)
    assert ident.transcript(b"helloc", b"hallenge", b"c" * 32) != digest


def test_the_chain_depends_on_every_event_before():
    one = ident.chain(ident.CHAIN_START, b"one")

    assert len(one) == 16
    assert ident.chain(one, b"two") != ident.chain(ident.chain(ident.CHAIN_START, b"One"), b"two")


def test_a_certificate_is_made_that_tls_accepts(tmp_path):
    made = x509.self_signed("jazl-SITE", secrets.token_bytes)
    (tmp_path / "crt").write_text(made.cert_pem)
    (tmp_path / "key").write_text(made.key_pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "crt", tmp_path / "key")
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    client.load_verify_locations(cadata=made.cert_pem)

    shown = _shake_hands(server, client)

    assert ssl.PEM_cert_to_DER_cert(made.cert_pem) == shown == x509.der_of(made.cert_pem)
    assert ident.hashlib.sha256(shown).digest() == made.sha256
    (certificate,) = client.get_ca_certs()
    assert certificate["subject"] == ((("commonName", "jazl-SITE"),),)
    assert (certificate["notBefore"], certificate["notAfter"]) == (
        "Jan  1 00:00:00 2000 GMT",
        "Dec 31 23:59:59 9999 GMT",
    )


def test_each_certificate_has_its_own_key_and_serial_number():
    one, two = (x509.self_signed("jazl-SITE", secrets.token_bytes) for _ in range(2))

    assert one.key_pem != two.key_pem
    assert one.sha256 != two.sha256


@pytest.mark.parametrize(
    ("scalar", "x"),
    [
        (1, x509.BASE[0]),
        (2, 0x7CF27B188D034F7E8A52380304B51AC3C08969E277F21B35A60B48FC47669978),
        (x509.ORDER - 1, x509.BASE[0]),
    ],
    ids=["one", "two", "last"],
)
def test_points_of_the_curve_are_the_published_ones(scalar, x):
    assert x509._multiply(scalar, x509.BASE)[0] == x


@pytest.mark.parametrize(
    "text", ["", "-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\n%\n-----END CERTIFICATE-----"]
)
def test_text_without_a_certificate_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        x509.der_of(text)


def _shake_hands(server_context, client_context):
    """Connect both in memory; return the certificate the client saw."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for end in (client, server):
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
    return client.getpeercert(binary_form=True)
