"""Data directories of simulated servers: made once, copied for every seed, in memory where there is a disk of it."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from jaz_lite.clock import VirtualClock
from jaz_lite.store.binding import Binding, Machine, write_binding
from jaz_lite.store.keys import Keys
from jaz_lite.store.open import Store

SITE_UID = b"the site of sims"


def ram() -> str | None:
    """Return a folder in memory, or None where there is none."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


@cache
def template(now_ms: int) -> Path:
    """Return a fresh data directory to copy: keys and an empty store, the same for all seeds and every time."""
    folder = Path(tempfile.mkdtemp(prefix="jazl-sim-template-", dir=ram()))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Keys.create(folder, name="sim")
    nowhere = Machine(machine_id="", host_name="sim")
    write_binding(folder, Binding(server_id="sim", site_uid=SITE_UID, machine=nowhere, path="/sim", term=0))
    store = Store.open(folder, clock=VirtualClock(now_ms))
    with store.transaction() as tx:
        tx.term.create(site_uid=SITE_UID, server_id="sim")
    store.close()
    return folder
