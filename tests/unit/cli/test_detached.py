"""`--detach`, seen from the server that goes on in the background."""

import os

import pytest

from jaz_lite.cli.detach import tell_ready
from jaz_lite.cli.session import READY_VARIABLE


def test_a_server_comes_up_although_the_terminal_that_started_it_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    told, ready = os.pipe()
    monkeypatch.setenv(READY_VARIABLE, str(ready))
    os.close(told)

    tell_ready()

    assert READY_VARIABLE not in os.environ
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(ready)
