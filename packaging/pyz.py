"""Builds the agent as one file: `python packaging/pyz.py [FILE]`, by default dist/jaz-lite-agent.pyz.

The file holds the agent's rooms and the libraries of `pyz-requirements.txt`, nothing compiled, and runs on any
Python 3.10 or later that has ssl and ctypes. The same source gives the same bytes: names are sorted, times are fixed,
versions are pinned. The libraries are fetched from PyPI once, into .cache.
"""

import hashlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = Path(__file__).with_name("pyz-requirements.txt")
CACHE = ROOT / ".cache" / "pyz"
OLDEST_PYTHON = "3.10"  # its wheels have everything; newer Pythons leave some of it aside
OURS = ("__init__.py", "errors.py", "config.py", "log.py", "clock.py", "wire", "net", "agent")
LEFT_OUT = ("/_tests/", "/_tools/", "/tests/", "trio/testing/", "trio/_repl.py", "trio/__main__.py")
SHEBANG = b"#!/usr/bin/env python3\n"
WHEN = (1980, 1, 1, 0, 0, 0)
MODE = 0o100644 << 16

# Old Pythons must be able to read this much, to say that they are too old.
MAIN = """import os
import sys

if sys.version_info < (3, 10):
    sys.exit("this agent needs Python 3.10 or later; %s is Python %d.%d" % ((sys.executable,) + sys.version_info[:2]))
# Absolute, so that it does not matter where the agent goes later; its keeper is started from the same file.
sys.path[0] = os.path.abspath(sys.path[0])

from jaz_lite.agent.main import main

sys.exit(main(sys.argv[1:]))
"""


def wheels() -> list[Path]:
    """Return the wheels of the libraries, fetched where they are not there yet."""
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    stamp = CACHE / "requirements"
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(CACHE, ignore_errors=True)
        subprocess.run(
            [
                sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                "--only-binary=:all:", "--require-hashes", "--implementation=cp", f"--python-version={OLDEST_PYTHON}",
                "--platform=manylinux2014_x86_64", "--platform=any", "--requirement", str(REQUIREMENTS),
                "--dest", str(CACHE),
            ],
            check=True,
        )  # fmt: skip
        stamp.write_text(wanted)
    return sorted(CACHE.glob("*.whl"))


def contents() -> dict[str, bytes]:
    """Return what goes into the file, by name: code, and the licences of the libraries."""
    found = {"__main__.py": MAIN.encode()}
    for wheel in wheels():
        with zipfile.ZipFile(wheel) as file:
            for name in file.namelist():
                if _is_wanted(name):
                    found[name] = file.read(name)
    package = ROOT / "jaz_lite"
    for part in OURS:
        for path in sorted((package / part).rglob("*.py")) or [package / part]:
            found[path.relative_to(ROOT).as_posix()] = path.read_bytes()
    found["LICENSE"] = (ROOT / "LICENSE").read_bytes()
    return found


def _is_wanted(name: str) -> bool:
    if ".dist-info/" in name:
        return "license" in name.lower() or "notice" in name.lower()
    return name.endswith(".py") and not any(part in f"/{name}" for part in LEFT_OUT)


def build(target: Path) -> None:
    """Write the file; one that is there is replaced in one step."""
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_name(target.name + ".new")
    with new.open("wb") as file:
        file.write(SHEBANG)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name, data in sorted(contents().items()):
                entry = zipfile.ZipInfo(name, WHEN)
                entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, MODE
                archive.writestr(entry, data)
    new.chmod(0o755)
    new.replace(target)


def main() -> int:
    """Build, try, and tell."""
    target = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "dist" / "jaz-lite-agent.pyz").absolute()
    try:
        build(target)
    except subprocess.CalledProcessError:
        sys.stderr.write("the libraries of packaging/pyz-requirements.txt could not be fetched; see above\n")
        return 1
    version = subprocess.run(
        [sys.executable, "-I", str(target), "--version"], check=True, capture_output=True, text=True
    ).stdout.strip()
    size = target.stat().st_size
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    sys.stdout.write(f"{target}: {size:,} bytes, sha256 {digest}\n{version}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
