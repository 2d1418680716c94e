"""What a simulation is made of: documents, live runs, machines, and what the past says of durations.

Like a preview it is worked out by whoever asks. What may be much is read piece by piece, with a pause after each, so
that the turns of a server go on.
"""

from typing import Any

from jaz_lite.errors import NoSuchObject, UsageError
from jaz_lite.forecast.material import icons_shown, live_shown
from jaz_lite.model.jobnet import Jobnet
from jaz_lite.model.plain import from_plain, to_plain
from jaz_lite.model.run import Run
from jaz_lite.operations import secrets
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Emit, Site
from jaz_lite.store.definitions import Stored
from jaz_lite.store.planned import planned_run
from jaz_lite.store.transaction import Nouns

DOCUMENTS_PIECE = 20
ICONS_PIECE = 1_000
ATTEMPTS_PIECE = 1_000
HISTORY_RUNS_MAX = 1_000


async def documents(site: Site, person: Person, *, emit: Emit, doc_ids: list[int]) -> dict[str, Any]:
    """Emit lists of `{"doc_id", "document"}` of jobnets; secrets are masked. Returns `{"count"}`.

    Raises:
        NoSuchObject: one of them is not there, or not any more.
    """
    for first in range(0, len(doc_ids), DOCUMENTS_PIECE):
        piece = doc_ids[first : first + DOCUMENTS_PIECE]
        found = await site.read(lambda nouns, piece=piece: [_document(nouns, doc_id) for doc_id in piece])  # type: ignore[misc]
        await emit([{"doc_id": one.doc_id, "document": secrets.masked(one.document)} for one in found])
        await site.breathe()
    return {"count": len(doc_ids)}


def _document(nouns: Nouns, doc_id: int) -> Stored:
    found = nouns.definitions.find_doc(doc_id)
    if found is None:
        raise NoSuchObject(f"there is no document {doc_id}", hint="retention may just have removed it: ask again")
    return found


async def live(site: Site, person: Person, *, emit: Emit) -> dict[str, Any]:
    """Emit `{"run": ...}` of every run that is not over, each followed by `{"run_id", "icons": [...]}` of its icons.

    Returns:
        `{"works": [[key, agent_id, started_ms]]}`: the attempts that are not over.
    """
    documents: dict[int, Jobnet] = {}

    def from_store(run_id: int) -> Run | None:
        with site.store.snapshot() as view:

            def document(doc_id: int) -> Jobnet:
                if doc_id not in documents:
                    jobnet = from_plain("jobnet", view.definitions.by_doc(doc_id).document)
                    assert isinstance(jobnet, Jobnet), "runs are of jobnets"
                    documents[doc_id] = jobnet
                return documents[doc_id]

            return planned_run(view, run_id, document)

    for run_id in await site.read(lambda nouns: nouns.runs.live()):
        # A server has it in memory; that spares the reading of its icons.
        run = from_store(run_id) if site.control is None else site.control.find_run(run_id)
        if run is None:
            continue
        timers = await site.read(lambda nouns, run_id=run_id: nouns.timers.of_run(run_id))  # type: ignore[misc]
        await emit({"run": live_shown(run, timers)})
        piece: list[dict[str, Any]] = []
        for icon in icons_shown(run):
            piece.append(icon)
            if len(piece) == ICONS_PIECE:
                await emit({"run_id": run_id, "icons": piece})
                await site.breathe()
                piece = []
        if piece:
            await emit({"run_id": run_id, "icons": piece})
        await site.breathe()
    works = await site.read(lambda nouns: nouns.past_work.open())
    return {"works": [list(work) for work in works]}


async def places(site: Site, person: Person) -> dict[str, Any]:
    """Return `{"hosts": [...], "machines": [{"agent_id", "slots", "state", "reachable"}]}`; slots None: never said."""

    control = site.control
    hosts, agents = await site.read(lambda nouns: (nouns.hosts.list(), nouns.agents.list()))
    machines = []
    for agent in agents:
        limits = [slots for slots in (agent.par, agent.par_max) if slots is not None]
        machines.append(
            {
                "agent_id": agent.agent_id,
                "slots": min(limits) if limits else None,
                "state": agent.state,
                "reachable": None if control is None else control.reachable(agent.agent_id),
            }
        )
    return {"hosts": [to_plain(host) for host in hosts], "machines": machines}


async def history(site: Site, person: Person, *, emit: Emit, jobnet_ids: list[str], runs: int) -> dict[str, Any]:
    """Emit `{"jobnet_id", "took": [[key path, milliseconds]]}`: attempts of the latest runs that ended by themselves.

    Args:
        runs: so many runs of each jobnet are looked at, 0 to 1000.

    Returns:
        `{"count"}`: of attempts.
    """
    if not 0 <= runs <= HISTORY_RUNS_MAX:
        raise UsageError(f"a forecast looks at 0 to {HISTORY_RUNS_MAX} runs of the past, not {runs}")
    count = 0
    for jobnet_id in jobnet_ids:
        latest = await site.read(lambda nouns, name=jobnet_id: nouns.past_work.latest_runs(name, runs))  # type: ignore[misc]
        for run_id in latest:
            after = 0
            while True:
                page = await site.read(
                    lambda nouns, run_id=run_id, after=after: nouns.past_work.took(run_id, after, ATTEMPTS_PIECE)  # type: ignore[misc]
                )
                if page:
                    await emit({"jobnet_id": jobnet_id, "took": [[path, took_ms] for _, path, took_ms in page]})
                    count += len(page)
                await site.breathe()
                if len(page) < ATTEMPTS_PIECE:
                    break
                after = page[-1][0]
    return {"count": count}
