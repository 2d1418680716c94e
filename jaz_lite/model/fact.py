"""Facts: what people are told. They go to the journal; nothing is decided from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from jaz_lite.model.run import EMPTY

Severity = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One line of the journal. `kind` is stable and machine-readable (`icon_ended`); texts are made by the reader."""

    kind: str
    severity: Severity = "info"
    node: int | None = None  # None: about the run
    jaz_code: str = ""  # JC00000001 ..., where JAZ has the same line
    data: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
