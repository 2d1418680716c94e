"""Which column of which table is which field of our documents: one list, read in both directions.

A `Field` turns the text of a column into a value of a plain map and back. A column that is absent gives the value a
missing one stands for in Job Arranger's database; what cannot be said in our words (absent where we write "0", a
number nobody knows) is kept apart by `rows.py`, so that an export gives back what an import took.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from jaz_lite.compat import jaz_codes as codes
from jaz_lite.compat.jaz_codes import Codes, code_of

Form = Literal["text", "optional", "number", "optional_number"]


@dataclass(frozen=True, slots=True)
class Field:
    """One column and one field: `form` says how the text becomes a value, or the table of codes does."""

    column: str
    name: str
    form: Form | Codes = "text"

    def value(self, text: str | None) -> Any:
        """Return the value of a column's text, None for an absent column.

        Raises:
            LookupError: the number is in no table; `fallback` is the value to go on with.
        """
        form = self.form
        if form == "text":
            return text or ""
        if form == "optional":
            return text
        if form == "optional_number":
            return None if text is None else int(text)
        number = int(text) if text is not None else 0
        return number if form == "number" else form[number]

    @property
    def fallback(self) -> Any:
        """What stands for a number nobody knows: the meaning of 0."""
        return self.value(None)

    def text(self, value: Any) -> str | None:
        """Return what a column holds for a value; None: the column is absent."""
        if isinstance(self.form, Mapping):
            return str(code_of(self.form, value))
        return None if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Settings:
    """The table with the one row of settings of an icon type."""

    table: str
    fields: tuple[Field, ...]


def _object(kind: str, *fields: Field) -> tuple[Field, ...]:
    """The fields every kind of object has, and its own. `enabled` stands beside the document, not in it."""
    return (
        Field(f"{kind}_id", f"{kind}_id"),
        Field("update_date", "version"),
        Field("valid_flag", "enabled", codes.FLAG),
        Field("public_flag", "public", codes.FLAG),
        Field("user_name", "owner"),
        Field(f"{kind}_name", "name"),
        Field("memo", "memo", "optional"),
        *fields,
    )


OBJECTS: Final[Mapping[str, tuple[Field, ...]]] = {
    "calendar": _object("calendar"),
    "filter": _object(
        "filter",
        Field("base_date_flag", "base_day", codes.BASE_DAY),
        Field("designated_day", "designated_day", "number"),
        Field("shift_day", "shift_days", "number"),
        Field("base_calendar_id", "base_calendar_id"),
    ),
    "schedule": _object("schedule"),
    "jobnet": _object(
        "jobnet",
        Field("multiple_start_up", "multiple_start", codes.MULTIPLE_START),
        Field("jobnet_timeout", "timeout_min", "number"),
        Field("timeout_run_type", "timeout_action", codes.JOBNET_TIMEOUT_ACTION),
    ),
}

BOOT_TIME: Final = (
    Field("calendar_id", "days_id"),
    Field("boot_time", "at"),
    Field("object_flag", "days_kind", codes.DAYS_KIND),
)
SCHEDULED_JOBNET: Final = (Field("jobnet_id", "jobnet_id"),)

ICON: Final = (
    Field("job_id", "icon_id"),
    Field("job_type", "type", codes.ICON_TYPE),
    Field("point_x", "x", "number"),
    Field("point_y", "y", "number"),
    Field("job_name", "name", "optional"),
    Field("method_flag", "mark", codes.MARK),
    Field("force_flag", "force", codes.FLAG),
    Field("continue_flag", "continue_on_error", codes.FLAG),
    Field("run_user", "run_user", "optional"),
)
FLOW: Final = (
    Field("start_job_id", "source"),
    Field("end_job_id", "target"),
    Field("flow_type", "kind", codes.FLOW_KIND),
)

_HOST: Final = (Field("host_flag", "host_from_variable", codes.FLAG), Field("host_name", "host"))

SETTINGS: Final[Mapping[str, Settings]] = {
    "end": Settings(
        "ja_icon_end_table",
        (Field("jobnet_stop_flag", "hold", codes.FLAG), Field("jobnet_stop_code", "exit_code")),
    ),
    "condition": Settings(
        "ja_icon_if_table",
        (
            Field("hand_flag", "mode", codes.CONDITION_MODE),
            Field("value_name", "variable"),
            Field("comparison_value", "comparison"),
        ),
    ),
    # Its script, its variables and whether it has a stop script come from further rows.
    "job": Settings(
        "ja_icon_job_table",
        (
            *_HOST,
            Field("timeout", "timeout_min", "number"),
            Field("stop_code", "stop_codes"),
            Field("timeout_run_type", "timeout_action", codes.JOB_TIMEOUT_ACTION),
        ),
    ),
    "sub_jobnet": Settings("ja_icon_jobnet_table", (Field("link_jobnet_id", "jobnet_id"),)),
    "extended_job": Settings(
        "ja_icon_extjob_table", (Field("command_id", "command"), Field("value", "parameter", "optional"))
    ),
    "calculation": Settings(
        "ja_icon_calc_table",
        (
            Field("hand_flag", "mode", codes.CALCULATION_MODE),
            Field("formula", "formula"),
            Field("value_name", "variable"),
        ),
    ),
    "task": Settings("ja_icon_task_table", (Field("submit_jobnet_id", "jobnet_id"),)),
    "information": Settings(
        "ja_icon_info_table",
        (
            Field("info_flag", "about", codes.INFORMATION),
            Field("item_id", "item_id", "optional_number"),
            Field("trigger_id", "trigger_id", "optional_number"),
            Field("host_group", "host_group", "optional"),
            Field("host_name", "host", "optional"),
            Field("get_job_id", "icon_path", "optional"),
            Field("get_calendar_id", "calendar_id", "optional"),
        ),
    ),
    "file_copy": Settings(
        "ja_icon_fcopy_table",
        (
            Field("from_host_flag", "source_host_from_variable", codes.FLAG),
            Field("to_host_flag", "target_host_from_variable", codes.FLAG),
            Field("overwrite_flag", "overwrite", codes.FLAG),
            Field("from_host_name", "source_host"),
            Field("from_directory", "source_folder"),
            Field("from_file_name", "source_file"),
            Field("to_host_name", "target_host"),
            Field("to_directory", "target_folder"),
        ),
    ),
    "file_wait": Settings(
        "ja_icon_fwait_table",
        (
            *_HOST,
            Field("fwait_mode_flag", "mode", codes.FILE_WAIT_MODE),
            Field("file_delete_flag", "delete", codes.FLAG),
            Field("file_wait_time", "wait_s", "number"),
            Field("file_name", "path"),
        ),
    ),
    "reboot": Settings(
        "ja_icon_reboot_table",
        (
            *_HOST,
            Field("reboot_mode_flag", "mode", codes.REBOOT_MODE),
            Field("reboot_wait_time", "wait_s", "number"),
            Field("timeout", "timeout_min", "number"),
        ),
    ),
    "release": Settings("ja_icon_release_table", (Field("release_job_id", "target"),)),
    "agentless": Settings(
        "ja_icon_agentless_table",
        (
            Field("host_flag", "host_from_variable", codes.FLAG),
            Field("connection_method", "connection", codes.CONNECTION),
            Field("session_flag", "session", codes.SESSION),
            Field("auth_method", "auth", codes.AUTH),
            Field("run_mode", "interactive", codes.INTERACTIVE),
            Field("line_feed_code", "line_feed", codes.LINE_FEED),
            Field("timeout", "timeout_min", "number"),
            Field("session_id", "session_id"),
            Field("login_user", "user", "optional"),
            Field("public_key", "public_key", "optional"),
            Field("private_key", "private_key", "optional"),
            Field("host_name", "host", "optional"),
            Field("stop_code", "stop_codes"),
            Field("terminal_type", "terminal", "optional"),
            Field("character_code", "encoding", "optional"),
            Field("prompt_string", "prompt", "optional"),
            Field("command", "command"),
        ),
    ),
    "zabbix_link": Settings(
        "ja_icon_zabbix_link_table",
        (
            Field("link_target", "target", codes.LINK_TARGET),
            Field("link_operation", "operation", codes.LINK_OPERATION),
            Field("groupid", "group_id", "number"),
            Field("hostid", "host_id", "number"),
            Field("itemid", "item_id", "number"),
            Field("triggerid", "trigger_id", "number"),
        ),
    ),
}
SETTINGS_TYPE: Final = {settings.table: type_ for type_, settings in SETTINGS.items()}

# Rows of which an icon may have several: the type they belong to.
LIST_TABLES: Final[Mapping[str, str]] = {
    "ja_job_command_table": "job",
    "ja_value_job_table": "job",
    "ja_value_jobcon_table": "job",
    "ja_icon_value_table": "variable",
}

COMMAND_SCRIPT: Final = "0"  # command_cls of the script itself
COMMAND_STOP: Final = "2"  # and of the script that stops it
