"""What a stopped server knows alone: what was changed and what ran there after the copy with which another took over.

`here` is the store of the stopped one, `there` a later state of the other: a copy of it, or a snapshot. Without it only
what bears a time can be told. Nothing is merged: definitions come as documents that `put` takes, the rest is for people.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any

from jaz_lite.errors import UsageError
from jaz_lite.model.host import Host
from jaz_lite.model.run import RUN_OVER
from jaz_lite.operations import secrets
from jaz_lite.operations.definitions import row_shown
from jaz_lite.operations.fact_text import text_of
from jaz_lite.operations.naming import KINDS
from jaz_lite.operations.runs import row_shown as run_shown
from jaz_lite.operations.times import shown
from jaz_lite.store.definitions import Row
from jaz_lite.store.journal import LINES_MAX
from jaz_lite.store.keys import Keys
from jaz_lite.store.run_rows import RunRow
from jaz_lite.store.runs import LIST_MAX
from jaz_lite.store.stopped import Stopped
from jaz_lite.store.transaction import Nouns


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What is compared.

    since_ms: what is older both have; None: nobody knows when they parted, and only `there` tells.
    """

    here: Nouns
    there: Nouns | None
    since_ms: int | None
    keys: Keys  # of the site: both have them
    zone: tzinfo

    def is_new(self, at_ms: int | None) -> bool:
        """Tell whether something of that time may be missing there."""
        return self.since_ms is None or (at_ms is not None and at_ms >= self.since_ms)


def parting(stopped: Stopped, here: Nouns, there: Nouns | None, zone: tzinfo) -> tuple[int | None, str]:
    """Return since when a stopped server was alone, and by what that is known.

    Returns:
        The time, or None where everything is to be compared; and a sentence about it.

    Raises:
        UsageError: nobody knows, and there is nothing to compare with.
    """
    if there is not None:
        missing_ms = there.window.missing_since(here.term.site().epoch)
        if missing_ms is not None:
            return missing_ms, f"the other server took over with a state of {shown(missing_ms, zone)}"
    fenced = stopped.fenced
    if fenced is not None and fenced.handed_over:
        return fenced.at_ms, f"it handed the site over at {shown(fenced.at_ms, zone)}, with everything it had"
    if there is not None:
        return None, "everything is compared: no takeover stands between the two"
    copied = here.last_copy.find()
    if copied is None:
        raise UsageError(
            f"nobody knows what the server that took over from {stopped.folder} had of it: it never took a snapshot",
            hint="compare with a copy of that server: --against DIR; or say since when: --since 2026-11-23T03:12",
        )
    at = shown(copied.taken_ms, zone)
    return copied.taken_ms, f"its newest snapshot is of {at}; if an older one took over, say --against or --since"


def known_here_alone(span: Span) -> dict[str, Any]:
    """Return what the stopped server knows alone.

    Returns:
        `{"definitions", "deleted", "enabled", "hosts", "settings", "agents", "runs"}`, lists each. `enabled`, `hosts`,
        `settings` and `agents` bear no time and are None without a store to compare with.
    """
    there = span.there
    return {
        "definitions": list(_saved(span)),
        "deleted": list(_deleted(span)),
        "enabled": None if there is None else list(_enabled(span.here, there)),
        "hosts": None if there is None else list(_hosts(span.here, there)),
        "settings": None if there is None else list(_settings(span.here, there)),
        "agents": None if there is None else list(_agents(span.here, there)),
        "runs": list(_runs(span)),
    }


def documents(span: Span, told: Mapping[str, Any], *, with_secrets: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the definitions of an answer as files: name and content, in the shape of `show --json`.

    Args:
        with_secrets: passwords are plain; else they are masked, and `put` keeps those that are stored there.
    """
    for one in told["definitions"]:
        found = span.here.definitions.get(one["kind"], one["id"], one["version"])
        document = (
            secrets.unmarked_all(secrets.unseal_all(found.document, span.keys))
            if with_secrets
            else secrets.masked(found.document)
        )
        yield (
            f"{one['kind']}-{one['id']}@{one['version']}.json",
            {
                **row_shown(found.kind, found),
                "saved_at": shown(found.saved_ms, span.zone),
                "saved_by": found.saved_by,
                "document": document,
            },
        )


# ---- definitions


def _saved(span: Span) -> Iterator[dict[str, Any]]:
    for kind in KINDS:
        for row in span.here.definitions.rows(kind, versions=True):
            if not span.is_new(row.saved_ms):
                continue
            how = "saved" if span.there is None else _difference(span, span.there, row)
            if how:
                yield {
                    "kind": kind,
                    "id": row.object_id,
                    "version": row.version,
                    "how": how,
                    "enabled": row.enabled,
                    "at": shown(row.saved_ms, span.zone),
                    "by": row.saved_by,
                }


def _difference(span: Span, there: Nouns, row: Row) -> str:
    other = there.definitions.find(row.kind, row.object_id, row.version)
    if other is None:
        return "saved"
    # A password that was saved again is sealed anew, and the same all the same.
    own = span.here.definitions.get(row.kind, row.object_id, row.version)
    mine, theirs = (secrets.unseal_all(each.document, span.keys) for each in (own, other))
    return "" if mine == theirs else "differs"


def _deleted(span: Span) -> Iterator[dict[str, Any]]:
    for kind in KINDS:
        objects = {row.object_id for row in (span.there or span.here).definitions.rows(kind)}
        if span.there is None:
            objects |= span.here.definitions.ids_deleted(kind)
        for object_id in sorted(objects):
            gone: set[str] = set()
            for row in span.here.definitions.history(kind, object_id):
                if row.version in gone or row.superseded_why != "deleted" or not span.is_new(row.superseded_ms):
                    continue
                gone.add(row.version)
                if span.here.definitions.find(kind, object_id, row.version) is not None:
                    continue
                other = None if span.there is None else span.there.definitions.find(kind, object_id, row.version)
                if span.there is None or (other is not None and other.saved_ms <= (row.superseded_ms or 0)):
                    yield {
                        "kind": kind,
                        "id": object_id,
                        "version": row.version,
                        "at": shown(row.superseded_ms, span.zone),
                        "by": row.superseded_by,
                    }


def _enabled(here: Nouns, there: Nouns) -> Iterator[dict[str, Any]]:
    for kind in KINDS:
        mine, theirs = (
            {row.object_id: row.version for row in nouns.definitions.rows(kind) if row.enabled}
            for nouns in (here, there)
        )
        for object_id in sorted(mine.keys() | theirs.keys()):
            if mine.get(object_id) != theirs.get(object_id):
                yield {"kind": kind, "id": object_id, "here": mine.get(object_id), "there": theirs.get(object_id)}


# ---- what stands around them


def _hosts(here: Nouns, there: Nouns) -> Iterator[dict[str, Any]]:
    epoch = here.term.site().epoch
    mine = {host.host: host for host in here.hosts.list()}
    theirs = {host.host: _as_before(there, host, epoch) for host in there.hosts.list()}
    for name in sorted(mine.keys() | theirs.keys()):
        if mine.get(name) != theirs.get(name):
            yield {"host": name, "here": _host_shown(mine.get(name)), "there": _host_shown(theirs.get(name))}


def _as_before(there: Nouns, host: Host, epoch: int) -> Host:
    """Return a host as it was before the takeover, which led names of the machine to an agent of its own."""
    before = there.hosts.led_in(host.host, epoch)
    return replace(host, agent_id=before) if before else host


def _host_shown(host: Host | None) -> dict[str, Any] | None:
    if host is None:
        return None
    return {
        "kind": host.kind,
        "target": host.target,
        "enabled": host.enabled,
        "encoding": host.encoding,
        "memo": host.memo,
    }


def _settings(here: Nouns, there: Nouns) -> Iterator[dict[str, Any]]:
    theirs = {each.name: each.value for each in there.settings.all()}
    for each in here.settings.all():
        if each.value != theirs.get(each.name):
            yield {"name": each.name, "here": each.value, "there": theirs.get(each.name)}


def _agents(here: Nouns, there: Nouns) -> Iterator[dict[str, Any]]:
    theirs = {row.agent_id: row.state for row in there.agents.list()}
    for row in here.agents.list():
        if row.state != theirs.get(row.agent_id):
            yield {"agent_id": row.agent_id, "here": row.state, "there": theirs.get(row.agent_id)}


# ---- runs


def _runs(span: Span) -> Iterator[dict[str, Any]]:
    """Give runs that were asked for, went on or ended here, oldest first; those that only wait for their time are not."""
    found: list[dict[str, Any]] = []
    before: int | None = None
    while True:
        rows = span.here.runs.list(before=before, planned=False, limit=LIST_MAX)
        for row in rows:
            told = _run(span, row)
            if told is not None:
                found.append(told)
        if len(rows) < LIST_MAX:
            break
        before = rows[-1].run_id
    yield from reversed(found)


def _run(span: Span, row: RunRow) -> dict[str, Any] | None:
    over = row.state in RUN_OVER
    if over and not span.is_new(row.ended_ms):
        return None
    how, other = "only here", None
    if span.there is not None:
        number = span.there.runs.find_by_occ(row.occ)
        other = None if number is None else span.there.runs.row(number)
        if other is not None:
            if not over or (other.state, other.exit_code) == (row.state, row.exit_code):
                return None  # that one goes on with it, or has gone on to the same end
            how = "ended here" if other.state not in RUN_OVER else "ended differently there"
    elif row.created_ms < (span.since_ms or 0):
        if not over:
            return None  # the copy has it, and the other server goes on with it
        how = "ended here"
    lines = span.here.journal.of_run(row.run_id, limit=LINES_MAX)
    return {
        "how": how,
        "there": None if other is None else {"run_id": str(other.run_id), "state": other.state},
        **run_shown(row, span.zone),
        "lines": [
            {
                "at": shown(each.at_ms, span.zone),
                "path": each.path,
                "kind": each.kind,
                "text": text_of(each.kind, each.data),
                "exit_code": each.data.get("return_code"),
                "std_out": each.data.get("std_out"),
                "std_err": each.data.get("std_err"),
            }
            for each in lines
            if span.is_new(each.at_ms)
        ],
    }
