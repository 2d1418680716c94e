"""Taking over with an old copy: real servers, an agent and jobs; what was done after the copy is taken over."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.definitions import chain
from bench.site import Site
from tests.real.oracle import Oracle
from tests.real.test_activation import Standby, free_port, kill, run_state
from tests.real.test_dialled_agents import Machine, reachable, until

pytestmark = pytest.mark.real


@pytest.fixture
def clean_up() -> Iterator[Callable[[Site], None]]:
    """What is begun in a test is stopped after it, the newest first."""
    begun: list[Site] = []
    yield begun.append
    for site in reversed(begun):
        site.stop()


def test_what_was_done_after_the_copy_is_taken_over_and_nothing_starts_twice(
    tmp_path: Path, clean_up: Callable[[Site], None]
) -> None:
    old = Site(tmp_path)
    old.verb = "server"
    clean_up(old)
    old.start()
    machine = Machine(tmp_path / "m1", free_port())
    assert machine.run("enroll", json.loads(old.command("agent", "invite", "m1", "--json"))["token"]).wait(30) == 0
    agent = machine.run("run")
    try:
        until(lambda: reachable(old, "m1"), "the agent did not come")
        old.command("host", "add", "localhost", "--agent", "m1")
        witness = Oracle(tmp_path)
        line = f'me=$(date +%s%N); echo "start $me" >> {witness.file}; sleep 1; echo "end $me" >> {witness.file}'
        old.define(chain("NIGHT", 8, line), "night")
        old.ask("exec", "NIGHT")
        until(lambda: len(witness.counts()[0]) >= 1, "the jobs did not begin")
        copy = Standby(old, "copy")
        clean_up(copy)
        copy.elsewhere()
        until(lambda: len(witness.counts()[1]) >= 4, "the jobs did not end")
        kill(old)

        copy.activate("--no-agent")

        notices = copy.ask("status")["notices"]
        assert any("uncertainty window is open" in each for each in notices), notices
        until(lambda: run_state(copy) == "ended", "the run did not end at the server that took over")
        starts, ends = witness.counts()
        assert (len(starts), set(starts.values()), len(ends), set(ends.values())) == (8, {1}, 8, {1})
        assert b"taken over as it is" in copy.command("journal", "--kind", "attempt_taken")
        assert copy.ask("run", "list", "--doubts") == {"doubts": []}
    finally:
        agent.kill()
        agent.wait()
        machine.clean_up()
