"""The manual is true: its links lead somewhere, its tables match the program, and its commands print what it says.

Blocks marked `console` are run, page by page in the order of a first reader, in one shell a page, against one server.
A line that begins with `$ ` is a command; the lines under it must appear in what it prints, in this order;
`(exit code N)` says how it ends where that is not 0.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click
import pytest

from jaz_lite.cli.main import cli

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = (
    "tutorial.md",
    "moving-from-jaz.md",
    "agents.md",
    "commands.md",
    "planned-runs.md",
    "hosts.md",
    "agent-policy.md",
    "file-copy.md",
    "exit-codes.md",
    "troubleshooting.md",
    "firewalls.md",
    "agents-unix.md",
    "settings.md",
    "daylight-saving.md",
    "calendars.md",
    "schedules.md",
    "schedule-examples.md",
    "retention.md",
    "preview.md",
    "copies.md",
    "standby.md",
)
TEXTS = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
STARTS_WITHIN_S = 30
STOPS_WITHIN_S = 20
PAGE_WITHIN_S = 180


@dataclass
class Shown:
    """A command as a page shows it."""

    command: str
    line: int
    lines: list[str] = field(default_factory=list)
    exit_code: int = 0


def shown_in(page: str) -> list[Shown]:
    """Return the commands of a page in order."""
    found: list[Shown] = []
    inside = False
    for number, line in enumerate(page.splitlines(), 1):
        if line.startswith("```"):
            inside = line == "```console"
        elif inside and line.startswith("$ "):
            found.append(Shown(line[2:], number))
        elif inside and (ends := re.fullmatch(r"\(exit code (\d+)\)", line)):
            found[-1].exit_code = int(ends[1])
        elif inside and line.strip():
            found[-1].lines.append(line.strip())
    return found


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", TEXTS, ids=_name)
def test_every_link_of_a_page_leads_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))

    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_every_page_of_the_manual_is_in_its_index() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")

    assert [page.name for page in DOCS.glob("*.md") if page.name != "README.md" and f"({page.name})" not in index] == []


def test_the_page_of_exit_codes_names_those_of_the_program() -> None:
    from jaz_lite import errors

    classes = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.JazLiteError)
    ]
    page = (DOCS / "exit-codes.md").read_text(encoding="utf-8")
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}

    assert {kind.exit_code for kind in classes} | {0} == documented


def test_the_generated_pages_are_current() -> None:
    from docs.generate import PAGES as GENERATED

    old = [name for name, page in GENERATED.items() if (DOCS / name).read_text(encoding="utf-8") != page()]

    assert old == [], "run `make docs`"


def test_every_command_has_its_place_in_the_manual() -> None:
    assert isinstance(cli, click.Group)
    context = click.Context(cli)
    names = {name for name in cli.list_commands(context) if not _hidden(cli.get_command(context, name))}
    page = (DOCS / "commands.md").read_text(encoding="utf-8")

    assert names == set(re.findall(r"^### (\S+)$", page, re.MULTILINE))


def test_every_option_on_the_page_of_commands_is_one_of_its_command() -> None:
    assert isinstance(cli, click.Group)
    context = click.Context(cli)
    page = (DOCS / "commands.md").read_text(encoding="utf-8")
    sections = re.split(r"^### (\S+)$", page, flags=re.MULTILINE)[1:]
    wrong = []
    for name, text in zip(sections[::2], sections[1::2], strict=True):
        command = cli.get_command(context, name)
        assert command is not None, name
        known = _options(command)
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text.partition("\n## ")[0]))
        others = set(re.findall(r"(?:jaz-lite |`)([a-z-]+)", text)) - {name}
        for other in others:
            found = cli.get_command(context, other)
            known |= set() if found is None else _options(found)
        wrong += [f"{name} {option}" for option in sorted(named - known)]

    assert wrong == []


def _options(command: click.Command) -> set[str]:
    """Return the options of a command and of all commands below it."""
    found = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None, name
            found |= _options(below)
    return found | {"--help", "--data"}


def _hidden(command: object) -> bool:
    return bool(getattr(command, "hidden", False))


def test_samples_are_small_enough_to_read() -> None:
    for path in (DOCS / "samples").iterdir():
        assert path.read_text(encoding="utf-8").count("\n") < 300, _name(path)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that looks like a checkout to the reader, with a server on its `site`."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "docs").symlink_to(DOCS)
    log = folder / "up.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "jaz_lite.cli.main", "--data", "site", "up", "--listen", "127.0.0.1:0"],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=_environment(folder),
        )  # fmt: skip
    try:
        _wait_for_agent(folder, server, log)
        yield folder
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(STOPS_WITHIN_S)
        finally:
            server.kill()


def _environment(folder: Path) -> dict[str, str]:
    binaries = str(Path(sys.executable).parent)
    return os.environ | {
        "PATH": binaries + os.pathsep + os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "JAZ_LITE_DATA": str(folder / "site"),
        "NO_COLOR": "1",
    }


def _wait_for_agent(folder: Path, server: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until and server.poll() is None:
        answer = subprocess.run(
            [sys.executable, "-m", "jaz_lite.cli.main", "status", "--json"],
            cwd=folder, env=_environment(folder), check=False, capture_output=True, text=True,
        )  # fmt: skip
        if re.search(r'"reachable":\s*true', answer.stdout):
            return
    pytest.fail(f"no server with an agent within {STARTS_WITHIN_S} s:\n{log.read_text()[-3000:]}")


@pytest.mark.real
@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_print_what_it_says(page: str, place: Path) -> None:
    commands = shown_in((DOCS / page).read_text(encoding="utf-8"))
    script = "".join(
        f"{{ {one.command}\n}} > {page}.{number}.said 2>&1; echo $? > {page}.{number}.code\n"
        for number, one in enumerate(commands)
    )

    subprocess.run(["/bin/sh"], input=script, cwd=place, env=_environment(place), check=True, text=True,
                   timeout=PAGE_WITHIN_S)  # fmt: skip

    wrong = []
    for number, one in enumerate(commands):
        said = (place / f"{page}.{number}.said").read_text()
        code = int((place / f"{page}.{number}.code").read_text())
        missing = _missing(one.lines, said)
        if code != one.exit_code or missing:
            wrong.append(f"{page}:{one.line}: $ {one.command}\n  exit code {code}, missing {missing}, said:\n{said}")
    assert not wrong, "\n".join(wrong)


def _missing(lines: list[str], said: str) -> list[str]:
    missing, at = [], 0
    for line in lines:
        found = said.find(line, at)
        if found < 0:
            missing.append(line)
        else:
            at = found + len(line)
    return missing
