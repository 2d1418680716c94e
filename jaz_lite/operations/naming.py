"""How people name things: `ID` (the enabled version, else the newest) or `ID@VERSION`, and runs by number."""

from typing import get_args

from jaz_lite.errors import NoSuchObject, UsageError
from jaz_lite.model.run import IconState, Run, RunState
from jaz_lite.store.definitions import Stored
from jaz_lite.store.transaction import Nouns

KINDS = ("calendar", "filter", "schedule", "jobnet")
RUN_ID_MAX = 2**63 - 1
NAME_CHARS_MAX = 200


def kind_named(kind: str) -> str:
    """Return `kind` if it is one; raise UsageError otherwise."""
    if kind not in KINDS:
        raise UsageError(f'"{kind}" is no kind of definition', hint="the kinds are " + ", ".join(KINDS))
    return kind


def split(name: str) -> tuple[str, str | None]:
    """Return id and version of `ID` or `ID@VERSION`.

    Raises:
        UsageError: a part is empty or much too long.
    """
    object_id, at, version = name.partition("@")
    if not object_id or (at and not version) or len(name) > NAME_CHARS_MAX:
        raise UsageError(f'"{name[:NAME_CHARS_MAX]}" names no object', hint="write ID or ID@VERSION")
    return object_id, version if at else None


def stored(nouns: Nouns, kind: str, name: str) -> Stored:
    """Return the version that a name means.

    Raises:
        NoSuchObject: the object or the version does not exist. UsageError: `name` or `kind` names nothing.
    """
    object_id, version = split(name)
    current = nouns.definitions.current(kind_named(kind), object_id)
    if current is None:
        raise NoSuchObject(f'there is no {kind} "{object_id}"', hint=f"`jaz-lite {kind} list` shows all")
    if version is None:
        return current
    found = nouns.definitions.find(kind, object_id, version)
    if found is None:
        raise NoSuchObject(
            f'{kind} "{object_id}" has no version {version}', hint=f"`jaz-lite {kind} history {object_id}` lists them"
        )
    return found


def run_id_of(nouns: Nouns, text: str) -> int:
    """Return the run_id that a person writes: digits, or `last` for the newest run that is more than a plan.

    Raises:
        UsageError: it is neither. NoSuchObject: there is no run at all. That the run exists is not checked.
    """
    if text == "last":
        newest = nouns.runs.newest()
        if newest is None:
            raise NoSuchObject("there is no run yet", hint="start one: jaz-lite exec JOBNET")
        return newest
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f'"{text[:NAME_CHARS_MAX]}" is not a run', hint='write the run\'s number, or "last"')
    if len(text) > 19 or int(text) > RUN_ID_MAX:
        raise no_run(text[:NAME_CHARS_MAX])
    return int(text)


def no_run(run_id: int | str) -> NoSuchObject:
    """Return the error for a run that does not exist."""
    return NoSuchObject(f"there is no run {run_id}", hint="`jaz-lite run list` shows them")


def node_at(run: Run, path: str) -> int:
    """Return the number of the icon at a path of a run.

    Raises:
        NoSuchObject: there is no such icon.
    """
    node = run.plan.find(path)
    if node is None:
        raise NoSuchObject(
            f'run {run.run_id} has no icon "{path[:NAME_CHARS_MAX]}"',
            hint=f"`jaz-lite run show {run.run_id}` lists the paths",
        )
    return node


def states_named(states: list[str], *, of_icons: bool = False) -> list[str]:
    """Return the states if all of them are states of runs (or icons); raise UsageError otherwise."""
    known = get_args(IconState) if of_icons else get_args(RunState)
    for state in states:
        if state not in known:
            raise UsageError(f'"{state}" is no state', hint="the states are " + ", ".join(known))
    return states
