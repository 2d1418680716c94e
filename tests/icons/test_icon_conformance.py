"""What every icon type must do. A new type is tried here by being in the registry."""

from dataclasses import MISSING, fields, is_dataclass
from types import ModuleType
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaz_lite.engine import steps
from jaz_lite.engine.check_variables import variable_hints
from jaz_lite.errors import DefinitionError
from jaz_lite.icons import REGISTRY, params_of
from jaz_lite.icons._promise import (
    ANYWHERE,
    NAMED,
    RESERVED_MEMOS,
    RESERVED_TIMERS,
    SETS,
    WHOLE,
    IconType,
    Step,
    Traits,
)
from jaz_lite.model import event as happened
from jaz_lite.model.action import SetTimer
from jaz_lite.model.jobnet import Icon, Jobnet
from jaz_lite.model.plain import to_plain
from jaz_lite.model.problem import Place, Problem
from jaz_lite.model.run import WorkResult
from tests.icons.looking import Looking

TYPES = pytest.mark.parametrize("kind", REGISTRY.values(), ids=list(REGISTRY))
OF_JAZ = [kind for kind in REGISTRY.values() if kind.jaz_code is not None]
KEY = b"k" * 16
DUE_MS_LIMIT = 2**63
TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["", "$A", "$$", "${A", "1-5,x", "A B", "jacmdsleep", "jacmdtime", "jacmdweek", "12", "0930", "Sun"]
    ),
)
EVENTS: list[Any] = [
    happened.WorkEnded(3, KEY, WorkResult(exit_code=0)),
    happened.WorkEnded(3, KEY, WorkResult(exit_code=None, signal=9)),
    happened.WorkEnded(3, KEY, WorkResult(exit_code=None)),
    happened.WorkFailed(3, KEY, "user", ""),
    happened.WorkCancelled(3, KEY, "server"),
    happened.WorkTimedOut(3, KEY, "warn"),
    happened.Answered(3, 1, True, "1"),
    happened.Answered(3, 1, False),
    happened.TimerFired(3, "wait", 5),
]


def _any_settings(cls: type[Any]) -> st.SearchStrategy[Any]:
    """Draw Params of a type: every field by its type, texts of all kinds."""
    hints = get_type_hints(cls)
    drawn: dict[str, st.SearchStrategy[Any]] = {}
    for each in fields(cls):
        drawn[each.name] = TEXTS if hints[each.name] is str else st.from_type(hints[each.name])
    return st.builds(cls, **drawn)


def test_the_registry_is_in_the_order_of_the_codes_of_jaz_and_then_come_types_of_our_own() -> None:
    codes = [kind.jaz_code for kind in REGISTRY.values()]

    assert codes == [*range(20), *(None for _ in codes[20:])]
    assert [kind.name for kind in REGISTRY.values()] == list(REGISTRY)


@TYPES
def test_an_icon_type_has_all_its_parts(kind: IconType) -> None:
    assert isinstance(kind, ModuleType)
    assert isinstance(kind.traits, Traits)
    assert is_dataclass(kind.Params)
    assert kind.Params.__dataclass_params__.frozen  # type: ignore[attr-defined]
    for function in ("check", "begin", "resume", "stop"):
        assert callable(getattr(kind, function))


@TYPES
def test_settings_can_be_left_out_and_are_then_named_by_the_check(kind: IconType) -> None:
    assert all(each.default is not MISSING or each.default_factory is not MISSING for each in fields(kind.Params))

    place = Place(kind="jobnet", object_id="NET", icon_id="icon")
    problems = list(kind.check(kind.Params(), place))

    assert all(isinstance(problem, Problem) and problem.message for problem in problems)
    assert all((problem.place.object_id, problem.place.icon_id) == ("NET", "icon") for problem in problems)
    assert all(problem.place.field.partition("[")[0] in {f.name for f in fields(kind.Params)} for problem in problems)


@TYPES
def test_the_marks_of_a_setting_are_known_ones_and_on_texts(kind: IconType) -> None:
    hints = get_type_hints(kind.Params)
    marked = [each for each in fields(kind.Params) if each.metadata]

    assert all(hints[each.name] in (str, str | None) for each in marked)
    assert all(each.metadata in (WHOLE, ANYWHERE, NAMED, SETS, {"secret": True}) for each in marked)


@TYPES
def test_the_check_tells_of_a_variable_that_a_marked_setting_names(kind: IconType) -> None:
    for each in fields(kind.Params):
        if each.metadata in (WHOLE, ANYWHERE, NAMED):
            text = "FROM_CALLER" if each.metadata == NAMED else "$FROM_CALLER"
            jobnet = Jobnet(
                jobnet_id="NET",
                version="20261123000000",
                icons=(Icon(icon_id="icon", type=kind.name, params={each.name: text}),),
            )

            problems = list(variable_hints(jobnet, Place()))

            assert [problem.message for problem in problems] == ["the variable FROM_CALLER is set by no icon before"]


@TYPES
def test_settings_survive_being_written_and_read(kind: IconType) -> None:
    made = kind.Params()

    assert params_of(Icon(icon_id="icon", type=kind.name, params=to_plain(made))) == made


@TYPES
def test_a_setting_nobody_knows_is_an_error(kind: IconType) -> None:
    with pytest.raises(DefinitionError, match="nonsense"):
        params_of(Icon(icon_id="icon", type=kind.name, params={"nonsense": 1}))


def test_all_problems_of_the_settings_are_told_at_once() -> None:
    with pytest.raises(DefinitionError) as caught:
        params_of(Icon(icon_id="icon", type="job", params={"host": 3, "timeout_min": "1", "variables": [{"name": 1}]}))

    assert all(field in caught.value.message for field in ("host", "timeout_min", "variables[0].name"))


def test_an_icon_type_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(DefinitionError, match='there is no icon type "nonsense"'):
        params_of(Icon(icon_id="icon", type="nonsense"))


def test_the_settings_that_are_secret_in_jaz_are_marked() -> None:
    secret = {(kind.name, each.name) for kind in OF_JAZ for each in fields(kind.Params) if each.metadata.get("secret")}

    assert secret == {("agentless", "password"), ("agentless", "passphrase")}


def _orders_what_the_engine_can_do(step: Step) -> None:
    assert not step.memo.keys() & RESERVED_MEMOS
    for timer in (each for each in step.actions if isinstance(each, SetTimer)):
        assert timer.name not in RESERVED_TIMERS
        assert 0 <= timer.due_ms < DUE_MS_LIMIT, "settings that nobody checked made a time no store can hold"


def test_the_names_icon_types_must_not_take_are_those_the_engine_uses() -> None:
    assert {steps.RETRY} == RESERVED_TIMERS
    assert {steps.RETRY_DUE, steps.TOLD} <= RESERVED_MEMOS


@TYPES
@given(data=st.data())
@settings(max_examples=25)
def test_whatever_its_settings_are_an_icon_answers_and_never_raises(kind: IconType, data: st.DataObject) -> None:
    params = data.draw(_any_settings(kind.Params))
    icon = Icon(icon_id="icon", type=kind.name)
    view = Looking(
        icon,
        variables=data.draw(st.dictionaries(st.sampled_from("AB"), TEXTS)),
        test=data.draw(st.booleans()),
        others={"A": ("waiting", True), "a/b": ("running", False)},
    )
    list(kind.check(params, Place()))
    step = kind.begin(params, view)

    assert isinstance(step, Step)
    assert step == kind.begin(params, view), "the same input gave another output"
    _orders_what_the_engine_can_do(step)
    assert step.outcome != "failed" or step.message

    view.memo, view.work = step.memo, KEY
    for event in EVENTS:
        assert isinstance(kind.resume(params, view, event), Step)
    assert isinstance(kind.stop(params, view), Step)


@TYPES
def test_what_an_icon_waits_for_is_ordered_and_a_stop_ends_it(kind: IconType) -> None:
    view = Looking(Icon(icon_id="icon", type=kind.name))
    step = kind.begin(kind.Params(), view)
    ended = kind.stop(kind.Params(), view)

    _orders_what_the_engine_can_do(step)
    assert (step.outcome == "waiting") <= bool(step.actions)
    assert (ended.outcome, ended.stopped) == ("failed", True)


@TYPES
def test_an_icon_type_that_this_build_cannot_run_says_so(kind: IconType) -> None:
    step = kind.begin(kind.Params(), Looking(Icon(icon_id="icon", type=kind.name)))
    told = step.outcome == "failed" and step.message == f"the icon type {kind.name} is not available in this build"

    assert told == (not kind.traits.available)
    assert kind.traits.available == (kind.name not in {"agentless", "zabbix_link"})


def test_what_may_be_skipped_is_as_in_jaz() -> None:
    kept = {kind.name for kind in OF_JAZ if not kind.traits.may_skip}

    assert kept == {"start", "end", "condition", "branch_end", "parallel_start", "parallel_end", "loop"}


def test_what_may_be_run_again_or_stopped_is_as_in_jaz() -> None:
    again = {kind.name for kind in OF_JAZ if kind.traits.may_rerun}
    stopped = {kind.name for kind in OF_JAZ if kind.traits.may_stop}
    ours = {"file_copy"}  # JAZ waits for its end, however long the file is

    assert again == {
        "job", "extended_job", "file_copy", "file_wait", "reboot", "release", "agentless", "condition", "zabbix_link",
    }  # fmt: skip
    assert stopped - ours == {"job", "extended_job", "file_wait", "reboot", "agentless"}
