"""What stands behind the seams for the operating system, as far as it can be seen without that system."""

import ast
from pathlib import Path

import pytest

from jaz_lite.agent.command_line import batch_line, batch_text, is_batch, merged, program_line
from jaz_lite.agent.machine import local, process
from jaz_lite.agent.orders import job_order, stop_order
from jaz_lite.agent.policy import Policy

AGENT = Path(process.__file__).parent
ON_WINDOWS = Policy(shell="cmd.exe")


def names_of(path: Path) -> set[str]:
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


@pytest.mark.parametrize("seam", [process, local], ids=lambda seam: str(seam.__name__).rpartition(".")[2])
@pytest.mark.parametrize("system", ["posix", "windows"])
def test_each_system_offers_all_that_the_seam_names(seam, system) -> None:
    offered = names_of(Path(seam.__file__).with_name(f"{seam.__name__.rpartition('.')[2]}_{system}.py"))

    assert set(seam.__all__) <= offered


def test_a_text_for_cmd_is_a_batch_file_whatever_its_length_or_first_line() -> None:
    for text in ("echo a", "#!/bin/sh", "rem " + "x" * 200_000):
        order = job_order("cmd", {"script": text}, policy=ON_WINDOWS, out="o", err="e", text_path="C:/out/k.text")
        assert order["argv"] == ["cmd.exe", "C:/out/k.text.cmd"]
        assert (order["text"], order["text_path"], order["exact"]) == (text, "C:/out/k.text.cmd", False)

    stop = stop_order({"stop": b"stop"}, policy=ON_WINDOWS, out="o", err="e", text_path="C:/out/k.stop")
    assert (stop["text_path"], stop["exact"]) == ("C:/out/k.stop.cmd", True)


def test_a_test_run_on_windows_starts_cmd() -> None:
    order = job_order("test", {}, policy=Policy(shell=r"C:\Windows\System32\CMD.EXE"), out="o", err="e", text_path="t")

    assert order["argv"] == [r"C:\Windows\System32\CMD.EXE", "/d", "/c", "exit 0"]


def test_exit_codes_are_asked_for_without_a_sign_where_the_policy_says_so() -> None:
    policy = Policy(shell="cmd", unsigned_exit_codes=True)

    assert job_order("cmd", {"script": "x"}, policy=policy, out="o", err="e", text_path="t")["unsigned"] is True


def test_the_path_of_a_batch_file_may_hold_signs_of_the_shell() -> None:
    line = batch_line(r"C:\Windows\cmd.exe", r"C:\a & b\(1)^x\k.cmd")

    assert line == r'"C:\Windows\cmd.exe" /d /q /s /c ""C:\a & b\(1)^x\k.cmd""'


def test_arguments_are_quoted_as_programs_take_them_apart() -> None:
    assert program_line(["a b.exe", "", 'say "hi"', "C:\\dir\\", "C:\\my dir\\"]) == (
        '"a b.exe" "" "say \\"hi\\"" C:\\dir\\ "C:\\my dir\\\\"'
    )


@pytest.mark.parametrize("name", ["a.bat", "A.CMD", "a.cmd ", "a.bat.", "a.bat . "])
def test_a_batch_file_is_known_whatever_stands_behind_its_suffix(name: str) -> None:
    assert is_batch(name)
    assert not is_batch("a.bat.exe")


def test_variables_of_one_name_in_another_case_are_one() -> None:
    assert merged({"Path": "a", "TEMP": "t"}, {"PATH": "b", "z": "1"}) == {"PATH": "b", "TEMP": "t", "z": "1"}


def test_a_text_is_written_in_the_code_page_with_the_line_ends_of_windows() -> None:
    japanese = batch_text("echo 日本語\nexit 1", exact=False, code_page="cp932", first="")

    assert japanese == b"echo \x93\xfa\x96{\x8c\xea\r\nexit 1\r\n"
    assert batch_text("a", exact=False, code_page="cp1252", first="@chcp 1252 >nul") == b"@chcp 1252 >nul\r\na\r\n"
    assert batch_text("a\udc93\udcfa\n", exact=True, code_page="ascii", first="") == b"a\x93\xfa\r\n"


def test_a_sign_that_the_code_page_has_not_is_told_and_not_replaced() -> None:
    with pytest.raises(UnicodeEncodeError):
        batch_text("echo 日本語", exact=False, code_page="cp1252", first="")
