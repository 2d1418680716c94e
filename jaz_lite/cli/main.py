"""The entry of `jaz-lite`: finds the command, turns errors into one sentence, a hint and an exit code.

A command that only talks to the server must be done within 60 ms, so nothing here or in a command's module imports
more than click, msgpack and the standard library; groups are imported when they are asked for.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NoReturn

import click

from jaz_lite import __version__
from jaz_lite.cli.session import READY_VARIABLE, LazyGroup, Session, with_common_options
from jaz_lite.errors import JazLiteError
from jaz_lite.net.local_client import NotRunning

INTERRUPTED = 130

# Where each command lives: module and name in it.
COMMANDS: Mapping[str, tuple[str, str]] = {
    "up": ("up", "up"),
    "server": ("up", "server"),
    "init": ("up", "init"),
    "stop": ("up", "stop"),
    "activate": ("activate", "activate"),
    "status": ("status", "status"),
    "demo": ("demo", "demo"),
    "import": ("transfer", "import_files"),
    "export": ("transfer", "export"),
    "jobnet": ("jobnets", "jobnet"),
    "calendar": ("calendars", "calendar"),
    "filter": ("filters", "filter_group"),
    "schedule": ("schedules", "schedule"),
    "exec": ("execute", "execute"),
    "run": ("runs", "run"),
    "explain": ("runs", "explain"),
    "preview": ("preview", "preview"),
    "results": ("results", "results"),
    "journal": ("journal", "journal"),
    "host": ("hosts", "host"),
    "agent": ("agent", "agent"),
    "site": ("site", "site"),
    "config": ("config", "config"),
    "setting": ("settings", "setting"),
    "serve": ("serve", "serve"),
    "standby": ("standby", "standby"),
    "switchover": ("standby", "switchover"),
    "purge": ("purge", "purge"),
    "snapshot": ("copies", "snapshot"),
    "verify": ("copies", "verify"),
    "diff-export": ("diff_export", "diff_export"),
}


@with_common_options
@click.group(
    cls=LazyGroup,
    places=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: jaz-lite up; in another terminal: jaz-lite import export.xml --enable; jaz-lite exec JOBNET --follow",
)
@click.version_option(__version__, prog_name="jaz-lite")
def cli() -> None:
    """A job engine for small sites and appliances.

    Exit codes: 0 done, 1 the thing asked about failed, 2 usage, 3 this server has been replaced, 4 the data directory
    belongs to another machine, 5 another server seems active, 6 store damaged or full, 7 not permitted, 8 no such
    object, 9 cannot reach the server, 10 the time limit of --timeout was reached.
    """


def script() -> NoReturn:
    """Run the command of this process and end it.

    Notes:
        What is to be written is flushed and what is to be closed is closed; taking the interpreter apart would cost a
        short command nine milliseconds more, a fifth of its time.
    """
    open_closed_streams()
    code = main(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)


def open_closed_streams() -> None:
    """Put /dev/null where a standard stream was closed (`>&-`).

    What is opened next would get its number: a database in the place of standard output would be written into.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Errors become a sentence on stderr; -vv adds the traceback.

    Args:
        arguments: without the program's name; None: those of this process.
    """
    if READY_VARIABLE in os.environ:
        from jaz_lite.cli.detach import bear_a_full_log

        bear_a_full_log()
    for stream in (sys.stdout, sys.stderr):
        # What people named or jobs wrote may hold anything; a terminal that cannot show it is no reason to fail.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    session = Session()
    try:
        code = cli.main(args=arguments, prog_name="jaz-lite", standalone_mode=False, obj=session)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except JazLiteError as error:
        tell(error.message, _hint(session, error))
        trace(session, error)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has read enough. Python would complain once more when it closes the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        tell(f"{error.filename or 'standard output'}: {error.strerror or error}")
        trace(session, error)
        return 1
    except Exception as error:  # the last stand: a fault of ours must not look like anything else
        tell(f"jaz-lite failed: {type(error).__name__}: {error}", "this is a fault of jaz-lite; -vv shows where")
        trace(session, error)
        return 1


def _hint(session: Session, error: JazLiteError) -> str:
    if not isinstance(error, NotRunning):
        return error.hint
    from jaz_lite.cli.advice import how_to_start

    return how_to_start(session.folder)


def tell(message: str, hint: str = "") -> None:
    """Write an error as people read it."""
    sys.stderr.write(f"jaz-lite: {message}\n")
    if hint:
        sys.stderr.write(f"  {hint}\n")


def trace(session: Session, error: BaseException) -> None:
    """Write the traceback, here and on the server, with -vv."""
    if session.verbosity >= 2:
        import traceback

        traceback.print_exception(error)


if __name__ == "__main__":
    script()
