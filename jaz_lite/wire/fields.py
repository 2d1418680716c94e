"""The kinds of fields that messages, events, work orders and tokens have in common."""

from jaz_lite.wire import limits
from jaz_lite.wire.schema import binary, listing, text, whole

U16 = whole(0, 2**16 - 1)
U32 = whole(0, 2**32 - 1)
U63 = whole(0, 2**63 - 1)  # what a store can hold
U64 = whole(0, 2**64 - 1)
I32 = whole(-(2**31), 2**31 - 1)
I64 = whole(-(2**63), 2**63 - 1)
NAME = text(limits.NAME_BYTES_MAX, 1)
NATURAL_KEY = binary(16)
STREAM = whole(1, 2)
OFFSET = whole(0, limits.OFFSET_MAX)
TIME_MS = whole(0, limits.TIME_MS_MAX)
ADDRESSES = listing(text(limits.ADDRESS_BYTES_MAX), limits.PEERS_MAX)
HEARTBEAT = whole(1, limits.HEARTBEAT_S_MAX)
OCC = text(limits.OCC_BYTES_MAX, 1)
KEY_PATH = text(limits.KEY_PATH_BYTES_MAX, 1)
ATTEMPT = whole(1, limits.ATTEMPT_MAX)
WORK_KIND = text(12, 1)
SHA = binary(32)
FILE_CODE = text(16, 1)
ENCODING = text(16)
ACT = binary(8)
PORT = whole(1, 65_535)
