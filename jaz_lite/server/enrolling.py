"""The server's part in an enrolment: who is let in, decided inside one transaction, and the door where they come.

What is decided is committed before it is told. A machine that lost the answer asks again with its nonce and gets the
same; until then nobody else can come with what was given to it.
"""

import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import trio

from jaz_lite.clock import Clock
from jaz_lite.errors import JazLiteError
from jaz_lite.model.fact import Fact
from jaz_lite.net.line import Line
from jaz_lite.net.session import Session
from jaz_lite.net.tcp import Visitor
from jaz_lite.operations.agent_names import check_name, fits, is_alive, is_pattern, make_agent
from jaz_lite.runner.control import Control
from jaz_lite.server.face import Face
from jaz_lite.store.invitations import Given, Invitation, Request
from jaz_lite.store.open import Store
from jaz_lite.store.transaction import Transaction
from jaz_lite.wire.enrol import (
    EnrolAsked,
    EnrolConfirmed,
    EnrolProven,
    EnrolRequest,
    EnrolServerLink,
    asking_key,
)
from jaz_lite.wire.happenings import Closed, Happening
from jaz_lite.wire.token import Enrolment

KEY_BYTES = 32
REQUESTS_MAX = 100
REQUEST_KEPT_MS = 86_400_000
REQUEST_NOTED_MS = 60_000  # so often it is written down that somebody still waits
ASK_AGAIN_S = 3
INVITE = "ask for a token: `jaz-lite agent invite NAME` on the server"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an agent is not let in: a code of `wire.enrol.REFUSALS`, and a sentence."""

    code: str
    msg: str


@dataclass(frozen=True, slots=True)
class LetIn:
    """An agent's row as committed. replaced: a living agent lost its place to it."""

    agent_id: str
    kid: int
    key: bytes
    replaced: bool = False


def judge(tx: Transaction, request: EnrolRequest, *, now_ms: int, key: bytes, wanted: str = "") -> LetIn | Refusal:
    """Let in an agent that has proved the secret of its invitation, or that a person accepted; or say why not.

    Args:
        key: 32 fresh random bytes, for a new agent.
        wanted: the name it must have; "": any.
    """
    again = tx.invitations.given_to(request.nonce)
    if again is not None and not again.confirmed:
        row = tx.agents.find(again.agent_id)
        if row is not None and row.kid == again.kid and row.state != "revoked":
            return LetIn(row.agent_id, row.kid, row.key)
    found = _invited(tx, request, now_ms) if request.token_id else _accepted(tx, request)
    if isinstance(found, Refusal):
        return found
    name, replaces = found
    if wanted not in ("", name):
        return Refusal("name", f'the one who waits there wants to be "{name}", not "{wanted}"')
    replaced = is_alive(tx, name)
    if replaced and not replaces:
        hint = f"choose another name, or have it replaced: `jaz-lite agent invite {name} --replace`"
        return Refusal("taken", f'there is an agent "{name}" already; {hint}')
    row = make_agent(tx, name, key=key, now_ms=now_ms)
    if request.token_id:
        tx.invitations.use(request.token_id)
    tx.invitations.give(Given(nonce=request.nonce, agent_id=name, kid=row.kid, at_ms=now_ms))
    data = {"agent": name, "invitation": request.token_id.hex(), "key": row.kid, "os": request.os}
    tx.journal.add(now_ms, None, "", Fact(kind="agent_enrolled", severity="info", data=data))
    return LetIn(name, row.kid, key, replaced)


def _invited(tx: Transaction, request: EnrolRequest, now_ms: int) -> tuple[str, bool] | Refusal:
    row = tx.invitations.find(request.token_id)
    if row is None:
        return Refusal("withdrawn", "the invitation was withdrawn")
    return _unusable(row, now_ms) or _name_of(request, row)


def _unusable(row: Invitation, now_ms: int) -> Refusal | None:
    if row.withdrawn_ms is not None:
        return Refusal("withdrawn", f"the invitation for {row.name} was withdrawn")
    if row.uses_left == 0:
        return Refusal("used", f"the invitation for {row.name} was used already")
    if row.expires_ms <= now_ms:
        ago = max(1, (now_ms - row.expires_ms) // 60_000)
        return Refusal("expired", f"the invitation for {row.name} expired {ago} min ago")
    return None


def _name_of(request: EnrolRequest, row: Invitation) -> tuple[str, bool] | Refusal:
    if not is_pattern(row.name):
        if request.name not in ("", row.name):
            return Refusal("name", f'the invitation is for "{row.name}", not for "{request.name}"')
        return row.name, row.replaces
    name = request.name or request.host.partition(".")[0]
    if not fits(name, row.name):
        which = f'"{name}"' if request.name else f'this machine\'s own name "{name}"'
        return Refusal("name", f"the invitation is for names like {row.name}, not for {which}")
    try:
        check_name(name)
    except JazLiteError as error:
        return Refusal("name", f"{error.message}: {error.hint}")
    return name, row.replaces


def _accepted(tx: Transaction, request: EnrolRequest) -> tuple[str, bool] | Refusal:
    row = tx.requests.find(request.nonce)
    # An acceptance lets in once: what was given for it may have been revoked, or replaced, since.
    if row is None or row.state != "accepted" or tx.invitations.given_to(request.nonce) is not None:
        return Refusal("rejected", "the request is not known any more")
    return row.name, row.replaces


def park(tx: Transaction, request: EnrolRequest, address: str, now_ms: int) -> Request | Refusal:
    """Note that an agent without a token wants to be let in; returns the request as it stands."""
    tx.requests.forget(now_ms - REQUEST_KEPT_MS)
    row = tx.requests.find(request.nonce)
    if row is not None:
        if now_ms - row.seen_ms > REQUEST_NOTED_MS:
            row = replace(row, seen_ms=now_ms)
            tx.requests.put(row)
        return row
    name = request.name or request.host.partition(".")[0]
    try:
        check_name(name)
    except JazLiteError as error:
        return Refusal("name", f"{error.message}: {error.hint}")
    if sum(one.state == "waiting" for one in tx.requests.list()) >= REQUESTS_MAX:
        return Refusal("full", f"{REQUESTS_MAX} agents wait to be let in; no more are taken")
    row = Request(
        nonce=request.nonce,
        name=name,
        address=address,
        version=request.sw,
        os=request.os,
        arch=request.arch,
        asked_ms=now_ms,
        seen_ms=now_ms,
    )
    tx.requests.put(row)
    return row


class Enroller:
    """Receives those who want to become agents.

    Args:
        face: what the server shows at present.
        peers: where agents are told to dial.
        accepts: whether agents without a token may ask.
    """

    def __init__(
        self,
        control: Control,
        store: Store,
        clock: Clock,
        *,
        face: Callable[[], Face],
        peers: Callable[[], tuple[str, ...]],
        accepts: bool,
    ) -> None:
        self._control = control
        self._store = store
        self._clock = clock
        self._face = face
        self._peers = peers
        self._accepts = accepts

    async def attend(
        self, line: Line, head: bytes, visitor: Visitor | None, address: str, name: str = ""
    ) -> str | Refusal:
        """Hold one enrolment to its end, over a connection of either direction.

        Args:
            head: what was already read of it.
            name: only an agent of this name; "": of any.

        Returns:
            The name of the agent that confirmed, or why there is none.
        """
        face = self._face()
        link = EnrolServerLink(face.identity, nonce=secrets.token_bytes(32), now=trio.current_time())
        outcome: list[str | Refusal] = []

        def tell(happenings: list[Happening]) -> Awaitable[None] | None:
            return work(happenings)

        async def work(happenings: list[Happening]) -> None:
            for happening in happenings:
                match happening:
                    case EnrolAsked(request):
                        await self._asked(link, request, address)
                    case EnrolProven(request):
                        if visitor is not None:
                            visitor.proved()
                        await self._proven(link, request, face, name)
                    case EnrolConfirmed(request):
                        outcome.append(await self._confirmed(request))
                    case Closed():
                        if happening.code in ("auth", "closed") and visitor is not None:
                            visitor.failed()
                        outcome.append(Refusal(happening.code, happening.msg))

        await Session(link, line, tell, head).run()
        last = outcome[0] if outcome else Refusal("failed", "the connection ended")
        if isinstance(last, Refusal):
            log.info(
                "an enrolment came to nothing",
                extra={"action": "enrol.refused", "peer": address, "code": last.code, "why": last.msg},
            )
        return last

    async def _asked(self, link: EnrolServerLink, request: EnrolRequest, address: str) -> None:
        if request.token_id:
            with self._store.snapshot() as view:
                invitation = view.invitations.find(request.token_id)
            link.challenge(None if invitation is None else invitation.key)
            return
        if not self._accepts:
            link.refuse("closed", f"this server lets no agent in without a token; {INVITE}")
            return
        now_ms = self._clock.now_ms()
        found = await self._control.write(lambda tx: park(tx, request, address, now_ms))
        if isinstance(found, Refusal):
            link.refuse(found.code, found.msg)
        elif found.state == "rejected":
            link.refuse("rejected", "an administrator turned this request away")
        elif found.state == "accepted":
            link.challenge(asking_key(request.nonce))
        else:
            link.pending(ASK_AGAIN_S)

    async def _proven(self, link: EnrolServerLink, request: EnrolRequest, face: Face, name: str) -> None:
        now_ms, key = self._clock.now_ms(), secrets.token_bytes(KEY_BYTES)
        found = await self._control.write(lambda tx: judge(tx, request, now_ms=now_ms, key=key, wanted=name))
        if isinstance(found, Refusal):
            link.refuse(found.code, found.msg)
            return
        if found.replaced:
            self._control.end_session(found.agent_id, "revoked", "another enrolment of this agent took its place")
        link.give(
            Enrolment(
                agent_id=found.agent_id,
                kid=found.kid,
                key=found.key,
                cert=face.certificate,
                site_uid=face.identity.site_uid,
                server_id=face.identity.server_id,
                peers=self._peers(),
            )
        )

    async def _confirmed(self, request: EnrolRequest) -> str:
        def work(tx: Transaction) -> str:
            tx.invitations.confirm(request.nonce)
            tx.requests.remove(request.nonce)
            given = tx.invitations.given_to(request.nonce)
            assert given is not None, "who confirms was given something"
            return given.agent_id

        agent_id = await self._control.write(work)
        log.info("an agent enrolled", extra={"action": "enrol.done", "agent": agent_id})
        return agent_id
