"""config.toml and the log."""

import io
import logging
from pathlib import Path

import pytest

from jaz_lite import config, log
from jaz_lite.errors import DefinitionError


def test_a_missing_file_gives_the_defaults(tmp_path: Path) -> None:
    read = config.read(tmp_path)

    assert read["server.listen"] == "127.0.0.1:11061"
    assert {value.origin for value in read} == {"default"}


def test_the_command_line_goes_over_the_file_and_the_file_over_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[server]\nlisten = "0.0.0.0:1"\n[agent]\nslots = 5\n')

    read = config.read(tmp_path).over("command line", {"server.listen": "0.0.0.0:2", "agent.slots": None})

    origins = {value.name: value.origin for value in read}
    assert (read["server.listen"], origins["server.listen"]) == ("0.0.0.0:2", "command line")
    assert (read["agent.slots"], origins["agent.slots"]) == (5, "config.toml")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("[server", "is not valid TOML", id="not TOML"),
        pytest.param("\udcff", "is not valid TOML", id="not UTF-8"),
        pytest.param("x = 1", "stands outside of a table", id="outside of a table"),
        pytest.param("[server]\nlisten = 5", "wants a text, not 5", id="wrong type"),
        pytest.param("[agent]\nslots = true", "wants a whole number", id="a flag for a number"),
        pytest.param("[agent]\nslots = 0", "must be 1 to 10000", id="out of range"),
        pytest.param("[snapshot]\nevery_min = 10", '"snapshot.every_min" wants a folder', id="copies without a folder"),
        pytest.param("[snapshot]\nfolder = 'here'", "must name a folder from the root on", id="a relative folder"),
        pytest.param("[snapshot]\nkeep = 0", "must be 1 to 10000", id="no copy kept"),
        pytest.param("[snapshot]\nevery_min = -1", "must be 0 to 44640", id="a negative interval"),
        pytest.param("[site]\nzone = 'Mars/Base'", 'no time zone "Mars/Base"', id="no zone"),
        pytest.param("[site]\nzone = 'localtime'", 'no time zone "localtime"', id="the zone of some machine"),
        pytest.param("[site]\nzone = 'posixrules'", "no time zone", id="a default of rules"),
        pytest.param("[site]\nzone = 'right/UTC'", "no time zone", id="a zone with leap seconds"),
        pytest.param("[site]\nzone = '../../etc/passwd'", "no time zone", id="a path as zone"),
        pytest.param("[planet]\nx = 1", 'no setting "planet.x"', id="unknown"),
        pytest.param("#" * 70_000, "is larger than", id="too large"),
    ],
)
def test_a_wrong_file_is_told_in_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "config.toml").write_bytes(text.encode("utf-8", "surrogateescape"))

    with pytest.raises(DefinitionError) as error:
        config.read(tmp_path)

    assert sentence in error.value.message


@pytest.mark.parametrize(
    ("text", "address"), [("127.0.0.1:0", ("127.0.0.1", 0)), ("[::1]:11061", ("::1", 11061)), ("host:1", ("host", 1))]
)
def test_addresses_are_host_and_port(text: str, address: tuple[str, int]) -> None:
    assert config.listen_address(text) == address


@pytest.mark.parametrize("text", ["", "host", ":1", "host:", "host:x", "host:65536", "host:-1", "host:١"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(DefinitionError, match="is not an address"):
        config.listen_address(text)


def test_the_zone_of_the_machine_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert config.zone("").key == "Asia/Tokyo"
    monkeypatch.setenv("TZ", "JST-9")
    assert config.zone("").key == "UTC"


@pytest.fixture
def logged() -> io.StringIO:
    target = io.StringIO()
    log.configure(1, target)
    return target


def test_a_log_line_has_a_constant_text_and_its_values(logged: io.StringIO) -> None:
    logging.getLogger("jaz_lite.test").info(
        "work sent", extra={"action": "work.sent", "k": b"\x01\xff", "host": "a b", "bad": "x\x1b[0m\n"}
    )

    line = logged.getvalue()
    assert line.count("\n") == 1
    assert "info    jaz_lite.test: work sent action=work.sent k=01ff host=\"a b\" bad='x\\x1b[0m\\n'" in line


def test_details_are_told_only_when_asked_for(logged: io.StringIO) -> None:
    logging.getLogger("jaz_lite.test").debug("detail")
    assert logged.getvalue() == ""


def test_an_exception_comes_with_its_traceback(logged: io.StringIO) -> None:
    try:
        raise KeyError("lost")
    except KeyError:
        logging.getLogger("jaz_lite.test").exception("it failed", extra={"action": "test"})

    assert "it failed action=test\nTraceback" in logged.getvalue()
