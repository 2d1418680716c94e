"""What an idle agent costs the server: a thousand of them are there all day."""

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from jaz_lite.runner.desk import Desk
from jaz_lite.runner.port import Port
from jaz_lite.wire.identities import SiteIdentity
from jaz_lite.wire.server_core import ServerLink

MADE = 500
SITE = SiteIdentity(site_uid=bytes(16), server_id="test", term=1, act=bytes(8), cert_sha256=bytes(32))


def link(number: int = 0) -> ServerLink:
    return ServerLink(SITE, nonce=bytes(32), now=float(number), find_agent=lambda _name, _kid: None)


ONE_LINK = link()


@pytest.mark.parametrize(
    ("make", "bytes_max"),
    [
        pytest.param(link, 1_800, id="link"),
        pytest.param(lambda number: Desk(str(number)), 1_100, id="desk"),
        pytest.param(
            lambda _number: Port(ONE_LINK, peer="", flush=print, close=print, greet=lambda *_: None), 1_000, id="port"
        ),
    ],
)
def test_nothing_is_made_for_an_idle_agent_that_only_a_busy_one_needs(
    make: Callable[[int], Any], bytes_max: int
) -> None:
    kept = [make(number) for number in range(10)]
    gc.collect()
    tracemalloc.start()
    try:
        kept += [make(number) for number in range(MADE)]
        each = tracemalloc.get_traced_memory()[0] / MADE
    finally:
        tracemalloc.stop()

    assert each < bytes_max
