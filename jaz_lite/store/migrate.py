"""Bringing a database to the present format: numbered files, upwards only.

The number of the last one applied is `user_version`. Each migration is one transaction; before the first of them
touches an existing file, that file is copied beside itself. A file of a newer program is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import apsw

from jaz_lite.errors import StoreDamaged
from jaz_lite.store.connection import APPLICATION_ID


@dataclass(frozen=True, slots=True)
class Migration:
    """One step upwards. `needs` is the first version of the program that knows the format it leads to."""

    number: int
    needs: str
    text: str


def migrations() -> tuple[Migration, ...]:
    """Return all steps, in order. They are listed, not searched for: a frozen program has no directory to look in."""
    return (
        Migration(1, "0.1.0", _text("0001.sql")),
        Migration(2, "0.2.0", _text("0002.sql")),
        Migration(3, "0.2.0", _text("0003.sql")),
        Migration(4, "0.2.0", _text("0004.sql")),
        Migration(5, "0.2.0", _text("0005.sql")),
        Migration(6, "0.2.0", _text("0006.sql")),
        Migration(7, "0.2.0", _text("0007.sql")),
        Migration(8, "0.2.0", _text("0008.sql")),
        Migration(9, "0.2.0", _text("0009.sql")),
        Migration(10, "0.2.0", _text("0010.sql")),
        Migration(11, "0.2.0", _text("0011.sql")),
        Migration(12, "0.2.0", _text("0012.sql")),
        Migration(13, "0.2.0", _text("0013.sql")),
        Migration(14, "0.2.0", _text("0014.sql")),
    )


def _text(name: str) -> str:
    return (resources.files("jaz_lite.store.migrations") / name).read_text("utf-8")


def upgrade(
    connection: apsw.Connection, path: Path, steps: Sequence[Migration], *, at_ms: int, vfs: str | None = None
) -> Path | None:
    """Bring the database to the format of the last step.

    Args:
        path: of the database; the copy is put beside it.
        at_ms: the present time, for the record.

    Returns:
        Where the copy of the old file is; None for a new file and for one that needed nothing.

    Raises:
        StoreDamaged: the file is newer than this program, or is not ours.
    """
    assert [step.number for step in steps] == list(range(1, len(steps) + 1)), "migrations are numbered 1, 2, ..."
    check(connection, path, steps)
    present = int(connection.pragma("user_version"))
    todo = steps[present:]
    copy = _copied(connection, path, present, vfs) if present and todo else None
    for step in todo:
        connection.execute("begin immediate")
        try:
            connection.execute(step.text)
            connection.execute(
                "insert into upgrades (number, needs, at_ms) values (?, ?, ?)", (step.number, step.needs, at_ms)
            )
            if connection.table_exists("main", "commits"):
                # A copy of another format has another position: it cannot be brought up to this one by changes.
                connection.execute("update commits set mark = randomblob(8)")
            connection.execute(f"pragma application_id = {APPLICATION_ID}")
            connection.execute(f"pragma user_version = {step.number}")
            connection.execute("commit")
        except BaseException:
            if connection.in_transaction:
                connection.execute("rollback")
            raise
    return copy


def check(connection: apsw.Connection, path: Path, steps: Sequence[Migration]) -> None:
    """Refuse a file that is not ours, or whose format this program does not know.

    Raises:
        StoreDamaged: with a sentence that says which version of the program is needed.
    """
    present = int(connection.pragma("user_version"))
    empty = connection.execute("select 1 from sqlite_schema limit 1").fetchone() is None
    if not empty and int(connection.pragma("application_id")) != APPLICATION_ID:
        raise StoreDamaged(f"{path} is not a database of jaz_lite", hint="is it the right folder?")
    if present > len(steps):
        row = connection.execute("select needs from upgrades where number = ?", (present,)).fetchone()
        needs = row[0] if row is not None else "a newer version"
        raise StoreDamaged(
            f"{path} was written by a newer jaz_lite (format {present}; this program knows up to {len(steps)})",
            hint=f"use jaz_lite {needs} or later, or the copy that was made before the upgrade",
        )


def _copied(connection: apsw.Connection, path: Path, present: int, vfs: str | None) -> Path:
    """Copy the database as it is; a copy that an interrupted upgrade left is overwritten."""
    copy = path.with_name(f"{path.name}.format-{present}")
    target = apsw.Connection(str(copy), vfs=vfs)
    try:
        with target.backup("main", connection, "main") as backup:
            backup.step()
    finally:
        target.close()
    return copy
