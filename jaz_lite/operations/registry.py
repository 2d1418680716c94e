"""The one list of operations, and the one way to call one: arguments checked, permission checked."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_type_hints

from jaz_lite.errors import UsageError
from jaz_lite.operations import (
    agents,
    calendar_days,
    calendars,
    copies,
    credentials,
    definitions,
    doubts,
    enabling,
    enrolling,
    filters,
    forecast,
    host_locks,
    hosts,
    journal,
    live,
    planned,
    preview,
    putting,
    results,
    retention,
    run_control,
    runs,
    schedule_times,
    schedules,
    settings,
    standbys,
    status,
    times,
    transfer,
)
from jaz_lite.operations.argument_types import fits, told
from jaz_lite.operations.person import Person, Right
from jaz_lite.operations.site import Emit, Site


@dataclass(frozen=True, slots=True)
class Entry:
    """An operation, and the right it asks for."""

    function: Callable[..., Awaitable[Any]]
    right: Right


OPERATIONS: Mapping[str, Entry] = {
    "definition.list": Entry(definitions.listed, "view"),
    "definition.show": Entry(definitions.show, "view"),
    "definition.history": Entry(definitions.history, "view"),
    "definition.diff": Entry(definitions.diff, "view"),
    "definition.check": Entry(definitions.checked, "view"),
    "definition.where_used": Entry(definitions.where_used, "view"),
    "definition.put": Entry(putting.put, "edit"),
    "definition.enable": Entry(enabling.enable, "edit"),
    "definition.disable": Entry(enabling.disable, "edit"),
    "definition.delete": Entry(enabling.delete, "edit"),
    "definition.import": Entry(transfer.import_documents, "edit"),
    "definition.export": Entry(transfer.export, "edit"),
    "calendar.create": Entry(calendars.create, "edit"),
    "calendar.set": Entry(calendars.describe, "edit"),
    "calendar.fill": Entry(calendars.fill, "edit"),
    "calendar.change_days": Entry(calendars.change_days, "edit"),
    "calendar.set_rule": Entry(calendars.set_rule, "edit"),
    "calendar.clear_rule": Entry(calendars.clear_rule, "edit"),
    "calendar.year": Entry(calendar_days.year, "view"),
    "calendar.places": Entry(calendar_days.places, "view"),
    "filter.create": Entry(filters.create, "edit"),
    "filter.set": Entry(filters.describe, "edit"),
    "filter.year": Entry(filters.year, "view"),
    "schedule.create": Entry(schedules.create, "edit"),
    "schedule.add": Entry(schedules.add, "edit"),
    "schedule.remove": Entry(schedules.remove, "edit"),
    "schedule.set": Entry(schedules.change, "edit"),
    "schedule.list": Entry(schedule_times.listed, "view"),
    "schedule.next": Entry(schedule_times.next_start, "view"),
    "run.start": Entry(runs.start, "operate"),
    "run.list": Entry(runs.listed, "view"),
    "run.planned": Entry(planned.listed, "view"),
    "run.doubts": Entry(doubts.listed, "view"),
    "run.show": Entry(runs.show, "view"),
    "run.vars": Entry(runs.variables, "view"),
    "run.explain": Entry(runs.explained, "view"),
    "run.log": Entry(live.log, "view"),
    "run.output": Entry(live.output, "view"),
    "run.follow": Entry(live.follow, "view"),
    "run.wait": Entry(live.wait, "view"),
    "run.hold": Entry(run_control.hold, "operate"),
    "run.release": Entry(run_control.release, "operate"),
    "run.skip": Entry(run_control.skip, "operate"),
    "run.unskip": Entry(run_control.unskip, "operate"),
    "run.rerun": Entry(run_control.rerun, "operate"),
    "run.stop": Entry(run_control.stop, "operate"),
    "run.set_var": Entry(run_control.set_variable, "operate"),
    "run.delete": Entry(planned.delete, "operate"),
    "run.move": Entry(run_control.move, "operate"),
    "run.decide": Entry(run_control.decide, "operate"),
    "results": Entry(results.found, "view"),
    "preview.definitions": Entry(preview.definitions, "view"),
    "preview.planned": Entry(preview.planned, "view"),
    "preview.jobnets": Entry(preview.jobnets, "view"),
    "forecast.documents": Entry(forecast.documents, "view"),
    "forecast.live": Entry(forecast.live, "view"),
    "forecast.places": Entry(forecast.places, "view"),
    "forecast.history": Entry(forecast.history, "view"),
    "journal.list": Entry(journal.listed, "view"),
    "journal.follow": Entry(journal.follow, "view"),
    "agent.list": Entry(agents.listed, "view"),
    "agent.show": Entry(agents.show, "view"),
    "agent.drain": Entry(agents.drain, "administer"),
    "agent.set": Entry(agents.change, "administer"),
    "host.list": Entry(hosts.listed, "view"),
    "host.show": Entry(hosts.show, "view"),
    "host.add": Entry(hosts.add, "administer"),
    "host.set": Entry(hosts.change, "administer"),
    "host.remove": Entry(hosts.remove, "administer"),
    "host.unlock": Entry(host_locks.unlock, "operate"),
    "agent.invite": Entry(enrolling.invite, "administer"),
    "agent.invites": Entry(enrolling.invites, "administer"),
    "agent.uninvite": Entry(enrolling.uninvite, "administer"),
    "agent.bundle": Entry(enrolling.bundle, "administer"),
    "agent.add": Entry(enrolling.add, "administer"),
    "agent.waiting": Entry(enrolling.waiting, "administer"),
    "agent.accept": Entry(enrolling.accept, "administer"),
    "agent.reject": Entry(enrolling.reject, "administer"),
    "agent.revoke": Entry(credentials.revoke, "administer"),
    "agent.rekey": Entry(credentials.rekey, "administer"),
    "agent.keys": Entry(credentials.keys, "administer"),
    "site.cert": Entry(credentials.certificate, "view"),
    "site.rotate_cert": Entry(credentials.rotate_certificate, "administer"),
    "site.time": Entry(times.of_site, "view"),
    "config.show": Entry(settings.of_site, "administer"),
    "setting.list": Entry(settings.listed, "view"),
    "setting.show": Entry(settings.show, "view"),
    "setting.set": Entry(settings.change, "administer"),
    "setting.reset": Entry(settings.reset, "administer"),
    "standby.status": Entry(standbys.listed, "view"),
    "standby.invite": Entry(standbys.invite, "administer"),
    "server.switchover": Entry(standbys.switch_over, "administer"),
    "purge": Entry(retention.purge, "administer"),
    "snapshot": Entry(copies.snapshot, "administer"),
    "status": Entry(status.status, "view"),
    "server.stop": Entry(status.stop, "administer"),
}


async def no_stream(_: Any) -> None:
    """Take the items of a streaming answer that nobody wants."""


async def call(site: Site, person: Person, name: str, args: Mapping[str, Any], emit: Emit = no_stream) -> Any:
    """Call an operation by name.

    Args:
        emit: is given the items of a streaming answer as they come.

    Raises:
        UsageError: there is no such operation, or its arguments are wrong. NotPermitted: the person may not.
    """
    entry = OPERATIONS.get(name)
    if entry is None:
        raise UsageError(f'there is no operation "{name[:100]}"', hint="is the server older than the command?")
    person.require(entry.right, name)
    wanted = arguments(name)
    for given in args:
        if given not in wanted or given == "emit":
            raise UsageError(f'operation {name} knows no argument "{given[:100]}"')
    for argument, (hint, needed) in wanted.items():
        if argument == "emit":
            continue
        if argument not in args:
            if needed:
                raise UsageError(f"operation {name} wants the argument {argument}")
        elif not fits(args[argument], hint):
            raise UsageError(f"argument {argument} of operation {name} has the wrong type", hint=f"it is {told(hint)}")
    streaming = {"emit": emit} if "emit" in wanted else {}
    return await entry.function(site, person, **args, **streaming)


@cache
def arguments(name: str) -> Mapping[str, tuple[Any, bool]]:
    """Return the arguments of an operation: name to type and whether it must be given."""
    function = OPERATIONS[name].function
    hints = get_type_hints(function)
    return {
        parameter.name: (hints[parameter.name], parameter.default is inspect.Parameter.empty)
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
