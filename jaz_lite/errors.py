"""Errors, in families named after the person who must act.

Every error is one sentence that names the object, and a hint when a remedy is likely. The exit codes are those of
the commands (see the manual, page "Exit codes"). Anything that is not a `JazLiteError` is a fault of ours.
"""

from typing import ClassVar


class JazLiteError(Exception):
    """What went wrong, in one sentence, with an optional hint."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


# ---- the author of a definition, or the person at the keyboard


class DefinitionError(JazLiteError):
    """A definition, or a document that should hold one, is wrong."""


class UsageError(JazLiteError):
    """What was asked for makes no sense as asked."""

    exit_code = 2


class NoSuchObject(JazLiteError):
    """The object named does not exist."""

    exit_code = 8


class NotPermitted(JazLiteError):
    """The person may not do this."""

    exit_code = 7


# ---- the operator of runs


class Refused(JazLiteError):
    """The run or icon is not in a state that allows what was asked."""


class TimeLimitReached(JazLiteError):
    """`--timeout` passed; the run goes on."""

    exit_code = 10


# ---- the administrator of the installation


class Fenced(JazLiteError):
    """Another server of this site has taken over.

    term, act, addrs, seen_from: whose term it is, where that server may be found, and who told it. A term of 0: nobody
    took over, but a later state of this directory is known.
    """

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        term: int = 0,
        act: bytes = b"",
        addrs: "tuple[str, ...]" = (),
        seen_from: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.term = term
        self.act = act
        self.addrs = addrs
        self.seen_from = seen_from


class NotBoundHere(JazLiteError):
    """The data directory belongs to another machine or place."""

    exit_code = 4


class AlreadyRunning(JazLiteError):
    """Another server seems active on this data directory."""

    exit_code = 5


class StoreDamaged(JazLiteError):
    """The store, the spool or the disk is damaged or full."""

    exit_code = 6


class DiskFull(StoreDamaged):
    """The disk of the store is full; what was saved is safe, and nothing new is started until there is room."""


class Unreachable(JazLiteError):
    """The server cannot be reached."""

    exit_code = 9


# ---- the peer at the other end of a link


class ProtocolError(JazLiteError):
    """A link broke its rules; the link is closed."""


class LocalProtocolError(ProtocolError):
    """Our side asked the link for something its state does not allow: a fault of ours."""


class RemoteProtocolError(ProtocolError):
    """The other side sent what the protocol forbids."""
