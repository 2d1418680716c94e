"""The command line of the agent's own program, with nothing that an old machine has not.

`jaz-lite agent` offers the same commands; where only the agent is, as one file, these are all there are.

Exit codes: 0 ended as asked, 1 something FAILed (`selfcheck`), 2 wrong usage, 5 another agent has this data directory,
6 the disk failed; the others are those of the manual.
"""

import argparse
import json
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from jaz_lite import __version__
from jaz_lite.agent import one_file
from jaz_lite.agent.place import DATA_VARIABLE, data_folder
from jaz_lite.errors import JazLiteError

if TYPE_CHECKING:
    from jaz_lite.agent.enrol.enroll_ways import Asked

STANDARD_INPUT = "-"


def agent_command(arguments: list[str]) -> int:
    """Do what the command line says and return the exit code."""
    chosen = _parser().parse_args(arguments)
    data = Path(data_folder(chosen.data))
    try:
        if chosen.command == "keeper":
            from jaz_lite.agent import keeper

            return keeper.run(str(data))
        if chosen.command == "selfcheck":
            from jaz_lite.agent.checks import selfcheck

            return selfcheck.tell(Path(chosen.data) if chosen.data else None, as_json=chosen.json)
        if chosen.command == "run":
            from jaz_lite.agent import commands

            commands.run(data, chosen.verbose)
        elif chosen.command == "stop":
            from jaz_lite.agent import commands

            commands.stop(data)
        elif chosen.command == "enroll":
            _enroll(data, chosen)
        elif chosen.command == "set-server":
            from jaz_lite.agent.another_server import set_server

            record = set_server(data, chosen.address, server_id=chosen.site)
            _line(f'agent "{record.agent_id}" looks for its server at {", ".join(record.addrs)}')
        else:
            from jaz_lite.agent import look, policy_view

            tells = {"status": look.status, "jobs": look.jobs, "policy": policy_view.effective}
            _line(json.dumps(tells[chosen.command](data), indent=2))
    except JazLiteError as error:
        _say(error.message + (f"\nhint: {error.hint}" if error.hint else ""))
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    name = Path(path).name if (path := one_file.archive()) else "python -m jaz_lite.agent.main"
    parser = argparse.ArgumentParser(prog=name, description="The agent of jaz_lite.")
    version = f"jaz_lite {__version__} (agent; Python {platform.python_version()} on {sys.platform})"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(dest="command", required=True)
    for command, text in (
        ("run", "connect to the server and run jobs until told to end"),
        ("stop", "tell the running agent to end, and wait for it; jobs go on"),
        ("enroll", "make this machine an agent of a site"),
        ("selfcheck", "try what an agent needs of this machine, and print a line for each"),
        ("set-server", "tell the agent where its server is now; it looks there first"),
        ("status", "say what is going on in the data directory, as JSON"),
        ("jobs", "list the attempts that the data directory knows of, as JSON"),
        ("policy", "say what this machine allows the agent, and where it says so, as JSON"),
        ("keeper", "be the job keeper; the agent starts it itself"),
    ):
        one = commands.add_parser(command, help=text, description=text)
        one.add_argument("--data", metavar="DIR", help=f"the agent's data directory; also {DATA_VARIABLE}")
        one.add_argument("-v", "--verbose", action="count", default=0, help="say more in the log; twice: all")
        if command == "enroll":
            _add_ways(one)
        elif command == "set-server":
            one.add_argument("address", metavar="HOST[:PORT]", help="where the server is now")
            one.add_argument("--site", default="", metavar="NAME", help="of which site, where the agent is in several")
        elif command == "selfcheck":
            one.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _add_ways(enroll: argparse.ArgumentParser) -> None:
    enroll.add_argument("token", nargs="?", metavar="TOKEN", help="what `jaz-lite agent invite` printed; - reads it")
    enroll.add_argument("--name", default="", help="the agent's name, where the invitation leaves it open")
    enroll.add_argument("--bundle", metavar="FILE", help="enrol without a network, from this file")
    enroll.add_argument("--server", metavar="HOST:PORT", help="without a token: ask this server")
    enroll.add_argument("--trust", default="", metavar="FINGERPRINT", help="with --server: what it must have")
    enroll.add_argument(
        "--listen", nargs="?", const="", metavar="ADDR:PORT", help="where only the server may dial: wait for it here"
    )
    enroll.add_argument("--replace", action="store_true", help="give up the present enrolment with the same site")


def _enroll(data: Path, chosen: argparse.Namespace) -> None:
    from jaz_lite.agent.enrol.enroll_ways import enrol

    record = enrol(data, _asked(chosen), confirm=_confirm, say=_say)
    _line(f'this machine is agent "{record.agent_id}" of site "{record.server_id}"')
    _say(f"start it with: run --data {data}")


def _asked(chosen: argparse.Namespace) -> "Asked":
    from jaz_lite.agent.enrol.enroll_ways import Asked

    token, listen = chosen.token, chosen.listen
    if listen is not None and listen.startswith("jazl") and token is None:
        token, listen = listen, ""  # `--listen TOKEN`: the address was left out
    return Asked(
        token=sys.stdin.read() if token == STANDARD_INPUT else token,
        bundle=chosen.bundle,
        server=chosen.server,
        trust=chosen.trust,
        listen=listen,
        name=chosen.name,
        replace=chosen.replace,
    )


async def _confirm(fingerprint: str) -> bool:
    """Ask the person; where nobody sits at a terminal the answer is no."""
    if not sys.stdin.isatty():
        return False
    _say(f"the server's fingerprint is {fingerprint}")
    _say("is it the one that `jaz-lite site cert` shows on the server? [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _line(text: str) -> None:
    sys.stdout.write(text + "\n")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
