"""Which versions may be enabled, disabled and deleted.

At most one version of an object is enabled. Enabling asks for soundness of the version itself and for an enabled
version of everything it refers to; disabling and deleting ask that nothing is left hanging. Several objects are judged
together first and changed in one transaction, so that objects which need each other can be enabled at once.

Source: JAZ web manager 6.1 (no "force"); `reference/objects.md` sections 8 and 9.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from jaz_lite.engine.check_change import check_delete, check_disable, check_enable
from jaz_lite.engine.references import references
from jaz_lite.errors import Refused
from jaz_lite.model.plain import from_plain
from jaz_lite.model.problem import Problem
from jaz_lite.operations.naming import kind_named, split, stored
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Site
from jaz_lite.operations.site_view import Key, StoreView
from jaz_lite.store.definitions import Row, Stored
from jaz_lite.store.transaction import Nouns, Transaction

NAMES_TOLD_MAX = 10


async def enable(site: Site, person: Person, *, kind: str, names: list[str]) -> dict[str, Any]:
    """Enable a version of each object named, all or none.

    Returns:
        `{"enabled": [{"kind", "id", "version"}]}`.

    Raises:
        Refused: with everything that stands against it.
    """

    def work(tx: Transaction) -> dict[str, Any]:
        wanted = [stored(tx, kind, name) for name in dict.fromkeys(names)]
        refused = enable_together(tx, wanted, at_ms=site.clock.now_ms(), all_or_none=True)
        if refused:
            raise refusal("enabled", refused)
        return {"enabled": [{"kind": kind, "id": one.object_id, "version": one.version} for one in wanted]}

    return await site.write(work)


def enable_together(
    tx: Transaction, wanted: Sequence[Stored], *, at_ms: int, all_or_none: bool = False
) -> dict[int, list[Problem]]:
    """Enable the versions that may be, taking for granted that the others among `wanted` will be.

    Args:
        at_ms: the present time: from then on the times of a schedule count that was not enabled.

    Returns:
        doc_id to the reasons of each version that may not be enabled (nothing is, with `all_or_none`).
    """
    refused: dict[int, list[Problem]] = {}
    hopeful = list(wanted)
    while True:
        view = StoreView(tx, {(one.kind, one.object_id): one for one in hopeful})
        fallen = {one.doc_id: found for one in hopeful if (found := _obstacles(one, view))}
        if not fallen:
            break
        refused |= fallen
        hopeful = [one for one in hopeful if one.doc_id not in fallen]
    if not (refused and all_or_none):
        for one in hopeful:
            tx.definitions.enable(one.kind, one.object_id, one.version)
            if one.kind == "schedule":
                # A start that is missed while no server runs counts from here on.
                tx.schedule_marks.begin(one.object_id, at_ms)
    return refused


def _obstacles(one: Stored, view: StoreView) -> list[Problem]:
    return check_enable(from_plain(one.kind, one.document), view)


async def disable(site: Site, person: Person, *, kind: str, names: list[str]) -> dict[str, Any]:
    """Disable the objects named, all or none.

    Returns:
        `{"disabled": [{"kind", "id", "version"}]}`: those that were enabled; schedules with "planned", how many of
        their runs are planned already and stay so.

    Raises:
        Refused: something enabled needs one of them.
    """

    def work(tx: Transaction) -> dict[str, Any]:
        present = [_enabled_version(tx, kind, name) for name in dict.fromkeys(names)]
        going = [one for one in present if one is not None]
        together = {(one.kind, one.object_id) for one in going}
        refused = {one.doc_id: found for one in going if (found := _users_left(tx, one, together))}
        if refused:
            raise refusal("disabled", refused)
        for one in going:
            tx.definitions.disable(one.kind, one.object_id)
            if one.kind == "schedule":
                tx.schedule_marks.forget(one.object_id)
        return {"disabled": [_disabled(tx, one) for one in going]}

    return await site.write(work)


def _disabled(nouns: Nouns, one: Stored) -> dict[str, Any]:
    told: dict[str, Any] = {"kind": one.kind, "id": one.object_id, "version": one.version}
    if one.kind == "schedule":
        told["planned"], _ = nouns.scheduled_runs.waiting(one.object_id)
    return told


def _enabled_version(nouns: Nouns, kind: str, name: str) -> Stored | None:
    """Return the enabled version that is meant; a version that is named but not enabled is disabled already."""
    named = stored(nouns, kind, name)
    return named if named.enabled else None


def _users_left(nouns: Nouns, one: Stored, together: Collection[Key]) -> list[Problem]:
    users = [row for row in _users(nouns, one.kind, one.object_id) if (row.kind, row.object_id) not in together]
    return check_disable(one.kind, one.object_id, users)


def _users(nouns: Nouns, kind: str, object_id: str) -> list[Row]:
    """Return the versions that need an object; to mention it (a release or information icon) is not to need it."""
    return [
        row
        for row in nouns.definitions.references(kind, object_id)
        if _needs(nouns.definitions.get(row.kind, row.object_id, row.version), (kind, object_id))
    ]


def _needs(found: Stored, key: Key) -> bool:
    definition = from_plain(found.kind, found.document)
    return any((each.kind, each.object_id) == key for each in references(definition) if each.needed)


async def delete(site: Site, person: Person, *, kind: str, name: str, all_versions: bool = False) -> dict[str, Any]:
    """Delete one version (`ID@VERSION`, or `ID` where there is only one), or all versions of an object.

    Returns:
        `{"deleted": [{"kind", "id", "version"}]}`.

    Raises:
        Refused: it is enabled, or was the last one and something refers to the object, or `ID` could mean several.
    """
    kind_named(kind)

    def work(tx: Transaction) -> dict[str, Any]:
        object_id, version = split(name)
        newest = stored(tx, kind, name)
        versions = [row for row in tx.definitions.rows(kind, versions=True) if row.object_id == object_id]
        if version is not None and all_versions:
            raise Refused(f'"{name}" names one version', hint=f"to delete all write {object_id} --all-versions")
        if version is None and len(versions) > 1 and not all_versions:
            raise Refused(
                f'{kind} "{object_id}" has {len(versions)} versions',
                hint=f"name one ({object_id}@{newest.version}) or say --all-versions",
            )
        going = [row for row in versions if version is None or row.version == version]
        users = _users(tx, kind, object_id)
        left = list(versions)
        for row in going:
            problems = check_delete(kind, object_id, row.version, users, left)
            if problems:
                raise refusal("deleted", {row.doc_id: problems})
            left.remove(row)
            tx.definitions.delete(kind, object_id, row.version, by=person.name, at_ms=site.clock.now_ms())
        return {"deleted": [{"kind": kind, "id": object_id, "version": row.version} for row in going]}

    return await site.write(work)


def refusal(verb: str, refused: Mapping[int, Sequence[Problem]]) -> Refused:
    """Return one error that tells all reasons of all objects."""
    sentences = [f"{_named(problems[0])}: {reasons(problems)}" for problems in refused.values()]
    first = next(iter(refused.values()))[0]
    return Refused(f"not {verb}: {_listed(sentences, '; ')}", hint=first.hint)


def reasons(problems: Sequence[Problem]) -> str:
    """Return why one version cannot be, as one clause."""
    return _listed([_reason(problem) for problem in problems], ", ")


def _reason(problem: Problem) -> str:
    """Return a problem with the part it is about: most messages are the end of a sentence that begins with it."""
    where = " ".join(part for part in (problem.place.icon_id, problem.place.field) if part)
    return f"{where}: {problem.message}" if where else problem.message


def _named(problem: Problem) -> str:
    place = problem.place
    return f'{place.kind} "{place.object_id}"' + (f"@{place.version}" if place.version else "")


def _listed(parts: Sequence[str], between: str) -> str:
    more = f" and {len(parts) - NAMES_TOLD_MAX} more" if len(parts) > NAMES_TOLD_MAX else ""
    return between.join(parts[:NAMES_TOLD_MAX]) + more
