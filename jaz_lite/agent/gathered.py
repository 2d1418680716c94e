"""What a pass of the agent's core leads to, gathered until `take`, in the one order that is safe.

    keep long work orders ─► append events ─► one flush for all of them ─► tell the keeper, do own work
                                                                            ─► answer the server

Pure. An event that nobody waits for is appended at once and flushed with the next one, or after `FLUSH_S`. What the
server does not wait for (`QUIET`) is sent with what it does wait for, or after `FLUSH_S`: a short job costs one message.
"""

from typing import Any

from jaz_lite.agent import effects as fx
from jaz_lite.agent.attempts import Moment
from jaz_lite.wire.frames import pack

FLUSH_S = 0.05  # the longest that an event which nobody waits for stays undurable, and unsent
QUIET = frozenset(("accepted", "started"))


class Gathered:
    """The effects to come. `head`: number of the newest event; `strict`: events that somebody waits for are flushed."""

    def __init__(self, *, strict: bool) -> None:
        self.head = 0
        self.flush_due: float | None = None
        self.hurry = 0  # number of the newest event that the server waits for
        self.send_due: float | None = None  # when the others are to be sent
        self._strict = strict
        self._save: list[fx.Effect] = []
        self._append: list[bytes] = []
        self._tell: list[list[Any]] = []
        self._own: list[fx.Effect] = []
        self._say: list[fx.Effect] = []
        self._must_sync = False

    def event(self, now: Moment, k: bytes | None, e: str, fields: dict[str, Any], *, wait: bool) -> int:
        """Append an event and return its number."""
        self.head += 1
        self._append.append(pack([self.head, now.wall_ms * 1_000_000, k, e, fields]))
        if e not in QUIET:
            self.hurry = self.head
        elif self.send_due is None:
            self.send_due = now.mono + FLUSH_S
        if wait and self._strict:
            self._must_sync = True
        elif self.flush_due is None:
            self.flush_due = now.mono + FLUSH_S
        return self.head

    def sent(self, number: int) -> None:
        """The events up to `number` were sent."""
        if number >= self.head:
            self.send_due = None

    def save(self, effect: fx.Effect) -> None:
        """Do this before any event is written."""
        self._save.append(effect)

    def tell(self, message: list[Any]) -> None:
        """Tell the keeper, after the flush."""
        self._tell.append(message)

    def own(self, effect: fx.BeginOwn | fx.EndOwn) -> None:
        """Have the agent's own process begin or end some work, after the flush."""
        self._own.append(effect)

    def say(self, effect: fx.Effect) -> None:
        """Do this last."""
        self._say.append(effect)

    def flush(self) -> None:
        """Make durable what was appended."""
        self._must_sync = True

    def drop_messages(self) -> None:
        """There is no keeper to be told."""
        self._tell.clear()

    @property
    def urgent(self) -> bool:
        """Whether there is something that must not wait for `flush_due`."""
        return bool(self._must_sync or self._tell or self._own or self._say or self._save)

    def take(self) -> list[fx.Effect]:
        """Return what is to be done now, in order."""
        effects, self._save = self._save, []
        if self._append:
            effects.append(fx.Append(tuple(self._append)))
            self._append = []
        if self._must_sync:
            effects.append(fx.Sync())
            self._must_sync, self.flush_due = False, None
        if self._tell:
            effects.append(fx.TellKeeper(tuple(self._tell)))
            self._tell = []
        effects += self._own + self._say
        self._own, self._say = [], []
        return effects
