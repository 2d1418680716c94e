"""Identities: terms, run numbers, natural keys, tickets, transcripts, MACs and the chain of events.

Everything here is a pure function of its arguments; both ends, the store and the simulator call the same ones.
Source: protocol.md sections 1, 4.2 and 4.4.
"""

import hashlib
import hmac
import struct
from collections.abc import Mapping
from typing import Any, cast

import msgpack

from jaz_lite.wire import limits

CHAIN_START = bytes(16)  # h(0)
NO_SPOOL = bytes(16)  # "assign me a spool id"
LINE_BYTES = 4  # of an act


# ---- terms and numbers


def term_of(epoch: int, boot: int) -> int:
    """Return the term of a server process: an integer that only grows.

    Args:
        epoch: 0..4095, counts takeovers.
        boot: 0..524287, counts process starts within the epoch.
    """
    assert 0 <= epoch <= limits.EPOCH_MAX, epoch
    assert 0 <= boot <= limits.BOOT_MAX, boot
    return epoch << limits.BOOT_BITS | boot


def epoch_and_boot(term: int) -> tuple[int, int]:
    """Return (epoch, boot) of a term."""
    return term >> limits.BOOT_BITS, term & limits.BOOT_MAX


def next_term(epoch: int, boot: int) -> tuple[int, int]:
    """Return (epoch, boot) of the next process start; at the end of the boots the epoch grows."""
    return (epoch, boot + 1) if boot < limits.BOOT_MAX else (epoch + 1, 0)


def replaces(term: int, act: bytes, other_term: int, other_act: bytes) -> bool:
    """Say whether a server process takes the place of another one of its site.

    Notes:
        Copies that were activated apart from each other have equal terms. The acts, random numbers, then decide, and
        the same way everywhere: each agent may know another one of them, and still one of them stays.
    """
    return (term, act) > (other_term, other_act)


def line_of(act: bytes) -> bytes:
    """Return what all processes of an epoch have in common that run on one directory: the beginning of their acts."""
    return act[:LINE_BYTES]


def act_in_line(drawn: bytes, before: bytes | None) -> bytes:
    """Return the act of a process that goes on where another one of its directory ended.

    Args:
        drawn: 8 random bytes. before: the act of that other one; None: there was none.

    Notes:
        Who begins an epoch begins a line. Two acts of one epoch and of different lines are those of two copies that
        were activated apart; of the same line they are two states of one directory.
    """
    return drawn if before is None else line_of(before) + drawn[LINE_BYTES:]


def run_id_of(term: int, number: int) -> int:
    """Return the run_id of the `number`-th run (1, 2, ..) that the process of `term` creates."""
    assert 0 < number < 1 << limits.RUN_COUNTER_BITS, number
    return term << limits.RUN_COUNTER_BITS | number


# ---- keys


def natural_key(site_uid: bytes, occ: str, key_path: str, attempt: int) -> bytes:
    """Return the 16-byte key of one attempt, computed from what is run and from nothing else.

    Args:
        occ: the occurrence: `S:<schedule>:<jobnet>:<epoch seconds>`, `M:<run_id>` or `T:<hex>`.
        key_path: icon ids from the root down, each with its pass: `/sub1#1/job7#3`.
        attempt: 1 first in each pass; at most 65535.
    """
    assert len(site_uid) == 16
    assert 1 <= attempt <= limits.ATTEMPT_MAX, attempt
    return hashlib.sha256(b"jazl-key1" + site_uid + _pack([occ, key_path, attempt])).digest()[:16]


def task_occ(parent_occ: str, key_path: str, attempt: int) -> str:
    """Return the occ of the run that a TASK icon starts: the same again when the icon is replayed."""
    return "T:" + hashlib.sha256(_pack([parent_occ, key_path, attempt])).digest()[:16].hex()


def spec_digest(kind: str, spec: Mapping[str, Any]) -> bytes:
    """Return the 32-byte digest by which an agent knows that a key means other work than it did.

    Notes:
        Values of the environment change between replays and are left out; their names are in.
    """
    command = spec.get("argv") if spec.get("script") is None else spec.get("script")
    names = sorted(spec.get("env") or ())
    return hashlib.sha256(_pack([kind, command, spec.get("user"), spec.get("cwd"), names])).digest()


# ---- proofs


def ticket(fence_key: bytes, site_uid: bytes, term: int, act: bytes) -> bytes:
    """Return the 32-byte proof, for another server of the site, that (term, act) is real."""
    return hmac.digest(fence_key, b"jazl-term1" + site_uid + struct.pack(">I", term) + act, "sha256")


def ticket_is_valid(fence_key: bytes, site_uid: bytes, term: int, act: bytes, proof: bytes) -> bool:
    """Say whether `proof` is the ticket of (term, act)."""
    return hmac.compare_digest(ticket(fence_key, site_uid, term, act), proof)


def transcript(hello: bytes, challenge: bytes, cert_sha256: bytes) -> bytes:
    """Return H of protocol 4.2: the hash of the exact payloads of both frames and of the server's certificate."""
    digest = hashlib.sha256()
    for part in (hello, challenge):
        digest.update(struct.pack(">I", len(part)))
        digest.update(part)
    digest.update(cert_sha256)
    return digest.digest()


def agent_mac(key: bytes, transcript_hash: bytes) -> bytes:
    """Return the agent's proof in `auth`."""
    return hmac.digest(key, b"jazl1-A" + transcript_hash, "sha256")


def server_mac(key: bytes, transcript_hash: bytes) -> bytes:
    """Return the server's proof in `welcome`."""
    return hmac.digest(key, b"jazl1-S" + transcript_hash, "sha256")


def same(one: bytes, other: bytes) -> bool:
    """Compare two proofs in constant time."""
    return hmac.compare_digest(one, other)


# ---- the event log


def chain(before: bytes, payload: bytes) -> bytes:
    """Return h(n) from h(n-1) and the exact bytes of packed event n."""
    return hashlib.sha256(before + payload).digest()[:16]


def _pack(value: object) -> bytes:
    return cast("bytes", msgpack.packb(value))
