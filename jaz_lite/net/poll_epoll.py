"""A stand-in for `select.epoll` on systems that have nothing but `poll`: AIX, HP-UX and other Unixes.

trio knows epoll and kqueue only. What it asks of epoll is given here on top of `select.poll`; `trio_anywhere` puts it
in place. The contract is epoll's own, so the same tests try both:

    register    EBADF for what is not open, EEXIST for what is known already, EPERM for plain files and folders
    modify      ENOENT for what is not known; a descriptor that was closed meanwhile is forgotten, EBADF
    unregister  ENOENT for what is not known
    poll        seconds, rounded up to what poll can count, so that nobody wakes before the time and turns in circles;
                at most `maxevents`, and then those that had to wait come first the next time
    EPOLLONESHOT  one delivery, then silence until `modify`
    close       a descriptor that was closed behind our back is forgotten without a word

One difference: a descriptor that was closed, and whose number was given to another file before anybody looked, still
counts as known. trio does not mind: it tries `modify` first.
"""

import errno
import math
import os
import select
import stat
from contextlib import suppress
from types import TracebackType
from typing import Protocol

# Linux's numbers; nobody but trio sees them, and trio by name only.
EPOLLIN, EPOLLPRI, EPOLLOUT, EPOLLERR, EPOLLHUP = 0x1, 0x2, 0x4, 0x8, 0x10
EPOLLRDHUP = 0x2000
EPOLLONESHOT = 1 << 30
EPOLL_CLOEXEC = 0x80000
TIMEOUT_MS_MAX = 2**31 - 1

_WANTED_NAMES = ((EPOLLIN, "POLLIN"), (EPOLLPRI, "POLLPRI"), (EPOLLOUT, "POLLOUT"))
_TOLD_NAMES = (*_WANTED_NAMES, (EPOLLERR, "POLLERR"), (EPOLLHUP, "POLLHUP"))
# The bits of poll differ between systems (AIX's do), so they are translated by name and never passed through.
# Windows has no poll at all, and never comes here.
_WANTED = tuple((ours, getattr(select, name)) for ours, name in _WANTED_NAMES if hasattr(select, name))
_TOLD = tuple((ours, getattr(select, name)) for ours, name in _TOLD_NAMES if hasattr(select, name))
_NOT_WATCHABLE = (stat.S_IFREG, stat.S_IFDIR)


class HasFileno(Protocol):
    """What a descriptor can be asked of."""

    def fileno(self) -> int:
        """Return the descriptor."""


class PollEpoll:
    """See the module."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._masks: dict[int, int] = {}
        self._turn = 0
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def close(self) -> None:
        """Forget everything; may be said twice."""
        self._closed = True
        self._masks.clear()

    def fileno(self) -> int:
        """Fail: there is no descriptor behind it."""
        self._must_be_open()
        raise _error(errno.ENOSYS)

    def __enter__(self) -> "PollEpoll":
        self._must_be_open()
        return self

    def __exit__(
        self, kind: "type[BaseException] | None", error: "BaseException | None", trace: "TracebackType | None"
    ) -> None:
        self.close()

    def register(self, fd: "int | HasFileno", eventmask: int = EPOLLIN | EPOLLOUT | EPOLLPRI) -> None:
        """Watch a descriptor."""
        self._must_be_open()
        number = _number(fd)
        mode = os.fstat(number).st_mode
        if number in self._masks:
            raise _error(errno.EEXIST)
        if stat.S_IFMT(mode) in _NOT_WATCHABLE:
            raise _error(errno.EPERM)
        self._arm(number, eventmask)

    def modify(self, fd: "int | HasFileno", eventmask: int) -> None:
        """Watch a known descriptor for something else, or again after its one delivery."""
        self._must_be_open()
        number = _number(fd)
        try:
            os.fstat(number)
        except OSError:
            self._forget(number)
            raise
        if number not in self._masks:
            raise _error(errno.ENOENT)
        self._arm(number, eventmask)

    def unregister(self, fd: "int | HasFileno") -> None:
        """Stop to watch a descriptor."""
        self._must_be_open()
        number = _number(fd)
        if number not in self._masks:
            raise _error(errno.ENOENT)
        self._forget(number)

    def poll(self, timeout: "float | None" = None, maxevents: int = -1) -> list[tuple[int, int]]:
        """Return what happened, as pairs of descriptor and EPOLL bits; nothing when the time is over."""
        self._must_be_open()
        if maxevents != -1 and maxevents <= 0:
            raise ValueError(f"maxevents must be greater than 0, got {maxevents}")
        ms = None if timeout is None or timeout < 0 else min(math.ceil(timeout * 1000), TIMEOUT_MS_MAX)
        while True:
            ready = self._poll.poll(ms)
            told = self._told(ready, maxevents)
            if told or not ready:
                return told
            # Only closed descriptors spoke, and they are forgotten now: what is left of the time is little or all.
            ms = None if ms is None else 0

    def _told(self, ready: list[tuple[int, int]], maxevents: int) -> list[tuple[int, int]]:
        told: list[tuple[int, int]] = []
        if 0 < maxevents < len(ready):
            self._turn += maxevents
            start = self._turn % len(ready)
            ready = ready[start:] + ready[:start]
        for number, bits in ready:
            if bits & select.POLLNVAL:
                self._forget(number)
                continue
            if len(told) == maxevents:
                continue
            if self._masks[number] & EPOLLONESHOT:
                self._poll.unregister(number)
            told.append((number, sum(ours for ours, theirs in _TOLD if bits & theirs)))
        return told

    def _arm(self, number: int, mask: int) -> None:
        self._masks[number] = mask
        # Also where nothing is wanted: errors and hang-ups are told in any case.
        self._poll.register(number, sum(theirs for ours, theirs in _WANTED if mask & ours))

    def _forget(self, number: int) -> None:
        if self._masks.pop(number, None) is not None:
            with suppress(KeyError):  # silent since its one delivery
                self._poll.unregister(number)

    def _must_be_open(self) -> None:
        if self._closed:
            raise ValueError("I/O operation on closed epoll object")


def install() -> None:
    """Put the stand-in where programs look for epoll."""
    names = ("EPOLLIN", "EPOLLPRI", "EPOLLOUT", "EPOLLERR", "EPOLLHUP", "EPOLLRDHUP", "EPOLLONESHOT", "EPOLL_CLOEXEC")
    for name in names:
        setattr(select, name, globals()[name])
    select.epoll = PollEpoll  # type: ignore[assignment,misc,unused-ignore]


def _number(fd: "int | HasFileno") -> int:
    number = fd if isinstance(fd, int) else fd.fileno()
    if number < 0:
        raise _error(errno.EBADF)
    return number


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
