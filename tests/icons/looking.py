"""A view for icon types that are tried by themselves, without an engine around them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from jaz_lite.icons import REGISTRY, params_of
from jaz_lite.icons._promise import IconType
from jaz_lite.model.jobnet import Compat, Icon
from jaz_lite.model.run import IconState, Origin

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=TOKYO)  # a Monday


@dataclass
class Looking:
    """What an icon sees; every part can be set."""

    icon: Icon
    variables: Mapping[str, str] = field(default_factory=dict)
    memo: Mapping[str, Any] = field(default_factory=dict)
    state: IconState = "running"
    compat: Compat = "lite"
    node: int = 3
    visit: int = 1
    attempt: int = 1
    work: bytes | None = None
    key: bytes = b"k" * 16
    key_path: str = "/icon#1"
    task_occ: str = "T:00"
    now: datetime = NOW
    run_started: datetime = NOW
    origin: Origin = "manual"
    user: str = "kato"
    test: bool = False
    others: Mapping[str, tuple[IconState, bool]] = field(default_factory=dict)  # path: state, held

    @property
    def now_ms(self) -> int:
        return round(self.now.timestamp() * 1000)

    def find(self, path: str) -> int | None:
        return list(self.others).index(path) if path in self.others else None

    def state_of(self, node: int) -> IconState:
        return list(self.others.values())[node][0]

    def is_held(self, node: int) -> bool:
        return list(self.others.values())[node][1]


def trying(kind: str, /, *, settings: Mapping[str, Any] | None = None, **view: Any) -> tuple[IconType, Any, Looking]:
    """Return an icon type, its settings and a view, ready for `begin`, `resume` and `stop`."""
    icon = Icon(icon_id="icon", type=kind, params=settings or {})
    return REGISTRY[kind], params_of(icon), Looking(icon, **view)
