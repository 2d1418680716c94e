"""The mark of a directory whose server was replaced (`fenced.json`, protocol.md 8.6).

While it is there the directory does not run as the server, however often it is started: only a deliberate takeover or
its becoming a standby takes the mark away.
"""

import json
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from jaz_lite.errors import StoreDamaged
from jaz_lite.failover.replaced import replaced
from jaz_lite.store.keys import sync_folder, write_private

FENCED_FILE = "fenced.json"
MARK_LOST = "it says which server took over; remove it only if this directory is to take over again"


@dataclass(frozen=True, slots=True, kw_only=True)
class FencedBy:
    """Who replaced this server, and how that became known."""

    term: int  # of the server that took over
    act: bytes  # 8 bytes, of its process
    addrs: tuple[str, ...]  # host:port where it may be found; may be empty
    seen_from: str  # the agent or server that told it
    at_ms: int  # when

    @property
    def handed_over(self) -> bool:
        """Whether the server gave the site away itself, with everything it had: it knows no process that took over."""
        return not any(self.act)


def read_fenced(folder: Path) -> FencedBy | None:
    """Return who replaced the server of a directory, or None where nobody did.

    Raises:
        StoreDamaged: the mark is there and cannot be read; the directory must not run.
    """
    path = folder / FENCED_FILE
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreDamaged(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise StoreDamaged(f"{path} is damaged", hint=MARK_LOST) from error
    try:
        fenced = json.loads(text)
        return FencedBy(
            term=int(fenced["term"]),
            act=bytes.fromhex(fenced["act"]),
            addrs=tuple(str(address) for address in fenced["addrs"]),
            seen_from=str(fenced["seen_from"]),
            at_ms=int(fenced["at_ms"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise StoreDamaged(f"{path} is damaged", hint=MARK_LOST) from error


def refuse_replaced(folder: Path, own_term: int, zone: tzinfo) -> None:
    """Refuse a directory whose server was replaced.

    Args:
        own_term: to which it was bound last.

    Raises:
        Fenced: with the sentence that was said when it became known.
    """
    by = read_fenced(folder)
    if by is not None:
        raise replaced(
            own_term,
            own_act=b"",
            term=by.term,
            act=by.act,
            addrs=by.addrs,
            seen_from=by.seen_from,
            at_ms=by.at_ms,
            zone=zone,
        )


def write_fenced(folder: Path, fenced: FencedBy) -> None:
    """Mark a directory, whole or not at all, and durably."""
    text = {
        "term": fenced.term,
        "act": fenced.act.hex(),
        "addrs": list(fenced.addrs),
        "seen_from": fenced.seen_from,
        "at_ms": fenced.at_ms,
    }
    write_private(folder / FENCED_FILE, json.dumps(text, indent=2).encode() + b"\n")


def clear_fenced(folder: Path) -> None:
    """Take the mark away, durably; nothing happens where there is none."""
    path = folder / FENCED_FILE
    if path.exists():
        path.unlink()
        sync_folder(folder)
