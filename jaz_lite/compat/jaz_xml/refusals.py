"""What Job Arranger would refuse in a row, or has nothing like: told at export. Only an icon type is in the way of it.

JAZ counts names in bytes of Shift-JIS and its databases hold one text column a field; we count characters.
Source: JAZ manager 3.0.0, field rules; objects.md section 2.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from jaz_lite.compat.jaz_codes import FILE_WAIT_MODE, ICON_TYPE
from jaz_lite.compat.jaz_xml.markup import has_impossible
from jaz_lite.compat.jaz_xml.tables import TABLES
from jaz_lite.model.jobnet import Jobnet
from jaz_lite.model.plain import Definition
from jaz_lite.model.problem import Place, Problem

# Columns JAZ's manager bounds in bytes of Shift-JIS.
_BYTES_MAX: Final[Mapping[str, int]] = {
    "calendar_name": 64,
    "filter_name": 64,
    "schedule_name": 64,
    "jobnet_name": 64,
    "job_name": 64,
    "memo": 100,
    "formula": 100,
    "comparison_value": 4000,
    "command": 4000,
    "from_directory": 1024,
    "from_file_name": 1024,
    "to_directory": 1024,
    "file_name": 1024,
    "release_job_id": 1024,
    "get_job_id": 1024,
}
_VALUE_BYTES_MAX: Final = 4000  # of the columns named `value`
_ASCII_ONLY: Final = frozenset(("formula", "release_job_id", "public_key", "private_key"))

# Our fields that JAZ has no column for, with the value that means the same as having none.
_ICON_EXTRAS: Final[Mapping[str, Any]] = {"retries": 0}
_SETTING_EXTRAS: Final[Mapping[str, tuple[str, Any]]] = {"loop": ("loop_limit", 0), "task": ("hand_over", [])}
_SCHEDULE_EXTRAS: Final[Mapping[str, Any]] = {
    "late_start": "error",
    "grace_min": 0,
    "zone": "",
    "end_by": "",
    "end_within_min": 0,
}


def refusals(table: str, values: Mapping[str, str | None], place: Place) -> Iterator[Problem]:
    """Give a warning for each text of a row that JAZ would refuse, or that XML cannot hold."""
    columns = TABLES[table].by_name
    for name, text in values.items():
        if not text:
            continue
        where = replace(place, icon_id=values.get("job_id") or "", field=f"{table} {name}")
        column = columns.get(name)
        if column is not None and len(text) > column.chars_max:
            yield _warning(where, f"is longer than the {column.chars_max} characters of JAZ's column")
        if has_impossible(text):
            yield _warning(where, "holds a control character, which XML cannot; it is written as \ufffd")
        if name in _ASCII_ONLY and not text.isascii():
            yield _warning(where, "holds characters that are not ASCII; JAZ takes only ASCII here")
        elif name in _BYTES_MAX or name == "value":
            yield from _in_shift_jis(text, _BYTES_MAX.get(name, _VALUE_BYTES_MAX), where)


def unknown_icons(definition: Definition, place: Place) -> Iterator[Problem]:
    """Give an error for each icon that JAZ has nothing like: its type, or what it does."""
    known = ICON_TYPE.values()
    for icon in definition.icons if isinstance(definition, Jobnet) else ():
        lacking = ""
        if icon.type not in known:
            lacking = f'no icon type "{icon.type}"'
        elif icon.type == "file_wait" and (mode := icon.params.get("mode", "appear")) not in FILE_WAIT_MODE.values():
            lacking = f'no file wait of mode "{mode}"'
        elif icon.type == "file_wait" and icon.params.get("wildcards"):
            lacking = "no file wait with wildcards"
        if lacking:
            message = f"Job Arranger has {lacking}; this version of the jobnet is left out"
            yield Problem(replace(place, icon_id=icon.icon_id), message)


def left_out(kind: str, document: Mapping[str, Any], place: Place) -> Iterator[Problem]:
    """Give a warning for each setting of a document that JAZ has nothing like."""
    if kind == "schedule":
        yield from _extras(document, _SCHEDULE_EXTRAS, place)
        for number, jobnet in enumerate(document["jobnets"]):
            if jobnet["variables"]:
                where = replace(place, field=f"jobnets[{number}].variables")
                yield _warning(where, "is left out; Job Arranger has nothing like it")
    for icon in document.get("icons", ()):
        where = replace(place, icon_id=icon["icon_id"])
        yield from _extras(icon, _ICON_EXTRAS, where)
        if icon["type"] in _SETTING_EXTRAS:
            name, nothing = _SETTING_EXTRAS[icon["type"]]
            yield from _extras(icon["params"], {name: nothing}, where)


def _extras(plain: Mapping[str, Any], extras: Mapping[str, Any], place: Place) -> Iterator[Problem]:
    for name, nothing in extras.items():
        if plain[name] != nothing:
            yield _warning(replace(place, field=name), "is left out; Job Arranger has nothing like it")


def _in_shift_jis(text: str, bytes_max: int, place: Place) -> Iterator[Problem]:
    # Python's name for the Shift-JIS that Windows uses, and so JAZ's manager.
    size = len(text.encode("cp932", errors="replace"))
    if size > bytes_max:
        yield _warning(place, f"has {size} bytes in Shift-JIS; JAZ takes at most {bytes_max}")
    try:
        text.encode("cp932")
    except UnicodeEncodeError as fault:
        message = f'holds "{text[fault.start]}", which Shift-JIS does not have; JAZ\'s manager may refuse it'
        yield _warning(place, message)


def _warning(place: Place, message: str) -> Problem:
    return Problem(place, message, severity="warning")
