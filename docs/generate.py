"""`python -m docs.generate`: write the pages that are read from the program. `tests/test_docs.py` keeps them current."""

import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
HEAD = """# Icon types

Written from the program by `make docs`; do not edit. The number is JAZ's code; a type without one is ours alone, and an
export to JAZ leaves its jobnets out.
"""
SOURCE = re.compile(r"^Source:.*", re.MULTILINE | re.DOTALL)  # always last; for those who read the code
FIELD = re.compile(r"^\s+(?P<name>\w+):[^#]*?(?:#\s*(?P<note>.*))?$")


def icon_types() -> str:
    """Return the page of all icon types with their settings."""
    from jaz_lite.icons import REGISTRY

    return "\n".join([HEAD, *(icon_type(kind) for kind in REGISTRY.values())])


def icon_type(kind: Any) -> str:
    """Return the section of one icon type."""
    number = "" if kind.jaz_code is None else f" ({kind.jaz_code})"
    purpose, _, more = (inspect.getdoc(kind) or "").partition("\n\n")
    text = SOURCE.sub("", more).strip()
    parts = [f"## {kind.name}{number}\n", " ".join(purpose.split()) + "\n"]
    if text:
        parts.append(text + "\n")
    return "\n".join([*parts, _settings(kind.Params)])


def _settings(params: Any) -> str:
    fields = dataclasses.fields(params)
    if not fields:
        return "No settings.\n"
    notes = _notes(params)
    rows = ["| setting | default | |", "| --- | --- | --- |"]
    rows += [f"| `{one.name}` | {_default(one)} | {notes.get(one.name, '')} |" for one in fields]
    return "\n".join(rows) + "\n"


def _default(one: "dataclasses.Field[Any]") -> str:
    if one.default is not dataclasses.MISSING:
        return "" if one.default in (None, "", ()) else f"`{one.default}`"
    return "" if one.default_factory is not dataclasses.MISSING else "required"


def _notes(params: Any) -> dict[str, str]:
    """Return the comment beside each field: it is the description that authors of icon types write."""
    notes = {}
    for line in inspect.getsource(params).splitlines():
        if match := FIELD.match(line):
            notes[match["name"]] = (match["note"] or "").replace("|", "\\|")
    return notes


PAGES = {"icon-types.md": icon_types}


def main() -> None:
    """Write all generated pages."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")
        print(f"wrote docs/{name}")


if __name__ == "__main__":
    main()
