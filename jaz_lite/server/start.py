"""The start of a server: the directory is locked and its binding checked, peers are asked, then the house is opened.

A server that was replaced learns so here, before it does anything: from the mark in its directory, from the other
servers of its site, or from its agents.
"""

import socket
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import trio

from jaz_lite import config as configuration
from jaz_lite.clock import SystemClock
from jaz_lite.config import Config
from jaz_lite.errors import AlreadyRunning, JazLiteError
from jaz_lite.failover.judgement import AgentSaid, ServerSaid, forged_by, is_set_back, replaced_by, rival
from jaz_lite.failover.replaced import replaced
from jaz_lite.log import configure
from jaz_lite.runner.forged import note_forged
from jaz_lite.runner.window import MARGIN_MS
from jaz_lite.server.descriptors import allow_many_descriptors
from jaz_lite.server.fence import mark_fenced
from jaz_lite.server.house import Claim, House, Ready, claim_next
from jaz_lite.server.inquiry import inquire
from jaz_lite.server.leaves import first_of
from jaz_lite.store.directory import DataDirectory
from jaz_lite.store.fencing import refuse_replaced
from jaz_lite.store.open import Store
from jaz_lite.store.transaction import Transaction

ASKED_AGENTS_MAX = 16  # at a start: those seen last
ASKED_FOR_S = 2.0


def run_up(
    folder: Path, *, config: Config | None = None, ready: Callable[[Ready], None] | None = None, verbosity: int = 0
) -> None:
    """Run engine and embedded agent on a data directory until SIGTERM, SIGINT or `jaz-lite stop`.

    Args:
        config: what the command line changes is already in it; None: as the directory says.
        ready: called once, when people and agents can come in.

    Raises:
        AlreadyRunning, NotBoundHere, StoreDamaged, UsageError: it cannot start. Fenced: another server took over.
    """
    configure(verbosity)
    allow_many_descriptors()
    clock = SystemClock()
    created = not DataDirectory.exists(folder)
    if created:
        DataDirectory.prepare(folder, server_id=socket.gethostname()[:64] or "jaz-lite", clock=clock)
    directory = DataDirectory(folder)
    directory.bind_check()
    with directory.lock():
        settings = config or configuration.read(folder)
        refuse_fenced(directory, settings)
        directory.keep_reserve()
        store = directory.open_store(clock=clock)
        try:
            claim = _asked_around(directory, store, settings, clock)
            serve(directory, store, settings, clock, claim=claim, created=created, ready=ready, verbosity=verbosity)
        finally:
            store.close()


def serve(
    directory: DataDirectory,
    store: Store,
    config: Config,
    clock: SystemClock,
    *,
    claim: Claim = claim_next,
    claimed: Callable[[int], None] = lambda _term: None,
    stay: bool = True,
    created: bool = False,
    ready: Callable[[Ready], None] | None = None,
    tell: Callable[[str], None] | None = None,
    verbosity: int = 0,
) -> None:
    """Open the house and live in it to the end.

    Args:
        claim: how this process comes to its term. claimed: called with it, once it is durable.
        stay: False: that was all. tell: is told how it gets around to the agents.

    Raises:
        JazLiteError: why it ended, where nobody asked for it.
    """
    try:
        house = House(directory, store, config, clock, claim=claim, verbosity=verbosity)
        claimed(house.term)
        if stay:
            trio.run(house.live, created, ready, tell)
    except BaseExceptionGroup as group:
        # Several tasks may have failed together; the administrator is told the first thing that can be acted on.
        found = first_of(group, JazLiteError)
        if found is None:
            raise
        raise found from group
    if house.failure is not None:
        raise house.failure


def claim_set_back(tx: Transaction, act: bytes, *, now_ms: int) -> int:
    """Come to a term as a start does, with a directory that lost what it had done: open the window of that (8.4).

    Agents show it at their next contact, too. But the first that comes may be one that knows nothing, and would be
    given what another one has.
    """
    term = claim_next(tx, act)
    site = tx.term.site()
    alive_ms = now_ms if site.tick_before_ms is None else site.tick_before_ms
    tx.window.open(alive_ms - MARGIN_MS, now_ms, site.epoch, "set_back")
    return term


def _claim_noting(chosen: Claim, forged: Sequence[tuple[str, int]], now_ms: int, tx: Transaction, act: bytes) -> int:
    """Come to a term, and note who claimed a newer server without proof when everybody was asked."""
    for agent_id, term in forged:
        note_forged(tx, now_ms, agent_id, term)
    return chosen(tx, act)


# ---- replaced


def refuse_fenced(directory: DataDirectory, config: Config) -> None:
    """Refuse a directory whose server was replaced.

    Raises:
        Fenced: with the sentence that was said when it became known.
    """
    refuse_replaced(directory.folder, directory.binding.term, configuration.zone(config["site.zone"]))


def _asked_around(directory: DataDirectory, store: Store, config: Config, clock: SystemClock) -> Claim:
    """Ask the other servers and some agents whether another server took over; leave the mark where one did.

    Returns:
        How this server comes to its term.

    Raises:
        Fenced: one did. AlreadyRunning: a server runs on another copy of this directory.
    """
    answers = trio.run(partial(inquire, store, config, agents_max=ASKED_AGENTS_MAX, timeout_s=ASKED_FOR_S))
    with store.snapshot() as view:
        site = view.term.site()
    own = site.term, site.act or b""
    told = replaced_by(*own, answers.agents, answers.servers)
    if told is None and (other := rival(*own, answers.agents, answers.servers)) is not None:
        raise AlreadyRunning(
            f"{_life_of(other)}: a copy of {directory.folder} runs, which was started after this one",
            hint="stop that one, or make this one its standby: jaz-lite standby run; or take over deliberately:"
            " jaz-lite activate",
        )
    if told is None:
        now_ms = clock.now_ms()
        unseen_s = None if site.last_tick_ms is None else (now_ms - site.last_tick_ms) / 1000
        set_back = is_set_back(*own, answers.agents, unseen_s)
        chosen = partial(claim_set_back, now_ms=now_ms) if set_back else claim_next
        return partial(_claim_noting, chosen, forged_by(answers.agents), now_ms)
    now_ms = clock.now_ms()
    error = replaced(
        site.term,
        own_act=site.act or b"",
        term=told.term,
        act=told.act,
        addrs=told.addrs,
        seen_from=_named(told),
        at_ms=now_ms,
        zone=configuration.zone(config["site.zone"]),
    )
    mark_fenced(directory.folder, error, now_ms)
    raise error


def _named(said: AgentSaid | ServerSaid) -> str:
    return f"agent {said.agent_id}" if isinstance(said, AgentSaid) else f"the server at {said.address}"


def _life_of(said: AgentSaid | ServerSaid) -> str:
    if isinstance(said, ServerSaid):
        return f"{_named(said)} is active"
    where = f" at {', '.join(said.addrs)}" if said.addrs else ""
    return f"{_named(said)} is connected to a server{where}"
