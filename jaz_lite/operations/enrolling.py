"""How agents come into the site, as people see it: invitations, bundles, and requests that wait for a decision."""

import secrets
from dataclasses import replace as changed
from hashlib import sha256
from typing import Any

from jaz_lite.errors import NoSuchObject, Refused, UsageError
from jaz_lite.model.fact import Fact
from jaz_lite.net.dial import parse_address
from jaz_lite.net.own_addresses import addresses_to_tell, is_loopback
from jaz_lite.operations.agent_names import check_name, check_pattern, is_pattern, make_agent, refuse_living
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Site, control_of
from jaz_lite.operations.times import shown
from jaz_lite.store.invitations import Invitation, Request
from jaz_lite.store.transaction import Transaction
from jaz_lite.wire import limits, token, x509
from jaz_lite.wire.token import Enrolment, Token

TTL_S_MAX = 366 * 86_400
USES_MAX = 10_000
KEEP_EXPIRED_MS = 30 * 86_400_000  # so long a late comer is told why its token is no good any more
KEY_BYTES = 32
LISTEN_HINT = "start the server with --listen 0.0.0.0:11061, or name an address: --address HOST:PORT"


async def invite(
    site: Site,
    person: Person,
    *,
    name: str,
    ttl_s: int = 86_400,
    uses: int = 1,
    addresses: list[str] | None = None,
    replace: bool = False,
) -> dict[str, Any]:
    """Make an invitation for an agent, or for many whose names fit a pattern.

    Returns:
        `{"token", "id", "name", "uses", "expires_at", "addresses", "warnings"}`; the token is never shown again.

    Raises:
        Refused: an agent of that name lives. UsageError: a value is wrong, or no address is known.
    """
    check_pattern(name)
    if not 60 <= ttl_s <= TTL_S_MAX:
        raise UsageError("an invitation is good for a minute up to a year", hint="for example --ttl 24h")
    if not 1 <= uses <= USES_MAX:
        raise UsageError(f"an invitation can be used 1 to {USES_MAX} times, not {uses}")
    if uses > 1 and not is_pattern(name):
        raise UsageError(f'"{name}" names one agent, which enrols once', hint='give a pattern, for example "web*"')
    told, warnings = addresses_of(site, addresses)
    now_ms = site.clock.now_ms()
    cert = cert_sha256(site)
    token_id, secret = secrets.token_bytes(token.TOKEN_ID_BYTES), secrets.token_bytes(token.SECRET_BYTES)
    row = Invitation(
        token_id=token_id,
        name=name,
        key=token.token_key(secret),
        uses_left=uses,
        replaces=replace,
        cert=cert,
        created_ms=now_ms,
        created_by=person.name,
        expires_ms=now_ms + ttl_s * 1000,
    )

    def work(tx: Transaction) -> None:
        if not is_pattern(name):
            refuse_living(tx, name, replaces=replace)
        tx.invitations.forget(now_ms - KEEP_EXPIRED_MS)
        tx.invitations.add(row)
        note(tx, now_ms, "agent_invited", name, person, invitation=token_id.hex(), uses=uses)

    await site.write(work)
    text = token.token_text(
        Token(fingerprint=cert[: token.FINGERPRINT_BYTES], token_id=token_id, secret=secret, addresses=told)
    )
    shown_row = invitation_shown(row, site)
    return {**shown_row, "token": text, "uses": uses, "addresses": list(told), "warnings": warnings}


async def invites(site: Site, person: Person) -> dict[str, Any]:
    """Return `{"invitations": [...]}`, oldest first: those that can still be used."""
    now_ms = site.clock.now_ms()
    rows = await site.read(lambda view: list(view.invitations.list()))
    return {"invitations": [invitation_shown(row, site) for row in rows if _is_open(row, now_ms)]}


async def uninvite(site: Site, person: Person, *, id: str) -> dict[str, Any]:  # noqa: A002  # as people call it
    """Withdraw an invitation, by its id or the beginning of it; agents that came with it stay."""
    now_ms = site.clock.now_ms()

    def work(tx: Transaction) -> dict[str, Any]:
        found = [row for row in tx.invitations.list() if id and row.token_id.hex().startswith(id.lower())]
        open_ones = [row for row in found if _is_open(row, now_ms)]
        if not open_ones:
            state = f" ({_state(found[0], now_ms)} already)" if found else ""
            raise NoSuchObject(
                f'there is no open invitation "{id[:40]}"{state}', hint="`jaz-lite agent invites` lists them"
            )
        if len(open_ones) > 1:
            raise UsageError(f'{len(open_ones)} invitations begin with "{id}"', hint="give more of it")
        tx.invitations.withdraw(open_ones[0].token_id, now_ms)
        note(tx, now_ms, "agent_uninvited", open_ones[0].name, person, invitation=open_ones[0].token_id.hex())
        return {"id": open_ones[0].token_id.hex(), "name": open_ones[0].name}

    return await site.write(work)


async def bundle(
    site: Site,
    person: Person,
    *,
    name: str,
    addresses: list[str] | None = None,
    replace: bool = False,
) -> dict[str, Any]:
    """Make an agent and return the file that makes a machine this agent: `{"bundle", "agent_id", "warnings", …}`."""
    check_name(name)
    told, warnings = addresses_of(site, addresses)
    now_ms = site.clock.now_ms()
    cert = x509.der_of(site.store.keys.site_certificate_file.read_text("ascii"))
    key = secrets.token_bytes(KEY_BYTES)

    def work(tx: Transaction) -> Enrolment:
        refuse_living(tx, name, replaces=replace)
        row = make_agent(tx, name, key=key, now_ms=now_ms)
        note(tx, now_ms, "agent_bundled", name, person, key=row.kid)
        identity = tx.term.site()
        return Enrolment(
            agent_id=name,
            kid=row.kid,
            key=key,
            cert=cert,
            site_uid=identity.site_uid,
            server_id=identity.server_id,
            peers=told,
        )

    made = await site.write(work)
    if replace and site.control is not None:
        site.control.end_session(name, "revoked", "another enrolment of this agent took its place")
    return {
        "agent_id": name,
        "kid": made.kid,
        "addresses": list(told),
        "warnings": warnings,
        "bundle": token.bundle_text(made),
    }


async def add(site: Site, person: Person, *, name: str, address: str) -> dict[str, Any]:
    """Dial a machine that waits with `agent enroll --listen`, and let it become the agent `name`.

    Returns:
        `{"agent_id", "address"}`; from now on the server dials the agent there.

    Raises:
        Unreachable: nobody answers there. Refused, UsageError: it is not let in; the sentence says why.
    """
    check_name(name)
    place = parse_address(address, limits.AGENT_PORT)
    await control_of(site).enrol_at(name, place)
    now_ms = site.clock.now_ms()

    def work(tx: Transaction) -> None:
        tx.agents.update(name, addrs=(str(place),), dial="server")
        note(tx, now_ms, "agent_added", name, person, address=str(place))

    await site.write(work)
    return {"agent_id": name, "address": str(place)}


# ---- requests


async def waiting(site: Site, person: Person) -> dict[str, Any]:
    """Return `{"enabled", "server", "requests": [...]}`: agents without a token that want to be let in, oldest first."""
    cert = cert_sha256(site)
    rows = await site.read(lambda view: list(view.requests.list()))
    return {
        "enabled": site.config["server.accept_requests"],
        "server": token.site_fingerprint(cert),
        "requests": [_request_shown(row, cert, site) for row in rows if row.state == "waiting"],
    }


async def accept(
    site: Site, person: Person, *, name: str, fingerprint: str | None = None, replace: bool = False
) -> dict[str, Any]:
    """Let an agent in that waits; it gets its key when it asks the next time."""
    return await _decide(site, person, name, fingerprint, "accepted", replaces=replace)


async def reject(site: Site, person: Person, *, name: str, fingerprint: str | None = None) -> dict[str, Any]:
    """Turn an agent away that waits."""
    return await _decide(site, person, name, fingerprint, "rejected", replaces=False)


async def _decide(
    site: Site, person: Person, name: str, fingerprint: str | None, state: Any, *, replaces: bool
) -> dict[str, Any]:
    cert, now_ms = cert_sha256(site), site.clock.now_ms()

    def work(tx: Transaction) -> dict[str, Any]:
        found = [row for row in tx.requests.list() if row.state == "waiting" and row.name == name]
        if fingerprint is not None:
            found = [r for r in found if token.same_fingerprint(token.agent_fingerprint(r.nonce, cert), fingerprint)]
        if not found:
            which = "" if fingerprint is None else " with this fingerprint"
            raise NoSuchObject(f'no agent "{name}"{which} waits', hint="`jaz-lite agent waiting` lists them")
        if len(found) > 1:
            raise Refused(f'{len(found)} machines want to be "{name}"', hint="say which: --fingerprint DIGITS")
        if state == "accepted":
            refuse_living(tx, name, replaces=replaces)
        row = changed(found[0], state=state, replaces=replaces, seen_ms=now_ms)
        tx.requests.put(row)
        note(tx, now_ms, f"agent_{state}", name, person, address=row.address)
        return _request_shown(row, cert, site)

    return await site.write(work)


# ---- shared


def addresses_of(site: Site, given: list[str] | None) -> tuple[tuple[str, ...], list[str]]:
    """Return where agents are told to dial, and what people should know about it.

    Raises:
        UsageError: an address makes no sense, or there is none.
    """
    named = given or [part for part in site.config["server.announce"].replace(",", " ").split() if part]
    if named:
        found = [parse_address(text, limits.SERVER_PORT) for text in named]
        if len(found) > limits.PEERS_MAX:
            raise UsageError(f"a token holds at most {limits.PEERS_MAX} addresses, not {len(found)}")
    else:
        found = [address for text in _listening(site) for address in addresses_to_tell(parse_address(text, 0))]
    found = list(dict.fromkeys(found))[: limits.PEERS_MAX]
    if any(not address.port for address in found) or not found:
        raise UsageError("it is not known where agents can reach the server", hint=LISTEN_HINT)
    warnings = []
    if all(is_loopback(address) for address in found):
        warnings.append(f"only this machine can reach the server at {found[0]}; {LISTEN_HINT}")
    return tuple(map(str, found)), warnings


def note(tx: Transaction, now_ms: int, kind: str, agent_id: str, person: Person, **more: Any) -> None:
    """Write into the journal who did what about an agent."""
    data = {"agent": agent_id, "user": person.name, **more}
    tx.journal.add(now_ms, None, "", Fact(kind=kind, severity="info", data=data))


def _listening(site: Site) -> list[str]:
    if site.control is not None:
        return list(site.control.listening())
    listen: str = site.config["server.listen"]
    return [] if listen.endswith(":0") else [listen]


def cert_sha256(site: Site) -> bytes:
    """Return SHA-256 of the certificate that the site shows."""
    return sha256(x509.der_of(site.store.keys.site_certificate_file.read_text("ascii"))).digest()


def invitation_shown(row: Invitation, site: Site) -> dict[str, Any]:
    """Return an invitation as JSON tells it."""
    return {
        "id": row.token_id.hex(),
        "name": row.name,
        "uses_left": row.uses_left,
        "replaces": row.replaces,
        "created_at": shown(row.created_ms, site.zone),
        "created_by": row.created_by,
        "expires_at": shown(row.expires_ms, site.zone),
        "state": _state(row, site.clock.now_ms(), cert_sha256(site)),
    }


def _state(row: Invitation, now_ms: int, cert: bytes = b"") -> str:
    if row.withdrawn_ms is not None:
        return "withdrawn"
    if row.uses_left == 0:
        return "used"
    if row.expires_ms <= now_ms:
        return "expired"
    # The site's certificate was changed since: whoever comes with this token sees another one and stays away.
    return "open" if cert in (b"", row.cert) else "outdated"


def _is_open(row: Invitation, now_ms: int) -> bool:
    return _state(row, now_ms) == "open"


def _request_shown(row: Request, cert: bytes, site: Site) -> dict[str, Any]:
    return {
        "name": row.name,
        "fingerprint": token.agent_fingerprint(row.nonce, cert),
        "address": row.address,
        "version": row.version,
        "os": row.os,
        "arch": row.arch,
        "state": row.state,
        "asked_at": shown(row.asked_ms, site.zone),
        "seen_at": shown(row.seen_ms, site.zone),
    }
