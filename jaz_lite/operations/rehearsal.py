"""Writing as a rehearsal: everything is done and judged as it would be, and then undone."""

from collections.abc import Callable
from typing import Any, TypeVar

from jaz_lite.operations.site import Site
from jaz_lite.store.transaction import Transaction

T = TypeVar("T")


class _Undone(Exception):  # not an error: it carries the answer of a rehearsal out of its transaction
    def __init__(self, answer: Any) -> None:
        self.answer = answer


async def write(site: Site, work: Callable[[Transaction], T], *, dry_run: bool) -> T:
    """Return what `work` gives; with `dry_run` nothing of what it did stays."""

    def rehearsed(tx: Transaction) -> T:
        raise _Undone(work(tx))

    if not dry_run:
        return await site.write(work)
    try:
        return await site.write(rehearsed)
    except _Undone as rehearsal:
        answer: T = rehearsal.answer
        return answer
