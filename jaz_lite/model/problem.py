"""A problem found in a definition or a document: where it is, what it is, and what might help."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in the site's definitions something is: every part may be empty."""

    file: str = ""
    kind: str = ""  # "jobnet", "calendar", "filter", "schedule"
    object_id: str = ""
    version: str = ""
    icon_id: str = ""
    field: str = ""

    @property
    def where(self) -> str:
        """Return where inside the object it is: version, icon, and field or row; "" for the object itself."""
        version = f"version {self.version}" if self.version else ""
        return ", ".join(part for part in (version, self.icon_id, self.field) if part)

    def __str__(self) -> str:
        name = self.object_id + (f"@{self.version}" if self.version else "")
        parts = [self.file, f"{self.kind} {name}".strip(), self.icon_id, self.field]
        return ": ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding. Errors forbid enabling (or importing); warnings are only told."""

    place: Place
    message: str
    hint: str = ""
    severity: Severity = "error"
