"""Both ends of a session for tests: they go through the handshake by themselves and remember what they heard."""

import trio

from jaz_lite.net import tls
from jaz_lite.net.session import Session
from jaz_lite.wire.agent_core import AgentLink
from jaz_lite.wire.happenings import Challenged, Closed, Identified, Synced, Welcomed
from jaz_lite.wire.identities import AgentIdentity, HelloFacts, SiteIdentity
from jaz_lite.wire.server_core import ServerLink

SITE_UID, ACT, KEY, SPOOL, TICKET, WORK = b"u" * 16, b"a" * 8, b"k" * 32, b"s" * 16, b"t" * 32, b"w" * 16


class End:
    """One end that goes through the handshake by itself and remembers what it heard."""

    def __init__(self, line, link):
        self.heard = []
        self.up = trio.Event()
        self.link = link
        self.session = Session(link, line, self.tell)

    def tell(self, found):
        for happening in found:
            self.heard.append(happening)
            match happening:
                case Identified():
                    self.link.welcome(ticket=TICKET, spool=SPOOL, cursor=0, chain=bytes(16))
                case Challenged():
                    self.link.accept_term()
                case Welcomed():
                    self.link.inventory([])
                    self.link.synced(0)
                    self.up.set()
                case Synced():
                    self.up.set()

    async def run(self):
        await self.session.run()

    @property
    def closed(self):
        return self.heard[-1] if isinstance(self.heard[-1], Closed) else None


def server_end(stream, pin=b"p" * 32):
    site = SiteIdentity(site_uid=SITE_UID, server_id="SITE", term=1, act=ACT, cert_sha256=pin)
    link = ServerLink(site, nonce=b"S" * 32, now=trio.current_time(), find_agent=lambda _name, _kid: KEY)
    return End(stream, link)


def agent_end(stream, pin=b"p" * 32, kind=AgentLink):
    identity = AgentIdentity(agent_id="web01", kid=1, key=KEY, site_uid=SITE_UID, pin_sha256=pin)
    facts = HelloFacts(spool=SPOOL, boot=b"b" * 16)
    return End(stream, kind(identity, facts, nonce=b"A" * 32, now=trio.current_time()))


async def secure_both(one, other, server_context, certificate):
    """Do the TLS handshake over two ends of a connection."""
    ends = []

    async def serve():
        ends.append(await tls.as_scheduler(one, server_context))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        secured = await tls.as_agent(other, tls.client_context(certificate.cert_pem), certificate.sha256)
    return ends[0], secured
