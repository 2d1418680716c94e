"""From definitions to a run: the tree of a jobnet and its sub-jobnets, flattened and numbered.

Frames (jobnets) are numbered breadth first, and the icons of a frame stand together in the order of the definition;
so a frame or icon always has a higher number than the one that opens it, and the same definitions give the same
numbers. Every definition is looked at once, however often it is used.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jaz_lite.engine import limits
from jaz_lite.engine.variables import kept
from jaz_lite.errors import DefinitionError, NoSuchObject
from jaz_lite.icons import params_of
from jaz_lite.model import names
from jaz_lite.model.jobnet import Flow, FlowKind, Icon, Jobnet
from jaz_lite.model.problem import Place
from jaz_lite.model.run import (
    EMPTY,
    UNOPENED,
    UNTOUCHED,
    Boot,
    Frame,
    FrameRun,
    IconRun,
    Method,
    Node,
    Origin,
    Plan,
    Run,
    untouched,
)

Find = Callable[[str], tuple[Jobnet, int] | None]


class PlanError(DefinitionError):
    """No run can be planned from these definitions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """What the frames of one definition have in common. Numbers count from the first icon of the frame."""

    jobnet: Jobnet
    doc_id: int
    params: tuple[Any, ...]
    arrivals: tuple[int, ...]
    targets: tuple[tuple[tuple[int, FlowKind], ...], ...]
    children: tuple[str | None, ...]  # jobnet id of each sub-jobnet icon
    start: int | None


def build(jobnet: Jobnet, find: Find, *, doc_id: int = 0) -> Plan:
    """Return the plan of a jobnet with all its sub-jobnets.

    Args:
        find: gives the enabled version of a sub-jobnet and its document id, or None.
        doc_id: the document of `jobnet` itself; 0 where there is none.

    Raises:
        PlanError: a sub-jobnet has no enabled version, jobnets contain each other, a definition has faults in its
            flows or settings, or the run would be too large; the message names the object.
    """
    shapes = _shapes(jobnet, doc_id, find)
    _check_size(jobnet.jobnet_id, shapes)
    nodes: list[Node] = []
    frames: list[Frame] = []
    opened: list[tuple[str, int | None]] = [(jobnet.jobnet_id, None)]
    for number, (jobnet_id, parent) in enumerate(opened):  # grows while it is walked
        shape = shapes[jobnet_id]
        first = len(nodes)
        for place, icon in enumerate(shape.jobnet.icons):
            child = None
            child_id = shape.children[place]
            if child_id is not None:
                child = len(opened)
                opened.append((child_id, first + place))
            nodes.append(
                Node(
                    number=first + place,
                    frame=number,
                    icon=icon,
                    params=shape.params[place],
                    arrivals_needed=shape.arrivals[place],
                    targets=tuple([(first + target, kind) for target, kind in shape.targets[place]]),
                    child=child,
                )
            )
        frames.append(
            Frame(
                number=number,
                jobnet=shape.jobnet,
                doc_id=shape.doc_id,
                parent=parent,
                first=first,
                last=len(nodes),
                start=None if shape.start is None else first + shape.start,
            )
        )
    return Plan(nodes=tuple(nodes), frames=tuple(frames))


def single(jobnet: Jobnet, icon_path: str) -> Jobnet:
    """Return the jobnet that runs one job icon by itself: START, a copy of the icon, END-1.

    Args:
        icon_path: the icon's id; a leading slash may be missing.

    Raises:
        NoSuchObject: there is no such icon in the jobnet.
        PlanError: it is no job.

    Source: JAZ manager, "single job run"; run type 5, private.
    """
    icon_id = icon_path.strip("/")
    icon = next((each for each in jobnet.icons if each.icon_id == icon_id), None)
    if icon is None:
        raise NoSuchObject(
            f'jobnet "{jobnet.jobnet_id}" has no icon "{icon_id}"',
            hint=f"`jaz-lite jobnet show {jobnet.jobnet_id}` lists them",
        )
    if icon.type != "job":
        raise PlanError(
            f'jobnet "{jobnet.jobnet_id}": the icon {icon_id} is of the type {icon.type}, only a job runs alone'
        )
    return replace(
        jobnet,
        jobnet_id=f"RUN_JOB_{icon_id}",
        name=f"{jobnet.jobnet_id}/{icon_id}",
        public=False,
        multiple_start="parallel",
        timeout_min=0,
        icons=(
            Icon(icon_id="START", type="start", x=117, y=39),
            replace(icon, mark="normal", x=117, y=93),
            Icon(icon_id="END-1", type="end", x=117, y=146),
        ),
        flows=(Flow(source="START", target=icon_id), Flow(source=icon_id, target="END-1")),
    )


def create(
    plan: Plan,
    *,
    run_id: int,
    occ: str,
    site_uid: bytes,
    origin: Origin,
    user: str,
    now_ms: int,
    scheduled_ms: int | None = None,
    boot: Boot | None = None,
    variables: Mapping[str, str] = EMPTY,
) -> Run:
    """Return a run that waits for its `Started`.

    Args:
        run_id: the first of `len(plan.frames)` numbers that belong to the run: frame n has run_id + n.
        occ: names the occurrence in natural keys.
        scheduled_ms, boot: of a planned run.
        variables: what START of the outermost jobnet gets.
    """
    held = plan.frames[0].start if origin == "hold" else None
    marks = ["hold" if node.number == held else _mark(node) for node in plan.nodes]
    return Run(
        run_id=run_id,
        occ=occ,
        site_uid=site_uid,
        origin=origin,
        plan=plan,
        user=user,
        created_ms=now_ms,
        scheduled_ms=scheduled_ms,
        boot=boot,
        start_variables=kept(variables)[0],
        frames=(UNOPENED,) * len(plan.frames),
        icons=tuple([_MARKED[mark] for mark in marks]) if any(m != "normal" for m in marks) else untouched(len(marks)),
    )


def unplanned(jobnet: Jobnet, doc_id: int) -> Plan:
    """Return the plan of a run that could not be planned: its frame, and no icons."""
    return Plan(nodes=(), frames=(Frame(number=0, jobnet=jobnet, doc_id=doc_id, parent=None, first=0, last=0),))


def refused(
    jobnet: Jobnet,
    message: str,
    *,
    run_id: int,
    occ: str,
    site_uid: bytes,
    origin: Origin,
    user: str,
    now_ms: int,
    doc_id: int = 0,
    scheduled_ms: int | None = None,
    boot: Boot | None = None,
) -> Run:
    """Return a run that is over because it could not be planned: a load error, with no icons."""
    return Run(
        run_id=run_id,
        occ=occ,
        site_uid=site_uid,
        origin=origin,
        plan=unplanned(jobnet, doc_id),
        state="end_error",
        job_status="error",
        load_status="load_error",
        user=user,
        created_ms=now_ms,
        scheduled_ms=scheduled_ms,
        boot=boot,
        started_ms=now_ms,
        ended_ms=now_ms,
        message=message,
        frames=(FrameRun(state="end_error", started_ms=now_ms, ended_ms=now_ms),),
    )


_MARKED: Mapping[Method, IconRun] = {
    "normal": UNTOUCHED,
    "hold": IconRun(method="hold"),
    "skip": IconRun(method="skip"),
}


def _mark(node: Node) -> Method:
    if node.icon.type == "end" and node.params.hold:
        return "hold"
    return node.icon.mark


# ---- looking at the definitions


def _shapes(jobnet: Jobnet, doc_id: int, find: Find) -> dict[str, _Shape]:
    """Return the shape of every jobnet that takes part, by id."""
    shapes: dict[str, _Shape] = {}
    missing: dict[str, str] = {}
    asked = {jobnet.jobnet_id}
    found: list[tuple[Jobnet, int]] = [(jobnet, doc_id)]
    for each, document in found:  # grows while it is walked
        shape = shapes[each.jobnet_id] = _shape(each, document)
        for child_id in shape.children:
            if child_id is None or child_id in asked:
                continue
            asked.add(child_id)
            child = find(child_id)
            if child is None:
                missing[child_id] = each.jobnet_id
            else:
                found.append(child)
    if missing:
        told = ", ".join(f'"{child_id}" (used by "{user}")' for child_id, user in missing.items())
        raise PlanError(f'jobnet "{jobnet.jobnet_id}": no enabled version of {told}', hint="enable a version")
    return shapes


def _shape(jobnet: Jobnet, doc_id: int) -> _Shape:
    place = Place(kind="jobnet", object_id=jobnet.jobnet_id, version=jobnet.version)
    numbers: dict[str, int] = {}
    for number, icon in enumerate(jobnet.icons):
        if fault := names.id_fault(icon.icon_id, names.ICON_ID_CHARS_MAX):
            raise PlanError(f'{place}: the icon id "{icon.icon_id}" {fault}')
        if numbers.setdefault(icon.icon_id, number) != number:
            raise PlanError(f"{place}: two icons have the id {icon.icon_id}")
    params = tuple([params_of(icon, replace(place, icon_id=icon.icon_id)) for icon in jobnet.icons])
    arrivals = [0] * len(jobnet.icons)
    targets: list[list[tuple[int, FlowKind]]] = [[] for _ in jobnet.icons]
    for flow in jobnet.flows:
        source, target = numbers.get(flow.source), numbers.get(flow.target)
        if source is None or target is None:
            missing = flow.source if source is None else flow.target
            raise PlanError(f"{place}: the flow {flow.source} → {flow.target} names {missing}, which is not there")
        targets[source].append((target, flow.kind))
        arrivals[target] += 1
    starts = [number for number, icon in enumerate(jobnet.icons) if icon.type == "start"]
    sound = len(starts) == 1 and any(icon.type == "end" for icon in jobnet.icons)
    return _Shape(
        jobnet=jobnet,
        doc_id=doc_id,
        params=params,
        arrivals=tuple(arrivals),
        targets=tuple([tuple(each) for each in targets]),
        children=tuple(
            [
                settings.jobnet_id if icon.type == "sub_jobnet" else None
                for icon, settings in zip(jobnet.icons, params, strict=True)
            ]
        ),
        start=starts[0] if sound else None,
    )


def _check_size(root: str, shapes: Mapping[str, _Shape]) -> None:
    """Refuse jobnets that contain each other and runs that are too large, before anything is laid out."""
    sizes: dict[str, tuple[int, int]] = {}  # icons and depth

    def measure(jobnet_id: str, above: tuple[str, ...]) -> tuple[int, int]:
        if jobnet_id in above:
            circle = " → ".join([*above[above.index(jobnet_id) :], jobnet_id])
            raise PlanError(f'jobnet "{root}": sub-jobnets contain each other: {circle}')
        if jobnet_id in sizes:
            return sizes[jobnet_id]
        if len(above) > limits.DEPTH_MAX:
            raise PlanError(f'jobnet "{root}": sub-jobnets are nested deeper than {limits.DEPTH_MAX}')
        shape = shapes[jobnet_id]
        size, depth = len(shape.jobnet.icons), 0
        for child_id in shape.children:
            if child_id is not None:
                inner, below = measure(child_id, (*above, jobnet_id))
                size, depth = size + inner, max(depth, below + 1)
        sizes[jobnet_id] = size, depth
        return size, depth

    size, depth = measure(root, ())
    if depth > limits.DEPTH_MAX:
        raise PlanError(f'jobnet "{root}": sub-jobnets are nested deeper than {limits.DEPTH_MAX}')
    if size > limits.NODES_MAX:
        raise PlanError(
            f'jobnet "{root}" with its sub-jobnets has {size} icons; a run may have {limits.NODES_MAX}',
            hint="start parts of it with task icons",
        )
