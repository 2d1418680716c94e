"""The exact bytes of version 1. They stay as they are: agents in the field speak them."""

from jaz_lite.wire.catalogue import MESSAGES
from tests.wire.corpus import GOLDEN_FILE, golden_text, say_everything


def test_each_message_has_the_bytes_it_was_released_with():
    assert golden_text() == GOLDEN_FILE.read_text()


def test_the_corpus_holds_every_message():
    assert {said.name for said in say_everything()} == {message.name for message in MESSAGES.values()}


def test_a_ping_is_these_bytes():
    # Length 7; an array of three: type 7, the sixteenth frame of the server, the map {"n": 1}.
    assert _said("ping") == [bytes.fromhex("00000007 93 07 0f 81 a16e 01")]


def test_an_ack_is_these_bytes():
    # Type 49, third frame of the server, {"n": 2}.
    assert _said("ack") == [bytes.fromhex("00000007 93 31 02 81 a16e 02")]


def _said(name):
    return [said.frame for said in say_everything() if said.name == name]
