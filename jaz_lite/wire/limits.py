"""Every number of the wire, with its name and unit. Source: protocol.md sections 3, 4, 5 and 11."""

# ---- frames

LENGTH_BYTES = 4
FRAME_BYTES_MAX_BEFORE_WELCOME = 4 * 1024
FRAME_BYTES_MAX = 256 * 1024
NESTING_MAX = 6  # the frame's own array is level 1, its body level 2
ARRAY_ITEMS_MAX = 4_096
MAP_ENTRIES_MAX = 256
KEY_BYTES_MAX = 32
OPTIONAL_TYPE_MIN = 128  # unknown types from here on are ignored
TYPE_MAX = 255

# ---- identities

NAME_BYTES_MAX = 64  # server_id, agent_id
EPOCH_MAX = 4_095
BOOT_MAX = 524_287
BOOT_BITS = 19
RUN_COUNTER_BITS = 32
ATTEMPT_MAX = 65_535
OCC_BYTES_MAX = 160
KEY_PATH_BYTES_MAX = 512
PROTO_MIN = 1  # versions of the protocol this program speaks
PROTO_MAX = 1

# What was added to this version after an agent may have been installed; each end does only what both name (4.9).
FEATURE_FILES = "files"
FEATURES = (FEATURE_FILES,)

# ---- bulk

OFFSET_MAX = 2**62  # within a stream or a file
CHUNK_BYTES_MAX = 64 * 1024  # one output or blob chunk; bulk let past control frames at a time
SPEC_BYTES_MAX_INLINE = 128 * 1024  # a longer spec travels as a blob
SPEC_BYTES_MAX = 2 * 1024 * 1024
SPEC_MAP_ENTRIES_MAX = 1_024
DESC_BYTES_MAX = 2 * 1024
ENV_ENTRIES_MAX = 512
ENV_VALUE_BYTES_MAX = 128 * 1024
ENV_BYTES_MAX = 1024 * 1024
ARGV_ITEMS_MAX = 256
ARGV_ITEM_BYTES_MAX = 4_096
OUTPUT_HEAD_BYTES_MAX = 64_000  # first bytes of a stream inside `finished`
OUTPUT_CREDIT_BYTES_STREAM = 256 * 1024  # sent and not yet acknowledged
OUTPUT_CREDIT_BYTES_SESSION = 4 * 1024 * 1024
OUTPUT_STREAMS_MAX = 8_192  # streams with something unacknowledged, a session

# ---- files

FILE_WINDOW_BYTES = 512 * 1024  # of one file, under way and not yet acknowledged
FILE_LEGS_MAX = 4  # files on their way from or to one agent at once
FILE_LEGS_ENDED_KEPT = 16  # ended by the agent, which the server may not know yet
FILE_NAME_BYTES_MAX = 1_024
FILE_PATH_BYTES_MAX = 4_096
FILE_NAMES_MAX = 10_000  # that a pattern may fit
FILE_NAMES_PAGE_MAX = 500
FILE_NAMES_PAGE_BYTES_MAX = 200 * 1024

# ---- events, inventory, dispatch

EVENT_BYTES_MAX = 200 * 1024
EVENTS_PER_FRAME_MAX = 256
EVENT_FRAME_BYTES_MAX = 200 * 1024  # the events of one frame together
EVENTS_UNACKED_MAX = 1_000
INVENTORY_ITEMS_MAX = 500  # a page
INVENTORY_PAGE_BYTES_MAX = 200 * 1024
DISPATCH_UNANSWERED_MAX = 256  # an agent
PEERS_MAX = 8
ADDRESS_BYTES_MAX = 128
FEATURES_MAX = 32

# ---- peers

COPY_NAME_BYTES_MAX = 64  # of a file in a data directory
COPY_WINDOW_BYTES = 1024 * 1024  # of a copy, under way and not yet written down
SHIP_PIECE_BYTES_MAX = 128 * 1024  # of a change set
PEER_HEARTBEAT_S = 5

# ---- time, seconds

TIME_MS_MAX = 253_402_300_799_999  # the end of the year 9999: what can be shown as a date

TLS_HANDSHAKE_S = 10.0
HANDSHAKE_STEP_S = 10.0
HANDSHAKE_S = 20.0
HEARTBEAT_S = 10
HEARTBEAT_S_MAX = 3_600
HEARTBEATS_MISSED_MAX = 3
PROBE_S = 5.0
KILL_GRACE_S = 10

# ---- doors of the network shells

SERVER_PORT = 11_061
AGENT_PORT = 11_055
STRANGERS_MAX = 256  # connections that are dealt with and have not proved who they are, in all
STRANGER_PATIENCE_S = 3.0  # so long one of them keeps his room while others wait for it
LOBBY_MAX = 1_024  # connections that have said nothing yet or wait for room
LOBBY_S = 10.0  # so long somebody may say nothing
WAITING_S = 20.0  # so long somebody waits for room
FAILED_AUTH_MAX = 5  # an address, within FAILED_AUTH_WINDOW_S
FAILED_AUTH_WINDOW_S = 60.0
FAILED_AUTH_PAUSE_S = 60.0  # the first pause; doubles up to FAILED_AUTH_PAUSE_S_MAX
FAILED_AUTH_PAUSE_S_MAX = 3_600.0
REMEMBERED_IPS_MAX = 4_096
CONNECT_S = 10.0
ANNOUNCE_S_FIRST = 1.0  # between two tries to find an agent that is to learn of a takeover
ANNOUNCE_FACTOR = 2.0
ANNOUNCE_S_MAX = 60.0
RECONNECT_S_FIRST = 0.5
RECONNECT_FACTOR = 1.6
RECONNECT_S_MAX = 30.0
RECONNECT_JITTER = 0.3  # a share of the delay, both ways
ADDRESSES_MAX = 32
SEND_STALL_S = 30.0  # for SEND_BYTES; a peer that reads nothing for so long is given up
SEND_BYTES = 64 * 1024
GOODBYE_S = 2.0  # to flush the last frames of a closing session
RECEIVE_BYTES = 256 * 1024
