"""The parts of a takeover: the mark of the one that was replaced, and the embedded agent of the one that came."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jaz_lite.agent.policy import Policy
from jaz_lite.clock import VirtualClock
from jaz_lite.errors import AlreadyRunning, Fenced, NoSuchObject, Refused
from jaz_lite.model.host import Host
from jaz_lite.server import activation
from jaz_lite.server.activation import MARGIN_MS, Wishes, run_activated, take_over
from jaz_lite.server.embedded import enrol_local, is_embedded, set_aside
from jaz_lite.server.fence import mark_fenced
from jaz_lite.store import migrate
from jaz_lite.store.binding import read_binding, write_binding
from jaz_lite.store.directory import DataDirectory
from jaz_lite.store.fencing import read_fenced
from jaz_lite.store.folder_lock import is_in_use
from jaz_lite.store.manifest import MANIFEST_FILE
from jaz_lite.store.open import Store
from jaz_lite.store.stopped import LOOKED_AT_FOLDER
from jaz_lite.store.verifying import verify
from jaz_lite.wire.ident import term_of
from tests.store.copies import contents, site, snapshot

CLOCK = VirtualClock()
HOLD = (
    "import sys; from jaz_lite.agent.lock import take; take(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    directory = DataDirectory.prepare(tmp_path / "data", server_id="S", clock=CLOCK)
    opened = directory.open_store(clock=CLOCK)
    yield opened
    opened.close()


def enrol(store: Store, spool: Path) -> str:
    return enrol_local(store, spool, cert_pem="PEM", address="127.0.0.1:1", policy=Policy(), now_ms=CLOCK.now_ms())


def test_a_takeover_begins_an_epoch_and_opens_the_window_from_a_minute_before_the_last_tick(store: Store) -> None:
    now_ms = CLOCK.now_ms()
    with store.transaction() as tx:
        tx.term.tick(now_ms - 500_000)

    with store.transaction() as tx:
        term = take_over(tx, 4, b"a" * 8, now_ms)

    with store.snapshot() as view:
        window = view.window.current()
        assert window is not None
        assert (window.from_ms, window.until_ms, window.epoch) == (now_ms - 500_000 - MARGIN_MS, now_ms, 4)
        assert term == view.term.site().term == term_of(4, 0)


def test_after_a_takeover_elsewhere_the_names_of_this_machine_lead_to_an_agent_of_its_own(
    store: Store, tmp_path: Path
) -> None:
    assert enrol(store, tmp_path / "agent") == "local"
    with store.transaction() as tx:
        take_over(tx, 3, b"a" * 8, CLOCK.now_ms())
    assert enrol(store, tmp_path / "agent") == "local"  # its own spool: the same machine

    came_along = tmp_path / "elsewhere"
    (tmp_path / "agent").rename(came_along)
    aside = set_aside(came_along, 3)

    assert aside == tmp_path / "elsewhere.before-3"
    assert enrol(store, tmp_path / "agent") == "local-3"
    with store.snapshot() as view:
        host = view.hosts.find("localhost")
        assert host is not None
        assert (host.agent_id, view.hosts.led_in("localhost", 1), view.hosts.led_in("localhost", 3)) == (
            "local-3", "local", "",
        )  # fmt: skip


def test_a_spool_that_was_always_here_stays_and_the_names_of_the_machine_come_back_to_its_agent(
    store: Store, tmp_path: Path
) -> None:
    enrol(store, tmp_path / "agent")
    with store.transaction() as tx:
        tx.hosts.put(Host(host="localhost", agent_id="local-2"))  # a standby was the server meanwhile
        tx.hosts.remove(socket.gethostname())  # by a person
        take_over(tx, 3, b"a" * 8, CLOCK.now_ms())

    assert set_aside(tmp_path / "agent", 3) is None
    assert enrol(store, tmp_path / "agent") == "local"

    with store.snapshot() as view:
        host = view.hosts.find("localhost")
        assert host is not None
        assert (host.agent_id, view.hosts.led_in("localhost", 2)) == ("local", "local-2")
        assert view.hosts.find(socket.gethostname()) is None


def test_the_spool_of_an_agent_that_lives_is_not_put_aside(tmp_path: Path) -> None:
    (tmp_path / "agent").mkdir()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "agent")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"

    assert set_aside(tmp_path / "agent", 2) is None

    holder.communicate()


def test_a_name_that_leads_elsewhere_on_purpose_stays(store: Store, tmp_path: Path) -> None:
    with store.transaction() as tx:
        tx.hosts.put(Host(host="localhost", agent_id="web1"))

    enrol(store, tmp_path / "agent")

    with store.snapshot() as view:
        host = view.hosts.find("localhost")
    assert host is not None
    assert host.agent_id == "web1"


@pytest.mark.parametrize(
    ("name", "is_one"), [("local", True), ("local-7", True), ("local-east", False), ("locally", False), ("web", False)]
)
def test_embedded_agents_are_known_by_their_names(name: str, is_one: bool) -> None:
    assert is_embedded(name) is is_one


def test_a_spool_that_is_put_aside_twice_covers_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        (tmp_path / "agent").mkdir()
        set_aside(tmp_path / "agent", 2)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["agent.before-2", "agent.before-2.2"]
    assert set_aside(tmp_path / "agent", 2) is None


def test_the_mark_says_who_replaced_the_server_and_a_set_back_directory_gets_none(tmp_path: Path) -> None:
    mark_fenced(tmp_path, Fenced("set back"), 5)
    assert read_fenced(tmp_path) is None

    mark_fenced(
        tmp_path, Fenced("replaced", term=term_of(7, 0), act=b"a" * 8, addrs=("b:1",), seen_from="agent web1"), 5
    )

    by = read_fenced(tmp_path)
    assert by is not None
    assert (by.term, by.addrs, by.seen_from, by.at_ms) == (term_of(7, 0), ("b:1",), "agent web1", 5)


def test_who_names_no_copy_is_not_told_to_make_a_new_site(tmp_path: Path) -> None:
    wishes = Wishes(confirm=lambda _question: False)

    with pytest.raises(NoSuchObject) as refused:
        run_activated(tmp_path / "mistyped", wishes, tell=lambda _sentence: None)

    assert "name the copy" in str(refused.value.hint)


def test_a_directory_is_in_use_as_long_as_its_lock_is_held(tmp_path: Path) -> None:
    assert not is_in_use(tmp_path / "nowhere")
    directory = DataDirectory.prepare(tmp_path / "data", server_id="S", clock=CLOCK)
    assert not is_in_use(directory.folder)

    with directory.lock():
        assert is_in_use(directory.folder)
    assert not is_in_use(directory.folder)


def copied(folder: Path) -> Path:
    """Return a copy of a directory with nothing in it."""
    snapshot(DataDirectory.prepare(folder / "original", server_id="S", clock=CLOCK), folder / "copy")
    return folder / "copy"


def test_a_takeover_that_is_refused_leaves_a_copy_of_an_older_format_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = copied(tmp_path)
    before = contents(copy)
    steps = migrate.migrations()
    following = migrate.Migration(len(steps) + 1, "9.9.9", "alter table hosts add column colour text")
    monkeypatch.setattr(migrate, "migrations", lambda: (*steps, following))
    asked: list[str] = []

    def no(question: str) -> bool:
        asked.append(question)
        return False

    with pytest.raises(Refused, match="not taken over"):
        run_activated(copy, Wishes(confirm=no), tell=lambda _sentence: None)

    after = contents(copy)
    after.pop("lock", None)
    before.pop("lock", None)
    assert len(asked) == 1
    assert after == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "original"]

    run_activated(copy, Wishes(confirm=lambda _question: True), tell=lambda _sentence: None, stay=False)

    assert verify(copy).schema == len(steps) + 1


def test_a_copy_of_an_older_format_is_looked_at_with_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may use the directory need not be allowed to write into the one above, which may be of another disk."""
    copy = copied(tmp_path)
    (copy / LOOKED_AT_FOLDER).mkdir()
    (copy / LOOKED_AT_FOLDER / "jaz.db").write_bytes(b"of a look that a crash ended")
    steps = migrate.migrations()
    following = migrate.Migration(len(steps) + 1, "9.9.9", "alter table hosts add column colour text")
    monkeypatch.setattr(migrate, "migrations", lambda: (*steps, following))
    beside: list[list[str]] = []

    def confirm(_question: str) -> bool:
        beside.append(sorted(path.name for path in tmp_path.iterdir()))
        return False

    with pytest.raises(Refused, match="not taken over"):
        run_activated(copy, Wishes(confirm=confirm), tell=lambda _sentence: None)

    assert beside == [["copy", "original"]]
    assert not (copy / LOOKED_AT_FOLDER).exists()


def follows_on(folder: Path, epoch: int) -> None:
    """The standby on a folder takes in what a server of a newer epoch did."""
    store = Store.open(folder, clock=CLOCK)
    with store.transaction() as tx:
        tx.term.activate(epoch, b"a" * 8)
    store.close()


@pytest.mark.parametrize("when", ["while it is judged", "before it lets go"])
def test_a_standby_that_followed_a_newer_server_meanwhile_is_judged_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    copy = copied(tmp_path)
    # What a standby keeps is no snapshot any more: its files change.
    (copy / MANIFEST_FILE).unlink()
    write_binding(copy, replace(read_binding(copy), described=False))
    told: list[str] = []
    asked: list[str] = []

    def confirm(question: str) -> bool:
        asked.append(question)
        if when == "while it is judged" and len(asked) == 1:
            follows_on(copy, 5)
        return True

    def let_go(folder: Path) -> None:
        if when == "before it lets go":
            follows_on(folder, 5)

    monkeypatch.setattr(activation, "state_of", lambda _folder: "standby")
    monkeypatch.setattr(activation, "let_go", let_go)

    run_activated(copy, Wishes(confirm=confirm), tell=told.append, stay=False)

    assert len(asked) == 2
    assert told[0] == "meanwhile the standby has followed a server of epoch 5: everybody is asked once more"
    assert verify(copy).epoch == 6


def test_a_takeover_that_is_refused_leaves_the_copy_as_it_was(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    snapshot(site(tmp_path / "original"), copy)
    before = contents(copy)

    with pytest.raises(Refused, match="not taken over"):
        run_activated(copy, Wishes(confirm=lambda _question: False), tell=lambda _sentence: None)

    after = contents(copy)
    after.pop("lock", None)
    before.pop("lock", None)
    assert after == before
    assert verify(copy).manifest is not None


def test_to_take_over_with_the_directory_of_the_running_server_is_no_mistake_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = copied(tmp_path)
    monkeypatch.setattr(activation, "state_of", lambda _folder: "active")

    with pytest.raises(AlreadyRunning, match="is the active one already"):
        run_activated(copy, Wishes(confirm=lambda _question: True), tell=lambda _sentence: None)
