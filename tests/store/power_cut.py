"""Power cuts: a disk that forgets what was not synced, and a store that must not.

`Disk` keeps, for each file, what is durable and what was only written. At the cut the pending writes are dropped, cut
short, or torn into sectors of which a random half arrives in random order. The store is then opened on what is left
and must hold exactly the acknowledged transactions, or these and the one that was in flight, whole.

By hand: `make power CUTS=1000`, or `CUTS=1000 pytest tests/store/test_power_cut.py`.
"""

import random
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import apsw

from jaz_lite.errors import JazLiteError
from jaz_lite.model.fact import Fact
from jaz_lite.model.host import Host
from jaz_lite.model.run import FrameRun, IconRun, Run
from jaz_lite.store.connection import DATABASE_FILE
from jaz_lite.store.open import Store
from jaz_lite.store.transaction import Nouns, Transaction
from tests.store.making import RUN, SITE_UID, VERSION, attempt, document, key, opened, plan, run

SECTOR_BYTES = 512
TRANSACTIONS_MAX = 24
AGENT = "local"

Write = tuple[int, bytes | None]  # offset and data; None: the file was cut off there


def no_fault(_name: str, _number: int) -> None:
    """All is well."""


class Disk:
    """What is durable and what is only written, by file name; and a fault to come."""

    def __init__(self) -> None:
        self.durable: dict[str, bytearray] = {}
        self.pending: dict[str, list[Write]] = {}
        self.operations = 0
        self.fault: Callable[[str, int], None] = no_fault

    def happens(self, name: str) -> None:
        """Count an operation on a file (write, truncate, sync) and let it fail where that is wanted."""
        self.operations += 1
        self.fault(name, self.operations)

    def opened(self, name: str) -> None:
        self.durable.setdefault(name, bytearray())
        self.pending.setdefault(name, [])

    def removed(self, name: str) -> None:
        self.durable.pop(name, None)
        self.pending.pop(name, None)

    def synced(self, name: str) -> None:
        for write in self.pending[name]:
            _apply(self.durable[name], write)
        self.pending[name].clear()

    def after_the_cut(self, rng: random.Random) -> dict[str, bytes]:
        """Return what the files hold when the power is back."""
        found = {}
        for name, durable in self.durable.items():
            content = bytearray(durable)
            for write in _arrived(self.pending[name], rng):
                _apply(content, write)
            found[name] = bytes(content)
        return found


def _apply(content: bytearray, write: Write) -> None:
    offset, data = write
    if data is None:
        del content[offset:]
        return
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def _arrived(pending: list[Write], rng: random.Random) -> list[Write]:
    """Choose which of the pending writes reach the disk."""
    way = rng.choice(("none", "some", "torn"))
    if way == "none":
        return []
    if way == "some":
        return pending[: rng.randrange(len(pending) + 1)]
    sectors: list[Write] = []
    for offset, data in pending:
        if data is None:
            sectors.append((offset, None))
        else:
            sectors.extend((offset + at, data[at : at + SECTOR_BYTES]) for at in range(0, len(data), SECTOR_BYTES))
    sectors = [sector for sector in sectors if rng.random() < 0.5]
    rng.shuffle(sectors)
    return sectors


class Vfs(apsw.VFS):
    """The files of the system below, with a `Disk` that watches what is written and synced."""

    def __init__(self, name: str, disk: Disk) -> None:
        self.name = name
        self.disk = disk
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        return _File(self.disk, path, name, flags)

    def xDelete(self, path: str, sync_folder: bool) -> None:
        super().xDelete(path, sync_folder)
        self.disk.removed(Path(path).name)


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, path: str | None, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._disk = disk
        self._name = Path(path).name if path else None
        if self._name:
            disk.opened(self._name)

    def xWrite(self, data: bytes, offset: int) -> None:
        if self._name:
            self._disk.happens(self._name)
            self._disk.pending[self._name].append((offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:
        if self._name:
            self._disk.happens(self._name)
            self._disk.pending[self._name].append((size, None))
        super().xTruncate(size)

    def xSync(self, _flags: int) -> None:
        # The disk below is left in peace: what is durable is decided here.
        if self._name:
            self._disk.happens(self._name)
            self._disk.synced(self._name)


# ---- the workload: random transactions of all nouns, and a model of what they should leave


@dataclass
class Model:
    """What the store should hold."""

    documents: dict[str, tuple[bool, str]] = field(default_factory=dict)  # version -> enabled, text
    runs: dict[int, Run] = field(default_factory=dict)
    attempts: dict[bytes, tuple[str, int | None]] = field(default_factory=dict)
    output: dict[bytes, bytes] = field(default_factory=dict)
    facts: int = 0
    cursor: int = 0
    timers: dict[tuple[int, int | None], int] = field(default_factory=dict)

    def copy(self) -> "Model":
        return Model(
            documents=dict(self.documents),
            runs=dict(self.runs),
            attempts=dict(self.attempts),
            output=dict(self.output),
            facts=self.facts,
            cursor=self.cursor,
            timers=dict(self.timers),
        )


def prepare(tx: Transaction) -> None:
    """Put into a new store what every workload begins with."""
    tx.term.create(site_uid=SITE_UID, server_id="test")
    tx.hosts.put(Host(host="localhost", agent_id=AGENT))
    tx.definitions.put("jobnet", document("NIGHT"), by="ann", at_ms=1)
    tx.runs._sql.run(
        "insert into agents (agent_id, kid, key, cursor, chain, conn, addrs, dial, state, version, os, arch, created_ms)"
        " values (?, 1, '', 0, zeroblob(16), 0, x'90', 'agent', 0, '', '', '', 1)",
        (AGENT,),
    )


def change(tx: Transaction, model: Model, rng: random.Random) -> None:
    """Make one random change in the store and in the model."""
    match rng.choice(("document", "run", "icons", "icons", "attempt", "settle", "output", "output", "events", "timer")):
        case "document":
            version = str(rng.randrange(1, 6))
            text = rng.choice("abc") * rng.randrange(3_000)
            tx.definitions.put("jobnet", document("DOC", version, memo=text), by="ann", at_ms=2, replace=True)
            model.documents[version] = (False, text)
            if rng.random() < 0.5:
                tx.definitions.enable("jobnet", "DOC", version)
                model.documents = {v: (v == version, t) for v, (_, t) in model.documents.items()}
        case "run":
            made = run(plan("NIGHT", 1, rng.randrange(1, 20)), RUN + len(model.runs))
            tx.runs.insert(made)
            model.runs[made.run_id] = made
        case "icons" if model.runs:
            old = rng.choice(list(model.runs.values()))
            nodes = [node for node in range(len(old.icons)) if rng.random() < 0.4]
            icon = IconRun(
                state="ended",
                visit=1,
                ended_ms=rng.randrange(9_999),
                before={"V": "x" * rng.randrange(400)},
                results={"JOB_EXIT_CD": str(rng.randrange(256))},
            )
            icons = tuple(icon if node in nodes else old.icons[node] for node in range(len(old.icons)))
            new = replace(old, state="running", icons=icons, frames=(FrameRun(state="running", visit=1),))
            tx.runs.save(new, nodes, (0,))
            model.runs[new.run_id] = new
        case "attempt" if model.runs:
            k = key(len(model.attempts) + 1)
            tx.attempts.insert(attempt(len(model.attempts) + 1, run_id=rng.choice(list(model.runs))))
            model.attempts[k] = ("sent", None)
            model.output[k] = b""
        case "settle" if model.attempts:
            k, code = rng.choice(list(model.attempts)), rng.randrange(256)
            tx.attempts.update(k, state="done", exit_code=code, ended_ms=5)
            model.attempts[k] = ("done", code)
        case "output" if model.attempts:
            k = rng.choice(list(model.attempts))
            piece = rng.randbytes(rng.randrange(1, 5_000))
            tx.output.append(k, 1, len(model.output[k]), piece)
            model.output[k] += piece
        case "events":
            model.cursor += rng.randrange(1, 9)
            tx.agents.move_cursor(AGENT, SITE_UID, model.cursor, model.cursor.to_bytes(16, "big"))
            tx.journal.add(5, RUN, "/JOB-1", Fact(kind="icon_ended", data={"n": model.facts}))
            model.facts += 1
        case "timer" if model.runs:
            place = (rng.choice(list(model.runs)), rng.choice((None, 0, 1)))
            tx.timers.set(*place, "timeout", rng.randrange(9_999))
            model.timers[place] = 0
        case _:
            pass


def picture(nouns: Nouns) -> Model:
    """Return what a store holds, as a model."""
    found = Model()
    for row in nouns.definitions.rows("jobnet", versions=True):
        if row.object_id == "DOC":
            found.documents[row.version] = (row.enabled, nouns.definitions.by_doc(row.doc_id).document["memo"])
    for row in nouns.runs.list(limit=1_000):
        stored = nouns.runs.load(row.run_id)
        found.runs[row.run_id] = stored.assemble(plan("NIGHT", 1, stored.icon_count), SITE_UID)
        for one in nouns.attempts.of_run(row.run_id):
            found.attempts[one.k] = (one.state, one.exit_code)
            found.output[one.k] = nouns.output.read(one.k, 1, 0, 1 << 30)
    lines = nouns.journal.of_run(RUN, limit=10_000)
    assert [line.data["n"] for line in lines] == list(range(len(lines)))
    found.facts = len(lines)
    ((cursor, chain),) = nouns.runs._sql.rows("select cursor, chain from agents")
    assert int.from_bytes(chain, "big") == cursor, "cursor and chain move together"
    found.cursor = cursor
    found.timers = {(run_id, node): 0 for run_id, node, _, _ in nouns.timers.due(10_000, 10_000)}
    return found


# ---- one cut


class PowerCut(apsw.IOError):
    """The moment."""


def template() -> bytes:
    """Return the file of a new store, prepared and closed."""
    folder = Path(tempfile.mkdtemp())
    try:
        store = opened(folder)
        with store.transaction() as tx:
            prepare(tx)
        store.close()
        return (folder / DATABASE_FILE).read_bytes()
    finally:
        shutil.rmtree(folder)


def cut(seed: int, start: bytes) -> str:
    """Run a workload into a power cut and judge what is left.

    Returns:
        "ok", "lost" (an acknowledged transaction is not there), "torn" (half a transaction is) or "damaged".
    """
    rng = random.Random(seed)
    folder = Path(tempfile.mkdtemp())
    try:
        (folder / DATABASE_FILE).write_bytes(start)
        history, in_flight, image = _until_the_cut(rng, folder, seed)
        later = folder / "later"
        later.mkdir()
        for name, content in image.items():
            if not name.endswith("-shm"):
                (later / name).write_bytes(content)
        return _judged(later, history, in_flight)
    finally:
        shutil.rmtree(folder)


def _until_the_cut(rng: random.Random, folder: Path, seed: int) -> tuple[list[Model], Model, dict[str, bytes]]:
    disk = Disk()
    disk.durable[DATABASE_FILE] = bytearray((folder / DATABASE_FILE).read_bytes())
    disk.pending[DATABASE_FILE] = []
    images: list[dict[str, bytes]] = []
    cut_at = rng.randrange(1, 500)
    transactions = rng.randrange(2, TRANSACTIONS_MAX)

    def fault(_name: str, number: int) -> None:
        if number >= cut_at:
            if not images:
                images.append(disk.after_the_cut(rng))
            raise PowerCut

    disk.fault = fault
    vfs = Vfs(f"power-cut-{seed}", disk)
    acked = in_flight = Model()
    history = [acked]
    store: Store | None = None
    try:
        store = opened(folder, vfs=vfs.name)
        for _ in range(transactions):
            in_flight = acked.copy()
            with store.transaction() as tx:
                for _ in range(rng.randrange(1, 8)):
                    change(tx, in_flight, rng)
            acked = in_flight
            history.append(acked)
            if rng.random() < 0.15:
                store.checkpoint(truncate=rng.random() < 0.3)
    except (JazLiteError, apsw.Error):
        assert images, "nothing but the cut may fail"
    image = images[0] if images else disk.after_the_cut(rng)
    if store is not None:
        _abandon(store)
    vfs.unregister()
    return history, in_flight, image


def _abandon(store: Store) -> None:
    with suppress(JazLiteError, apsw.Error):  # the power is off
        store.close()


def _judged(folder: Path, history: list[Model], in_flight: Model) -> str:
    try:
        store = opened(folder)
    except JazLiteError:
        return "damaged"
    try:
        if store.integrity():
            return "damaged"
        with store.snapshot() as view:
            found = picture(view)
        # What is left must also be able to go on.
        with store.transaction() as tx:
            tx.definitions.put("jobnet", document("AFTER", VERSION), by="ann", at_ms=3)
    except JazLiteError:
        return "damaged"
    finally:
        store.close()
    if found in (history[-1], in_flight):
        return "ok"
    return "lost" if found in history else "torn"
