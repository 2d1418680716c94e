"""The settings of a server that are needed before its store is open: `config.toml` of the data directory.

Every setting has a default; the file names only what differs. `read` reports every mistake of the file at once.
Settings that may change while a server runs are rows of the store, not lines of this file.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jaz_lite.errors import DefinitionError

if sys.version_info >= (3, 11):  # noqa: UP036  # agents may still have Python 3.10
    import tomllib
else:
    import tomli as tomllib

CONFIG_FILE = "config.toml"
CONFIG_BYTES_MAX = 64 * 1024
PORT_MAX = 65_535
PROMOTE_AFTER_S_MIN = 30  # half of it must be longer than a heartbeat
PROMOTE_AFTER_S_MAX = 3_600
AFTER_SHIP = "after_ship"
ACKS = ("commit", AFTER_SHIP)
EVERY_MIN_MAX = 44_640


@dataclass(frozen=True)
class Setting:
    """One setting: where it stands in the file, what it is when nobody says, and what it is for."""

    name: str  # "table.key" of the file
    default: Any
    meaning: str


SETTINGS: tuple[Setting, ...] = (
    Setting("server.listen", "127.0.0.1:11061", "address and port where agents connect"),
    Setting("server.announce", "", "addresses at which agents reach the server, by comma; empty: where it listens"),
    Setting(
        "server.peers", "", "addresses of the other servers of this site, by comma: agents look for a standby there"
    ),
    Setting("server.accept_requests", False, "agents without a token may ask to be let in; an administrator decides"),
    Setting("server.embedded_agent", True, "start an agent of its own on this machine"),
    Setting(
        "server.strangers_per_address",
        64,
        "connections of one address that may prove who they are at the same time; more wait",
    ),
    Setting(
        "standby.ack",
        "commit",
        'what was done is acknowledged when it is on this disk ("commit"), or on a standby\'s, too ("after_ship")',
    ),
    Setting(
        "snapshot.every_min", 0, "minutes between two copies of the data directory into `snapshot.folder`; 0: none"
    ),
    Setting("snapshot.folder", "", "folder of those copies, best on another machine's disk"),
    Setting("snapshot.keep", 24, "so many of those copies are kept"),
    Setting(
        "failover.auto_promote", False, "a standby takes over by itself when a majority of the agents lost the active"
    ),
    Setting("failover.promote_after_s", 60, "so many seconds after the active was heard last, 30 to 3600"),
    Setting("site.zone", "", "time zone of the site; empty: the machine's"),
    Setting("agent.shell", "/bin/sh", "shell for job texts of the embedded agent that name no interpreter"),
    Setting("agent.slots", 64, "jobs that the embedded agent runs at the same time"),
)

_KNOWN: Mapping[str, Setting] = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True)
class Value:
    """What a setting is now, and who said so."""

    name: str
    value: Any
    default: Any
    origin: str  # "default", "config.toml", "command line"


class Config:
    """The settings of one server."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name].value

    def __iter__(self) -> Iterator[Value]:
        return iter(self._values.values())

    def over(self, origin: str, values: Mapping[str, Any]) -> "Config":
        """Return these settings with `values` over them; None leaves a setting as it is."""
        changed = {
            name: Value(name=name, value=checked(name, value), default=_KNOWN[name].default, origin=origin)
            for name, value in values.items()
            if value is not None
        }
        return Config({**self._values, **changed})


def defaults() -> Config:
    """Return the settings of a server whose file says nothing."""
    return Config({s.name: Value(s.name, s.default, s.default, "default") for s in SETTINGS})


def read(folder: "str | os.PathLike[str]") -> Config:
    """Return the settings of a data directory; a missing file is an empty one.

    Raises:
        DefinitionError: the file is not TOML, or names or values in it are wrong; the sentence lists all of them.
    """
    path = os.path.join(os.fspath(folder), CONFIG_FILE)  # noqa: PTH118  # commands that must start fast import no pathlib
    try:
        with open(path, "rb") as source:
            data = source.read(CONFIG_BYTES_MAX + 1)
    except FileNotFoundError:
        return defaults()
    except OSError as error:
        raise DefinitionError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > CONFIG_BYTES_MAX:
        raise DefinitionError(f"{path} is larger than {CONFIG_BYTES_MAX} bytes")
    try:
        tables = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DefinitionError(f"{path} is not valid TOML: {error}") from error
    found = defaults().over(CONFIG_FILE, _settings_of(path, tables))
    if found["snapshot.every_min"] and not found["snapshot.folder"]:
        raise DefinitionError(f'{path}: "snapshot.every_min" wants a folder', hint='for example folder = "/mnt/copies"')
    return found


def _settings_of(path: str, tables: Mapping[str, Any]) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    problems: list[str] = []
    for table, content in tables.items():
        if not isinstance(content, dict):
            problems.append(f'"{table}" stands outside of a table')
            continue
        for key, value in content.items():
            name = f"{table}.{key}"
            try:
                found[name] = checked(name, value)
            except DefinitionError as error:
                problems.append(error.message)
    if problems:
        raise DefinitionError(f"{path}: " + "; ".join(problems), hint="known: " + ", ".join(_KNOWN))
    return found


def checked(name: str, value: Any) -> Any:
    """Return `value` if the setting may have it.

    Raises:
        DefinitionError: there is no such setting, or the value does not fit it.
    """
    setting = _KNOWN.get(name)
    if setting is None:
        raise DefinitionError(f'there is no setting "{name}"', hint="known: " + ", ".join(_KNOWN))
    wanted = type(setting.default)
    if type(value) is not wanted:
        raise DefinitionError(f'setting "{name}" wants {_article(wanted)}, not {value!r}')
    if name == "server.listen":
        listen_address(value)
    elif name == "site.zone":
        zone(value)
    elif name == "standby.ack" and value not in ACKS:
        raise DefinitionError(f'setting "{name}" must be "commit" or "{AFTER_SHIP}", not {value!r}')
    elif name == "failover.promote_after_s" and not PROMOTE_AFTER_S_MIN <= value <= PROMOTE_AFTER_S_MAX:
        raise DefinitionError(
            f'setting "{name}" must be {PROMOTE_AFTER_S_MIN} to {PROMOTE_AFTER_S_MAX} seconds, not {value}'
        )
    elif name == "snapshot.folder" and value and not os.path.isabs(value):  # noqa: PTH117  # see read
        raise DefinitionError(f'setting "{name}" must name a folder from the root on, not "{value}"')
    elif name == "snapshot.every_min" and not 0 <= value <= EVERY_MIN_MAX:
        raise DefinitionError(f'setting "{name}" must be 0 to {EVERY_MIN_MAX}, not {value}')
    elif name in ("server.strangers_per_address", "agent.slots", "snapshot.keep") and not 1 <= value <= 10_000:
        raise DefinitionError(f'setting "{name}" must be 1 to 10000, not {value}')
    return value


def _article(wanted: type) -> str:
    return {str: "a text", bool: "true or false", int: "a whole number"}[wanted]


def listen_address(text: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT` or `[IPV6]:PORT`; port 0 lets the system choose one.

    Raises:
        DefinitionError: it is not such an address.
    """
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) <= PORT_MAX):
        raise DefinitionError(
            f'"{text}" is not an address to listen on', hint="write HOST:PORT, for example 0.0.0.0:11061"
        )
    return host, int(port)


def zone(name: str) -> ZoneInfo:
    """Return the zone of a name of the IANA database; empty: the machine's.

    Raises:
        DefinitionError: there is no such zone.
    """
    try:
        if _is_no_place(name):
            raise ZoneInfoNotFoundError(name)
        return ZoneInfo(name or _zone_of_machine())
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise DefinitionError(
            f'there is no time zone "{name}"', hint="for example Asia/Tokyo or Europe/Berlin"
        ) from error


def _is_no_place(name: str) -> bool:
    """Tell whether a name stands in the database of zones and means none that is the same everywhere.

    `right/` counts leap seconds; the wall times of such a zone are half a minute off.
    """
    return name in ("localtime", "posixrules", "Factory") or name.startswith("right/")


def _zone_of_machine() -> str:
    """Return the name of the machine's zone; UTC where it cannot be told."""
    named = os.environ.get("TZ", "").removeprefix(":")
    if named and not named.startswith("/") and not _is_no_place(named):
        try:
            ZoneInfo(named)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return "UTC"  # a rule such as "JST-9" has no name in the database
        return named
    place = os.path.realpath("/etc/localtime")
    _, found, name = place.partition("/zoneinfo/")
    return name.removeprefix("posix/") if found else "UTC"
