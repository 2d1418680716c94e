"""How the truth gets to see what the product commits: by standing beside a few of its methods (see `tests.sim`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jaz_lite.model.fact import Fact
from jaz_lite.model.run import Run
from jaz_lite.store.journal import Journal
from jaz_lite.store.runs import Runs
from jaz_lite.store.transaction import Transaction
from tests.schedules.truth import Truth
from tests.sim.observe import patched


@contextmanager
def watched(truth: Truth) -> Iterator[None]:
    """Let the truth see one site."""
    init, commit = Transaction.__init__, Transaction.commit
    insert, save, add = Runs.insert, Runs.save, Journal.add

    def begin(self: Transaction, *arguments: Any) -> None:
        init(self, *arguments)
        truth.begun()

    def committed(self: Transaction) -> None:
        commit(self)
        truth.committed()

    def inserted(self: Runs, run: Run, **more: Any) -> None:
        insert(self, run, **more)
        truth.tx.inserted.append(run)

    def saved(self: Runs, run: Run, *more: Any, **others: Any) -> None:
        save(self, run, *more, **others)
        truth.tx.saved[run.run_id] = run

    def told(self: Journal, at_ms: int, run_id: int | None, path: str, fact: Fact) -> None:
        add(self, at_ms, run_id, path, fact)
        truth.tx.facts.append((run_id, fact))

    with patched(
        (Transaction, "__init__", begin),
        (Transaction, "commit", committed),
        (Runs, "insert", inserted),
        (Runs, "save", saved),
        (Journal, "add", told),
    ):
        yield
