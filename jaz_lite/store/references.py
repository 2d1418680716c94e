"""Which other objects a definition's document refers to, so that "where is this used?" is one look at an index."""

from collections.abc import Iterator, Mapping
from typing import Any


def references_of(kind: str, document: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return (kind, id) of every object that a document names; what is not filled in names nothing.

    Args:
        document: the plain map of a definition; its shape was checked before.
    """
    of = {"jobnet": _of_jobnet, "schedule": _of_schedule, "filter": _of_filter}.get(kind)
    return set() if of is None else {(to, object_id) for to, object_id in of(document) if object_id}


def _of_jobnet(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for icon in document.get("icons") or ():
        params = icon.get("params") or {}
        match icon.get("type"):
            case "sub_jobnet" | "task":
                yield "jobnet", params.get("jobnet_id") or ""
            case "release":
                jobnet_id, _, path = str(params.get("target") or "").lstrip("/").partition("/")
                yield "jobnet", jobnet_id if path else ""
            case "information":
                yield "calendar", params.get("calendar_id") or ""


def _of_schedule(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for row in (*(document.get("boot_times") or ()), *(document.get("cycles") or ())):
        yield row.get("days_kind") or "calendar", row.get("days_id") or ""
    for jobnet in document.get("jobnets") or ():
        yield "jobnet", jobnet.get("jobnet_id") or ""


def _of_filter(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "calendar", document.get("base_calendar_id") or ""
