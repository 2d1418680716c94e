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
from contextlib import suppress
from pathlib import Path

import trio

from jaz_lite.agent.enrol.enrolment import SiteRecord, write_site
from jaz_lite.agent.lock import holder_of
from jaz_lite.agent.machine.trusted_folder import refuse_if_others_may_write
from jaz_lite.agent.policy import Policy
from jaz_lite.agent.policy_file import write_server_policy
from jaz_lite.model.host import Host
from jaz_lite.server.descriptors import give_back_descriptors
from jaz_lite.store.agents import AgentRow
from jaz_lite.store.open import Store

LOCAL_AGENT = "local"
AGENT_KEY_BYTES = 32
START_AGAIN_S = (0.2, 1.0, 2.0, 5.0, 10.0, 30.0)
STEADY_S = 60.0  # an agent that lived this long starts the back-off anew
LOOK_S = 1.0
STOP_WAIT_S = 10.0

log = logging.getLogger(__name__)


async def keep_agent(spool: Path, verbosity: int) -> None:
    """Keep an agent alive on the spool until cancelled; then end it."""
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


def enrol_local(
    store: Store, spool: Path, *, cert_pem: str, address: str, policy: Policy, now_ms: int, next_cert_pem: str = ""
) -> None:
    """Enrol the embedded agent, and tell it where its server listens now; its records stay as they are."""
    with store.transaction() as tx:
        site = tx.term.site()
        row = tx.agents.find(LOCAL_AGENT)
        if row is None:
            row = AgentRow(agent_id=LOCAL_AGENT, kid=1, key=secrets.token_bytes(AGENT_KEY_BYTES), created_ms=now_ms)
            tx.agents.put(row)
            for name in {"localhost", socket.gethostname()}:
                if name and tx.hosts.find(name) is None:
                    tx.hosts.put(Host(host=name, agent_id=LOCAL_AGENT))
    record = SiteRecord(
        site_uid=site.site_uid,
        server_id=site.server_id,
        agent_id=LOCAL_AGENT,
        kid=row.kid,
        key=row.key,
        cert_pem=cert_pem,
        next_cert_pem=next_cert_pem,
        addrs=(address,),
    )
    write_site(spool, record)
    refuse_if_others_may_write(spool)
    write_server_policy(spool, policy)
