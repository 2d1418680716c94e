"""What an active says of itself to the other servers of its site, and what it makes of what they say.

It tells and asks them as long as it lives: an active that was cut off, and whose agents nobody can dial, learns in this
way that it was replaced.
"""

from collections.abc import Callable, Sequence
from datetime import tzinfo

import trio

from jaz_lite.clock import Clock
from jaz_lite.errors import Fenced
from jaz_lite.failover.replaced import replaced
from jaz_lite.server.peers_asking import ask_peers
from jaz_lite.store.open import Store
from jaz_lite.wire.peers import PeerStatus

EVERY_S = 30.0


class PeersWatch:
    """See the module.

    Args:
        fence: called when this server was replaced. addrs: where this server is found.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        site_uid: bytes,
        term: int,
        act: bytes,
        ticket: bytes,
        zone: tzinfo,
        fence: Callable[[Fenced], None],
        addrs: Callable[[], tuple[str, ...]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._site_uid = site_uid
        self._term = term
        self._act = act
        self._ticket = ticket
        self._zone = zone
        self._fence = fence
        self._addrs = addrs

    def describe(self) -> PeerStatus:
        """Return what this server is."""
        with self._store.snapshot() as view:
            site, position = view.term.site(), view.commits.position()
        return PeerStatus(
            state="active",
            term=self._term,
            act=self._act,
            ticket=self._ticket,
            last_tick_ms=site.last_tick_ms or 0,
            lsn=position.lsn,
            addrs=self._addrs(),
        )

    def heard(self, told: PeerStatus, address: str) -> None:
        """A server of this site says what it is: with a proven higher term, this one has been replaced."""
        if not (told.beats(self._term, self._act) and told.is_proven(self._store.keys.fence_key, self._site_uid)):
            return
        # Who comes to our door shows no more than the network it came from.
        place = told.addrs[0] if told.state == "active" and told.addrs else address
        self._fence(
            replaced(
                self._term,
                own_act=self._act,
                term=told.term,
                act=told.act,
                addrs=told.addrs or ((address,) if told.state == "active" else ()),
                seen_from=f"the server at {place}",
                at_ms=self._clock.now_ms(),
                zone=self._zone,
            )
        )

    async def keep_asking(self, peers: Sequence[str]) -> None:
        """Tell the peers what this server is and hear what they are, now and then; returns where there are none."""
        while peers:
            for answer in await ask_peers(peers, self._store.keys, self._site_uid, own=self.describe()):
                if answer.status is not None:
                    self.heard(answer.status, answer.address)
            await trio.sleep(EVERY_S)
