"""The agent's part in an enrolment over the network: find the server, judge its certificate, prove the secret, store.

Nothing is sent before the certificate was found to be the one that the token names (or that a person trusts). What
went wrong is told address by address: a server that is down, and one that is somebody else, want different remedies.
"""

import platform
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import trio

from jaz_lite import __version__
from jaz_lite.agent.disk import PosixDisk
from jaz_lite.agent.enrol import enrolment as kept
from jaz_lite.agent.records import SiteRecord, load_sites
from jaz_lite.errors import JazLiteError, NoSuchObject, NotPermitted, ProtocolError, Refused, Unreachable, UsageError
from jaz_lite.net import tcp, tls
from jaz_lite.net.dial import Address, parse_address
from jaz_lite.net.line import Line, SocketLine
from jaz_lite.net.session import Session
from jaz_lite.wire import limits
from jaz_lite.wire.enrol import EnrolAgentLink, Enrolled, EnrolPending, EnrolRequest, asking_key
from jaz_lite.wire.happenings import Closed, Happening
from jaz_lite.wire.limits import AGENT_PORT
from jaz_lite.wire.token import (
    FINGERPRINT_BYTES,
    Token,
    agent_fingerprint,
    same_fingerprint,
    site_fingerprint,
)

LOOK_AGAIN_S = 5.0  # after a server that has to decide could not be reached for a moment
ANOTHER = "another server, or somebody in between, answers there; nothing was told to it"

Say = Callable[[str], None]
# Why a server refuses: the family of who must act, and a remedy.
REFUSED: dict[str, tuple[type[JazLiteError], str]] = {
    "auth": (NoSuchObject, "it may be of another data directory, or older than a month: ask for a new one"),
    "expired": (NotPermitted, "ask for a new one: `jaz-lite agent invite NAME` on the server"),
    "used": (NotPermitted, "ask for a new one: `jaz-lite agent invite NAME` on the server"),
    "withdrawn": (NotPermitted, "ask for a new one: `jaz-lite agent invite NAME` on the server"),
    "name": (NotPermitted, "--name gives another name"),
    "taken": (Refused, ""),
    "closed": (NotPermitted, ""),
    "full": (Refused, "an administrator has to decide about them first: `jaz-lite agent waiting` on the server"),
    "rejected": (NotPermitted, ""),
    "version": (Refused, "upgrade the older side"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the person at the agent's machine wants. name: of the agent; "" leaves it to the invitation."""

    data: Path
    name: str = ""
    replace: bool = False


@dataclass(slots=True)
class _Ended:
    """How one conversation ended: with an enrolment, with the wish to come again, or with a fault."""

    record: SiteRecord | None = None
    retry_s: int = 0
    fault: JazLiteError | None = None
    turned_away: bool = False


async def enrol_by_token(wish: Wish, token: Token) -> SiteRecord:
    """Enrol with a token: dial its addresses until one leads to the server that it names.

    Raises:
        Unreachable: none does; the sentence says why, address by address.
        NotPermitted, NoSuchObject, Refused: the server does not let this agent in, or the agent is in already.
    """
    disk = _ready(wish, token.fingerprint)
    if not token.addresses:
        raise UsageError("this token names no address", hint="enrol with --listen, or ask for one with --address")
    request = _request(wish, kept.nonce_for(disk, token.token_id), token_id=token.token_id)
    told: list[str] = []
    impostor = False
    for text in token.addresses:
        try:
            address = parse_address(text, limits.SERVER_PORT)
            secured, certificate = await _reach(address)
        except (Unreachable, ProtocolError, UsageError) as error:
            told.append(_why(text, error))
            continue
        if not _is_meant(certificate, token):
            secured.close()
            impostor = True
            told.append(f"{text} shows another certificate than the token names")
            continue
        outcome = await _converse(wish, disk, secured, certificate, request, token.key, str(address))
        assert outcome.record is not None, "only requests without a token are put off"
        return outcome.record
    sentence = "the server of this token was not found: " + "; ".join(told)
    if impostor:
        raise NotPermitted(sentence, hint=f"{ANOTHER}; if the site changed its certificate, ask for a new token")
    raise Unreachable(sentence, hint="is it up, does it listen there (`up --listen`), does a firewall let us through?")


async def enrol_listening(wish: Wish, token: Token, listen: Address, say: Say) -> SiteRecord:
    """Enrol with a token where the server dials: listen until it comes. What others want who come is passed over."""
    disk = _ready(wish, token.fingerprint)
    request = _request(wish, kept.nonce_for(disk, token.token_id), token_id=token.token_id)
    found: list[SiteRecord | JazLiteError] = []
    context = tls.unpinned_context()
    host = None if listen.host in ("0.0.0.0", "::") else listen.host  # noqa: S104  # what a person may write
    listeners = await tcp.listen(host, listen.port)
    port = listeners[0].socket.getsockname()[1]
    name = wish.name or "NAME"
    if listen.port != AGENT_PORT or host is not None:
        say(f'write listen = "{listen}" into {wish.data / "agent.toml"}, so that the agent listens there, too')
    say(f"listening on port {port}; on the server: jaz-lite agent add {name} {socket.gethostname()}:{port}")

    async def receive(line: Line, peer: str) -> None:
        secured, certificate = await tls.as_stranger(line, context)
        if not _is_meant(certificate, token):
            secured.close()
            raise ProtocolError(f"{peer} shows another certificate than the token names")
        outcome = await _converse(wish, disk, secured, certificate, request, token.key, "")
        assert outcome.record is not None, "only requests without a token are put off"
        found.append(outcome.record)

    async with trio.open_nursery() as nursery:

        async def one(stream: trio.SocketStream) -> None:
            peer = "somebody"
            try:
                peer = str(stream.socket.getpeername()[0])
                await receive(SocketLine.over(stream), peer)
            except OSError:
                return  # gone already
            except ProtocolError as error:
                say(f"{peer} came and is not the server: {error.message}")
                return
            except JazLiteError as error:
                found.append(error)
            nursery.cancel_scope.cancel()

        nursery.start_soon(trio.serve_listeners, one, listeners)
    last = found[-1]
    if isinstance(last, JazLiteError):
        raise last
    return last


async def enrol_by_asking(
    wish: Wish, server: Address, *, trust: str, confirm: Callable[[str], Awaitable[bool]], say: Say
) -> SiteRecord:
    """Enrol without a token: show both fingerprints and wait until an administrator has decided.

    Args:
        trust: the server's fingerprint as its administrator gave it; "" asks the person here.
        confirm: asks the person whether the fingerprint shown is the right one.

    Raises:
        NotPermitted: the server's fingerprint is not the right one, or the agent was turned away.
    """
    disk = _ready(wish, b"")
    nonce = kept.nonce_for(disk, f"ask {server}".encode())
    request = _request(wish, nonce)
    trusted, told = b"", False
    while True:
        try:
            secured, certificate = await _reach(server)
        except (Unreachable, ProtocolError) as error:
            if not trusted:
                raise Unreachable(error.message, hint="is the server up, and is this its address?") from error
            await trio.sleep(LOOK_AGAIN_S)
            continue
        shown = sha256(certificate).digest()
        try:
            if not trusted:
                await _trust(shown, trust, confirm)
                kept.refuse_enrolled([] if wish.replace else load_sites(disk), shown)
                trusted = shown
                if not trust:
                    # A person was asked meanwhile: the server waits for nobody's first word as long as that takes.
                    secured.close()
                    continue
            if shown != trusted:
                raise NotPermitted(f"{server} now shows another certificate than the one you trusted", hint=ANOTHER)
        except BaseException:
            secured.close()
            raise
        if not told:
            say(f"the server's fingerprint is {site_fingerprint(shown)}")
            say(f"this agent's fingerprint is {agent_fingerprint(nonce, shown)}")
        outcome = await _converse(wish, disk, secured, certificate, request, asking_key(nonce), str(server))
        if outcome.record is not None:
            return outcome.record
        if not told:
            name = request.name or request.host.partition(".")[0]
            say(f"waiting for an administrator; on the server: jaz-lite agent waiting; jaz-lite agent accept {name}")
            told = True
        await trio.sleep(outcome.retry_s)


async def _trust(shown: bytes, trust: str, confirm: Callable[[str], Awaitable[bool]]) -> None:
    fingerprint = site_fingerprint(shown)
    if trust:
        if not (same_fingerprint(trust, fingerprint) or trust.lower().replace(":", "") == shown.hex()):
            raise NotPermitted(f"the server's fingerprint is {fingerprint}, not the one given", hint=ANOTHER)
    elif not await confirm(fingerprint):
        raise NotPermitted(
            f"the server's fingerprint {fingerprint} is not trusted",
            hint="compare it with `jaz-lite site cert` on the server, then give it: --trust FINGERPRINT",
        )


def _ready(wish: Wish, fingerprint: bytes) -> PosixDisk:
    disk = PosixDisk(wish.data)
    disk.make_folder(".")
    if fingerprint and not wish.replace:
        kept.refuse_enrolled(load_sites(disk), fingerprint)
    return disk


def _request(wish: Wish, nonce: bytes, token_id: bytes = b"") -> EnrolRequest:
    return EnrolRequest(
        token_id=token_id,
        name=wish.name,
        host=socket.gethostname(),
        nonce=nonce,
        sw=f"jaz_lite {__version__}",
        os=platform.platform(terse=True),
        arch=platform.machine(),
    )


def _is_meant(certificate: bytes, token: Token) -> bool:
    return sha256(certificate).digest()[:FINGERPRINT_BYTES] == token.fingerprint


async def _reach(address: Address) -> tuple[Line, bytes]:
    return await tls.as_stranger(await tcp.connect(address), tls.unpinned_context())


def _why(address: str, error: JazLiteError) -> str:
    return error.message if address in error.message else f"{address}: {error.message}"


async def _converse(
    wish: Wish, disk: PosixDisk, line: Line, certificate: bytes, request: EnrolRequest, key: bytes, dialled: str
) -> _Ended:
    """Hold the conversation; the enrolment is durable before it is confirmed."""
    link = EnrolAgentLink(request, key=key, cert_sha256=sha256(certificate).digest(), now=trio.current_time())
    ended = _Ended()

    def tell(happenings: list[Happening]) -> None:
        for happening in happenings:
            match happening:
                case Enrolled(enrolment):
                    try:
                        record = kept.store(disk, enrolment, dialled=dialled, replace=wish.replace)
                    except JazLiteError as error:
                        ended.fault = error
                        link.error("state", "the enrolment was not stored")
                    else:
                        ended.record = record
                        link.confirm()
                case EnrolPending(retry_s):
                    ended.retry_s = retry_s
                case Closed(code, msg) if ended == _Ended():
                    ended.fault, ended.turned_away = _fault(code, msg), code == "rejected"

    await Session(link, line, tell).run()
    if ended.fault is not None:
        if ended.turned_away:
            kept.forget_nonce(disk)  # who asks again is somebody new to decide about
        raise ended.fault
    return ended


def _fault(code: str, msg: str) -> JazLiteError:
    kind, hint = REFUSED.get(code, (ProtocolError, "try again; the server's log says more"))
    if code == "auth" and msg == "not accepted":
        return kind("the server does not know this invitation", hint=hint)
    if code == "eof":
        return ProtocolError(
            "the server ended the connection without an answer",
            hint="try again; the server's log says more",
        )
    sentence, separator, remedy = msg.partition("; ")
    return kind(sentence, hint=hint or remedy) if separator else kind(msg, hint=hint)
