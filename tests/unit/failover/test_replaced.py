"""What a server says that was replaced."""

from zoneinfo import ZoneInfo

from jaz_lite.failover.replaced import replaced
from jaz_lite.wire.ident import term_of

OWN_ACT = b"own-name"
AT_MS = 1_700_000_000_000  # 2023-11-14T22:13:20Z


def test_a_server_that_says_itself_that_it_took_over_is_named_once() -> None:
    told = replaced(
        term_of(6, 2), own_act=OWN_ACT, term=term_of(7, 0), act=b"a" * 8, addrs=("b:11061",),
        seen_from="the server at b:11061", at_ms=AT_MS,
    )  # fmt: skip

    assert told.message.startswith("this server was replaced: the server at b:11061 is active with epoch 7, as was")


def test_the_sentence_names_who_told_it_which_server_and_what_to_do() -> None:
    told = replaced(
        term_of(6, 2), own_act=OWN_ACT, term=term_of(7, 0), act=b"a" * 8, addrs=("10.0.0.8:11061", "b:11061"),
        seen_from="agent web01", at_ms=AT_MS, zone=ZoneInfo("Asia/Tokyo"),
    )  # fmt: skip

    assert told.exit_code == 3
    assert told.message == (
        "this server was replaced: agent web01 accepted epoch 7 of the server at 10.0.0.8:11061, b:11061, as was learnt"
        " at 2023-11-15 07:13:20+09:00; this server (epoch 6) has stopped"
    )
    assert told.hint == (
        "to make it the standby again: jaz-lite standby run --from 10.0.0.8:11061; to take over deliberately:"
        " jaz-lite activate --after-fence"
    )
    assert (told.term, told.act, told.seen_from) == (term_of(7, 0), b"a" * 8, "agent web01")


def test_a_later_state_of_the_same_directory_is_no_takeover_and_leaves_no_mark() -> None:
    told = replaced(
        term_of(6, 2), own_act=OWN_ACT, term=term_of(6, 4), act=b"own-late", addrs=(), seen_from="agent web01",
        at_ms=AT_MS,
    )  # fmt: skip

    assert "set back" in told.message
    assert "knows start 4 of it, and this is start 2" in told.message
    assert "jaz-lite activate" in told.hint
    assert told.term == 0


def test_of_two_copies_of_one_epoch_the_one_that_gives_way_is_marked_and_says_so() -> None:
    told = replaced(
        term_of(6, 0), own_act=OWN_ACT, term=term_of(6, 0), act=b"that-one", addrs=("b:11061",), seen_from="agent web1",
        at_ms=AT_MS,
    )  # fmt: skip

    assert told.message == (
        "two copies of this site were activated with epoch 6, and this one gave way: agent web1 goes by the server at"
        " b:11061, as was learnt at 2023-11-14 22:13:20+00:00; this server has stopped"
    )
    assert "standby run --from b:11061" in told.hint
    assert (told.term, told.act) == (term_of(6, 0), b"that-one")
