"""One round: a run of many jobs, a plan of kills, and what must be so afterwards."""

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.definitions import wide
from tests.kill9.village import HOSTS, Village

JOBS = 36
CODES = 5  # job n exits with n % CODES
OUTPUT_BYTES = 700  # times the number of the job, and then the byte that no text has
ENDS_WITHIN_S = 120.0
PLAN_S = 3.0
AWAY_S = (0.0, 0.2, 1.0)

SCRIPT = """n=${{JOB_ID#JOB-}}
echo "start $JOBNET_ID $JOB_ID" >> {witness}
head -c $((n * {bytes})) /dev/zero | tr '\\0' "$(printf '\\\\%03o' $((97 + n % 26)))"
printf '\\377\\376\\n'
sleep $((n % 4)).$((n % 10))
code=$((n % {codes}))
echo "end $JOBNET_ID $JOB_ID $code" >> {witness}
exit $code
"""


@dataclass
class Round:
    """What happened, for the line that is printed."""

    seed: int
    killed: Counter[str] = field(default_factory=Counter)
    keepers_hit: set[str] = field(default_factory=set)  # hosts
    ended: int = 0
    doubted: int = 0
    seconds: float = 0.0


def output_of(number: int) -> bytes:
    """Return what job `number` prints."""
    return bytes((97 + number % 26,)) * (number * OUTPUT_BYTES) + b"\xff\xfe\n"


def play(village: Village, witness: Path, number: int, seed: int) -> Round:
    """Play a round and check it; raises AssertionError with the first thing that is wrong."""
    chance = random.Random(f"{seed} {number}")
    done = Round(seed)
    began = time.monotonic()
    name = f"KILL-{number}"
    script = SCRIPT.format(witness=witness, bytes=OUTPUT_BYTES, codes=CODES)
    document = wide(name, JOBS, script, controller_variables=("JOB_ID", "JOBNET_ID"), hosts=HOSTS, stop_codes="99")
    village.site.define(document, name)
    run_id = str(village.site.ask("exec", name)["run_id"])
    _kill_by_plan(village, chance, done)
    village.wait_for_all()
    run = _wait(village, run_id, done)
    _check(village, witness, name, run_id, run, done)
    done.seconds = time.monotonic() - began
    return done


def _kill_by_plan(village: Village, chance: random.Random, done: Round) -> None:
    whom = [chance.choice(("server", "agent", "agent", "keeper")) for _ in range(chance.randint(2, 6))]
    plan = sorted((chance.uniform(0, PLAN_S), who, chance.choice(HOSTS), chance.choice(AWAY_S)) for who in whom)
    began = time.monotonic()
    for at_s, who, host, away_s in plan:
        time.sleep(max(0.0, began + at_s - time.monotonic()))
        if who == "server":
            hit = village.kill_server()
            if chance.random() < 0.3:
                done.killed["agent"] += village.kill_agent("localhost")
            time.sleep(away_s)
            village.start_server()
        elif who == "agent":
            hit = village.kill_agent(host)
            if chance.random() < 0.2 and village.kill_keeper(host):
                done.killed["keeper"] += 1
                done.keepers_hit.add(host)
            time.sleep(away_s)
            village.start_agent(host)
        else:
            hit = village.kill_keeper(host)
            if hit:
                done.keepers_hit.add(host)
        done.killed[who] += hit


def _wait(village: Village, run_id: str, done: Round) -> dict[str, Any]:
    """Wait for the end of the run; what is in doubt is decided once everything else has ended."""
    until = time.monotonic() + ENDS_WITHIN_S
    while True:
        run: dict[str, Any] = village.site.ask("run", "show", run_id)
        jobs = [icon for icon in run["icons"] if icon["type"] == "job"]
        doubted = [icon for icon in jobs if icon["doubt"]]
        if len(doubted) + sum(icon["state"] == "ended" for icon in jobs) == JOBS:
            break
        assert time.monotonic() < until, f"run {run_id} is {run['state']}: {run['waiting_for']}"
        time.sleep(0.1)
    done.doubted, done.ended = len(doubted), JOBS - len(doubted)
    for icon in doubted:
        assert icon["doubt"]["reason"] == "lost", icon
        host = HOSTS[(int(icon["path"].rpartition("-")[2]) - 1) % len(HOSTS)]
        assert host in done.keepers_hit, f"{icon['path']} on {host} is in doubt, and no keeper was killed there"
        village.site.command("run", "decide", run_id, icon["path"], "ended")
    while village.site.ask("run", "show", run_id)["state"] != "ended":
        assert time.monotonic() < until, f"run {run_id} does not end"
        time.sleep(0.1)
    return run


def _check(village: Village, witness: Path, name: str, run_id: str, run: dict[str, Any], done: Round) -> None:
    starts: Counter[str] = Counter()
    ends: dict[str, list[int]] = {}
    for line in witness.read_text().splitlines():
        what, jobnet, job, *code = line.split()
        if jobnet == name and what == "start":
            starts[job] += 1
        elif jobnet == name:
            ends.setdefault(job, []).append(int(code[0]))
    for icon in run["icons"]:
        if icon["type"] != "job":
            continue
        job = icon["path"].rpartition("/")[2]
        number = int(job.rpartition("-")[2])
        assert starts[job] <= 1, f"{job} started {starts[job]} times"
        if icon["doubt"]:
            continue
        assert (starts[job], ends.get(job)) == (1, [number % CODES]), (
            f"{job}: {starts[job]} starts, ends {ends.get(job)}"
        )
        assert icon["exit_code"] == number % CODES, f"{job} is said to have ended with {icon['exit_code']}"
        kept = village.site.command("run", "log", run_id, icon["path"], "--raw") if number % 9 == 0 else None
        assert kept is None or kept == output_of(number), f"{job} printed other bytes than are kept: {kept[:80]!r}"
