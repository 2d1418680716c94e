"""Windows job objects: all that a job starts, however deep, as one thing that can be ended and counted.

Only Windows loads this module. A job object is found again by its name as long as somebody has a handle to it; the first
process of each job is given one for that purpose, so that a later keeper can still end what an earlier one started.
"""

import _winapi
import ctypes
import sys
from ctypes import wintypes

assert sys.platform == "win32"

_JOB_ALL_ACCESS = 0x1F001F
_SYNCHRONIZE = 0x00100000
_BASIC_ACCOUNTING = 1  # JobObjectBasicAccountingInformation
_ALREADY_EXISTS = 183

_kernel = ctypes.WinDLL("kernel32", use_last_error=True)
_kernel.CreateJobObjectW.restype = wintypes.HANDLE
_kernel.CreateJobObjectW.argtypes = [wintypes.LPVOID, wintypes.LPCWSTR]
_kernel.OpenJobObjectW.restype = wintypes.HANDLE
_kernel.OpenJobObjectW.argtypes = [wintypes.DWORD, wintypes.BOOL, wintypes.LPCWSTR]
_kernel.AssignProcessToJobObject.argtypes = [wintypes.HANDLE, wintypes.HANDLE]
_kernel.TerminateJobObject.argtypes = [wintypes.HANDLE, wintypes.UINT]
_kernel.QueryInformationJobObject.argtypes = [
    wintypes.HANDLE, ctypes.c_int, wintypes.LPVOID, wintypes.DWORD, wintypes.LPVOID,
]  # fmt: skip


class _Accounting(ctypes.Structure):
    _fields_ = (
        ("TotalUserTime", ctypes.c_int64),
        ("TotalKernelTime", ctypes.c_int64),
        ("ThisPeriodTotalUserTime", ctypes.c_int64),
        ("ThisPeriodTotalKernelTime", ctypes.c_int64),
        ("TotalPageFaultCount", wintypes.DWORD),
        ("TotalProcesses", wintypes.DWORD),
        ("ActiveProcesses", wintypes.DWORD),
        ("TotalTerminatedProcesses", wintypes.DWORD),
    )


def name_of(pid: int, start_time: int) -> str:
    """Return the name under which the job object of a process is found."""
    return f"Local\\jaz-lite-job-{pid}-{start_time}"


def made_for(process: int, pid: int, start_time: int) -> int | None:
    """Put a process that has not run yet into a job object of its own; its handle, None where the system refuses."""
    job = _kernel.CreateJobObjectW(None, name_of(pid, start_time))
    if job and ctypes.get_last_error() == _ALREADY_EXISTS:
        # Nobody honest has it: the name holds when this very process was made.
        _winapi.CloseHandle(job)
        job = _kernel.CreateJobObjectW(None, None)
    if not job:
        return None
    if not _kernel.AssignProcessToJobObject(job, process):
        _winapi.CloseHandle(job)
        return None
    # Keeps the name alive; it allows nothing but waiting.
    _winapi.DuplicateHandle(_winapi.GetCurrentProcess(), job, process, _SYNCHRONIZE, False)
    return int(job)


def found(pid: int, start_time: int) -> int | None:
    """Return a handle to the job object of a process that an earlier keeper started."""
    job = _kernel.OpenJobObjectW(_JOB_ALL_ACCESS, False, name_of(pid, start_time))
    return int(job) if job else None


def end(job: int, code: int) -> bool:
    """End all processes of a job object with this exit code."""
    return bool(_kernel.TerminateJobObject(job, code))


def living(job: int) -> int:
    """Return how many processes of a job object live."""
    seen = _Accounting()
    if not _kernel.QueryInformationJobObject(job, _BASIC_ACCOUNTING, ctypes.byref(seen), ctypes.sizeof(seen), None):
        return 0
    return int(seen.ActiveProcesses)
