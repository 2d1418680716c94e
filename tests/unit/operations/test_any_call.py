"""Every operation, called with whatever a client could send: it answers, or says in a sentence what was wrong.

Calls are drawn from a printed seed. Values are what fits the type an operation declares, with the names and keys that
operations look for among them, and now and then something else; all of them have been through the socket's packing.
"""

import random
import types
from contextlib import suppress
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest
import trio

from jaz_lite.errors import JazLiteError
from jaz_lite.net.local_client import HEAD, packed, unpacked
from jaz_lite.operations import registry
from jaz_lite.operations.site import Site
from tests.unit.operations.small_site import OWNER, calendar, job, jobnet, offline, opened, running, schedule

CALLS = 60  # of each operation
SECONDS_MAX = 5.0  # of virtual time: what follows or waits is left then
NEED_A_DOOR = {"agent.add", "site.rotate_cert"}  # they talk to machines, and the small site has no door to do it

TEXTS = (
    "", " ", "CAL", "SCHED", "NET", "NET2", "F", "localhost", "local", "last", "calendar", "filter", "schedule", "jobnet",
    "NET@20261101090000", "SCHED@", "@", "/JOB-1", "ended", "waiting", "0900", "9959", "26:00", "now", "today", "2h",
    "+1h", "+999999w", "999999w", "9999-12-31", "0001-01-01", "2026-11-23", "2026-11-23T03:12:09+09:00", "9998-12-31 23:59",
    "UTC", "Asia/Tokyo", "Nowhere/Land", "*/5 * * * *", "61 25 * * *", "0 0 29 2 *", "JP", "XX", "keep_runs_min", "30d",
    "9999999999w", "first", "month", "run", "error", "skip", "-1", "99999999999999999999", "\x00", "\x1b[31m", "a" * 300,
    "\u0661\u0662", "\ufeff", "START=1", "mon-fri", "ok", "failed", "*", "web*", "127.0.0.1:1", "00" * 16,
)  # fmt: skip
NUMBERS = (0, 1, -1, 2, 7, 60, 100, 10_000, 999_999, 2**31, 2**53, 2**63 - 1, -(2**63), 2**64 - 1)
KEYS = (
    "jobnet", "name", "value", "kind", "id", "since", "until", "every_min", "document", "enabled", "file", "zone",
    "late_start", "grace_min", "end_by", "end_within_min", "weekdays", "first_of_month", "last_of_month", "month_days",
    "months", "holidays", "plus", "minus", "calendar_id", "version", "days", "jobnet_id", "icons", "flows", "schedule_id",
    "boot_times", "jobnets", "cycles", "icon_id", "type", "params", "rule", "filter_id", "base_day", "", "else",
)  # fmt: skip
DOCUMENTS = (
    jobnet("NET", job("JOB-1")), jobnet("", job("JOB-1")), calendar("CAL"), schedule("SCHED", "CAL", "NET"),
    {"jobnet_id": 5}, {"calendar_id": "CAL", "version": 7},
)  # fmt: skip


def _value(hint: Any, chance: random.Random) -> Any:
    if chance.random() < 0.03:
        return _anything(chance, 0)
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _value(chance.choice(get_args(hint)), chance)
    if origin is list:
        return [_value(get_args(hint)[0], chance) for _ in range(chance.choice((0, 1, 1, 2, 3)))]
    if is_typeddict(hint):
        fields = get_type_hints(hint)
        return {name: _value(of, chance) for name, of in fields.items() if chance.random() < 0.85}
    if origin is dict:
        of = get_args(hint)[1]
        if of is Any and chance.random() < 0.4:
            return chance.choice(DOCUMENTS)
        return {chance.choice(KEYS): _value(of, chance) for _ in range(chance.choice((0, 1, 2, 3, 5)))}
    if hint is str:
        return chance.choice(TEXTS)
    if hint is bool:
        return chance.random() < 0.5
    if hint is int:
        return chance.choice(NUMBERS)
    if hint is float:
        return chance.choice((*NUMBERS, 0.5, -0.5, 1e300, float("inf"), float("nan")))
    if hint is type(None):
        return None
    return _anything(chance, 0)


def _anything(chance: random.Random, depth: int) -> Any:
    kind = chance.randrange(5 if depth > 2 else 7)
    if kind == 5:
        return [_anything(chance, depth + 1) for _ in range(chance.randrange(4))]
    if kind == 6:
        return {chance.choice(KEYS): _anything(chance, depth + 1) for _ in range(chance.randrange(4))}
    return (chance.choice(TEXTS), chance.choice(NUMBERS), None, 0.5, b"bytes")[kind]


def _arguments(name: str, chance: random.Random) -> dict[str, Any]:
    wanted = {key: of for key, of in registry.arguments(name).items() if key != "emit"}
    given = {key: _value(hint, chance) for key, (hint, needed) in wanted.items() if needed or chance.random() < 0.5}
    args = unpacked(packed({"args": given})[HEAD.size :])["args"]
    assert isinstance(args, dict)
    return args


async def _furnish(site: Site) -> None:
    """Have some of the names that are asked for exist."""
    for kind, document in (
        ("calendar", calendar("CAL")),
        ("jobnet", jobnet("NET", job("JOB-1"))),
        ("jobnet", jobnet("NET2")),
        ("schedule", schedule("SCHED", "CAL", "NET")),
    ):
        await registry.call(site, OWNER, "definition.put", {"kind": kind, "document": document, "enable": True})
    await registry.call(site, OWNER, "run.start", {"jobnet": "NET", "at": "+1h"})
    await registry.call(site, OWNER, "run.start", {"jobnet": "NET2"})


async def _call(site: Site, name: str, args: dict[str, Any]) -> None:
    async def emit(item: Any) -> None:
        packed({"item": item})

    try:
        with trio.move_on_after(SECONDS_MAX), suppress(JazLiteError):
            packed({"done": await registry.call(site, OWNER, name, args, emit)})
    except Exception as error:
        raise AssertionError(f"{name} fails at {args}") from error


@pytest.mark.parametrize("name", sorted(registry.OPERATIONS.keys() - NEED_A_DOOR))
async def test_a_server_has_a_sentence_for_any_call(name: str, tmp_path: Path, autojump_clock: object) -> None:
    del autojump_clock
    chance = random.Random(f"calls of {name}")
    with opened(tmp_path / "data") as store:
        async with running(store) as site:
            await _furnish(site)
            for _ in range(CALLS):
                await _call(site, name, _arguments(name, chance))


@pytest.mark.parametrize("name", sorted(registry.OPERATIONS.keys() - NEED_A_DOOR))
async def test_without_a_server_there_is_a_sentence_for_any_call(name: str, tmp_path: Path) -> None:
    chance = random.Random(f"calls of {name} without a server")
    with opened(tmp_path / "data") as store:
        async with running(store) as site:
            await _furnish(site)
        for _ in range(CALLS // 3):
            await _call(offline(store), name, _arguments(name, chance))
