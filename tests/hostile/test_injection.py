"""T9: names of variables that steer programs may be set by a job itself, and by nobody from outside of it."""

import pytest

from tests.icons.looking import trying

STEERING = (
    "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "DYLD_INSERT_LIBRARIES", "LIBPATH", "SHLIB_PATH", "IFS", "ENV",
    "BASH_ENV", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME", "PERL5LIB", "PERL5OPT", "PATH", "HOME", "USER",
    "ld_preload", "Path",
)  # fmt: skip
HARMLESS = ("JOB_ID", "LD", "PERL", "PATHS", "MY_PATH", "HOMEPAGE", "ENVIRONMENT", "_LD_PRELOAD")


@pytest.mark.parametrize("name", STEERING)
def test_a_value_from_outside_steers_no_program(name: str) -> None:
    settings = {"host": "a1", "script": "true", "system_variables": (name,)}
    kind, params, view = trying("job", settings=settings, variables={name: "/tmp/evil.so"})

    step = kind.begin(params, view)

    assert step.outcome == "failed"
    assert name in step.message
    assert step.actions == ()


@pytest.mark.parametrize("name", STEERING)
def test_a_job_may_set_it_for_itself(name: str) -> None:
    settings = {"host": "a1", "script": "true", "variables": ({"name": name, "value": "/opt/lib"},)}
    kind, params, view = trying("job", settings=settings)

    (order,) = kind.begin(params, view).actions

    assert order.spec["env"] == {name: "/opt/lib"}


@pytest.mark.parametrize("name", HARMLESS)
def test_other_names_come_from_anywhere(name: str) -> None:
    settings = {"host": "a1", "script": "true", "system_variables": (name,)}
    kind, params, view = trying("job", settings=settings, variables={name: "$(id)"})

    (order,) = kind.begin(params, view).actions

    assert order.spec["env"] == {name: "$(id)"}
