"""Run the agent's tests with a Windows Python under Wine: `python -m tests.platforms.wine [arguments of pytest]`.

Where Wine or the Windows Python cannot be had it says SKIPPED with the reason, and succeeds: a machine without network
is no fault of ours. Everything else fails as pytest does.
"""

import subprocess
import sys
import time

from tests.platforms.wine_prefix import ROOT, NotToBeHad, WindowsPython, set_up

UNDER_WINE = ("tests/unit/agent", "tests/wire", "tests/shells", "tests/windows")


def main(arguments: list[str]) -> int:
    """Set up, run the tests, return the exit code."""
    began = time.monotonic()
    try:
        windows = set_up()
    except NotToBeHad as error:
        sys.stdout.write(f"make test-wine: SKIPPED, the agent was not tried on Windows: {error}\n")
        return 0
    sys.stdout.write(f"make test-wine: Windows Python under Wine is there ({time.monotonic() - began:.0f} s)\n")
    sys.stdout.flush()
    code = _under_wine(windows, arguments or [*UNDER_WINE])
    sys.stdout.write(f"make test-wine: {'passed' if not code else 'FAILED'} in {time.monotonic() - began:.0f} s\n")
    return code


def _under_wine(windows: WindowsPython, arguments: list[str]) -> int:
    command = windows.command("-X", "utf8", "-m", "pytest", "-p", "no:cacheprovider", "-rs", "--no-header", *arguments)
    # Through a pipe: Wine's programs cannot write into every kind of file.
    with subprocess.Popen(
        command, cwd=ROOT, env=windows.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as ran:  # fmt: skip
        assert ran.stdout is not None
        for line in ran.stdout:
            sys.stdout.buffer.write(line)
            sys.stdout.flush()
    return ran.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
