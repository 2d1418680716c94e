"""The door: who is dealt with, who waits, and who has to go, without a socket."""

from collections.abc import Iterator

import pytest

from jaz_lite.net.door import Door, Place
from jaz_lite.wire import limits


class Crowd:
    """People at a door; `inside` and `sent_away` are names in the order in which it happened."""

    def __init__(self, per_address: int = 2) -> None:
        self.door = Door(per_address=per_address)
        self.inside: list[str] = []
        self.sent_away: list[str] = []
        self.places: dict[str, Place] = {}

    def arrives(self, *names: str, at: str = "ip", now: float = 0.0) -> None:
        for name in names:
            self.places[name] = Place(
                at,
                call_in=lambda name=name: self.inside.append(name),  # type: ignore[misc]
                send_away=lambda name=name: self.sent_away.append(name),  # type: ignore[misc]
            )
            self.door.arrive(self.places[name], now)

    def speaks(self, *names: str, at: str = "ip", now: float = 0.0) -> None:
        self.arrives(*names, at=at, now=now)
        for name in names:
            self.door.speak(self.places[name], now)

    def leaves(self, name: str, now: float = 0.0) -> None:
        self.door.leave(self.places[name], now)


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    made = Crowd()
    yield made
    # Whatever was done, the counts fit what there is.
    states = [place.state for place in made.places.values()]
    assert made.door.strangers == states.count("inside")
    assert made.door.outside == states.count("lobby") + states.count("waiting")


def test_there_is_room_for_some_of_each_address(crowd: Crowd) -> None:
    crowd.speaks("a", "b", "c")
    crowd.speaks("x", at="elsewhere")

    assert crowd.inside == ["a", "b", "x"]
    assert (crowd.door.strangers, crowd.door.outside) == (3, 1)


def test_room_that_becomes_free_goes_to_the_newest_of_the_address(crowd: Crowd) -> None:
    crowd.speaks("a", "b", "old", "new")

    crowd.leaves("a")

    assert crowd.inside == ["a", "b", "new"]


def test_who_has_said_nothing_is_not_called_in(crowd: Crowd) -> None:
    crowd.arrives("silent", "silent too", "silent three")
    crowd.speaks("a")

    assert crowd.inside == ["a"]
    assert crowd.door.outside == 3


def test_while_others_wait_a_stranger_keeps_his_room_for_a_short_time_only(crowd: Crowd) -> None:
    crowd.speaks("slow", now=0.0)
    crowd.speaks("slow too", now=1.0)
    crowd.speaks("waits", now=2.0)

    assert crowd.door.let_in(2.9) == limits.STRANGER_PATIENCE_S
    assert crowd.sent_away == []
    assert crowd.door.let_in(3.0) is None
    assert (crowd.sent_away, crowd.inside[-1]) == (["slow"], "waits")


def test_nobody_has_to_go_while_nobody_waits(crowd: Crowd) -> None:
    crowd.speaks("slow", "slow too", now=0.0)

    assert crowd.door.let_in(9.0) is None
    assert crowd.sent_away == []


def test_one_who_goes_while_he_waits_is_forgotten(crowd: Crowd) -> None:
    crowd.speaks("a", "b", "gone")
    crowd.leaves("gone")
    crowd.leaves("gone")

    crowd.leaves("a")

    assert crowd.inside == ["a", "b"]


def test_all_together_there_is_room_for_so_many_and_another_address_gets_the_oldest_room() -> None:
    crowd = Crowd(per_address=limits.STRANGERS_MAX)
    crowd.speaks("first", now=0.0)
    crowd.speaks(*(f"flood{n}" for n in range(limits.STRANGERS_MAX + 50)), now=1.0)

    crowd.speaks("agent", at="elsewhere", now=2.0)
    assert "agent" not in crowd.inside
    crowd.door.let_in(3.0)

    assert crowd.inside[-1] == "agent"
    assert crowd.sent_away == ["first"]
    assert crowd.door.strangers == limits.STRANGERS_MAX


def test_a_full_lobby_sends_the_oldest_of_the_greatest_crowd_away() -> None:
    crowd = Crowd()
    crowd.arrives("agent", at="elsewhere")
    crowd.arrives(*(f"flood{n}" for n in range(limits.LOBBY_MAX + 10)))

    assert crowd.sent_away == [f"flood{n}" for n in range(11)]
    crowd.door.speak(crowd.places["agent"], 1.0)
    assert crowd.inside == ["agent"]


def test_a_thousand_agents_of_one_address_all_come_in() -> None:
    crowd = Crowd(per_address=64)
    names = [f"a{n}" for n in range(1_000)]
    crowd.speaks(*names)
    assert crowd.door.strangers == 64

    for done, name in enumerate(crowd.inside):
        crowd.leaves(name, now=done / 1000)

    assert sorted(crowd.inside) == sorted(names)
    assert crowd.sent_away == []


def fail_five_times(door: Door, now: float) -> None:
    for _ in range(limits.FAILED_AUTH_MAX):
        door.failed("ip", now)


def test_an_address_from_which_proofs_failed_has_room_for_one_only_for_ever_longer(crowd: Crowd) -> None:
    fail_five_times(crowd.door, 0.0)
    crowd.speaks("a", "b", now=59.0)
    assert crowd.inside == ["a"]
    crowd.door.let_in(60.0)
    assert crowd.inside == ["a", "b"]
    crowd.leaves("a", 60.0)
    crowd.leaves("b", 60.0)

    fail_five_times(crowd.door, 61.0)
    crowd.speaks("c", "d", now=180.0)
    assert crowd.inside[2:] == ["d"] or crowd.inside[2:] == ["c"]
    crowd.speaks("x", "y", at="elsewhere", now=180.0)
    assert crowd.inside[-2:] == ["x", "y"]


def test_one_that_fails_does_not_lock_the_others_of_its_address_out(crowd: Crowd) -> None:
    for attempt in range(50):
        crowd.door.failed("ip", attempt)

    for n in range(3):
        crowd.speaks(f"a{n}", now=100.0)
        crowd.leaves(f"a{n}", now=100.0)

    assert crowd.inside == ["a0", "a1", "a2"]


def test_failures_long_past_or_followed_by_a_proof_are_forgotten(crowd: Crowd) -> None:
    for now in (0.0, 1.0, 2.0, 3.0, 64.0):
        crowd.door.failed("ip", now)
    for _ in range(4):
        crowd.door.failed("typo", 0.0)
    crowd.door.proved("typo")
    crowd.door.failed("typo", 1.0)

    crowd.speaks("a", "b", now=64.0)
    crowd.speaks("c", "d", at="typo", now=64.0)

    assert crowd.inside == ["a", "b", "c", "d"]


def test_the_door_remembers_no_more_addresses_than_it_may() -> None:
    door = Door(per_address=64)

    for n in range(limits.REMEMBERED_IPS_MAX + 100):
        door.failed(str(n), 0.0)

    assert len(door._failures) == limits.REMEMBERED_IPS_MAX
