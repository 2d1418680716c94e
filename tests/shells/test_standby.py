"""A standby and its active over real TLS on loopback, each with a real store: what follows, and what is refused."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trio.testing

from jaz_lite import config
from jaz_lite.model.host import Host
from jaz_lite.net import tcp, tls
from jaz_lite.net.dial import Address
from jaz_lite.net.session import Session
from jaz_lite.operations.agent_names import make_agent
from jaz_lite.server.peers_asking import ask_peers, dial_peer
from jaz_lite.server.peers_door import PeersDoor
from jaz_lite.server.promotion import Isolation
from jaz_lite.server.standby_copy import StandbyCopy
from jaz_lite.server.standby_door import NOT_ACTIVE, StandbyDoor
from jaz_lite.server.standby_link import Heard, StandbyLink
from jaz_lite.store import copying
from jaz_lite.store.copying import keys_of
from jaz_lite.store.keys import Keys
from jaz_lite.wire.ident import term_of, ticket
from jaz_lite.wire.peer_link import PeerCaller
from jaz_lite.wire.token import token_key
from tests.shells.test_agents_door import KEY, WITHIN_S, Server, listening
from tests.unit.operations.small_site import NOW_MS, opened

HERE = "127.0.0.1:1"


class Active(Server):
    """A server whose changes may be followed; its turns are made by hand."""

    def __init__(self, store) -> None:
        super().__init__(store)
        self.peers_door = PeersDoor(store.keys, describe=self._describe, heard=lambda *_: None, store=store)
        self.door._peers = self.peers_door

    def _describe(self):
        with self.store.snapshot() as view:
            return replace(self.status, lsn=view.commits.position().lsn)

    def put(self, name: str) -> None:
        with self.store.transaction() as tx:
            tx.hosts.put(Host(host=name, agent_id=name))
        self.store.changes.committed()


class Follower:
    """The standby's side of links, without a process."""

    def __init__(self, folder: Path, clock) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.heard = Heard()
        self.copy = StandbyCopy(folder, clock, live_s=lambda: None, addrs=lambda: ())

    async def hold(self, address: Address, *, key: bytes = b"", token_id: bytes = b"") -> StandbyLink:
        """Hold one link to its end and return it."""
        key = key or Keys.load(self.folder).fence_key
        link = StandbyLink(self.copy, self.heard, who=HERE, key=key, token_id=token_id, address=str(address))
        line, cert_sha256 = await dial_peer(str(address), tls.unpinned_context())
        await link.hold(line, cert_sha256)
        return link

    async def until(self, condition) -> None:
        with trio.fail_after(WITHIN_S):
            while not condition():
                await trio.testing.wait_all_tasks_blocked(0.01)

    def hosts(self) -> set[str]:
        from jaz_lite.store.open import Store

        store = Store.open(self.folder, clock=self.copy._clock, read_only=True)
        try:
            with store.snapshot() as view:
                return {host.host for host in view.hosts.list()}
        finally:
            store.close()


@pytest.fixture
def active(tmp_path: Path) -> Iterator[Active]:
    with opened(tmp_path / "site") as store:
        yield Active(store)


@pytest.fixture
def follower(active: Active, tmp_path: Path) -> Iterator[Follower]:
    made = Follower(tmp_path / "standby", active.store.clock)
    yield made
    made.copy.close()


async def begin(active: Active, follower: Follower, address: Address) -> None:
    token_id, secret = active.peers_door.invite(60)
    link = await follower.hold(address, key=token_key(secret), token_id=token_id)
    assert link.done, link.trouble


@asynccontextmanager
async def following(active: Active, follower: Follower) -> AsyncIterator[Address]:
    """Give the address of an active that is followed."""
    async with listening(active) as address, trio.open_nursery() as nursery:
        await begin(active, follower, address)
        nursery.start_soon(follower.hold, address)
        await follower.until(lambda: any(guest.following.state == "following" for guest in active.peers_door.guests))
        yield address
        nursery.cancel_scope.cancel()


async def test_a_machine_with_an_invitation_gets_one_copy_and_no_second(active: Active, follower: Follower) -> None:
    active.put("before")
    async with listening(active) as address:
        token_id, secret = active.peers_door.invite(60)
        first = await follower.hold(address, key=token_key(secret), token_id=token_id)
        again = await follower.hold(address, key=token_key(secret), token_id=token_id)

    assert (first.done, again.done, again.trouble) == (True, False, "it is not of this site")
    assert follower.hosts() == {"before"}
    assert keys_of(follower.folder / "keys") == keys_of(active.store.folder / "keys")
    assert not list((active.store.folder / "shipping").iterdir()), "the copy that was on its way is gone"


async def test_an_invitation_belongs_to_the_machine_that_uses_it_first(
    active: Active, follower: Follower, tmp_path: Path
) -> None:
    """The second one comes while the first one has not even asked for its copy; broken off, the first may come again."""
    token_id, secret = active.peers_door.invite(60)
    key = token_key(secret)
    second = Follower(tmp_path / "second", active.store.clock)
    async with listening(active) as address:
        line, cert_sha256 = await dial_peer(str(address), tls.unpinned_context())
        waiting = PeerCaller(
            key=key, token_id=token_id, cert_sha256=cert_sha256, nonce=bytes(32), now=trio.current_time()
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Session(waiting, line, lambda _happenings: None).run)
            await follower.until(lambda: active.peers_door._guests)
            beside = await second.hold(address, key=key, token_id=token_id)
            nursery.cancel_scope.cancel()
        await follower.until(lambda: not active.peers_door._guests)
        again = await follower.hold(address, key=key, token_id=token_id)

    assert (beside.done, beside.proven, again.done) == (False, False, True)


async def test_an_invitation_that_is_used_is_no_good_at_another_address(active: Active, follower: Follower) -> None:
    token_id, secret = active.peers_door.invite(60)
    active.peers_door._invitations[token_id].address = "10.0.0.9"
    async with listening(active) as address:
        link = await follower.hold(address, key=token_key(secret), token_id=token_id)

    assert (link.done, link.proven) == (False, False)


async def test_an_active_without_room_for_the_copy_says_so_to_the_standby(
    active: Active, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "BESIDE_FREE_BYTES", 1 << 60)
    token_id, secret = active.peers_door.invite(60)
    async with listening(active) as address:
        link = await follower.hold(address, key=token_key(secret), token_id=token_id)

    assert not link.done
    assert "the active has no room for the copy" in link.trouble
    assert "MiB free" in link.trouble


async def test_an_invitation_that_is_too_old_lets_nobody_in(active: Active, follower: Follower) -> None:
    async with listening(active) as address:
        token_id, secret = active.peers_door.invite(0)
        link = await follower.hold(address, key=token_key(secret), token_id=token_id)

    assert (link.done, link.proven) == (False, False)


async def test_a_copy_that_cannot_be_written_down_ends_the_link_and_not_the_standby(
    active: Active, follower: Follower
) -> None:
    (follower.folder / "incoming").write_text("in the way")
    token_id, secret = active.peers_door.invite(60)
    async with listening(active) as address:
        link = await follower.hold(address, key=token_key(secret), token_id=token_id)

    assert not link.done
    assert "the copy cannot be written down" in link.trouble


async def test_a_standby_is_told_that_more_was_changed_during_its_copy_than_is_kept(
    active: Active, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jaz_lite.store.changes.KEPT_BYTES_MAX", 0)
    ended: list[StandbyLink] = []
    async with listening(active) as address, trio.open_nursery() as nursery:
        token_id, secret = active.peers_door.invite(60)

        async def hold() -> None:
            ended.append(await follower.hold(address, key=token_key(secret), token_id=token_id))

        nursery.start_soon(hold)
        with trio.fail_after(WITHIN_S):
            number = 0
            while not ended:
                number += 1
                active.put(f"h{number}")
                await trio.sleep(0)

    assert "what came after it is not kept" in ended[0].trouble


async def test_what_is_committed_arrives_and_is_confirmed(active: Active, follower: Follower) -> None:
    async with following(active, follower):
        active.put("one")
        active.put("two")
        lsn = active.store.changes.position.lsn
        await follower.until(lambda: follower.copy.lsn == lsn)
        (lag,) = active.peers_door.lags(lsn)

        assert (lag.who, lag.state) == (HERE, "following")
        await follower.until(lambda: active.peers_door.lags(lsn)[0].changes == 0)
        assert follower.copy.position == active.store.changes.position
    follower.copy.close()
    assert follower.hosts() == {"one", "two"}


async def test_after_a_break_it_goes_on_from_where_it_stands(active: Active, follower: Follower) -> None:
    async with listening(active) as address:
        await begin(active, follower, address)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(follower.hold, address)
            await follower.until(lambda: active.store.changes.followers)
            nursery.cancel_scope.cancel()
        await follower.until(lambda: not active.store.changes.followers)
        copied_ms = follower.copy.taken_ms
        active.put("meanwhile")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(follower.hold, address)
            await follower.until(lambda: follower.copy.lsn == active.store.changes.position.lsn)
            nursery.cancel_scope.cancel()

    assert copied_ms == NOW_MS
    assert not (follower.folder / "incoming").exists(), "no second copy was taken"


async def test_when_the_keys_of_the_site_change_the_standby_gets_them(active: Active, follower: Follower) -> None:
    async with following(active, follower):
        active.store.keys.make_next_certificate("next", lambda count: b"7" * count)
        active.put("wakes it")

        await follower.until((follower.folder / "keys/next.crt").exists)
        await follower.until(lambda: follower.copy.lsn == active.store.changes.position.lsn)

    assert keys_of(follower.folder / "keys") == keys_of(active.store.folder / "keys")


@pytest.mark.parametrize("state", ["standby", "fenced"])
async def test_only_an_active_is_followed(active: Active, follower: Follower, state) -> None:
    async with listening(active) as address:
        await begin(active, follower, address)
        active.status = replace(active.status, state=state)
        before = follower.heard.at
        link = await follower.hold(address)

    assert "not the active" in link.trouble
    assert follower.heard.at == before, "it is not the active that was heard"
    assert not active.store.changes.followers


async def test_an_active_of_an_older_epoch_than_the_copy_is_not_followed(active: Active, follower: Follower) -> None:
    with active.store.transaction() as tx:
        tx.term.activate(5, bytes(8))
    async with listening(active) as address:
        await begin(active, follower, address)
        term = term_of(4, 0)
        uid, keys = active.face.identity.site_uid, active.store.keys
        active.status = replace(active.status, term=term, ticket=ticket(keys.fence_key, uid, term, bytes(8)))
        before = follower.heard.at
        link = await follower.hold(address)

    assert "it was replaced" in link.trouble
    assert follower.heard.at == before, "it is not the active that was heard"


async def test_a_term_without_proof_is_not_followed(active: Active, follower: Follower) -> None:
    async with listening(active) as address:
        await begin(active, follower, address)
        active.status = replace(active.status, term=term_of(9, 0))
        link = await follower.hold(address)

    assert "it was replaced" in link.trouble


# ---- the door of a standby


@asynccontextmanager
async def standing_by(active: Active, follower: Follower, *found_at: str) -> AsyncIterator[Address]:
    """Give the address of a standby that has a copy, and finds the active there."""
    active.agent("a1")
    async with listening(active) as address:
        await begin(active, follower, address)
    door = StandbyDoor(
        Keys.load(follower.folder), identify=follower.copy.identity, describe=follower.copy.describe,
        find_agent=follower.copy.agent_key, active=lambda: found_at, strangers_per_address=8,
    )  # fmt: skip
    listeners = await tcp.listen("127.0.0.1", 0)
    with trio.fail_after(WITHIN_S):
        async with trio.open_nursery() as nursery:
            await nursery.start(door.serve, listeners)
            yield Address("127.0.0.1", listeners[0].socket.getsockname()[1])
            nursery.cancel_scope.cancel()


async def test_a_standby_answers_servers(active: Active, follower: Follower) -> None:
    async with standing_by(active, follower) as place:
        keys = Keys.load(follower.folder)
        (answer,) = await ask_peers([str(place)], keys, active.face.identity.site_uid)

    assert answer.status is not None
    assert (answer.status.state, answer.proven) == ("standby", True)
    assert answer.status.lsn == follower.copy.lsn


async def test_a_standby_sends_agents_on_to_the_active(active: Active, follower: Follower) -> None:
    async with standing_by(active, follower, "b.example:11061", "10.0.0.8:11061") as place:
        said = await active.be_agent("a1", await tcp.connect(place), active.context())

    assert (said, active.sent_on) == ([NOT_ACTIVE], ("b.example:11061", "10.0.0.8:11061"))


@pytest.mark.parametrize(("name", "key"), [("a1", b"x" * 32), ("a9", KEY)], ids=["another key", "a name it has not"])
async def test_who_does_not_prove_to_be_an_agent_does_not_learn_where_the_active_is(
    active: Active, follower: Follower, name: str, key: bytes
) -> None:
    """Nor is it refused for good: the copy may only not have it yet."""
    async with standing_by(active, follower, "b.example:11061") as place:
        said = await active.be_agent(name, await tcp.connect(place), active.context(), key)

    assert (said, active.sent_on) == ([NOT_ACTIVE], ())


# ---- an active that nobody hears


async def test_an_active_that_nobody_hears_makes_no_turns_until_a_majority_is_back(
    active: Active, autojump_clock: trio.testing.MockClock
) -> None:
    with active.store.transaction() as tx:
        for name in ("a1", "a2", "a3"):
            make_agent(tx, name, key=KEY, now_ms=NOW_MS)
    proved: dict[str, float] = {}
    settings = config.defaults().over("test", {"failover.auto_promote": True, "failover.promote_after_s": 60})
    isolation = Isolation(active.turns, active.peers_door, settings, proved_at=lambda: proved)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(isolation.watch)
        await trio.sleep(29.5)
        assert not active.turns.halted
        await trio.sleep(2)
        assert active.turns.halted

        proved["a1"] = trio.current_time()
        await trio.sleep(2)
        assert active.turns.halted, "one of three is no majority"
        proved["a2"] = trio.current_time()
        await trio.sleep(2)
        assert not active.turns.halted

        nursery.cancel_scope.cancel()


async def test_without_automatic_promotion_an_active_never_pauses(active: Active) -> None:
    isolation = Isolation(active.turns, active.peers_door, config.defaults(), proved_at=dict)

    await isolation.watch()

    assert not active.turns.halted
