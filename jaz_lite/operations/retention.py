"""Retention at once: what is old is removed now, and told; and what would be."""

from dataclasses import asdict
from typing import Any

from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Emit, Site
from jaz_lite.operations.times import in_words, shown
from jaz_lite.store.retention import Keep, Purged, Sweep
from jaz_lite.store.transaction import Nouns, Transaction


async def purge(
    site: Site, person: Person, *, emit: Emit, dry_run: bool = False, trust_clock: bool = False
) -> dict[str, Any]:
    """Remove what is old, in small batches; emit what went so far after each.

    Args:
        dry_run: only count what would go.
        trust_clock: also where the clock jumped ahead of late, and retention waits for a day to see it set back.

    Returns:
        `{"dry_run", "gone": {"output", "runs", "results", "journal", "definitions"}, "waits_until", "next": {...}}`.
        `next` says when output, runs, results and definitions have something to lose at the earliest, or None.
    """
    doubted = await site.read(lambda view: view.clock_doubt.until_ms())
    until_ms = None if trust_clock else doubted
    if dry_run:
        gone = await _count(site, emit)
    elif site.control is not None:
        gone, until_ms = await site.control.purge(lambda so_far: emit(_shown(so_far)), trust_clock=trust_clock)
    else:
        until_ms = await site.write(lambda tx: _doubted(tx, site.clock.now_ms(), trust_clock))
        gone = await _purge_here(site, emit) if until_ms is None else Purged()
    due = await site.read(lambda view: view.retention.next_due_ms())
    return {
        "dry_run": dry_run,
        "gone": _shown(gone),
        "waits_until": shown(until_ms, site.zone),
        "next": {kind: shown(at_ms, site.zone) for kind, at_ms in due.items()},
    }


def _doubted(tx: Transaction, now_ms: int, trust_clock: bool) -> int | None:
    """Return until when the clock is doubted where no server runs; None: it is believed."""
    doubt = tx.clock_doubt
    doubt.look_without_server(now_ms, tx.term.site().last_tick_ms)
    if trust_clock:
        doubt.believe()
    until_ms = doubt.until_ms()
    if until_ms is None:
        doubt.saw(now_ms)
    return until_ms


async def _purge_here(site: Site, emit: Emit) -> Purged:
    """Without a server nobody has to be let past."""
    sweep = await site.read(lambda view: Sweep(Keep.at(view.settings, site.clock.now_ms())))
    gone = Purged()
    while not sweep.over:
        batch = await site.write(lambda tx: tx.retention.batch(sweep))
        gone += batch
        if batch.anything:
            await emit(_shown(gone))
    return gone


async def _count(site: Site, emit: Emit) -> Purged:
    sweep = await site.read(lambda view: Sweep(Keep.at(view.settings, site.clock.now_ms())))
    found = Purged()
    while not sweep.over:
        found += await site.read(lambda view: view.retention.count(sweep))
        await site.breathe()
    return found


def _shown(gone: Purged) -> dict[str, int]:
    return {name: count for name, count in asdict(gone).items() if name not in ("weight", "cut")}


def notices(nouns: Nouns, site: Site) -> list[str]:
    """Return that retention waits, where it does."""
    until_ms = nouns.clock_doubt.until_ms()
    if until_ms is None:
        return []
    sentence = (
        f"the clock jumped ahead: nothing old is removed before {in_words(until_ms, site.zone)}, unless the clock is set"
        " back (`jaz-lite purge --trust-clock` if it is right)"
    )
    return [sentence]
