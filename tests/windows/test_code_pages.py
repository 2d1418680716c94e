"""Job texts and output in the code page of a Japanese Windows: make test-wine runs this with a Japanese locale."""

import ctypes
import sys
from pathlib import Path

import pytest

if sys.platform != "win32":
    pytest.skip("needs Windows; make test-wine runs it under Wine", allow_module_level=True)

from tests.shells.small_server import agent_at, small_server

JAPANESE = 932
PAGE = ctypes.WinDLL("kernel32").GetACP()
HARD = "日本語 ソ能表 ①ー～"  # with bytes that are a backslash or a bar to whoever takes them one by one

pytestmark = pytest.mark.real
japanese = pytest.mark.skipif(PAGE != JAPANESE, reason="needs a Japanese Windows; it is run once more on one")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "agent"


@japanese
async def test_a_text_is_read_and_output_kept_in_the_code_page_of_the_machine(folder: Path) -> None:
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("said", f"echo {HARD}\necho %SAID%", env={"SAID": HARD}, head=1000)

        assert (await server.end_of(k))[1]["out_head"] == f"{HARD}\r\n{HARD}\r\n".encode("cp932")


@japanese
async def test_a_text_that_comes_as_bytes_is_written_byte_for_byte(folder: Path) -> None:
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("bytes", f"echo {HARD}".encode("cp932"), head=1000)

        assert (await server.end_of(k))[1]["out_head"] == f"{HARD}\r\n".encode("cp932")


async def test_a_sign_that_the_code_page_has_not_is_refused_in_a_sentence(folder: Path) -> None:
    sign = "é" if PAGE == JAPANESE else "日"
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("foreign", f"echo {sign}")

        name, fields = await server.end_of(k)
        assert (name, fields["why"]) == ("failed", "text")
        assert f"code page {PAGE} has not" in fields["msg"]
