"""Where the hosts of a run lead: which agents may have worked for it.

An agent that none of its hosts leads to has nothing to say about whether a run was started.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jaz_lite.runner import placement

if TYPE_CHECKING:
    from jaz_lite.model.host import Host
    from jaz_lite.model.run import Run
    from jaz_lite.runner.turn import Turn

HOST_FIELDS = ("host", "target_host")  # settings of icons that name where work is done


def leads_to(turn: Turn, run: Run, agent_id: str) -> bool:
    """Tell whether any host that the icons of a run name leads to an agent, or led there before a takeover.

    Notes:
        A variable may name any host, so with one in the definition every agent that has a host may have worked for it.
    """
    seen: set[str] = set()
    for node in run.plan.nodes:
        for field in HOST_FIELDS:
            name = getattr(node.params, field, None)
            if not isinstance(name, str) or not name:
                continue
            if getattr(node.params, f"{field}_from_variable", False):
                return any(_may_lead(turn, host, agent_id) for host in turn.tx.hosts.list())
            if name not in seen:
                seen.add(name)
                host = turn.tx.hosts.find(name)
                if host is not None and _may_lead(turn, host, agent_id):
                    return True
    return False


def _may_lead(turn: Turn, host: Host, agent_id: str) -> bool:
    if host.kind == "group":
        return any(each.agent_id == agent_id for each in placement.members_of(turn.tx, host))
    return host.agent_id == agent_id or agent_id in turn.tx.hosts.agents_before(host.host)
