"""What binds a data directory to one machine and place (`instance.json`).

It makes that copying a directory and starting it by habit cannot create a second master (protocol.md 8.1): the file
goes along with the copy and still names where it came from. A snapshot says of itself that it is one, so that it is
not started by habit even in the place of its original.
"""

import hashlib
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaz_lite.errors import NoSuchObject, NotBoundHere, StoreDamaged
from jaz_lite.store.keys import write_private

INSTANCE_FILE = "instance.json"
MACHINE_ID_FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
FENCE_SUM_DIGITS = 16
BINDING_LOST = "put it back from a copy of the data directory"
TAKE_OVER = "if the other server is gone for good, `jaz-lite activate` takes over with this directory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What tells one machine from another."""

    machine_id: str  # of the operating system's installation; "" where it has none
    host_name: str


def this_machine() -> Machine:
    """Return the machine this process runs on."""
    machine_id = ""
    for path in MACHINE_ID_FILES:
        try:
            machine_id = path.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        break
    return Machine(machine_id=machine_id, host_name=socket.gethostname())


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Which site a directory belongs to, and where it is to be used."""

    server_id: str
    site_uid: bytes
    machine: Machine
    path: str  # absolute, links resolved
    term: int  # at the time of binding; for people
    copied_ms: int | None = None  # a snapshot taken then; None: the directory itself
    described: bool = False  # a snapshot as it was taken: a manifest tells its files
    alone: bool = False  # a standby's that was a server's own: it may know what the active does not
    fence_sum: str = ""  # of the site's fence key, so that one of another site is noticed; "": of an older program

    def check(self, folder: Path, here: Machine) -> None:
        """Refuse a directory that was copied or moved to `folder` on the machine `here`.

        Raises:
            NotBoundHere: it belongs to another machine or place, or is a snapshot.
        """
        if self.copied_ms is not None and not self.described:
            raise NotBoundHere(
                f'{folder} is the copy of a standby, of the server on the machine "{self.machine.host_name}"',
                hint=f"`jaz-lite serve` keeps it current; {TAKE_OVER}",
            )
        if self.copied_ms is not None:
            raise NotBoundHere(
                f'{folder} is a snapshot of {self.path} on the machine "{self.machine.host_name}", not a server',
                hint=TAKE_OVER,
            )
        if self.machine != here:
            same_name = self.machine.host_name == here.host_name
            this = "this is another one of that name" if same_name else f'this is "{here.host_name}"'
            raise NotBoundHere(
                f'{folder} belongs to the machine "{self.machine.host_name}", {this}',
                hint=f"start it there; {TAKE_OVER}",
            )
        if self.path != str(folder.resolve()):
            raise NotBoundHere(f"{folder} belongs at {self.path}", hint=f"move it back there; {TAKE_OVER}")


def fence_sum(fence_key: bytes) -> str:
    """Return what tells one fence key from another, and nothing about it."""
    return hashlib.sha256(b"jaz_lite fence sum\0" + fence_key).hexdigest()[:FENCE_SUM_DIGITS]


def read_binding(folder: Path) -> Binding:
    """Return the binding of a directory.

    Raises:
        NoSuchObject: the folder has not been prepared.
        StoreDamaged: its binding cannot be read.
    """
    path = folder / INSTANCE_FILE
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        raise NoSuchObject(f"{folder} is not a data directory", hint="`jaz-lite init` makes one") from error
    except OSError as error:
        raise StoreDamaged(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise StoreDamaged(f"{path} is damaged", hint=BINDING_LOST) from error
    try:
        return _binding_of(json.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        raise StoreDamaged(f"{path} is damaged", hint=BINDING_LOST) from error


def write_binding(folder: Path, binding: Binding) -> None:
    """Write the binding of a directory, whole or not at all, and durably."""
    instance: dict[str, Any] = {
        "server_id": binding.server_id,
        "site_uid": binding.site_uid.hex(),
        "machine_id": binding.machine.machine_id,
        "host_name": binding.machine.host_name,
        "path": binding.path,
        "term": binding.term,
        "fence_sum": binding.fence_sum,
    }
    if binding.copied_ms is not None:
        instance |= {"copied_ms": binding.copied_ms, "described": binding.described, "alone": binding.alone}
    write_private(folder / INSTANCE_FILE, json.dumps(instance, indent=2).encode() + b"\n")


def _binding_of(instance: Mapping[str, Any]) -> Binding:
    server_id = str(instance["server_id"])
    copied_ms = instance.get("copied_ms")
    return Binding(
        server_id=server_id,
        site_uid=bytes.fromhex(instance["site_uid"]),
        machine=Machine(machine_id=str(instance["machine_id"]), host_name=str(instance["host_name"])),
        path=str(instance["path"]),
        term=int(instance["term"]),
        copied_ms=None if copied_ms is None else int(copied_ms),
        described=bool(instance.get("described", False)),
        alone=bool(instance.get("alone", False)),
        fence_sum=str(instance.get("fence_sum", "")),
    )
