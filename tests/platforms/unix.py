"""`python -m tests.platforms.unix`: the agent's whole test suite on an interpreter that is dressed as another Unix.

The agents and keepers that the tests start are dressed, too: they inherit the switch, which is a folder on PYTHONPATH.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DRESS = Path(__file__).with_name("dress")
# All of tests/shells but what only a server has.
AGENT_SUITE = (
    "tests/unit/agent", "tests/unit/net", "tests/wire", "tests/shells",
    *(f"--ignore=tests/shells/test_{name}.py" for name in ("local_socket", "standby", "switchover")),
)  # fmt: skip


def environment(dress: str) -> dict[str, str]:
    """Return an environment in which Python believes to be on `dress`."""
    paths = os.pathsep.join([str(DRESS), str(ROOT)])
    return {**os.environ, "PYTHONPATH": paths, "JAZ_LITE_DRESS": dress}


def hidden(dress: str) -> list[str]:
    """Return what the dress takes away."""
    done = subprocess.run(
        [sys.executable, "-c", "import sitecustomize; print(*sitecustomize.HIDDEN, sep='\\n')"],
        env=environment(dress), check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.splitlines()


def main() -> int:
    """Run the suite in each dress, with what the command line adds for pytest."""
    for dress, suite in (("hp-ux11", AGENT_SUITE), ("aix7", ("tests/unit/net",))):
        print(f"test-unix: dressed as {dress}; without {', '.join(hidden(dress))}", flush=True)
        done = subprocess.run(
            [
                sys.executable, "-m", "pytest", "-p", "tests.platforms.early_trio", "-o", "filterwarnings=error",
                "-n", "auto", *suite,
                *sys.argv[1:],
            ],
            cwd=ROOT, env=environment(dress), check=False,
        )  # fmt: skip
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
