"""Applying the rows of a change set, row by row, whatever order they come in.

Not SQLite's own applier: that prepares its statements anew for each change set, which costs a standby ten times as much
for a small one. The statements here are constant texts, kept prepared by the connection.

Only values are written. Triggers and foreign keys have had their effect where the change was made, and must not have it
again: the connection has both switched off.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import apsw

from jaz_lite.store.changes import NeedsCopy

Values = tuple[Any, ...]


@dataclass(frozen=True)
class _Table:
    name: str
    columns: tuple[
        str, ...
    ]  # as a change set has them: without generated ones, with the row number where it is the key
    keys: tuple[int, ...]

    @cached_property
    def where(self) -> str:
        return " and ".join(f"{self.columns[at]} = ?" for at in self.keys)

    @cached_property
    def insert(self) -> str:
        marks = ", ".join("?" * len(self.columns))
        columns = ", ".join(self.columns)
        return f"insert into {self.name} ({columns}) values ({marks})"  # noqa: S608  # names of our own schema, quoted

    @cached_property
    def delete(self) -> str:
        return f"delete from {self.name} where {self.where}"  # noqa: S608  # as above

    @cached_property
    def select(self) -> str:
        columns = ", ".join(self.columns)
        return f"select {columns} from {self.name} where {self.where}"  # noqa: S608  # as above

    def key(self, values: Values) -> Values:
        return tuple(values[at] for at in self.keys)


@dataclass(frozen=True, slots=True)
class _Update:
    table: _Table
    key: Values
    new: Values  # `apsw.no_change` where it stays


class RowChanges:
    """Applies change sets to one database."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._tables: dict[str, _Table] = {}
        self._updates: dict[tuple[str, tuple[int, ...]], str] = {}

    def apply(self, rows: bytes) -> None:
        """Write the rows of a change set, inside the transaction that is open.

        Raises:
            NeedsCopy: a row is not there that should be, or is there that should not: this is not the copy the change
                set was made for. The transaction must be rolled back.

        Notes:
            What is deleted goes first and what is new comes last, so that values which must be unique are free when
            they are wanted. Rows that exchange such values are taken out and put back.
        """
        updates: list[_Update] = []
        inserts: list[tuple[_Table, Values]] = []
        try:
            for change in apsw.Changeset.iter(rows):
                table = self._table(change)
                if change.opcode == apsw.SQLITE_DELETE:
                    assert change.old is not None, "a deletion names its row"
                    self._one(table, table.delete, table.key(change.old))
                elif change.opcode == apsw.SQLITE_UPDATE:
                    assert change.old is not None, "an update names its row"
                    assert change.new is not None, "an update has values"
                    updates.append(_Update(table, table.key(change.old), change.new))
                else:
                    assert change.new is not None, "an insertion has values"
                    inserts.append((table, change.new))
            self._update(updates)
            for table, values in inserts:
                self._one(table, table.insert, values)
        except apsw.ConstraintError as error:
            raise NeedsCopy(f"a change does not fit the copy: {error}") from error
        except apsw.CorruptError as error:
            raise NeedsCopy(f"a change set cannot be read: {error}") from error

    def _update(self, updates: list[_Update]) -> None:
        waiting = updates
        while waiting:
            stuck = [update for update in waiting if not self._updated(update)]
            if len(stuck) == len(waiting):
                self._exchange(stuck)
                return
            waiting = stuck

    def _updated(self, update: _Update) -> bool:
        changed = tuple(at for at, value in enumerate(update.new) if value is not apsw.no_change)
        text = self._updates.get((update.table.name, changed))
        if text is None:
            table = update.table
            values = ", ".join(f"{table.columns[at]} = ?" for at in changed)
            text = f"update {table.name} set {values} where {table.where}"  # noqa: S608  # as above
            self._updates[table.name, changed] = text
        try:
            self._one(update.table, text, (*(update.new[at] for at in changed), *update.key))
        except apsw.ConstraintError:
            return False  # another row still holds a value that must be unique
        return True

    def _exchange(self, updates: list[_Update]) -> None:
        whole: list[tuple[_Table, Values]] = []
        for update in updates:
            table = update.table
            old = self._connection.execute(table.select, update.key).fetchone()
            if old is None:
                raise NeedsCopy(f"a row of {table.name} that changed is not in the copy")
            new = tuple(was if now is apsw.no_change else now for was, now in zip(old, update.new, strict=True))
            whole.append((table, new))
            self._one(table, table.delete, update.key)
        for table, new in whole:
            self._one(table, table.insert, new)

    def _one(self, table: _Table, text: str, values: Values) -> None:
        self._connection.execute(text, values)
        if self._connection.changes() != 1:
            raise NeedsCopy(f"a row of {table.name} that changed is not in the copy")

    def _table(self, change: apsw.TableChange) -> _Table:
        table = self._tables.get(change.name)
        if table is None:
            table = self._tables[change.name] = _described(self._connection, change.name)
        if len(table.columns) != change.column_count or set(table.keys) != change.pk_columns:
            raise NeedsCopy(f"table {change.name} has other columns in the copy")
        return table


def _described(connection: apsw.Connection, name: str) -> _Table:
    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    found = connection.execute("select name, pk from pragma_table_xinfo(?) where hidden = 0 order by cid", (name,))
    columns = [(quoted(column), int(pk)) for column, pk in found]
    if not columns:
        raise NeedsCopy(f"the copy has no table {name}")
    if not any(pk for _, pk in columns):
        columns.insert(0, ("_rowid_", 1))
    return _Table(
        name=quoted(name),
        columns=tuple(column for column, _ in columns),
        keys=tuple(at for at, (_, pk) in enumerate(columns) if pk),
    )
