"""The flow of a jobnet as text: one icon a line, branches indented, joins and ways back named.

START  start
MTS-1  parallel_start
├─ JOB-1  job
│  → MTE-1
└─ JOB-2  job
   → MTE-1
MTE-1  parallel_end
END-1  end
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

DEPTH_MAX = 100  # branches inside branches that are drawn


def drawn(document: dict[str, Any]) -> Iterator[str]:
    """Give the lines of the drawing of a jobnet's document."""
    return _Drawing(document).lines()


class _Drawing:
    def __init__(self, document: dict[str, Any]) -> None:
        self._icons = {icon["icon_id"]: icon for icon in document["icons"]}
        self._out: dict[str, list[tuple[str, str]]] = {name: [] for name in self._icons}
        self._in: Counter[str] = Counter()
        self._arrived: Counter[str] = Counter()
        self._done: set[str] = set()
        for flow in document["flows"]:
            if flow["source"] in self._icons and flow["target"] in self._icons:
                self._out[flow["source"]].append((flow["target"], flow["kind"]))
                self._in[flow["target"]] += 1

    def lines(self) -> Iterator[str]:
        starts = [name for name, icon in self._icons.items() if icon["type"] == "start" or not self._in[name]]
        for start in dict.fromkeys(starts):
            yield from self._chain(start, "", 0)
        # What is left is fed only by itself, or is a join whose other feeders never come.
        while left := [name for name in self._icons if name not in self._done]:
            fed = [name for name in left if self._arrived[name]]
            yield from self._chain((fed or left)[0], "", 0)

    def _chain(self, name: str, indent: str, depth: int, label: str = "") -> Iterator[str]:
        """Draw icons one below the other until they end, meet something drawn, or wait in a join for other branches."""
        here: str | None = name
        first = True
        while here is not None:
            yield (label if first else indent) + self._title(here)
            first = False
            self._done.add(here)
            targets = self._out[here]
            if len(targets) > 1:
                yield from self._branches(targets, indent, depth)
                here = self._complete_join()
                continue
            if not targets:
                return
            here, word = self._step(*targets[0])
            if word:
                yield indent + word

    def _branches(self, targets: list[tuple[str, str]], indent: str, depth: int) -> Iterator[str]:
        for number, (target, kind) in enumerate(targets):
            last = number == len(targets) - 1
            corner, bar = ("└─ ", "   ") if last else ("├─ ", "│  ")
            mark = "" if kind == "plain" else f"{kind}: "
            follower, word = self._step(target, kind)
            if follower is None or depth >= DEPTH_MAX:
                yield indent + corner + mark + (word or "…")
            else:
                yield from self._chain(follower, indent + bar, depth + 1, indent + corner + mark)

    def _step(self, target: str, _: str) -> tuple[str | None, str]:
        """Return the icon to draw next, or None and what to write instead."""
        self._arrived[target] += 1
        if target in self._done:
            return None, f"↑ {target}"
        is_join = self._in[target] > 1 and self._icons[target]["type"] != "loop"
        return (None, f"→ {target}") if is_join else (target, "")

    def _complete_join(self) -> str | None:
        """Return a join that all its branches have reached and that is not drawn yet."""
        for name, arrived in self._arrived.items():
            if name not in self._done and self._in[name] > 1 and arrived == self._in[name]:
                return name
        return None

    def _title(self, name: str) -> str:
        icon = self._icons[name]
        params = icon.get("params") or {}
        about = params.get("jobnet_id") or params.get("script") or params.get("command") or icon.get("name") or ""
        marks = "" if icon.get("mark", "normal") == "normal" else f"  [{icon['mark']}]"
        first_line = str(about).strip().splitlines()[:1]
        return f"{name}  {icon['type']}{marks}" + (f"  {first_line[0][:60]}" if first_line else "")
