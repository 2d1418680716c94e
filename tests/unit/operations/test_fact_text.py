"""What the journal says to people."""

from typing import Any

import pytest

from jaz_lite.operations.fact_text import text_of


@pytest.mark.parametrize(
    ("kind", "data", "text"),
    [
        ("icon_ended", {"return_code": "0", "visit": 1, "std_out": "x"}, "ended (exit code 0)"),
        (
            "icon_failed",
            {"message": "Aborted the job", "return_code": "15"},
            "failed: Aborted the job (exit code 15)",
        ),
        ("run_stopped", {"message": "stopped by root"}, "jobnet was stopped: stopped by root"),
        ("run_timed_out", {"timeout_min": 1}, "jobnet ran over its time (limit in minutes 1)"),
        ("work_kill_sent", {"sig": "TERM"}, "a signal was sent to the job (signal TERM)"),
        ("something_new", {"count": 3, "notify": True}, "something new (count 3)"),
    ],
)
def test_a_fact_reads_as_a_sentence(kind: str, data: dict[str, Any], text: str) -> None:
    assert text_of(kind, data) == text
