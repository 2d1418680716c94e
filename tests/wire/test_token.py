"""Tokens and bundles: what people carry, and what happens to it on the way."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaz_lite.errors import UsageError
from jaz_lite.wire.token import (
    PREFIX,
    Token,
    agent_fingerprint,
    bundle_text,
    parse_bundle,
    parse_token,
    same_fingerprint,
    site_fingerprint,
    token_text,
)
from tests.wire.enrolling import ENROLMENT, TOKEN

TEXT = token_text(TOKEN)


def test_a_token_says_what_was_put_into_it():
    assert parse_token(TEXT) == TOKEN


def test_a_token_without_addresses_is_one_too():
    bare = Token(fingerprint=TOKEN.fingerprint, token_id=TOKEN.token_id, secret=TOKEN.secret, addresses=())

    assert parse_token(token_text(bare)) == bare


def test_capitals_spaces_and_line_ends_do_not_matter():
    wrapped = "\n ".join((TEXT[:40], TEXT[40:])).upper() + "\r\n"

    assert parse_token(wrapped) == TOKEN


@pytest.mark.parametrize("at", range(len(PREFIX), len(TEXT) - 1))  # bits of the last letter may mean nothing
def test_a_mistyped_letter_is_told_as_such(at):
    wrong = TEXT[:at] + ("a" if TEXT[at] != "a" else "b") + TEXT[at + 1 :]

    with pytest.raises(UsageError, match="mistyped or cut off"):
        parse_token(wrong)


@pytest.mark.parametrize("size", range(len(PREFIX), len(TEXT)))
def test_a_cut_token_is_told_as_such(size):
    with pytest.raises(UsageError, match="mistyped or cut off"):
        parse_token(TEXT[:size])


@pytest.mark.parametrize("text", ["", "hello", "jazl", "JAZL-x", "x" * 10_000, "jazl1" + "-x" * 3_000])
def test_what_is_no_token_is_told_as_such(text):
    with pytest.raises(UsageError, match="no token"):
        parse_token(text)


def test_a_token_of_a_newer_kind_asks_for_an_upgrade():
    with pytest.raises(UsageError, match="of the kind jazl2"):
        parse_token("jazl2-abcdef")


@given(st.text())
def test_any_text_is_a_token_or_refused(text):
    for one in (text, PREFIX + text):
        with suppress(UsageError):
            parse_token(one)


def test_a_bundle_says_what_was_put_into_it():
    assert parse_bundle(bundle_text(ENROLMENT)) == ENROLMENT


def test_a_changed_bundle_is_refused():
    text = bundle_text(ENROLMENT)
    for at in range(text.index("\n") + 1, len(text)):
        if text[at] in "\n=":
            continue
        with pytest.raises(UsageError, match="bundle"):
            parse_bundle(text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :])


@given(st.text())
def test_any_text_is_a_bundle_or_refused(text):
    for one in (text, "jaz_lite agent bundle 1\n" + text):
        with pytest.raises(UsageError):
            parse_bundle(one)


def test_fingerprints_are_compared_as_people_write_them():
    shown = site_fingerprint(b"c" * 32)

    assert len(shown.split("-")) == 6
    assert same_fingerprint(shown, " " + shown.replace("-", " "))
    assert not same_fingerprint(shown, site_fingerprint(b"d" * 32))
    assert not same_fingerprint("", "")


def test_an_agent_shows_other_digits_to_somebody_in_the_middle():
    assert agent_fingerprint(b"n" * 32, b"c" * 32) != agent_fingerprint(b"n" * 32, b"d" * 32)
