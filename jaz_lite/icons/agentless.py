"""Agentless: runs a command over SSH on a host without an agent.

Source: JAZ icon AGENTLESS, code 18.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from jaz_lite.icons import _check, _ranges
from jaz_lite.icons._not_in_build import begin, resume, stop
from jaz_lite.icons._promise import ANYWHERE, WHOLE, Place, Problem, Traits
from jaz_lite.model import names

name = "agentless"
jaz_code = 18
traits = Traits(may_rerun=True, may_stop=True, may_set_variable=True, may_retry=True, available=False)

__all__ = ["Params", "begin", "check", "jaz_code", "name", "resume", "stop", "traits"]

SESSION_ID_CHARS_MAX = 64
KEY_PATH_CHARS_MAX = 2_048
PROMPT_CHARS_MAX = 256
ENCODING_CHARS_MAX = 80
TIMEOUT_MIN_MAX = 99_999


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """The session, the login and the command."""

    session: Literal["once", "connect", "continue", "disconnect"] = "once"
    session_id: str = ""  # for all but "once"
    connection: Literal["ssh"] = "ssh"
    host: str | None = None  # for "once" and "connect"
    host_from_variable: bool = False
    auth: Literal["password", "key"] = "password"
    user: str | None = field(default=None, metadata=WHOLE)  # $NAME allowed
    password: str | None = field(default=None, metadata={"secret": True})  # sealed
    public_key: str | None = field(default=None, metadata=WHOLE)  # a path on the server; $NAME allowed
    private_key: str | None = field(default=None, metadata=WHOLE)  # a path on the server; $NAME allowed
    passphrase: str | None = field(default=None, metadata={"secret": True})  # sealed
    interactive: bool = False  # a terminal and a shell, JAZ's run_mode 0
    prompt: str | None = None  # interactive: ends the output
    command: str = field(default="", metadata=ANYWHERE)  # ${NAME} and $NAME allowed anywhere
    line_feed: Literal["lf", "cr", "crlf"] = "lf"
    encoding: str | None = None  # of the output; unknown names mean none
    timeout_min: int = 0  # a warning; 0 = none
    stop_codes: str = ""
    terminal: str | None = None


def check(params: Params, place: Place) -> Iterable[Problem]:
    """Give the problems of the settings."""
    if params.session != "once" and (fault := names.id_fault(params.session_id, SESSION_ID_CHARS_MAX)):
        yield _check.at(place, "session_id", fault)
    if params.session in ("once", "connect"):
        yield from _check.host(place, "host", params.host, params.host_from_variable)
        yield from _check.required(place, "user", params.user, names.RUN_USER_CHARS_MAX)
        if params.auth == "key":
            yield from _check.required(place, "private_key", params.private_key, KEY_PATH_CHARS_MAX)
    yield from _check.ascii_only(place, "public_key", params.public_key)
    yield from _check.ascii_only(place, "private_key", params.private_key)
    yield from _check.bounded(place, "prompt", params.prompt, PROMPT_CHARS_MAX)
    yield from _check.bounded(place, "command", params.command, names.SCRIPT_CHARS_MAX)
    yield from _check.bounded(place, "encoding", params.encoding, ENCODING_CHARS_MAX)
    yield from _check.number(place, "timeout_min", params.timeout_min, 0, TIMEOUT_MIN_MAX)
    if fault := _ranges.fault(params.stop_codes):
        yield _check.at(place, "stop_codes", fault, "write numbers and ranges, as in 1-255")
