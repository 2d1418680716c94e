"""The journal of the site: what happened in all runs and beside them, as sentences, and as it comes."""

from collections.abc import Collection
from typing import Any

from jaz_lite.errors import UsageError
from jaz_lite.model.fact import Severity
from jaz_lite.operations.fact_text import SENTENCES, text_of
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Emit, Site, control_of
from jaz_lite.operations.times import read_ms, shown
from jaz_lite.store.journal import SEVERITIES, JournalLine, Page
from jaz_lite.store.transaction import Nouns

LINES_SHOWN_MAX = 10_000
PIECE = 500
CHARS_SHOWN = 60


async def listed(
    site: Site,
    person: Person,
    *,
    since: str | None = None,
    until: str | None = None,
    severity: str = "info",
    kinds: list[str] | None = None,
    limit: int = 100,
) -> dict[str, Any]:
    """Return `{"lines": [...], "more"}`: the newest lines, oldest first; `more`: there are older ones.

    Args:
        severity: this one and graver ones. kinds: only these; none: all.
    """
    least = _severity(severity)
    if not 1 <= limit <= LINES_SHOWN_MAX:
        raise UsageError(f"the journal shows 1 to {LINES_SHOWN_MAX} lines, not {limit}")
    now_ms = site.clock.now_ms()
    since_ms = None if since is None else read_ms(since, zone=site.zone, now_ms=now_ms)
    until_ms = None if until is None else read_ms(until, zone=site.zone, now_ms=now_ms, end=True)
    await site.read(lambda view: _check_kinds(view, kinds or []))
    before: int | None = None
    jobnets: dict[int, str] = {}
    lines: list[dict[str, Any]] = []

    def some(nouns: Nouns) -> Page:
        page = nouns.journal.page(
            kinds=kinds or [], severity=least, since_ms=since_ms, until_ms=until_ms, before=before, limit=PIECE
        )
        lines.extend(_shown(nouns, line, site, jobnets) for line in page.lines)
        return page

    while True:
        page = await site.read(some)
        before = page.before
        if before is None or len(lines) > limit:
            break
        await site.breathe()  # others have their turn between two pieces
    return {"lines": lines[limit - 1 :: -1] if len(lines) > limit else lines[::-1], "more": len(lines) > limit}


async def follow(
    site: Site,
    person: Person,
    *,
    emit: Emit,
    severity: str = "info",
    kinds: list[str] | None = None,
    limit: int = 20,
) -> None:
    """Emit the newest lines, then each new one when it is committed, without end.

    Args:
        limit: of lines that are there already; 0: only new ones.
    """
    control = control_of(site)
    least = SEVERITIES.index(_severity(severity))
    after = await site.read(lambda view: view.journal.newest())
    if limit:
        told = await listed(site, person, severity=severity, kinds=kinds, limit=limit)
        for line in told["lines"]:
            if line["id"] <= after:
                await emit(line)
    else:
        await site.read(lambda view: _check_kinds(view, kinds or []))
    seen = -1
    jobnets: dict[int, str] = {}

    def fresh(nouns: Nouns) -> tuple[list[JournalLine], list[dict[str, Any]]]:
        lines = nouns.journal.since(after, limit=PIECE)
        wanted = [
            line for line in lines if SEVERITIES.index(line.severity) >= least and (not kinds or line.kind in kinds)
        ]
        return lines, [_shown(nouns, line, site, jobnets) for line in wanted]

    while True:
        seen = await control.journal_grows(seen)
        while True:
            lines, wanted = await site.read(fresh)
            for line in wanted:
                await emit(line)
            if not lines:
                break
            after = lines[-1].id
            await site.breathe()


def _severity(severity: str) -> Severity:
    for known in SEVERITIES:
        if severity == known:
            return known
    raise UsageError(f'"{severity[:CHARS_SHOWN]}" is no severity', hint="the severities are " + ", ".join(SEVERITIES))


def _check_kinds(nouns: Nouns, kinds: Collection[str]) -> None:
    for kind in kinds:
        if kind not in SENTENCES and not nouns.journal.has_kind(kind):
            raise UsageError(
                f'no line of the journal has the kind "{kind[:CHARS_SHOWN]}"',
                hint="`jaz-lite journal --json` shows kinds",
            )


def _shown(nouns: Nouns, line: JournalLine, site: Site, jobnets: dict[int, str]) -> dict[str, Any]:
    jobnet_id = None
    if line.run_id is not None:
        if line.run_id not in jobnets:
            row = nouns.runs.row(line.run_id)
            jobnets[line.run_id] = "" if row is None else row.jobnet_id
        jobnet_id = jobnets[line.run_id]
    return {
        "id": line.id,
        "at": shown(line.at_ms, site.zone),
        "run_id": None if line.run_id is None else str(line.run_id),
        "jobnet_id": jobnet_id,
        "path": line.path,
        "kind": line.kind,
        "severity": line.severity,
        "jaz_code": line.jaz_code,
        "text": text_of(line.kind, line.data),
        "data": dict(line.data),
    }
