"""A run as JSON for people and programs: the shape that interface.md promises. Fields may be added, never renamed."""

from datetime import tzinfo
from typing import Any

from jaz_lite.engine.explain import waiting_for
from jaz_lite.engine.variables import moment
from jaz_lite.model.run import ICON_STATES, RUN_STATES, Boot, Node, Run


def run_to_json(run: Run, zone: tzinfo) -> dict[str, Any]:
    """Return a run with all its icons, parents first, and what it waits for.

    Args:
        zone: in which times are printed, with offset.
    """
    shape = run_head(run, zone)
    shape["icons"] = [icon_to_json(run, number, zone) for number in range(len(run.plan.nodes))]
    shape["waiting_for"] = waiting_for(run, zone)
    return shape


def run_head(run: Run, zone: tzinfo) -> dict[str, Any]:
    """Return a run without its icons."""
    return {
        "run_id": str(run.run_id),
        "jobnet_id": run.jobnet.jobnet_id,
        "version": run.jobnet.version,
        "state": run.state,
        "jaz_status": RUN_STATES.index(run.state),
        "job_status": run.job_status,
        "load_status": run.load_status,
        "origin": run.origin,
        "user": run.user,
        "scheduled_at": _at(run.scheduled_ms, zone),
        "created_at": _at(run.created_ms, zone),
        "started_at": _at(run.started_ms, zone),
        "ended_at": _at(run.ended_ms, zone),
        "exit_code": run.exit_code,
        "late": run.late,
        "stopping": run.stopping,
        "timed_out": run.timed_out,
        **boot_to_json(run.boot, zone),
        "message": run.message or ("faulted: an error of the engine, see the log" if run.faulted else ""),
        "faulted": bool(run.faulted),
    }


def boot_to_json(boot: Boot | None, zone: tzinfo) -> dict[str, Any]:
    """Return what was planned for the start of a run; the same names for a run that was not planned."""
    return {
        "schedule_id": None if boot is None else boot.schedule_id or None,
        "nominal_at": None if boot is None else _at(boot.nominal_ms, zone),
        "deadline_at": None if boot is None else _at(boot.deadline_ms, zone),
        "deadline_missed": boot is not None and boot.deadline_missed,
        "held": "no" if boot is None else boot.held,
    }


def icon_to_json(run: Run, number: int, zone: tzinfo) -> dict[str, Any]:
    """Return one icon of a run."""
    node = run.plan.nodes[number]
    icon = run.icons[number]
    doubt = icon.doubt
    return {
        "path": run.plan.path(number),
        "icon_id": node.icon.icon_id,
        "name": node.icon.name,
        "type": node.icon.type,
        "state": icon.state,
        "jaz_status": ICON_STATES.index(icon.state),
        "pass": icon.visit,
        "attempt": icon.attempt,
        "host": icon.memo.get("host", _planned_host(node)),
        "exit_code": icon.exit_code,
        "std_out": icon.results.get("STD_OUT", ""),
        "std_err": icon.results.get("STD_ERR", ""),
        "message": icon.message,
        "method": icon.method,
        "continued": icon.continued,
        "timed_out": icon.timed_out,
        "cut": list(icon.memo.get("cut", ())),
        "doubt": None if doubt is None else {"reason": doubt.reason, "since": _at(doubt.since_ms, zone)},
        "started_at": _at(icon.started_ms, zone),
        "ended_at": _at(icon.ended_ms, zone),
    }


def _planned_host(node: Node) -> str | None:
    """Return the host an icon will work on, where its definition alone says so."""
    if getattr(node.params, "host_from_variable", True):
        return None
    host = getattr(node.params, "host", None)
    return host if isinstance(host, str) and host else None


def _at(at_ms: int | None, zone: tzinfo) -> str | None:
    return None if at_ms is None else moment(at_ms, zone).isoformat(timespec="milliseconds")
