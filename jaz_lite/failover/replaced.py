"""The sentence that a server says when it learns that it is not the server any more (protocol.md 8.6)."""

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

from jaz_lite.errors import Fenced
from jaz_lite.wire.ident import epoch_and_boot


def replaced(
    own_term: int,
    *,
    term: int,
    act: bytes,
    addrs: Sequence[str],
    seen_from: str,
    at_ms: int,
    zone: tzinfo = UTC,
) -> Fenced:
    """Return what to tell people, and what is to be kept of it.

    Args:
        term, act: of the server that took over; proven. addrs: where it may be found.
        seen_from: who told it: "agent web01".
        at_ms: when.
    """
    epoch, boot = epoch_and_boot(term)
    own_epoch, own_boot = epoch_and_boot(own_term)
    if epoch == own_epoch:
        return _set_back(boot - own_boot + 1, boot, own_boot, addrs, seen_from)
    at = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)
    who = f"the server at {', '.join(addrs)}" if addrs else "another server"
    place = addrs[0] if addrs else "HOST"
    it_says = seen_from in {f"the server at {addr}" for addr in addrs}
    how = f"{seen_from} is active with epoch {epoch}" if it_says else f"{seen_from} accepted epoch {epoch} of {who}"
    return Fenced(
        f"this server was replaced: {how}, as was learnt at"
        f" {at.isoformat(sep=' ', timespec='seconds')}; this server (epoch {own_epoch}) has stopped",
        hint=f"to make it the standby again: jaz-lite standby run --from {place}; to take over deliberately:"
        " jaz-lite activate --after-fence",
        term=term,
        act=act,
        addrs=tuple(addrs),
        seen_from=seen_from,
    )


def _set_back(starts: int, boot: int, own_boot: int, addrs: Sequence[str], seen_from: str) -> Fenced:
    """Nobody took over: that begins a new epoch. These are two states of one data directory."""
    where = f" ({', '.join(addrs)})" if addrs else ""
    return Fenced(
        f"this data directory was set back, or a copy of it runs elsewhere{where}: {seen_from} knows start {boot} of"
        f" it, and this is start {own_boot}",
        hint=f"stop the copy and use its directory; if there is none, start this one again ({starts} more"
        f" {'start is' if starts == 1 else 'starts are'} needed to get ahead)",
    )
