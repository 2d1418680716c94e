"""The sentence that a server says when it learns that it is not the server any more (protocol.md 8.6)."""

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

from jaz_lite.errors import Fenced
from jaz_lite.wire.ident import epoch_and_boot, line_of


def replaced(
    own_term: int,
    *,
    own_act: bytes,
    term: int,
    act: bytes,
    addrs: Sequence[str],
    seen_from: str,
    at_ms: int,
    zone: tzinfo = UTC,
) -> Fenced:
    """Return what to tell people, and what is to be kept of it.

    Args:
        own_act: empty where it is not known; then it is of another line than `act`.
        term, act: of the server that took over; proven. addrs: where it may be found.
        seen_from: who told it: "agent web01".
        at_ms: when.
    """
    epoch, boot = epoch_and_boot(term)
    own_epoch, own_boot = epoch_and_boot(own_term)
    if epoch == own_epoch and line_of(own_act) == line_of(act):
        return _set_back(boot, own_boot, addrs, seen_from)
    at = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).isoformat(sep=" ", timespec="seconds")
    who = f"the server at {', '.join(addrs)}" if addrs else "another server"
    place = addrs[0] if addrs else "HOST"
    it_says = seen_from in {f"the server at {addr}" for addr in addrs}
    if epoch == own_epoch:
        how = f"{seen_from} is the other one" if it_says else f"{seen_from} goes by {who}"
        message = f"two copies of this site were activated with epoch {epoch}, and this one gave way: {how}, as was"
        message += f" learnt at {at}; this server has stopped"
    else:
        how = f"{seen_from} is active with epoch {epoch}" if it_says else f"{seen_from} accepted epoch {epoch} of {who}"
        message = f"this server was replaced: {how}, as was learnt at {at}; this server (epoch {own_epoch}) has stopped"
    return Fenced(
        message,
        hint=f"to make it the standby again: jaz-lite standby run --from {place}; to take over deliberately:"
        " jaz-lite activate --after-fence",
        term=term,
        act=act,
        addrs=tuple(addrs),
        seen_from=seen_from,
    )


def _set_back(boot: int, own_boot: int, addrs: Sequence[str], seen_from: str) -> Fenced:
    """Nobody took over: that begins a new epoch. These are two states of one data directory."""
    where = f" ({', '.join(addrs)})" if addrs else ""
    return Fenced(
        f"this data directory was set back, or a copy of it runs elsewhere{where}: {seen_from} knows start {boot} of"
        f" it, and this is start {own_boot}",
        hint="stop the copy and use its directory; if there is none, take over with this one: jaz-lite activate",
    )
