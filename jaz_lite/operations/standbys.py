"""Standbys: who keeps a copy of this site current, who may begin to, and handing the site over to one."""

from typing import Any

from jaz_lite.errors import UsageError
from jaz_lite.operations.enrolling import addresses_of, cert_sha256
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Emit, Site, control_of
from jaz_lite.wire import token
from jaz_lite.wire.token import Token

TTL_S_MAX = 86_400


async def listed(site: Site, person: Person) -> dict[str, Any]:
    """Return `{"state": "active", "standbys": [...]}`: who is connected, and how far it is behind."""
    return {"state": "active", "standbys": control_of(site).standbys()}


async def invite(
    site: Site, person: Person, *, ttl_s: int = 3_600, addresses: list[str] | None = None
) -> dict[str, Any]:
    """Make an invitation with which one machine may fetch its first copy. It is forgotten when this server stops.

    Returns:
        `{"token", "ttl_s", "addresses", "warnings"}`; the token is never shown again.
    """
    if not 60 <= ttl_s <= TTL_S_MAX:
        raise UsageError("an invitation for a standby is good for a minute up to a day", hint="for example --ttl 1h")
    told, warnings = addresses_of(site, addresses)
    token_id, secret = control_of(site).invite_standby(ttl_s)
    fingerprint = cert_sha256(site)[: token.FINGERPRINT_BYTES]
    made = Token(fingerprint=fingerprint, token_id=token_id, secret=secret, addresses=told)
    text = token.token_text(made, prefix=token.STANDBY_PREFIX)
    return {"token": text, "ttl_s": ttl_s, "addresses": list(told), "warnings": warnings}


async def switch_over(site: Site, person: Person, *, emit: Emit, to: str = "") -> dict[str, Any]:
    """Hand the site over to a standby that follows; this server ends. Items are sentences, one a step.

    Returns:
        `{"to", "term", "changes"}`: the standby, the term it begins, and the number of the last change it has.
    """
    return await control_of(site).switch_over(to, emit)
