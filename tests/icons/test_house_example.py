"""The icon type that docs/house.md shows is one that works, and one that JAZ does not have."""

import importlib.util
import re
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from jaz_lite.model.event import TimerFired
from jaz_lite.model.jobnet import Icon
from jaz_lite.model.problem import Place
from tests.icons import test_icon_conformance as conformance
from tests.icons.looking import Looking

HOUSE = Path(__file__).resolve().parents[2] / "docs" / "house.md"
SHOWN = re.compile(r"^   ```python\n(.*?)^   ```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give the module that the page shows."""
    (source,) = SHOWN.findall(HOUSE.read_text(encoding="utf-8"))
    file = tmp_path / "countdown.py"
    file.write_text(dedent(source), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("countdown", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "countdown", module)  # where dataclasses and inspect look for it
    spec.loader.exec_module(module)
    return module


def test_it_does_what_every_icon_type_must(kind: Any) -> None:
    conformance.test_an_icon_type_has_all_its_parts(kind)
    conformance.test_settings_can_be_left_out_and_are_then_named_by_the_check(kind)
    conformance.test_the_marks_of_a_setting_are_known_ones_and_on_texts(kind)
    conformance.test_what_an_icon_waits_for_is_ordered_and_a_stop_ends_it(kind)
    conformance.test_an_icon_type_that_this_build_cannot_run_says_so(kind)


def test_it_waits_by_a_timer_and_says_its_message(kind: Any) -> None:
    params = kind.Params(seconds=5, message="for ${WHO}")
    view = Looking(Icon(icon_id="icon", type="countdown"), variables={"WHO": "you"})

    step = kind.begin(params, view)
    view.memo = step.memo
    (timer,) = step.actions
    early = kind.resume(params, view, TimerFired(view.node, timer.name, timer.due_ms - 1))
    ended = kind.resume(params, view, TimerFired(view.node, timer.name, timer.due_ms))

    assert timer.due_ms == view.now_ms + 5000
    assert early.outcome == "waiting"
    assert (ended.outcome, ended.exit_code) == ("ended", 0)
    assert ended.results == {"STD_OUT": "for you", "JOB_EXIT_CD": "0"}


def test_in_a_test_run_it_does_not_wait(kind: Any) -> None:
    assert kind.begin(kind.Params(), Looking(Icon(icon_id="icon", type="countdown"), test=True)).outcome == "ended"


def test_what_it_cannot_do_is_found_by_its_check_or_told_when_it_begins(kind: Any) -> None:
    (problem,) = kind.check(kind.Params(seconds=0), Place())
    view = Looking(Icon(icon_id="icon", type="countdown"))
    begun = [kind.begin(kind.Params(**settings), view) for settings in ({"message": "${"}, {"seconds": 10**18})]

    assert problem.message == "is 0; it may be 1 to 3600"
    assert [(step.outcome, step.message) for step in begun] == [
        ("failed", "the message has a ${ that is not closed"),
        ("failed", "it cannot count down 1000000000000000000 seconds"),
    ]


def test_the_reference_has_it_without_a_number_of_jaz(kind: Any) -> None:
    from docs.generate import icon_type

    assert icon_type(kind).splitlines() == [
        "## countdown",
        "",
        "Countdown: ends when some seconds have passed on the server; its message becomes STD_OUT.",
        "",
        "| setting | default | |",
        "| --- | --- | --- |",
        "| `seconds` | `1` | 1 to 3600 |",
        "| `message` |  | ${NAME} and $NAME allowed anywhere |",
    ]
