"""Several sites, one keeper: each hears of its own claims and of no others."""

from typing import Any

from jaz_lite.agent.keeper_post import KeeperPost

A, B = b"a" * 16, b"b" * 16
K, L = "11" * 16, "22" * 16


class Post:
    """A post whose outgoing messages are kept."""

    def __init__(self) -> None:
        self.told: list[list[Any]] = []
        self.post = KeeperPost(self.told.extend)
        self.post.connected()

    def said(self, *records: list[Any]) -> tuple[list[list[Any]], list[list[Any]]]:
        found = self.post.sort(records, (A, B))
        return found[A], found[B]


def test_the_same_key_of_two_sites_is_two_claims() -> None:
    post = Post()

    post.post.tell(A, [["start", K, {}], ["kill", K + "!stop", "TERM", 1, "kill"]])
    post.post.tell(B, [["start", K, {}], ["forget", K, L], ["end"]])

    a, b = A.hex(), B.hex()
    assert post.told == [
        ["start", f"{a}:{K}", {}],
        ["kill", f"{a}:{K}!stop", "TERM", 1, "kill"],
        ["start", f"{b}:{K}", {}],
        ["forget", f"{b}:{K}", f"{b}:{L}"],
        ["end"],
    ]


def test_what_the_keeper_says_goes_to_its_own_site_even_when_nobody_knows_the_claim() -> None:
    post = Post()
    name = f"{A.hex()}:{K}"

    to_a, to_b = post.said(["listed", name, ["pid", name, 7, 0, 1]], ["exit", name, 0, None, 1, 1, "", 1, 2])

    assert to_a == [["listed", K, ["pid", K, 7, 0, 1]], ["exit", K, 0, None, 1, 1, "", 1, 2]]
    assert to_b == []


def test_what_belongs_to_a_site_that_is_gone_is_told_to_nobody() -> None:
    gone = f"{'cc' * 16}:{K}"

    assert Post().said(["listed", gone, ["claim", gone, 1]]) == ([], [])


def test_a_list_is_over_for_the_site_that_asked_for_it() -> None:
    post = Post()
    post.post.tell(A, [["list"]])
    post.post.tell(B, [["list"]])

    assert post.said(["list_end", 0]) == ([["list_end", 0]], [])
    assert post.said(["list_end", 0]) == ([], [["list_end", 0]])


def test_a_site_that_asked_again_waits_for_its_second_list() -> None:
    post = Post()
    post.post.tell(A, [["list"]])
    post.post.tell(A, [["list"]])

    assert post.said(["list_end", 0]) == ([], [])
    assert post.said(["list_end", 0]) == ([["list_end", 0]], [])


def test_the_answers_of_an_earlier_keeper_are_not_waited_for() -> None:
    post = Post()
    post.post.tell(A, [["list"]])

    post.post.connected()
    post.post.tell(B, [["list"]])

    assert post.said(["list_end", 0]) == ([], [["list_end", 0]])


def test_a_keeper_of_an_earlier_version_is_spoken_to_in_its_own_names() -> None:
    post = Post()

    to_a, to_b = post.said(["listed", K, ["pid", K, 7, 0, 1]])
    post.post.tell(A, [["kill", K, "TERM", 1, "kill"], ["start", L, {}]])

    assert to_a == to_b == [["listed", K, ["pid", K, 7, 0, 1]]]
    assert post.told == [["kill", K, "TERM", 1, "kill"], ["start", f"{A.hex()}:{L}", {}]]
