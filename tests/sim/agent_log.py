"""What an agent really wrote into its log: the oracle compares with it what the server says to have read."""

from dataclasses import dataclass, field

from jaz_lite.wire.events import unpack_event
from jaz_lite.wire.ident import CHAIN_START, chain


@dataclass
class Log:
    """A log that an agent really wrote: its events and the chain after each."""

    payloads: list[bytes] = field(default_factory=list)
    chains: list[bytes] = field(default_factory=lambda: [CHAIN_START])

    def write(self, number: int, payload: bytes) -> None:
        """Take event `number`; those behind it were lost before they were sent."""
        del self.payloads[number - 1 :], self.chains[number:]
        self.payloads.append(payload)
        self.chains.append(chain(self.chains[-1], payload))

    def copy(self) -> "Log":
        """Return it as it is now."""
        return Log(list(self.payloads), list(self.chains))

    def has(self, number: int, chain_now: bytes) -> bool:
        """Tell whether it ever stood there."""
        return number < len(self.chains) and self.chains[number] == chain_now


def shown(payload: bytes) -> str:
    """Return an event for the trace."""
    _, _, k, e, x = unpack_event(payload)
    brief = {name: value for name, value in x.items() if name in ("exit", "sig", "why", "killed", "act", "path", "att")}
    return f"{e} {k.hex()[:8] if k else ''} {brief or ''}"
