"""The rows of a document: what an export writes, and what an import compares the file with.

The rows are made from our fields alone. Where the file had something else (a creation time, an unknown column, nothing
where we write "0"), the import keeps the difference in the `jaz` map of the object, icon, flow or boot time the row
stands for, under the slot of the row:

    jaz = {"row": {"created_date": "2024-...",         a column we have no field for
                   "stop_code": ["", None]}}           we write "", the file had no such column

A kept difference holds only while the field still gives what it gave at import, so an edit wins over the file's past.
Rows we have no place for at all (a stop script of a job whose stop script is switched off) are under `extra_rows`.
Secrets are not among the values here: the writer adds them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jaz_lite.compat.jaz_xml.fields import (
    BOOT_TIME,
    COMMAND_SCRIPT,
    COMMAND_STOP,
    FLOW,
    ICON,
    OBJECTS,
    SCHEDULED_JOBNET,
    SETTINGS,
    Field,
)
from jaz_lite.compat.jaz_xml.tables import TABLES

Values = dict[str, str | None]
Plain = dict[str, Any]
EXTRA_ROWS: Final = "extra_rows"


@dataclass(slots=True)
class OutRow:
    """One row as our fields give it."""

    table: str
    values: Values
    holder: Plain  # the map whose `jaz` keeps what the file had instead
    slot: str
    secrets: Plain | None = None  # the map that holds the sealed secrets of the row

    @property
    def key(self) -> tuple[str, ...]:
        return key_of(self.table, self.values)

    def kept(self) -> Mapping[str, Any]:
        """Return what the file had instead, by column."""
        found: Mapping[str, Any] = self.holder.get("jaz", {}).get(self.slot, {})
        return found


def key_of(table: str, values: Mapping[str, str | None]) -> tuple[str, ...]:
    """Return the values of a row's key: numbers without leading zeros, 0 where absent, boot times with four digits."""
    description = TABLES[table]
    found = []
    for name in description.key:
        text = values.get(name)
        if description.by_name[name].kind == "number":
            text = str(int(text or "0"))
        elif name == "boot_time":
            text = (text or "").zfill(4)
        found.append(text or "")
    return tuple(found)


def difference(row: OutRow, file_values: Mapping[str, str], leave_out: frozenset[str]) -> Plain:
    """Return what has to be kept so that the row can be written as the file had it.

    Args:
        leave_out: columns that are kept another way: secrets.
    """
    kept: Plain = {}
    for name, text in file_values.items():
        ours = row.values.get(name)
        if ours != text and name not in leave_out:
            kept[name] = text if ours is None and name not in row.values else [ours, text]
    for name, ours in row.values.items():
        if ours is not None and name not in file_values and name not in leave_out:
            kept[name] = [ours, None]
    return kept


def merged(row: OutRow) -> Values:
    """Return the values of a row with what the file had instead put back."""
    values = dict(row.values)
    for name, kept in row.kept().items():
        if isinstance(kept, str):
            values.setdefault(name, kept)
        elif isinstance(kept, list) and values.get(name) == kept[0]:
            values[name] = kept[1]
    return values


# ---- documents to rows


def rows_of(kind: str, document: Plain, enabled: bool) -> Iterator[OutRow]:
    """Give the rows of one version of an object. Its icons must carry all settings of their types."""
    key = {f"{kind}_id": document[f"{kind}_id"], "update_date": document["version"]}
    control = {**_values(OBJECTS[kind], {**document, "enabled": enabled})}
    yield OutRow(f"ja_{kind}_control_table", control, document, "row")
    match kind:
        case "calendar":
            for day in document["days"]:
                values = {**key, "operating_date": day.replace("-", "")}
                yield OutRow("ja_calendar_detail_table", values, document, f"day:{day}")
        case "schedule":
            for boot_time in document["boot_times"]:
                values = {**key, **_values(BOOT_TIME, boot_time)}
                yield OutRow("ja_schedule_detail_table", values, boot_time, "row")
            for jobnet in document["jobnets"]:
                values = {**key, **_values(SCHEDULED_JOBNET, jobnet)}
                yield OutRow("ja_schedule_jobnet_table", values, jobnet, "row")
        case "jobnet":
            for icon in document["icons"]:
                yield from _icon_rows(key, icon)
            for flow in document["flows"]:
                values = {**key, **_values(FLOW, flow), "flow_width": "0"}
                yield OutRow("ja_flow_control_table", values, flow, "row")


def _values(fields: tuple[Field, ...], plain: Mapping[str, Any]) -> Values:
    return {field.column: field.text(plain[field.name]) for field in fields}


def _icon_rows(jobnet: Values, icon: Plain) -> Iterator[OutRow]:
    key = {**jobnet, "job_id": icon["icon_id"]}
    params = icon["params"]
    yield OutRow("ja_job_control_table", {**key, **_values(ICON, icon)}, icon, "row", icon)
    settings = SETTINGS.get(icon["type"])
    if settings is not None:
        values = {**key, **_values(settings.fields, params)}
        if icon["type"] == "job":
            values["command_type"] = "0"
            values["stop_flag"] = "0" if params["stop_script"] is None else "1"
        yield OutRow(settings.table, values, icon, "settings", params)
    if icon["type"] == "job":
        yield from _job_rows(key, icon, params)
    elif icon["type"] == "variable":
        for row in params["values"]:
            values = {**key, "value_name": row["name"], "value": row["value"]}
            yield OutRow("ja_icon_value_table", values, icon, f"variable:{row['name']}")


def _job_rows(key: Values, icon: Plain, params: Plain) -> Iterator[OutRow]:
    for command, name in ((COMMAND_SCRIPT, "script"), (COMMAND_STOP, "stop_script")):
        if params[name] is not None:
            values = {**key, "command_cls": command, "command": params[name]}
            yield OutRow("ja_job_command_table", values, icon, name)
    for row in params["variables"]:
        values = {**key, "value_name": row["name"], "value": row["value"]}
        yield OutRow("ja_value_job_table", values, icon, f"variable:{row['name']}")
    for variable in params["system_variables"]:
        values = {**key, "value_name": variable}
        yield OutRow("ja_value_jobcon_table", values, icon, f"system:{variable}")
