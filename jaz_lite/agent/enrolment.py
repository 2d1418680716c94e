"""Enrolment as far as this build has it: the server writes the record of its embedded agent itself."""

from pathlib import Path

from jaz_lite.agent.disk import PosixDisk
from jaz_lite.agent.records import SiteRecord, save_site

__all__ = ["SiteRecord", "write_site"]


def write_site(folder: Path, record: SiteRecord) -> None:
    """Enrol the agent whose data directory is `folder` with a site; the directory is made if it is not there.

    Notes:
        Writing the record of a site again replaces it; the agent's log of that site stays as it is.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    save_site(PosixDisk(folder), record)
