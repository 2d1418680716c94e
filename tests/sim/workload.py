"""People: they start runs, interfere with them at random, and at the end put every run right or stop it."""

from collections import Counter
from collections.abc import Callable

from jaz_lite.engine.explain import waiting_for
from jaz_lite.errors import DefinitionError, DiskFull, JazLiteError, NoSuchObject, Refused
from jaz_lite.model import event as asked
from jaz_lite.model.event import Operation
from jaz_lite.model.host import Host
from jaz_lite.model.run import RUN_OVER, Run
from jaz_lite.runner.inputs import NewRun, Reply, RunEvent, Write
from jaz_lite.store.transaction import Transaction
from tests.sim.oracle import Oracle
from tests.sim.server import Server
from tests.sim.world import World

PERSON = "someone"
LOOK_MS = 3_000
REBOOT_LOOKS = 500  # 25 minutes: then a reboot that nobody knows the end of is stopped
PATIENCE = 6  # looks at a run in trouble before it is stopped


class People:
    """All who want something of the server."""

    def __init__(
        self,
        world: World,
        whom: Callable[[], Server],
        oracle: Oracle,
        *,
        jobnets: list[str],
        hosts: dict[str, str],
        runs: int,
        remap: float = 0.3,
    ) -> None:
        self.world = world
        self._remap = remap  # how often a host becomes that of another agent
        self._whom = whom  # is the server, as people think
        self.oracle = oracle
        self.dice = world.dice("people")
        self.jobnets = jobnets
        self.hosts = hosts
        self.runs_left = runs
        self.tidying = False
        self._memos = 0
        self._looks: Counter[int] = Counter()
        self._reboot_looks: Counter[tuple[int, int]] = Counter()
        world.after(100, self._start_one)
        world.after(700, self._interfere)
        world.after(1_500, self._change_host)

    # ---- starting

    def _start_one(self) -> None:
        if not self.runs_left or self.tidying:
            return
        server = self._whom()
        if server.alive:
            self.runs_left -= 1
            origin = self.dice.choice(("manual", "manual", "manual", "manual", "test", "hold"))
            reply = Reply(lambda reply: self._started(server, reply))
            server.submit(NewRun(jobnet_id=self.dice.choice(self.jobnets), origin=origin, user=PERSON, reply=reply))
            self.world.counts["runs asked for"] += 1
        self.world.after(self.dice.choice((0, 100, 1_000, 3_000, 10_000)), self._start_one)

    def _started(self, server: Server, reply: Reply) -> None:
        if reply.error is not None:
            assert isinstance(reply.error, DefinitionError | NoSuchObject | DiskFull), reply.error
            return
        server.ledger.acked_runs.add(reply.value)
        self.world.counts["runs"] += 1

    # ---- changing what is beside runs

    def _change_host(self) -> None:
        if self.tidying:
            return
        server = self._whom()
        if server.alive:
            self._memos += 1
            name = self.dice.choice(list(self.hosts))
            memo = f"{self._memos:06d}"
            if self.dice.random() < self._remap:
                self.hosts[name] = self.dice.choice(sorted(set(self.hosts.values())))
            host = Host(host=name, agent_id=self.hosts[name], memo=memo)

            def put(tx: Transaction) -> None:
                tx.hosts.put(host)

            def put_reply(reply: Reply) -> None:
                assert reply.error is None, reply.error
                known = server.ledger.acked_memos
                known[name] = max(memo, known.get(name, ""))

            server.submit(Write(put, Reply(put_reply)))
        self.world.after(self.dice.choice((500, 9_000)), self._change_host)

    # ---- interfering

    def _interfere(self) -> None:
        if self.tidying:
            return
        server = self._whom()
        runs = [run for run in server.turns.live if run.icons] if server.alive else []
        if runs:
            run = self.dice.choice(runs)
            if self.dice.random() < 0.5:
                self._put_right(run)
            else:
                self._ask(run, self._random_operation(run))
        self.world.after(self.dice.choice((50, 500, 2_000, 6_000)), self._interfere)

    def _random_operation(self, run: Run) -> Operation:
        node = self.dice.randrange(len(run.icons))
        ways: list[Callable[[], Operation]] = [
            lambda: asked.HoldIcon(PERSON, node),
            lambda: asked.ReleaseHold(PERSON, node),
            lambda: asked.SkipIcon(PERSON, node),
            lambda: asked.UnskipIcon(PERSON, node),
            lambda: asked.StopIcon(PERSON, node),
            lambda: asked.StopIcon(PERSON, node),
            lambda: asked.RerunIcon(PERSON, node),
            lambda: asked.RerunIcon(PERSON, node),
            lambda: asked.SetVariable(PERSON, node, "JOB_EXIT_CD", "0"),
            lambda: asked.DecideIcon(PERSON, node, "rerun"),
        ]
        if self.dice.random() < 0.03:
            return asked.StopRun(PERSON)
        busy = [n for n, icon in enumerate(run.icons) if icon.state in ("running", "run_error", "stopping")]
        if busy and self.dice.random() < 0.6:
            node = self.dice.choice(busy)
        return self.dice.choice(ways)()

    def _ask(self, run: Run, operation: Operation) -> None:
        server = self._whom()
        if not server.alive:
            return

        def make(_run: Run) -> Operation:
            return operation

        def answered(reply: Reply) -> None:
            if reply.error is None:
                self.world.counts["operations"] += 1
                self.world.log("people", f"done: run {run.run_id & 0xFFFFFFFF} {operation}")
            else:
                assert isinstance(reply.error, JazLiteError), reply.error
                assert isinstance(reply.error, Refused), reply.error

        server.submit(RunEvent(run.run_id, make=make, reply=Reply(answered)))

    # ---- putting right

    def tidy(self) -> None:
        """From now on, look after every run until it is over."""
        self.tidying = True
        self._look()

    def _look(self) -> None:
        server = self._whom()
        if server.alive:
            for run in list(server.turns.live):
                self._put_right(run)
        self.world.after(LOOK_MS, self._look)

    def _put_right(self, run: Run) -> None:
        if run.state in RUN_OVER:
            return
        reasons = waiting_for(run)
        if not reasons:
            self.oracle.fail("I12", f"run {run.run_id} is {run.state} and waits for nothing that it could name")
        if run.start_missed:
            self._ask(run, asked.RerunRun(PERSON) if self.dice.random() < 0.5 else asked.StopRun(PERSON))
            return
        if any(reason.startswith("no icon is left") or "nothing is left" in reason for reason in reasons):
            self.world.counts["runs stuck by their flow"] += 1
            self._ask(run, asked.StopRun(PERSON))
            return
        for node, icon in enumerate(run.icons):
            if icon.doubt is not None:
                self.world.counts["decisions"] += 1
                verdict = self.dice.choice(("ended", "failed", "rerun", "abandon"))
                self._ask(run, asked.DecideIcon(PERSON, node, verdict))
            elif icon.method == "hold" and icon.state in ("waiting", "ready"):
                self._ask(run, asked.ReleaseHold(PERSON, node))
            elif icon.state == "running" and run.plan.nodes[node].icon.type == "reboot":
                self._await_boot(run, node)
            elif icon.state == "run_error" and not icon.continued and run.plan.nodes[node].child is None:
                self._looks[run.run_id] += 1
                way = asked.RerunIcon(PERSON, node) if self.dice.random() < 0.5 else asked.SkipIcon(PERSON, node)
                self._ask(run, way)
        if self._looks[run.run_id] > PATIENCE * 3:
            self._ask(run, asked.StopRun(PERSON))

    def _await_boot(self, run: Run, node: int) -> None:
        """A keeper may have died with the end of the command: then nobody knows that no boot will come."""
        self._reboot_looks[run.run_id, node] += self.tidying
        if self._reboot_looks[run.run_id, node] > REBOOT_LOOKS:
            self._reboot_looks[run.run_id, node] = 0
            self._ask(run, asked.StopIcon(PERSON, node))
