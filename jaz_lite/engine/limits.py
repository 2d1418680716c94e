"""The engine's numbers, with their units."""

NODES_MAX = 50_000  # icons of a run with all its sub-jobnets
DEPTH_MAX = 12  # sub-jobnets inside each other: a key path has 512 bytes on the wire
STEPS_MIN = 1_000  # icons begun by one event before the run takes a breath; only loops get there
PAUSE_MS = 50  # the breath
VALUE_BYTES_MAX = 64_000  # a variable, in UTF-8
SET_VALUE_CHARS_MAX = 4_000  # a variable set by a person
RETRY_DELAY_S_MAX = 86_400.0
REASONS_TOLD_MAX = 50  # sentences about what a run waits for
YEAR_9999_MS = 253_370_764_800_000
