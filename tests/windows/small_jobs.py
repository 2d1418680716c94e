"""Jobs for tests on Windows: Python programs that wait for a file, and what they leave."""

import sys
from pathlib import Path

import trio

WAIT = """
import os, sys, time
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
"""


class Bench:
    """A folder with small programs for job texts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._wait = folder / "wait.py"
        self._wait.write_text(WAIT)

    def program(self, name: str, text: str) -> str:
        """Write a Python program and return the words that call it in a job text."""
        path = self.folder / f"{name}.py"
        path.write_text(text, encoding="utf-8")
        return f'"{sys.executable}" "{path}"'

    def gate(self, name: str) -> "Gate":
        """Return a gate at which a job text can wait."""
        return Gate(self.folder / name, f'"{sys.executable}" "{self._wait}" "{self.folder / name}"')


class Gate:
    """`wait` are the words of a job text that wait; `open` lets all of them go on."""

    def __init__(self, path: Path, wait: str) -> None:
        self._path = path
        self.wait = wait

    def open(self) -> None:
        self._path.write_text("")


async def until_exists(path: Path) -> None:
    with trio.fail_after(20):
        while not path.exists():
            await trio.sleep(0.02)


def lines_of(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []
