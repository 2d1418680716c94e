"""New keys and certificates on their way to agents: offered in a session, counted as there when the agent says so.

A new key is committed here before it is sent, and durable there before it is acknowledged; the old one is good until
the first session in which the new one is used. Whatever is lost on the way is offered again at the next welcome.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from jaz_lite.model.fact import Fact
from jaz_lite.runner.inputs import AgentTook
from jaz_lite.runner.turn import Turn
from jaz_lite.store.agents import AgentRow

NEW_KEY = "go on with the new key"


def use_key(turn: Turn, row: AgentRow, kid: int) -> bool:
    """A session begins with this key: if it is the new one, the old one is good no more; False: it is good no more."""
    if kid == row.kid:
        return True
    following = turn.tx.credentials.next_key(row.agent_id)
    if following is None or following.kid != kid:
        return False
    turn.tx.agents.update(row.agent_id, kid=kid, key=following.key)
    turn.tx.credentials.drop_next_key(row.agent_id)
    fact = Fact(kind="agent_key_used", severity="info", data={"agent": row.agent_id, "key": kid})
    turn.tx.journal.add(turn.now_ms, None, "", fact)
    return True


def offer(turn: Turn, agent_id: str, kid: int) -> dict[str, Any]:
    """Return what is to be offered to an agent that begins a session with key `kid`, as `ServerLink.config` takes it."""
    offered: dict[str, Any] = {}
    following = turn.tx.credentials.next_key(agent_id)
    if following is not None and following.kid != kid:
        offered |= {"key": following.key, "kid": following.kid}
    if certificate := turn.works.next_certificate:
        pin = sha256(certificate).digest()
        if not turn.tx.credentials.has_pin(agent_id, pin):
            offered |= {"next_pin": pin, "next_cert": certificate}
    return offered


def took(turn: Turn, item: AgentTook, pins_changed: Callable[[], None]) -> None:
    """An agent has made something durable that was offered to it."""
    certificate = turn.works.next_certificate
    port, taken = item.port, item.happening
    if not port.up:
        return
    following = turn.tx.credentials.next_key(port.agent_id) if taken.kid is not None else None
    if following is not None and following.kid == taken.kid:
        turn.after_commit(lambda: port.link.bye("redirect", NEW_KEY), port)
    if certificate and taken.pin == sha256(certificate).digest():
        turn.tx.credentials.put_pin(port.agent_id, taken.pin)
        turn.after_commit(pins_changed)
