"""The embedded agent: a real agent process with its own spool, enrolled automatically, over a real socket.

It runs in a session of its own and outlives a killed server: the next one finds it alive, lets it dial, and starts
another only when nobody holds the spool. A clean stop ends the agent, never the job keeper while jobs run.
"""

import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import trio

from jaz_lite.agent.disk import PosixDisk
from jaz_lite.agent.enrol.enrolment import SiteRecord, write_site
from jaz_lite.agent.lock import holder_of
from jaz_lite.agent.machine.trusted_folder import refuse_if_others_may_write
from jaz_lite.agent.policy import Policy
from jaz_lite.agent.policy_file import write_server_policy
from jaz_lite.agent.records import load_sites
from jaz_lite.model.host import Host
from jaz_lite.server.descriptors import give_back_descriptors
from jaz_lite.store.agents import AgentRow
from jaz_lite.store.binding import this_machine
from jaz_lite.store.open import Store
from jaz_lite.store.term import FIRST_EPOCH
from jaz_lite.store.transaction import Transaction

LOCAL_AGENT = "local"
SPOOL_FOLDER = "agent"
PLACE_FILE = "place"  # in a spool: of which machine and place it is, so that one that came with a copy is known
EMBEDDED_LISTEN = "loopback"  # a server that takes over on this machine finds it
AGENT_KEY_BYTES = 32
START_AGAIN_S = (0.2, 1.0, 2.0, 5.0, 10.0, 30.0)
STEADY_S = 60.0  # an agent that lived this long starts the back-off anew
LOOK_S = 1.0
STOP_WAIT_S = 10.0

log = logging.getLogger(__name__)


async def keep_agent(spool: Path, verbosity: int, *, leave: Callable[[], bool]) -> None:
    """Keep an agent alive on the spool until cancelled; then end it.

    Args:
        leave: asked at the end: the server was replaced, and the agent lives on for the one that took over.
    """
    try:
        failures = 0
        told = None
        while True:
            pid = holder_of(spool)
            if pid is not None:
                if pid != told:
                    # One of an earlier server lives: have it look where this one listens.
                    os.kill(pid, signal.SIGHUP)
                    told = pid
                await trio.sleep(LOOK_S)
                continue
            process = await _start(spool, verbosity)
            began = trio.current_time()
            code = await process.wait()
            if trio.current_time() - began > STEADY_S:
                failures = 0
            pause = START_AGAIN_S[min(failures, len(START_AGAIN_S) - 1)]
            failures += 1
            log.warning(
                "the embedded agent ended and is started again",
                extra={"action": "agent.ended", "code": code, "pause_s": pause},
            )
            await trio.sleep(pause)
    finally:
        if not leave():
            with trio.CancelScope(shield=True):
                await _end(spool)


async def _start(spool: Path, verbosity: int) -> trio.Process:
    command = [sys.executable, "-m", "jaz_lite.agent.main", "run", "--data", str(spool), *(["-v"] * verbosity)]
    process = await trio.lowlevel.open_process(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True, cwd="/"
    )
    give_back_descriptors(process.pid)
    return process


async def _end(spool: Path) -> None:
    """End the agent that holds the spool, whoever started it."""
    pid = holder_of(spool)
    if pid is None:
        return
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    with trio.move_on_after(STOP_WAIT_S):
        while holder_of(spool) is not None:
            await trio.sleep(0.02)
        return
    log.error("the embedded agent does not end and is killed", extra={"action": "agent.killed", "pid": pid})
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def set_aside(spool: Path, epoch: int) -> Path | None:
    """Put a spool aside that came along with a copy: it is of the agent of another machine, which may live there.

    Returns:
        Where it is now; None where there was none, or it was always here: its agent goes on with it.
    """
    if not spool.exists() or _was_always_here(spool):
        return None
    aside = spool.with_name(f"{spool.name}.before-{epoch}")
    number = 1
    while aside.exists():
        number += 1
        aside = spool.with_name(f"{spool.name}.before-{epoch}.{number}")
    spool.rename(aside)
    return aside


def _was_always_here(spool: Path) -> bool:
    """Tell whether a spool is of this machine and place: its agent lives, or the server left its mark in it."""
    if holder_of(spool) is not None:
        return True
    try:
        return (spool / PLACE_FILE).read_text("utf-8") == _place(spool)
    except (OSError, UnicodeDecodeError):
        return False


def _place(spool: Path) -> str:
    machine = this_machine()
    return f"{machine.machine_id}\n{machine.host_name}\n{spool.resolve()}\n"


def is_embedded(agent_id: str) -> bool:
    """Tell whether an agent is, or was, the embedded one of a server of this site."""
    name, hyphen, epoch = agent_id.partition("-")
    return name == LOCAL_AGENT and (not hyphen or epoch.isdigit())


def enrol_local(
    store: Store, spool: Path, *, cert_pem: str, address: str, policy: Policy, now_ms: int, next_cert_pem: str = ""
) -> str:
    """Enrol the embedded agent, and tell it where its server listens now; its records stay as they are.

    Returns:
        Its name. After a takeover on another machine there is a new one. The names of this machine lead to it.
    """
    with store.transaction() as tx:
        site = tx.term.site()
        agent_id = _name_in(spool, site.site_uid) or (
            LOCAL_AGENT if site.epoch == FIRST_EPOCH else f"{LOCAL_AGENT}-{site.epoch}"
        )
        row = tx.agents.find(agent_id)
        is_new = row is None
        if row is None:
            row = AgentRow(agent_id=agent_id, kid=1, key=secrets.token_bytes(AGENT_KEY_BYTES), created_ms=now_ms)
            tx.agents.put(row)
        for name in {"localhost", socket.gethostname()}:
            _lead(tx, name, agent_id, site.epoch, is_new=is_new)
    record = SiteRecord(
        site_uid=site.site_uid,
        server_id=site.server_id,
        agent_id=agent_id,
        kid=row.kid,
        key=row.key,
        cert_pem=cert_pem,
        next_cert_pem=next_cert_pem,
        addrs=(address,),
    )
    write_site(spool, record)
    (spool / PLACE_FILE).write_text(_place(spool), "utf-8")
    refuse_if_others_may_write(spool)
    write_server_policy(spool, policy)
    return agent_id


def _name_in(spool: Path, site_uid: bytes) -> str:
    """Return who the agent of a spool is at this site; "" where it is nobody yet."""
    if not spool.exists():
        return ""
    return next((record.agent_id for record in load_sites(PosixDisk(spool)) if record.site_uid == site_uid), "")


def _lead(tx: Transaction, name: str, agent_id: str, epoch: int, *, is_new: bool) -> None:
    """Let a name of this machine lead to its agent, unless it leads elsewhere, or is gone, on purpose."""
    host = tx.hosts.find(name) if name else None
    if name and host is None and is_new:
        tx.hosts.put(Host(host=name, agent_id=agent_id))
    elif host is not None and host.kind == "agent" and is_embedded(host.agent_id) and host.agent_id != agent_id:
        tx.hosts.put(replace(host, agent_id=agent_id))
        tx.hosts.led_before(name, epoch, host.agent_id)
