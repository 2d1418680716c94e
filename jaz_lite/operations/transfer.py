"""Import and export of definitions, as documents: files are read and written by the commands.

An import is one transaction and tells every problem at once. Errors leave everything as it was. What comes in is
disabled, whatever the file says, unless the person asks for what the file says was enabled.

Source: JAZ manager 3.4, import; `reference/xml-format.md` section 5.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jaz_lite.engine.check_change import check_definition, unresolved
from jaz_lite.errors import DefinitionError, UsageError
from jaz_lite.model.jobnet import Jobnet
from jaz_lite.model.plain import BadDocumentError, Definition, from_plain, to_plain
from jaz_lite.model.problem import Place, Problem
from jaz_lite.operations import rehearsal, secrets
from jaz_lite.operations.definitions import problem_shown
from jaz_lite.operations.enabling import enable_together, reasons
from jaz_lite.operations.naming import KINDS, kind_named, split, stored
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Emit, Site
from jaz_lite.operations.site_view import AllEnabled, StoreView
from jaz_lite.store.definitions import Stored
from jaz_lite.store.transaction import Nouns, Transaction

BREATHE_EVERY = 20  # documents read between two pauses
EXPORT_BATCH = 50  # documents in one item of an export's stream
HOST_FIELDS = ("host", "source_host", "target_host")


@dataclass(frozen=True, slots=True)
class Incoming:
    """One version of an object that comes in."""

    kind: str
    object_id: str
    version: str
    definition: Definition
    enabled: bool  # says the file
    file: str
    document: Mapping[str, Any]  # as it came; secrets in `definition` are sealed, never twice alike

    @property
    def place(self) -> Place:
        return Place(file=self.file, kind=self.kind, object_id=self.object_id, version=self.version)


async def import_documents(
    site: Site,
    person: Person,
    *,
    documents: list[dict[str, Any]],
    overwrite: bool = False,
    enable: bool = False,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Put all documents, or none.

    Args:
        documents: each `{"kind", "document", "enabled": bool, "file": text}`; secrets in them are plain.
        overwrite: versions that are there already are replaced (and are disabled then).
        enable: enable the versions that the file says were enabled; the others stay disabled.
        dry_run: tell what would happen, change nothing.

    Returns:
        `{"imported": [{"kind", "id", "version", "enabled", "action": "added" | "replaced"}], "problems": [...]}`; with
        an error among the problems nothing was imported and the list is empty.
    """
    incoming, problems = [], []
    for number, entry in enumerate(documents):
        if number % BREATHE_EVERY == 0:
            await site.breathe()
        found, bad = _read(site, entry)
        incoming += found
        problems += bad
    incoming, doubles = _without_copies(incoming)
    problems += doubles

    def work(tx: Transaction) -> dict[str, Any]:
        faults = problems + ([] if overwrite else _present(tx, incoming))
        if faults:
            return _answer([], faults)
        return _take_in(tx, incoming, person=person, at_ms=site.clock.now_ms(), enable=enable)

    return await rehearsal.write(site, work, dry_run=dry_run)


def _answer(imported: list[dict[str, Any]], problems: Sequence[Problem]) -> dict[str, Any]:
    return {"imported": imported, "problems": [problem_shown(problem) for problem in problems]}


def _read(site: Site, entry: Mapping[str, Any]) -> tuple[list[Incoming], list[Problem]]:
    kind, document = str(entry.get("kind", "")), entry.get("document")
    file = str(entry.get("file", ""))
    if not isinstance(document, Mapping):
        raise UsageError("an import holds a document without content")
    try:
        kind_named(kind)
        definition = from_plain(kind, secrets.seal_all(document, site.store.keys))
    except BadDocumentError as error:
        return [], [replace(problem, place=replace(problem.place, file=file)) for problem in error.problems]
    except (DefinitionError, UsageError) as error:
        place = Place(file=file, kind=kind, object_id=str(document.get(f"{kind}_id", "")))
        return [], [Problem(place, error.message, error.hint)]
    one = Incoming(
        kind=kind,
        object_id=str(document[f"{kind}_id"]),
        version=definition.version,
        definition=definition,
        enabled=bool(entry.get("enabled")),
        file=file,
        document=document,
    )
    return [one], []


def _without_copies(incoming: Sequence[Incoming]) -> tuple[list[Incoming], list[Problem]]:
    """Return what comes in, each version once, and a problem for each that comes in with two contents."""
    kept: dict[tuple[str, str, str], Incoming] = {}
    problems = []
    for one in incoming:
        first = kept.setdefault((one.kind, one.object_id, one.version), one)
        if first.document != one.document:
            where = f"from {first.file} and from {one.file}" if first.file != one.file else f"twice from {one.file}"
            problems.append(Problem(one.place, f"it comes in {where}, and they differ", hint="leave one of them out"))
        elif one.enabled and not first.enabled:
            kept[one.kind, one.object_id, one.version] = one
    return list(kept.values()), problems


def _present(nouns: Nouns, incoming: Sequence[Incoming]) -> list[Problem]:
    return [
        Problem(one.place, "this version is there already", hint="--overwrite replaces it")
        for one in incoming
        if nouns.definitions.find(one.kind, one.object_id, one.version) is not None
    ]


def _take_in(
    tx: Transaction, incoming: Sequence[Incoming], *, person: Person, at_ms: int, enable: bool
) -> dict[str, Any]:
    problems: list[Problem] = []
    actions: list[str] = []
    for one in incoming:
        present = tx.definitions.find(one.kind, one.object_id, one.version)
        actions.append("added" if present is None else "replaced")
        if present is not None and present.enabled and not (enable and one.enabled):
            problems.append(
                Problem(one.place, "the version it replaces was enabled; this one is disabled", severity="warning")
            )
        tx.definitions.put(one.kind, to_plain(one.definition), by=person.name, at_ms=at_ms, replace=True)
    problems += _warnings(tx, incoming)
    wanted = [one for one in incoming if enable and one.enabled]
    rows = [_row(tx, one) for one in wanted]
    refused = enable_together(tx, rows, at_ms=at_ms)
    on = {row.doc_id for row in rows} - refused.keys()
    for one, row in zip(wanted, rows, strict=True):
        if row.doc_id in refused:
            found = refused[row.doc_id]
            problems.append(Problem(one.place, f"not enabled: {reasons(found)}", found[0].hint, "warning"))
    enabled = {(row.kind, row.object_id, row.version) for row in rows if row.doc_id in on}
    imported = [
        {
            "kind": one.kind,
            "id": one.object_id,
            "version": one.version,
            "enabled": (one.kind, one.object_id, one.version) in enabled,
            "action": action,
        }
        for one, action in zip(incoming, actions, strict=True)
    ]
    return _answer(imported, problems)


def _row(nouns: Nouns, one: Incoming) -> Stored:
    found = nouns.definitions.find(one.kind, one.object_id, one.version)
    assert found is not None, "what was just put is there"
    return found


def _warnings(nouns: Nouns, incoming: Sequence[Incoming]) -> list[Problem]:
    """Return what may go wrong later: references to nothing, unsound definitions, hosts that no agent stands behind."""
    view = StoreView(nouns)
    # What has no enabled version yet is no news in an import: enabling tells it. The versions that the file calls
    # enabled stand for their objects, so that jobnets which contain each other are seen already now.
    as_meant = AllEnabled(nouns, {(one.kind, one.object_id): _row(nouns, one) for one in incoming if one.enabled})
    problems: list[Problem] = []
    for one in incoming:
        found = [*unresolved(one.definition, view), *check_definition(one.definition, as_meant)]
        problems += [replace(p, place=replace(p.place, file=one.file), severity="warning") for p in found]
    return [*_gathered(problems), *_unknown_hosts(view, incoming)]


def _gathered(problems: Sequence[Problem]) -> list[Problem]:
    """Return each finding once, at its first place, with the number of others: versions of a jobnet share theirs."""
    found: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        what = problem.message.partition(" (also ")[0]
        found.setdefault((problem.place.file, what), []).append(problem)
    return [
        replace(same[0], message=f"{what}{_more(len(same), 'here')}") if len(same) > 1 else same[0]
        for (_, what), same in found.items()
    ]


def _more(count: int, where: str) -> str:
    return f" ({where} and in {count - 1} more place{'s' if count > 2 else ''})" if count > 1 else ""


def _unknown_hosts(view: StoreView, incoming: Sequence[Incoming]) -> list[Problem]:
    """Return one warning for each host name that nobody has mapped to an agent."""
    users: dict[str, list[Incoming]] = {}
    for one in incoming:
        for host in _hosts(one.definition):
            users.setdefault(host, []).append(one)
    problems = []
    for host, ones in users.items():
        if not view.has_host(host):
            problems.append(
                Problem(
                    ones[0].place,
                    f'no agent stands behind the host name "{host}"{_more(len(ones), "here")}',
                    f"`jaz-lite host add {host} --agent local` maps it to the agent of this machine",
                    "warning",
                )
            )
    return problems


def _hosts(definition: Definition) -> Iterator[str]:
    if not isinstance(definition, Jobnet):
        return
    found: dict[str, None] = {}
    for icon in definition.icons:
        for field in HOST_FIELDS:
            host = icon.params.get(field)
            # Agentless icons name SSH targets, information icons Zabbix hosts: no agent is needed behind those.
            if host and not icon.params.get(f"{field}_from_variable") and icon.type not in ("agentless", "information"):
                found[str(host)] = None
    yield from found


async def export(
    site: Site,
    person: Person,
    *,
    emit: Emit,
    kind: str = "",
    names: list[str] | None = None,
    with_secrets: bool = False,
) -> dict[str, Any]:
    """Emit lists of `{"kind", "document", "enabled"}`; secrets are plain (marked) with `with_secrets`, else sealed.

    Args:
        kind: only this kind; empty: all. names: only these (`ID`: all its versions, `ID@VERSION`); none: all.

    Returns:
        `{"count"}`.
    """

    def chosen(nouns: Nouns) -> list[tuple[str, str, str]]:
        kinds = (kind_named(kind),) if kind else KINDS
        rows = [row for each in kinds for row in nouns.definitions.rows(each, versions=True)]
        keys = [(row.kind, row.object_id, row.version) for row in rows]
        if not names:
            return keys
        if not kind:
            raise UsageError("an export of single objects needs their kind", hint="jaz-lite export jobnet ID")
        wanted: dict[tuple[str, str, str], None] = {}
        for name in names:
            object_id, version = split(name)
            stored(nouns, kind, name)
            wanted |= {key: None for key in keys if key[1] == object_id and version in (None, key[2])}
        return list(wanted)

    def documents(nouns: Nouns, keys: Sequence[tuple[str, str, str]]) -> list[dict[str, Any]]:
        found = [nouns.definitions.find(*key) for key in keys]
        return [
            {
                "kind": one.kind,
                "document": secrets.unseal_all(one.document, site.store.keys) if with_secrets else one.document,
                "enabled": one.enabled,
            }
            for one in found
            if one is not None
        ]

    keys = await site.read(chosen)
    for start in range(0, len(keys), EXPORT_BATCH):
        batch = keys[start : start + EXPORT_BATCH]
        await emit(await site.read(lambda view, batch=batch: documents(view, batch)))  # type: ignore[misc]
    return {"count": len(keys)}
