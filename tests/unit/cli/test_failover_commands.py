"""All commands of fail-over: each has an example in its help, and prints JSON where it prints data; no way is left out."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from jaz_lite.cli.main import cli as program
from jaz_lite.store.directory import DataDirectory
from jaz_lite.store.fencing import FencedBy, write_fenced
from jaz_lite.store.incoming import unbind
from jaz_lite.wire.ident import term_of
from tests.unit.cli.conftest import Cli

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGES = ("failover.md", "standby.md", "copies.md", "exit-codes.md", "troubleshooting.md")
# Each with whether it prints data. Those that do not run on, and tell what happens in sentences.
COMMANDS = {
    ("up",): False,
    ("server",): False,
    ("serve",): False,
    ("activate",): True,
    ("standby", "run"): False,
    ("standby", "status"): True,
    ("standby", "invite"): True,
    ("switchover",): True,
    ("snapshot",): True,
    ("verify",): True,
    ("diff-export",): True,
    ("status",): True,
}
DETACHED = {("up",), ("server",), ("serve",), ("activate",), ("standby", "run")}


def found(words: tuple[str, ...]) -> click.Command:
    command: click.Command | None = program
    for word in words:
        assert isinstance(command, click.Group), words
        command = command.get_command(click.Context(command), word)
    assert command is not None, words
    return command


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_help_has_an_example_and_data_comes_as_json(cli: Cli, words: tuple[str, ...]) -> None:
    ran = cli(*words, "--help")

    assert ran.code == 0
    assert f"Example:\n  jaz-lite {' '.join(words)}" in ran.out
    assert ("--json" in ran.out) is COMMANDS[words]
    assert ("--detach" in ran.out) is (words in DETACHED)


def test_no_command_about_standbys_is_left_out() -> None:
    group = found(("standby",))
    assert isinstance(group, click.Group)

    assert {("standby", name) for name in group.commands} == {words for words in COMMANDS if words[0] == "standby"}


def shown() -> Iterator[tuple[str, str]]:
    """Give every command that the pages show, in blocks and in sentences: page and text."""
    for name in PAGES:
        page = (DOCS / name).read_text(encoding="utf-8")
        for block in re.findall(r"```(?:text|console|ini)\n(.*?)```", page, re.DOTALL):
            for text in re.findall(r"^(?:\$ |ExecStart=/usr/local/bin/)?(jaz-lite .*)$", block, re.MULTILINE):
                yield name, re.sub(r" {3,}.*", "", text)
        for text in re.findall(r"`(jaz-lite [^`]*)`", re.sub(r"```.*?```", "", page, flags=re.DOTALL)):
            yield name, " ".join(text.split())


@pytest.mark.parametrize(("page", "text"), sorted(set(shown())))
def test_every_command_that_a_page_shows_is_one_that_the_program_takes(page: str, text: str) -> None:
    """Nothing is run: the words are read as the program reads them."""
    words = re.split(r" [>|] ", text.replace("KIND", "jobnet"))[0].split()[1:]
    command: click.Command = program
    context = click.Context(program)
    while words:
        if words[0] == "--data":
            words = words[2:]
        elif isinstance(command, click.Group) and (inner := command.get_command(context, words[0])) is not None:
            command, words = inner, words[1:]
        else:
            break
    options = {name for each in command.params for name in (*each.opts, *each.secondary_opts)} | {"--help", "-h"}

    assert not isinstance(command, click.Group) or command is not program, f"{page}: {text}"
    assert [word for word in words if word.startswith("--") and word.split("=")[0] not in options] == []


def test_activate_says_as_json_what_it_took_over(cli: Cli, prepared: Path, tmp_path: Path) -> None:
    cli("snapshot", str(tmp_path / "copy"))

    ran = cli("activate", "--yes", "--no-run", "--json", "--data", str(tmp_path / "copy"))

    assert ran.code == 0, ran.err
    assert json.loads(ran.out) == {
        "folder": str(tmp_path / "copy"), "server_id": "test", "epoch": 2, "boot": 0,
    }  # fmt: skip
    assert cli("activate", "--json").code == 2


def test_how_far_a_long_copy_and_its_check_are_is_told(
    cli: Cli, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jaz_lite.cli import printing

    monkeypatch.setattr(printing, "PASSING_EVERY_S", 0.0)

    assert re.search(r"(?m)^\d+ KiB of \d+ KiB$", cli("snapshot", str(tmp_path / "copy")).err)
    assert re.search(r"(?m)^\d+ .* of \d+ KiB$", cli("verify", str(tmp_path / "copy")).err)


# ---- exit codes: every one that a page of fail-over names, where no other machine is needed


def a_copy(cli: Cli, original: Path) -> Path:
    copy = original.with_name("copy")
    assert cli("snapshot", str(copy)).code == 0
    return copy


def damaged(cli: Cli, original: Path) -> Path:
    copy = a_copy(cli, original)
    with (copy / "jaz.db").open("r+b") as database:
        database.truncate(8192)
    return copy


def of_another_site(cli: Cli, original: Path) -> Path:
    copy = Path(shutil.copytree(original, original.with_name("mixed")))
    other = original.with_name("other")
    assert cli("init", "--server-id", "other", "--data", str(other)).code == 0
    shutil.copy(other / "instance.json", copy / "instance.json")
    return copy


def replaced(_cli: Cli, original: Path) -> Path:
    by = FencedBy(term=term_of(2, 0), act=b"a" * 8, addrs=("10.0.0.8:11061",), seen_from="agent a1", at_ms=1)
    write_fenced(original, by)
    return original


def of_a_standby(cli: Cli, original: Path) -> Path:
    copy = a_copy(cli, original)
    unbind(copy, 1)
    return copy


def own(_cli: Cli, original: Path) -> Path:
    return original


def nowhere(_cli: Cli, original: Path) -> Path:
    return original.with_name("nowhere")


def named(one: object) -> str:
    return getattr(one, "__name__", str(one))


ENDS = [
    ("activate", a_copy, 1),  # nobody could tell, and nobody said --yes
    ("activate", replaced, 3),
    ("activate", damaged, 6),
    ("activate", nowhere, 8),
    ("activate --json", a_copy, 2),
    ("activate --detach --no-run", a_copy, 2),
    ("activate --yes --no-run", a_copy, 0),
    ("up", replaced, 3),
    ("up", a_copy, 4),
    ("up", of_a_standby, 4),
    ("server", a_copy, 4),
    ("serve", a_copy, 4),
    ("serve", nowhere, 8),
    ("standby run", nowhere, 2),
    ("standby run", a_copy, 2),
    ("standby run --from h:x", of_a_standby, 2),
    ("standby run --from 127.0.0.1:9", own, 1),
    ("standby run --token jazls1-x", nowhere, 2),
    ("standby status", own, 9),
    ("standby invite", of_a_standby, 9),
    ("switchover", own, 9),
    ("status", replaced, 9),
    ("setting reset load_span_min", replaced, 3),
    ("setting reset load_span_min", a_copy, 4),
    ("diff-export", replaced, 2),
    ("diff-export --since 1h", replaced, 0),
    ("diff-export --since 1h", nowhere, 8),
]


@pytest.mark.parametrize(("words", "place", "code"), ENDS, ids=named)
def test_it_ends_with_the_exit_code_that_the_manual_names(
    cli: Cli, prepared: Path, words: str, place: Callable[[Cli, Path], Path], code: int
) -> None:
    ran = cli(*words.split(), "--data", str(place(cli, prepared)))

    assert ran.code == code, ran.err
    assert "failed:" not in ran.err
    assert code == 0 or len(ran.err.strip().splitlines()) >= 1


@pytest.mark.parametrize(("place", "code"), [(a_copy, 0), (damaged, 6), (of_another_site, 1), (nowhere, 8)], ids=named)
def test_a_check_ends_with_the_exit_code_that_the_manual_names(
    cli: Cli, prepared: Path, place: Callable[[Cli, Path], Path], code: int
) -> None:
    assert cli("verify", str(place(cli, prepared))).code == code


@pytest.mark.parametrize(
    "words", ["activate --yes", "up", "server", "serve", "standby run --from 127.0.0.1:9", "diff-export --since 1h"]
)
def test_a_directory_that_a_process_uses_is_left_alone(cli: Cli, prepared: Path, words: str) -> None:
    folder = of_a_standby(cli, prepared) if words.startswith(("activate", "standby")) else prepared
    with DataDirectory(folder).lock():
        ran = cli(*words.split(), "--data", str(folder))

    assert ran.code == 5, ran.err
    assert "uses" in ran.err
