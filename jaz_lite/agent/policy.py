"""What the administrator of a machine allows its agent: `agent.toml` in the agent's data directory.

Every setting has a default, and the file may be absent.
"""

import json
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from jaz_lite.errors import DefinitionError

if sys.version_info >= (3, 11):  # noqa: UP036 - the agent keeps to Python 3.10
    import tomllib
else:
    import tomli as tomllib

PAR_DEFAULT = 64
QUEUE_DEFAULT = 1_000
KEEP_DAYS_DEFAULT = 7
OUT_BYTES_MAX_DEFAULT = 64 * 1024 * 1024  # a stream
FREE_BYTES_MIN_DEFAULT = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The settings of `agent.toml`.

    shell: runs job texts without `#!`. allow_users: names jobs may ask to run as; empty allows all (as far as the
    agent's own rights go). deny_root: no job may ask for root by name; a job that names no user runs as the agent's
    own, whoever that is. par, queue: jobs at once, and waiting for a slot. durability: decision 25.
    start_after_boot: after a boot, start what was accepted before it at once (`now`) or after the first contact.
    """

    shell: str = "/bin/sh"
    allow_users: tuple[str, ...] = ()
    deny_root: bool = True
    par: int = PAR_DEFAULT
    queue: int = QUEUE_DEFAULT
    keep_days: int = KEEP_DAYS_DEFAULT
    out_bytes_max: int = OUT_BYTES_MAX_DEFAULT
    free_bytes_min: int = FREE_BYTES_MIN_DEFAULT
    durability: Literal["strict", "fast"] = "strict"
    start_after_boot: Literal["contact", "now"] = "contact"


_CHOICES = {"durability": ("strict", "fast"), "start_after_boot": ("contact", "now")}


def load_policy(folder: Path) -> Policy:
    """Return the policy of the agent whose data directory is `folder`.

    Raises:
        DefinitionError: the file is not as it should be; the sentence says where.
    """
    path = folder / "agent.toml"
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Policy()
    except (ValueError, OSError) as error:
        raise DefinitionError(f"{path} cannot be read: {error}") from error
    return policy_from(settings, str(path))


def save_policy(folder: Path, policy: Policy) -> None:
    """Write the settings that differ from the defaults; the server does this for its embedded agent."""
    lines = [
        f"{field.name} = {json.dumps(getattr(policy, field.name))}"
        for field in fields(Policy)
        if getattr(policy, field.name) != field.default
    ]
    text = "\n".join(["# Written by `jaz-lite up` from config.toml at every start.", *lines, ""])
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "agent.toml").write_text(text, encoding="utf-8")


def policy_from(settings: dict[str, Any], where: str) -> Policy:
    """Return the policy that `settings` describe; `listen` and what else later versions know is passed over.

    Raises:
        DefinitionError: a setting has the wrong type or value.
    """
    chosen: dict[str, Any] = {}
    for field in fields(Policy):
        if field.name not in settings:
            continue
        value, default = settings[field.name], field.default
        if isinstance(default, tuple) and isinstance(value, list) and all(isinstance(item, str) for item in value):
            value = tuple(value)
        if type(value) is not type(default):
            raise DefinitionError(f"{where}: {field.name} must look like {default!r}, not {value!r}")
        if isinstance(value, int) and not isinstance(value, bool) and value < (1 if field.name == "par" else 0):
            raise DefinitionError(f"{where}: {field.name} must not be {value}")
        if field.name in _CHOICES and value not in _CHOICES[field.name]:
            raise DefinitionError(f"{where}: {field.name} is one of {', '.join(_CHOICES[field.name])}")
        chosen[field.name] = value
    return Policy(**chosen)
