"""What the probes of `selfcheck` share: where they work, what they say, and how they ask another Python."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ANSWER_S_MAX = 20.0  # of another Python; on an emulated machine it takes a second


class Shortcoming(Exception):
    """Works in part; the sentence says what is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a probe may write, and where the agent's data is or would be."""

    scratch: Path
    data: Path


def must(truth: object, otherwise: str) -> None:
    """Fail with a sentence where something is not as an agent needs it."""
    if not truth:
        raise RuntimeError(otherwise)


def another_python(script: str, *arguments: str) -> str:
    """Run a script in another Python that finds this package, as the agent starts its keeper; return what it prints."""
    must(sys.executable, "Python does not know its own path, so the job keeper cannot be started")
    here = str(Path(__file__).absolute().parents[3])
    known = os.environ.get("PYTHONPATH")
    env = {**os.environ, "PYTHONPATH": here if not known else f"{here}{os.pathsep}{known}"}
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, check=False, env=env, timeout=ANSWER_S_MAX,
    )  # fmt: skip
    told = done.stderr.decode(errors="replace").strip().splitlines()[-1:] if done.returncode else []
    must(done.returncode == 0, f"another Python ended with {done.returncode}: {' '.join(told)}")
    return done.stdout.decode(errors="replace").strip()
