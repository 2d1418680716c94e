"""A standby that waits for the votes of the agents: when it does not even ask them."""

from pathlib import Path

import trio
import trio.testing

from jaz_lite import config
from jaz_lite.clock import VirtualClock
from jaz_lite.server.promotion import ASK_AGAIN_S, Promotion
from jaz_lite.store.fencing import FencedBy, write_fenced
from jaz_lite.wire.ident import term_of
from tests.store.copies import site


async def test_a_replaced_server_that_does_not_follow_yet_is_not_elected(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """Agents that did not hear of the other one would elect what is behind it, for its own epoch once more."""
    folder = site(tmp_path / "data").folder
    write_fenced(folder, FencedBy(term=term_of(2, 0), act=b"a" * 8, addrs=(), seen_from="the server at b:1", at_ms=5))
    settings = config.read(folder).over("the test", {"failover.auto_promote": True})
    promotion = Promotion(folder, settings, VirtualClock(), unheard_s=lambda: 1_000.0)

    with trio.move_on_after(ASK_AGAIN_S):
        await promotion.elected()

    assert "was replaced" in promotion.why_not
