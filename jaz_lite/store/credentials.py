"""Credentials on their way: new keys that agents have not used yet, and who has the site's next certificate."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from jaz_lite.store.connection import Sql
from jaz_lite.store.keys import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class NextKey:
    """A key that replaces an agent's present one at the first session in which it is used."""

    kid: int
    key: bytes
    at_ms: int


class Credentials:
    """What is on its way to agents."""

    def __init__(self, sql: Sql, keys: Callable[[], Keys]) -> None:
        self._sql = sql
        self._keys = keys

    def next_key(self, agent_id: str) -> NextKey | None:
        """Return the key that is on its way to an agent, or None."""
        row = self._sql.row("select kid, key, at_ms from next_keys where agent_id = ?", (agent_id,))
        return None if row is None else NextKey(kid=row[0], key=self._keys().unseal(row[1]), at_ms=row[2])

    def put_next_key(self, agent_id: str, key: NextKey) -> None:
        """Send an agent a new key; one that was on its way is replaced."""
        self._sql.run(
            "insert or replace into next_keys (agent_id, kid, key, at_ms) values (?, ?, ?, ?)",
            (agent_id, key.kid, self._keys().seal(key.key), key.at_ms),
        )

    def drop_next_key(self, agent_id: str) -> None:
        """It arrived, or is wanted no more."""
        self._sql.run("delete from next_keys where agent_id = ?", (agent_id,))

    def pins(self) -> Mapping[str, bytes]:
        """Return which next certificate (its SHA-256) each agent has made durable."""
        return {str(agent_id): bytes(pin) for agent_id, pin in self._sql.rows("select agent_id, pin from next_pins")}

    def has_pin(self, agent_id: str, pin: bytes) -> bool:
        """Tell whether an agent has made this next certificate durable."""
        row = self._sql.row("select pin from next_pins where agent_id = ?", (agent_id,))
        return row is not None and row[0] == pin

    def put_pin(self, agent_id: str, pin: bytes) -> None:
        """An agent has made the next certificate durable."""
        self._sql.run("insert or replace into next_pins (agent_id, pin) values (?, ?)", (agent_id, pin))

    def drop_pins(self) -> None:
        """There is no next certificate any more."""
        self._sql.run("delete from next_pins")

    def forget(self, agent_id: str) -> None:
        """Drop whatever was on its way to an agent."""
        self.drop_next_key(agent_id)
        self._sql.run("delete from next_pins where agent_id = ?", (agent_id,))
