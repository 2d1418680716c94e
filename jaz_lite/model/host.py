"""A host: a name as definitions use it, and what stands behind it."""

from dataclasses import dataclass
from typing import Literal, get_args

HostKind = Literal["agent", "group", "ssh"]
HOST_KINDS: tuple[HostKind, ...] = get_args(HostKind)
SSH_PORT = 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One host name. A disabled host refuses work unless the icon says `force`.

    agent_id: of kind agent. members: of kind group, names of hosts or agents, in the order in which equals are taken.
    address, port, user: of kind ssh.
    """

    host: str
    kind: HostKind = "agent"
    agent_id: str = ""
    members: tuple[str, ...] = ()
    address: str = ""
    port: int = SSH_PORT
    user: str = ""  # "": to be named by whoever uses it
    enabled: bool = True
    encoding: str = ""  # of the job output; "": as the agent says
    memo: str = ""

    @property
    def target(self) -> str:
        """What stands behind the name, in one word."""
        if self.kind == "agent":
            return self.agent_id
        if self.kind == "group":
            return ",".join(self.members)
        place = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.user}@{place}:{self.port}" if self.user else f"{place}:{self.port}"
