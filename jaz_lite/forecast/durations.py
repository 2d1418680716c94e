"""How long work takes: what the past says of each icon, and what is assumed where it says nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from jaz_lite.model.run import Node

Choice = Literal["median", "p95"]

DEFAULT_MS = 60_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the past says of one icon: `samples` attempts that ended by themselves."""

    median_ms: int
    p95_ms: int
    samples: int


def estimate(samples_ms: Sequence[int]) -> Estimate:
    """Return the estimate that samples give; there is at least one.

    Notes:
        Both are samples that were seen (nearest rank), the lower one of two in the middle.
    """
    ranked = sorted(samples_ms)
    count = len(ranked)
    return Estimate(ranked[(count - 1) // 2], ranked[-(-95 * count // 100) - 1], count)


def assumed_ms(node: Node, default_ms: int) -> int:
    """Return how long an icon is taken to work of which the past says nothing."""
    if node.icon.type == "file_wait":
        if node.params.mode == "exists":
            return 0
        if node.params.wait_s > 0:
            return min(default_ms, int(node.params.wait_s) * 1000)
    return default_ms


class Durations:
    """The durations of a site's icons.

    An icon is known by the jobnet of the run and its path in it, so that a sub-jobnet has other durations in each
    jobnet that uses it.
    """

    def __init__(
        self, known: Mapping[tuple[str, str], Sequence[int]] | None = None, default_ms: int = DEFAULT_MS
    ) -> None:
        """Take samples in milliseconds by (jobnet id, plain path)."""
        self.default_ms = default_ms
        self._known = {key: estimate(samples) for key, samples in (known or {}).items() if samples}

    def find(self, jobnet_id: str, path: str) -> Estimate | None:
        """Return what is known of an icon, or None."""
        return self._known.get((jobnet_id, path))
