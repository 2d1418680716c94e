"""Telling an agent by hand where its server is now: for one that would not find a server that took over by itself."""

from dataclasses import replace
from pathlib import Path

from jaz_lite.agent.disk import PosixDisk
from jaz_lite.agent.records import SiteRecord, load_sites, save_site
from jaz_lite.errors import NoSuchObject, UsageError
from jaz_lite.net.dial import parse_address
from jaz_lite.wire.limits import ADDRESSES_MAX, SERVER_PORT


def set_server(data: Path, address: str, *, server_id: str = "") -> SiteRecord:
    """Put an address before those at which an agent looks for its server; one that runs notices it within seconds.

    Args:
        server_id: of the site that is meant; "": the only one.

    Returns:
        The enrolment as it is now.

    Raises:
        UsageError: it is no address, or the agent is in several sites and none was named.
        NoSuchObject: the agent belongs to no such site.
    """
    place = str(parse_address(address, SERVER_PORT))
    disk = PosixDisk(data)
    records = [record for record in load_sites(disk) if server_id in ("", record.server_id)]
    if not records:
        which = f'site "{server_id}"' if server_id else "any site"
        raise NoSuchObject(f"the agent in {data} does not belong to {which}", hint="`jaz-lite agent status` shows it")
    if len(records) > 1:
        known = ", ".join(record.server_id for record in records)
        raise UsageError(f"the agent in {data} belongs to {len(records)} sites", hint=f"say which: --site {known}")
    (record,) = records
    changed = replace(record, addrs=tuple(dict.fromkeys((place, *record.addrs)))[:ADDRESSES_MAX])
    save_site(disk, changed)
    return changed
