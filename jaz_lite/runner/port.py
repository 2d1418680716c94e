"""A port: the server's end of one connection to an agent, as the runner sees it."""

from collections.abc import Callable

from jaz_lite.wire.happenings import InventoryItem, Metric
from jaz_lite.wire.server_core import ServerLink


class Port:
    """One connection.

    `flush` has what was put into the link's buffer sent; `close` drops the connection; `greet` says welcome with what
    the server has to tell every agent (its ticket, other addresses, heartbeat).
    """

    __slots__ = (
        "agent_id",
        "boot",
        "clock_doubted",
        "clock_offset_ms",
        "close",
        "conn",
        "features",
        "flush",
        "gap",
        "gone",
        "greet",
        "inventory",
        "link",
        "metric",
        "peer",
        "spool",
        "spool_said",
        "synced",
        "synced_at",
        "up",
    )

    def __init__(
        self,
        link: ServerLink,
        *,
        peer: str = "",
        flush: Callable[[], None],
        close: Callable[[], None],
        greet: Callable[[ServerLink, bytes, int, bytes], None],
    ) -> None:
        self.link = link
        self.flush = flush
        self.close = close
        self.greet = greet  # (link, spool, cursor, chain)
        self.peer = peer  # the address at the other end
        self.agent_id = ""
        self.conn = 0
        self.boot = b""
        self.features: frozenset[str] = frozenset()  # what both ends know beyond the version
        self.gap = False  # events between the cursor and its log are lost
        self.spool = b""
        self.spool_said = b""  # in its hello, before it was perhaps given another one
        self.gone = False  # the connection is over
        self.up = False  # welcomed
        self.synced = False  # may be given work
        self.synced_at = 0.0  # on the clock of the link
        self.metric: Metric | None = None  # what the agent said last of itself
        self.clock_offset_ms: int | None = None  # how much its clock is ahead of ours
        self.clock_doubted = False  # what it said last of its clock may only have been long under way
        self.inventory: dict[bytes, InventoryItem] = {}  # until synced: of what it told, that which may matter
