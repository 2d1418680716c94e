"""Random changes of any table at all, without knowing what it is for."""

import random
from dataclasses import dataclass
from typing import Any

import apsw

VALUES: dict[str, tuple[Any, ...]] = {
    "integer": (0, 1, 2, 3, 4, 5, -1, 2**63 - 1, -(2**63)),
    "text": ("", "a", "b", "c", "nul\0inside", "日本語", "0", "x" * 5_000),
    "blob": (b"", b"\0", b"a", bytes(16), b"\xff" * 8, bytes(5_000)),
    "real": (0.0, -0.0, 1.5, 1e300, float("inf"), 0.1 + 0.2),
}
VALUES["any"] = (*VALUES["integer"], *VALUES["text"], *VALUES["blob"], *VALUES["real"])
NOT_TOUCHED = ("commits",)  # only the store counts


@dataclass(frozen=True)
class Column:
    name: str
    values: tuple[Any, ...]


class AnyRows:
    """Changes rows of all tables of a connection that has constraints other than uniqueness switched off."""

    def __init__(self, connection: apsw.Connection, rng: random.Random) -> None:
        self._connection = connection
        self._rng = rng
        self.tables: dict[str, list[Column]] = {}
        names = connection.execute("select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'")
        for (table,) in names.fetchall():
            if table in NOT_TOUCHED:
                continue
            described = connection.execute(
                'select name, lower(type), "notnull", pk from pragma_table_xinfo(?) where hidden = 0', (table,)
            ).fetchall()
            self.tables[table] = [
                Column(f'"{name}"', VALUES[kind] if notnull or pk else (None, *VALUES[kind]))
                for name, kind, notnull, pk in described
            ]

    def change(self) -> None:
        """Make one change; one that would not be unique is left out, or puts others out."""
        table, columns = self._rng.choice(list(self.tables.items()))
        how = self._rng.choice(("insert", "insert", "replace", "update", "update", "exchange", "delete", "clear"))
        match how:
            case "insert" | "replace":
                names = ", ".join(column.name for column in columns)
                marks = ", ".join("?" * len(columns))
                word = "or replace" if how == "replace" else self._rng.choice(("or ignore", "or abort"))
                self._try(f'insert {word} into "{table}" ({names}) values ({marks})', *map(self._value, columns))
            case "update":
                some = self._rng.sample(columns, self._rng.randint(1, len(columns)))
                new = ", ".join(f"{column.name} = ?" for column in some)
                column = self._rng.choice(columns)
                word = self._rng.choice(("or replace", "or ignore", "or abort"))
                values = [*map(self._value, some), self._value(column)]
                self._try(f'update {word} "{table}" set {new} where {column.name} is ?', *values)
            case "exchange":
                self._exchange(table, columns)
            case "delete":
                column = self._rng.choice(columns)
                self._try(f'delete from "{table}" where {column.name} is ?', self._value(column))
            case _:
                if self._rng.random() < 0.1:
                    self._try(f'delete from "{table}"')

    def _exchange(self, table: str, columns: list[Column]) -> None:
        """Let two rows change places: out with both, in with each under what was the other's key or unique value."""
        names = ", ".join(column.name for column in columns)
        found = self._connection.execute(f'select {names} from "{table}" order by random() limit 2').fetchall()
        if len(found) < 2:
            return
        at = self._rng.randrange(len(columns))
        one, other = (list(row) for row in found)
        one[at], other[at] = other[at], one[at]
        where = " and ".join(f"{column.name} is ?" for column in columns)
        marks = ", ".join("?" * len(columns))
        self._connection.execute("savepoint exchange")
        try:
            for row in found:
                self._connection.execute(f'delete from "{table}" where {where}', row)
            for new in (one, other):
                self._connection.execute(f'insert into "{table}" ({names}) values ({marks})', new)
        except apsw.ConstraintError:
            self._connection.execute("rollback to exchange")
        self._connection.execute("release exchange")

    def _try(self, text: str, *values: Any) -> None:
        try:
            self._connection.execute(text, values)
        except apsw.ConstraintError:
            pass  # the statement was undone, the transaction goes on
        except apsw.FullError:
            pass  # the largest number is taken: there is none after it

    def _value(self, column: Column) -> Any:
        return self._rng.choice(column.values)
