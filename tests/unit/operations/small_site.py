"""Sites for the tests of operations and commands: a real store in a temporary folder, with or without a running engine.

The engine is the product's own, without agents: what needs no agent runs, jobs wait or fail as they would.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import trio

from jaz_lite import config
from jaz_lite.clock import VirtualClock
from jaz_lite.config import Config
from jaz_lite.operations import registry
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import OfflineSite, Site, drive
from jaz_lite.runner import tasks
from jaz_lite.runner.control import Control
from jaz_lite.runner.idle_chores import IdleChores
from jaz_lite.runner.purger import Purger
from jaz_lite.runner.shipping import Shipping
from jaz_lite.runner.turns import Turns
from jaz_lite.server.site import ServerControl, ServerSite
from jaz_lite.server.snapshots import Snapshots
from jaz_lite.store.directory import DataDirectory
from jaz_lite.store.open import Store
from jaz_lite.wire.ident import epoch_and_boot

ZONE = ZoneInfo("Asia/Tokyo")
NOW_MS = 1_795_371_129_000  # 2026-11-23 03:12:09 in Tokyo
OWNER = Person(name="owner", role="super")
VERSION = "20261101090000"


@contextmanager
def opened(folder: Path, clock: VirtualClock | None = None) -> Iterator[Store]:
    """Give a new data directory's store."""
    clock = clock or VirtualClock(NOW_MS)
    DataDirectory.prepare(folder, server_id="test", clock=clock)
    store = Store.open(folder, clock=clock)
    try:
        yield store
    finally:
        store.close()


def offline(store: Store) -> OfflineSite:
    """Return the site of a store without a server."""
    return OfflineSite(store, clock=store.clock, zone=ZONE, config=config.defaults())


def ask(site: Site, op: str, **args: Any) -> Any:
    """Return what an operation answers the owner of an offline site."""
    return drive(registry.call(site, OWNER, op, args))


@asynccontextmanager
async def running(store: Store, settings: Config | None = None) -> AsyncIterator[ServerSite]:
    """Give the site of a running engine without agents."""
    settings = settings or config.defaults()
    with store.transaction() as tx:
        site_uid = tx.term.site().site_uid
        term = tx.term.claim(b"12345678")
    turns = Turns(store, clock=store.clock, zone=ZONE, site_uid=site_uid, term=term, draw_spool=lambda: bytes(16))
    turns.reload()
    control = Control(turns, request_stop=lambda: None)
    chores = IdleChores(store, store.clock)
    purger = Purger(turns, chores.purged)
    shipping = Shipping(store.changes, store.clock)
    snapshots = Snapshots(store, control, settings)
    server = ServerControl(
        control, store=store, term=epoch_and_boot(term), zone=ZONE, purger=purger, snapshots=snapshots
    )
    site = ServerSite(store, clock=store.clock, zone=ZONE, config=settings, control=server, write=control)
    async with trio.open_nursery() as nursery:
        tasks.let_inputs_come_later(turns, nursery)
        await nursery.start(tasks.make_turns, turns, DataDirectory(store.folder), chores, shipping)
        yield site
        nursery.cancel_scope.cancel()


# ---- definitions


def icon(icon_id: str, kind: str, **params: Any) -> dict[str, Any]:
    """Return an icon of a document."""
    return {"icon_id": icon_id, "type": kind, "params": params}


def chain(*icons: dict[str, Any]) -> dict[str, Any]:
    """Return icons and flows of a jobnet: start, the icons one after the other, end."""
    every = [icon("START", "start"), *icons, icon("END-1", "end")]
    flows = [{"source": source["icon_id"], "target": target["icon_id"]} for source, target in pairwise(every)]
    return {"icons": every, "flows": flows}


def jobnet(jobnet_id: str, *icons: dict[str, Any], version: str = VERSION, **fields: Any) -> dict[str, Any]:
    """Return the document of a jobnet that goes through `icons` one after the other."""
    return {"jobnet_id": jobnet_id, "version": version, "name": jobnet_id, **chain(*icons), **fields}


def job(icon_id: str, host: str = "localhost", script: str = "true", **params: Any) -> dict[str, Any]:
    """Return a job icon."""
    return icon(icon_id, "job", host=host, script=script, **params)


def calendar(calendar_id: str, version: str = VERSION) -> dict[str, Any]:
    """Return the document of a calendar of one day."""
    return {"calendar_id": calendar_id, "version": version, "name": calendar_id, "days": ["2026-11-23"]}


def schedule(schedule_id: str, calendar_id: str, jobnet_id: str, version: str = VERSION) -> dict[str, Any]:
    """Return the document of a schedule of one jobnet at nine."""
    return {
        "schedule_id": schedule_id,
        "version": version,
        "name": schedule_id,
        "boot_times": [{"days_id": calendar_id, "at": "0900"}],
        "jobnets": [{"jobnet_id": jobnet_id}],
    }


def incoming(kind: str, document: dict[str, Any], *, enabled: bool = False) -> dict[str, Any]:
    """Return a document as an import hands it in."""
    return {"kind": kind, "document": document, "enabled": enabled, "file": "test.xml"}
