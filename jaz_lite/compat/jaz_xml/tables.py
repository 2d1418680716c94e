"""The tables of an export: columns in Job Arranger's order, what each holds, and what makes a row unique.

The order of tables and columns is that of JAZ's own exports. `Column.chars_max` is the size of the database column;
the columns without one are as long as the limits of the parser allow.

Source: JAZ database 3.2 to 7.0; column order observed in exports of the web manager.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Kind = Literal["id", "number", "text", "stamp"]
TEXT_CHARS_MAX: Final = 262_144  # of a column that JAZ's database does not bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table."""

    name: str
    kind: Kind
    chars_max: int = TEXT_CHARS_MAX
    required: bool = False  # a file without it cannot be understood; others fall back to the database's default


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table of an export. `about` is the kind of object its rows belong to."""

    name: str
    about: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    by_name: Mapping[str, Column] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {column.name: column for column in self.columns})


_TYPES: Final[Mapping[str, Kind]] = {"i": "number", "b": "number", "d": "stamp", "t": "text", "v": "text", "k": "id"}


def _column(written: str, key: tuple[str, ...]) -> Column:
    """Read `name:type`: i number, b big number, d time, t text, v64 text of 64, k32 id of 32.

    A column of the key or with `!` is required, unless it has `?`: older exports do not have it yet.
    """
    name, _, kind = written.partition(":")
    required = kind.endswith("!") or (name in key and not kind.endswith("?"))
    kind = kind.rstrip("!?")
    chars_max = int(kind[1:]) if len(kind) > 1 else 20 if kind in "ib" else 64 if kind == "d" else TEXT_CHARS_MAX
    return Column(name=name, kind=_TYPES[kind[0]], chars_max=chars_max, required=required)


def _table(name: str, about: str, key: str, columns: str) -> Table:
    keys = tuple(key.split())
    return Table(name=name, about=about, key=keys, columns=tuple(_column(text, keys) for text in columns.split()))


def _control(kind: str, columns: str) -> Table:
    """A table with a row for each version of an object."""
    return _table(f"ja_{kind}_control_table", kind, f"{kind}_id update_date", columns)


def _icon(name: str, columns: str, *, key: str = "", key_column: str = "") -> Table:
    """A table with rows of icons: jobnet, icon and version are in front, the creation time after them."""
    return _table(
        name,
        "jobnet",
        f"jobnet_id job_id update_date {key}",
        f"jobnet_id:k32 job_id:k32 update_date:b {key_column} created_date:d {columns}",
    )


_TABLES: Final = (
    _control(
        "calendar",
        "calendar_id:k32 update_date:b created_date:d valid_flag:i public_flag:i user_name:v100 calendar_name:v64"
        " memo:v100",
    ),
    _table(
        "ja_calendar_detail_table",
        "calendar",
        "calendar_id update_date operating_date",
        "calendar_id:k32 update_date:b operating_date:i",
    ),
    _control(
        "filter",
        "filter_id:k32 update_date:b created_date:d valid_flag:i public_flag:i base_date_flag:i designated_day:i"
        " shift_day:i base_calendar_id:k32! user_name:v100 filter_name:v64 memo:v100",
    ),
    _control(
        "schedule",
        "schedule_id:k32 update_date:b created_date:d valid_flag:i public_flag:i user_name:v100 schedule_name:v64"
        " memo:v100",
    ),
    # Exports from before there were filters have no object_flag.
    _table(
        "ja_schedule_detail_table",
        "schedule",
        "schedule_id calendar_id update_date boot_time object_flag",
        "schedule_id:k32 calendar_id:k32 update_date:b boot_time:v4 created_date:d object_flag:i?",
    ),
    _table(
        "ja_schedule_jobnet_table",
        "schedule",
        "schedule_id jobnet_id update_date",
        "schedule_id:k32 jobnet_id:k32 update_date:b created_date:d",
    ),
    _control(
        "jobnet",
        "jobnet_id:k32 update_date:b created_date:d valid_flag:i public_flag:i multiple_start_up:i user_name:v100"
        " jobnet_name:v64 memo:v100 jobnet_timeout:i timeout_run_type:i",
    ),
    _icon(
        "ja_job_control_table",
        "job_type:i! point_x:i point_y:i job_name:v64 method_flag:i force_flag:i continue_flag:i run_user:v256"
        " run_user_password:v1026",
    ),
    _table(
        "ja_flow_control_table",
        "jobnet",
        "jobnet_id start_job_id end_job_id update_date",
        "jobnet_id:k32 start_job_id:k32 end_job_id:k32 update_date:b created_date:d flow_type:i flow_width:i"
        " flow_style:v400",
    ),
    _icon("ja_icon_calc_table", "hand_flag:i formula:v100! value_name:v128!"),
    _icon("ja_icon_end_table", "jobnet_stop_flag:i jobnet_stop_code:v256"),
    _icon("ja_icon_extjob_table", "command_id:k32! value:t"),
    _icon("ja_icon_if_table", "hand_flag:i value_name:v128! comparison_value:t!"),
    _icon(
        "ja_icon_info_table",
        "info_flag:i item_id:b trigger_id:b host_group:v64 host_name:v128 get_job_id:t get_calendar_id:v32",
    ),
    _icon("ja_icon_jobnet_table", "link_jobnet_id:k32!"),
    _icon(
        "ja_icon_job_table",
        "host_flag:i stop_flag:i command_type:i timeout:i host_name:v128! stop_code:v32 timeout_run_type:i",
    ),
    _icon("ja_job_command_table", "command:t!", key="command_cls", key_column="command_cls:i"),
    _icon("ja_value_job_table", "value_name:v128 value:t!", key="value_name"),
    _icon("ja_value_jobcon_table", "value_name:v128", key="value_name"),
    _icon("ja_icon_task_table", "submit_jobnet_id:k32!"),
    _icon("ja_icon_value_table", "value_name:v128 value:t!", key="value_name"),
    _icon(
        "ja_icon_fcopy_table",
        "from_host_flag:i to_host_flag:i overwrite_flag:i from_host_name:v128! from_directory:t! from_file_name:t!"
        " to_host_name:v128! to_directory:t!",
    ),
    _icon(
        "ja_icon_fwait_table",
        "host_flag:i fwait_mode_flag:i file_delete_flag:i file_wait_time:i host_name:v128! file_name:t!",
    ),
    _icon("ja_icon_reboot_table", "host_flag:i reboot_mode_flag:i reboot_wait_time:i host_name:v128! timeout:i"),
    _icon("ja_icon_release_table", "release_job_id:t!"),
    _icon("ja_icon_zabbix_link_table", "link_target:i link_operation:i groupid:b hostid:b itemid:b triggerid:b"),
    _icon(
        "ja_icon_agentless_table",
        "host_flag:i connection_method:i session_flag:i auth_method:i run_mode:i line_feed_code:i timeout:i"
        " session_id:v64 login_user:v256 login_password:v1034 public_key:t private_key:t passphrase:v1026 host_name:v128"
        " stop_code:v32 terminal_type:v80 character_code:v80 prompt_string:v256 command:t",
    ),
)

TABLES: Final[Mapping[str, Table]] = {table.name: table for table in _TABLES}
ROOTS: Final = ("All", "Calendar", "Filter", "Schedule", "Jobnet")
USER_INFO: Final = "UserInfo"
USER_TYPES: Final = ("SUPER", "ADMIN", "GENERAL")
