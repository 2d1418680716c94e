"""Many agents in a few driver processes (see `agents_driver`), spoken to as one."""

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.agents_driver import key_of, name_of
from bench.site import Site

DRIVERS = 2
ALL_UP_WITHIN_S = 300.0
LOOK_S = 0.5


def prepare(here: Site, agents: int) -> None:
    """Make a data directory that knows so many agents and a host for each, straight through the store."""
    from jaz_lite.clock import SystemClock
    from jaz_lite.model.host import Host
    from jaz_lite.store.agents import AgentRow
    from jaz_lite.store.directory import DataDirectory
    from jaz_lite.store.open import Store

    clock = SystemClock()
    DataDirectory.prepare(here.data, server_id="bench", clock=clock)
    (here.data / "config.toml").write_text("[server]\nembedded_agent = false\n")
    store = Store.open(here.data, clock=clock)
    try:
        with store.transaction() as tx:
            for number in range(agents):
                name = name_of(number)
                tx.agents.put(AgentRow(agent_id=name, kid=1, key=key_of(number), created_ms=clock.now_ms()))
                tx.hosts.put(Host(host=name, agent_id=name))
    finally:
        store.close()


class Fleet:
    """The drivers, as one."""

    def __init__(self, drivers: list["subprocess.Popen[str]"]) -> None:
        self._drivers = drivers
        self._last: dict[int, dict[str, Any]] = {}
        self._news = threading.Condition()
        self._sizes: dict[int, int] = {}
        for number, driver in enumerate(drivers):
            threading.Thread(target=self._listen, args=(number, driver), daemon=True).start()

    def _listen(self, number: int, driver: "subprocess.Popen[str]") -> None:
        assert driver.stdout is not None
        for line in driver.stdout:
            with self._news:
                self._last[number] = json.loads(line)
                self._news.notify_all()

    def say(self, word: str) -> None:
        """Give all drivers a command."""
        for driver in self._drivers:
            assert driver.stdin is not None
            driver.stdin.write(word + "\n")
            driver.stdin.flush()

    def expect(self, sizes: list[int]) -> None:
        """Say how many agents each driver has."""
        self._sizes = dict(enumerate(sizes))

    def all_up(self) -> float:
        """Return the monotonic second at which the last agent was synced."""
        self._wait_for(self._sizes)
        return max(float(last["at"]) for last in self._last.values())

    def all_down(self) -> None:
        """Return when no agent is in session."""
        self._wait_for(dict.fromkeys(self._sizes, 0))

    def jobs_began(self) -> None:
        """Return when each agent has been given a job."""
        self._wait("each has a job", lambda: {n: last["jobs"] for n, last in self._last.items()} == self._sizes)

    def counted(self, what: str, epoch: int) -> tuple[float, float]:
        """Wait until `what` has come to all in this epoch; return the monotonic seconds of the first and the last."""

        def seen() -> list[list[float]]:
            return [last[what].get(str(epoch), [0, 0.0, 0.0]) for last in self._last.values()]

        self._wait(what, lambda: sum(each[0] for each in seen()) == sum(self._sizes.values()))
        return min(each[1] for each in seen()), max(each[2] for each in seen())

    def _wait(self, what: str, come: Callable[[], bool]) -> None:
        until = time.monotonic() + ALL_UP_WITHIN_S
        with self._news:
            while not self._news.wait_for(come, LOOK_S):
                if time.monotonic() > until:
                    raise RuntimeError(f"{what}: not within {ALL_UP_WITHIN_S:.0f} s: {self._last}")
                self.say("count")

    def _wait_for(self, wanted: dict[int, int]) -> None:
        with self._news:
            if not self._news.wait_for(
                lambda: {number: last["up"] for number, last in self._last.items()} == wanted, ALL_UP_WITHIN_S
            ):
                raise RuntimeError(f"after {ALL_UP_WITHIN_S:.0f} s only {self._last} of {wanted}")

    def failures(self) -> dict[str, int]:
        """Return why attempts to connect failed, and how often."""
        total: dict[str, int] = {}
        for last in self._last.values():
            for why, count in last["failed"].items():
                total[why] = total.get(why, 0) + count
        return total


@contextlib.contextmanager
def drivers(data: Path, port: int, agents: int, *wishes: str) -> Iterator[Fleet]:
    """Give a fleet whose drivers have loaded everything, and wait for the command `go`."""
    sizes = [agents // DRIVERS + (number < agents % DRIVERS) for number in range(DRIVERS)]
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "bench.agents_driver", str(data), str(port), str(sum(sizes[:number])), str(size),
             *wishes],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for number, size in enumerate(sizes)
    ]  # fmt: skip
    fleet = Fleet(started)
    fleet.expect(sizes)
    try:
        fleet.say("count")
        fleet.all_down()  # they have loaded everything and wait
        yield fleet
    finally:
        for driver in started:
            driver.send_signal(signal.SIGKILL)
            driver.wait()
