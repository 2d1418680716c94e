"""A port: the server's end of one connection to an agent, as the runner sees it."""

from collections.abc import Callable

from jaz_lite.wire.happenings import InventoryItem
from jaz_lite.wire.server_core import ServerLink


class Port:
    """One connection.

    `flush` has what was put into the link's buffer sent; `close` drops the connection; `greet` says welcome with what
    the server has to tell every agent (its ticket, other addresses, heartbeat).
    """

    __slots__ = ("agent_id", "close", "conn", "flush", "greet", "inventory", "link", "spool", "synced", "up")

    def __init__(
        self,
        link: ServerLink,
        *,
        flush: Callable[[], None],
        close: Callable[[], None],
        greet: Callable[[ServerLink, bytes, int, bytes], None],
    ) -> None:
        self.link = link
        self.flush = flush
        self.close = close
        self.greet = greet  # (link, spool, cursor, chain)
        self.agent_id = ""
        self.conn = 0
        self.spool = b""
        self.up = False  # welcomed
        self.synced = False  # may be given work
        self.inventory: list[InventoryItem] = []
