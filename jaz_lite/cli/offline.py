"""Operations on a data directory without a server: the command opens the store itself, under the directory's lock."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jaz_lite import config
from jaz_lite.cli.advice import how_to_start
from jaz_lite.clock import SystemClock
from jaz_lite.errors import Unreachable
from jaz_lite.net.local_client import packed, unpacked
from jaz_lite.operations import registry
from jaz_lite.operations.person import local_owner
from jaz_lite.operations.site import OfflineSite, drive
from jaz_lite.store.directory import DataDirectory
from jaz_lite.store.fencing import refuse_replaced

HEAD_BYTES = 4
LEAVE_IT_AS_IT_IS = frozenset(("definition.export", "snapshot", "config.show", "setting.list", "setting.show"))


def call(folder: str, op: str, args: Mapping[str, Any], on_item: Callable[[Any], None] | None = None) -> Any:
    """Return the answer of an operation that needs no server.

    Raises:
        Unreachable: there is no data directory, or the operation needs a server.
        AlreadyRunning: somebody else has the directory locked: a server that is just starting or stopping.
        Fenced: its server was replaced; what is changed here would be lost.
    """
    path = Path(folder)
    if not DataDirectory.exists(path):
        raise Unreachable(
            f"no server runs on {folder}, and there is no data directory",
            hint=f"start one: jaz-lite up --data {folder}; or prepare it: jaz-lite init --data {folder}",
        )
    directory = DataDirectory(path)
    directory.bind_check()
    with directory.lock():
        settings = config.read(path)
        if op not in LEAVE_IT_AS_IT_IS and registry.OPERATIONS[op].right != "view":
            refuse_replaced(path, directory.binding.term, config.zone(settings["site.zone"]))
        store = directory.open_store(clock=SystemClock())
        try:
            site = OfflineSite(store, clock=SystemClock(), zone=config.zone(settings["site.zone"]), config=settings)

            async def emit(item: Any) -> None:
                if on_item is not None:
                    on_item(as_sent(item))

            # What goes through a socket has lists for tuples and is checked to be UTF-8; here it must be the same.
            return as_sent(drive(registry.call(site, local_owner(), op, as_sent(dict(args)), emit)))
        except Unreachable as error:
            raise Unreachable(error.message, hint=how_to_start(folder)) from error
        finally:
            store.close()


def as_sent(value: Any) -> Any:
    """Return a value as it would arrive through the local socket."""
    return unpacked(packed({"value": value})[HEAD_BYTES:])["value"]
