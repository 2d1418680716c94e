"""Commits in a thread, where the disk is slow: the loop goes on meanwhile, and keeps away from the connection."""

import threading
from datetime import UTC
from pathlib import Path
from typing import Any

import trio
from trio.testing import wait_all_tasks_blocked

from jaz_lite.clock import VirtualClock
from jaz_lite.operations import registry
from jaz_lite.runner import tasks
from jaz_lite.runner.idle_chores import IdleChores
from jaz_lite.runner.inputs import Write
from jaz_lite.runner.shipping import Shipping
from jaz_lite.runner.turns import Turns
from jaz_lite.store.directory import DataDirectory
from jaz_lite.store.open import Store
from jaz_lite.store.transaction import Transaction
from tests.unit.operations.small_site import OWNER, jobnet, opened, running


class SlowDisk(VirtualClock):
    """A clock by which every commit takes a tenth of a second."""

    def monotonic(self) -> float:
        self.advance(0.1)
        return super().monotonic()


def statements_by_thread(store: Store) -> list[tuple[bool, str]]:
    """Return a list that is given every statement of the writer: whether the loop's own thread ran it, and its text."""
    seen: list[tuple[bool, str]] = []
    loop = threading.get_ident()
    writer = store._writer
    assert writer is not None

    def look(_cursor: Any, text: str, _bindings: Any) -> bool:
        seen.append((threading.get_ident() == loop, text))
        return True

    writer._connection.exec_trace = look
    return seen


async def test_a_commit_in_a_thread_touches_nothing_that_the_loop_may_ask_for(tmp_path: Path) -> None:
    # Retention asks for the next timer between its batches; once both looked it up at the same moment, and the server
    # was gone.
    with opened(tmp_path / "data", clock=SlowDisk()) as store:
        async with running(store) as site:
            await registry.call(
                site, OWNER, "definition.put", {"kind": "jobnet", "document": jobnet("NET"), "enable": True}
            )
            assert store.commit_slow

            seen = statements_by_thread(store)
            with trio.fail_after(10):
                await registry.call(site, OWNER, "run.start", {"jobnet": "NET", "at": "+1h"})

    elsewhere = [text for here, text in seen if not here]
    assert "commit" in elsewhere
    assert not [text for text in elsewhere if "timers" in text]


async def test_a_server_that_is_told_to_end_when_a_turn_is_about_to_be_committed_ends_cleanly(tmp_path: Path) -> None:
    # A server that was replaced ended with a fault of its own then, and a service manager would have started it again.
    ticks: list[int] = []
    with opened(tmp_path / "data", clock=SlowDisk()) as store:
        turns = Turns(store, clock=store.clock, zone=UTC, site_uid=bytes(16), term=1, draw_spool=lambda: bytes(16))
        turns.reload()
        shipping = Shipping(store.changes, store.clock)

        def tick(tx: Transaction) -> None:
            ticks.append(tx.term.site().last_tick_ms or 0)
            tx.term.tick(store.clock.now_ms())

        async with trio.open_nursery() as nursery:
            chores = IdleChores(store, store.clock)
            await nursery.start(tasks.make_turns, turns, DataDirectory(store.folder), chores, shipping)
            while not store.commit_slow:
                turns.submit(Write(tick))
                await wait_all_tasks_blocked()
            ticks.clear()

            turns.submit(Write(tick))  # the task that makes turns is woken, and only then told to end
            nursery.cancel_scope.cancel()

        (before,) = ticks
        with store.transaction() as tx:
            assert tx.term.site().last_tick_ms == before, "nothing of that turn was committed"
