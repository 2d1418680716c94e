"""The listening port of an agent: servers of its sites may dial it, and strangers learn nothing.

The agent is the TLS client on the lines it accepts, too, so it is the one who dials that has to prove first who it
is. Which of its sites is calling the agent learns from the certificate alone: it trusts exactly those that its sites
are pinned to, and says `hello` to the site that the shown one belongs to. Until then it has read nothing but TLS.

Source: protocol.md sections 2.1, 2.2 and 11.
"""

import logging
from collections.abc import Callable, Iterable

import trio

from jaz_lite.agent.site_connection import SiteConnection
from jaz_lite.errors import RemoteProtocolError, UsageError
from jaz_lite.net import tcp
from jaz_lite.net.dial import parse_address
from jaz_lite.net.door import Door
from jaz_lite.net.line import Line
from jaz_lite.net.tls import TlsFloor, as_agent_of_one, client_context
from jaz_lite.wire.limits import AGENT_PORT

STRANGERS_PER_ADDRESS = 8  # an agent is dialled by the servers of its sites and by nobody else
LOOPBACK = "loopback"  # any free port that only this machine reaches
AGAIN_S = 60.0  # between two tries to get a port that somebody else has

log = logging.getLogger(__name__)


class Listening:
    """See the module.

    Args:
        where: `on`, `off` or an address. sites: those that the agent belongs to now.
    """

    def __init__(self, where: str, sites: Callable[[], Iterable[SiteConnection]], floor: TlsFloor) -> None:
        self._where = where
        self._sites = sites
        self._floor = floor
        self._door = Door(per_address=STRANGERS_PER_ADDRESS)
        self.port = 0  # where servers can dial now; 0: nowhere

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen; a port that cannot be had is told once and asked for again. It has started after the first try."""
        if self._where == "off":
            task_status.started()
            return
        told = False
        while True:
            try:
                listeners = await tcp.listen(*listen_address(self._where))
            except UsageError as error:
                if not told:
                    task_status.started()
                    log.warning(
                        "no server can dial this agent",
                        extra={"action": "listen.failed", "why": error.message, "listen": self._where},
                    )
                told = True
                await trio.sleep(AGAIN_S)
                continue
            for listener in listeners:
                log.info("servers can dial", extra={"action": "listen", "at": listener.socket.getsockname()[:2]})
            self.port = listeners[0].socket.getsockname()[1]
            if not told:
                task_status.started()
            await tcp.serve(listeners, self._door, self._receive)

    async def _receive(self, line: Line, visitor: tcp.Visitor) -> None:
        sites = list(self._sites())
        by_pin = {pin: site for site in sites for pin in site.certificates}
        if not by_pin:
            return
        context = client_context("".join(text for site in sites for text in site.certificates.values()), self._floor)
        try:
            secured, pin = await as_agent_of_one(line, context, by_pin.keys())
        except RemoteProtocolError:
            visitor.failed()
            raise
        if not await by_pin[pin].hold(secured, pin, visitor.proved):
            visitor.failed()


def listen_address(text: str) -> tuple[str | None, int]:
    """Return host (None: all addresses) and port of what `listen` says.

    Raises:
        UsageError: it is no address.
    """
    if text == "on":
        return None, AGENT_PORT
    if text == LOOPBACK:
        return "127.0.0.1", 0
    if text.startswith(":"):
        text = "*" + text
    address = parse_address(text, AGENT_PORT)
    return None if address.host == "*" else address.host, address.port
