"""Who asks, and what that person may do. The registry checks it before an operation is called; nobody else does."""

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from jaz_lite.errors import NotPermitted

Role = Literal["super", "admin", "general"]
Right = Literal["view", "operate", "edit", "administer"]

# JAZ's three roles: general users run and control, administrators also change definitions, super administrators all.
RIGHTS: Mapping[Role, frozenset[Right]] = {
    "general": frozenset(("view", "operate")),
    "admin": frozenset(("view", "operate", "edit")),
    "super": frozenset(("view", "operate", "edit", "administer")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who asks, known by name."""

    name: str
    role: Role

    def require(self, right: Right, what: str) -> None:
        """Raise NotPermitted unless this person has `right`; `what` names the operation."""
        if right not in RIGHTS[self.role]:
            raise NotPermitted(
                f'"{self.name}" may not do {what}: it needs the right to {right}', hint="ask an administrator"
            )


def local_owner() -> Person:
    """Return the owner of this process's data directory: the administrator of the installation."""
    uid = os.geteuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"uid {uid}"
    return Person(name=name, role="super")
