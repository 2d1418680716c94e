"""The commands of the agent's program: `run`, `status`, `jobs`, `policy` (and `keeper`, for completeness of the help).

`jaz-lite agent` offers the same ones; this program needs nothing that an old machine has not.

Exit codes: 0 ended as asked, 2 wrong usage, 5 another agent has this data directory, 6 the disk failed.
"""

import argparse
import gc
import json
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from jaz_lite.agent import lock
from jaz_lite.agent.place import DATA_VARIABLE, data_folder
from jaz_lite.errors import AlreadyRunning, JazLiteError

if TYPE_CHECKING:
    from jaz_lite.agent.shell import Agent

GC_THRESHOLDS = (20_000, 20, 50)  # what is loaded at the start stays; looking through it again costs latency
END_SIGNALS = tuple(each for each in signal.Signals if each.name in ("SIGTERM", "SIGINT", "SIGBREAK"))
LOOK_SIGNALS = tuple(each for each in signal.Signals if each.name == "SIGHUP")  # not every system has all of them
LET_GO_S = 0.2  # for the last words to the keeper

_log = logging.getLogger(__name__)


def agent_command(arguments: list[str]) -> int:
    """Do what the command line says and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m jaz_lite.agent.main", description="The agent of jaz_lite.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("run", "connect to the server and run jobs until told to end"),
        ("keeper", "be the job keeper; the agent starts it itself"),
        ("status", "say what is going on in the data directory, as JSON"),
        ("jobs", "list the attempts that the data directory knows of, as JSON"),
        ("policy", "say what this machine allows the agent, and where it says so, as JSON"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--data", metavar="DIR", help=f"the agent's data directory; also {DATA_VARIABLE}")
        command.add_argument("-v", "--verbose", action="count", default=0, help="say more in the log; twice: all")
    chosen = parser.parse_args(arguments)
    data = Path(data_folder(chosen.data))
    try:
        if chosen.command == "keeper":
            from jaz_lite.agent import keeper

            return keeper.run(str(data))
        if chosen.command == "run":
            run(data, chosen.verbose)
        else:
            from jaz_lite.agent import look, policy_view

            tells = {"status": look.status, "jobs": look.jobs, "policy": policy_view.effective}
            sys.stdout.write(json.dumps(tells[chosen.command](data), indent=2) + "\n")
    except JazLiteError as error:
        sys.stderr.write(f"{error.message}\n" + (f"hint: {error.hint}\n" if error.hint else ""))
        return error.exit_code
    return 0


def run(data: Path, verbosity: int = 0) -> None:
    """Be the agent of a data directory until SIGTERM or SIGINT.

    Raises:
        AlreadyRunning: another agent has it. UsageError: it belongs to no site. StoreDamaged: its disk failed.
    """
    from jaz_lite.net import trio_anywhere

    trio_anywhere.prepare()

    import trio

    from jaz_lite import log
    from jaz_lite.agent.policy_file import read_policy
    from jaz_lite.agent.policy_view import root_warnings
    from jaz_lite.agent.shell import Agent
    from jaz_lite.agent.trusted_folder import refuse_if_others_may_write

    log.configure(verbosity)
    data = data.resolve()
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    refuse_if_others_may_write(data)
    found = read_policy(data)
    for sentence in (*found.warnings, *root_warnings(found.policy)):
        _log.warning("the policy of this agent deserves a look", extra={"action": "agent.policy", "why": sentence})
    with _locked(data):
        # What was loaded stays; and with hundreds of short-lived objects a job the collector would run all the time.
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        trio.run(_serve, Agent(data, found.policy))


async def _serve(agent: "Agent") -> None:
    import trio

    with trio.open_signal_receiver(*END_SIGNALS, *LOOK_SIGNALS) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(agent.run)
            async for number in signals:
                if number in END_SIGNALS:
                    break
                agent.look_again()
            agent.let_go()
            await trio.sleep(LET_GO_S)
            nursery.cancel_scope.cancel()


@contextmanager
def _locked(data: Path) -> Iterator[None]:
    """Hold the lock of the spool for as long as the process lives."""
    descriptor = lock.take(data)
    if descriptor is None:
        raise AlreadyRunning(f"another agent already runs on {data}", hint="stop that one first")
    try:
        yield
    finally:
        os.close(descriptor)
