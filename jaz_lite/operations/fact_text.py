"""Facts as sentences: the one catalogue of what the journal says to people (English).

A kind that is not listed reads as its own name. What a fact carries beyond its sentence follows in brackets.
"""

from collections.abc import Mapping
from typing import Any

SENTENCES: Mapping[str, str] = {
    "run_started": "jobnet started",
    "run_ended": "jobnet ended",
    "run_failed": "jobnet ended in error",
    "run_stopped": "jobnet was stopped",
    "run_skipped": "start was skipped: another run of the jobnet is going on",
    "run_delayed": "start waits for another run of the jobnet",
    "run_timed_out": "jobnet ran over its time",
    "run_started_late": "jobnet started late",
    "run_start_missed": "the start was missed: a delayed-start error",
    "run_not_started": "the start was left out",
    "run_moved": "start was moved",
    "run_held": "start was held",
    "run_released": "start was released",
    "run_deleted": "the planned run was deleted",
    "run_rerun_asked": "start after a delayed-start error was asked for",
    "run_deadline_missed": "the run is not over at its deadline",
    "run_faulted": "a fault of the program: the run is left alone, and the log says more",
    "run_stop_asked": "stop was asked for",
    "schedule_times_missed": "starts of a schedule were missed, so many that they are only counted",
    "schedule_broken": "times of a schedule are not known",
    "clock_set_back": "the clock of the server was set back",
    "clock_jumped": "the clock of the server jumped forward",
    "run_load_error": "the jobnet could not be loaded",
    "icon_started": "started",
    "icon_ended": "ended",
    "icon_failed": "failed",
    "icon_skipped": "skipped",
    "icon_rerun": "started again",
    "icon_retry": "failed and will be tried again",
    "icon_timed_out": "ran over its time",
    "icon_held": "hold was set",
    "icon_released": "hold was released",
    "icon_skip_asked": "skip was set",
    "icon_unskipped": "skip was taken back",
    "icon_stop_asked": "stop was asked for",
    "icon_rerun_asked": "rerun was asked for",
    "icon_variable_set": "a variable was changed",
    "icon_doubted": "its fate is not known: it waits for a decision",
    "icon_decided": "its fate was decided",
    "icon_found": "late evidence ended the doubt",
    "files_copied": "files were copied",
    "work_kill_sent": "a signal was sent to the job",
    "host_locked": "a host was locked for its reboot",
    "host_unlocked": "a host was unlocked",
    "values_cut": "values were too long and were cut",
    "agent_forged_term": "somebody who called himself an agent claimed a newer server without proof, and was refused",
    "output_truncated": "the job printed more than is kept of a stream; the rest is lost",
    "attempt_adopted": "an agent has work of an earlier active server that is not known here",
    "attempt_not_adopted": "an agent tells of work that is not known here, and it is not believed",
    "attempt_taken": "it was executed for an earlier active server, and is taken over as it is",
    "attempts_kept": "work of an earlier active server that no run here came to is kept with this run",
    "run_replayed": "an earlier active server had started it: what was done of it is taken over",
    "window_opened": "an earlier active server may have done what is not known here: the uncertainty window is open",
    "window_closed": "all agents have told what they know: the uncertainty window is closed",
    "late_result": "the result of work that had been given up came late; it is kept, and changes nothing",
    "result_differs": "an agent told of another result of work that had ended; the first one counts",
    "abandoned_lost": "the agent does not know any more what became of work that had been given up",
    "agent_runs_again": "the agent was set back and runs work again that had ended",
    "agent_forgot": "the agent has no record of work that it had accepted",
    "foreign_result": "an agent told of work that was given to another; it was not believed",
    "setting_changed": "a setting was changed",
    "retention_waits": "the clock jumped ahead: retention removes nothing for a day, unless it is set back",
    "agent_invited": "an agent was invited",
    "agent_uninvited": "an invitation was withdrawn",
    "agent_enrolled": "an agent enrolled",
    "agent_bundled": "a bundle for an agent was made",
    "agent_added": "the server dials an agent",
    "agent_accepted": "an agent that asked was let in",
    "agent_rejected": "an agent that asked was turned away",
    "agent_revoked": "an agent was revoked",
    "agent_removed": "an agent was revoked and forgotten",
    "agent_key_sent": "a new key was made for an agent",
    "agent_key_used": "an agent uses its new key",
    "certificate_next": "a new certificate of the site is on its way to the agents",
    "certificate_changed": "the site shows its new certificate",
    "snapshot_failed": "a snapshot could not be taken",
    "agent_twin": "two machines use the identity of one agent; the second one was refused",
    "agent_gap": "the agent keeps some of its records no more, and the server never had them",
    "server_lived_on": "the agent heard a server of this data directory later than it knows: it is an older copy",
    "server_set_back": "the agent was told of more than this data directory knows: it is an older copy",
    "agent_set_back": "the agent's records are older than what it told before",
}

# Of use to programs only.
LEFT_OUT = frozenset(
    ("visit", "attempt", "notify", "management_id", "std_out", "std_err", "scheduled_ms", "late_start")
)

WORDS = {
    "return_code": "exit code",
    "sig": "signal",
    "timeout_min": "limit in minutes",
    "scheduled_at": "time",
    "late_s": "late by seconds",
    "deadline_at": "deadline",
    "first_at": "first",
    "last_at": "last",
    "by_s": "by seconds",
}


def text_of(kind: str, data: Mapping[str, Any]) -> str:
    """Return what a fact says."""
    sentence = SENTENCES.get(kind, kind.replace("_", " "))
    if message := data.get("message"):
        sentence = f"{sentence}: {message}"
    parts = [
        f"{WORDS.get(name, name.replace('_', ' '))} {_shown(value)}"
        for name, value in data.items()
        if name not in LEFT_OUT and name != "message" and value not in (None, "", (), [])
    ]
    return f"{sentence} ({', '.join(parts)})" if parts else sentence


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
