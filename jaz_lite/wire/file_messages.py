"""The messages that carry files through a session between server and agent.

Source: protocol.md section 5, except that there is a word for the end of a whole copy (`f_over`), that names are
bytes, and that a list comes in pages.
"""

from collections.abc import Mapping

from jaz_lite.wire import limits
from jaz_lite.wire.fields import FILE_CODE, NATURAL_KEY, SHA, U32, U64
from jaz_lite.wire.message import Message, message
from jaz_lite.wire.schema import binary, listing, one_of, optional, row, text, truth

F_OPEN = 72
F_OK = 73
F_DATA = 74
F_ACK = 75
F_END = 76
F_ERR = 77
F_DONE = 78
F_OVER = 79

FILES: Mapping[int, Message] = dict(
    (
        message(
            F_OPEN,
            "f_open",
            "server",
            x=NATURAL_KEY,
            op=one_of("get", "put", "list", "stat"),
            path=text(limits.FILE_PATH_BYTES_MAX),
            file=binary(limits.FILE_PATH_BYTES_MAX, 1),
            off=U64,
            size=optional(U64),
            mode=optional(U32),
            sha=optional(SHA),
            after=optional(binary(limits.FILE_NAME_BYTES_MAX, 0)),
        ),
        message(
            F_OK,
            "f_ok",
            "agent",
            x=NATURAL_KEY,
            off=U64,
            size=U64,
            mode=U32,
            mtime=U64,
            sha=optional(SHA),
            names=optional(
                listing(row(binary(limits.FILE_NAME_BYTES_MAX, 1), U64, U32, U64), limits.FILE_NAMES_PAGE_MAX)
            ),
            more=optional(truth()),
        ),
        message(F_DATA, "f_data", "both", x=NATURAL_KEY, o=U64, d=binary(limits.CHUNK_BYTES_MAX, 1)),
        message(F_ACK, "f_ack", "both", x=NATURAL_KEY, o=U64),
        message(F_END, "f_end", "both", x=NATURAL_KEY, size=U64, sha=SHA),
        message(F_ERR, "f_err", "both", x=NATURAL_KEY, code=FILE_CODE, msg=text(256)),
        message(F_DONE, "f_done", "agent", x=NATURAL_KEY),
        message(F_OVER, "f_over", "server", x=NATURAL_KEY, ok=truth(), code=text(16), msg=text(256)),
    )
)
