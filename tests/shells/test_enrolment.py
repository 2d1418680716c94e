"""Enrolment over TLS on loopback: a machine that wants to become an agent, and a server that decides."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trio.testing

from jaz_lite.agent.disk import PosixDisk
from jaz_lite.agent.enrol.enrolling import Wish, enrol_by_asking, enrol_by_token, enrol_listening
from jaz_lite.agent.enrol.enrolment import TRY_FILE, enrol_by_bundle
from jaz_lite.agent.records import load_sites
from jaz_lite.errors import JazLiteError, NoSuchObject, NotPermitted, Refused, Unreachable
from jaz_lite.net import tcp, tls
from jaz_lite.net.dial import Address
from jaz_lite.net.door import Door
from jaz_lite.net.tls_line import TlsLine
from jaz_lite.operations import registry
from jaz_lite.server.enrolling import Enroller
from jaz_lite.server.face import Face, Mirror
from jaz_lite.store.open import Store
from jaz_lite.wire.identities import SiteIdentity
from jaz_lite.wire.token import Token, parse_token, site_fingerprint
from tests.unit.operations.small_site import OWNER, opened, running

WITHIN_S = 20.0


class Site:
    """A server that lets agents in, and what its administrator does."""

    def __init__(self, store, site, face: Face, address: str, door: Door) -> None:
        self.store, self.site, self.face, self.address, self.door = store, site, face, address, door
        self.lines: list[TlsLine] = []  # of all who came

    async def ask(self, op: str, **args):
        return await registry.call(self.site, OWNER, op, args)

    async def invite(self, name: str = "web1", **args) -> Token:
        answer = await self.ask("agent.invite", name=name, **{"addresses": [self.address]} | args)
        return parse_token(answer["token"])

    def agent(self, name: str):
        with self.store.snapshot() as view:
            return view.agents.find(name)


@asynccontextmanager
async def serving(store: Store, *, accepts: bool = False) -> AsyncIterator[Site]:
    async with running(store) as site, trio.open_nursery() as nursery:
        with store.snapshot() as view:
            row = view.term.site()

        def identify(cert_sha256: bytes) -> SiteIdentity:
            return SiteIdentity(
                site_uid=row.site_uid, server_id=row.server_id, term=1, act=bytes(8), cert_sha256=cert_sha256
            )

        face = Mirror(store.keys, identify).face
        enroller = Enroller(
            site._write, store, store.clock, face=lambda: face, peers=lambda: ("peer.example:1",), accepts=accepts
        )

        async def receive(line, visitor) -> None:
            secured = await tls.as_scheduler(line, face.context)
            made.lines.append(secured)
            await enroller.attend(secured, b"", visitor, visitor.address)

        listeners = await tcp.listen("127.0.0.1", 0)
        address = f"127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        door = Door(per_address=64)
        made = Site(store, site, face, address, door)
        await nursery.start(tcp.serve, listeners, door, receive)
        with trio.fail_after(WITHIN_S):
            yield made
        nursery.cancel_scope.cancel()


@pytest.fixture
def store(tmp_path: Path):
    with opened(tmp_path / "site") as store:
        yield store


@pytest.fixture
def wish(tmp_path: Path) -> Wish:
    return Wish(data=tmp_path / "agent")


def records(wish: Wish):
    return load_sites(PosixDisk(wish.data))


async def test_a_token_makes_a_machine_an_agent(store, wish) -> None:
    async with serving(store) as site:
        record = await enrol_by_token(wish, await site.invite())

        row = site.agent("web1")
        assert (record.agent_id, record.kid, record.key) == ("web1", row.kid, row.key)
        assert record.addrs == (site.address, "peer.example:1")
        assert records(wish) == [record]
        assert (wish.data / f"sites/{record.site_uid.hex()}/site.msgpack").stat().st_mode & 0o777 == 0o600
        assert not (wish.data / TRY_FILE).exists()


async def test_a_machine_that_died_before_it_stored_enrols_with_the_same_token(store, wish) -> None:
    async with serving(store) as site:
        token = await site.invite()
        uid = site.face.identity.site_uid
        in_the_way = wish.data / f"sites/{uid.hex()}/site.msgpack.new"
        in_the_way.mkdir(parents=True)
        with pytest.raises((JazLiteError, OSError, ExceptionGroup)):
            await enrol_by_token(wish, token)
        row = site.agent("web1")
        assert row is not None, "the server had let it in"
        in_the_way.rmdir()

        record = await enrol_by_token(wish, token)

        assert record.key == row.key


async def test_a_second_machine_is_told_that_the_token_was_used(store, wish, tmp_path) -> None:
    async with serving(store) as site:
        token = await site.invite()
        await enrol_by_token(wish, token)

        with pytest.raises(NotPermitted, match="was used already"):
            await enrol_by_token(replace(wish, data=tmp_path / "other"), token)


async def test_a_machine_that_is_in_the_site_is_told_so_and_may_enrol_anew(store, wish) -> None:
    async with serving(store) as site:
        first = await enrol_by_token(wish, await site.invite())
        with pytest.raises(Refused, match='in site "test" already, as "web1"'):
            await enrol_by_token(wish, await site.invite(replace=True))

        second = await enrol_by_token(replace(wish, replace=True), await site.invite(replace=True))

        assert (first.kid, second.kid) == (1, 2)
        assert records(wish) == [second]


async def test_a_withdrawn_token_says_so(store, wish) -> None:
    async with serving(store) as site:
        token = await site.invite()
        await site.ask("agent.uninvite", id=token.token_id.hex())

        with pytest.raises(NotPermitted, match="was withdrawn"):
            await enrol_by_token(wish, token)


async def test_an_unknown_token_and_a_wrong_secret_are_told_alike_and_counted_at_the_door(store, wish) -> None:
    async with serving(store) as site:
        token = await site.invite()
        for wrong in (replace(token, token_id=b"nobody"), replace(token, secret=b"x" * 16)) * 2:
            with pytest.raises(NoSuchObject, match="does not know this invitation"):
                await enrol_by_token(wish, wrong)
        with pytest.raises(NoSuchObject):
            await enrol_by_token(wish, replace(token, secret=b"y" * 16))

        (failures,) = site.door._failures.values()
        assert failures.until > trio.current_time(), "five failed proofs: strangers from there come in one at a time"
        assert (await enrol_by_token(wish, token)).agent_id == "web1"


async def test_an_impostor_is_told_nothing(store, wish, tmp_path) -> None:
    with opened(tmp_path / "impostor") as other:
        async with serving(store) as site, serving(other) as impostor:
            token = await site.invite(addresses=[impostor.address])

            with pytest.raises(NotPermitted, match="shows another certificate than the token names"):
                await enrol_by_token(wish, token)

            assert records(wish) == []


async def test_addresses_are_tried_in_turn_and_each_failure_is_told(store, wish) -> None:
    async with serving(store) as site:
        dead = "127.0.0.1:1"
        with pytest.raises(Unreachable, match=rf"{dead} cannot be reached"):
            await enrol_by_token(wish, await site.invite("web2", addresses=[dead]))

        record = await enrol_by_token(wish, await site.invite(addresses=[dead, site.address]))

        assert record.addrs[0] == site.address


async def test_where_the_server_dials_the_machine_waits_for_the_one_its_token_names(store, wish, tmp_path) -> None:
    with opened(tmp_path / "impostor") as other:
        async with serving(store) as site, serving(other) as impostor:
            token = await site.invite()
            said: list[str] = []
            waits = trio.Event()

            def say(text: str) -> None:
                said.append(text)
                if text.startswith("listening"):
                    waits.set()

            found = []
            listeners = await tcp.listen("127.0.0.1", 0)
            port = listeners[0].socket.getsockname()[1]
            listeners[0].socket.close()

            async def wait_here() -> None:
                found.append(await enrol_listening(wish, token, Address("127.0.0.1", port), say))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait_here)
                await waits.wait()
                for one in (impostor, site):
                    line = await tcp.connect(Address("127.0.0.1", port))
                    try:
                        secured = await tls.as_scheduler(line, one.face.context)
                    except JazLiteError:
                        continue
                    enroller = Enroller(
                        one.site._write, one.store, one.store.clock, face=lambda one=one: one.face,
                        peers=lambda: (), accepts=False,
                    )  # fmt: skip
                    await enroller.attend(secured, b"", None, "dialled", "web1")

            assert [record.agent_id for record in found] == ["web1"]
            assert any("is not the server" in text for text in said)


async def _yes(_fingerprint: str) -> bool:
    return True


async def _no(_fingerprint: str) -> bool:
    return False


async def test_asking_waits_for_a_person_who_sees_the_same_fingerprint(store, wish) -> None:
    async with serving(store, accepts=True) as site:
        said: list[str] = []
        waits = trio.Event()

        def say(text: str) -> None:
            said.append(text)
            if text.startswith("waiting"):
                waits.set()

        found = []
        host, port = site.address.split(":")
        trust = site_fingerprint(site.face.identity.cert_sha256)

        async def ask() -> None:
            named = replace(wish, name="web1")
            found.append(await enrol_by_asking(named, Address(host, int(port)), trust=trust, confirm=_no, say=say))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await waits.wait()
            (request,) = (await site.ask("agent.waiting"))["requests"]
            assert any(request["fingerprint"] in text for text in said)
            await site.ask("agent.accept", name="web1", fingerprint=request["fingerprint"])

        assert [record.agent_id for record in found] == ["web1"]
        assert (await site.ask("agent.waiting"))["requests"] == []


async def test_a_person_may_take_longer_to_compare_fingerprints_than_the_server_waits(store, wish) -> None:
    async with serving(store) as site:
        host, port = site.address.split(":")

        async def confirm(_fingerprint: str) -> bool:
            while not site.lines:
                await trio.testing.wait_all_tasks_blocked(0.01)
            site.lines[0].close()  # as the server does with those who say nothing
            return True

        with pytest.raises(NotPermitted, match="lets no agent in without a token"):
            await enrol_by_asking(wish, Address(host, int(port)), trust="", confirm=confirm, say=lambda _text: None)


async def test_asking_ends_where_nobody_trusts_the_server_or_it_takes_no_requests(store, wish) -> None:
    async with serving(store) as site:
        host, port = site.address.split(":")
        address = Address(host, int(port))

        with pytest.raises(NotPermitted, match="is not trusted"):
            await enrol_by_asking(wish, address, trust="", confirm=_no, say=lambda _text: None)
        with pytest.raises(NotPermitted, match="not the one given"):
            await enrol_by_asking(wish, address, trust="12345", confirm=_yes, say=lambda _text: None)
        with pytest.raises(NotPermitted, match="lets no agent in without a token"):
            await enrol_by_asking(wish, address, trust="", confirm=_yes, say=lambda _text: None)


async def test_a_bundle_makes_a_machine_an_agent_without_a_network(store, wish, tmp_path) -> None:
    async with serving(store) as site:
        answer = await site.ask("agent.bundle", name="plant7", addresses=["192.0.2.1:11061"])
        file = tmp_path / "bundle"
        file.write_text(answer["bundle"])

        record = enrol_by_bundle(wish.data, file)

        row = site.agent("plant7")
        assert (record.agent_id, record.kid, record.key) == ("plant7", row.kid, row.key)
        assert enrol_by_bundle(wish.data, file) == record, "the same again changes nothing"
        with pytest.raises(NoSuchObject):
            enrol_by_bundle(wish.data, tmp_path / "nothing")
