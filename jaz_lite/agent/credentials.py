"""Credentials of users that jobs may run as, stored on the agent: on Windows only, where a switch needs a password.

`credentials.json` in the agent's data directory, 0600:

    {"format": 1, "credentials": {NAME: {"user": "DOMAIN\\\\user", "sealed": base64 of what the system sealed}}}

What is sealed can be opened on this machine only, by the user that the agent runs as (DPAPI). A definition names a
credential and never holds a password. Source: protocol.md section 12, T10.
"""

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jaz_lite.agent.disk import PosixDisk
from jaz_lite.errors import NoSuchObject, StoreDamaged, UsageError

CREDENTIALS_FILE = "credentials.json"
FORMAT = 1
NAME_CHARS_MAX = 64  # what a work order carries

Seal = Callable[[bytes], bytes]


class Credentials:
    """The credentials of one agent.

    Args:
        seal, unseal: of the system; what one gives the other takes.
    """

    def __init__(self, folder: Path, *, seal: Seal, unseal: Seal) -> None:
        self._disk = PosixDisk(folder)
        self._seal = seal
        self._unseal = unseal

    def add(self, name: str, user: str, password: str) -> None:
        """Store a credential; one of that name is replaced.

        Raises:
            UsageError: the name or the user cannot be.
        """
        if not name or len(name) > NAME_CHARS_MAX or not name.isprintable() or " " in name:
            raise UsageError(f"the name of a credential has 1 to {NAME_CHARS_MAX} characters without spaces")
        if not user or not user.isprintable():
            raise UsageError(f'credential "{name}" needs the name of a user', hint="for example DOMAIN\\user")
        sealed = base64.b64encode(self._seal(password.encode())).decode("ascii")
        self._write({**self._read(), name: {"user": user, "sealed": sealed}})

    def remove(self, name: str) -> None:
        """Forget a credential. Raises NoSuchObject."""
        found = dict(self._read())
        if found.pop(name, None) is None:
            raise _missing(name)
        self._write(found)

    def users(self) -> Mapping[str, str]:
        """Return the names of all credentials and the users behind them; passwords are told to nobody."""
        return {name: str(entry["user"]) for name, entry in sorted(self._read().items())}

    def open(self, name: str) -> tuple[str, str]:
        """Return user and password of a credential. Raises NoSuchObject."""
        entry = self._read().get(name)
        if entry is None:
            raise _missing(name)
        return str(entry["user"]), self._unseal(base64.b64decode(entry["sealed"])).decode()

    def _read(self) -> Mapping[str, Any]:
        try:
            content = json.loads(self._disk.read(CREDENTIALS_FILE))
            if content["format"] != FORMAT:
                raise ValueError(content["format"])
            found = content["credentials"]
            assert isinstance(found, dict), "a map by name"
        except FileNotFoundError:
            return {}
        except (ValueError, KeyError, TypeError, AssertionError) as error:
            raise StoreDamaged(f"{CREDENTIALS_FILE} cannot be read", hint="remove it and add them again") from error
        return found

    def _write(self, found: Mapping[str, Any]) -> None:
        text = json.dumps({"format": FORMAT, "credentials": found}, indent=1, ensure_ascii=False)
        self._disk.replace(CREDENTIALS_FILE, text.encode())


def _missing(name: str) -> NoSuchObject:
    return NoSuchObject(f'this agent has no credential "{name[:NAME_CHARS_MAX]}"')
