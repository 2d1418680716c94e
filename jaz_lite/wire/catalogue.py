"""All messages by their numbers: those of a session, of files, of enrolment and of peers."""

from collections.abc import Mapping

from jaz_lite.wire.enrol_messages import ENROLMENT
from jaz_lite.wire.file_messages import FILES
from jaz_lite.wire.message import Message
from jaz_lite.wire.messages import SESSION
from jaz_lite.wire.peer_messages import PEERS

MESSAGES: Mapping[int, Message] = {**SESSION, **FILES, **ENROLMENT, **PEERS}
assert len(MESSAGES) == len(SESSION) + len(FILES) + len(ENROLMENT) + len(PEERS), "a number has one meaning"
