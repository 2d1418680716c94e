"""What jobs say of themselves: a line in a file at the start of each, and one at its end with its exit code.

A run started by hand is known by its tag, one of the schedule by its time: both say what is meant, whichever server
had it done and whatever number the run had there.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.definitions import fanout

FLOW = "FLOW"  # each job on its own host
POOL = "POOL"  # all on whoever of a group has room
HANDS = "HANDS"  # a third of the jobs fail: people hold, skip, stop and rerun what they like
JOBNETS = (FLOW, POOL, HANDS)
GROUP = "pool"
SCHEDULES = {"TICK": FLOW, "POOLTICK": POOL}
TICK = "tick"  # in the tag of runs of a schedule, before the jobnet
SIDE_BY_SIDE = 4
FAILS = {FLOW: "99", POOL: "99", HANDS: "60-89"}  # jobs have exit codes from 0 to 89
STOPPED = 98
VARIABLES = ("JOB_ID", "MANAGEMENT_ID", "JOBNET_SCHEDULED_TIME", "TAG")

SCRIPT = """key=$TAG
case $key in TICK*) key=S$JOBNET_SCHEDULED_TIME${key#TICK} ;; esac
set -- $(echo "$key $JOB_ID" | cksum)
code=$(($1 % 90))
trap 'echo "end $key $JOB_ID $MANAGEMENT_ID $(date +%s.%N) STOPPED" >> WITNESS; exit STOPPED' TERM
echo "start $key $JOB_ID $MANAGEMENT_ID $(date +%s.%N) $code" >> WITNESS
sleep $(($1 / 90 % 3)).$(($1 % 10))
trap '' TERM
echo "end $key $JOB_ID $MANAGEMENT_ID $(date +%s.%N) $code" >> WITNESS
exit $code
"""

Job = tuple[str, str]  # what is run, which of its jobs


def document(jobnet: str, witness: Path, hosts: tuple[str, ...]) -> str:
    """Return a jobnet, as JAZ XML: a job, some side by side on all hosts, and a last one."""
    script = SCRIPT.replace("TICK", TICK).replace("WITNESS", str(witness)).replace("STOPPED", str(STOPPED))
    places = (GROUP,) if jobnet == POOL else hosts
    fails = FAILS[jobnet]
    return fanout(jobnet, SIDE_BY_SIDE, script, controller_variables=VARIABLES, hosts=places, stop_codes=fails)


def tag_of(jobnet: str, number: str) -> str:
    """Return the tag of a run that is started by hand."""
    return f"{jobnet}-{number}"


def hosts_of(job: Job, hosts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the hosts on one of which a job runs or ran."""
    key, name = job
    if POOL in key:
        return hosts
    place = {"FIRST": 0, "LAST": SIDE_BY_SIDE + 1}.get(name)
    return (hosts[(int(name.rpartition("-")[2]) if place is None else place) % len(hosts)],)


def key_of(nominal_ms: int, jobnet: str) -> str:
    """Return the name of the run of a schedule at a time."""
    return f"S{datetime.fromtimestamp(nominal_ms / 1000, UTC):%Y%m%d%H%M}{jobnet}"


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
    began: dict[Job, float] = field(default_factory=dict)  # the last time
    run_ids: dict[Job, int] = field(default_factory=dict)
    ends: dict[Job, list[End]] = field(default_factory=dict)


def testimony(witness: Path) -> Testimony:
    """Return what is in the file."""
    found = Testimony()
    for line in witness.read_text().splitlines():
        what, key, name, run_id, at, *code = line.split()
        job = (key, name)
        if what == "start":
            found.starts[job] += 1
            found.began[job] = float(at)
            found.run_ids[job] = int(run_id)
        else:
            found.ends.setdefault(job, []).append(End(int(run_id), int(code[0]), float(at)))
    return found
