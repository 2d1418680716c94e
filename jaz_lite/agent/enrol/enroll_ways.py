"""The ways to make a machine an agent of a site, as a person asks for one: a token, a bundle, or asking a server.

Both commands come here: `jaz-lite agent enroll`, and `enroll` of the agent's own program where no click is.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from jaz_lite.agent.records import SiteRecord
from jaz_lite.errors import UsageError

ANY_ADDRESS = "0.0.0.0"  # noqa: S104  # where the server dials, the agent listens


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the person said; one of token, bundle and server is given.

    name: of the agent, where the invitation leaves it open. trust: the fingerprint that `server` must have. listen:
    where to wait for a server that dials, "" for the usual place. replace: give up an enrolment with the same site.
    """

    token: str | None = None
    bundle: str | None = None
    server: str | None = None
    trust: str = ""
    listen: str | None = None
    name: str = ""
    replace: bool = False


def enrol(
    folder: Path, asked: Asked, *, confirm: Callable[[str], Awaitable[bool]], say: Callable[[str], None]
) -> SiteRecord:
    """Enrol the agent of a data directory, which is made where it is missing.

    Args:
        confirm: shows the fingerprint of an unknown server to the person and returns the answer.
        say: tells the person what is waited for.

    Raises:
        UsageError: what was asked for makes no sense. JazLiteError: the enrolment failed; the sentence says why.
    """
    if sum(way is not None for way in (asked.token, asked.bundle, asked.server)) != 1:
        raise UsageError("give a TOKEN, or --bundle FILE, or --server HOST:PORT")
    if asked.trust and asked.server is None:
        raise UsageError("--trust goes with --server; a token holds the fingerprint itself")
    if asked.listen is not None and asked.token is None:
        raise UsageError("--listen goes with a TOKEN")
    from jaz_lite.agent.machine.trusted_folder import refuse_if_others_may_write
    from jaz_lite.agent.policy_file import write_sample

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    refuse_if_others_may_write(folder)
    if asked.bundle is not None:
        from jaz_lite.agent.enrol.enrolment import enrol_by_bundle

        record = enrol_by_bundle(folder, Path(asked.bundle), replace=asked.replace)
    else:
        record = _over_network(folder, asked, confirm, say)
    write_sample(folder)
    return record


def _over_network(
    folder: Path, asked: Asked, confirm: Callable[[str], Awaitable[bool]], say: Callable[[str], None]
) -> SiteRecord:
    from jaz_lite.net import trio_anywhere

    trio_anywhere.prepare()

    import trio

    from jaz_lite.agent.enrol import enrolling
    from jaz_lite.net.dial import Address, parse_address
    from jaz_lite.wire.limits import AGENT_PORT, SERVER_PORT
    from jaz_lite.wire.token import parse_token

    wish = enrolling.Wish(data=folder, name=asked.name, replace=asked.replace)

    async def work() -> SiteRecord:
        if asked.token is None:
            assert asked.server is not None, "without a token a server is named"
            address = parse_address(asked.server, SERVER_PORT)
            return await enrolling.enrol_by_asking(wish, address, trust=asked.trust, confirm=confirm, say=say)
        meant = parse_token(asked.token)
        if asked.listen is None:
            return await enrolling.enrol_by_token(wish, meant)
        place = parse_address(asked.listen, AGENT_PORT) if asked.listen else Address(ANY_ADDRESS, AGENT_PORT)
        return await enrolling.enrol_listening(wish, meant, place, say)

    return trio.run(work)
