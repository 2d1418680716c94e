"""The small readers: each promises one kind of error for whatever it is given, and may raise no other."""

import random
from contextlib import suppress
from typing import Any

import msgpack

from jaz_lite.agent import keeper_core
from jaz_lite.agent.batches import Unbatcher, batch
from jaz_lite.agent.crc_log import unframed
from jaz_lite.agent.orders import NotStartable, job_order, stop_order
from jaz_lite.agent.policy import Policy
from jaz_lite.agent.records import SiteRecord, TermRecord, load_sites, load_term, save_site, save_term, site_folder
from jaz_lite.agent.spool import Spool
from jaz_lite.errors import RemoteProtocolError, StoreDamaged
from jaz_lite.wire import x509
from jaz_lite.wire.events import EVENT_FIELDS, pack_event, unpack_event
from jaz_lite.wire.frames import Violation
from jaz_lite.wire.ident import spec_digest
from jaz_lite.wire.spec import SPEC_FIELDS, unpack_spec
from tests.fuzz.links import spec_of
from tests.fuzz.mutation import damaged, distorted, packed
from tests.fuzz.shapes import PLAIN, body_of, bytes_of, text_of
from tests.sim.disk import SimDisk

TRIES = 20
CERTIFICATE = x509.self_signed("jazl-fuzz", random.Random(1).randbytes)
UID = b"u" * 16
RECORD = SiteRecord(
    site_uid=UID, server_id="s", agent_id="a", kid=1, key=bytes(32), cert_pem=CERTIFICATE.cert_pem, addrs=("x:1",)
)


def work_orders(chance: random.Random) -> int:
    """From the bytes of a spec to the order for the keeper."""
    for _ in range(TRIES):
        kind = chance.choice((*SPEC_FIELDS, "newer"))
        try:
            spec = unpack_spec(kind, spec_of(kind, chance))
        except Violation:
            continue
        assert len(spec_digest(kind, spec)) == 32
        if kind not in ("cmd", "test"):
            continue
        paths = {"out": "/o", "err": "/e", "text_path": "/t"}
        with suppress(NotStartable):
            order = job_order(kind, spec, policy=Policy(), **paths)
            batch([["start", "claim", order]])
        if spec.get("stop") is not None:
            with suppress(NotStartable):
                batch([["start", "claim", stop_order(spec, policy=Policy(), **paths)]])
    return TRIES


def events(chance: random.Random) -> int:
    """Packed events."""
    for _ in range(TRIES):
        name = chance.choice((*EVENT_FIELDS, "newer", ""))
        x: Any = body_of(EVENT_FIELDS.get(name, {}), chance)
        if chance.random() < 0.5:
            x = distorted(x, chance)
        k = chance.choice((None, bytes(16), b"k", "k"))
        made = packed([chance.choice((1, 0, 2**64 - 1, "1")), 5, k, name, x])
        with suppress(Violation):
            n, t_ns, _, e, x = unpack_event(made if chance.random() < 0.5 else damaged(made, chance))
            assert n > 0
            assert t_ns >= 0
            assert isinstance(e, str)
            assert isinstance(x, dict)
    return TRIES


def certificates(chance: random.Random) -> int:
    """PEM text, as it stands in an enrolment."""
    for _ in range(TRIES):
        text = damaged(CERTIFICATE.cert_pem.encode(), chance).decode("latin-1")
        with suppress(ValueError):
            assert isinstance(x509.der_of(text), bytes)
    return TRIES


def keeper_socket(chance: random.Random) -> int:
    """What comes over the local socket, at both ends of it the same batches; then the keeper's own decisions."""
    core = keeper_core.KeeperCore("boot")
    core.begin(lambda _pid, _started: False, 1)
    unbatcher = Unbatcher()
    claims = ["a" * 32, "b" * 32, "a" * 32 + "!stop", ""]
    pid = 100
    for _ in range(TRIES):
        command: list[Any] = chance.choice(
            (
                ["start", chance.choice(claims), {"argv": ["x"], "env": {}, "out": "o", "err": "e"}],
                ["start", chance.choice(claims), {}],
                ["cancel", chance.choice(claims)],
                ["kill", chance.choice(claims), "TERM", chance.choice((0, 10, 1e300, -1)), "why"],
                ["list"],
                ["forget", *chance.choices([*claims, 7, None], k=2)],
                ["end"],
                [],
                [chance.choice(PLAIN)],
                ["start", 5, {}],
                ["kill", "x"],
            )
        )
        if chance.random() < 0.2:
            command = [chance.choice(PLAIN[:7]) if chance.random() < 0.5 else item for item in command]
        try:
            data = batch([command])
        except TypeError:
            continue  # bytes have no place in JSON
        if chance.random() < 0.2:
            data = damaged(data, chance)
        try:
            core.asked(unbatcher.feed(data), 1.0, 1)
        except RemoteProtocolError:
            unbatcher = Unbatcher()
        for effect in core.take():
            match effect:
                case keeper_core.Spawn(claim, _) if chance.random() < 0.7:
                    pid += 1
                    core.spawned(claim, pid, 1.0, 1)
                case keeper_core.Spawn(claim, _):
                    core.not_spawned(claim, "exec", 2, "no such file", 1)
        if chance.random() < 0.3:
            core.exited(chance.randint(100, pid), code=0, signal=None, cpu_ms=1, rss_kb=1, wall_ms=1)
        core.tick(chance.choice((1.0, 100.0)))
    return TRIES


def keeper_log(chance: random.Random) -> int:
    """A keeper log with damage: what the checksums let through is loaded."""
    lines: list[list[Any]] = [["keeper", "boot", 1]]
    for number in range(TRIES):
        claim = f"{number:032x}"
        lines += [["claim", claim, 1], ["pid", claim, number + 1, 7, 1], ["exit", claim, 0, None, 1, 1, "", 1, 2]]
    data = b"".join(map(keeper_core.packed, lines[: chance.randrange(len(lines))]))
    payloads, end = unframed(damaged(data, chance))
    assert end <= len(data) + 100_000
    core = keeper_core.KeeperCore("boot")
    core.load(map(keeper_core.unpacked, payloads))
    core.begin(lambda _pid, _started: chance.random() < 0.5, 1)
    core.take()
    return TRIES


def agent_log(chance: random.Random) -> int:
    """The log of a site, damaged: what is left is read, or it is found damaged and begun anew."""
    disk = SimDisk(random.Random(1))
    spool = Spool(disk, "s")
    spool.begin(b"s" * 16)
    for number in range(1, chance.randrange(1, TRIES)):
        spool.append((_event(number, chance),))
        if chance.random() < 0.5:
            spool.sync()
    for name in disk.names("s/log"):
        file = disk._files[f"s/log/{name}"]
        if chance.random() < 0.7:
            file.content = bytearray(damaged(bytes(file.content), chance))
    again = Spool(disk, "s")
    for event in again.events():
        assert event[0] > 0
    assert again.low <= again.head + 1
    again.chain_at(chance.randrange(TRIES))
    again.payloads(again.low, again.head - again.low + 1)
    if again.damaged:
        again.begin(b"t" * 16, [])
        assert not again.damaged
    return TRIES


def _event(number: int, chance: random.Random) -> bytes:
    k = bytes_of(chance, 16, 16)
    return pack_event(number, 5, k, "started", {"pid": number, "t": 7, "note": text_of(chance, 0, 60)})


def agent_records(chance: random.Random) -> int:
    """The enrolment and the term as files."""
    disk = SimDisk(random.Random(1))
    save_site(disk, RECORD)
    save_term(disk, site_folder(UID), TermRecord(term=5, act=bytes(8), ticket=bytes(32), addrs=("x:1",)))
    for path, file in disk._files.items():
        content = bytes(file.content)
        for _ in range(TRIES // 2):
            if chance.random() < 0.5:
                file.content = bytearray(damaged(content, chance))
            else:
                file.content = bytearray(packed(distorted(msgpack.unpackb(content), chance)))
            with suppress(StoreDamaged):
                if path.endswith("site.msgpack"):
                    load_sites(disk)
                else:
                    load_term(disk, site_folder(UID))
        file.content = bytearray(content)
    return TRIES
