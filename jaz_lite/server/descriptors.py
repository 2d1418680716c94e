"""Descriptors: every agent is one, and many systems allow a process only 1,024 unless it asks for more.

Jobs must not notice: programs that wait with `select` break beyond 1,024. So the embedded agent, which starts them, is
given back what the server was started with.
"""

import contextlib
import resource

WANTED = 16_384

_before: tuple[int, int] | None = None


def allow_many_descriptors() -> None:
    """Raise the limit of this process as far as it may; where it may not, fewer agents can be connected."""
    global _before  # noqa: PLW0603 - the limit is one of the process
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        _before = (soft, hard)


def give_back_descriptors(pid: int) -> None:
    """Give a child the limit that this process was started with; it has started nothing by now."""
    if _before is not None and hasattr(resource, "prlimit"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, _before)
