"""The change of the site's certificate: the next one goes to every agent, and is shown when all of them have it.

An agent pins both from the moment at which it says that it has the next one, so the switch cuts nobody off who was
told; who was not, because it was away and the switch was forced, has to be enrolled again.
"""

import logging
import secrets
from collections.abc import Collection, Sequence
from hashlib import sha256

from jaz_lite.model.fact import Fact
from jaz_lite.runner.inputs import Write
from jaz_lite.runner.turns import Turns
from jaz_lite.server.face import Mirror
from jaz_lite.store.keys import Keys
from jaz_lite.store.transaction import Transaction
from jaz_lite.wire import x509

log = logging.getLogger(__name__)


class Rotation:
    """See the module. `resume` comes first, after a start.

    Args:
        not_here: agents that are not waited for: the embedded one where none runs, which learns it at its next start.
    """

    def __init__(self, turns: Turns, keys: Keys, mirror: Mirror, *, not_here: Collection[str] = ()) -> None:
        self._turns = turns
        self._keys = keys
        self._mirror = mirror
        self._not_here = not_here

    def resume(self) -> None:
        """Go on with a change that an earlier server began."""
        found = self._keys.next_certificate()
        self._turns.works.next_certificate = b"" if found is None else x509.der_of(found)
        self._turns.pins_changed = self.look
        if found is None:
            self._turns.submit(Write(lambda tx: tx.credentials.drop_pins()))

    def rotate(self, *, force: bool, server_id: str) -> None:
        """Begin a change, or go on with one; show the next certificate if all have it, or at once where forced."""
        if not self._turns.works.next_certificate:
            self._keys.make_next_certificate(f"jaz_lite {server_id}"[:64], secrets.token_bytes)
            self.resume()
            self._note("certificate_next")
        self._offer()
        missing = self._missing()
        if missing and not force:
            return
        if missing:
            log.warning(
                "the certificate is changed before all agents know it",
                extra={"action": "cert.forced", "agents": ", ".join(missing)},
            )
        self._switch()

    def look(self) -> None:
        """Show the next certificate if all agents have it by now."""
        if self._turns.works.next_certificate and not self._missing():
            self._switch()

    def _missing(self) -> Sequence[str]:
        pin = sha256(self._turns.works.next_certificate).digest()
        with self._turns.store.snapshot() as view:
            pins = view.credentials.pins()
            agents = [
                row.agent_id
                for row in view.agents.list()
                if row.state != "revoked" and row.agent_id not in self._not_here
            ]
        return [agent_id for agent_id in agents if pins.get(agent_id) != pin]

    def _offer(self) -> None:
        certificate = self._turns.works.next_certificate
        for agent_id in self._missing():
            desk = self._turns.works.desks.get(agent_id)
            if desk is not None and desk.port is not None and desk.port.up:
                desk.port.link.config(next_pin=sha256(certificate).digest(), next_cert=certificate)
                desk.port.flush()

    def _switch(self) -> None:
        self._keys.use_next_certificate()
        self._mirror.look_again()
        self._turns.works.next_certificate = b""
        self._turns.submit(Write(lambda tx: tx.credentials.drop_pins()))
        self._note("certificate_changed")
        log.warning("the site shows its new certificate", extra={"action": "cert.changed"})

    def _note(self, kind: str) -> None:
        now_ms = self._turns.clock.now_ms()

        def work(tx: Transaction) -> None:
            tx.journal.add(now_ms, None, "", Fact(kind=kind, severity="info", data={}))

        self._turns.submit(Write(work))
