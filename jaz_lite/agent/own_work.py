"""What a site asks of the work that the agent's own process does: one object a kind and a site.

It says what happened by a call that its maker gave it; the shell hands that on to `Site.own_said`. The words are listed
there and in `own_attempts.py`. It may speak inside `begin` and `end`, or any time later.
"""

from collections.abc import Mapping
from typing import Any, Protocol

Said = tuple[Any, ...]


class OwnWork(Protocol):
    """Work of one kind for one site. It is idempotent: it may be begun again after any crash."""

    def begin(self, k: bytes, spec: Mapping[str, Any], *, again: bool) -> None:
        """Begin some work; say "started" soon, and later how it ended.

        Args:
            k: the attempt; never one that is at work already.
            spec: its checked work order.
            again: an earlier process of the agent may have begun it, and got anywhere.
        """

    def end(self, k: bytes, why: str) -> None:
        """End it soon: say "cancelled", or how it ended. Of what is not at work, nothing is to be said.

        Args:
            why: `kill`, `timeout` or `setback`.
        """

    def drop(self) -> None:
        """Forget all of it and say nothing: the log is begun anew."""
