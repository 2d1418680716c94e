"""The rows of one version of an object to one document, and what the document cannot say to its `jaz` maps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jaz_lite.compat.jaz_codes import ICON_TYPE
from jaz_lite.compat.jaz_xml.complete import completed
from jaz_lite.compat.jaz_xml.fields import (
    BOOT_TIME,
    COMMAND_SCRIPT,
    COMMAND_STOP,
    FLOW,
    ICON,
    LIST_TABLES,
    OBJECTS,
    SCHEDULED_JOBNET,
    SETTINGS,
    SETTINGS_TYPE,
    Field,
)
from jaz_lite.compat.jaz_xml.parse import Parsed, Row
from jaz_lite.compat.jaz_xml.rows import EXTRA_ROWS, Plain, difference, key_of, rows_of
from jaz_lite.compat.jaz_xml.secret import SECRETS
from jaz_lite.errors import DefinitionError
from jaz_lite.model import names
from jaz_lite.model.plain import BadDocumentError, from_plain
from jaz_lite.model.problem import Problem, Severity

KEPT_SECRETS = "secrets"
_SECRET_COLUMNS = {table: frozenset(secret.column for secret in secrets) for table, secrets in SECRETS.items()}


@dataclass(slots=True)
class Group:
    """The rows of one version of an object."""

    kind: str
    control: Row
    rows: dict[str, list[Row]] = field(default_factory=dict)


def assemble(group: Group, parsed: Parsed, seal: Callable[[str], str]) -> tuple[Plain | None, bool]:
    """Return the document of a version and whether it was enabled; problems go to `parsed`. None: it has errors."""
    return _Assembly(group, parsed, seal).document()


class _Assembly:
    """The work on one version."""

    def __init__(self, group: Group, parsed: Parsed, seal: Callable[[str], str]) -> None:
        self.group = group
        self.parsed = parsed
        self.seal = seal
        self.control_table = group.control.table.name
        self.kept_secrets: dict[str, Plain] = {}  # by icon
        self.sound = True
        key = key_of(self.control_table, group.control.values)
        self.originals: dict[tuple[str, tuple[str, ...]], Row] = {(self.control_table, key): group.control}
        self.extra: dict[str, list[Plain]] = {}  # by icon

    def document(self) -> tuple[Plain | None, bool]:
        group = self.group
        for table, rows in group.rows.items():
            group.rows[table] = [row for row in rows if self._is_first(table, row)]
        plain = self._plain(OBJECTS[group.kind], group.control)
        enabled: bool = plain.pop("enabled")
        match group.kind:
            case "calendar":
                plain["days"] = self._days()
            case "schedule":
                plain["boot_times"] = self._boot_times()
                rows = self._rows("ja_schedule_jobnet_table")
                plain["jobnets"] = [self._plain(SCHEDULED_JOBNET, row) for row in rows]
            case "jobnet":
                plain["compat"] = "jaz"
                plain["icons"] = self._icons()
                plain["flows"] = self._flows({icon["icon_id"] for icon in plain["icons"]})
        if not self.sound:
            return None, enabled
        try:
            found = completed(from_plain(group.kind, plain))
        except BadDocumentError as bad:
            for problem in bad.problems:
                self._note(group.control, "", f"{problem.place.icon_id} {problem.place.field}: {problem.message}")
            return None, enabled
        except DefinitionError as bad:
            self._note(group.control, "", bad.message, bad.hint)
            return None, enabled
        self._keep(found, enabled)
        return found, enabled

    # ---- rows to fields

    def _rows(self, table: str) -> list[Row]:
        return self.group.rows.get(table, [])

    def _is_first(self, table: str, row: Row) -> bool:
        first = self.originals.setdefault((table, key_of(table, row.values)), row)
        if first is not row:
            self._note(row, "", f"is there twice, first in line {first.line}", "leave one of the rows out")
        return first is row

    def _plain(self, fields: tuple[Field, ...], row: Row) -> Plain:
        plain = {}
        for each in fields:
            text = row.values.get(each.column)
            try:
                plain[each.name] = each.value(text)
            except LookupError:
                plain[each.name] = each.fallback
                if each.column in row.table.key:
                    # What a row is told apart by cannot be taken for something else.
                    self._note(row, each.column, f"is {text}, which is not known here")
                    continue
                message = f'has the number {text}, which is not known here; "{each.fallback}" is taken'
                hint = "an export writes the number again as long as this setting is not changed"
                self._note(row, each.column, message, hint, "warning")
        return plain

    def _days(self) -> list[str]:
        days = []
        for row in self._rows("ja_calendar_detail_table"):
            text = row.values["operating_date"]
            try:
                days.append(datetime.strptime(text.zfill(8), "%Y%m%d").date().isoformat())  # noqa: DTZ007  a date only
            except ValueError:
                self._note(row, "operating_date", f'is "{text}", not a date YYYYMMDD')
        return sorted(days)

    def _boot_times(self) -> list[Plain]:
        found = []
        for row in self._rows("ja_schedule_detail_table"):
            plain = self._plain(BOOT_TIME, row)
            plain["at"] = plain["at"].zfill(4)
            if fault := names.boot_time_fault(plain["at"]):
                self._note(row, "boot_time", fault)
            found.append(plain)
        return found

    def _flows(self, icons: set[str]) -> list[Plain]:
        found = []
        for row in self._rows("ja_flow_control_table"):
            for column in ("start_job_id", "end_job_id"):
                if row.values[column] not in icons:
                    message = f'names the icon "{row.values[column]}", which the jobnet does not have'
                    self._note(row, column, message, "the export is not complete, or the file was edited")
            found.append(self._plain(FLOW, row))
        return found

    # ---- icons

    def _icons(self) -> list[Plain]:
        found = []
        for row in self._rows("ja_job_control_table"):
            if int(row.values["job_type"]) not in ICON_TYPE:
                self._note(row, "job_type", f"is {row.values['job_type']}; there is no such icon type")
                continue
            icon = self._plain(ICON, row)
            self._take_secrets(row, icon, icon["icon_id"])
            found.append(icon)
        by_id = {icon["icon_id"]: icon for icon in found}
        settings = self._settings(by_id)
        lists = self._lists(by_id)
        for icon in found:
            icon["params"] = self._params(icon, settings.get(icon["icon_id"]), lists)
        return found

    def _settings(self, icons: Mapping[str, Plain]) -> dict[str, Row]:
        """Return the row of settings by icon."""
        found: dict[str, Row] = {}
        for table, wanted in SETTINGS_TYPE.items():
            for row in self._rows(table):
                if self._belongs(row, icons, wanted):
                    found[row.values["job_id"]] = row
        for icon_id, icon in icons.items():
            table = SETTINGS[icon["type"]].table if icon["type"] in SETTINGS else ""
            if table and icon_id not in found:
                control = self.originals[("ja_job_control_table", self._icon_key(icon_id))]
                self._note(control, "", f"has no row in {table}", "the export is not complete, or the file was edited")
        return found

    def _icon_key(self, icon_id: str) -> tuple[str, ...]:
        values = self.group.control.values
        return values["jobnet_id"], icon_id, str(int(values["update_date"]))

    def _belongs(self, row: Row, icons: Mapping[str, Plain], wanted: str) -> bool:
        icon = icons.get(row.values["job_id"])
        if icon is None:
            self._note(row, "job_id", f'names the icon "{row.values["job_id"]}", which the jobnet does not have')
            return False
        if icon["type"] != wanted:
            message = f"is for an icon of the type {wanted}, but {icon['icon_id']} is of the type {icon['type']}"
            self._note(row, "", message)
            return False
        return True

    def _lists(self, icons: Mapping[str, Plain]) -> dict[tuple[str, str], list[Row]]:
        """Return the rows of scripts and variables by table and icon."""
        found: dict[tuple[str, str], list[Row]] = {}
        for table, wanted in LIST_TABLES.items():
            for row in self._rows(table):
                if self._belongs(row, icons, wanted):
                    found.setdefault((table, row.values["job_id"]), []).append(row)
        return found

    def _params(self, icon: Plain, row: Row | None, lists: Mapping[tuple[str, str], list[Row]]) -> Plain:
        icon_id, type_ = icon["icon_id"], icon["type"]
        if type_ == "variable":
            return {"values": _assignments(lists.get(("ja_icon_value_table", icon_id), ()))}
        if row is None:
            return {}
        params = self._plain(SETTINGS[type_].fields, row)
        self._take_secrets(row, params, icon_id)
        if type_ == "job":
            params["variables"] = _assignments(lists.get(("ja_value_job_table", icon_id), ()))
            rows = lists.get(("ja_value_jobcon_table", icon_id), ())
            params["system_variables"] = [each.values["value_name"] for each in rows]
            self._take_scripts(icon_id, row, params, lists.get(("ja_job_command_table", icon_id), []))
        return params

    def _take_scripts(self, icon_id: str, settings: Row, params: Plain, rows: list[Row]) -> None:
        has_stop = settings.values.get("stop_flag", "0") != "0"
        by_class = {str(int(row.values["command_cls"])): row for row in rows}
        script = by_class.pop(COMMAND_SCRIPT, None)
        stop = by_class.pop(COMMAND_STOP, None) if has_stop else None
        if script is None:
            hint = "the export is not complete, or the file was edited"
            self._note(settings, "", "has no script in ja_job_command_table", hint)
        else:
            params["script"] = script.values["command"]
        params["stop_script"] = stop.values["command"] if stop is not None else None
        if has_stop and stop is None:
            message = "says there is a stop script, but ja_job_command_table has none; a stop will kill the job"
            self._note(settings, "stop_flag", message, severity="warning")
        for row in by_class.values():
            self.extra.setdefault(icon_id, []).append({"table": row.table.name, "values": dict(row.values)})

    def _take_secrets(self, row: Row, holder: Plain, icon_id: str) -> None:
        """Seal the secrets of a row; keep the form the file had where we would write another."""
        for secret in SECRETS.get(row.table.name, ()):
            text = row.values.get(secret.column)
            if text is None:
                continue
            plain = secret.plain(text)
            if plain is None:
                hint = "enter it again before the icon is run"
                self._note(row, secret.column, "is a password in a form that is not understood", hint, "warning")
            holder[secret.name] = self.seal(plain) if plain else plain
            if plain is None or secret.text(plain) != text:
                self.kept_secrets.setdefault(icon_id, {})[secret.column] = self.seal(text)

    # ---- what the document cannot say

    def _keep(self, document: Plain, enabled: bool) -> None:
        for row in rows_of(self.group.kind, document, enabled):
            original = self.originals.pop((row.table, row.key))
            kept = difference(row, original.values, _SECRET_COLUMNS.get(row.table, frozenset()))
            if kept:
                row.holder.setdefault("jaz", {})[row.slot] = kept
        for icon in document.get("icons", ()):
            icon_id = icon["icon_id"]
            if icon_id in self.extra:
                icon.setdefault("jaz", {})[EXTRA_ROWS] = self.extra[icon_id]
            if icon_id in self.kept_secrets:
                icon.setdefault("jaz", {})[KEPT_SECRETS] = self.kept_secrets[icon_id]

    def _note(self, row: Row, column: str, message: str, hint: str = "", severity: Severity = "error") -> None:
        if severity == "error":
            self.sound = False
        self.parsed.note(Problem(row.place(self.parsed.file, column), message, hint, severity))


def _assignments(rows: Any) -> list[Plain]:
    return [{"name": row.values["value_name"], "value": row.values["value"]} for row in rows]
