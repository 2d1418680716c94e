"""What the store is given for a job of a long chain, without the engine: the rows of three commits, as turns write them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from jaz_lite.clock import SystemClock
from jaz_lite.model.fact import Fact
from jaz_lite.model.host import Host
from jaz_lite.model.jobnet import Icon, Jobnet
from jaz_lite.model.run import UNOPENED, UNTOUCHED, Frame, IconRun, Node, Plan, Run
from jaz_lite.store.agents import AgentRow
from jaz_lite.store.attempts import Attempt
from jaz_lite.store.directory import DataDirectory
from jaz_lite.store.open import Store
from jaz_lite.store.transaction import Transaction

VERSION = "20260101000000"
JOBS_A_RUN = 1_000
FIRST_RUN = 1 << 51 | 1 << 32
AGENT = "web01"
OUT = "42 rows were loaded into the warehouse\n"

Write = Callable[[Transaction], None]


def made(folder: Path) -> Store:
    """Make a data directory and open its store."""
    clock = SystemClock()
    DataDirectory.prepare(folder, server_id="BENCH", clock=clock)
    store = DataDirectory(folder).open_store(clock=clock)
    with store.transaction() as tx:
        tx.agents.put(AgentRow(agent_id=AGENT, kid=1, key=bytes(32), created_ms=1))
        tx.hosts.put(Host(host=AGENT, agent_id=AGENT))
        tx.definitions.put(
            "jobnet", {"jobnet_id": "BENCH", "version": VERSION, "icons": [], "flows": []}, by="b", at_ms=1
        )
    return store


class Jobs:
    """Gives the writes of one job after the other."""

    def __init__(self) -> None:
        jobnet = Jobnet(
            jobnet_id="BENCH",
            version=VERSION,
            icons=tuple(Icon(icon_id=f"JOB-{number}", type="job") for number in range(JOBS_A_RUN)),
        )
        nodes = tuple(
            Node(number=number, frame=0, icon=icon, params=None, arrivals_needed=0, targets=())
            for number, icon in enumerate(jobnet.icons)
        )
        frame = Frame(number=0, jobnet=jobnet, doc_id=1, parent=None, first=0, last=JOBS_A_RUN)
        self._plan = Plan(nodes=nodes, frames=(frame,))
        self._number = 0

    def __iter__(self) -> Iterator[tuple[Write, ...]]:
        """Give, for each job, what the commits that send it, hear of it and end it write."""
        while True:
            run_id, node = FIRST_RUN + self._number // JOBS_A_RUN, self._number % JOBS_A_RUN
            self._number += 1
            yield self._job(run_id, node, self._number)

    def _job(self, run_id: int, node: int, number: int) -> tuple[Write, ...]:
        k = number.to_bytes(16, "big")
        at_ms = 1_700_000_000_000 + number
        before = {"JOBNET_ID": "BENCH", "JOB_ID": f"JOB-{node}", "MANAGEMENT_ID": str(run_id), "LAST_STATUS": "0"}
        running = IconRun(state="running", visit=1, attempt=1, started_ms=at_ms, work=k, before=before)
        results = {"STD_OUT": OUT, "STD_ERR": "", "JOB_EXIT_CD": "0"}
        ended = IconRun(
            state="ended", visit=1, attempt=1, started_ms=at_ms, ended_ms=at_ms + 9, exit_code=0, before=before,
            results=results,
        )  # fmt: skip
        path = f"/JOB-{node}"

        def sent(tx: Transaction) -> None:
            if node == 0:
                tx.runs.insert(self._run(run_id, at_ms))
            self._save(tx, run_id, node, running, at_ms)
            tx.attempts.insert(
                Attempt(
                    k=k, run_id=run_id, node=node, visit=1, key_path=f"{path}#1", attempt=1, occ=f"M:{run_id}",
                    agent_id=AGENT, host=AGENT, kind="cmd", state="sent", digest=k * 2, spec=bytes(200), created_ms=at_ms,
                    sent_ms=at_ms,
                )
            )  # fmt: skip
            tx.journal.add(at_ms, run_id, path, Fact(kind="icon_started", data={}))

        def heard(tx: Transaction) -> None:
            tx.attempts.update(k, state="running", accepted_ms=at_ms, started_ms=at_ms)
            tx.agents.move_cursor(AGENT, bytes(16), number * 3, k)

        def over(tx: Transaction) -> None:
            tx.attempts.update(k, state="done", exit_code=0, ended_ms=at_ms + 9, out_bytes=len(OUT))
            self._save(tx, run_id, node, ended, at_ms)
            tx.journal.add(at_ms, run_id, path, Fact(kind="icon_ended", data={"exit_code": 0, "output": OUT}))
            tx.agents.move_cursor(AGENT, bytes(16), number * 3 + 1, k)

        return sent, heard, over

    def _run(self, run_id: int, at_ms: int) -> Run:
        return Run(
            run_id=run_id, plan=self._plan, occ=f"M:{run_id}", site_uid=bytes(16), origin="manual", user="bench",
            created_ms=at_ms, state="running", started_ms=at_ms, frames=(UNOPENED,), icons=(UNTOUCHED,) * JOBS_A_RUN,
        )  # fmt: skip

    def _save(self, tx: Transaction, run_id: int, node: int, icon: IconRun, at_ms: int) -> None:
        run = self._run(run_id, at_ms)
        icons = (*run.icons[:node], icon, *run.icons[node + 1 :])
        tx.runs.save(replace(run, icons=icons), (node,), ())
