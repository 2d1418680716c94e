"""What people do to runs: hold, release, skip, unskip, rerun, stop, set a variable, move, decide a doubt."""

from collections.abc import Callable
from typing import Any, get_args

from jaz_lite.errors import UsageError
from jaz_lite.model.event import (
    DecideIcon,
    HoldIcon,
    HoldRun,
    MoveRun,
    Operation,
    ReleaseHold,
    ReleaseRun,
    RerunIcon,
    RerunRun,
    SetVariable,
    SkipIcon,
    StopIcon,
    StopRun,
    UnskipIcon,
    Verdict,
)
from jaz_lite.model.run import Run
from jaz_lite.operations.naming import no_run, node_at
from jaz_lite.operations.person import Person
from jaz_lite.operations.runs import check_variables, find_id
from jaz_lite.operations.site import Site, control_of
from jaz_lite.operations.times import read_start_ms

EXIT_CODE_LIMIT = 2**31


async def _operate(site: Site, run: str, make: Callable[[Run], Operation]) -> dict[str, Any]:
    control = control_of(site)
    run_id = await find_id(site, run)
    if control.find_run(run_id) is None and await site.read(lambda view: view.runs.row(run_id)) is None:
        raise no_run(run_id)
    await control.operate(run_id, make)
    return {"run_id": str(run_id)}


async def hold(site: Site, person: Person, *, run: str, path: str | None = None) -> dict[str, Any]:
    """Have an icon wait when it is reached, until it is released; without a path a planned run, whatever its time."""

    def make(found: Run) -> Operation:
        return HoldRun(person.name) if path is None else HoldIcon(person.name, node_at(found, path))

    return await _operate(site, run, make)


async def release(site: Site, person: Person, *, run: str, path: str | None = None) -> dict[str, Any]:
    """Let a held icon go on; without a path a held planned run, or the start icon of one started with `--hold`."""

    def make(found: Run) -> Operation:
        if path is None and found.boot is not None:
            return ReleaseRun(person.name)
        return ReleaseHold(person.name, _start_of(found) if path is None else node_at(found, path))

    return await _operate(site, run, make)


def _start_of(run: Run) -> int:
    root = run.plan.frames[0]
    for number in range(root.first, root.last):
        if run.plan.nodes[number].icon.type == "start":
            return number
    raise UsageError(f"run {run.run_id} has no start icon to release", hint="name the icon")


async def skip(site: Site, person: Person, *, run: str, path: str) -> dict[str, Any]:
    """Have an icon pass control on without doing its work; an icon in error goes on at once."""
    return await _operate(site, run, lambda r: SkipIcon(person.name, node_at(r, path)))


async def unskip(site: Site, person: Person, *, run: str, path: str) -> dict[str, Any]:
    """Take a skip back, as long as the icon was not reached."""
    return await _operate(site, run, lambda r: UnskipIcon(person.name, node_at(r, path)))


async def rerun(site: Site, person: Person, *, run: str, path: str | None = None) -> dict[str, Any]:
    """Do an icon in error again, with the variables as they are now; without a path start a run that was missed."""

    def make(found: Run) -> Operation:
        return RerunRun(person.name) if path is None else RerunIcon(person.name, node_at(found, path))

    return await _operate(site, run, make)


async def stop(site: Site, person: Person, *, run: str, path: str | None = None) -> dict[str, Any]:
    """Stop one icon, or without a path the whole run with its jobs."""

    def make(found: Run) -> Operation:
        return StopRun(person.name) if path is None else StopIcon(person.name, node_at(found, path))

    return await _operate(site, run, make)


async def set_variable(site: Site, person: Person, *, run: str, path: str, name: str, value: str) -> dict[str, Any]:
    """Change a variable that an icon which waits or is in error will see."""
    check_variables({name: value})
    return await _operate(site, run, lambda r: SetVariable(person.name, node_at(r, path), name, value))


async def move(site: Site, person: Person, *, run: str, at: str) -> dict[str, Any]:
    """Change the time at which a run that has not started is to start."""
    scheduled_ms = read_start_ms(at, zone=site.zone, now_ms=site.clock.now_ms())
    return await _operate(site, run, lambda _: MoveRun(person.name, scheduled_ms))


async def decide(
    site: Site, person: Person, *, run: str, path: str, verdict: str, exit_code: int | None = None
) -> dict[str, Any]:
    """End a doubt: the attempt "ended" (with an exit code, 0 if none is given) or "failed", or "rerun", or "abandon"."""
    known: tuple[Verdict, ...] = get_args(Verdict)
    chosen = next((each for each in known if each == verdict), None)
    if chosen is None:
        raise UsageError(f'"{verdict}" is no decision', hint="one of " + ", ".join(known))
    if exit_code is not None and not -EXIT_CODE_LIMIT <= exit_code < EXIT_CODE_LIMIT * 2:
        raise UsageError(f"{exit_code} is no exit code")
    return await _operate(site, run, lambda r: DecideIcon(person.name, node_at(r, path), chosen, exit_code))
