"""What a preview is made of: definitions that count, runs that are planned, and which jobnets could be started.

A preview is worked out by whoever asks, in its own process: the rooms it takes are pure, and a server that computes a
year of times does nothing else meanwhile. Here are the plain parts, read in small pieces.
"""

from collections.abc import Sequence
from typing import Any, TypedDict

from jaz_lite.forecast.definitions import subs_in
from jaz_lite.forecast.material import known_run_shown
from jaz_lite.forecast.upcoming import KnownRun
from jaz_lite.model.jobnet import Jobnet
from jaz_lite.model.plain import from_plain
from jaz_lite.operations.naming import stored
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Emit, Site
from jaz_lite.operations.times import AGO_SECONDS, AHEAD, read_ms, showable
from jaz_lite.store.definitions import Stored
from jaz_lite.store.run_rows import RunRow
from jaz_lite.store.runs import LIST_MAX
from jaz_lite.store.transaction import Nouns

PIECE = 50  # documents, or pairs of a schedule and a jobnet, looked up between two pauses


class Pair(TypedDict):
    """A schedule, and a jobnet that it starts."""

    schedule: str
    jobnet: str


async def definitions(
    site: Site,
    person: Person,
    *,
    emit: Emit,
    schedules: list[str],
    all_schedules: bool,
    since: str | None = None,
    until: str | None = None,
) -> dict[str, Any]:
    """Emit lists of `{"kind", "document", "enabled"}`: the enabled calendars and filters, and schedules.

    Args:
        schedules: these, as people name them (`ID`, `ID@VERSION`), enabled or not.
        all_schedules: all enabled ones.
        since, until: a period as people write it; `+7d` is so long from now, or for `until` from the beginning.

    Returns:
        `{"now_ms", "since_ms", "until_ms", "zone", "running": whether a server answers, "disabled": ids of schedules with
        no enabled version, where all are wanted}`; by default the next 24 hours.

    Raises:
        NoSuchObject: a schedule that is named does not exist. UsageError: a time is none.
    """
    now_ms = site.clock.now_ms()
    since_ms = now_ms if since is None else _bound(site, since, now_ms, now_ms)
    answer = {
        "now_ms": now_ms,
        "since_ms": since_ms,
        "until_ms": _bound(site, until or "+24h", since_ms, now_ms, end=True),
        "zone": str(site.zone),
        "running": site.control is not None,
        "disabled": await site.read(_disabled) if all_schedules else [],
    }
    kinds = ("calendar", "filter", "schedule") if all_schedules else ("calendar", "filter")
    docs = await site.read(
        lambda nouns: [doc for kind in kinds for doc in nouns.definitions.enabled_docs(kind).values()]
    )
    for first in range(0, len(docs), PIECE):
        piece = docs[first : first + PIECE]
        await emit([_shown(one) for one in await site.read(lambda nouns, piece=piece: _by_doc(nouns, piece))])  # type: ignore[misc]
        await site.breathe()
    for name in schedules:
        await emit([_shown(await site.read(lambda nouns, name=name: stored(nouns, "schedule", name)))])  # type: ignore[misc]
    return answer


def _disabled(nouns: Nouns) -> list[str]:
    return [row.object_id for row in nouns.definitions.rows("schedule") if not row.enabled]


def _bound(site: Site, text: str, from_ms: int, now_ms: int, *, end: bool = False) -> int:
    ahead = AHEAD.fullmatch(text.strip())
    if ahead:
        return showable(text, from_ms + int(ahead[1]) * AGO_SECONDS[ahead[2]] * 1000)
    return read_ms(text, zone=site.zone, now_ms=now_ms, end=end)


def _by_doc(nouns: Nouns, docs: Sequence[int]) -> list[Stored]:
    return [nouns.definitions.by_doc(doc) for doc in docs]


def _shown(one: Stored) -> dict[str, Any]:
    return {"kind": one.kind, "document": one.document, "enabled": one.enabled}


async def planned(
    site: Site, person: Person, *, emit: Emit, pairs: list[Pair], since_ms: int, until_ms: int
) -> dict[str, Any]:
    """Emit lists of runs: all planned ones that wait, and those that times of a period have, whatever became of them.

    Args:
        pairs: ids, of the times that are asked about.
        since_ms, until_ms: of their nominal times; both included.

    Returns:
        `{"count"}`.
    """
    count = 0
    page = await _waiting(site, None)
    while page:
        found = [_row_shown(row) for row in page if row.boot is not None]
        if found:
            await emit(found)
        count += len(found)
        await site.breathe()
        page = await _waiting(site, page[-1].run_id)
    for first in range(0, len(pairs), PIECE):
        piece = pairs[first : first + PIECE]
        rows = await site.read(lambda nouns, piece=piece: _of_times(nouns, piece, since_ms, until_ms))  # type: ignore[misc]
        if rows:
            await emit([_row_shown(row) for row in rows])
        count += len(rows)
        await site.breathe()
    return {"count": count}


async def _waiting(site: Site, before: int | None) -> Sequence[RunRow]:
    return await site.read(lambda nouns: nouns.runs.list(states=("waiting",), before=before, limit=LIST_MAX))


def _of_times(nouns: Nouns, pairs: Sequence[Pair], since_ms: int, until_ms: int) -> list[RunRow]:
    ids = [
        run_id
        for pair in pairs
        for run_id in nouns.scheduled_runs.run_ids(pair["schedule"], pair["jobnet"], since_ms, until_ms)
    ]
    rows = [nouns.runs.row(run_id) for run_id in ids]
    return [row for row in rows if row is not None and row.boot is not None and row.state != "waiting"]


def _row_shown(row: RunRow) -> dict[str, Any]:
    assert row.boot is not None, "a planned run has a boot"
    return known_run_shown(
        KnownRun(
            run_id=row.run_id,
            occ=row.occ,
            jobnet_id=row.jobnet_id,
            version=row.version,
            boot=row.boot,
            scheduled_ms=row.boot.nominal_ms if row.scheduled_ms is None else row.scheduled_ms,
            state=row.state,
            load_status=row.load_status,
            origin=row.origin,
            user=row.user,
            message=row.message,
            started_ms=row.started_ms,
            ended_ms=row.ended_ms,
        )
    )


async def jobnets(site: Site, person: Person, *, ids: list[str]) -> dict[str, Any]:
    """Return `{"jobnets": {id: {"doc_id", "version", "subs"} or None}}` of jobnets and of all that are inside them.

    None: no version is enabled.
    """
    found: dict[str, dict[str, Any] | None] = {}
    todo = list(dict.fromkeys(ids))
    for number, jobnet_id in enumerate(todo):  # grows while it is walked
        if number % PIECE == 0:
            await site.breathe()
        outline = await site.read(lambda nouns, jobnet_id=jobnet_id: _outline(nouns, jobnet_id))  # type: ignore[misc]
        found[jobnet_id] = outline
        for sub in () if outline is None else outline["subs"]:
            if sub not in found:
                found[sub] = None
                todo.append(sub)
    return {"jobnets": found}


def _outline(nouns: Nouns, jobnet_id: str) -> dict[str, Any] | None:
    one = nouns.definitions.enabled("jobnet", jobnet_id)
    if one is None:
        return None
    jobnet = from_plain("jobnet", one.document)
    assert isinstance(jobnet, Jobnet), "documents of the kind jobnet are jobnets"
    return {"doc_id": one.doc_id, "version": one.version, "subs": list(subs_in(jobnet))}
