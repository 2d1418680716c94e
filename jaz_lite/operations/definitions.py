"""Definitions as people look at them: list, show, history, diff, where used, check."""

from collections.abc import Iterator, Mapping
from typing import Any

from jaz_lite.engine.check_change import check_definition
from jaz_lite.errors import Refused
from jaz_lite.model.plain import from_plain
from jaz_lite.model.problem import Problem
from jaz_lite.operations import secrets
from jaz_lite.operations.naming import kind_named, split, stored
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Site
from jaz_lite.operations.site_view import StoreView
from jaz_lite.operations.times import shown
from jaz_lite.store.definitions import Row, Stored
from jaz_lite.store.transaction import Nouns, Transaction

ABSENT = object()


async def listed(site: Site, person: Person, *, kind: str, versions: bool = False) -> dict[str, Any]:
    """Return `{"jobnets": [...]}` (or the kind's own plural): one row an id, or one a version."""
    kind_named(kind)
    rows = await site.read(lambda view: view.definitions.rows(kind, versions=versions))
    return {f"{kind}s": [row_shown(kind, row) for row in rows]}


def row_shown(kind: str, row: Row | Stored) -> dict[str, Any]:
    """Return one version of an object as lists show it."""
    line = {
        f"{kind}_id": row.object_id,
        "version": row.version,
        "enabled": row.enabled,
        "name": row.name,
        "public": row.public,
        "owner": row.owner,
    }
    return {**line, "icons": row.icons} if kind == "jobnet" else line


async def show(site: Site, person: Person, *, kind: str, name: str) -> dict[str, Any]:
    """Return one version: its row, when and by whom it was saved, and its document with secrets masked."""

    def work(nouns: Nouns) -> dict[str, Any]:
        found = stored(nouns, kind, name)
        return {
            **row_shown(kind, found),
            "saved_at": shown(found.saved_ms, site.zone),
            "saved_by": found.saved_by,
            "document": secrets.masked(found.document),
        }

    return await site.read(work)


async def history(site: Site, person: Person, *, kind: str, name: str) -> dict[str, Any]:
    """Return `{"history": [...]}`: every save of an object that is kept, latest first."""

    def work(nouns: Nouns) -> dict[str, Any]:
        object_id, _ = split(name)
        stored(nouns, kind, object_id)
        return {
            "history": [
                {
                    **row_shown(kind, row),
                    "saved_at": shown(row.saved_ms, site.zone),
                    "saved_by": row.saved_by,
                    "superseded_at": shown(row.superseded_ms, site.zone),
                    "superseded_by": row.superseded_by,
                    "superseded_why": row.superseded_why,
                }
                for row in nouns.definitions.history(kind, object_id)
            ]
        }

    return await site.read(work)


async def diff(site: Site, person: Person, *, kind: str, source: str, target: str) -> dict[str, Any]:
    """Return `{"source", "target", "changes": [{"where", "source", "target"}]}`; None stands for "not there"."""

    def work(nouns: Nouns) -> dict[str, Any]:
        first, second = stored(nouns, kind, source), stored(nouns, kind, target)
        return {
            "source": f"{first.object_id}@{first.version}",
            "target": f"{second.object_id}@{second.version}",
            "changes": list(changes(secrets.masked(first.document), secrets.masked(second.document))),
        }

    return await site.read(work)


def changes(source: Any, target: Any, where: str = "") -> Iterator[dict[str, Any]]:
    """Give the places in which two plain documents differ; members of lists are matched by what names them."""
    if isinstance(source, Mapping) and isinstance(target, Mapping):
        for key in dict.fromkeys((*source, *target)):
            inner = f"{where}.{key}" if where else str(key)
            yield from changes(source.get(key, ABSENT), target.get(key, ABSENT), inner)
    elif isinstance(source, list | tuple) and isinstance(target, list | tuple):
        left, right = _by_name(source), _by_name(target)
        for key in dict.fromkeys((*left, *right)):
            yield from changes(left.get(key, ABSENT), right.get(key, ABSENT), f"{where}[{key}]")
    elif source != target:
        yield {
            "where": where,
            "source": None if source is ABSENT else source,
            "target": None if target is ABSENT else target,
        }


def _by_name(members: Any) -> dict[str, Any]:
    """Return the members of a list by icon id, by ends of a flow, by name, or else by themselves or their place."""
    named: dict[str, Any] = {}
    for number, member in enumerate(members):
        if not isinstance(member, Mapping):
            key = str(member)
        elif "icon_id" in member:
            key = str(member["icon_id"])
        elif "source" in member and "target" in member:
            key = f"{member['source']} -> {member['target']}"
        elif "days_id" in member:
            when = member.get("at") or f"{member.get('since')}-{member.get('until')}/{member.get('every_min')}"
            key = f"{member['days_id']} {when}"
        else:
            key = str(member.get("name") or member.get("jobnet_id") or number)
        named[key if key not in named else f"{key} #{number}"] = member
    return named


async def where_used(site: Site, person: Person, *, kind: str, name: str) -> dict[str, Any]:
    """Return `{"used_by": [{"kind", "id", "version", "enabled"}]}`: every version that refers to an object."""

    def work(nouns: Nouns) -> dict[str, Any]:
        object_id, _ = split(name)
        stored(nouns, kind, object_id)
        return {
            "used_by": [
                {"kind": row.kind, "id": row.object_id, "version": row.version, "enabled": row.enabled}
                for row in nouns.definitions.references(kind, object_id)
            ]
        }

    return await site.read(work)


async def checked(site: Site, person: Person, *, kind: str, name: str) -> dict[str, Any]:
    """Return `{"problems": [...]}`: everything that is or may be wrong with a version, also what forbids enabling it."""

    def work(nouns: Nouns) -> dict[str, Any]:
        found = stored(nouns, kind, name)
        problems = check_definition(from_plain(kind, found.document), StoreView(nouns))
        return {"problems": [problem_shown(problem) for problem in problems]}

    return await site.read(work)


def problem_shown(problem: Problem) -> dict[str, Any]:
    """Return a problem as JSON tells it."""
    place = problem.place
    return {
        "severity": problem.severity,
        "file": place.file,
        "kind": place.kind,
        "id": place.object_id,
        "version": place.version,
        "where": "/".join(part for part in (place.icon_id, place.field) if part),
        "message": problem.message,
        "hint": problem.hint,
    }


def versions_of(nouns: Nouns, kind: str, object_id: str) -> set[str]:
    """Return all versions of an object."""
    return {row.version for row in nouns.definitions.rows(kind, versions=True) if row.object_id == object_id}


def save(tx: Transaction, document: Mapping[str, Any], *, kind: str, by: str, at_ms: int, replace: bool) -> None:
    """Put a document whose secrets are sealed.

    Raises:
        Refused: the version exists and may not be replaced.
    """
    object_id, version = document[f"{kind}_id"], document["version"]
    present = tx.definitions.find(kind, object_id, version)
    if present is not None and present.enabled:
        raise Refused(
            f'{kind} "{object_id}"@{version} is enabled, and enabled versions are read-only',
            hint="save a new version, or disable this one first",
        )
    if present is not None and not replace:
        raise Refused(f'{kind} "{object_id}" has a version {version} already', hint="save it as a new version")
    tx.definitions.put(kind, document, by=by, at_ms=at_ms, replace=replace)
