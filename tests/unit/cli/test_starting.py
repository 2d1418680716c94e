"""How commands start: what they import, and the demonstration as a whole."""

import subprocess
import sys
from pathlib import Path

import pytest

from jaz_lite.cli.main import COMMANDS
from tests.unit.cli.conftest import Cli

HEAVY = (
    "trio",
    "apsw",
    "cattrs",
    "rich",
    "platformdirs",
    "pathlib",
    "asyncio",
    "jaz_lite.operations",
    "jaz_lite.store",
)
PROGRAM = """
import sys
from jaz_lite.cli.main import main
code = main(sys.argv[1:])
print("\\n".join(sys.modules), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize(
    "arguments",
    [["status", "--json"], ["run", "list", "--json"], ["jobnet", "list", "--json"], ["results", "--csv"]],
    ids=" ".join,
)
def test_a_command_that_only_asks_the_server_imports_nothing_heavy(server: Path, arguments: list[str]) -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True)

    modules = set(ran.stderr.splitlines())
    assert "jaz_lite.cli.main" in modules
    assert modules.isdisjoint(HEAVY)


def test_a_reader_that_has_read_enough_is_no_error(prepared: Path) -> None:
    command = f"{sys.executable} -m jaz_lite.cli.main config show | true"

    ran = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)

    assert ran.stderr == ""


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_a_command_does_its_work_also_when_nobody_reads_or_writes(prepared: Path, closed: str) -> None:
    command = f"{sys.executable} -m jaz_lite.cli.main config show --json {closed}"

    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_full_disk_behind_standard_output_is_told_in_a_sentence(prepared: Path) -> None:
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "jaz_lite.cli.main", "config", "show"]
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert ran.returncode == 1
    assert ran.stderr == "jaz-lite: standard output: No space left on device\n"


def test_the_list_of_commands_is_complete(cli: Cli) -> None:
    listed = {line.split()[0] for line in cli("--help").out.splitlines() if line.startswith("  ")}

    assert set(COMMANDS) <= listed


@pytest.mark.real
def test_the_demonstration_comes_out_as_expected(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "jaz_lite.cli.main", "demo"], capture_output=True, text=True, check=False, timeout=60
    )

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1].startswith("demo: every result is as expected")


@pytest.mark.parametrize("command", ["run", "enroll", "status", "jobs", "policy", "selfcheck", "credential list"])
def test_the_help_of_what_is_done_on_the_agents_machine_names_the_variable_of_the_agents_directory(
    cli: Cli, command: str
) -> None:
    told = cli("agent", *command.split(), "--help").out

    assert "JAZ_LITE_AGENT_DATA" in told
    assert "JAZ_LITE_DATA" not in told


def test_the_help_of_what_the_server_is_asked_names_the_servers(cli: Cli) -> None:
    assert "JAZ_LITE_DATA" in cli("agent", "list", "--help").out
