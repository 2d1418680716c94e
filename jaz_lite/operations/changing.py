"""The one way in which people change definitions: an edit of the newest version becomes a new version.

What is saved, enabled and judged happens in one transaction. A version that is wrong in itself is not saved; one that
is only not finished, or that needs what is not there yet, is, and the answer says what stands against enabling it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, TypeVar

from jaz_lite.engine.check_change import check_definition
from jaz_lite.errors import NoSuchObject, Refused
from jaz_lite.model.calendar import Calendar, Filter
from jaz_lite.model.names import new_version
from jaz_lite.model.plain import Definition, from_plain, id_of, kind_of, to_plain
from jaz_lite.model.problem import Problem
from jaz_lite.model.schedule import Schedule
from jaz_lite.operations import rehearsal
from jaz_lite.operations.definitions import problem_shown, save, versions_of
from jaz_lite.operations.enabling import enable_together, refusal
from jaz_lite.operations.naming import kind_named, split, stored
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Site, now
from jaz_lite.operations.site_view import AllEnabled, StoreView
from jaz_lite.store.definitions import Stored
from jaz_lite.store.transaction import Nouns, Transaction

D = TypeVar("D", Calendar, Filter, Schedule)

# An empty list of these is a schedule that is not finished, not one that is wrong.
MAY_BE_MISSING = frozenset(("boot_times", "cycles", "jobnets"))

# From the version a change starts with (None: there is none yet) to all that is saved, the object itself first.
Edit = Callable[[Nouns, Definition | None], Sequence[Definition]]


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change did, or would do."""

    before: Definition | None
    after: Definition
    answer: dict[str, Any]  # what every change answers; see `change`


async def change(
    site: Site,
    person: Person,
    *,
    kind: str,
    name: str,
    edit: Edit,
    new: bool | None = False,
    enable: bool = False,
    dry_run: bool = False,
) -> Changed:
    """Save what `edit` makes of an object as a new version.

    Args:
        name: `ID`: the newest version is changed, enabled or not; `ID@VERSION`: that one is.
        new: False: the object must be there; True: it must not; None: either.
        enable: enable what was saved, or save nothing.
        dry_run: do and judge everything, and leave all as it was.

    Returns:
        With the answer `{"kind", "id", "version", "base", "action", "enabled", "dry_run", "problems", "also"}`. `base` is
        the version that was changed, or None; `action` "made", "changed" or "unchanged" (no new version: `version` is
        the base then); `problems` is what stands against enabling, and warnings; `also` lists further objects that were
        saved, each with the same names from kind to enabled.

    Raises:
        NoSuchObject: it is not there. Refused: it is there; it is wrong; it may not be enabled.
    """
    object_id, _ = split(name)

    def work(tx: Transaction) -> Changed:
        base = _base(tx, kind, name, new)
        before = None if base is None else from_plain(kind, base.document)
        wanted = [_saved(tx, site, person, each) for each in edit(tx, before)]
        main = wanted[0]
        assert (main.row.kind, main.row.object_id) == (kind, object_id), "an edit gives the object itself first"
        if enable:
            enable_or_refuse(tx, [each.row for each in wanted], at_ms=site.clock.now_ms())
        problems = check_definition(main.definition, StoreView(tx))
        answer = {
            **main.shown(enable),
            "dry_run": dry_run,
            "problems": [problem_shown(problem) for problem in problems],
            "also": [each.shown(enable) for each in wanted[1:]],
        }
        return Changed(before, main.definition, answer)

    return await rehearsal.write(site, work, dry_run=dry_run)


@dataclass(frozen=True, slots=True)
class _Saved:
    definition: Definition
    row: Stored
    base: str | None

    def shown(self, enable: bool) -> dict[str, Any]:
        action = "made" if self.base is None else "unchanged" if self.base == self.row.version else "changed"
        return {
            "kind": self.row.kind,
            "id": self.row.object_id,
            "version": self.row.version,
            "base": self.base,
            "action": action,
            "enabled": enable or self.row.enabled,
        }


def _base(nouns: Nouns, kind: str, name: str, new: bool | None) -> Stored | None:
    """Return the version that is changed."""
    object_id, version = split(name)
    newest = nouns.definitions.newest(kind_named(kind), object_id)
    if newest is None:
        if new is False or version is not None:
            raise missing(nouns, kind, object_id)
        return None
    if new:
        raise Refused(
            f'there is a {kind} "{object_id}" already', hint=f"`jaz-lite {kind} --help` shows what changes one"
        )
    return newest if version is None else stored(nouns, kind, name)


def described(before: D, name: str | None, memo: str | None, public: bool | None) -> D:
    """Return a definition with those of the three changed that are given; an empty memo is none."""
    return replace(
        before,
        name=before.name if name is None else name,
        memo=before.memo if memo is None else memo or None,
        public=before.public if public is None else public,
    )


def missing(nouns: Nouns, kind: str, object_id: str) -> NoSuchObject:
    """Return the error for an object that is not there, with those that are called much the same."""
    near = get_close_matches(object_id, [row.object_id for row in nouns.definitions.rows(kind)])
    hint = f"did you mean {' or '.join(near)}?" if near else f"`jaz-lite {kind} create {object_id}` makes one"
    return NoSuchObject(f'there is no {kind} "{object_id}"', hint=hint)


def _saved(tx: Transaction, site: Site, person: Person, definition: Definition) -> _Saved:
    """Save a definition, whose version is the one it was made from, unless that is what it still is."""
    kind, object_id = kind_of(definition), id_of(definition)
    base = tx.definitions.find(kind, object_id, definition.version) if definition.version else None
    if base is not None and to_plain(from_plain(kind, base.document)) == to_plain(definition):
        return _Saved(definition, base, base.version)
    version = new_version(now(site), versions_of(tx, kind, object_id))
    definition = replace(definition, version=version, owner=definition.owner or person.name)
    _refuse_if_wrong(tx, definition)
    save(tx, to_plain(definition), kind=kind, by=person.name, at_ms=site.clock.now_ms(), replace=False)
    return _Saved(definition, tx.definitions.get(kind, object_id, version), None if base is None else base.version)


def _refuse_if_wrong(nouns: Nouns, definition: Definition) -> None:
    found = own_faults(nouns, definition)
    if found:
        told = ", ".join(f"{p.place.field} {p.message}" if p.place.field else p.message for p in found)
        raise Refused(f'{kind_of(definition)} "{id_of(definition)}" was not saved: {told}', hint=found[0].hint)


def own_faults(nouns: Nouns, definition: Definition) -> list[Problem]:
    """Return what is wrong with a definition whatever else there is; that it is not finished is not wrong."""
    return [
        problem
        for problem in check_definition(definition, AllEnabled(nouns))
        if problem.severity == "error" and problem.place.field not in MAY_BE_MISSING
    ]


def enable_or_refuse(tx: Transaction, rows: Sequence[Stored], *, at_ms: int) -> None:
    """Enable all versions that were just saved; raise Refused, which undoes the saving, if one may not be."""
    refused = enable_together(tx, rows, at_ms=at_ms, all_or_none=True)
    if refused:
        why = refusal("enabled", refused)
        raise Refused(f"nothing was saved: {why.message}", hint=why.hint)
