"""How Windows programs are called: one line of text in place of a list of arguments, and a block of variables.

Pure, and tried on every system. T9 of protocol.md section 12 rests on it: nothing that a job is given may become a
second command.
"""

import subprocess
from collections.abc import Mapping, Sequence

BATCH_SUFFIXES = (".bat", ".cmd")


def program_line(argv: Sequence[str]) -> str:
    """Return the line that a program which follows the C run-time library takes apart into `argv` again."""
    return subprocess.list2cmdline(argv)


def batch_line(shell: str, path: str) -> str:
    """Return the line with which `cmd` runs the batch file `path` and ends with its exit code.

    Notes:
        /d: no commands from the registry before it. /q: echo off, as JAZ. /s: the outer quotes go and nothing else,
        so that `&`, `^` and spaces in the path are no signs.
    """
    return f'"{shell}" /d /q /s /c ""{path}""'


def is_batch(program: str) -> bool:
    """Tell whether a program is a batch file, for which there is no safe way to quote arguments."""
    return program.rstrip(". ").lower().endswith(BATCH_SUFFIXES)


def merged(base: Mapping[str, str], over: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of `base` with `over` laid over them; `Path` and `PATH` are the same one."""
    known = {name.upper(): (name, value) for name, value in base.items()}
    known |= {name.upper(): (name, value) for name, value in over.items()}
    return dict(sorted(known.values(), key=lambda pair: pair[0].upper()))


def batch_text(text: str, *, exact: bool, code_page: str, first: str) -> bytes:
    """Return a job text as the content of a batch file.

    Args:
        exact: the text came as bytes, and those are written. code_page: codec for any other text.
        first: a line to put before it, "" for none.

    Raises:
        UnicodeEncodeError: the text holds signs that the code page has not.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "").replace("\n", "\r\n")
    raw = lines.encode("utf-8", "surrogateescape") if exact else lines.encode(code_page)
    head = first.encode("ascii") + b"\r\n" if first else b""
    return head + raw + (b"" if raw.endswith(b"\n") else b"\r\n")
