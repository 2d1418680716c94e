"""The kinds of worlds. The number of a seed says which kind its world is; all else in it is chance.

1        ordinary: every fault but those below
20,001   set-back: machines are restored from snapshots, at any time
100,001  trapped: machines are restored at the worst moments, with either guard against that
200,001  reboots: icons restart the machines, and lock them meanwhile
300,001  failover: several servers, and copies of their directories that take over (the package `failover`)
"""

from typing import Literal

Kind = Literal["ordinary", "set-back", "trapped", "reboots", "failover"]
FIRST_SEED: dict[Kind, int] = {
    "ordinary": 1,
    "set-back": 20_001,
    "trapped": 100_001,
    "reboots": 200_001,
    "failover": 300_001,
}


def kind_of(seed: int) -> Kind:
    """Return the kind of the world that a seed makes."""
    return next(kind for kind, first in reversed(FIRST_SEED.items()) if seed >= first)
