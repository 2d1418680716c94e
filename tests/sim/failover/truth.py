"""What must hold of all servers of a site together, once everything has healed.

I3  every time of a schedule up to then has a run, or a record of why it has none; what an agent ever began belongs
    to a run that the server knows
I8  no second agent takes on an attempt
I11 in bounded time one server is left
I12 what waits for a person says why, with a reason of the fixed list
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.sim.failover.schedules import Schedules
from tests.sim.failover.site import Site
from tests.sim.oracle import Oracle

if TYPE_CHECKING:
    from tests.sim.failover.server import SiteServer


def check_times(oracle: Oracle, server: SiteServer, schedules: Schedules, until_ms: int) -> None:
    """Compare what the server knows with the times that were."""
    with server.store.snapshot() as view:
        for occ in schedules.forgotten(view, until_ms):
            oracle.fail("I3", f"{occ} has neither a run nor a record")
            return


def check_runs(oracle: Oracle, server: SiteServer) -> None:
    """Everything that was ever begun belongs to a run of the server's."""
    with server.store.snapshot() as view:
        for k in sorted({bytes.fromhex(claim.partition("!")[0]) for claim in oracle.ends}):
            occ = oracle.meant[k][0]
            if view.runs.find_by_occ(occ) is None and view.runs.find_by_occ(f"A:{occ}") is None:
                oracle.fail("I3", f"attempt {k.hex()} of {occ} was done, and no run tells of it")


def only_one_left(site: Site) -> bool:
    """Tell whether one server runs, and it is the one that people mean."""
    running = site.running()
    return len(running) == 1 and running[0] is site.active
