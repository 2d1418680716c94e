"""Between the processes of one data directory: locks, and the way from the agent to its job keeper.

`local_posix` and `local_windows` offer the same names; everybody imports them from here. Standard library only: the job
keeper loads this and must stay small.

    lock(path)          take an exclusive lock that dies with the process; a descriptor to keep, None where it is taken
    is_locked(path)     whether a living process has it; must not be asked by the one that has it
    ask_to_end(...)     tell the agent of a data directory to end
    STOP_FILE           the file in the data directory whose appearing tells it so; "" where signals do
    detach()            the keeper: leave the session of whoever started us
    start_keeper(...)   the agent: start the keeper so that it outlives us
    dial(folder)        the agent: a non-blocking socket to the keeper of a keeper folder; OSError where there is none
    Reception           the keeper: where the agent arrives; writes the file `sock` into the keeper folder
    Waiting             the keeper: sleep until a socket is ready, a child has ended, or somebody wants us to end
    sync_folder(path)   make the names in a folder durable, where the system can and has to be told
"""

import sys

if sys.platform == "win32":
    from jaz_lite.agent.machine.local_windows import (
        STOP_FILE,
        Reception,
        Waiting,
        ask_to_end,
        detach,
        dial,
        is_locked,
        lock,
        start_keeper,
        sync_folder,
    )
else:
    from jaz_lite.agent.machine.local_posix import (
        STOP_FILE,
        Reception,
        Waiting,
        ask_to_end,
        detach,
        dial,
        is_locked,
        lock,
        start_keeper,
        sync_folder,
    )

__all__ = [
    "STOP_FILE",
    "Reception",
    "Waiting",
    "ask_to_end",
    "detach",
    "dial",
    "is_locked",
    "lock",
    "start_keeper",
    "sync_folder",
]
