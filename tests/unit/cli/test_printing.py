"""What people see: tables, text that nobody checked, JSON, drawings, live news."""

import io
import json
import sys
from typing import Any

import pytest

from jaz_lite.cli import printing
from jaz_lite.cli.follow import Screen
from jaz_lite.cli.graph import drawn
from tests.unit.operations.small_site import icon, jobnet


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\n\ttext", "plain\n\ttext"),
        ("日本語 é", "日本語 é"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\udcffb", "a\\xdcffb"),
        ("right\u202eleft", "right\\x202eleft"),
    ],
)
def test_text_cannot_command_the_terminal(text: str, shown: str) -> None:
    assert printing.clean(text) == shown


def test_a_table_in_a_pipe_is_plain_and_keeps_wide_characters_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    printing.print_table(("name", "state"), [("日本", "ended"), ("a\nb", None), ("x", True)])

    assert capsys.readouterr().out == "name  state\n日本  ended\na b\nx     yes\n"


def test_a_table_on_a_terminal_is_drawn_without_colours_if_none_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stdout", Terminal())

    printing.print_table(("name", "state"), [("[bold]x", "run_error")])

    written = sys.stdout.getvalue()  # type: ignore[attr-defined]
    assert "[bold]x" in written
    assert "\x1b" not in written


def test_json_is_one_document_whatever_the_encoding_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", errors="backslashreplace"))

    printing.print_json({"name": "日本 \udcff", "data": b"\xff"})
    sys.stdout.flush()

    assert json.loads(raw.getvalue()) == {"name": "日本 \udcff", "data": "\\xff"}


def test_moments_are_shown_to_the_second_with_their_offset() -> None:
    assert printing.moment("2026-11-23T03:12:09.123+09:00") == "2026-11-23 03:12:09+09:00"
    assert printing.moment("2026-11-23T03:12:09+09:00") == "2026-11-23 03:12:09+09:00"
    assert printing.moment(None) == ""


# ---- drawings


def flows(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"source": source, "target": target, "kind": "plain"} for source, target in pairs]


def test_a_loop_shows_where_it_goes_back() -> None:
    document = jobnet("J", icon("LOOP-1", "loop"), icon("IF-1", "condition"))
    document["flows"] = [{**flow, "kind": "plain"} for flow in document["flows"]]
    document["flows"].append({"source": "IF-1", "target": "LOOP-1", "kind": "false"})

    assert list(drawn(document)) == [
        "START  start",
        "LOOP-1  loop",
        "IF-1  condition",
        "├─ END-1  end",
        "└─ false: ↑ LOOP-1",
    ]


def test_icons_that_nothing_reaches_are_drawn_too() -> None:
    document = {
        "icons": [icon("START", "start"), icon("A", "loop"), icon("B", "loop"), icon("C", "parallel_end")],
        "flows": flows(("A", "B"), ("B", "A"), ("B", "C"), ("START", "C")),
    }

    lines = list(drawn(document))

    assert {line.strip("├─└│ ").split("  ")[0] for line in lines} >= {"START", "A", "B", "C"}


def test_a_drawing_of_a_very_long_and_very_deep_jobnet_ends() -> None:
    deep = [icon("START", "start")]
    lines = []
    for number in range(3_000):
        deep += [icon(f"M{number}", "parallel_start"), icon(f"E{number}", "end")]
        lines += [
            (deep[-3]["icon_id"] if number == 0 else f"M{number - 1}", f"M{number}"),
            (f"M{number}", f"E{number}"),
        ]
    document = {"icons": deep, "flows": flows(*lines)}

    assert len(list(drawn(document))) > 3_000


def test_flows_to_nowhere_do_not_hurt() -> None:
    assert list(drawn({"icons": [icon("A", "job")], "flows": flows(("A", "NOWHERE"))})) == ["A  job"]


# ---- live news


def news(path: str, state: str, **more: Any) -> dict[str, Any]:
    return {"kind": "icon", "path": path, "type": "job", "state": state, "pass": 1, "attempt": 1, **more}


def output(path: str, data: bytes, offset: int = 0, stream: int = 1) -> dict[str, Any]:
    return {"kind": "output", "path": path, "stream": stream, "offset": offset, "data": data}


def shown(*items: dict[str, Any], screen: Screen | None = None, target: io.StringIO | None = None) -> list[str]:
    target = target or io.StringIO()
    screen = screen or Screen(target)
    for item in items:
        screen.show(item)
    screen.finish()
    return [line.strip() for line in target.getvalue().splitlines()]


def test_output_is_shown_by_lines_although_it_comes_in_pieces() -> None:
    whole = "日本\nnext".encode()

    lines = shown(*(output("/A", whole[at : at + 1], at) for at in range(len(whole))))

    assert lines == ["/A | 日本", "/A | next"]


def test_output_that_was_not_sent_before_the_end_is_shown_once() -> None:
    lines = shown(
        news("/A", "running"),
        output("/A", b"one\n"),
        news("/A", "ended", std_out="one\ntwo\n", std_err="bad\n", exit_code=0),
        output("/A", b"two\n", 4),
        output("/A", b"bad\n", 0, stream=2),
    )

    assert lines == ["/A  job  running", "/A | one", "/A | two", "/A ! bad", "/A  job  ended exit code 0"]


def test_whatever_an_icon_leaves_as_its_output_is_shown() -> None:
    lines = shown(news("/A", "running", type="countdown"), news("/A", "ended", type="countdown", std_out="done"))

    assert lines == ["/A  countdown  running", "/A | done", "/A  countdown  ended"]


def test_a_second_attempt_shows_its_output_from_the_beginning() -> None:
    lines = shown(
        news("/A", "running"),
        news("/A", "run_error", std_out="same\n"),
        news("/A", "running", attempt=2),
        output("/A", b"same\n"),
    )

    assert lines.count("/A | same") == 2


def test_what_was_shown_is_not_shown_again_after_a_reconnection() -> None:
    target = io.StringIO()
    screen = Screen(target)
    shown(news("/A", "running"), output("/A", b"one\n"), screen=screen, target=target)

    screen.come_back()
    lines = shown(news("/A", "running"), output("/A", b"one\ntwo\n"), screen=screen, target=target)

    assert lines == ["/A  job  running", "/A | one", "/A | two"]


def test_bytes_that_are_no_text_are_marked_and_control_characters_become_visible() -> None:
    assert shown(output("/A", b"a\xff\0\x1b[0m\n")) == ["/A | a\ufffd\\x1b[0m"]


def test_output_in_another_encoding_is_shown_once_whenever_its_pieces_come() -> None:
    encoded = "夜\n朝\n".encode("cp932")  # six bytes; as UTF-8 they would be eight
    pieces = [{**output("/A", encoded[at : at + 1], at), "encoding": "cp932"} for at in range(len(encoded))]
    end = news("/A", "ended", std_out="夜\n朝\n")

    for before in range(len(pieces) + 1):
        lines = shown(news("/A", "running"), *pieces[:before], end, *pieces[before:])

        assert lines == ["/A  job  running", "/A | 夜", "/A | 朝", "/A  job  ended"]


def test_doubt_hold_and_messages_are_part_of_the_line() -> None:
    lines = shown(
        news("/A", "waiting", method="normal"),
        news("/A", "ready", method="hold"),
        news("/A", "running", doubt={"reason": "lost"}),
        news("/A", "run_error", message="exit code 3 is among 1-255"),
    )

    assert lines == [
        "/A  job  ready (held)",
        "/A  job  running in doubt: lost",
        "/A  job  run_error: exit code 3 is among 1-255",
    ]
