"""Our documents to an export that Job Arranger takes: its tables, columns and layout, in its order.

What JAZ would refuse or does not have is told, and written as well as it can be. Only a jobnet with an icon of a type
that JAZ does not have is left out: without the icon it would do something else; and a calendar whose rule names
holidays that are not known. With an import's documents the rows come
out as they went in; passwords only where they are asked for.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import BinaryIO

from jaz_lite.compat.jaz_xml.assemble import KEPT_SECRETS
from jaz_lite.compat.jaz_xml.complete import completed
from jaz_lite.compat.jaz_xml.flatten import flattened, flattening
from jaz_lite.compat.jaz_xml.markup import escaped, replaced
from jaz_lite.compat.jaz_xml.reader import ExportedObject
from jaz_lite.compat.jaz_xml.refusals import left_out, refusals, unknown_icons
from jaz_lite.compat.jaz_xml.rows import EXTRA_ROWS, OutRow, Values, key_of, merged, rows_of
from jaz_lite.compat.jaz_xml.secret import SECRETS
from jaz_lite.compat.jaz_xml.tables import ROOTS, TABLES, USER_INFO
from jaz_lite.errors import DefinitionError
from jaz_lite.model.plain import Definition, from_plain, id_of
from jaz_lite.model.problem import Place, Problem

Unseal = Callable[[str], str]


def write_export(
    documents: Iterable[ExportedObject],
    *,
    user_name: str,
    user_type: str,
    with_secrets: bool,
    unseal: Unseal,
    out: BinaryIO,
    years: range,
    root: str | None = None,
) -> list[Problem]:
    """Write an export of `documents` to `out` and return what JAZ will not take, or not as it is here.

    Args:
        user_name, user_type: who exports; the type is SUPER, ADMIN or GENERAL.
        with_secrets: write passwords, scrambled as JAZ does it, which is no protection.
        unseal: turns the sealed text of a password into the password; called only with `with_secrets`.
        years: for which the rule of a calendar is written as days; not empty.
        root: All, Calendar, Filter, Schedule or Jobnet; by default the kind the documents have, All for several.

    Returns:
        With the place of the object: errors for the versions that are left out, warnings for all else.

    Raises:
        DefinitionError: a document has the wrong shape. Nothing has been written then.
    """
    assert root is None or root in ROOTS
    assert years
    export = _Export(with_secrets, unseal, years)
    for each in documents:
        export.add(each.kind, from_plain(each.kind, each.document), each.enabled)
    kinds = {kind.capitalize() for kind in export.kinds}
    name = root or (kinds.pop() if len(kinds) == 1 else "All")
    out.write(f"<{name}>\n".encode())
    _write_row(out, USER_INFO, {"user_name": user_name, "type": user_type})
    for table in TABLES:
        for values in export.rows.get(table, ()):
            _write_row(out, table, values)
    out.write(f"</{name}>".encode())
    return export.finished()


class _Export:
    """The rows that gather while documents are added."""

    def __init__(self, with_secrets: bool, unseal: Unseal, years: range) -> None:
        self.with_secrets = with_secrets
        self.unseal = unseal
        self.years = years
        self.kinds: set[str] = set()
        self.rows: dict[str, list[Values]] = {}
        self._problems: list[Problem] = []
        self._secrets_left_out = 0

    def add(self, kind: str, definition: Definition, enabled: bool) -> None:
        self.kinds.add(kind)
        place = Place(kind=kind, object_id=id_of(definition), version=definition.version)
        if unknown := list(unknown_icons(definition, place)):
            self._problems.extend(unknown)
            return
        try:
            flat = flattened(definition, self.years)
        except DefinitionError as fault:
            self._problems.append(Problem(place, f"{fault.message}; this version is left out", fault.hint))
            return
        self._problems.extend(flattening(definition, self.years, place))
        document = completed(flat)
        written = set()
        for row in rows_of(kind, document, enabled):
            values = merged(row)
            self._add_secrets(row, values)
            written.add((row.table, row.key))
            self._append(row.table, values, place)
        for icon in document.get("icons", ()):
            for extra in icon.get("jaz", {}).get(EXTRA_ROWS, ()):
                values = {**extra["values"], "job_id": icon["icon_id"], "jobnet_id": document["jobnet_id"]}
                values["update_date"] = document["version"]
                if (extra["table"], key_of(extra["table"], values)) not in written:
                    self._append(extra["table"], values, place)
        self._problems.extend(left_out(kind, document, place))

    def finished(self) -> list[Problem]:
        if self._secrets_left_out:
            count = self._secrets_left_out
            message = "1 password was left out" if count == 1 else f"{count} passwords were left out"
            self._problems.append(Problem(Place(), message, "export with secrets to keep them", "warning"))
        return self._problems

    def _append(self, table: str, values: Values, place: Place) -> None:
        self._problems.extend(refusals(table, values, place))
        for name, text in values.items():
            if text is not None:
                values[name] = replaced(text)
        self.rows.setdefault(table, []).append(values)

    def _add_secrets(self, row: OutRow, values: Values) -> None:
        """Put the passwords of a row in: in the form the file had while they are the same."""
        for secret in SECRETS.get(row.table, ()):
            assert row.secrets is not None
            sealed = row.secrets[secret.name]
            kept = row.holder.get("jaz", {}).get(KEPT_SECRETS, {}).get(secret.column)
            if not sealed and not (kept and sealed is None):
                values[secret.column] = sealed
            elif not self.with_secrets:
                self._secrets_left_out += 1
            else:
                plain = self.unseal(sealed) if sealed else None
                original = self.unseal(kept) if kept else None
                if original is not None and secret.plain(original) == plain:
                    values[secret.column] = original
                elif plain is not None:
                    values[secret.column] = secret.text(plain)


def _write_row(out: BinaryIO, table: str, values: Mapping[str, str | None]) -> None:
    """Write one row: known columns in JAZ's order, then those nobody knows; absent ones are not written."""
    known = [column.name for column in TABLES[table].columns] if table in TABLES else list(values)
    order = [*known, *(name for name in values if name not in known)]
    lines = [f"  <{table}>\n"]
    for name in order:
        text = values.get(name)
        if text == "":
            lines.append(f"    <{name}/>\n")
        elif text is not None:
            lines.append(f"    <{name}>{escaped(text)}</{name}>\n")
    lines.append(f"  </{table}>\n")
    out.write("".join(lines).encode())
