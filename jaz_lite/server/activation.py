"""Taking over with a copy of the data directory: `jaz-lite activate` (protocol.md 8.3).

The directory is locked and looked through, everybody who may know of another active server is asked, and only if
nobody speaks for its life the copy begins a new epoch: in one transaction with the uncertainty window, whose span is
what the copy may not know of. Then it is bound to this machine and runs as the server, which announces itself.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import trio

from jaz_lite import config as configuration
from jaz_lite.clock import SystemClock
from jaz_lite.config import Config
from jaz_lite.errors import AlreadyRunning, NoSuchObject, Refused
from jaz_lite.failover.judgement import Again, Ask, Go, Refuse, judge, names
from jaz_lite.log import configure
from jaz_lite.runner.forged import note_forged
from jaz_lite.server.descriptors import allow_many_descriptors
from jaz_lite.server.embedded import SPOOL_FOLDER, is_embedded, set_aside
from jaz_lite.server.garbage import keep_what_is_loaded
from jaz_lite.server.house import Ready
from jaz_lite.server.inquiry import Answers, inquire
from jaz_lite.server.letting_go import let_go, state_of
from jaz_lite.server.start import refuse_fenced, serve
from jaz_lite.store.binding import Binding, this_machine
from jaz_lite.store.directory import DataDirectory
from jaz_lite.store.fencing import clear_fenced, read_fenced
from jaz_lite.store.folder_lock import is_in_use
from jaz_lite.store.open import Store
from jaz_lite.store.stopped import in_present_format
from jaz_lite.store.transaction import Transaction
from jaz_lite.store.verifying import verify

MARGIN_MS = 60_000  # before the last tick: what was committed then may still have been on its way
ASK_AGAIN_MAX = 10
FOLLOWED_ON = "meanwhile the standby has followed a server of epoch {epoch}: everybody is asked once more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a person says with the command.

    force: although another server seems to live. after_fence: although this one was replaced. confirm: asked where
    nobody could tell whether another server lives; says whether to go on.
    """

    force: bool = False
    after_fence: bool = False
    confirm: Callable[[str], bool]


def run_activated(
    folder: Path,
    wishes: Wishes,
    *,
    config: Config | None = None,
    tell: Callable[[str], None],
    ready: Callable[[Ready], None] | None = None,
    stay: bool = True,
    verbosity: int = 0,
) -> None:
    """Take over with the copy in `folder`, and run as the server.

    Args:
        tell: is given sentences for people while it goes on.
        stay: False: only take over; an ordinary start does the rest.

    Raises:
        AlreadyRunning: another server is, or seems to be, active. Fenced: this directory was replaced.
        StoreDamaged: the copy is damaged. NoSuchObject: it is no data directory. Refused: it was not confirmed.
    """
    configure(verbosity)
    allow_many_descriptors()
    keep_what_is_loaded()  # a thousand agents are asked before there is a server that would do it
    clock = SystemClock()
    try:
        directory = DataDirectory(folder)
    except NoSuchObject as error:
        raise NoSuchObject(
            error.message, hint="name the copy to take over with: jaz-lite activate --data DIR"
        ) from error
    settings = config or configuration.read(folder)
    go: Go | None = None
    running = state_of(folder)
    if running == "active":
        raise AlreadyRunning(f"the server of {folder} runs, and is the active one already", hint="see: jaz-lite status")
    if running == "standby":
        # It goes on keeping its copy current until it is clear that this copy is to take over.
        if not wishes.after_fence:
            refuse_fenced(directory, settings)
        _refuse_beside_original(directory.binding, directory.folder, wishes)
        go = _judged_beside_standby(directory, settings, clock, wishes, tell)
        let_go(folder)
    with directory.lock():
        if not wishes.after_fence:
            refuse_fenced(directory, settings)
        _refuse_beside_original(directory.binding, directory.folder, wishes)
        found = verify(directory.folder)
        if go is not None and go.epoch <= found.epoch:
            tell(FOLLOWED_ON.format(epoch=found.epoch))
            tell("it has ended; if the takeover is refused now, start it again: jaz-lite standby run")
            go = None
        if go is None:
            # Before it is opened for writing: a takeover that is refused leaves the copy as it was.
            with in_present_format(directory.folder, clock=clock) as store:
                go = _judged(directory, store, _as_before(store, settings), wishes, tell)
        directory.keep_reserve()
        store = directory.open_store(clock=clock)
        try:
            settings = _as_before(store, settings)
            for notice in go.notices:
                tell(notice)
            epoch = go.epoch

            forged = go.forged

            def claim(tx: Transaction, act: bytes) -> int:
                for agent_id, claimed in forged:
                    note_forged(tx, clock.now_ms(), agent_id, claimed)
                return take_over(tx, epoch, act, clock.now_ms())

            serve(
                directory,
                store,
                settings,
                clock,
                claim=claim,
                claimed=_binder(directory, epoch),
                stay=stay,
                ready=ready,
                tell=tell,
                verbosity=verbosity,
            )
        finally:
            store.close()


def run_taken_over(
    folder: Path,
    epoch: int,
    *,
    whole: bool,
    config: Config,
    ready: Callable[[Ready], None] | None = None,
    tell: Callable[[str], None] | None = None,
    verbosity: int = 0,
) -> None:
    """Run as the server with the copy of a standby that was handed the site, or was elected.

    Args:
        epoch: what it begins.
        whole: the active handed over, and nothing it did is missing: there is no window.

    Raises:
        AlreadyRunning: a process uses the folder. StoreDamaged: the copy cannot be used. Fenced: as of `run_up`.
    """
    clock = SystemClock()
    directory = DataDirectory(folder)

    def claim(tx: Transaction, act: bytes) -> int:
        return tx.term.activate(epoch, act) if whole else take_over(tx, epoch, act, clock.now_ms())

    with directory.lock():
        directory.keep_reserve()
        store = directory.open_store(clock=clock)
        try:
            serve(
                directory,
                store,
                _as_before(store, config),
                clock,
                claim=claim,
                claimed=_binder(directory, epoch),
                ready=ready,
                tell=tell,
                verbosity=verbosity,
            )
        finally:
            store.close()


def _binder(directory: DataDirectory, epoch: int) -> Callable[[int], None]:
    """Return what makes a directory this machine's own, once the new term is durable."""
    is_copy = not directory.is_bound_here

    def claimed(term: int) -> None:
        if is_copy:
            set_aside(directory.folder / SPOOL_FOLDER, epoch)
        directory.rebind(term)
        clear_fenced(directory.folder)

    return claimed


@contextmanager
def _looked_at(folder: Path, clock: SystemClock) -> Iterator[Store]:
    """Give the store of a copy that somebody else keeps current."""
    store = Store.open(folder, clock=clock, read_only=True)
    try:
        yield store
    finally:
        store.close()


def take_over(tx: Transaction, epoch: int, act: bytes, now_ms: int) -> int:
    """Begin an epoch, and open the window of what an earlier active may have done; return the new term."""
    site = tx.term.site()
    last_ms = now_ms if site.last_tick_ms is None else site.last_tick_ms
    term = tx.term.activate(epoch, act)
    tx.window.open(last_ms - MARGIN_MS, now_ms, epoch, "activated")
    return term


def _as_before(store: Store, config: Config) -> Config:
    """Return the settings; where the site never had an embedded agent (`jaz-lite server`), it gets none now."""
    with store.snapshot() as view:
        has_one = any(is_embedded(row.agent_id) for row in view.agents.list())
    return config if has_one else config.over("the site", {"server.embedded_agent": False})


def _refuse_beside_original(binding: Binding, folder: Path, wishes: Wishes) -> None:
    """Refuse to take over from a server that runs on this very machine: its lock says that it lives."""
    original = Path(binding.path)
    if wishes.force or binding.machine != this_machine() or original == folder.resolve():
        return
    if is_in_use(original):
        raise AlreadyRunning(
            f"the server of {original}, of which this is a copy, is running",
            hint="stop it first, or move over without a gap: jaz-lite switchover; --force takes over all the same",
        )


def _judged_beside_standby(
    directory: DataDirectory, config: Config, clock: SystemClock, wishes: Wishes, tell: Callable[[str], None]
) -> Go:
    """Judge while a standby goes on keeping the copy current; again where it has followed a newer server meanwhile."""
    while True:
        with _looked_at(directory.folder, clock) as store:
            go = _judged(directory, store, _as_before(store, config), wishes, tell)
        with _looked_at(directory.folder, clock) as store, store.snapshot() as view:
            epoch = view.term.site().epoch
        if epoch < go.epoch:
            return go
        tell(FOLLOWED_ON.format(epoch=epoch))


def _judged(directory: DataDirectory, store: Store, config: Config, wishes: Wishes, tell: Callable[[str], None]) -> Go:
    """Ask everybody, and judge.

    Raises:
        AlreadyRunning: another server seems to be active. Refused: nobody could tell, and it was not confirmed.
    """
    with store.snapshot() as view:
        own_term = view.term.site().term
    fenced = read_fenced(directory.folder)
    known = max(own_term, fenced.term if fenced else 0)
    sure = False
    for _ in range(ASK_AGAIN_MAX):
        answers = trio.run(partial(inquire, store, config))
        match judge(known, answers.agents, answers.servers, force=wishes.force, sure=sure):
            case Go() as go:
                _tell_answers(answers, go, tell)
                if not sure:  # else that was told before the question
                    _tell_silent(answers, tell)
                return go
            case Refuse(reasons):
                raise AlreadyRunning(
                    f"another server of this site seems active: {names(reasons)}",
                    hint="stop it first; --force takes over all the same, and it will stop when an agent tells it",
                )
            case Again(after_s):
                trio.run(trio.sleep, after_s)
            case Ask(question):
                _tell_silent(answers, tell)
                if not wishes.confirm(question):
                    raise Refused(f"not taken over: {question}", hint="--yes takes over if you know that it is gone")
                sure = True
    raise AlreadyRunning(
        "agents keep losing and finding the active server of this site",
        hint="look at that server; --force takes over all the same",
    )


def _tell_answers(answers: Answers, go: Go, tell: Callable[[str], None]) -> None:
    asked = len(answers.agents) + len(answers.servers) + len(answers.silent)
    if answers.agents or answers.servers:
        found = f"taken over all the same: {names(go.overruled)}" if go.overruled else "no other server is active"
        tell(f"{len(answers.agents) + len(answers.servers)} of {asked} answered: {found}")


def _tell_silent(answers: Answers, tell: Callable[[str], None]) -> None:
    if answers.silent:
        tell(f"not reached: {names([f'{who} ({why})' for who, why in answers.silent.items()])}")
