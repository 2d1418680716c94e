"""Where the policy of an agent stands: `agent.toml` in its data directory, for the administrator of the machine.

Below it lies `up.toml`, which the server of an embedded agent writes from its own config.toml at every start. A file
may be absent; a name that no setting has is warned of, since an older agent may meet the file of a newer one.
"""

import difflib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaz_lite.agent.policy import SETTINGS, Policy, default_of, meaning_of, policy_from
from jaz_lite.errors import DefinitionError

if sys.version_info >= (3, 11):  # noqa: UP036 - the agent keeps to Python 3.10
    import tomllib
else:
    import tomli as tomllib

POLICY_FILE = "agent.toml"
SERVER_FILE = "up.toml"
FILE_BYTES_MAX = 64 * 1024
COMMENT_COLUMNS = 110


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRead:
    """A policy, where each of its settings comes from, and what the person who wrote the files should know."""

    policy: Policy
    origins: Mapping[str, str]  # setting to "default" or the name of a file
    warnings: tuple[str, ...]


def read_policy(folder: Path) -> PolicyRead:
    """Return the policy of the agent whose data directory is `folder`.

    Raises:
        DefinitionError: a file is not as it should be; the sentence names file, setting and what is expected.
    """
    origins = dict.fromkeys(SETTINGS, "default")
    warnings: list[str] = []
    together: dict[str, Any] = {}
    where = str(folder / POLICY_FILE)
    for name in (SERVER_FILE, POLICY_FILE):
        path = folder / name
        found = _read(path)
        policy_from(found, str(path))
        for setting, value in found.items():
            if setting in SETTINGS:
                together[setting] = value
                origins[setting] = name
            else:
                near = difflib.get_close_matches(setting, SETTINGS, 1)
                guess = f'; did you mean "{near[0]}"?' if near else ""
                warnings.append(f'{path}: no setting is called "{setting}", so it is passed over{guess}')
    return PolicyRead(policy=policy_from(together, where), origins=origins, warnings=tuple(warnings))


def write_server_policy(folder: Path, policy: Policy) -> None:
    """Write what the server of an embedded agent says of it; what stands in `agent.toml` goes before it."""
    lines = [
        f"{name} = {_toml(getattr(policy, name))}" for name in SETTINGS if getattr(policy, name) != default_of(name)
    ]
    text = "\n".join(["# Written by `jaz-lite up` from config.toml at every start; agent.toml goes before it.", *lines])
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(folder / SERVER_FILE, "w", encoding="utf-8", opener=_private) as file:
        file.write(text + "\n")


def write_sample(folder: Path) -> bool:
    """Write an `agent.toml` in which every setting is explained and none is set; False where there is one already."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with open(folder / POLICY_FILE, "x", encoding="utf-8", opener=_private) as file:
            file.write(sample())
    except FileExistsError:
        return False
    return True


def _private(path: str, flags: int) -> int:
    """Create a file that only its owner may change, whatever the mask of who starts us."""
    return os.open(path, flags, 0o600)


def sample() -> str:
    """Return the text of an `agent.toml` that changes nothing."""
    lines = ["# What this machine allows its agent. Every line shows the default; take the # away and change it.",
             "# `jaz-lite agent policy` prints what is in force; the agent reads this file when it starts.", ""]  # fmt: skip
    for name in SETTINGS:
        line = "#"
        for word in meaning_of(name).split():
            if len(line) + len(word) >= COMMENT_COLUMNS:
                lines.append(line)
                line = "#"
            line += " " + word
        lines += [line, f"#{name} = {_toml(default_of(name))}", ""]
    return "\n".join(lines)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
        if len(data) > FILE_BYTES_MAX:
            raise DefinitionError(f"{path} is larger than {FILE_BYTES_MAX} bytes")
        return tomllib.loads(data.decode("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise DefinitionError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise DefinitionError(f"{path} is no TOML: {error}", hint='a line looks like: shell = "/bin/sh"') from error


def _toml(value: Any) -> str:
    return json.dumps(list(value) if isinstance(value, tuple) else value)
