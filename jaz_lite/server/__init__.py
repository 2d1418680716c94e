"""The server: builds the house, opens the doors in order, and closes them in reverse.

`run_up` is what `jaz-lite up` calls: engine and embedded agent in one foreground process (the agent is a child).
"""

from jaz_lite.server.house import Ready
from jaz_lite.server.start import run_up

__all__ = ["Ready", "run_up"]
