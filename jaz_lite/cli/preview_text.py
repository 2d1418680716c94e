"""Starts as people and programs read them: one line, one map each."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from jaz_lite.forecast.upcoming import KnownRun, Upcoming
from jaz_lite.model.run import RUN_OVER

COLUMNS = ("time", "schedule", "jobnet", "day", "boot time", "deadline", "remark")


class Moments:
    """Instants as text, in the site's zone and in others."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self._zones = {"": zone}

    def at(self, at_ms: int | None, zone: str = "") -> str | None:
        """Return an instant as RFC 3339; None stays None."""
        if at_ms is None:
            return None
        return self._in(at_ms, zone).isoformat(timespec="milliseconds" if at_ms % 1000 else "seconds")

    def short(self, at_ms: int | None, zone: str = "") -> str:
        """Return an instant to the minute as people read it, to the second where it has some; "" for None."""
        if at_ms is None:
            return ""
        return self._in(at_ms, zone).isoformat(sep=" ", timespec="seconds" if at_ms % 60_000 else "minutes")

    def brief(self, at_ms: int | None) -> str:
        """Return month, day and time of an instant in the site's zone; "" for None."""
        return "" if at_ms is None else self._in(at_ms, "").strftime("%m-%d %H:%M:%S")

    def _in(self, at_ms: int, zone: str) -> datetime:
        if zone not in self._zones:
            self._zones[zone] = ZoneInfo(zone)
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self._zones[zone])


def row(one: Upcoming, moments: Moments) -> tuple[str, ...]:
    """Return a start as a row of COLUMNS."""
    time = moments.short(one.at_ms)
    if one.zone:
        time = f"{time} = {moments.short(one.at_ms, one.zone)} {one.zone}"
    return (
        time,
        one.schedule_id,
        one.jobnet_id,
        "" if one.day is None else one.day.isoformat(),
        f"{one.boot_time[:2]}:{one.boot_time[2:]}" if one.boot_time else "",
        moments.short(one.deadline_ms),
        "; ".join(remarks(one, moments)),
    )


def shown(one: Upcoming, moments: Moments) -> dict[str, Any]:
    """Return a start as JSON tells it."""
    run = one.run
    moved = run is not None and run.scheduled_ms != run.boot.nominal_ms
    return {
        "at": moments.at(one.at_ms),
        "schedule_id": one.schedule_id or None,
        "jobnet_id": one.jobnet_id,
        "version": one.version or None,
        "zone": one.zone or None,
        "at_in_zone": moments.at(one.at_ms, one.zone) if one.zone else None,
        "operating_day": None if one.day is None else one.day.isoformat(),
        "boot_time": one.boot_time or None,
        "deadline_at": moments.at(one.deadline_ms),
        "moved_by_clock": one.moved_by_clock,
        "run_id": None if run is None else str(run.run_id),
        "state": None if run is None else run.state,
        "load_status": None if run is None else run.load_status,
        "held": run is not None and run.boot.held == "held",
        "moved_from": moments.at(run.boot.nominal_ms) if run is not None and moved else None,
        "started_at": None if run is None else moments.at(run.started_ms),
        "ended_at": None if run is None else moments.at(run.ended_ms),
        "load_error": one.lack or None,
        "remarks": remarks(one, moments),
    }


def remarks(one: Upcoming, moments: Moments) -> list[str]:
    """Return what is to be said of a start beside its time."""
    told: list[str] = []
    if one.moved_by_clock:
        told.append("moved by a change of the clocks")
    run = one.run
    if run is None:
        if one.past:
            told.append("no run of this time is known")
        elif one.lack:
            told.append(f"would be a load error: {one.lack}")
        return told
    told += _of_run(run)
    if run.scheduled_ms != run.boot.nominal_ms:
        told.append(f"moved from {moments.short(run.boot.nominal_ms)}")
    if not run.boot.schedule_id:
        told.append(f"asked for by {run.user}" if run.user else "asked for by hand")
    elif one.day is None:
        told.append("the schedule has this time no more")
    return told


def _of_run(run: KnownRun) -> list[str]:
    name = f"run {run.run_id}"
    if run.state == "waiting":
        if run.boot.held == "held":
            return [f"planned as {name}", "held, starts when it is released"]
        if run.load_status == "delayed":
            return [f"planned as {name}", "waits for another run of the jobnet"]
        return [f"planned as {name}"]
    if run.load_status == "load_error":
        return [f"{name} is a load error: {run.message}"]
    if run.load_status == "skipped":
        return [f"{name}: {run.message}"]
    if run.state == "run_error" and run.load_status == "delayed":
        return [f"{name} is a delayed-start error"]
    if run.state in RUN_OVER:
        return [f"{name} is over: {run.state}"]
    return [f"{name} is there: {run.state}"]
