"""Which addresses a server tells: the kernel is asked, and nobody on the network."""

import socket
import sys

import pytest

from jaz_lite.net.dial import Address
from jaz_lite.net.own_addresses import is_here, own_addresses


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the kernel cannot be asked like this")
def test_no_name_is_looked_up_to_find_ones_own_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **_more: asked.append(args) or [])

    own_addresses()

    assert asked == [], "a name server that does not answer would hold the server up"


@pytest.mark.parametrize("host", [f"{'a' * 70}.example", "a..b"])
def test_a_name_that_no_name_server_could_know_is_not_this_machine(host: str) -> None:
    assert not is_here(Address(host, 11061), 11061)
