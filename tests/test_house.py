"""The rules of the house that a tool can keep. What they are for: docs/house.md."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "jaz_lite"
ROOMS = sorted(path.parent for path in PACKAGE.glob("*/__init__.py"))
SOURCES = sorted(PACKAGE.rglob("*.py"))
EVERYTHING = SOURCES + sorted((ROOT / "bench").rglob("*.py")) + sorted((ROOT / "tests").rglob("*.py"))

LINES_MAX = 500
LONGER_ON_PURPOSE: dict[str, str] = {}  # path from the root: why its second noun was not found

# What a job engine for other people's machines must not contain: a shell we did not choose, and input that runs.
FORBIDDEN = {
    "shell=True": re.compile(r"shell\s*=\s*True"),
    "pickle": re.compile(r"^\s*(?:import|from)\s+(?:c?pickle|shelve|marshal|dill)\b", re.MULTILINE),
    "eval or exec": re.compile(r"(?<![\w.])(?:eval|exec)\("),
    "yaml.load": re.compile(r"\byaml\.(?:unsafe_|full_)?load\b"),
    "os.system": re.compile(r"\bos\.(?:system|popen)\("),
    "plain XML parser": re.compile(r"^\s*(?:import|from)\s+(?:xml\.(?:sax|dom)|lxml)\b(?!\.saxutils)", re.MULTILINE),
}

# Rooms that must also run on Python 3.10 with nothing compiled (agents on old machines).
OLD_DIALECT = ("errors.py", "config.py", "log.py", "clock.py", "wire", "net", "agent")
NEW_NAMES = re.compile(
    r"\b(?:from typing import [^\n]*\b(?:Self|assert_never|override|Never|LiteralString)\b"
    r"|from enum import [^\n]*\bStrEnum\b|ExceptionGroup|datetime\.UTC|from datetime import [^\n]*\bUTC\b"
    r"|except\*)"
)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def test_rooms_import_downwards_only() -> None:
    tool = Path(sys.executable).parent / "lint-imports"

    done = subprocess.run([tool, "--no-cache"], cwd=ROOT, check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))

    assert docstring, f"{_name(path)} has no docstring"
    assert docstring.split("\n\n")[0].rstrip().endswith((".", ":", "?")), (
        f"{_name(path)}: its first line is no sentence"
    )


def test_every_folder_of_the_package_is_a_room_with_a_door() -> None:
    folders = {path.parent for path in SOURCES}

    assert all((folder / "__init__.py").exists() for folder in folders), sorted(
        _name(folder) for folder in folders if not (folder / "__init__.py").exists()
    )


@pytest.mark.parametrize("path", EVERYTHING, ids=_name)
def test_no_file_outgrows_its_noun(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")

    assert lines <= LINES_MAX or _name(path) in LONGER_ON_PURPOSE, (
        f"{_name(path)} has {lines} lines: look for its second noun, or give a reason in LONGER_ON_PURPOSE"
    )


def test_every_reason_for_a_long_file_is_still_needed() -> None:
    for name in LONGER_ON_PURPOSE:
        assert (ROOT / name).read_text(encoding="utf-8").count("\n") > LINES_MAX, f"{name} no longer needs its reason"


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_nothing_runs_what_it_reads(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert [name for name, pattern in FORBIDDEN.items() if pattern.search(text)] == []


@pytest.mark.parametrize(
    ("library", "homes"),
    [
        ("apsw", ("store",)),
        ("click", ("cli",)),
        ("rich", ("cli",)),
        ("cattrs", ("model", "icons", "engine", "store", "operations", "compat", "cli")),
        ("defusedxml", ("compat",)),
        ("icalendar", ("compat",)),
        ("dateutil", ("compat",)),
        ("holidays", ("schedule",)),
        ("asyncio", ()),
        ("unittest", ()),
        ("pytest", ()),
    ],
)
def test_a_library_stays_in_its_rooms(library: str, homes: tuple[str, ...]) -> None:
    users = {
        path.relative_to(PACKAGE).parts[0]
        for path in SOURCES
        if any(name == library or name.startswith(library + ".") for name in _imports(path))
    }

    assert users <= set(homes)


@pytest.mark.parametrize(
    "path",
    [path for path in SOURCES if path.relative_to(PACKAGE).parts[0] in OLD_DIALECT],
    ids=_name,
)
def test_what_runs_on_old_machines_keeps_to_python_3_10(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    ast.parse(text, feature_version=(3, 10))
    assert not NEW_NAMES.search(text)
    if "tomllib" in _imports(path):
        assert "tomli" in _imports(path), f"{_name(path)} needs tomli where tomllib is missing"


def test_commands_start_without_the_heavy_libraries() -> None:
    script = (
        "import sys, jaz_lite.cli.main\n"
        "print(*sorted({'trio', 'apsw', 'cattrs', 'rich', 'asyncio'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)

    assert done.stdout.split() == []


def test_an_agent_starts_without_what_only_servers_and_people_need() -> None:
    script = (
        "import sys, jaz_lite.agent.shell, jaz_lite.agent.commands, jaz_lite.agent.program\n"
        "rooms = {name.split('.')[1] for name in sys.modules if name.startswith('jaz_lite.')}\n"
        "print(*sorted(rooms | ({'apsw', 'click', 'cattrs', 'rich', 'zoneinfo'} & set(sys.modules))))"
    )

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)

    assert set(done.stdout.split()) <= {"agent", "errors", "log", "clock", "net", "wire"}


def test_every_console_script_leads_to_something_that_can_be_called() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    for target in project["scripts"].values():
        module, _, attribute = target.partition(":")
        assert callable(getattr(importlib.import_module(module), attribute))


def test_migrations_are_numbered_without_gaps() -> None:
    names = sorted(path.name for path in (PACKAGE / "store" / "migrations").glob("*.sql"))

    assert names, "the store has no migrations"
    assert [int(name.split(".")[0].split("_")[0]) for name in names] == list(range(1, len(names) + 1))


def test_released_migrations_never_change() -> None:
    released = ROOT / "tests" / "store" / "released_migrations.txt"
    if not released.exists():
        pytest.skip("nothing was released yet: no list of checksums")
    from hashlib import sha256

    for line in released.read_text(encoding="utf-8").splitlines():
        checksum, name = line.split()
        content = (PACKAGE / "store" / "migrations" / name).read_bytes()
        assert sha256(content).hexdigest() == checksum, f"{name} was released and must not change: add a new file"


@pytest.mark.parametrize("path", EVERYTHING, ids=_name)
def test_no_file_names_a_place_of_one_machine(path: Path) -> None:
    places = re.compile(r"/(?:home|root|Users|work)/[a-z]")

    assert not places.search(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("test_*.py")), ids=_name)
def test_tests_neither_mock_nor_sleep(path: Path) -> None:
    imported = _imports(path)
    asleep = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "time.sleep"
    ]

    assert not {name for name in imported if name.split(".")[0] == "mock" or name.startswith("unittest.mock")}
    assert asleep == []


def test_every_benchmark_can_be_run_by_its_name() -> None:
    from bench.__main__ import NAMES

    for name in NAMES:
        assert callable(importlib.import_module(f"bench.{name}").run)


def test_the_generated_jobnets_of_the_benchmarks_have_the_shape_they_promise() -> None:
    from bench.definitions import chain, fanout, wide

    assert [text.count("<ja_job_command_table>") for text in (wide("W", 5, ":"), chain("C", 5, ":"))] == [5, 5]
    assert fanout("F", 5, ":").count("<ja_flow_control_table>") == 2 + 5 + 5 + 2  # in, out, in, out


def test_every_decision_has_a_number_of_its_own_and_bears_it() -> None:
    pages = sorted((ROOT / "docs/decisions").glob("*.md"))
    numbers = [page.name[:4] for page in pages]

    assert len(set(numbers)) == len(numbers), numbers
    assert all(page.read_text(encoding="utf-8").startswith(f"# {page.name[:4]}") for page in pages)
