"""`selfcheck`: tries on this very machine what an agent needs of it, and prints a line for each probe.

Where nobody could test the agent before (AIX, HP-UX) this is the missing test: it uses the agent's own code, in a folder
of its own inside the data directory, or in a temporary one. `ok` works; `warn` works in part, the line says what is
lost; `FAIL` an agent would not work here. It changes nothing that stays, and takes a few seconds.

Source: portability.md section 9.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jaz_lite.agent.checks import probes_machine, probes_process
from jaz_lite.agent.checks.probes import Place, Shortcoming
from jaz_lite.agent.place import data_folder

Level = Literal["ok", "warn", "FAIL"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one probe found."""

    level: Level
    name: str
    found: str


def selfcheck(data: "Path | None") -> Iterator[Finding]:
    """Probe the machine, and the data directory `data`, or the usual one where None; each finding as it comes."""
    probes: Sequence[tuple[str, Callable[[Place], str]]] = (*probes_machine.PROBES, *probes_process.PROBES)
    with _scratch(data) as folder:
        place = Path(data_folder(str(data) if data else None))
        for name, probe in probes:
            yield _finding(name, probe, Place(scratch=folder, data=place))


def tell(data: "Path | None", *, as_json: bool) -> int:
    """Print what the probes find; return 1 where an agent would not work here, else 0."""
    findings = []
    for finding in selfcheck(data):
        findings.append(finding)
        if not as_json:
            sys.stdout.write(f"{finding.level:4}  {finding.name:18}  {finding.found}\n")
            sys.stdout.flush()
    failed = [finding.name for finding in findings if finding.level == "FAIL"]
    if as_json:
        rows = [{"level": one.level, "name": one.name, "found": one.found} for one in findings]
        sys.stdout.write(json.dumps({"ok": not failed, "probes": rows}, indent=2) + "\n")
    return 1 if failed else 0


def _finding(name: str, probe: Callable[[Place], str], place: Place) -> Finding:
    try:
        return Finding("ok", name, probe(place))
    except Shortcoming as shortcoming:
        return Finding("warn", name, str(shortcoming))
    except Exception as error:  # whatever a strange machine answers is what is to be found out
        return Finding("FAIL", name, " ".join(f"{type(error).__name__}: {error}".split()))


@contextmanager
def _scratch(data: "Path | None") -> Iterator[Path]:
    """Give a folder on the disk of the data directory where there is one, since that disk is what counts."""
    try:
        folder = tempfile.mkdtemp(prefix="selfcheck-", dir=data if data is not None and data.is_dir() else None)
    except OSError:
        folder = tempfile.mkdtemp(prefix="selfcheck-")
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
