"""The commands of the agent's program: `enroll`, `run`, `stop`, `status`, `jobs`, `policy` (and `keeper`, for completeness).

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
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from jaz_lite.agent import local, lock
from jaz_lite.agent.place import DATA_VARIABLE, data_folder
from jaz_lite.errors import AlreadyRunning, JazLiteError, NoSuchObject, Unreachable, UsageError

if TYPE_CHECKING:
    from jaz_lite.agent.records import SiteRecord
    from jaz_lite.agent.shell import Agent

GC_THRESHOLDS = (20_000, 20, 50)  # what is loaded at the start stays; looking through it again costs latency
END_SIGNALS = tuple(each for each in signal.Signals if each.name in ("SIGTERM", "SIGINT", "SIGBREAK"))
LOOK_SIGNALS = tuple(each for each in signal.Signals if each.name == "SIGHUP")  # not every system has all of them
STOP_S = 15.0  # for an agent to end
STOP_LOOK_S = 0.5  # between two looks for the stop file
LET_GO_S = 0.2  # for the last words to the keeper

_log = logging.getLogger(__name__)


def agent_command(arguments: list[str]) -> int:
    """Do what the command line says and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m jaz_lite.agent.main", description="The agent of jaz_lite.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("enroll", "make this machine an agent of a site, with a token or a bundle"),
        ("run", "connect to the server and run jobs until told to end"),
        ("stop", "tell the running agent to end, and wait for it; jobs go on"),
        ("keeper", "be the job keeper; the agent starts it itself"),
        ("status", "say what is going on in the data directory, as JSON"),
        ("jobs", "list the attempts that the data directory knows of, as JSON"),
        ("policy", "say what this machine allows the agent, and where it says so, as JSON"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--data", metavar="DIR", help=f"the agent's data directory; also {DATA_VARIABLE}")
        command.add_argument("-v", "--verbose", action="count", default=0, help="say more in the log; twice: all")
        if name == "enroll":
            command.add_argument(
                "words", nargs="?", metavar="TOKEN", help="the token of `jaz-lite agent invite`; - reads it from a pipe"
            )
            command.add_argument("--bundle", metavar="FILE", help="enrol without a network, from this file")
            command.add_argument("--name", default="", help="the agent's name, where the invitation leaves it open")
            command.add_argument("--replace", action="store_true", help="give up the present enrolment of that site")
    chosen = parser.parse_args(arguments)
    data = Path(data_folder(chosen.data))
    try:
        if chosen.command == "keeper":
            from jaz_lite.agent import keeper

            return keeper.run(str(data))
        if chosen.command == "run":
            run(data, chosen.verbose)
        elif chosen.command == "stop":
            stop(data)
        elif chosen.command == "enroll":
            record = _enrol(data, chosen)
            sys.stdout.write(f'this machine is agent "{record.agent_id}" of site "{record.server_id}"\n')
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
        trio.run(_serve, Agent(data, found.policy), data)


def stop(data: Path) -> None:
    """Tell the agent of a data directory to end, and wait until it has.

    Raises:
        NoSuchObject: none runs on it. Unreachable: it did not end.
    """
    holder = lock.holder_of(data)
    if holder is None:
        raise NoSuchObject(f"no agent runs on {data}")
    local.ask_to_end(str(data), holder)
    until = time.monotonic() + STOP_S
    while lock.holder_of(data) == holder:
        if time.monotonic() > until:
            raise Unreachable(f"the agent on {data} (process {holder}) did not end in {STOP_S:.0f} s")
        time.sleep(0.05)


def _enrol(data: Path, chosen: argparse.Namespace) -> "SiteRecord":
    from jaz_lite.agent.trusted_folder import refuse_if_others_may_write

    if (chosen.words is None) == (chosen.bundle is None):
        raise UsageError("give a token or --bundle FILE")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    refuse_if_others_may_write(data)
    if chosen.bundle is not None:
        from jaz_lite.agent.enrolment import enrol_by_bundle

        return enrol_by_bundle(data, Path(chosen.bundle), replace=chosen.replace)
    from jaz_lite.net import trio_anywhere

    trio_anywhere.prepare()

    import trio

    from jaz_lite.agent.enrolling import Wish, enrol_by_token
    from jaz_lite.wire.token import parse_token

    token = parse_token(sys.stdin.read() if chosen.words == "-" else chosen.words)
    return trio.run(enrol_by_token, Wish(data=data, name=chosen.name, replace=chosen.replace), token)


async def _until_asked(data: Path, end: Callable[[], None]) -> None:
    """Call `end` when the stop file appears, on systems whose processes cannot be told otherwise."""
    import trio

    path = data / local.STOP_FILE
    path.unlink(missing_ok=True)
    while not path.exists():
        await trio.sleep(STOP_LOOK_S)
    path.unlink(missing_ok=True)
    end()


async def _serve(agent: "Agent", data: Path) -> None:
    import trio

    with trio.open_signal_receiver(*END_SIGNALS, *LOOK_SIGNALS) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(agent.run)
            with trio.CancelScope() as listening:
                if local.STOP_FILE:
                    nursery.start_soon(_until_asked, data, listening.cancel)
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
