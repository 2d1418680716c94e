"""The registry: one list, typed arguments, checked at the door."""

from typing import Any

import pytest

from jaz_lite.errors import UsageError
from jaz_lite.operations import registry
from jaz_lite.operations.argument_types import fits
from jaz_lite.operations.schedule_given import VariableGiven
from jaz_lite.operations.site import OfflineSite
from tests.unit.operations.small_site import ask


@pytest.mark.parametrize("name", sorted(registry.OPERATIONS))
def test_every_operation_says_what_it_does_and_types_its_arguments(name: str) -> None:
    function = registry.OPERATIONS[name].function

    assert (function.__doc__ or "").strip()
    for argument, (hint, _) in registry.arguments(name).items():
        assert hint is not Any, argument


@pytest.mark.parametrize(
    ("op", "args", "sentence"),
    [
        pytest.param("definition.fly", {}, 'there is no operation "definition.fly"', id="unknown operation"),
        pytest.param("definition.list", {}, "wants the argument kind", id="missing argument"),
        pytest.param("definition.list", {"kind": "jobnet", "x": 1}, 'knows no argument "x"', id="unknown argument"),
        pytest.param("definition.list", {"kind": 5}, "argument kind of operation", id="wrong type"),
        pytest.param(
            "definition.list", {"kind": "jobnet", "versions": 1}, "argument versions", id="a number for a flag"
        ),
        pytest.param("definition.enable", {"kind": "jobnet", "names": [1]}, "argument names", id="wrong type inside"),
        pytest.param("definition.export", {"emit": None}, 'knows no argument "emit"', id="the stream is not theirs"),
        pytest.param("definition.list", {"kind": "planet"}, '"planet" is no kind', id="unknown kind"),
    ],
)
def test_a_wrong_call_is_a_usage_error(site: OfflineSite, op: str, args: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError) as error:
        ask(site, op, **args)

    assert sentence in error.value.message


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        (1, int, True),
        (True, int, False),
        (1, float, True),
        ("1", int, False),
        (None, str | None, True),
        (1, str | None, False),
        (["a"], list[str], True),
        (["a", 1], list[str], False),
        ({"a": "b"}, dict[str, str], True),
        ({"a": 1}, dict[str, str], False),
        ({1: "b"}, dict[str, str], False),
        ({"a": object()}, dict[str, Any], True),
        (2**63, int, False),
        ({"name": "A", "value": "1"}, VariableGiven, True),
        ({"name": "A", "value": "1", "jobnet": "NET"}, VariableGiven, True),
        ({"name": "A"}, VariableGiven, False),
        ({"name": "A", "value": 1}, VariableGiven, False),
        ({"name": "A", "value": "1", "jobnets": "NET"}, VariableGiven, False),
    ],
)
def test_types_are_taken_literally(value: Any, hint: Any, expected: bool) -> None:
    assert fits(value, hint) is expected


def test_a_value_of_the_wrong_type_is_told_with_the_type_it_has(site: OfflineSite) -> None:
    with pytest.raises(UsageError) as error:
        ask(site, "schedule.add", schedule="NIGHT", jobnets=["A"], variables=[{"jobnet": "A", "value": "1"}])

    assert error.value.message == "argument variables of operation schedule.add has the wrong type"
    assert error.value.hint == "it is a list, each a map of perhaps jobnet, name, value or null"
