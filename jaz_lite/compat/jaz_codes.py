"""Which of Job Arranger's numbers means which of our words, for every kind of object, icon and run.

One table a column. Reader and writer both use these; so do the programs that print JAZ's numbers. A number that is
not here is told as a warning at import and kept in the object's `jaz`, so that an export gives it back.

Source: JAZ manager and server 3.0.0, server 6.0.9, web manager 6.1.0.
"""

from collections.abc import Mapping
from typing import Final

from jaz_lite.model.run import ICON_STATES, RUN_STATES

Codes = Mapping[int, str | bool]


def code_of(codes: Codes, word: str | bool) -> int:
    """Return JAZ's number for one of our words; the word must be in the table."""
    return next(code for code, known in codes.items() if known == word)


FLAG: Final[Codes] = {0: False, 1: True}

# ---- definitions

ICON_TYPE: Final[Codes] = dict(
    enumerate(
        (
            "start",
            "end",
            "condition",
            "variable",
            "job",
            "sub_jobnet",
            "parallel_start",
            "parallel_end",
            "loop",
            "extended_job",
            "calculation",
            "task",
            "information",
            "branch_end",
            "file_copy",
            "file_wait",
            "reboot",
            "release",
            "agentless",
            "zabbix_link",
        )
    )
)
BASE_DAY: Final[Codes] = {0: "first", 1: "last", 2: "designated"}
DAYS_KIND: Final[Codes] = {0: "calendar", 1: "filter"}
MULTIPLE_START: Final[Codes] = {0: "parallel", 1: "skip", 2: "wait"}
JOBNET_TIMEOUT_ACTION: Final[Codes] = {0: "warn", 1: "stop"}
MARK: Final[Codes] = {0: "normal", 1: "hold", 2: "skip"}
FLOW_KIND: Final[Codes] = {0: "plain", 1: "true", 2: "false"}

# ---- settings of icons

CONDITION_MODE: Final[Codes] = {0: "number", 1: "text"}
CALCULATION_MODE: Final[Codes] = {0: "integer", 1: "time"}
JOB_TIMEOUT_ACTION: Final[Codes] = {0: "warn", 1: "stop", 2: "skip"}
INFORMATION: Final[Codes] = {0: "icon", 1: "item", 2: "trigger", 3: "calendar"}
FILE_WAIT_MODE: Final[Codes] = {0: "appear", 1: "exists"}
REBOOT_MODE: Final[Codes] = {0: "force", 1: "after_jobs"}
SESSION: Final[Codes] = {0: "once", 1: "connect", 2: "continue", 3: "disconnect"}
CONNECTION: Final[Codes] = {0: "ssh"}
AUTH: Final[Codes] = {0: "password", 1: "key"}
INTERACTIVE: Final[Codes] = {0: True, 1: False}
LINE_FEED: Final[Codes] = {0: "lf", 1: "cr", 2: "crlf"}
LINK_TARGET: Final[Codes] = {0: "group", 1: "host", 2: "item", 3: "trigger"}
LINK_OPERATION: Final[Codes] = {0: "enable", 1: "disable", 2: "status", 3: "data"}

# ---- runs

ICON_STATE: Final[Codes] = dict(enumerate(ICON_STATES))
RUN_STATE: Final[Codes] = dict(enumerate(RUN_STATES))
METHOD: Final[Codes] = {0: "normal", 1: "hold", 2: "skip", 3: "stop", 4: "rerun"}
JOB_STATUS: Final[Codes] = {0: "normal", 1: "timeout", 2: "error"}
LOAD_STATUS: Final[Codes] = {0: "normal", 1: "load_error", 2: "delayed", 3: "skipped"}

# Several of our origins share a run type: JAZ does not tell a command and a task from a person at the screen.
# Number 4 is a run that a command reserved for a later time; it has no origin of its own here.
RUN_TYPE_OF_ORIGIN: Final[Mapping[str, int]] = {
    "schedule": 0,
    "manual": 1,
    "command": 1,
    "task": 1,
    "hold": 2,
    "test": 3,
    "single": 5,
}
RUN_TYPE_RESERVED: Final = 4

# A summary never shows "in error": such a run stays RUN, with job_status ERROR beside it.
SUMMARY_STATE: Final[Mapping[str, int]] = {
    "waiting": 0,
    "ready": 1,
    "running": 2,
    "ended": 3,
    "run_error": 2,
    "end_error": 5,
}
SUMMARY_WORD: Final[Mapping[int, str]] = {0: "BEGIN", 1: "READY", 2: "RUN", 3: "END", 4: "RUNERR", 5: "ENDERR"}
JOB_STATUS_WORD: Final[Mapping[int, str]] = {0: "NORMAL", 1: "TIMEOUT", 2: "ERROR"}

LOCK_TYPE: Final[Mapping[int, str]] = {1: "calendar", 2: "filter", 3: "schedule", 4: "jobnet"}
