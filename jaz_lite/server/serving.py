"""One process that is always what its directory is for: the server, or the standby of the server that took over.

So both machines of a site can have the same service, which does the right thing after any number of switches. What is
to be decided by people stays theirs: a snapshot, or the directory of another machine, is not taken over by this, and
the site does not begin anew where the directory is missing.
"""

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jaz_lite.config import Config
from jaz_lite.errors import Fenced, NoSuchObject, UsageError
from jaz_lite.server.activation import run_taken_over
from jaz_lite.server.house import Ready
from jaz_lite.server.inquiry import peers_of
from jaz_lite.server.role import role_of
from jaz_lite.server.standby import Ended, StandbyReady, run_standby
from jaz_lite.server.start import refuse_fenced, run_up
from jaz_lite.store.directory import DataDirectory
from jaz_lite.store.fencing import read_fenced
from jaz_lite.store.followed import read_followed
from jaz_lite.wire.token import Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Who is told what. sentence: for people, while it goes on. progress: of a copy that comes, done and all in bytes."""

    up: Callable[[Ready], None]
    standby: Callable[[StandbyReady], None]
    sentence: Callable[[str], None]
    progress: Callable[[int, int], None]


def run_service(
    folder: Path,
    hosts: Sequence[str],
    *,
    config: Callable[[], Config],
    token: Token | None = None,
    telling: Telling,
    verbosity: int = 0,
) -> None:
    """Be what the directory is for, whatever that becomes, until somebody ends it.

    Args:
        hosts: where the other servers of the site may be, beside those that config.toml and the directory name.
        config: gives the settings as they are; a first copy brings some along.
        token: an invitation, where there is no directory yet.

    Raises:
        NoSuchObject: there is no directory, and no invitation. NotBoundHere: it is a copy nobody decided about.
        Fenced: it was replaced, and nobody knows where the server that took over is; or it was set back.
        All that `run_up` and `run_standby` raise.
    """
    while True:
        role = role_of(folder)
        if role == "copy":
            DataDirectory(folder).bind_check()
        if role == "nothing" and token is None:
            raise NoSuchObject(
                f"there is no data directory in {folder}",
                hint="is its disk mounted? `jaz-lite init` begins a site, --token fetches the copy of one",
            )
        be_server = partial(run_up, folder, ready=telling.up, verbosity=verbosity)
        if role != "server":
            ended = stand_by(folder, hosts, config, token, telling, verbosity)
            if ended.why == "released":
                telling.sentence("let go of the copy: somebody takes over with it")
            if not ended.epoch:
                return
            be_server = partial(take_over, folder, ended, telling=telling, verbosity=verbosity)
        try:
            be_server(config=config())
            return
        except Fenced as error:
            if role_of(folder) != "replaced":
                raise
            telling.sentence(error.message)
        gc.unfreeze()  # what the server that ended had loaded is of no use to what comes


def take_over(folder: Path, ended: Ended, *, config: Config, telling: Telling, verbosity: int) -> None:
    """Run as the server with the copy of a standby that was handed the site, or elected. See `run_taken_over`."""
    whole = ended.why == "handed over"
    telling.sentence(
        f"the server at {ended.from_address} handed the site over" if whole else "the agents lost the active server"
    )
    run_taken_over(
        folder,
        ended.epoch,
        whole=whole,
        config=config,
        ready=telling.up,
        tell=telling.sentence,
        verbosity=verbosity,
    )


def stand_by(
    folder: Path,
    hosts: Sequence[str],
    config: Callable[[], Config],
    token: Token | None,
    telling: Telling,
    verbosity: int,
) -> Ended:
    """Keep the copy in a folder current; whoever replaced the server of it is looked for, too. See `run_standby`.

    Raises:
        UsageError: nobody knows where the active is. Fenced: the same, of a server that was replaced.
    """
    by = read_fenced(folder)
    places = tuple(dict.fromkeys((*hosts, *(by.addrs if by is not None else ()))))
    if not places and token is None and not read_followed(folder) and not peers_of(config()):
        if by is not None:
            refuse_fenced(DataDirectory(folder), config())
        raise UsageError(
            "it is not known where the active server is",
            hint='name it: --from HOST, or peers = "HOST:11061" under [server] in config.toml',
        )
    return run_standby(
        folder,
        places,
        config=config,
        token=token,
        ready=telling.standby,
        progress=telling.progress,
        verbosity=verbosity,
    )
