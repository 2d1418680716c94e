"""The lines of a jobnet: what Job Arranger refuses, and what would only show when it runs.

`line_faults` are JAZ's rules: how many lines go in and out. `flow_faults` look at where the lines lead: icons nothing
leads to, joins that can never be filled, loops nothing leads out of.

Whether a join can be filled is told from the *terms* of its lines: the decisions (condition → branch) without which
nothing comes along the line. Two lines with opposite terms never both bring something; lines with different terms
leave the join waiting whenever a decision goes the other way. Conditions inside a loop decide several times and are
left out.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from jaz_lite.engine.graph import Graph, Terms
from jaz_lite.icons import REGISTRY
from jaz_lite.model.jobnet import Jobnet
from jaz_lite.model.problem import Place, Problem

WAYS_TOLD_MAX = 5


def line_faults(jobnet: Jobnet, place: Place) -> Iterator[Problem]:
    """Give the problems JAZ looks for: a start, an end, and the lines of each icon."""
    if not jobnet.icons:
        yield Problem(place, "has no icon", "a jobnet needs a start, an end and a line between them")
        return
    starts = [icon.icon_id for icon in jobnet.icons if icon.type == "start"]
    if len(starts) != 1:
        yield Problem(place, f"has {len(starts)} start icons, not one", "a jobnet begins at one start icon")
    if not any(icon.type == "end" for icon in jobnet.icons):
        yield Problem(place, "has no end icon", "draw an end icon and a line to it")
    yield from _loose_lines(jobnet, place)
    incoming = Counter(flow.target for flow in jobnet.flows)
    outgoing: dict[str, list[str]] = {}
    for flow in jobnet.flows:
        outgoing.setdefault(flow.source, []).append(flow.kind)
    for icon in jobnet.icons:
        here = replace(place, icon_id=icon.icon_id)
        yield from _degree_faults(icon.type, incoming[icon.icon_id], outgoing.get(icon.icon_id, []), here)


def _loose_lines(jobnet: Jobnet, place: Place) -> Iterator[Problem]:
    types = {icon.icon_id: icon.type for icon in jobnet.icons}
    pairs = Counter((flow.source, flow.target) for flow in jobnet.flows)
    for number, flow in enumerate(jobnet.flows):
        here = replace(place, icon_id=flow.source, field=f"flows[{number}]")
        told = f"the line {flow.source} → {flow.target}"
        for end in {flow.source, flow.target} - types.keys():
            yield Problem(here, f'{told} names the icon "{end}", which is not there', "take the line away")
        if flow.source == flow.target:
            yield Problem(here, f"{told} leads from an icon to itself", "repeat with a loop icon")
        if flow.kind != "plain" and types.get(flow.source, "condition") != "condition":
            yield Problem(here, f'{told} is a "{flow.kind}" line, but only conditions have them')
        if pairs[flow.source, flow.target] > 1:
            yield Problem(here, f"{told} is there {pairs[flow.source, flow.target]} times", "one line is enough")
            pairs[flow.source, flow.target] = 0


def _degree_faults(type_: str, incoming: int, outgoing: list[str], place: Place) -> Iterator[Problem]:
    kind = REGISTRY.get(type_)
    if kind is None:
        return
    for count, (least, most), where, hint in (
        (incoming, kind.traits.lines_in, "in", "join lines with a parallel end or a branch end"),
        (len(outgoing), kind.traits.lines_out, "out", "part lines with a parallel start or a condition"),
    ):
        told = f"has 1 line {where}" if count == 1 else f"has {count} lines {where}"
        if count < least:
            yield Problem(place, f"{told}; {type_} needs {_range(least, most)}", "draw the line")
        elif most is not None and count > most:
            yield Problem(place, f"{told}; {type_} may have {_range(least, most)}", hint)
    if type_ == "condition" and len(outgoing) == 2 and set(outgoing) != {"true", "false"}:
        yield Problem(place, "needs one line for true and one for false", "mark the lines out of the condition")


def _range(least: int, most: int | None) -> str:
    if most is None:
        return f"at least {least}"
    return str(least) if least == most else f"{least} to {most}"


# ---- where the lines lead


def flow_faults(jobnet: Jobnet, place: Place) -> Iterator[Problem]:
    """Give the problems that would show only in a run; the lines themselves must be in order."""
    graph = Graph(jobnet)
    reached = graph.reached_from_start()
    for icon in jobnet.icons:
        if icon.icon_id not in reached:
            hint = "draw a way to it from the start, or take it out"
            yield Problem(replace(place, icon_id=icon.icon_id), "can never be reached from the start", hint)
    yield from _endless_loops(graph, reached, place)
    yield from _stuck_joins(graph, reached, place)
    yield from _early_ends(graph, reached, place)


def _endless_loops(graph: Graph, reached: set[str], place: Place) -> Iterator[Problem]:
    for circle in graph.circles():
        leaves = any(
            graph.types[icon] == "condition" and any(target not in circle for target, _ in graph.targets[icon])
            for icon in circle
        )
        if leaves or not circle & reached:
            continue
        told = [icon for icon in graph.types if icon in circle]
        loop = next((icon for icon in told if graph.types[icon] == "loop"), told[0])
        message = f"the circle of {', '.join(told[:WAYS_TOLD_MAX])} has no way out"
        yield Problem(replace(place, icon_id=loop), message, "put a condition into it with a line that leaves it")


def _stuck_joins(graph: Graph, reached: set[str], place: Place) -> Iterator[Problem]:
    terms = graph.terms()
    for icon, type_ in graph.types.items():
        if type_ != "parallel_end" or icon not in reached:
            continue
        here = replace(place, icon_id=icon)
        before = graph.reached_from_start(without=icon)
        late = [source for source, _ in graph.sources[icon] if source not in before]
        if late:
            message = f"can never be filled: {late[0]} comes only after it"
            yield Problem(here, message, "join the way back with a loop icon")
            continue
        found = [terms.get((source, kind), {}) for source, kind in graph.sources[icon]]
        opposed = _opposed(found)
        if opposed:
            message = f"can never be filled: only one of the lines of {opposed} ever brings something"
            yield Problem(here, message, "join the two branches of a condition with a branch end")
        elif any(each != found[0] for each in found):
            decides = next(name for each in found for name in each if any(name not in other for other in found))
            message = f"waits for ever when {decides} decides the other way: not all of its lines bring something then"
            yield Problem(here, message, "end the condition with a branch end before it", "warning")


def _opposed(terms: list[Terms]) -> str:
    """Return a condition on which two lines wait with opposite answers; "" where there is none."""
    wanted: Terms = {}
    for each in terms:
        for name, branch in each.items():
            if wanted.setdefault(name, branch) != branch:
                return name
    return ""


def _early_ends(graph: Graph, reached: set[str], place: Place) -> Iterator[Problem]:
    """Warn of ends inside a parallel part: the jobnet ends there while its other branches run."""
    for icon, type_ in graph.types.items():
        if type_ != "parallel_start" or icon not in reached or len(graph.targets[icon]) < 2:
            continue
        ends = [each for each in graph.reached_from(icon, stop="parallel_end") if graph.types[each] == "end"]
        if ends:
            message = f"{ends[0]} can be reached while other branches of {icon} run; the jobnet ends abnormally then"
            yield Problem(replace(place, icon_id=ends[0]), message, "join the branches before the end", "warning")
