"""Runs as plain maps and back: how what a forecast starts from travels from a server to whoever works it out."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from jaz_lite.forecast.definitions import Definitions
from jaz_lite.forecast.upcoming import KnownRun
from jaz_lite.forecast.world import Live, OpenWork
from jaz_lite.model.host import Host
from jaz_lite.model.run import UNOPENED, UNTOUCHED, Boot, Doubt, FrameRun, IconRun, Run

VALUE_CHARS_MAX = 4_000  # of a variable: enough to decide a branch by
SITE_UID = bytes(16)  # a forecast makes no keys that anybody else sees

_HEAD = (
    "run_id", "occ", "origin", "state", "job_status", "load_status", "user", "scheduled_ms", "created_ms",
    "started_ms", "ended_ms", "exit_code", "late", "stopping", "timed_out", "message",
)  # fmt: skip
_OVER = frozenset(("ended", "end_error", "run_error"))  # states of icons whose variables decide nothing any more
_VARIABLES = frozenset(("before", "results", "memo"))


def known_run_shown(run: KnownRun) -> dict[str, Any]:
    """Return a planned run as a plain map."""
    plain = {field.name: getattr(run, field.name) for field in fields(run)}
    return {**plain, "boot": _boot_shown(run.boot)}


def known_run(plain: Mapping[str, Any]) -> KnownRun:
    """Return the planned run that a plain map holds."""
    return KnownRun(**{**plain, "boot": Boot(**plain["boot"])})


def _boot_shown(boot: Boot) -> dict[str, Any]:
    return {field.name: getattr(boot, field.name) for field in fields(boot)}


def live_shown(run: Run, timers: list[tuple[int | None, str, int]]) -> dict[str, Any]:
    """Return a run without its icons as a plain map."""
    frames = run.plan.frames
    return {
        **{name: getattr(run, name) for name in _HEAD},
        "jobnet_id": run.jobnet.jobnet_id,
        "boot": None if run.boot is None else _boot_shown(run.boot),
        "doc_id": frames[0].doc_id,
        "docs": {frame.jobnet.jobnet_id: frame.doc_id for frame in frames[1:]},
        "icon_path": run.plan.nodes[1].icon.icon_id if run.origin == "single" else "",
        "start_variables": _cut(run.start_variables),
        "timers": [list(timer) for timer in timers],
        "frames": [[n, f.state, f.visit, f.started_ms, f.ended_ms] for n, f in enumerate(run.frames) if f != UNOPENED],
    }


def icons_shown(run: Run) -> Iterator[dict[str, Any]]:
    """Give the icons of a run that were touched, each with what differs from one that was not."""
    for number, icon in enumerate(run.icons):
        if icon == UNTOUCHED:
            continue
        plain: dict[str, Any] = {"node": number}
        for field in fields(icon):
            value = getattr(icon, field.name)
            if value == getattr(UNTOUCHED, field.name):
                continue
            if field.name in _VARIABLES:
                if icon.state not in _OVER:
                    plain[field.name] = _cut(value)
            elif field.name == "doubt":
                plain["doubt"] = [icon.doubt.reason, icon.doubt.since_ms, icon.doubt.message] if icon.doubt else None
            else:
                plain[field.name] = value
        yield plain


def live(
    plain: Mapping[str, Any],
    icons: list[Mapping[str, Any]],
    works: Mapping[bytes, OpenWork],
    definitions: Definitions,
) -> Live:
    """Return the live run that plain maps hold.

    Raises:
        PlanError: its documents give no plan.
    """
    plan = definitions.plan_from(plain["docs"], plain["doc_id"], plain["icon_path"])
    frames = [UNOPENED] * len(plan.frames)
    for number, state, visit, started_ms, ended_ms in plain["frames"]:
        frames[number] = FrameRun(state=state, visit=visit, started_ms=started_ms, ended_ms=ended_ms)
    every = [UNTOUCHED] * len(plan.nodes)
    for icon in icons:
        told = {name: value for name, value in icon.items() if name != "node"}
        if "doubt" in told:
            reason, since_ms, message = told["doubt"]
            told["doubt"] = Doubt(reason=reason, since_ms=since_ms, message=message)
        every[icon["node"]] = IconRun(**told)
    run = Run(
        **{name: plain[name] for name in _HEAD},
        boot=None if plain["boot"] is None else Boot(**plain["boot"]),
        site_uid=SITE_UID,
        plan=plan,
        start_variables=plain["start_variables"],
        frames=tuple(frames),
        icons=tuple(every),
    )
    own = {icon.work: works[icon.work] for icon in every if icon.work is not None and icon.work in works}
    return Live(run=run, timers=tuple((node, name, due) for node, name, due in plain["timers"]), works=own)


def host(plain: Mapping[str, Any]) -> Host:
    """Return the host that a plain map holds."""
    return Host(**{**plain, "members": tuple(plain["members"])})


def _cut(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value[:VALUE_CHARS_MAX] if isinstance(value, str) and len(value) > VALUE_CHARS_MAX else value
        for name, value in values.items()
    }
