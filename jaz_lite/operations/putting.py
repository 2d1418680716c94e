"""`definition.put`: a document as it is shown, perhaps edited, becomes a version."""

from typing import Any

from jaz_lite.engine.check_change import check_definition
from jaz_lite.errors import UsageError
from jaz_lite.model.names import new_version
from jaz_lite.model.plain import BadDocumentError, from_plain, to_plain
from jaz_lite.model.problem import Place, Problem
from jaz_lite.operations import changing, rehearsal, secrets
from jaz_lite.operations.definitions import problem_shown, save, versions_of
from jaz_lite.operations.naming import kind_named
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Site, now
from jaz_lite.operations.site_view import StoreView
from jaz_lite.store.definitions import Stored
from jaz_lite.store.transaction import Nouns, Transaction

HOW_TO_UNMASK = "write the password itself, or an empty text for none"


async def put(
    site: Site,
    person: Person,
    *,
    kind: str,
    document: dict[str, Any],
    base: str = "",
    replace: bool = False,
    strict: bool = False,
    enable: bool = False,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Save a version; without a version in the document it gets the present time as one.

    Args:
        document: secrets in it are plain, or the mask that stands for the stored one.
        base: the version it was made from: its secrets stay where masks are, and no change makes no version; "": the
            document's own, else the newest.
        replace: the version in the document is replaced if it is there.
        strict: save nothing where something is wrong, and return all problems instead of raising.
        enable, dry_run: as in `changing.change`.

    Returns:
        As `changing.change` answers. Where it was not saved, for `strict`, `version` is None, and errors among
        `problems` say why.

    Raises:
        DefinitionError: the document is wrong. Refused: the version is there already, or is enabled.
    """
    kind_named(kind)
    object_id = document.get(f"{kind}_id")
    if not isinstance(object_id, str) or not object_id:
        raise UsageError(f"the document of a {kind} has a {kind}_id")

    def work(tx: Transaction) -> dict[str, Any]:
        before = _stored(tx, kind, object_id, base or str(document.get("version") or ""))
        whole, lost = secrets.unmasked(document, None if before is None else before.document)
        given = document.get("version")
        version = given or new_version(now(site), versions_of(tx, kind, object_id))
        place = Place(kind=kind, object_id=object_id)
        if lost:
            raise BadDocumentError(
                f"{kind} {object_id}", [Problem(_at(place, path), "is masked", HOW_TO_UNMASK) for path in lost]
            )
        definition = from_plain(kind, secrets.seal_all({**whole, "version": version}, site.store.keys))
        same = False
        if not given and before is not None and before.version == base:
            same = to_plain(definition) == {**to_plain(from_plain(kind, before.document)), "version": version}
            version = base if same else version
        found = check_definition(definition, StoreView(tx))
        wrong = changing.own_faults(tx, definition) if strict else []
        if wrong:
            return _answer(kind, object_id, found, before, None, dry_run=dry_run)
        if not same:  # a base of another site may bear the very second of the new version
            at_ms = site.clock.now_ms()
            save(tx, to_plain(definition), kind=kind, by=person.name, at_ms=at_ms, replace=replace)
        row = tx.definitions.get(kind, object_id, version)
        if enable:
            changing.enable_or_refuse(tx, [row], at_ms=site.clock.now_ms())
        saved = tx.definitions.get(kind, object_id, version)
        return _answer(kind, object_id, found, before, saved, dry_run=dry_run)

    try:
        return await rehearsal.write(site, work, dry_run=dry_run)
    except BadDocumentError as error:
        if not strict:
            raise
        return _answer(kind, object_id, list(error.problems), None, None, dry_run=dry_run)


def _stored(nouns: Nouns, kind: str, object_id: str, version: str) -> Stored | None:
    named = nouns.definitions.find(kind, object_id, version) if version else None
    return named or nouns.definitions.newest(kind, object_id)


def _at(place: Place, path: str) -> Place:
    return Place(kind=place.kind, object_id=place.object_id, field=path)


def _answer(
    kind: str, object_id: str, problems: list[Problem], before: Stored | None, saved: Stored | None, *, dry_run: bool
) -> dict[str, Any]:
    base = None if before is None else before.version
    if saved is None:
        action = "refused"
    else:
        action = "made" if base is None else "unchanged" if base == saved.version else "changed"
    return {
        "kind": kind,
        "id": object_id,
        "version": None if saved is None else saved.version,
        "base": base,
        "action": action,
        "enabled": saved is not None and saved.enabled,
        "dry_run": dry_run,
        # The version that it would have had is nobody's.
        "problems": [{**problem_shown(each), **({} if saved else {"version": ""})} for each in problems],
        "also": [],
    }
