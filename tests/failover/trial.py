"""The trial that the product was asked for: a copy in the middle of a large jobnet of a real site, kill -9, activate.

The flow is the export's own, of a thousand sub-jobnets (`Icon_1000`) or a hundred (`Icon_100`). What lies at the bottom
of it, `Icon_1`, is made to testify: each start and each end is a line in a file.
"""

import contextlib
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.definitions import chain
from bench.site import Site

FOLDERS = [folder / "shared" / "data" / "jaz-exports" for folder in Path(__file__).resolve().parents]
EXPORTS = [file for folder in FOLDERS if (file := folder / "COMMON_JOBNETS.xml").exists()]
WHY_NOT = "" if EXPORTS else "the real exports (shared/data/jaz-exports) are not beside this tree"

LARGE, SMALL = "Icon_1000", "Icon_100"
JOBS = {LARGE: 1000, SMALL: 100}
REPLACED = 3
WITHIN_S = 300.0


@dataclass(frozen=True, slots=True)
class Found:
    """What a trial came to. before: jobs that had begun when the copy was taken; killed_at: when the server died."""

    jobs: int
    before: int
    killed_at: int
    seconds: float


def trial(folder: Path, jobnet: str) -> Found:
    """Play it in a folder; raises AssertionError with what is wrong."""
    witness = folder / "witness"
    witness.touch()
    jobs = JOBS[jobnet]
    old, new = Site(folder), _Copy(folder)
    began = time.monotonic()
    try:
        old.start()
        old.wait_for_agent()
        old.command("import", str(EXPORTS[0]), "--enable")
        line = f'me=$(date +%s%N)-$$; echo "start $me" >> {witness}; sleep 0.5; echo "end $me" >> {witness}'
        old.define(chain("Icon_1", 1, line), "bottom")
        run_id = old.ask("exec", jobnet)["run_id"]

        _until(lambda: _count(witness, "start") > jobs // 10, "the jobs did not begin")
        before = _count(witness, "start")
        old.command("snapshot", str(new.data))
        _until(lambda: _count(witness, "start") > before + jobs // 10, "the jobs did not go on")
        assert old.server is not None
        old.server.kill()
        old.server.wait()
        killed_at = _count(witness, "start")
        assert killed_at < jobs, "it was over before the server died"
        new.activate()

        _until(lambda: new.ask("run", "show", run_id)["state"] in ("ended", "run_error"), "the run did not end")
        shown = new.ask("run", "show", run_id)
        assert shown["state"] == "ended", f"run {run_id} is {shown['state']}: {shown['waiting_for']}"
        for what in ("start", "end"):
            said = Counter(text.split()[1] for text in witness.read_text().splitlines() if text.startswith(what))
            assert (len(said), set(said.values())) == (jobs, {1}), f"{what}: {len(said)} jobs, {said.most_common(3)}"
        _refuses(old)
    finally:
        new.stop()
        old.stop()
    return Found(jobs, before, killed_at, time.monotonic() - began)


class _Copy(Site):
    """A snapshot of the site, and the server that takes over with it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.data = folder / "copy"

    def activate(self) -> None:
        """Take over, on another port."""
        with (self.folder / "up.log").open("ab") as log:
            self.server = subprocess.Popen(
                [sys.executable, "-m", "jaz_lite.cli.main", "--data", str(self.data),
                 "activate", "--yes", "--listen", "127.0.0.1:0"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        _until(self._is_there, "nothing came of the takeover")
        assert self.server.poll() is None, self.log()

    def _is_there(self) -> bool:
        assert self.server is not None
        return self._answers() or self.server.poll() is not None


def _refuses(old: Site) -> None:
    """The old server, started by habit, learns from an agent that it was replaced."""
    done = subprocess.run(
        [sys.executable, "-m", "jaz_lite.cli.main", "--data", str(old.data), "up", "--listen", "127.0.0.1:0"],
        check=False, capture_output=True, text=True, timeout=WITHIN_S,
    )  # fmt: skip
    assert done.returncode == REPLACED, f"the old server ended with {done.returncode}: {done.stderr}"


def _count(witness: Path, what: str) -> int:
    with contextlib.suppress(FileNotFoundError):
        return sum(line.startswith(what) for line in witness.read_text().splitlines())
    return 0


def _until(condition: Callable[[], bool], told: str) -> None:
    end = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < end, told
        time.sleep(0.1)  # real processes are waited for
