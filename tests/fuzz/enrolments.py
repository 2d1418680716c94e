"""Enrolment: both ends of it against a peer out of its mind, and what people carry from one to the other as text."""

import random
from contextlib import suppress

from jaz_lite.errors import UsageError
from jaz_lite.wire.enrol import (
    REFUSALS,
    EnrolAgentLink,
    EnrolAsked,
    Enrolled,
    EnrolProven,
    EnrolServerLink,
)
from jaz_lite.wire.happenings import Happening
from jaz_lite.wire.link import Link
from jaz_lite.wire.token import bundle_text, parse_bundle, parse_token, token_text
from tests.fuzz.links import Peer, _in_parts, _look_at
from tests.fuzz.mutation import damaged
from tests.wire.conversation import Conversation
from tests.wire.enrolling import ENROLMENT, TOKEN, TOKEN_KEY, enrol_agent, enrol_server, to_asked, to_proven

FRAMES_MAX = 10
TRIES = 20


def play(chance: random.Random) -> int:
    """Play one enrolment against one end in one of its states; return the number of frames."""
    talk = Conversation(enrol_server(), enrol_agent())  # type: ignore[arg-type]
    end = chance.choice(("server", "agent"))
    stage = chance.choice(("begin", "asked", "proven", "given"))
    if stage == "asked":
        to_asked(talk)
        if end == "server":
            talk.server.challenge(TOKEN_KEY)  # type: ignore[attr-defined]
            talk.server.take()
    elif stage in ("proven", "given"):
        to_proven(talk)
        if stage == "given":
            talk.server.give(ENROLMENT)  # type: ignore[attr-defined]
            talk.carry()
    link: Link = talk.server if end == "server" else talk.agent
    link.take()
    peer = Peer(chance, link)
    now = 0.0
    for count in range(FRAMES_MAX):
        data = peer.next()
        now += chance.choice((0, 0, 1, 11))
        found: list[Happening] = []
        for part in _in_parts(data, chance):
            found += link.receive(part, now)
        _answer(link, found, chance)
        found += link.tick(now)
        _look_at(link, found)
        if link.closed:
            return count + 1
    return FRAMES_MAX


def _answer(link: Link, found: list[Happening], chance: random.Random) -> None:
    for happening in found:
        if isinstance(link, EnrolServerLink) and isinstance(happening, EnrolAsked):
            match chance.randrange(4):
                case 0:
                    link.challenge(None)
                case 1:
                    link.pending(5)
                case 2:
                    link.refuse(chance.choice(REFUSALS), "no")
                case _:
                    link.challenge(TOKEN_KEY)
        elif isinstance(link, EnrolServerLink) and isinstance(happening, EnrolProven):
            link.give(ENROLMENT)
        elif isinstance(link, EnrolAgentLink) and isinstance(happening, Enrolled):
            link.confirm()


def texts(chance: random.Random) -> int:
    """Tokens and bundles as people mistype them."""
    for text, parse in ((token_text(TOKEN), parse_token), (bundle_text(ENROLMENT), parse_bundle)):
        for _ in range(TRIES // 2):
            wrong = damaged(text.encode(), chance).decode("latin-1")
            with suppress(UsageError):
                parse(wrong)
    return TRIES
