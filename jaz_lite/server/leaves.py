"""What several tasks failed with at once, looked through for the one thing that can be acted on."""

from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T", bound=BaseException)


def first_of(group: BaseExceptionGroup[BaseException], kind: type[T]) -> T | None:
    """Return the first exception of a kind in a group, however deep; None where there is none."""
    return next(_leaves(group, kind), None)


def _leaves(group: BaseExceptionGroup[BaseException], kind: type[T]) -> Iterator[T]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error, kind)
        elif isinstance(error, kind):
            yield error
