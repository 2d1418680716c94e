"""Bad input of every kind to every command: one clear sentence on stderr, nothing on stdout, the right exit code."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from jaz_lite.cli.main import COMMANDS
from tests.unit.cli.conftest import Cli

USAGE = 2
NO_SUCH = 8
FAILED = 1

OFFLINE = [
    # ---- the command line itself
    (["fly"], USAGE, "No such command"),
    (["--fly"], USAGE, "No such option"),
    (["jobnet"], USAGE, ""),
    (["jobnet", "fly"], USAGE, "No such command"),
    (["jobnet", "show"], USAGE, "Missing argument"),
    (["jobnet", "show", "A", "B"], USAGE, "unexpected extra argument"),
    (["jobnet", "enable"], USAGE, "Missing argument"),
    (["calendar", "show", "A", "--graph"], USAGE, "No such option"),
    # ---- names
    (["jobnet", "show", ""], USAGE, "names no object"),
    (["jobnet", "show", "@"], USAGE, "names no object"),
    (["jobnet", "show", "X@"], USAGE, "names no object"),
    (["jobnet", "show", "NOWHERE"], NO_SUCH, 'there is no jobnet "NOWHERE"'),
    (["jobnet", "show", "日本"], NO_SUCH, 'there is no jobnet "日本"'),
    (["jobnet", "show", os.fsdecode(b"\xff\xfe")], USAGE, "not valid UTF-8"),
    (["jobnet", "show", "x" * 100_000], USAGE, "names no object"),
    (["jobnet", "show", "'; drop table definitions; --"], NO_SUCH, "there is no jobnet"),
    (["calendar", "history", "NOWHERE"], NO_SUCH, 'there is no calendar "NOWHERE"'),
    (["filter", "delete", "NOWHERE"], NO_SUCH, 'there is no filter "NOWHERE"'),
    (["schedule", "enable", "NOWHERE"], NO_SUCH, 'there is no schedule "NOWHERE"'),
    (["schedule", "disable", "NOWHERE"], NO_SUCH, 'there is no schedule "NOWHERE"'),
    (["jobnet", "diff", "NOWHERE", "NOWHERE"], NO_SUCH, "there is no jobnet"),
    (["jobnet", "where-used", "NOWHERE"], NO_SUCH, "there is no jobnet"),
    (["jobnet", "check", "NOWHERE"], NO_SUCH, "there is no jobnet"),
    # ---- import and export
    (["import"], USAGE, "Missing argument"),
    (["import", "{tmp}/nowhere.xml"], FAILED, "does not exist"),
    (["import", "{tmp}"], FAILED, "is a directory"),
    (["import", "{tmp}/empty"], FAILED, "nothing was imported"),
    (["import", "{tmp}/rubbish"], FAILED, "nothing was imported"),
    (["import", "{tmp}/bomb.xml"], FAILED, "nothing was imported"),
    (["import", "{tmp}/cut.xml"], FAILED, "nothing was imported"),
    (["import", "/dev/null"], FAILED, "nothing was imported"),
    (["export", "planet"], USAGE, "is not one of"),
    (["export", "jobnet", "NOWHERE"], NO_SUCH, "there is no jobnet"),
    (["export", "--format", "yaml"], USAGE, "YAML is not in this build"),
    (["export", "-o", "{tmp}/no/such/folder/x.xml"], FAILED, "cannot be written"),
    (["export", "-o", "{tmp}/rubbish/x.xml"], FAILED, "rubbish/x.xml cannot be written"),
    # ---- hosts
    (["host", "add"], USAGE, "Missing argument"),
    (["host", "add", "x"], USAGE, "what the name stands for is not given"),
    (["host", "add", "x", "--agent", "a", "--ssh", "b"], USAGE, "only one of them is to be given"),
    (["host", "add", "x", "--group", " , "], USAGE, "must have 1 to 1000 members, not 0"),
    (["host", "add", "x", "--group", "y"], NO_SUCH, 'group "x" names "y", which is neither a host nor an agent'),
    (["host", "add", "x", "--ssh", "a@b:99999"], USAGE, '"b:99999" is no address'),
    (["host", "add", "x", "--ssh", ""], USAGE, "is no address"),
    (["host", "show", "x"], NO_SUCH, 'no host is named "x"'),
    (["agent", "show", "x"], NO_SUCH, 'there is no agent "x"'),
    (["agent", "stop", "--data", "nowhere"], NO_SUCH, "no agent runs on"),
    (["agent", "drain", "x"], NO_SUCH, 'there is no agent "x"'),
    (["agent", "set", "x"], USAGE, "nothing to change is given"),
    (["agent", "set", "x", "--par", "-1"], USAGE, "an agent runs 1 to 10000 jobs at once, not -1"),
    (["agent", "set", "x", "--queue", "-2"], USAGE, "0 to 1000000 work orders may wait on an agent, not -2"),
    (["host", "add", "x", "--agent", "nobody"], NO_SUCH, 'there is no agent "nobody"'),
    (["host", "set", "x"], USAGE, "nothing to change"),
    (["host", "set", "x", "--disable"], NO_SUCH, 'no host is named "x"'),
    (["host", "remove", "x"], NO_SUCH, 'no host is named "x"'),
    # ---- the life of a server
    (["up", "--listen", "nonsense"], USAGE, "is not an address to listen on"),
    (["up", "--listen", "127.0.0.1:99999"], USAGE, "is not an address to listen on"),
    (["init", "--server-id", "x" * 65, "--data", "{tmp}/other"], USAGE, "cannot name a server"),
    (["stop", "--timeout", "soon"], USAGE, "is not a valid float"),
]

ONLINE = [
    (["exec"], USAGE, "Missing argument"),
    (["exec", "NOWHERE"], NO_SUCH, 'there is no jobnet "NOWHERE"'),
    (["exec", ""], USAGE, "names no object"),
    (["exec", "X", "--at", "2020-01-01"], USAGE, "is not in the future"),
    (["exec", "X", "--at", "soon"], USAGE, "is not a time"),
    (["run", "delete"], USAGE, "name either runs"),
    (["run", "delete", "1", "--schedule", "S"], USAGE, "name either runs"),
    (["run", "delete", "1"], NO_SUCH, "there is no run 1"),
    (["run", "list", "--schedule", "S"], USAGE, "goes with --planned"),
    (["run", "list", "--planned", "--state", "waiting"], USAGE, "--planned goes with"),
    (["exec", "X", "--hold", "--test"], USAGE, "exclude each other"),
    (["exec", "X", "--timeout", "5"], USAGE, "--timeout says how long to wait"),
    (["exec", "X", "--wait", "--timeout", "-1"], USAGE, "not in the range"),
    (["exec", "X", "-E", "NOT_IN_ENVIRONMENT"], USAGE, 'no variable "NOT_IN_ENVIRONMENT" in the environment'),
    (["exec", "X", "-E", "=value"], USAGE, "is empty"),
    (["exec", "X", "-E", "A B=1"], USAGE, "may hold only letters"),
    (["exec", "X", "-E", os.fsdecode(b"A=\xff")], USAGE, "not valid UTF-8"),
    (["exec", "X", "-E", "A=" + "x" * 4001], USAGE, "longer than 4000 characters"),
    (["run", "show", "last"], NO_SUCH, "there is no run yet"),
    (["run", "show", "12"], NO_SUCH, "there is no run 12"),
    (["run", "show", "twelve"], USAGE, "is not a run"),
    (["run", "show", "9" * 40], NO_SUCH, "there is no run"),
    (["run", "show", "--", "-1"], USAGE, "is not a run"),
    (["run", "list", "--limit", "0"], USAGE, "a list shows"),
    (["run", "list", "--limit", "many"], USAGE, "is not a valid integer"),
    (["run", "list", "--limit", "9" * 30], USAGE, "is too large"),
    (["run", "list", "--state", "happy"], USAGE, "is no state"),
    (["run", "list", "--since", "yesteryear"], USAGE, "is not a time"),
    (["run", "log", "12"], NO_SUCH, "there is no run 12"),
    (["run", "log", "12", "/JOB-1"], NO_SUCH, "there is no run 12"),
    (["run", "log", "12", "--follow"], NO_SUCH, "there is no run 12"),
    (["run", "log", "12", "--follow", "--json"], USAGE, "exclude each other"),
    (["run", "log", "12", "--raw"], USAGE, "--raw is for the output of one icon"),
    (["run", "vars", "12"], NO_SUCH, "there is no run 12"),
    (["run", "skip", "12"], USAGE, "Missing argument"),
    (["run", "hold", "12", "/X"], NO_SUCH, "there is no run 12"),
    (["run", "release", "12"], NO_SUCH, "there is no run 12"),
    (["run", "skip", "12", "/X"], NO_SUCH, "there is no run 12"),
    (["run", "unskip", "12", "/X"], NO_SUCH, "there is no run 12"),
    (["run", "rerun", "12", "/X"], NO_SUCH, "there is no run 12"),
    (["run", "stop", "12"], NO_SUCH, "there is no run 12"),
    (["run", "set-var", "12", "/X", "A"], USAGE, "is not NAME=VALUE"),
    (["run", "set-var", "12", "/X", "1=2"], USAGE, "must not begin with a digit"),
    (["run", "set-var", "12", "/X", "A=2"], NO_SUCH, "there is no run 12"),
    (["run", "move", "12", "soon"], USAGE, "is not a time"),
    (["run", "move", "12", "2020-01-01"], USAGE, "is not in the future"),
    (["run", "decide", "12", "/X", "perhaps"], USAGE, "is not one of"),
    (["run", "decide", "12", "/X", "ended", "--exit-code", "99999999999"], USAGE, "is no exit code"),
    (["run", "decide", "12", "/X", "ended"], NO_SUCH, "there is no run 12"),
    (["explain", "12"], NO_SUCH, "there is no run 12"),
    (["results", "--jobnet", "("], USAGE, "is no regular expression"),
    (["results", "--from", "never"], USAGE, "is not a time"),
    (["results", "--csv", "--json"], USAGE, "exclude each other"),
    (["results", "--limit", "-5"], USAGE, "a search shows"),
    (["jobnet", "show", os.fsdecode(b"\xff")], USAGE, "not valid UTF-8"),
    (["jobnet", "enable", "NOWHERE"], NO_SUCH, "there is no jobnet"),
    (["init"], FAILED, "is a data directory already"),
]


def named(case: object) -> str | None:
    return " ".join(case)[:60].encode("ascii", "backslashreplace").decode() if isinstance(case, list) else ""


@pytest.fixture
def bad_files(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "rubbish").write_bytes(bytes(range(256)) * 10)
    (tmp_path / "cut.xml").write_text("<Jobnet><UserInfo><user_name>Admin</user_name>")
    (tmp_path / "bomb.xml").write_text(
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><Jobnet>&b;&b;&b;</Jobnet>'
    )


@pytest.mark.parametrize(("arguments", "code", "sentence"), OFFLINE, ids=named)
def test_bad_input_without_a_server(
    cli: Cli, prepared: Path, tmp_path: Path, bad_files: None, arguments: list[str], code: int, sentence: str
) -> None:
    judge(cli, [argument.replace("{tmp}", str(tmp_path)) for argument in arguments], code, sentence)


def test_bad_input_with_a_server(cli: Cli, server: Path) -> None:
    """All cases against one server: what is wrong with one command must not change what the next one is told."""
    for arguments, code, sentence in ONLINE:
        judge(cli, arguments, code, sentence)


def judge(cli: Cli, arguments: list[str], code: int, sentence: str) -> None:
    ran = cli(*arguments)

    shown = named(arguments)
    assert ran.code == code, (shown, ran)
    assert sentence in ran.err, (shown, ran)
    assert ran.out == "", (shown, ran)
    assert "Traceback" not in ran.err, (shown, ran)
    assert "fault of jaz-lite" not in ran.err, (shown, ran)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_with_an_example(cli: Cli, name: str) -> None:
    import click

    from jaz_lite.cli.main import cli as top

    command = top.get_command(click.Context(top), name)
    assert command is not None

    for verb in _verbs([name], command):
        ran = cli(*verb, "--help")
        assert ran.code == 0
        assert "Example:" in ran.out, verb
        assert "jaz-lite" in ran.out


def _verbs(way: list[str], command: object) -> Iterator[list[str]]:
    import click

    if not isinstance(command, click.Group):
        yield way
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        yield from _verbs([*way, name], command.get_command(context, name))


def test_a_traceback_is_shown_only_when_asked_for(cli: Cli, prepared: Path) -> None:
    quiet = cli("jobnet", "show", "NOWHERE")
    loud = cli("-vv", "jobnet", "show", "NOWHERE")

    assert "Traceback" not in quiet.err
    assert "Traceback" in loud.err


def test_a_broken_configuration_is_told_in_one_sentence(cli: Cli, prepared: Path) -> None:
    (prepared / "config.toml").write_text("listen = 5\n[server]\nlisten = 7\ncolour = 1\n")

    ran = cli("jobnet", "list")

    assert ran.code == FAILED
    assert '"listen" stands outside of a table' in ran.err
    assert 'setting "server.listen" wants a text' in ran.err
    assert 'there is no setting "server.colour"' in ran.err


def test_a_damaged_database_is_told_with_exit_code_6(cli: Cli, prepared: Path) -> None:
    for name in ("jaz.db-wal", "jaz.db-shm"):
        (prepared / name).unlink(missing_ok=True)
    (prepared / "jaz.db").write_bytes(b"rubbish" * 1000)

    ran = cli("jobnet", "list")

    assert ran.code == 6
    assert "Traceback" not in ran.err
