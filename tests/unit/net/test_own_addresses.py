"""Which addresses a server tells: the kernel is asked, and nobody on the network."""

import socket
import sys

import pytest

from jaz_lite.net.own_addresses import own_addresses


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the kernel cannot be asked like this")
def test_no_name_is_looked_up_to_find_ones_own_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **_more: asked.append(args) or [])

    own_addresses()

    assert asked == [], "a name server that does not answer would hold the server up"
