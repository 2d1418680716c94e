"""`--detach`: a server that goes on in the background, for who has no service manager and wants the terminal back.

The same command is started once more, in a session of its own, and this one waits until it is up: what it says until
then is shown, and where it ends instead, its exit code is this one's. What it says later is in a file in its directory.
"""

import io
import os
import select
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from jaz_lite.cli.printing import line, say
from jaz_lite.cli.session import READY_VARIABLE
from jaz_lite.errors import StoreDamaged

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

    from jaz_lite.cli.session import Session

F = TypeVar("F", bound=Callable[..., Any])
LOG_FILE = "server.log"
LOG_BYTES_MAX = 16 * 1024 * 1024  # a log that is larger makes room for a new one at the next start
LOOK_S = 0.1

detach_option = click.option(
    "--detach", is_flag=True, help=f"Go on in the background once it is up; it says more in {LOG_FILE} there."
)


def go_on_in_background(session: "Session") -> int:
    """Start the command of this process in the background, and return the exit code for this one."""
    folder = Path(session.folder)
    log = folder / LOG_FILE
    told, ready = os.pipe()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
            log.replace(log.with_name(LOG_FILE + ".1"))
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise StoreDamaged(f"{log} cannot be written: {error.strerror}") from error
    with open(log, "rb") as said:
        begun_at = said.seek(0, os.SEEK_END)
        process = subprocess.Popen(
            [sys.executable, *(word for word in sys.orig_argv[1:] if word != "--detach")],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
            pass_fds=(ready,),
            env={**os.environ, READY_VARIABLE: str(ready)},
        )
        os.close(ready)
        os.close(descriptor)
        try:
            is_up = _wait(told, said.read)
            is_silent = said.tell() == begun_at
        except KeyboardInterrupt:
            process.terminate()
            raise
        finally:
            os.close(told)
    if not is_up:
        if is_silent:
            say(f"jaz-lite: it ended, and {log} cannot be written: is its disk full?\n  without --detach it says why")
        return abs(process.wait())
    line(f"it goes on in the background as process {process.pid}; what it says is in {log}")
    say(f"to end it: jaz-lite stop --data {folder}")
    process.returncode = 0  # it is nobody's child from here on, and not waited for
    return 0


def _wait(told: int, news: Callable[[], bytes]) -> bool:
    """Show what is said until it is up, or has ended; tell which."""
    while True:
        found, _, _ = select.select([told], [], [], LOOK_S)
        ends = os.read(told, 1) if found else None
        sys.stderr.write(news().decode("utf-8", "backslashreplace"))
        sys.stderr.flush()
        if ends is not None:
            return bool(ends)


class _Log(io.FileIO):
    """A log: what finds no room in it is lost, and ends nothing."""

    def write(self, data: "ReadableBuffer") -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def bear_a_full_log() -> None:
    """In a process that was started in the background: let nothing end because its log cannot be written."""
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(io.BufferedWriter(_Log(number, "w", closefd=False)), "utf-8", line_buffering=True)
        for number in (1, 2)
    )


def tell_ready() -> None:
    """Say that this process is up, to the one that started it in the background; nothing where nobody did."""
    descriptor = os.environ.pop(READY_VARIABLE, "")
    if descriptor:
        with suppress(BrokenPipeError):  # that one may have ended, and its terminal with it
            os.write(int(descriptor), b"1")
        os.close(int(descriptor))
