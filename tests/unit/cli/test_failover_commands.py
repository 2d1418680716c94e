"""All commands of fail-over: each has an example in its help, and prints JSON where it prints data; no way is left out."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from jaz_lite.cli.main import cli as program
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
