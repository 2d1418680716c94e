"""A jobnet as a graph: what reaches what, which icons lie on circles, and on which decisions a line depends."""

from collections.abc import Iterator

from jaz_lite.icons import REGISTRY
from jaz_lite.model.jobnet import FlowKind, Jobnet

Terms = dict[str, FlowKind]  # condition -> the branch it must take


class Graph:
    """The icons and lines of one jobnet. Lines to icons that are not there are left out."""

    def __init__(self, jobnet: Jobnet) -> None:
        self.types = {icon.icon_id: icon.type for icon in jobnet.icons}
        self.targets: dict[str, list[tuple[str, FlowKind]]] = {icon: [] for icon in self.types}
        self.sources: dict[str, list[tuple[str, FlowKind]]] = {icon: [] for icon in self.types}
        for flow in jobnet.flows:
            if flow.source in self.types and flow.target in self.types:
                self.targets[flow.source].append((flow.target, flow.kind))
                self.sources[flow.target].append((flow.source, flow.kind))

    def reached_from_start(self, without: str = "") -> set[str]:
        """Return the icons that a start leads to; `without`: as if this icon let nothing through."""
        starts = [icon for icon, type_ in self.types.items() if type_ == "start"]
        return self._reached(starts, without, "")

    def reached_from(self, icon: str, *, stop: str) -> list[str]:
        """Return the icons after `icon` in the order of the jobnet; icons of the type `stop` let nothing through."""
        found = self._reached([target for target, _ in self.targets[icon]], "", stop)
        return [each for each in self.types if each in found]

    def _reached(self, first: list[str], without: str, stop: str) -> set[str]:
        found = set(first)
        waiting = list(first)
        while waiting:
            icon = waiting.pop()
            if icon == without or self.types[icon] == stop:
                continue
            for target, _ in self.targets[icon]:
                if target not in found:
                    found.add(target)
                    waiting.append(target)
        return found

    def circles(self) -> list[set[str]]:
        """Return the sets of icons that reach each other, in the order they are found (Tarjan, without recursion)."""
        found: list[set[str]] = []
        index: dict[str, int] = {}
        low: dict[str, int] = {}
        stack: list[str] = []
        on_stack: set[str] = set()
        for root in self.types:
            if root in index:
                continue
            work: list[tuple[str, Iterator[tuple[str, FlowKind]]]] = [(root, iter(self.targets[root]))]
            index[root] = low[root] = len(index)
            stack.append(root)
            on_stack.add(root)
            while work:
                icon, rest = work[-1]
                for target, _ in rest:
                    if target not in index:
                        index[target] = low[target] = len(index)
                        stack.append(target)
                        on_stack.add(target)
                        work.append((target, iter(self.targets[target])))
                        break
                    if target in on_stack:
                        low[icon] = min(low[icon], index[target])
                else:
                    work.pop()
                    if work:
                        low[work[-1][0]] = min(low[work[-1][0]], low[icon])
                    if low[icon] == index[icon]:
                        cut = stack.index(icon)
                        circle = set(stack[cut:])
                        del stack[cut:]
                        on_stack -= circle
                        if len(circle) > 1 or any(target == icon for target, _ in self.targets[icon]):
                            found.append(circle)
        return found

    def terms(self) -> dict[tuple[str, FlowKind], Terms]:
        """Return, by source and kind of a line, the decisions without which nothing comes along it.

        Notes:
            An icon that is ready at the first arrival depends on what all its lines have in common, a join on what any
            of them needs. Icons not reached yet are taken as needing everything, so the result grows weaker until it
            is stable; conditions on circles never become a term.
        """
        on_circle = set().union(*self.circles())
        needs: dict[str, Terms] = {}
        result: dict[tuple[str, FlowKind], Terms] = {}
        waiting = [icon for icon, type_ in self.types.items() if type_ == "start"]
        # Each round weakens at least one icon by one term; the bound is only for what our reasoning overlooked.
        rounds_left = 50 * (len(self.types) + 1)
        while waiting and rounds_left:
            rounds_left -= 1
            icon = waiting.pop(0)
            new = self._needs(icon, result)
            if icon in needs and needs[icon] == new:
                continue
            needs[icon] = new
            for target, kind in self.targets[icon]:
                decides = self.types[icon] == "condition" and icon not in on_circle
                result[icon, kind] = {**new, icon: kind} if decides else new
                if target not in waiting:
                    waiting.append(target)
        return result

    def _needs(self, icon: str, lines: dict[tuple[str, FlowKind], Terms]) -> Terms:
        known = [lines[line] for line in self.sources[icon] if line in lines]
        if not known:
            return {}
        kind = REGISTRY.get(self.types[icon])
        if kind is not None and kind.traits.ready_at == "first":
            return {name: branch for name, branch in known[0].items() if all(e.get(name) == branch for e in known)}
        return {name: branch for each in known for name, branch in each.items()}
