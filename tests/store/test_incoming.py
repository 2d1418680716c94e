"""A copy that arrives from another server, and takes the place of what was there, also when a crash comes in between."""

import shutil
from pathlib import Path

import pytest

from jaz_lite.clock import VirtualClock
from jaz_lite.errors import NotBoundHere, Refused, StoreDamaged
from jaz_lite.store import incoming
from jaz_lite.store.binding import read_binding
from jaz_lite.store.copying import copy_live
from jaz_lite.store.directory import DataDirectory
from jaz_lite.store.fencing import FencedBy, read_fenced, write_fenced
from jaz_lite.store.incoming import Incoming, settle, unbind
from jaz_lite.store.keys import KEYS_FOLDER
from jaz_lite.store.open import Store
from jaz_lite.store.replica import Replica
from jaz_lite.store.sealing import Seal
from jaz_lite.store.verifying import verify
from jaz_lite.wire.ident import term_of

NOW_MS = 1_795_371_129_000
SEAL = Seal(b"k" * 32)


def snapshot_of(folder: Path, *, tick_ms: int = NOW_MS) -> Path:
    """Make a site (once), let it tick, and return a new copy of it."""
    clock = VirtualClock(NOW_MS)
    if not DataDirectory.exists(folder):
        DataDirectory.prepare(folder, server_id="test", clock=clock)
    store = Store.open(folder, clock=clock)
    target = folder.with_name(f"{folder.name}-{tick_ms}")
    try:
        with store.transaction() as tx:
            tx.term.tick(tick_ms)
        copy_live(store, folder, target, now_ms=NOW_MS)
    finally:
        store.close()
    return target


def arrive(copy: Path, folder: Path, *, harm: str = "") -> None:
    """Carry a copy over, byte by byte as a link would."""
    folder.mkdir(exist_ok=True)
    coming = Incoming(folder, SEAL)
    for path in sorted(path for path in copy.rglob("*") if path.is_file()):
        name, data = path.relative_to(copy).as_posix(), path.read_bytes()
        if name == harm:
            data = data[:-1] + bytes((data[-1] ^ 1,))
        if name.startswith(KEYS_FOLDER + "/"):
            data = SEAL.seal(data).encode()
        coming.begin(name, len(data))
        for at in range(0, len(data), 1000):
            coming.write(data[at : at + 1000])
    coming.finish()


def tick_of(folder: Path) -> int | None:
    store = Store.open(folder, clock=VirtualClock(NOW_MS), read_only=True)
    try:
        with store.snapshot() as view:
            return view.term.site().last_tick_ms
    finally:
        store.close()


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_copy_that_arrives_is_a_copy_and_no_server(tmp_path: Path) -> None:
    arrive(snapshot_of(tmp_path / "a"), tmp_path / "b")

    assert tick_of(tmp_path / "b") == NOW_MS
    assert (tmp_path / "b/keys/fence.key").read_bytes() == (tmp_path / "a/keys/fence.key").read_bytes()
    with pytest.raises(NotBoundHere):
        DataDirectory(tmp_path / "b").bind_check()


def test_a_newer_copy_takes_the_place_and_own_settings_stay(tmp_path: Path) -> None:
    arrive(snapshot_of(tmp_path / "a"), tmp_path / "b")
    (tmp_path / "b/config.toml").write_text('[server]\nlisten = "127.0.0.1:1"\n')
    write_fenced(tmp_path / "b", FencedBy(term=9, act=bytes(8), addrs=(), seen_from="x", at_ms=1))
    (tmp_path / "b/jaz.db-wal").write_bytes(b"of the old one")
    (tmp_path / "b/keys/next.crt").write_bytes(b"that came to be the present one")

    arrive(snapshot_of(tmp_path / "a", tick_ms=NOW_MS + 1), tmp_path / "b")

    assert not {"jaz.db-wal", "manifest.json", "keys/next.crt"} & files_of(tmp_path / "b")
    assert tick_of(tmp_path / "b") == NOW_MS + 1
    assert "127.0.0.1:1" in (tmp_path / "b/config.toml").read_text()
    assert read_fenced(tmp_path / "b") is None


@pytest.mark.parametrize("harm", ["jaz.db", "config.toml", "instance.json", "keys/secret.key"])
def test_a_copy_that_arrives_otherwise_than_it_was_sent_changes_nothing(tmp_path: Path, harm: str) -> None:
    arrive(snapshot_of(tmp_path / "a"), tmp_path / "b")
    newer = snapshot_of(tmp_path / "a", tick_ms=NOW_MS + 1)

    with pytest.raises(StoreDamaged):
        arrive(newer, tmp_path / "b", harm=harm)

    assert tick_of(tmp_path / "b") == NOW_MS


def test_a_copy_of_another_site_is_refused(tmp_path: Path) -> None:
    arrive(snapshot_of(tmp_path / "a"), tmp_path / "b")

    with pytest.raises(Refused, match="another site"):
        arrive(snapshot_of(tmp_path / "other"), tmp_path / "b")

    assert tick_of(tmp_path / "b") == NOW_MS


@pytest.mark.parametrize("replaced", [False, True], ids=["a standby's", "of a replaced server"])
def test_a_crash_at_any_moment_of_the_change_is_made_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replaced: bool
) -> None:
    """Each try crashes one step later; whatever lies there, `settle` finishes it."""
    first = snapshot_of(tmp_path / "a")
    newer = snapshot_of(tmp_path / "a", tick_ms=NOW_MS + 1)
    calls = ("sync_folder", "write_private", "write_binding", "clear_fenced", "read_binding")

    for step in range(1, 40):
        place = tmp_path / f"b{step}"
        arrive(first, place)
        if replaced:
            fence(place)
        left = step

        def crashing(real):
            def call(*args, **kwargs):
                nonlocal left
                left -= 1
                if left == 0:
                    raise KeyboardInterrupt
                return real(*args, **kwargs)

            return call

        with monkeypatch.context() as now:
            for name in calls:
                now.setattr(incoming, name, crashing(getattr(incoming, name)))
            try:
                arrive(newer, place)
            except KeyboardInterrupt:
                pass
            else:
                return
        settle(place)
        assert not {name for name in files_of(place) if name.startswith(("arrived", "jaz.db-"))}
        assert tick_of(place) in (NOW_MS, NOW_MS + 1)
        arrive(newer, place)
        assert tick_of(place) == NOW_MS + 1
        assert [tick_of(kept) for kept in incoming.kept_aside(place)] == [NOW_MS] * replaced
    raise AssertionError("the change has more steps than were tried")


def test_a_snapshot_that_becomes_a_standby_is_bound_nowhere_and_may_change(tmp_path: Path) -> None:
    copy = snapshot_of(tmp_path / "a")

    unbind(copy, NOW_MS)

    assert "manifest.json" not in files_of(copy)
    with pytest.raises(NotBoundHere):
        DataDirectory(copy).bind_check()


def test_what_settings_say_of_the_place_of_another_server_is_not_taken_over(tmp_path: Path) -> None:
    copied = """# mine
[server]
listen = "0.0.0.0:11061"
announce="a:1"
embedded_agent = false
[ site ]
zone = "Asia/Tokyo"
listen = 1
"""

    kept = incoming.without_places(copied.encode()).decode()

    assert kept.splitlines()[2:5] == [
        '# of the server this was copied from: listen = "0.0.0.0:11061"',
        '# of the server this was copied from: announce="a:1"',
        "embedded_agent = false",
    ]
    assert kept.splitlines()[5:] == copied.splitlines()[5:]
    assert incoming.without_places(b'server.peers = "b:1"\n').startswith(b"# of")


def test_a_directory_that_was_a_server_and_becomes_a_standby_is_no_server_any_more(tmp_path: Path) -> None:
    snapshot_of(tmp_path / "a")
    DataDirectory(tmp_path / "a").bind_check()

    unbind(tmp_path / "a", NOW_MS)

    with pytest.raises(NotBoundHere):
        DataDirectory(tmp_path / "a").bind_check()


def fence(folder: Path, *, act: bytes = b"a" * 8, term: int = 9) -> None:
    write_fenced(folder, FencedBy(term=term, act=act, addrs=(), seen_from="x", at_ms=NOW_MS))


def test_what_a_replaced_server_knows_alone_is_kept_when_a_copy_takes_its_place(tmp_path: Path) -> None:
    copy = snapshot_of(tmp_path / "a", tick_ms=NOW_MS + 1)
    snapshot_of(tmp_path / "a", tick_ms=NOW_MS + 2)
    (tmp_path / "a/jaz.db-wal").write_bytes(b"")
    fence(tmp_path / "a")

    arrive(copy, tmp_path / "a")

    (kept,) = incoming.kept_aside(tmp_path / "a")
    assert kept.name == "replaced-20261122T181209Z"
    assert (tick_of(kept), tick_of(tmp_path / "a")) == (NOW_MS + 2, NOW_MS + 1)
    assert read_fenced(kept) is not None
    assert read_fenced(tmp_path / "a") is None
    assert verify(kept).fenced is not None


def test_what_a_server_knows_whose_directory_was_moved_is_kept_when_a_copy_takes_its_place(tmp_path: Path) -> None:
    """Nobody told it that it was replaced; that it stands elsewhere now, or its machine was renamed, is no reason."""
    copy = snapshot_of(tmp_path / "a", tick_ms=NOW_MS + 1)
    snapshot_of(tmp_path / "a", tick_ms=NOW_MS + 2)
    (tmp_path / "a").rename(tmp_path / "moved")
    unbind(tmp_path / "moved", NOW_MS)
    unbind(tmp_path / "moved", NOW_MS + 3_000)

    arrive(copy, tmp_path / "moved")

    (kept,) = incoming.kept_aside(tmp_path / "moved")
    assert kept.name == "replaced-20261122T181209Z"
    assert (tick_of(kept), tick_of(tmp_path / "moved")) == (NOW_MS + 2, NOW_MS + 1)
    assert verify(kept).fenced is None

    arrive(copy, tmp_path / "moved")
    assert incoming.kept_aside(tmp_path / "moved") == [kept]


def test_a_copy_that_follows_on_knows_nothing_alone(tmp_path: Path) -> None:
    snapshot_of(tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / "moved")
    unbind(tmp_path / "moved", NOW_MS)
    assert read_binding(tmp_path / "moved").alone

    incoming.follows_on(tmp_path / "moved")

    assert not read_binding(tmp_path / "moved").alone


@pytest.mark.parametrize("fenced", [False, True], ids=["of a standby", "of one that handed over"])
def test_a_database_that_knows_nothing_alone_is_not_kept(tmp_path: Path, fenced: bool) -> None:
    copy = snapshot_of(tmp_path / "a", tick_ms=NOW_MS + 1)
    if fenced:
        fence(tmp_path / "a", act=bytes(8))

    arrive(copy, tmp_path / "a")

    assert incoming.kept_aside(tmp_path / "a") == []


def test_what_was_handed_over_is_kept_where_another_one_took_over_with_an_older_copy(tmp_path: Path) -> None:
    snapshot_of(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "c")
    snapshot_of(tmp_path / "a", tick_ms=NOW_MS + 2)
    fence(tmp_path / "a", act=bytes(8), term=term_of(2, 0))
    store = Store.open(tmp_path / "c", clock=VirtualClock(NOW_MS))
    with store.transaction() as tx:
        tx.window.open(NOW_MS - 60_000, NOW_MS + 60_000, 2, "activated")
    store.close()

    arrive(snapshot_of(tmp_path / "c", tick_ms=NOW_MS + 9), tmp_path / "a")

    (kept,) = incoming.kept_aside(tmp_path / "a")
    assert (tick_of(kept), tick_of(tmp_path / "a")) == (NOW_MS + 2, NOW_MS + 9)


def test_a_killed_servers_mark_does_not_make_its_standbys_copy_look_lost(tmp_path: Path) -> None:
    snapshot_of(tmp_path / "a")
    (tmp_path / "a/in-use").write_bytes(b"12345678")
    unbind(tmp_path / "a", NOW_MS)
    Replica.open(tmp_path / "a", clock=VirtualClock(NOW_MS)).close()

    verify(tmp_path / "a")
