"""When a file copy is relayed, and when it is not: both agents, their room, their locks, and who else waits."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jaz_lite.model.event import StopIcon
from jaz_lite.model.host import Host
from jaz_lite.model.jobnet import Icon
from jaz_lite.runner.copies import SILENCE_S
from jaz_lite.wire.limits import FEATURES
from tests.unit.runner.site import AgentEnd, Site, chained


def copy(icon_id: str = "copy", source: str = "src", target: str = "dst", *, force: bool = False) -> Icon:
    settings = {"source_host": source, "source_folder": "/out", "source_file": "*", "target_host": target}
    return Icon(icon_id=icon_id, type="file_copy", force=force, params={**settings, "target_folder": "/in"})


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "data", agents=("src", "dst"))
    for agent in made.agents.values():
        agent.facts["feats"] = FEATURES
        agent.connect()
    yield made
    made.close()


@pytest.fixture
def src(site: Site) -> AgentEnd:
    return site.agents["src"]


@pytest.fixture
def dst(site: Site) -> AgentEnd:
    return site.agents["dst"]


def put(site: Site, *hosts: Host) -> None:
    with site.store.transaction() as tx:
        for host in hosts:
            tx.hosts.put(host)


def look(site: Site, seconds: float = 1.0) -> None:
    """Let time pass as the task does that keeps copies going."""
    site.pass_time(seconds)
    site.turns.copies.tick()
    site.settle()


def test_files_are_asked_for_when_the_target_has_begun(site: Site, src: AgentEnd, dst: AgentEnd) -> None:
    site.start(chained("C", copy()))
    dst.accepts("copy")
    assert src.files == []

    dst.starts("copy")

    (asked,) = src.files
    assert (asked.op, asked.path, asked.name) == ("list", "/out", b"*")


def test_a_source_that_is_away_is_waited_for(site: Site, src: AgentEnd, dst: AgentEnd) -> None:
    src.cut()
    run = site.start(chained("C", copy()))
    dst.starts("copy")
    look(site, 10_000)
    assert site.icon(run, "copy").state == "running"

    src.connect()

    assert [asked.op for asked in src.files] == ["list"]


@pytest.mark.parametrize(
    ("host", "told"),
    [
        (None, 'no host is named "elsewhere"'),
        (Host(host="elsewhere", agent_id="src", enabled=False), 'host "elsewhere" is disabled'),
        (Host(host="elsewhere", kind="group", members=("src",)), "is a group, and this work is for one machine"),
        (Host(host="elsewhere", kind="ssh", address="192.0.2.1"), "is an SSH target"),
    ],
)
@pytest.mark.parametrize("side", ["source", "target"])
def test_a_host_that_stands_for_no_single_agent_is_an_error_at_once(
    site: Site, host: Any, told: str, side: str
) -> None:
    if host is not None:
        put(site, host)

    run = site.start(chained("C", copy(**{side: "elsewhere"})))

    assert site.icon(run, "copy").state == "run_error"
    assert told in site.icon(run, "copy").message


def test_a_source_that_is_too_old_for_files_ends_the_copy(site: Site, src: AgentEnd, dst: AgentEnd) -> None:
    src.cut()
    src.facts["feats"] = ()
    src.connect()

    site.start(chained("C", copy()))
    dst.starts("copy")

    assert [over.msg for over in dst.copies_over] == ['the agent of host "src" is too old to copy files from']


def test_force_takes_disabled_hosts(site: Site, src: AgentEnd, dst: AgentEnd) -> None:
    put(site, Host(host="src", agent_id="src", enabled=False), Host(host="dst", agent_id="dst", enabled=False))

    site.start(chained("C", copy(force=True)))
    dst.starts("copy")

    assert [asked.op for asked in src.files] == ["list"]


def test_a_copy_does_not_begin_while_its_source_is_rebooted(site: Site, src: AgentEnd, dst: AgentEnd) -> None:
    site.start(chained("R", Icon(icon_id="reboot", type="reboot", params={"host": "src"})))
    site.start(chained("C", copy()))
    dst.starts("copy")
    look(site)
    assert src.files == []

    src.ends("reboot")
    look(site)

    assert [asked.op for asked in src.files] == ["list"]


def test_a_target_that_is_rebooted_gets_no_order(site: Site, dst: AgentEnd) -> None:
    site.start(chained("R", Icon(icon_id="reboot", type="reboot", params={"host": "dst"})))
    site.start(chained("C", copy()))

    assert [order.kind for order in dst.dispatched] == ["reboot"]


def test_four_copies_at_once_and_the_next_when_one_is_over(site: Site, src: AgentEnd, dst: AgentEnd) -> None:
    for number in range(6):
        site.start(chained(f"C{number}", copy(f"copy{number}")))
        dst.starts(f"copy{number}")
    assert len(src.files) == 4

    assert src.link is not None
    src.link.file_failed(src.files[0].opening, "missing", "it is not there")
    site.settle()
    (over,) = dst.copies_over
    assert (over.ok, over.msg) == (False, 'source host "src": it is not there')
    number = next(n for n in range(6) if dst.key(f"copy{n}") == over.k)
    dst.ends(f"copy{number}", exit_code=1)

    assert len(src.files) == 5


def test_a_copy_that_is_stopped_asks_for_nothing_more(site: Site, src: AgentEnd, dst: AgentEnd) -> None:
    run = site.start(chained("C", copy()))
    dst.starts("copy")
    site.ask(run, StopIcon, "copy")
    look(site, SILENCE_S + 1)

    assert [kill.k for kill in dst.killed] == [dst.key("copy")]
    assert dst.copies_over == []
    assert src.link is not None
    assert src.link.file_room(src.files[0].opening) == -1, "the source was told to let go"


def test_after_a_restart_of_the_server_the_copy_is_begun_again(site: Site, src: AgentEnd, dst: AgentEnd) -> None:
    site.start(chained("C", copy()))
    dst.starts("copy")
    site.restart()
    for agent in site.agents.values():
        agent.connect()

    assert [asked.op for asked in src.files] == ["list", "list"]


def test_silence_while_both_are_there_ends_the_copy(site: Site, src: AgentEnd, dst: AgentEnd) -> None:
    site.start(chained("C", copy()))
    dst.starts("copy")
    look(site, SILENCE_S - 1)
    assert dst.copies_over == []

    look(site, 2)

    assert [over.code for over in dst.copies_over] == ["silent"]


def test_the_journal_names_the_files_up_to_a_hundred(site: Site, dst: AgentEnd) -> None:
    run = site.start(chained("C", copy()))
    dst.starts("copy")
    lines = "".join(f"{'0' * 64} {number} file {number}\n" for number in range(120))
    dst.ends("copy", out=f"{lines}and 7 more files\n".encode())

    with site.store.snapshot() as view:
        (line,) = [line for line in view.journal.of_run(run) if line.kind == "files_copied"]
    assert line.data["count"] == 127
    assert line.data["not_listed"] == 27
    assert line.data["files"][3] == f"file 3: 3 bytes, sha256 {'0' * 64}"
    assert site.run(run).state == "ended"


@pytest.mark.parametrize("told", ["and", "and many", "abc", "abc x name", "and 5 more\nabc", "\n \n"])
def test_a_target_that_lists_its_files_in_an_unknown_way_is_believed_that_the_copy_ended(
    site: Site, dst: AgentEnd, told: str
) -> None:
    run = site.start(chained("C", copy()))

    dst.ends("copy", out=told.encode())

    assert site.run(run).state == "ended"
    assert dst.closed == []
