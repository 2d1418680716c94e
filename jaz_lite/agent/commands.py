"""Being the agent: what `run` does, from the command line's end to that of the process; and how it is told to end."""

import gc
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from jaz_lite.agent import lock, one_file
from jaz_lite.agent.machine import local
from jaz_lite.errors import AlreadyRunning, NoSuchObject, Unreachable

if TYPE_CHECKING:
    from jaz_lite.agent.shell import Agent

GC_THRESHOLDS = (20_000, 20, 50)  # what is loaded at the start stays; looking through it again costs latency
END_SIGNALS = tuple(each for each in signal.Signals if each.name in ("SIGTERM", "SIGINT", "SIGBREAK"))
LOOK_SIGNALS = tuple(each for each in signal.Signals if each.name == "SIGHUP")  # not every system has all of them
STOP_S = 15.0  # for an agent to end
STOP_LOOK_S = 0.5  # between two looks for the stop file
LET_GO_S = 0.2  # for the last words to the keeper

_log = logging.getLogger(__name__)


def run(data: Path, verbosity: int = 0) -> None:
    """Be the agent of a data directory until SIGTERM or SIGINT.

    Raises:
        AlreadyRunning: another agent has it. UsageError: it belongs to no site. StoreDamaged: its disk failed.
    """
    from jaz_lite.net import trio_anywhere

    trio_anywhere.prepare()

    import trio

    from jaz_lite import log
    from jaz_lite.agent.machine.trusted_folder import refuse_if_others_may_write
    from jaz_lite.agent.policy_file import read_policy
    from jaz_lite.agent.policy_view import root_warnings
    from jaz_lite.agent.shell import Agent

    log.configure(verbosity)
    one_file.load_all()
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
        raise NoSuchObject(f"no agent runs on {data}", hint="--data or JAZ_LITE_AGENT_DATA names its directory")
    local.ask_to_end(str(data), holder)
    until = time.monotonic() + STOP_S
    while lock.holder_of(data) == holder:
        if time.monotonic() > until:
            raise Unreachable(
                f"the agent on {data} (process {holder}) did not end in {STOP_S:.0f} s", hint="its log says more"
            )
        time.sleep(0.05)


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
