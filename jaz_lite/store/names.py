"""The dictionary of names that repeat: jobnets, hosts, agents, users, paths, kinds. Rows hold their numbers."""

from jaz_lite.store.connection import Sql


def number_of(sql: Sql, name: str) -> int:
    """Return the number of a name; a new one where it has none yet."""
    memory = sql.memory
    number = memory.number_of.get(name)
    if number is None:
        number = find_number(sql, name)
        if number is None:
            row = sql.row("insert into names (name) values (?) returning id", (name,))
            assert row is not None
            number = int(row[0])
            memory.keep_name(number, name)
    return number


def find_number(sql: Sql, name: str) -> int | None:
    """Return the number of a name, or None where no row can hold it."""
    number = sql.memory.number_of.get(name)
    if number is None:
        row = sql.row("select id from names where name = ?", (name,))
        if row is not None:
            number = int(row[0])
            sql.memory.keep_name(number, name)
    return number


def name_of(sql: Sql, number: int) -> str:
    """Return the name behind a number that a row holds."""
    name = sql.memory.name_of.get(number)
    if name is None:
        row = sql.row("select name from names where id = ?", (number,))
        assert row is not None, f"a row names {number}, which is no name"
        name = str(row[0])
        sql.memory.keep_name(number, name)
    return name
