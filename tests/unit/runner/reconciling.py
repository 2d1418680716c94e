"""The words of the reconciliation table (protocol section 7): what a server holds, and what an agent knows."""

from collections.abc import Callable

from jaz_lite.model.event import DecideIcon, StopIcon
from tests.unit.runner.site import AgentEnd, Site, chained, job

JOBNET = chained("NIGHT", job("load"))
Held = Callable[[Site], int]
Known = Callable[[AgentEnd], None]


# ---- what the server holds; each returns the run


def no_row(site: Site) -> int:
    """A run that was started after the copy was taken from which this server came."""
    site.agents["a1"].connect()
    copy = site.save()
    run = site.start(JOBNET)
    site.fall_back(copy)
    return run


def ready(site: Site) -> int:
    """It waits for its agent; the copy that takes over knows no more, and the earlier active did send it."""
    agent = site.agents["a1"]
    agent.connect()
    agent.cut()
    site.settle()
    run = site.start(JOBNET)
    copy = site.save()
    agent.connect()
    agent.cut(told=False)
    site.fall_back(copy)
    return run


def sent(site: Site) -> int:
    site.agents["a1"].connect()
    return site.start(JOBNET)


def accepted(site: Site) -> int:
    run = sent(site)
    site.agents["a1"].accepts("load")
    return run


def running(site: Site) -> int:
    run = sent(site)
    site.agents["a1"].starts("load")
    return run


def stopping(site: Site) -> int:
    run = running(site)
    site.agents["a1"].cut()
    site.ask(run, StopIcon, "load")
    return run


def done(site: Site) -> int:
    run = sent(site)
    site.agents["a1"].ends("load")
    return run


def failed(site: Site) -> int:
    run = accepted(site)
    _has_said(site.agents["a1"], "failed")
    return run


def cancelled(site: Site) -> int:
    run = accepted(site)
    site.ask(run, StopIcon, "load")
    _has_said(site.agents["a1"], "cancelled")
    return run


def unknown(site: Site) -> int:
    run = running(site)
    _has_said(site.agents["a1"], "lost")
    return run


def abandoned(site: Site) -> int:
    run = unknown(site)
    site.ask(run, DecideIcon, "load", "failed")
    return run


def _has_said(agent: AgentEnd, event: str) -> None:
    k = agent.key("load")
    agent.states[k] = event
    EVENTS[event](agent, k)
    agent.site.settle()


# ---- what the agent knows when it comes back


def none(agent: AgentEnd) -> None:
    """The same records as ever, and nothing of this in them."""
    agent.cut()
    agent.connect(inventory={})


def lost_records(agent: AgentEnd) -> None:
    agent.cut()
    agent.spool, agent.log, agent.states = bytes(16), [], {}
    agent.connect()


def has_accepted(agent: AgentEnd) -> None:
    _comes(agent, "accepted", "accepted")


def is_starting(agent: AgentEnd) -> None:
    _comes(agent, "starting", "accepted")


def runs(agent: AgentEnd) -> None:
    _comes(agent, "running", "accepted", "started")


def has_done(agent: AgentEnd) -> None:
    _comes(agent, "done", "accepted", "started", "finished")


def could_not_start(agent: AgentEnd) -> None:
    _comes(agent, "failed", "accepted", "failed")


def lost_it(agent: AgentEnd) -> None:
    _comes(agent, "lost", "accepted", "started", "lost")


def has_cancelled(agent: AgentEnd) -> None:
    _comes(agent, "cancelled", "accepted", "cancelled")


def stays_away(agent: AgentEnd) -> None:
    agent.cut()
    agent.site.settle()


TOLD_BY: dict[str | None, set[str]] = {
    "accepted": {"accepted"},
    "running": {"accepted", "started"},
    "lost": {"accepted", "started", "lost"},
    "done": {"accepted", "started", "finished"},
    "failed": {"accepted", "failed"},
    "cancelled": {"accepted", "cancelled"},
}


def _comes(agent: AgentEnd, state: str, *events: str) -> None:
    agent.cut()
    k = agent.key("load")
    # What its log has told already is not told twice; a machine that was set back tells less than it had.
    told = TOLD_BY.get(agent.states.get(k), set())
    for event in events:
        if event not in told:
            EVENTS[event](agent, k)
    agent.states[k] = state
    agent.connect(inventory={k: state})


def finishes(agent: AgentEnd, k: bytes, exit_code: int = 0) -> None:
    agent.says(
        k, "finished", settle=False, exit=exit_code, t0=0, t1=0, out=0, err=0, out_head=b"", err_head=b""
    )  # fmt: skip


EVENTS: dict[str, Callable[[AgentEnd, bytes], None]] = {
    "accepted": lambda agent, _k: agent.accepts("load", settle=False),
    "started": lambda agent, k: agent.says(k, "started", settle=False, pid=1, t=0),
    "finished": finishes,
    "failed": lambda agent, k: agent.says(k, "failed", settle=False, why="cwd", msg="no folder"),
    "lost": lambda agent, k: agent.says(k, "lost", settle=False, why="unknown"),
    "cancelled": lambda agent, k: agent.says(k, "cancelled", settle=False, why="server"),
}

# The rows and columns of the table, and the words that stand for each.
HELD: dict[str, tuple[Held, ...]] = {
    "no row": (no_row,),
    "READY": (ready,),
    "SENT": (sent,),
    "ACCEPTED": (accepted,),
    "RUNNING": (running,),
    "STOPPING": (stopping,),
    "DONE / FAILED / CANCELLED": (done, failed, cancelled),
    "UNKNOWN": (unknown,),
    "ABANDONED": (abandoned,),
}
KNOWN: dict[str, tuple[Known, ...]] = {
    "none": (none,),
    "records lost": (lost_records,),
    "accepted / starting": (has_accepted, is_starting),
    "running": (runs,),
    "done / failed": (has_done, could_not_start),
    "lost": (lost_it,),
    "cancelled": (has_cancelled,),
    "unreachable": (stays_away,),
}
