"""What the file copy icon orders, and how it judges what the target's agent says."""

from typing import Any

import pytest

from jaz_lite.model import event as happened
from jaz_lite.model.action import KillWork, SendWork
from jaz_lite.model.run import WorkResult
from jaz_lite.wire.spec import pack_spec
from tests.icons.looking import trying

KEY = b"k" * 16
SETTINGS = {
    "source_host": "db1",
    "source_folder": "/out",
    "source_file": "*.csv",
    "target_host": "dw1",
    "target_folder": "/in",
}


@pytest.mark.parametrize("test", [False, True])
def test_the_target_gets_the_order_in_a_test_run_too(test: bool) -> None:
    kind, params, view = trying("file_copy", settings={**SETTINGS, "overwrite": True}, test=test)
    step = kind.begin(params, view)
    (order,) = step.actions

    assert isinstance(order, SendWork)
    assert (order.kind, order.host) == ("fput", "dw1")
    assert order.spec == {"source": "db1", "from": "/out", "pattern": "*.csv", "folder": "/in", "overwrite": True}
    assert pack_spec("fput", order.spec)
    assert step.memo == {"host": "dw1", "source_host": "db1"}


def test_hosts_folders_and_names_may_come_from_variables() -> None:
    settings = {
        "source_host": "FROM", "source_host_from_variable": True, "source_folder": "$DIR", "source_file": "$FILE",
        "target_host": "TO", "target_host_from_variable": True, "target_folder": "$$literal",
    }  # fmt: skip
    variables = {"FROM": " db1 ", "TO": "dw1", "DIR": "/日本", "FILE": "a$b?"}
    kind, params, view = trying("file_copy", settings=settings, variables=variables)
    (order,) = kind.begin(params, view).actions

    assert isinstance(order, SendWork)
    assert order.host == "dw1"
    assert order.spec == {"source": "db1", "from": "/日本", "pattern": "a$b?", "folder": "$literal", "overwrite": False}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"source_host": "FROM", "source_host_from_variable": True}, "the variable FROM, which names the source host, is not set"),
        ({"target_host": ""}, "no target host is named"),
        ({"source_folder": "$NONE"}, "the variable NONE is not set"),
        ({"target_folder": "$EMPTY"}, "the target folder is empty"),
        ({"source_file": "$LONG"}, "the source file is longer than 4096 bytes"),
    ],
)  # fmt: skip
def test_what_names_nothing_is_an_error_before_anything_is_sent(settings: dict[str, Any], message: str) -> None:
    variables = {"EMPTY": "", "LONG": "x" * 5_000}
    kind, params, view = trying("file_copy", settings={**SETTINGS, **settings}, variables=variables)
    step = kind.begin(params, view)

    assert (step.outcome, step.message, step.actions) == ("failed", message, ())
    assert step.results == {"JOBARG_MESSAGE": message}


def test_a_copy_that_ends_well_leaves_no_variables() -> None:
    kind, params, view = trying("file_copy", settings=SETTINGS, work=KEY)
    step = kind.resume(params, view, happened.WorkEnded(3, KEY, WorkResult(exit_code=0, std_out="sum 5 a\n")))

    assert (step.outcome, dict(step.results)) == ("ended", {})


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (happened.WorkEnded(3, KEY, WorkResult(exit_code=1, std_err="no file matches")), "no file matches"),
        (happened.WorkEnded(3, KEY, WorkResult(exit_code=None, signal=15, killed="kill")), "the file copy was stopped"),
        (happened.WorkFailed(3, KEY, "host", "no host is named db1"), "no host is named db1"),
        (happened.WorkCancelled(3, KEY, "server"), "the file copy was stopped"),
    ],
)
def test_what_went_wrong_is_its_message(event: Any, message: str) -> None:
    kind, params, view = trying("file_copy", settings=SETTINGS, work=KEY)
    step = kind.resume(params, view, event)

    assert (step.outcome, step.message) == ("failed", message)
    assert step.results == {"JOBARG_MESSAGE": message}


def test_a_stop_ends_the_work() -> None:
    kind, params, view = trying("file_copy", settings=SETTINGS, work=KEY)
    (kill,) = kind.stop(params, view).actions

    assert isinstance(kill, KillWork)
    assert kill.key == KEY
