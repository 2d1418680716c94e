"""The standbys of an active: who follows, inviting one more, and handing the site over to one (protocol.md 8.5).

A handover loses nothing: no turn is made any more, everything committed is at the standby, and only then this server
marks itself as replaced. Until the mark is written it can go back; from then on it is over here, whatever becomes of
the standby.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import trio

from jaz_lite.errors import Fenced, Refused
from jaz_lite.net.dial import parse_address
from jaz_lite.runner.turns import Turns
from jaz_lite.server.peers_door import Guest, PeersDoor
from jaz_lite.server.peers_following import Following
from jaz_lite.store.fencing import FencedBy, clear_fenced, write_fenced
from jaz_lite.wire.ident import epoch_and_boot, term_of
from jaz_lite.wire.limits import SERVER_PORT
from jaz_lite.wire.peers import PeerStatus

NOT_KNOWN_YET = bytes(8)  # the process that takes over draws its own
SWITCHOVER = "switchover"
SEEN_FROM = "the standby to which the site was handed over"
READY_LOOK_S = 0.001
KEEPS_UP_S = 10.0  # so long the standby may take for the last changes
ANSWERS_S = 10.0  # and to say that it takes over
BEHIND_S_MAX = 5.0  # more than that, and no switch is begun

log = logging.getLogger(__name__)

Told = Callable[[str], Awaitable[None]]


class Standbys:
    """See the module.

    Args:
        fence: ends this server: another one took over.
    """

    def __init__(
        self,
        peers: PeersDoor,
        turns: Turns,
        *,
        describe: Callable[[], PeerStatus],
        fence: Callable[[Fenced], None],
    ) -> None:
        self._peers = peers
        self._turns = turns
        self._describe = describe
        self._fence = fence

    def invite(self, valid_s: float) -> tuple[bytes, bytes]:
        """Let one machine fetch a copy; see `PeersDoor.invite`."""
        return self._peers.invite(valid_s)

    def shown(self) -> list[dict[str, Any]]:
        """Return who follows, as JSON tells it."""
        lsn = self._describe().lsn
        return [
            {"who": lag.who, "state": lag.state, "behind_changes": lag.changes, "behind_s": lag.seconds}
            for lag in self._peers.lags(lsn)
        ]

    async def switch_over(self, to: str, told: Told) -> dict[str, Any]:
        """Hand the site over, and end this server.

        Args:
            to: host or address of the standby; "": the only one.

        Raises:
            Refused: there is no such standby, it does not keep up, or the mark cannot be written: this server goes on.
                Or it took everything and did not say that it takes over: this server has ended all the same.
        """
        guest = self._chosen(to)
        following = guest.following
        assert following is not None, "who was chosen follows"
        where = _reached_at(guest)
        await told(f"no new work is begun here; the standby {following.who} gets what it does not have yet")
        self._turns.halt(SWITCHOVER, on=True)
        try:
            lsn = await self._shipped(following)
            term = term_of(epoch_and_boot(self._turns.term)[0] + 1, 0)
            at_ms = self._turns.clock.now_ms()
            self._mark(FencedBy(term=term, act=NOT_KNOWN_YET, addrs=(where,), seen_from=SEEN_FROM, at_ms=at_ms))
        except BaseException:
            self._turns.halt(SWITCHOVER, on=False)
            raise
        log.warning("the site is handed over", extra={"action": "switchover", "to": where, "lsn": lsn})
        # From here on it is over, also where the person who asked for it went away.
        with trio.CancelScope(shield=True):
            guest.link.hand_over(lsn, term)
            following.flush()
            with trio.move_on_after(ANSWERS_S):
                await following.until(lambda: following.taken_over)
            self._fence(
                Fenced(
                    f"this server handed the site over to {where}, which has everything up to change {lsn}",
                    hint=f"to make it the standby: jaz-lite standby run --from {where}",
                    term=term,
                    act=NOT_KNOWN_YET,
                    addrs=(where,),
                    seen_from=SEEN_FROM,
                )
            )
        if not following.taken_over:
            raise Refused(
                f"the standby {following.who} has everything, but did not say that it takes over; this server has ended",
                hint="there: jaz-lite standby status; where it is still a standby: jaz-lite activate",
            )
        return {"to": where, "term": term, "changes": lsn}

    def _mark(self, by: FencedBy) -> None:
        """Mark this directory as replaced, durably; where that fails, take back what there may be of the mark.

        Raises:
            Refused: it failed. The standby was not told anything, so this server goes on.
        """
        folder = self._turns.store.folder
        try:
            write_fenced(folder, by)
        except OSError as fault:
            why = f"the mark that this directory was replaced cannot be written ({fault.strerror}); this server goes on"
            try:
                clear_fenced(folder)
            except OSError as left:
                log.error("the mark cannot be taken away", extra={"action": "switchover.mark", "why": str(left)})
                raise Refused(
                    f"{why}, and what there is of the mark may keep it from its next start",
                    hint="look after its disk; its next start, if refused: jaz-lite activate --after-fence",
                ) from fault
            raise Refused(why, hint="look after its disk before anything else") from fault

    async def _shipped(self, following: Following) -> int:
        """Wait until a standby has everything that was committed; no turn is made meanwhile.

        Raises:
            Refused: it takes too long.
        """
        changes = self._turns.store.changes
        with trio.move_on_after(KEEPS_UP_S):
            while not changes.ready:  # a commit is still on its way to the disk
                await trio.sleep(READY_LOOK_S)
            lsn = changes.position.lsn
            changes.committed()
            await following.until(lambda: following.state == "following" and following.confirmed >= lsn)
            return lsn
        raise Refused(
            f"the standby {following.who} did not take the last changes within {KEEPS_UP_S:.0f} s; this server goes on",
            hint="`jaz-lite status` says how far it is behind",
        )

    def _chosen(self, to: str) -> Guest:
        found = [
            guest
            for guest in self._peers.guests
            if guest.following is not None and guest.following.who and _is_called(guest, to)
        ]
        names = ", ".join(sorted(one["who"] for one in self.shown()))
        if not found:
            which = f'no standby "{to}" follows' if to else "no standby follows"
            raise Refused(which, hint=f"these do: {names}" if names else "there: jaz-lite standby run --from HOST")
        if len(found) > 1:
            raise Refused(f"{len(found)} standbys follow: {names}", hint="say which: jaz-lite switchover HOST")
        (guest,) = found
        assert guest.following is not None
        lag = guest.following.lag(self._describe().lsn)
        if lag.state != "following" or lag.seconds > BEHIND_S_MAX:
            raise Refused(
                f"the standby {lag.who} is {lag.state} and {lag.changes} changes behind",
                hint="wait until `jaz-lite status` says that it has everything",
            )
        return guest


def _is_called(guest: Guest, to: str) -> bool:
    assert guest.following is not None
    who = guest.following.who
    return to in ("", who, guest.address, who.rpartition(":")[0], _reached_at(guest))


def _reached_at(guest: Guest) -> str:
    """Return where others reach a standby: where it came from, at the port where it says that it listens.

    Notes:
        Of an IPv6 address only the network is known here; then it is what the standby says of itself.
    """
    assert guest.following is not None
    said = parse_address(guest.following.who, SERVER_PORT)
    return str(said) if "/" in guest.address or ":" in guest.address else f"{guest.address}:{said.port}"
