"""What a connection remembers between transactions, so that it need not be asked for again."""

from collections.abc import Mapping
from typing import Any

import msgpack

NAMES_MAX = 50_000
FIRST_ICONS_MAX = 50_000


def _plain(value: object) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no plain value")


class Memory:
    """Numbers of names, places of icon rows, the next due time.

    All of it can be read again. A rollback forgets everything: what was learnt inside it may not exist.
    """

    __slots__ = (
        "agents_version",
        "definitions_version",
        "due_is_known",
        "first_icons",
        "journal_version",
        "name_of",
        "next_due_ms",
        "number_of",
        "packer",
        "settings_version",
    )

    def __init__(self) -> None:
        self.number_of: dict[str, int] = {}
        self.name_of: dict[int, str] = {}
        self.first_icons: dict[int, int] = {}  # by run_id
        self.agents_version = 0  # grows when it changes who may connect, or is to be dialled, and where
        self.journal_version = 0  # grows with every line of the journal
        self.definitions_version = 0  # grows with every change of a definition, or of which version is enabled
        self.settings_version = 0  # grows with every change of a setting
        self.due_is_known = False
        self.next_due_ms: int | None = None
        # One packer for all maps: making one costs more than packing a small map. Lone surrogates come from
        # decoded job output and must survive.
        self.packer = msgpack.Packer(default=_plain, unicode_errors="surrogatepass")

    def forget(self) -> None:
        """Drop everything learnt."""
        self.number_of.clear()
        self.name_of.clear()
        self.first_icons.clear()
        self.due_is_known = False
        self.next_due_ms = None

    def keep_name(self, number: int, name: str) -> None:
        """Remember a name and its number."""
        if len(self.number_of) >= NAMES_MAX:
            self.number_of.clear()
            self.name_of.clear()
        self.number_of[name] = number
        self.name_of[number] = name

    def keep_first_icon(self, run_id: int, first_icon: int) -> None:
        """Remember where the icon rows of a run begin."""
        if len(self.first_icons) >= FIRST_ICONS_MAX:
            self.first_icons.clear()
        self.first_icons[run_id] = first_icon

    def pack(self, value: Any) -> bytes:
        """Return a map or a list as msgpack."""
        packed: bytes = self.packer.pack(value)
        return packed


def unpack(data: bytes) -> Any:
    """Return what `Memory.pack` packed; lists stay lists."""
    return msgpack.unpackb(data, unicode_errors="surrogatepass", strict_map_key=False)
