"""Job output becomes text whatever its bytes are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaz_lite.model.encoding import Decoder, is_text_encoding, readable

USABLE = ("utf-8", "cp932", "cp1252", "utf-16", "utf-16-le", "euc_jp", "latin-1", "shift_jis", "cp037")


@pytest.mark.parametrize("name", USABLE)
def test_encodings_of_text_can_be_used(name: str) -> None:
    assert is_text_encoding(name)


@pytest.mark.parametrize("name", ["klingon", "base64", "rot13", "hex", "idna", "undefined", "a\0b", "", "../x"])
def test_what_cannot_read_any_bytes_is_no_encoding(name: str) -> None:
    assert not is_text_encoding(name)


def test_bad_bytes_are_marked_and_nul_is_removed() -> None:
    assert readable(b"a\xff\0b", "utf-8") == "a\ufffdb"
    assert readable("夜\0朝".encode("utf-16"), "utf-16") == "夜朝"


def test_the_byte_order_mark_decides_and_without_one_windows_is_meant() -> None:
    assert readable("\ufeff夜".encode("utf-16-be"), "utf-16") == "夜"
    assert readable("\ufeff夜".encode("utf-16-le"), "UTF16") == "夜"
    assert readable("夜".encode("utf-16-le"), "utf-16") == "夜"
    assert readable("\ufeff夜".encode("utf-32-be"), "utf-32") == "夜"


def test_a_character_that_is_cut_in_two_falls_away_where_more_was_written() -> None:
    half = "夜".encode("cp932")[:1]

    assert readable(b"a" + half, "cp932", whole=False) == "a"
    assert readable(b"a" + half, "cp932") == "a\ufffd"


def test_a_name_that_is_no_encoding_any_more_reads_as_utf_8() -> None:
    assert readable("夜".encode(), "klingon") == "夜"


@given(st.binary(max_size=40), st.sampled_from(USABLE), st.integers(1, 5))
def test_bytes_read_the_same_whole_and_in_pieces(data: bytes, encoding: str, piece: int) -> None:
    decoder = Decoder(encoding)

    text = "".join(decoder.decode(data[at : at + piece]) for at in range(0, len(data), piece))

    assert text + decoder.decode(b"", final=True) == readable(data, encoding)
