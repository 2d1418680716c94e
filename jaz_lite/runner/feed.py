"""The feed: what watchers of runs, and readers of the journal, are told after each commit.

A watcher has a bounded queue. One that does not keep up loses what does not fit and is told so (`{"kind": "gap"}`);
the engine never waits for a watcher.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import tzinfo
from typing import Any

from jaz_lite.engine.view import icon_to_json, run_head
from jaz_lite.model.fact import Fact
from jaz_lite.model.run import Run

WATCHER_QUEUE_MAX = 4_096


class Watcher:
    """One who watches a run. `wake` is called when something new is in the queue.

    A quiet one is told only of icons in doubt, and of the run once it is no longer just running.
    """

    __slots__ = ("gap", "items", "quiet", "run_id", "wake")

    def __init__(self, run_id: int, wake: Callable[[], None], *, quiet: bool = False) -> None:
        self.run_id = run_id
        self.wake = wake
        self.quiet = quiet
        self.items: deque[Mapping[str, Any]] = deque()
        self.gap = False

    def push(self, item: Mapping[str, Any]) -> None:
        """Add one piece of news, or remember that one was lost."""
        if len(self.items) >= WATCHER_QUEUE_MAX:
            self.gap = True
            return
        if self.gap:
            self.items.append({"kind": "gap"})
            self.gap = False
        self.items.append(item)


class Feed:
    """All watchers, by run."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._watchers: dict[int, list[Watcher]] = {}
        self._loud: set[int] = set()  # runs that somebody watches who is not quiet
        self._held: list[tuple[int, bool, Mapping[str, Any]]] = []
        self.journal_version = 0  # grows when lines of the journal are committed
        self._journal_readers: list[Callable[[], None]] = []

    def watch(self, run_id: int, wake: Callable[[], None], *, quiet: bool = False) -> Watcher:
        """Return a new watcher of a run; give it back to `leave`."""
        watcher = Watcher(run_id, wake, quiet=quiet)
        self._watchers.setdefault(run_id, []).append(watcher)
        if not quiet:
            self._loud.add(run_id)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """Forget a watcher."""
        left = [other for other in self._watchers.get(watcher.run_id, ()) if other is not watcher]
        if left:
            self._watchers[watcher.run_id] = left
        else:
            self._watchers.pop(watcher.run_id, None)
        if all(other.quiet for other in left):
            self._loud.discard(watcher.run_id)

    def when_journal_grows(self, wake: Callable[[], None]) -> None:
        """Have `wake` called once, after the next commit that wrote lines of the journal."""
        self._journal_readers.append(wake)

    def cease(self, wake: Callable[[], None]) -> None:
        """Forget a `wake` that was not called."""
        if wake in self._journal_readers:
            self._journal_readers.remove(wake)

    # ---- called by turns

    def journal_is_at(self, version: int) -> None:
        """Wake the readers of the journal if it has grown."""
        if version == self.journal_version:
            return
        self.journal_version = version
        readers, self._journal_readers = self._journal_readers, []
        for wake in readers:
            wake()

    def fact(self, run_id: int, at_ms: int, path: str, fact: Fact) -> None:
        """Hold a fact for the watchers until the commit."""
        if run_id in self._loud:
            news = {"kind": "fact", "fact": fact.kind, "severity": fact.severity, "path": path, "at_ms": at_ms}
            self._held.append((run_id, False, {**news, "data": dict(fact.data)}))

    def output(self, run_id: int, source: Mapping[str, Any], stream: int, offset: int, data: bytes) -> None:
        """Hold a piece of output for the watchers until the commit.

        Args:
            source: path, pass and attempt of the icon, and the encoding of the output.
        """
        if run_id in self._loud:
            news = {"kind": "output", **source, "stream": stream, "offset": offset, "data": data}
            self._held.append((run_id, False, news))

    def run(self, run: Run, nodes: Iterable[int]) -> None:
        """Tell the committed state of a run and of its changed icons."""
        if run.run_id not in self._watchers:
            return
        loud = run.run_id in self._loud
        for node in nodes:
            important = run.icons[node].doubt is not None
            if loud or important:
                news = {"kind": "icon", **icon_to_json(run, node, self._zone)}
                self._held.append((run.run_id, important, news))
        important = run.state != "running"
        if loud or important:
            self._held.append((run.run_id, important, {"kind": "run", **run_head(run, self._zone)}))

    def at_once(self, run_id: int, item: Mapping[str, Any]) -> None:
        """Tell the watchers of a run something that is in no transaction."""
        for watcher in self._watchers.get(run_id, ()):
            if not watcher.quiet:
                watcher.push(item)
                watcher.wake()

    def release(self) -> None:
        """Give what was held to the watchers and wake them."""
        held, self._held = self._held, []
        woken: dict[int, Watcher] = {}
        for run_id, important, item in held:
            for watcher in self._watchers.get(run_id, ()):
                if important or not watcher.quiet:
                    watcher.push(item)
                    woken[id(watcher)] = watcher
        for watcher in woken.values():
            watcher.wake()

    def drop(self) -> None:
        """The turn failed: what was held never happened."""
        self._held.clear()
