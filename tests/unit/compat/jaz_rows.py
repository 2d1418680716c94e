"""Exports as plain rows: the words the tests of this folder are written in."""

import re
import xml.etree.ElementTree as ET
from collections import Counter
from io import BytesIO

from jaz_lite.compat.jaz_xml import read_export, write_export

VERSION = "20240131235959"
ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
SPECIAL = re.compile("[&<>\r]")
USER = "<UserInfo><user_name>Admin</user_name><type>SUPER</type></UserInfo>"


def seal(text):
    """Stand in for the store's keys: what is sealed cannot be taken for what it was."""
    return f"sealed({text[::-1]})"


def unseal(text):
    assert text.startswith("sealed(")
    return text[7:-1][::-1]


def row(table, **columns):
    """Return the XML of a row; a column that is None is absent."""
    inner = "".join(
        f"<{name}>{SPECIAL.sub(lambda found: ESCAPES[found[0]], str(text))}</{name}>"
        for name, text in columns.items()
        if text is not None
    )
    return f"<{table}>{inner}</{table}>"


def export(*rows, root="All", user=USER):
    return f"<{root}>{user}{''.join(rows)}</{root}>".encode()


def jobnet_row(jobnet_id="NIGHT", version=VERSION, **columns):
    return row(
        "ja_jobnet_control_table",
        jobnet_id=jobnet_id,
        update_date=version,
        **{"user_name": "Admin", "jobnet_name": jobnet_id, "valid_flag": "1", **columns},
    )


def icon_row(icon_id, job_type, jobnet_id="NIGHT", version=VERSION, **columns):
    return row(
        "ja_job_control_table",
        jobnet_id=jobnet_id,
        job_id=icon_id,
        update_date=version,
        job_type=job_type,
        **columns,
    )


def settings_row(table, icon_id, jobnet_id="NIGHT", version=VERSION, **columns):
    return row(table, jobnet_id=jobnet_id, job_id=icon_id, update_date=version, **columns)


def flow_row(source, target, jobnet_id="NIGHT", version=VERSION, **columns):
    return row(
        "ja_flow_control_table",
        jobnet_id=jobnet_id,
        start_job_id=source,
        end_job_id=target,
        update_date=version,
        **columns,
    )


def job_rows(icon_id="J", **columns):
    """Return the rows of a job that echoes."""
    return (
        icon_row(icon_id, 4),
        settings_row("ja_icon_job_table", icon_id, host_name="a1", **columns),
        settings_row("ja_job_command_table", icon_id, command_cls="0", command="echo"),
    )


def rows_in(data):
    """Return how often each row is in an export; a row is its table and its columns in their order."""
    found = Counter()
    for element in ET.fromstring(data):
        found[element.tag, tuple((column.tag, column.text or "") for column in element)] += 1
    return found


def sorted_rows(data):
    """Return the rows of an export whatever the order of rows and columns."""
    rows = rows_in(data).items()
    return sorted((table, sorted(columns)) for (table, columns), count in rows for _ in range(count))


def read(data, **options):
    return read_export(data, file_name="f.xml", seal=seal, **options)


def written(found, *, with_secrets=True, **options):
    """Return an export of what was read, and what the writer warned of."""
    out = BytesIO()
    problems = write_export(
        found.documents,
        user_name=found.user_name,
        user_type=found.user_type,
        with_secrets=with_secrets,
        unseal=unseal,
        out=out,
        **{"root": found.kind, "years": range(2024, 2026), **options},
    )
    return out.getvalue(), problems


def told(found):
    """Return the problems of a reading as text."""
    return [f"{problem.severity} {problem.place}: {problem.message}" for problem in found.problems]
