"""What one site may take of the agent's disk: the reserve for a full one, the quota, and what is forgotten for it.

Source: protocol.md sections 9.4 and 9.5.
"""

import errno

from jaz_lite.agent.attempts import Moment
from jaz_lite.agent.core import AgentCore
from jaz_lite.agent.disk import Disk
from jaz_lite.agent.policy import Policy
from jaz_lite.agent.site_log import SiteLog
from jaz_lite.agent.site_output import SiteOutput

RESERVE = "reserve"
RESERVE_BYTES = 4 * 1024 * 1024
DAY_MS = 86_400_000


class SiteRoom:
    """See the module."""

    def __init__(self, disk: Disk, policy: Policy, log: SiteLog, output: SiteOutput) -> None:
        self._disk = disk
        self._policy = policy
        self._log = log
        self._output = output

    def append(self, payloads: tuple[bytes, ...]) -> bool:
        """Write events into the log; tell whether the reserve had to be given up for them.

        Raises:
            OSError: the disk failed, or is full all the same.
        """
        try:
            self._log.spool.append(payloads)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            self._disk.remove(RESERVE)
            self._log.spool.append(payloads)
            return True
        return False

    def keep_reserve(self, free_bytes: int) -> None:
        """Hold some room back again, where there is enough."""
        if free_bytes > self._policy.free_bytes_min and RESERVE not in self._disk.names("."):
            self._disk.replace(RESERVE, bytes(RESERVE_BYTES))

    def forget(self, core: AgentCore, now: Moment) -> None:
        """Forget what the server has and what is old enough; more of it where the quota is exceeded."""
        before_ms = now.wall_ms - self._policy.keep_days * DAY_MS
        self._log.forget(before_ms)
        self._output.forget(before_ms)
        self._keep_to_quota(core, now)
        core.forget(self._log.spool.low, before_ms)

    def _keep_to_quota(self, core: AgentCore, now: Moment) -> None:
        """Give up what the server has: output first, the oldest first, then records of more than a day ago."""
        quota = self._policy.quota_bytes
        log_bytes = self._log.spool.size_bytes
        output_bytes = self._output.shrink(quota - log_bytes)
        while log_bytes + output_bytes > quota and self._log.forget_one(now.wall_ms - DAY_MS):
            log_bytes = self._log.spool.size_bytes
        core.quota(exceeded=log_bytes + output_bytes > quota)
