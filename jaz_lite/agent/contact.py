"""What became of the last tries to reach a server, for `agent status`: kept on the disk, also while the agent is down.

Nothing is decided from it. It is written when something new happens, so a server that is away for a week costs one
write, and one line of the log at the default verbosity, for each reason.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgpack

from jaz_lite.agent.disk import Disk

FILE = "contact.msgpack"
ERRORS_MAX = 16
TEXT_CHARS_MAX = 400


@dataclass(slots=True)
class Contact:
    """address: of the present or last session, from at_ms on. errors: why, by address, since the last session.

    refused: what a server said that took us for nobody of its own.
    """

    address: str = ""
    at_ms: int = 0
    refused: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def trouble(self) -> str:
        """What is wrong, in one sentence; "" where nothing is."""
        return self.refused or "; ".join(f"{address}: {why}" for address, why in self.errors.items())


def load_contact(disk: Disk, folder: str) -> Contact:
    """Return what is on the disk; nothing where there is none, or it cannot be read."""
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError, msgpack.UnpackException):
        told: dict[str, Any] = msgpack.unpackb(disk.read(f"{folder}/{FILE}"))
        errors = {str(address): str(why) for address, why in told["errors"].items()}
        return Contact(str(told["address"]), int(told["at_ms"]), str(told["refused"]), errors)
    return Contact()


class ContactKeeper:
    """Takes down what happens."""

    def __init__(self, disk: Disk, folder: str) -> None:
        self._disk = disk
        self._folder = folder
        self._now = load_contact(disk, folder)

    def failed(self, address: str, why: str) -> bool:
        """An address did not lead to a session; return whether that is news."""
        why = why[:TEXT_CHARS_MAX]
        if self._now.errors.get(address) == why:
            return False
        self._now.errors[address] = why
        while len(self._now.errors) > ERRORS_MAX:
            del self._now.errors[next(iter(self._now.errors))]
        self._save()
        return True

    def refused(self, code: str, why: str) -> bool:
        """A server refused us; return whether that is news."""
        sentence = f"the server refuses this agent ({code}): {why}"[:TEXT_CHARS_MAX]
        if self._now.refused == sentence:
            return False
        self._now.refused = sentence
        self._save()
        return True

    def reached(self, address: str, at_ms: int) -> bool:
        """A session came about; return whether there was trouble before."""
        trouble = bool(self._now.trouble)
        self._now = Contact(address, at_ms)
        self._save()
        return trouble

    def _save(self) -> None:
        now = self._now
        told = {"address": now.address, "at_ms": now.at_ms, "refused": now.refused, "errors": now.errors}
        with suppress(OSError):  # a full disk has louder ways to be noticed
            self._disk.replace(f"{self._folder}/{FILE}", msgpack.packb(told))
