"""`python -m tests.platforms.s390x [--some]`: the agent's test suite on a big-endian machine, emulated by qemu.

Two parts. What needs no other process runs in the emulated interpreter itself. What drives a real agent runs natively,
with an emulated agent and keeper behind the TLS link, killed and started again; those are dressed as AIX, too
(`dress/`), for that is the machine they stand for, and because the emulator's `posix_spawn` does not tell of an
`exec` that fails.

Everything it needs is fetched from the package registries into `.cache/s390x`, unpacked only: Debian's Python for s390x
and qemu through `apt-get` with a state of its own, hypothesis from PyPI (newer releases are compiled, so an older one).
The remaining libraries are those of our own environment, which are pure Python. Nothing is installed anywhere.
Where something cannot be had it says SKIPPED with the reason and ends with 0.
"""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

from tests.platforms.once_more import once_more
from tests.platforms.unix import AGENT_SUITE, DRESS, ROOT

CACHE = ROOT / ".cache" / "s390x"
ROOT_FOLDER = CACHE / "root"
VENV = CACHE / "venv"
PYTHON = VENV / "bin" / "python"  # a script, so that a child of the emulated Python can be a Python again
STAMP = CACHE / "ready"
RECIPE = "1"  # change it when what is set up changes
STEP_S_MAX = 300
SOME = (
    "tests/unit/agent/test_spool.py", "tests/unit/agent/test_keeper_core.py", "tests/unit/agent/test_parts.py",
    "tests/wire/test_golden.py", "tests/wire/test_ident.py", "tests/wire/test_token.py",
)  # fmt: skip
SOME_REAL = "runs_and_its_result or long_output or killed_agent_finds or big_endian"
PATIENCE_S = 180


class CannotBeHad(Exception):
    """Why there is no emulated machine."""


def set_up() -> None:
    """Make `PYTHON` work, unless it does already.

    Raises:
        CannotBeHad: a tool or a package is missing.
    """
    if STAMP.exists() and STAMP.read_text() == RECIPE:
        return
    shutil.rmtree(CACHE, ignore_errors=True)
    for tool in ("apt-get", "dpkg", "dpkg-deb"):
        if not shutil.which(tool):
            raise CannotBeHad(f"{tool} is missing: the packages come from Debian")
    emulator = shutil.which("qemu-s390x-static") or shutil.which("qemu-s390x") or str(_emulator())
    fetched = _apt("s390x", "install", "--download-only", "--yes", "--no-install-recommends", "python3")
    for package in (fetched / "cache" / "archives").glob("*.deb"):
        _run("dpkg-deb", "-x", str(package), str(ROOT_FOLDER))
    _make_venv(emulator)
    what = "import sys, ssl, ctypes, hypothesis, trio, msgpack, pytest; assert sys.byteorder == 'big'"
    _run(str(PYTHON), "-c", what)
    STAMP.write_text(RECIPE)


def _emulator() -> Path:
    place = _apt(_run("dpkg", "--print-architecture").strip(), "download", "qemu-user-static")
    for package in place.glob("*.deb"):
        _run("dpkg-deb", "-x", str(package), str(CACHE / "qemu"))
    found = CACHE / "qemu" / "usr" / "bin" / "qemu-s390x-static"
    if not found.exists():
        raise CannotBeHad("the package qemu-user-static has no qemu-s390x-static")
    return found


def _apt(architecture: str, *words: str) -> Path:
    """Ask apt with a state of its own, so that it neither sees nor changes what is installed; return its folder."""
    place = CACHE / f"apt-{architecture}"
    for folder in ("lists/partial", "cache/archives/partial"):
        (place / folder).mkdir(parents=True)
    (place / "status").touch()
    (place / "apt.conf").write_text(
        f'Dir::State "{place}"; Dir::State::lists "{place}/lists"; Dir::State::status "{place}/status";\n'
        f'Dir::Cache "{place}/cache"; APT::Architecture "{architecture}"; APT::Architectures {{ "{architecture}"; }};\n'
        'Acquire::Languages "none"; APT::Sandbox::User "root";\n'
    )
    env = {**os.environ, "APT_CONFIG": str(place / "apt.conf")}
    _run("apt-get", "-qq", "update", env=env)
    _run("apt-get", "-qq", *words, env=env, cwd=place)
    return place


def _make_venv(emulator: str) -> None:
    """Make a virtual environment whose Python is emulated and whose libraries are ours."""
    library = next((ROOT_FOLDER / "usr" / "lib").glob("python3.*"))
    packages = VENV / "lib" / library.name / "site-packages"
    packages.mkdir(parents=True)
    PYTHON.parent.mkdir()
    words = [emulator, "-0", str(PYTHON), "-L", str(ROOT_FOLDER), str(ROOT_FOLDER / "usr" / "bin" / "python3")]
    PYTHON.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    PYTHON.chmod(0o755)
    (VENV / "pyvenv.cfg").write_text(f"home = {ROOT_FOLDER}/usr/bin\n")
    (packages / "native.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n")
    _run(
        sys.executable, "-m", "pip", "install", "--quiet", "--target", str(packages), "--no-deps", "--only-binary=:all:",
        "--platform=any", "--implementation=py", "--abi=none", f"--python-version={library.name.removeprefix('python')}",
        "hypothesis",
    )  # fmt: skip


def _run(*words: str, env: "dict[str, str] | None" = None, cwd: "Path | None" = None) -> str:
    try:
        done = subprocess.run(
            words, env=env, cwd=cwd, check=False, capture_output=True, text=True, timeout=STEP_S_MAX,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotBeHad(f"{shlex.join(words[:3])}: {error}") from error
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no word").splitlines()[-1]
        raise CannotBeHad(f"{shlex.join(words[:3])} failed: {last}")
    return done.stdout


def dressed_agent() -> str:
    """Return the words, as a shell reads them, that begin the emulated agent's program."""
    paths = os.pathsep.join([str(DRESS), str(ROOT)])
    return shlex.join(["env", f"PYTHONPATH={paths}", "JAZ_LITE_DRESS=aix7", str(PYTHON), "-m", "jaz_lite.agent.main"])


def main() -> int:
    """Run both parts; --some: what fits into the tests of every change. What else is said goes to pytest."""
    some = "--some" in sys.argv
    more = [word for word in sys.argv[1:] if word != "--some"]
    began = time.monotonic()
    try:
        set_up()
    except CannotBeHad as error:
        _say(f"SKIPPED: {error}")
        return 0
    which = "import sys; print(f'{sys.implementation.name} {sys.version.split()[0]}, {sys.byteorder}-endian')"
    _say(f"{_run(str(PYTHON), '-c', which).strip()}; ready after {time.monotonic() - began:.0f} s")
    base = {**os.environ, "PYTHONPATH": str(ROOT), "JAZ_LITE_TEST_PATIENCE_S": str(PATIENCE_S)}
    pytest = ("-m", "pytest", "-p", "no:cacheprovider", "-n", "2")
    # A few tests are over before a second emulated Python has begun.
    part = ("-n", "0", *SOME) if some else AGENT_SUITE
    inside = [str(PYTHON), *pytest, "-m", "not real", *part, *more]
    _say("in the emulated interpreter")
    if failed := once_more(lambda: subprocess.run(inside, cwd=ROOT, env=base, check=False).returncode, _say):
        return failed
    _say("an emulated agent, driven natively over TLS, killed and started again")
    outside = [
        sys.executable,
        *pytest,
        "-m",
        "real",
        "tests/shells",
        "tests/platforms/test_one_file.py",
        *(("-k", SOME_REAL) if some else ()),
        *more,
    ]
    driven = {**base, "JAZ_LITE_TEST_AGENT": dressed_agent()}
    return once_more(lambda: subprocess.run(outside, cwd=ROOT, env=driven, check=False).returncode, _say)


def _say(text: str) -> None:
    print(f"test-s390x: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
