"""Small things to put into a store, in the words of the tests."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaz_lite.clock import VirtualClock
from jaz_lite.model.jobnet import Icon, Jobnet
from jaz_lite.model.run import UNOPENED, UNTOUCHED, Frame, Node, Plan, Run
from jaz_lite.store.attempts import Attempt
from jaz_lite.store.open import Store
from jaz_lite.store.transaction import Transaction

VERSION = "20261123000000"
SITE_UID = bytes(range(16))
TERM = 1 << 19 | 1
RUN = TERM << 32 | 1


def opened(folder: Path, **more: Any) -> Store:
    """Open a store in a plain folder, with a clock that stands still."""
    return Store.open(folder, clock=more.pop("clock", None) or VirtualClock(), **more)


def document(jobnet_id: str, version: str = VERSION, **more: Any) -> dict[str, Any]:
    """Return the plain map of a small jobnet."""
    return {"jobnet_id": jobnet_id, "version": version, "name": "a jobnet", "icons": [], "flows": [], **more}


def plan(jobnet_id: str, doc_id: int, icons: int = 3, subs: Mapping[str, int] | None = None) -> Plan:
    """Return a plan of jobs without flows; each sub-jobnet of `subs` (id: doc_id) adds a frame without icons."""
    jobnet = Jobnet(
        jobnet_id=jobnet_id, version=VERSION, icons=tuple(Icon(icon_id=f"JOB-{n}", type="job") for n in range(icons))
    )
    nodes = tuple(
        Node(number=n, frame=0, icon=icon, params=None, arrivals_needed=0, targets=())
        for n, icon in enumerate(jobnet.icons)
    )
    frames = [Frame(number=0, jobnet=jobnet, doc_id=doc_id, parent=None, first=0, last=icons)]
    for number, (sub_id, sub_doc) in enumerate((subs or {}).items(), start=1):
        sub = Jobnet(jobnet_id=sub_id, version=VERSION)
        frames.append(Frame(number=number, jobnet=sub, doc_id=sub_doc, parent=0, first=icons, last=icons))
    return Plan(nodes=nodes, frames=tuple(frames))


def run(the_plan: Plan, run_id: int = RUN, **more: Any) -> Run:
    """Return a run of a plan, as it is created."""
    fields: dict[str, Any] = {
        "occ": f"M:{run_id}",
        "site_uid": SITE_UID,
        "origin": "manual",
        "user": "ann",
        "created_ms": 1_000,
        "frames": (UNOPENED,) * len(the_plan.frames),
        "icons": (UNTOUCHED,) * len(the_plan.nodes),
    }
    return Run(run_id=run_id, plan=the_plan, **{**fields, **more})


def stored_run(tx: Transaction, run_id: int = RUN, *, jobnet_id: str = "NIGHT", icons: int = 3, **more: Any) -> Run:
    """Put a run into the store, and its jobnet where it is not there yet."""
    found = tx.definitions.newest("jobnet", jobnet_id)
    doc_id = found.doc_id if found else tx.definitions.put("jobnet", document(jobnet_id), by="ann", at_ms=1)
    made = run(plan(jobnet_id, doc_id, icons), run_id, **more)
    tx.runs.insert(made)
    return made


def key(number: int) -> bytes:
    """Return the natural key of the `number`-th attempt."""
    return number.to_bytes(16, "big")


def attempt(number: int = 1, **more: Any) -> Attempt:
    """Return an attempt that was just sent."""
    fields: dict[str, Any] = {
        "run_id": RUN,
        "node": 1,
        "visit": 1,
        "key_path": "/JOB-1#1",
        "attempt": 1,
        "occ": f"M:{RUN}",
        "agent_id": "local",
        "host": "localhost",
        "kind": "cmd",
        "state": "sent",
        "digest": bytes(32),
        "spec": b"\x80",
        "created_ms": 1_000,
    }
    return Attempt(k=key(number), **{**fields, **more})
