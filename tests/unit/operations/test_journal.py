"""The journal as people read it, and as it comes."""

from typing import Any

import pytest
import trio

from jaz_lite.errors import Unreachable, UsageError
from jaz_lite.model.fact import Fact
from jaz_lite.operations import registry
from jaz_lite.operations.site import OfflineSite, Site
from jaz_lite.store.open import Store
from tests.unit.operations.small_site import NOW_MS, OWNER, ask, running

HOUR = 3_600_000


def written(store: Store) -> None:
    """A line of each severity, an hour apart, the last one now."""
    with store.transaction() as tx:
        for number, severity in enumerate(("info", "warning", "error")):
            fact = Fact(kind=f"run_{severity}", severity=severity, data={"n": number})  # type: ignore[arg-type]
            tx.journal.add(NOW_MS - (2 - number) * HOUR, None, "", fact)


def kinds(answer: Any) -> list[str]:
    return [line["kind"] for line in answer["lines"]]


def test_the_newest_lines_are_shown_oldest_first(site: OfflineSite) -> None:
    written(site.store)

    assert kinds(ask(site, "journal.list")) == ["run_info", "run_warning", "run_error"]
    some = ask(site, "journal.list", limit=2)
    assert (kinds(some), some["more"]) == (["run_warning", "run_error"], True)
    assert ask(site, "journal.list", limit=3)["more"] is False


def test_lines_are_chosen_by_time_severity_and_kind(site: OfflineSite) -> None:
    written(site.store)

    assert kinds(ask(site, "journal.list", severity="warning")) == ["run_warning", "run_error"]
    assert kinds(ask(site, "journal.list", kinds=["run_info", "run_error"])) == ["run_info", "run_error"]
    assert kinds(ask(site, "journal.list", since="90m")) == ["run_warning", "run_error"]
    assert kinds(ask(site, "journal.list", until="90m")) == ["run_info"]


def test_a_line_tells_where_it_belongs_and_what_it_says(site: OfflineSite) -> None:
    written(site.store)

    line = ask(site, "journal.list")["lines"][0]

    assert (line["run_id"], line["jobnet_id"], line["path"], line["severity"]) == (None, None, "", "info")
    assert (line["at"], line["text"]) == ("2026-11-23T01:12:09.000+09:00", "run info (n 0)")


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ({"severity": "loud"}, '"loud" is no severity'),
        ({"kinds": ["run_lost"]}, 'has the kind "run_lost"'),
        ({"limit": 0}, "1 to 10000 lines"),
        ({"since": "soon"}, '"soon" is not a time'),
    ],
)
def test_what_cannot_be_asked_for_is_refused(site: OfflineSite, args: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        ask(site, "journal.list", **args)

    assert sentence in caught.value.message


def test_a_kind_that_has_not_happened_yet_may_be_asked_for(site: OfflineSite) -> None:
    assert ask(site, "journal.list", kinds=["run_start_missed"])["lines"] == []


async def following(site: Site, told: list[Any], **args: Any) -> None:
    async def emit(item: Any) -> None:
        told.append(item["kind"])

    await registry.call(site, OWNER, "journal.follow", args, emit)


async def write(site: Site, *severities: str) -> None:
    def work(tx: Any) -> None:
        for severity in severities:
            tx.journal.add(NOW_MS, None, "", Fact(kind=f"new_{severity}", severity=severity))  # type: ignore[arg-type]

    await site.write(work)


async def test_new_lines_are_told_when_they_are_committed(store: Store, autojump_clock: object) -> None:
    written(store)
    told: list[Any] = []
    async with running(store) as site, trio.open_nursery() as nursery:
        nursery.start_soon(lambda: following(site, told, severity="warning", limit=1))
        await trio.sleep(1)
        assert told == ["run_error"]

        await write(site, "info", "warning")
        await trio.sleep(1)
        await write(site, "error")
        await trio.sleep(1)
        nursery.cancel_scope.cancel()

    assert told == ["run_error", "new_warning", "new_error"]


async def test_whoever_stops_reading_is_forgotten(store: Store, autojump_clock: object) -> None:
    async with running(store) as site:
        with trio.move_on_after(1):
            await following(site, [])

        await write(site, "info")  # nobody is woken


def test_only_a_running_server_can_be_followed(site: OfflineSite) -> None:
    with pytest.raises(Unreachable):
        ask(site, "journal.follow")
