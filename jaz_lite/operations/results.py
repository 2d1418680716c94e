"""The result search: what happened to jobnets and icons, from the journal, newest first.

Source: JAZ result screen and jobarg_joblogput; regular expressions search anywhere in the name.
"""

from collections.abc import Callable
from typing import Any

import re2

from jaz_lite.errors import UsageError
from jaz_lite.operations.fact_text import text_of
from jaz_lite.operations.naming import states_named
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Site
from jaz_lite.operations.times import read_ms, shown
from jaz_lite.store.journal import JournalLine, Page
from jaz_lite.store.run_rows import RunRow
from jaz_lite.store.transaction import Nouns

RESULTS_MAX = 10_000
PAGE = 1_000
LINES_SEARCHED_MAX = 200_000
PATTERN_CHARS_MAX = 500


async def found(
    site: Site,
    person: Person,
    *,
    since: str | None = None,
    until: str | None = None,
    jobnet: str | None = None,
    icon: str | None = None,
    user: str | None = None,
    states: list[str] | None = None,
    limit: int = 1_000,
) -> dict[str, Any]:
    """Return `{"results": [...], "more"}`.

    Args:
        since, until: of the journal line. jobnet, icon, user: regular expressions on the run's jobnet id, the path of the
            icon (this leaves out lines about the whole run) and who started the run.
        states: of the run as it is now.
    """
    if not 1 <= limit <= RESULTS_MAX:
        raise UsageError(f"a search shows 1 to {RESULTS_MAX} results, not {limit}")
    now_ms = site.clock.now_ms()
    since_ms = None if since is None else read_ms(since, zone=site.zone, now_ms=now_ms)
    until_ms = None if until is None else read_ms(until, zone=site.zone, now_ms=now_ms, end=True)
    wanted = states_named(states or [])
    of_jobnet, of_icon, of_user = (matcher(pattern) for pattern in (jobnet, icon, user))

    def fits(line: JournalLine, row: RunRow) -> bool:
        return (
            of_jobnet(row.jobnet_id)
            and (icon is None or bool(line.path))
            and of_icon(line.path)
            and of_user(row.user)
            and (not wanted or row.state in wanted)
        )

    rows: dict[int, RunRow | None] = {}

    def some(nouns: Nouns) -> Page:
        page = nouns.journal.page(since_ms=since_ms, until_ms=until_ms, before=before, limit=PAGE)
        for line in page.lines:
            if line.run_id is not None and line.run_id not in rows:
                rows[line.run_id] = nouns.runs.row(line.run_id)
        return page

    lines: list[dict[str, Any]] = []
    before: int | None = None
    searched = 0
    while searched < LINES_SEARCHED_MAX:
        page = await site.read(some)
        for line in page.lines:
            row = None if line.run_id is None else rows[line.run_id]
            if row is None or not fits(line, row):
                continue
            if len(lines) == limit:
                return {"results": lines, "more": True}
            lines.append(_shown(line, row, site))
        if page.before is None:
            return {"results": lines, "more": False}
        before = page.before
        searched += max(PAGE, len(page.lines))
        await site.breathe()  # others have their turn between two pages
    return {"results": lines, "more": True}


def matcher(pattern: str | None) -> Callable[[str], bool]:
    """Return what tells whether a text matches; no pattern matches all.

    Raises:
        UsageError: it is no regular expression.
    """
    if pattern is None:
        return lambda _: True
    if len(pattern) > PATTERN_CHARS_MAX:
        raise UsageError(f"a regular expression has at most {PATTERN_CHARS_MAX} characters")
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options=options)
    except re2.error as error:
        raise UsageError(f'"{pattern}" is no regular expression: {_words(error)}') from error
    return lambda text: compiled.search(text) is not None


def _words(error: Exception) -> str:
    told = error.args[0] if error.args else ""
    return told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)


def _shown(line: JournalLine, row: RunRow, site: Site) -> dict[str, Any]:
    return {
        "at": shown(line.at_ms, site.zone),
        "run_id": str(row.run_id),
        "jobnet_id": row.jobnet_id,
        "version": row.version,
        "path": line.path,
        "kind": line.kind,
        "severity": line.severity,
        "jaz_code": line.jaz_code,
        "text": text_of(line.kind, line.data),
        "exit_code": line.data.get("return_code"),
        "user": row.user,
        "run_state": row.state,
    }
