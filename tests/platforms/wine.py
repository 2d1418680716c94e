"""Run the agent's tests with a Windows Python under Wine: `python -m tests.platforms.wine [arguments of pytest]`.

Where Wine or the Windows Python cannot be had it says SKIPPED with the reason, and succeeds: a machine without network
is no fault of ours. Everything else fails as pytest does.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from tests.platforms.once_more import once_more
from tests.platforms.wine_prefix import JAPAN, ROOT, SWITCH, NotToBeHad, WindowsPython, set_up, windows_path

UNDER_WINE = ("tests/unit/agent", "tests/unit/net", "tests/wire", "tests/shells", "tests/windows")
JAPANESE = ("tests/windows/test_code_pages.py",)
NATIVE = ("tests/real/test_wine_agent.py",)


def main(arguments: list[str]) -> int:
    """Set up, run both halves, return the exit code."""
    began = time.monotonic()
    try:
        windows = set_up()
    except NotToBeHad as error:
        _say(f"SKIPPED, the agent was not tried on Windows: {error}")
        return 0
    _say(f"Windows Python under Wine is there ({time.monotonic() - began:.0f} s)")
    if arguments:
        code = _under_wine(windows, arguments)
    else:
        halves = [
            lambda: _under_wine(windows, [*UNDER_WINE]),
            lambda: _under_wine(windows, [*JAPANESE], JAPAN),
            _native,
        ]
        code = max(once_more(half, _say) for half in halves)
    _say(f"{'passed' if not code else 'FAILED'} in {time.monotonic() - began:.0f} s")
    return code


def _native() -> int:
    _say("a native server and an agent under Wine")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *NATIVE]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, SWITCH: "1"}, check=False).returncode


def _under_wine(windows: WindowsPython, arguments: list[str], more: "Mapping[str, str] | None" = None) -> int:
    _say(" ".join([*arguments, "with a Japanese locale" if more else ""]))
    # A folder of this machine: Wine is slow at clearing away what earlier sessions left, and now and then fails.
    with tempfile.TemporaryDirectory(prefix="jazl-wine-") as place:
        own = f"--basetemp={windows_path(Path(place) / 'tests')}"
        command = windows.command(
            "-X", "utf8", "-m", "pytest", "-p", "no:cacheprovider", "-rs", "--no-header", own, *arguments
        )
        # Through a pipe: Wine's programs cannot write into every kind of file.
        ran = subprocess.Popen(
            command, cwd=ROOT, env=windows.environment(more), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        telling = threading.Thread(target=_tell, args=[ran.stdout])
        telling.start()
        ran.wait()
        # What a failed test has left running holds the pipe open; it ends with Wine's server.
        windows.end_all()
        telling.join()
    return ran.returncode


def _tell(pipe: IO[bytes]) -> None:
    with pipe:
        for line in pipe:
            sys.stdout.buffer.write(line)
            sys.stdout.flush()


def _say(text: str) -> None:
    print(f"make test-wine: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
