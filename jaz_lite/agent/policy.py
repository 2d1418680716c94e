"""What the administrator of a machine allows its agent, setting by setting; the file it stands in is read elsewhere.

A new setting is one more field: its default says its type, and `meaning` is its line in the sample file and on the
page of the manual.
"""

import sys
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Literal, cast

from jaz_lite.errors import DefinitionError

KINDS = ("cmd", "test", "fwait", "fget", "fput", "reboot")  # all work there is
SHELL_DEFAULT = "cmd.exe" if sys.platform == "win32" else "/bin/sh"
PAR_MAX = 10_000
QUEUE_MAX = 1_000_000


def _setting(
    default: Any, meaning: str, *, choices: "tuple[str, ...]" = (), least: int = 0, most: int = 2**62, of: str = ""
) -> Any:
    """Return a field of the policy.

    Args:
        choices: what a text, or each text of a list, may be; empty: anything.
        least, most: of a number. of: what a list holds; "folder" wants absolute paths.
    """
    return field(
        default=default, metadata={"meaning": meaning, "choices": choices, "least": least, "most": most, "of": of}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The settings of an agent, as `agent.toml` and the server of an embedded agent give them."""

    shell: str = _setting(SHELL_DEFAULT, "runs job texts that do not begin with #!; on Windows cmd.exe")
    par: int = _setting(64, "jobs at the same time", least=1, most=PAR_MAX)
    queue: int = _setting(1_000, "jobs that may wait here for a slot; more are refused and sent later", most=QUEUE_MAX)
    kinds: tuple[str, ...] = _setting(
        KINDS,
        "work that is done here; the rest is refused. cmd: jobs, test: test runs, fwait: file waits, fget and fput:"
        " reading and writing for file copies, reboot: restarts of the machine",
        choices=KINDS,
        of="kind of work",
    )
    allow_users: tuple[str, ...] = _setting(
        (), "users that jobs may ask to run as; empty: every user, as far as the agent's own rights go", of="user name"
    )
    deny_root: bool = _setting(True, "no job may ask for root, nor for any other user with the number 0")
    default_user: str = _setting(
        "", "user of jobs that name none (JAZ: JaCommandUser); empty: the user that the agent runs as"
    )
    file_roots: tuple[str, ...] = _setting(
        ("/",), "folders that file copies and file waits may reach; never the agent's own data directory", of="folder"
    )
    keep_days: int = _setting(7, "days that results and output are kept after the server has them", most=36_500)
    out_bytes_max: int = _setting(
        64 * 1024 * 1024, "bytes of each output stream of a job that are kept; what is beyond is counted"
    )
    free_bytes_min: int = _setting(64 * 1024 * 1024, "with fewer free bytes on the disk, new work is refused")
    unsigned_exit_codes: bool = _setting(
        False,
        "Windows: exit codes of 2147483648 and more stay positive (JAZ: ExtUnsignedFlag) and do not become negative",
    )
    durability: Literal["strict", "fast"] = _setting(
        "strict",
        "strict: acceptance and claim are on the disk before the job starts; fast: within 50 ms, and after a crash of"
        " the machine such jobs are in doubt",
        choices=("strict", "fast"),
    )
    allow_reboot: bool = _setting(
        False,
        "reboot icons may restart this machine with the operating system's own command, if the agent runs as root"
        " (JAZ: AllowRoot)",
    )
    reboot_command: tuple[str, ...] = _setting(
        (), "command and arguments of reboot icons, in place of the operating system's; it allows them", of="argument"
    )
    start_after_boot: Literal["contact", "now"] = _setting(
        "contact",
        "after a boot of the machine, what was accepted before it starts after the first contact to the server, or now",
        choices=("contact", "now"),
    )
    rollback_guard: Literal["normal", "strict"] = _setting(
        "normal",
        "strict: after a boot of the machine, what was accepted and not started is held for a person to decide; for"
        " machines that are set back to snapshots",
        choices=("normal", "strict"),
    )
    quota_bytes: int = _setting(
        2 * 1024 * 1024 * 1024,
        "bytes of records and output that are kept for each site; what the server has goes first, and what it has not"
        " stays and lets new work be refused",
    )
    listen: str = _setting(
        "on",
        "where servers may dial this agent: on is port 11055 on all addresses, off nowhere, loopback is"
        " any free port that only this machine reaches, or host:port",
    )
    tls_min: Literal["1.2", "1.3"] = _setting(
        "1.3",
        "the oldest version of TLS; 1.2 also has to be allowed for this agent on the server",
        choices=("1.2", "1.3"),
    )


SETTINGS: Mapping[str, Any] = {one.name: one for one in fields(Policy)}


def default_of(name: str) -> Any:
    """Return the default of a setting."""
    value = SETTINGS[name].default
    assert value is not MISSING, "every setting has a default"
    return value


def meaning_of(name: str) -> str:
    """Return what a setting is for."""
    return cast("str", SETTINGS[name].metadata["meaning"])


def checked(name: str, value: Any, where: str) -> Any:
    """Return the value of a setting as the policy holds it.

    Args:
        value: as it stands in the file. where: the file, for the sentence.

    Raises:
        DefinitionError: it is of the wrong kind or out of its range; the sentence says what is expected.
    """
    default, more = default_of(name), SETTINGS[name].metadata
    choices, of = more["choices"], more["of"]
    expected = _expected(default, more)
    if isinstance(default, tuple) and isinstance(value, list):
        value = tuple(value)
    good = type(value) is type(default)
    if good and isinstance(value, tuple):
        good = all(isinstance(item, str) and item and (not choices or item in choices) for item in value)
        good = good and (of != "folder" or all(_is_absolute(item) for item in value))
    elif good and isinstance(value, str):
        good = (not choices or value in choices) and "\0" not in value and (bool(value) or default == "")
    elif good and isinstance(value, int) and not isinstance(value, bool):
        good = more["least"] <= value <= more["most"]
    if not good:
        shown = list(value) if isinstance(value, tuple) else value
        raise DefinitionError(f"{where}: {name} must be {expected}, not {shown!r}")
    return value


def _expected(default: Any, more: Mapping[str, Any]) -> str:
    choices = ", ".join(f'"{choice}"' for choice in more["choices"])
    if isinstance(default, tuple):
        if choices:
            return f"a list of some of {choices}"
        return 'a list of absolute folders, as in ["/data"]' if more["of"] == "folder" else f"a list of {more['of']}s"
    if isinstance(default, bool):
        return "true or false"
    if isinstance(default, int):
        if more["most"] < 2**62:
            return f"a whole number from {more['least']} to {more['most']}"
        return f"a whole number of at least {more['least']}"
    return f"one of {choices}" if choices else "a text in quotes"


def _is_absolute(path: str) -> bool:
    """Tell whether a path is absolute, on this system or (a drive letter) on Windows."""
    return path.startswith(("/", "\\\\")) or path[1:3] in (":\\", ":/")


def policy_from(settings: Mapping[str, Any], where: str) -> Policy:
    """Return the policy of these settings over the defaults; names that no setting has are passed over.

    Raises:
        DefinitionError: a setting has the wrong type or value, or two do not go together.
    """
    chosen = {name: checked(name, value, where) for name, value in settings.items() if name in SETTINGS}
    policy = Policy(**chosen)
    if policy.deny_root and policy.default_user in ("root", "0"):
        raise DefinitionError(
            f'{where}: default_user must not be "{policy.default_user}" while deny_root is on',
            hint="name another user, or write deny_root = false",
        )
    return policy
