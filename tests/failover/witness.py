"""What jobs say of themselves: a line in a file at the start of each, and one at its end with its exit code.

A run started by hand is known by its tag, one of the schedule by its time: both say what is meant, whichever server
had it done and whatever number the run had there.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.definitions import fanout

FLOW = "FLOW"
SCHEDULE = "TICK"
TICK = "tick"  # the tag of runs of the schedule
SIDE_BY_SIDE = 4
FAILS = "99"  # an exit code that no job has
VARIABLES = ("JOB_ID", "MANAGEMENT_ID", "JOBNET_SCHEDULED_TIME", "TAG")

SCRIPT = """key=$TAG
[ "$key" = TICK ] && key=S$JOBNET_SCHEDULED_TIME
set -- $(echo "$key $JOB_ID" | cksum)
code=$(($1 % 90))
echo "start $key $JOB_ID $MANAGEMENT_ID $(date +%s.%N) $code" >> WITNESS
sleep $(($1 / 90 % 3)).$(($1 % 10))
echo "end $key $JOB_ID $MANAGEMENT_ID $(date +%s.%N) $code" >> WITNESS
exit $code
"""

Job = tuple[str, str]  # what is run, which of its jobs


def document(witness: Path, hosts: tuple[str, ...]) -> str:
    """Return the jobnet, as JAZ XML: a job, some side by side on all hosts, and a last one."""
    script = SCRIPT.replace("TICK", TICK).replace("WITNESS", str(witness))
    return fanout(FLOW, SIDE_BY_SIDE, script, controller_variables=VARIABLES, hosts=hosts, stop_codes=FAILS)


def host_of(job: str, hosts: tuple[str, ...]) -> str:
    """Return the host on which a job of the jobnet runs."""
    place = {"FIRST": 0, "LAST": SIDE_BY_SIDE + 1}.get(job)
    return hosts[(int(job.rpartition("-")[2]) if place is None else place) % len(hosts)]


def key_of(nominal_ms: int) -> str:
    """Return the name of the run of the schedule at a time."""
    return f"S{datetime.fromtimestamp(nominal_ms / 1000, UTC):%Y%m%d%H%M}"


@dataclass(frozen=True, slots=True)
class End:
    """How a job ended: the number its run had where it was sent from, its exit code, and when."""

    run_id: int
    code: int
    at: float


@dataclass
class Testimony:
    """All that jobs have said."""

    starts: Counter[Job] = field(default_factory=Counter)
    began: dict[Job, float] = field(default_factory=dict)
    ends: dict[Job, list[End]] = field(default_factory=dict)


def testimony(witness: Path) -> Testimony:
    """Return what is in the file."""
    found = Testimony()
    for line in witness.read_text().splitlines():
        what, key, name, run_id, at, code = line.split()
        job = (key, name)
        if what == "start":
            found.starts[job] += 1
            found.began[job] = float(at)
        else:
            found.ends.setdefault(job, []).append(End(int(run_id), int(code), float(at)))
    return found
