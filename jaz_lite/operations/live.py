"""A run as it goes: its news as they come, waiting for its end, its log, the output of its jobs."""

from collections.abc import Mapping
from contextlib import aclosing
from typing import Any, cast

from jaz_lite.errors import NoSuchObject, UsageError
from jaz_lite.model.run import RUN_OVER, Run
from jaz_lite.operations import kept_work
from jaz_lite.operations.copy_text import copy_text
from jaz_lite.operations.fact_text import text_of
from jaz_lite.operations.naming import no_run, node_at
from jaz_lite.operations.person import Person
from jaz_lite.operations.runs import find, find_id, shape_of
from jaz_lite.operations.site import Emit, Site, control_of
from jaz_lite.operations.times import shown
from jaz_lite.store.transaction import Nouns

LOG_LINES_MAX = 10_000
OUTPUT_PIECE_BYTES = 64 * 1024
BULKY = ("std_out", "std_err")
DONE = ("ended", "run_error", "end_error")


async def follow(
    site: Site,
    person: Person,
    *,
    emit: Emit,
    run: str,
    path: str | None = None,
    until: str = "over",
    quiet: bool = False,
) -> dict[str, Any]:
    """Emit what there is of a run, then its news as they come; return the run as `run show` does.

    Args:
        path: only this icon (and those inside it, if it is a sub-jobnet).
        until: "over", or "settled": also when it waits in error and nothing goes on.
        quiet: emit only icons whose fate is in doubt.
    """
    if until not in ("over", "settled"):
        raise UsageError(f'one can follow a run until "over" or "settled", not "{until[:100]}"')
    control = control_of(site)
    run_id = await find_id(site, run)
    inside = None
    if path is not None:
        found = control.read_run(run_id)
        inside = found.plan.path(node_at(found, path))
    async with aclosing(cast("Any", control.follow(run_id, quiet=quiet))) as news:
        async for item in news:
            if item["kind"] == "icon" and item["state"] not in DONE:
                # Until it is done, an icon shows what it was handed; its own output comes piece by piece.
                item = {name: value for name, value in item.items() if name not in BULKY}  # noqa: PLW2901
            if item["kind"] == "copy":
                item = {**item, "text": copy_text(item)}  # noqa: PLW2901
            wanted = not quiet or (item["kind"] == "icon" and item.get("doubt"))
            if wanted and _is_inside(item, inside):
                await emit(item)
            if item["kind"] in ("run", "gap") and _is_over(control.find_run(run_id), until):
                break
    return await shape_of(site, run_id)


def _is_inside(item: Mapping[str, Any], path: str | None) -> bool:
    if path is None:
        return True
    place = str(item.get("path", ""))
    return place == path or place.startswith(path + "/")


def _is_over(run: Run | None, until: str) -> bool:
    if run is None:
        return True
    return run.state in RUN_OVER or bool(run.faulted) or (until == "settled" and waits_in_error(run))


def waits_in_error(run: Run) -> bool:
    """Tell whether a run is in error and nothing of it goes on by itself."""
    if run.state != "run_error":
        return False
    for node, icon in zip(run.plan.nodes, run.icons, strict=True):
        if node.child is not None or icon.doubt is not None:
            continue
        if icon.state in ("running", "stopping") or (icon.state == "ready" and icon.method != "hold"):
            return False
    return True


async def wait(site: Site, person: Person, *, emit: Emit, run: str) -> dict[str, Any]:
    """Return the run when it is over or waits in error; emit icons in doubt meanwhile."""
    return await follow(site, person, emit=emit, run=run, until="settled", quiet=True)


async def log(
    site: Site, person: Person, *, run: str, path: str | None = None, after: int = 0, limit: int = 1_000
) -> dict[str, Any]:
    """Return `{"run_id", "lines": [...], "more"}`: the journal of a run, or of an icon of it, oldest first.

    Args:
        after: the id of the line after which to begin.
    """
    if not 1 <= limit <= LOG_LINES_MAX:
        raise UsageError(f"a log shows 1 to {LOG_LINES_MAX} lines, not {limit}")
    run_id = await find_id(site, run)

    def work(nouns: Nouns) -> dict[str, Any]:
        if nouns.runs.row(run_id) is None:
            raise no_run(run_id)
        rows = nouns.journal.of_run(run_id, after=after, limit=limit + 1)
        lines = [
            {
                "id": row.id,
                "at": shown(row.at_ms, site.zone),
                "path": row.path,
                "kind": row.kind,
                "severity": row.severity,
                "jaz_code": row.jaz_code,
                "text": text_of(row.kind, row.data),
                "data": dict(row.data),
            }
            for row in rows[:limit]
            if path is None or _is_inside({"path": row.path}, "/" + path.strip("/"))
        ]
        return {"run_id": str(run_id), "lines": lines, "more": len(rows) > limit}

    return await site.read(work)


async def output(
    site: Site, person: Person, *, emit: Emit, run: str, path: str, stream: int | None = None
) -> dict[str, Any]:
    """Emit `{"stream": 1 | 2, "data": bytes, "encoding"}` pieces of the output of an icon's newest attempt.

    Returns:
        `{"run_id", "path", "attempt", "state", "encoding", "out_bytes", "err_bytes"}`.

    Raises:
        NoSuchObject: there is no such run or icon, or nothing was executed for it.
    """
    if stream not in (None, 1, 2):
        raise UsageError(f"output stream 1 is standard output, 2 standard error; there is no {stream}")
    found = await find(site, run)
    attempts = await site.read(lambda view: view.attempts.of_run(found.run_id))
    kept = kept_work.at_path([attempt for attempt in attempts if attempt.node < 0], path)
    node = None if kept is not None and found.plan.find(path) is None else node_at(found, path)
    mine = [attempt for attempt in attempts if attempt.node == node] if node is not None or kept is None else [kept]
    if not mine:
        raise NoSuchObject(f'icon "{path}" of run {found.run_id} has executed nothing', hint="`jaz-lite run log` tells")
    newest = max(mine, key=lambda attempt: (attempt.visit, attempt.attempt))
    encoding = await site.read(lambda view: view.hosts.encoding_of(newest))
    sizes = {1: 0, 2: 0}
    for number in (1, 2) if stream is None else (stream,):
        while True:
            offset = sizes[number]
            data = await site.read(
                lambda view, number=number, offset=offset: view.output.read(  # type: ignore[misc]
                    newest.k, number, offset, OUTPUT_PIECE_BYTES
                )
            )
            if not data:
                break
            await emit({"stream": number, "data": data, "encoding": encoding})
            sizes[number] += len(data)
    return {
        "run_id": str(found.run_id),
        "path": path,
        "attempt": newest.attempt,
        "state": newest.state,
        "encoding": encoding,
        "out_bytes": sizes[1],
        "err_bytes": sizes[2],
    }
