"""Claims of a newer server without proof: people are told, and the agent whose name was used is left alone.

Whoever makes one has proved nothing, so the name may be anybody's (decision 0007).
"""

from jaz_lite.model.fact import Fact
from jaz_lite.store.transaction import Transaction


def note_forged(tx: Transaction, at_ms: int, agent_id: str, term: int) -> None:
    """Note that somebody who called himself this agent claimed this term."""
    data = {"agent_id": agent_id, "term": term}
    tx.journal.add(at_ms, None, "", Fact(kind="agent_forged_term", severity="error", data=data))
    if tx.agents.find(agent_id) is not None:
        tx.agents.update(agent_id, forged_ms=at_ms)
