"""Asking agents what they know of this site's servers, without a session: nothing is recorded anywhere.

Every agent that can be dialled is asked at once, some at a time, and not for long (protocol.md 8.3).
"""

import secrets
from collections.abc import Iterable, Mapping

import trio

from jaz_lite.errors import JazLiteError
from jaz_lite.failover.judgement import AgentSaid
from jaz_lite.net import tcp, tls
from jaz_lite.net.dial import Address, parse_address
from jaz_lite.net.session import Session
from jaz_lite.server.face import Face
from jaz_lite.store.agents import AgentRow
from jaz_lite.wire.happenings import Happening, ProbeAnswered
from jaz_lite.wire.ident import ticket_is_valid
from jaz_lite.wire.limits import AGENT_PORT, PROBE_S
from jaz_lite.wire.server_core import ServerLink

AT_ONCE_MAX = 64
NEVER_ASKED = frozenset(("revoked",))


def places_of(row: AgentRow) -> tuple[str, ...]:
    """Return where an agent may be dialled: where it was said to be, and where it was seen."""
    return tuple(dict.fromkeys((*row.addrs, *filter(None, (row.dial_at,)))))


def askable(rows: Iterable[AgentRow]) -> list[AgentRow]:
    """Return the agents that can be asked, those seen last first."""
    found = [row for row in rows if row.state not in NEVER_ASKED and places_of(row)]
    return sorted(found, key=lambda row: -(row.seen_ms or 0))


async def ask_agents(
    rows: Iterable[AgentRow], face: Face, *, fence_key: bytes, timeout_s: float = PROBE_S
) -> tuple[list[AgentSaid], Mapping[str, str]]:
    """Ask agents; return as soon as all have answered, or after `timeout_s`.

    Returns:
        What they said, and of those that said nothing why.
    """
    said: list[AgentSaid] = []
    silent: dict[str, str] = {}
    room = trio.CapacityLimiter(AT_ONCE_MAX)

    async def ask(row: AgentRow) -> None:
        silent[row.agent_id] = f"no answer within {timeout_s:.0f} s"
        async with room:
            for place in places_of(row):
                try:
                    answer = await _probe(parse_address(place, AGENT_PORT), face)
                except JazLiteError as error:
                    silent[row.agent_id] = f"{place}: {error.message}"
                    continue
                if answer is None or answer.agent_id != row.agent_id:
                    silent[row.agent_id] = f"{place}: " + (
                        "it did not answer" if answer is None else f"there is agent {answer.agent_id}"
                    )
                    continue
                del silent[row.agent_id]
                said.append(_said(answer, row, face, fence_key))
                return

    with trio.move_on_after(timeout_s):
        async with trio.open_nursery() as nursery:
            for row in rows:
                nursery.start_soon(ask, row)
    return said, silent


def _said(answer: ProbeAnswered, row: AgentRow, face: Face, fence_key: bytes) -> AgentSaid:
    site_uid = face.identity.site_uid
    return AgentSaid(
        agent_id=answer.agent_id,
        term=answer.term,
        act=answer.act,
        addrs=answer.addrs,
        proven=bool(answer.term) and ticket_is_valid(fence_key, site_uid, answer.term, answer.act, answer.ticket),
        silent_s=answer.live_s,
        in_session=answer.in_session,
        ahead=answer.spool == row.spool and answer.acked > row.cursor,
        heard_s=answer.heard_s,
    )


async def _probe(address: Address, face: Face) -> ProbeAnswered | None:
    """Ask one agent.

    Raises:
        Unreachable, RemoteProtocolError: nobody is there, or no agent of this site.
    """
    line = await tls.as_scheduler(await tcp.connect(address), face.context)
    link = ServerLink(
        face.identity,
        nonce=secrets.token_bytes(32),
        now=trio.current_time(),
        find_agent=lambda _agent_id, _kid: None,
        probe=True,
    )
    answers: list[ProbeAnswered] = []

    def tell(happenings: list[Happening]) -> None:
        answers.extend(each for each in happenings if isinstance(each, ProbeAnswered))

    await Session(link, line, tell).run()
    return answers[0] if answers else None
