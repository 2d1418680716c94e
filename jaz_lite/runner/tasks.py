"""The trio tasks around the turns: one that makes them, and those that wait for time to pass.

What escapes from here ends the process; the service manager restarts it and the store resumes.
"""

import logging
from typing import Protocol

import trio

from jaz_lite.errors import DiskFull
from jaz_lite.runner.idle_chores import IdleChores
from jaz_lite.runner.inputs import Input, Write
from jaz_lite.runner.shipping import Shipping
from jaz_lite.runner.turns import Turns
from jaz_lite.store.transaction import Transaction

TICK_S = 10.0  # last_tick is at most this old (protocol 8.4)
IDLE_S = 0.2  # so long nothing came: time for what may hold the writer up
CLOCK_LOOK_S = 30.0  # a sleep towards a wall-clock time is never longer, so that a stepped clock is noticed
COPIES_LOOK_S = 1.0
FULL_PAUSE_S = 5.0  # between two tries on a disk that has no reserve left

log = logging.getLogger(__name__)


class Reserve(Protocol):
    """Room on the disk that is held back for results."""

    def keep_reserve(self) -> bool: ...
    def release_reserve(self) -> bool: ...


async def make_turns(
    turns: Turns,
    reserve: Reserve,
    chores: IdleChores,
    shipping: Shipping,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Make a turn whenever something has gathered or a timer is due. The only task that changes runs.

    A full disk undoes a turn and loses nothing: its inputs are taken again. The reserve is given up for results, and
    nothing new is started until there is room again.
    """
    wake = trio.Event()

    def woken() -> None:
        wake.set()

    turns.wake = woken
    task_status.started()
    others_ran = False
    while True:
        wake = trio.Event()
        if turns.halted:
            await wake.wait()
            continue
        wait_s = _seconds_to_wait(turns)
        if wait_s > 0:
            await _sleep(chores, wake, wait_s)
            others_ran = True
            continue
        if not others_ran:
            # One loop pass for the readers: what arrives together is dealt with together. Who was just woken by one
            # of them has let the others of that pass run already.
            await trio.lowlevel.checkpoint()
        others_ran = False
        try:
            await _make_turn(turns, shipping)
        except DiskFull as error:
            log.error("the disk is full; nothing new is started", extra={"action": "disk.full", "why": error.message})
            turns.take_back()
            if not reserve.release_reserve():
                await trio.sleep(FULL_PAUSE_S)


async def _make_turn(turns: Turns, shipping: Shipping) -> None:
    turn = None if turns.halted else turns.prepare()
    if turn is None:
        return
    try:
        if turns.store.commit_slow:
            turns.store.next_due_ms()  # known from here on: nobody who asks meanwhile needs the connection
            await trio.to_thread.run_sync(turn.tx.commit)
        else:
            turn.tx.commit()
    except BaseException:
        # Where the server was told to end just now, the commit was not even begun, and the store could not be closed.
        turn.tx.rollback()
        turns.feed.drop()
        raise
    await shipping.released()
    turns.release(turn)


async def _sleep(chores: IdleChores, wake: trio.Event, wait_s: float) -> None:
    """Wait until something gathers or is due; an idle moment is used for one of the store's chores."""
    if chores.wanted and wait_s > IDLE_S:
        with trio.move_on_after(IDLE_S):
            await wake.wait()
            return
        chores.do_one()
        return
    with trio.move_on_after(wait_s):
        await wake.wait()


def _seconds_to_wait(turns: Turns) -> float:
    wait_s = CLOCK_LOOK_S if turns.wait_s is None else turns.wait_s
    due_ms = turns.next_due_ms()
    if due_ms is None:
        return wait_s
    return min(wait_s, max(0.0, (due_ms - turns.clock.now_ms()) / 1000))


def let_inputs_come_later(turns: Turns, nursery: trio.Nursery) -> None:
    """Give the turns a way to have an input handed in after some seconds."""

    async def wait(seconds: float, item: Input) -> None:
        await trio.sleep(seconds)
        turns.submit(item)

    def later(seconds: float, item: Input) -> None:
        nursery.start_soon(wait, seconds, item)

    turns.later = later


async def keep_house(turns: Turns, reserve: Reserve) -> None:
    """Note that the server lives, and go back to normal when a full disk has room again."""
    while True:
        await trio.sleep(TICK_S)
        if turns.disk_full and reserve.keep_reserve():
            log.warning("there is room on the disk again", extra={"action": "disk.room"})
            turns.room_again()
        turns.submit(Write(lambda tx: _tick(tx, turns)))


def _tick(tx: Transaction, turns: Turns) -> None:
    now_ms = turns.clock.now_ms()
    tx.term.tick(now_ms)
    if turns.store.changes.followers:
        tx.commits.note_follower(now_ms)


async def keep_copies_going(turns: Turns) -> None:
    """Begin file copies that were waited for, and give up those of which nothing is heard."""
    while True:
        await trio.sleep(COPIES_LOOK_S)
        if turns.copies:
            turns.copies.tick()
