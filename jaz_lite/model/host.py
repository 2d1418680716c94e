"""A host: a name as definitions use it, and the agent behind it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One host name. A disabled host refuses work unless the icon says `force`."""

    host: str
    agent_id: str
    enabled: bool = True
    encoding: str = "utf-8"  # of the job output
    memo: str = ""
