"""Host names: what stands behind them, and what is refused."""

from typing import Any

import pytest

from jaz_lite.errors import JazLiteError, NoSuchObject, Refused, UsageError
from jaz_lite.operations.site import OfflineSite
from jaz_lite.store.agents import AgentRow
from tests.unit.operations.small_site import ask


@pytest.fixture
def with_agents(site: OfflineSite) -> OfflineSite:
    with site.store.transaction() as tx:
        for name in ("local", "a1", "a2"):
            tx.agents.put(AgentRow(agent_id=name, kid=1, key=bytes(32), created_ms=0))
    return site


def test_a_host_name_is_mapped_changed_and_forgotten(with_agents: OfflineSite) -> None:
    ask(with_agents, "host.add", host="oss.linux", agent="local")
    changed = ask(with_agents, "host.set", host="oss.linux", enabled=False, encoding="cp932")
    listed = ask(with_agents, "host.list")
    ask(with_agents, "host.remove", host="oss.linux")

    assert changed == {
        "host": "oss.linux", "kind": "agent", "agent_id": "local", "members": [], "address": "", "port": None,
        "user": "", "target": "local", "reachable": None, "enabled": False, "encoding": "cp932", "memo": "",
        "lock": None,
    }  # fmt: skip
    assert listed == {"hosts": [changed]}
    assert ask(with_agents, "host.list") == {"hosts": []}


def test_a_group_keeps_the_order_of_its_members_which_are_hosts_or_agents(with_agents: OfflineSite) -> None:
    ask(with_agents, "host.add", host="one", agent="a1")
    ask(with_agents, "host.add", host="farm", group=["local", "one"])

    shown = ask(with_agents, "host.show", host="farm")
    assert (shown["kind"], shown["members"], shown["target"]) == ("group", ["local", "one"], "local,one")
    assert ask(with_agents, "host.show", host="one")["in_groups"] == ["farm"]

    changed = ask(with_agents, "host.set", host="farm", group=["a2"])
    assert changed["members"] == ["a2"]
    assert ask(with_agents, "host.show", host="one")["in_groups"] == []


@pytest.mark.parametrize(
    ("ssh", "user", "address", "port", "target"),
    [
        ("op@db.example:2222", "op", "db.example", 2222, "op@db.example:2222"),
        ("db.example", "", "db.example", 22, "db.example:22"),
        ("op@[::1]:22", "op", "::1", 22, "op@[::1]:22"),
    ],
)
def test_an_ssh_target_is_taken_apart(
    with_agents: OfflineSite, ssh: str, user: str, address: str, port: int, target: str
) -> None:
    added = ask(with_agents, "host.add", host="db", ssh=ssh)

    assert [added[name] for name in ("kind", "user", "address", "port", "target")] == [
        "ssh",
        user,
        address,
        port,
        target,
    ]


def test_a_host_may_change_its_kind_and_keeps_what_is_not_about_it(with_agents: OfflineSite) -> None:
    ask(with_agents, "host.add", host="h", agent="a1", memo="mine", encoding="cp932")

    changed = ask(with_agents, "host.set", host="h", ssh="op@db")

    assert (changed["kind"], changed["agent_id"], changed["memo"], changed["encoding"]) == ("ssh", "", "mine", "cp932")


@pytest.mark.parametrize(
    ("op", "args", "kind", "sentence"),
    [
        ("host.add", {"host": "taken", "agent": "a1"}, Refused, 'host "taken" is mapped to agent "local" already'),
        ("host.add", {"host": "x", "agent": "nobody"}, NoSuchObject, 'there is no agent "nobody"'),
        ("host.add", {"host": "", "agent": "a1"}, UsageError, "a host name has 1 to 128 characters"),
        ("host.add", {"host": "a b", "agent": "a1"}, UsageError, "a host name has 1 to 128 characters"),
        ("host.add", {"host": "a,b", "agent": "a1"}, UsageError, "has a comma"),
        ("host.add", {"host": "a\x1b", "agent": "a1"}, UsageError, "a host name has 1 to 128 characters"),
        ("host.add", {"host": "x" * 129, "agent": "a1"}, UsageError, "a host name has 1 to 128 characters"),
        ("host.add", {"host": "x", "agent": "a1", "encoding": "klingon"}, UsageError, "is no text encoding"),
        ("host.add", {"host": "x", "agent": "a1", "encoding": "base64"}, UsageError, "is no text encoding"),
        ("host.add", {"host": "x", "agent": "a1", "encoding": "a\0b"}, UsageError, "is no text encoding"),
        ("host.add", {"host": "x", "agent": "a1", "memo": "m" * 101}, UsageError, "the memo is longer"),
        ("host.add", {"host": "x"}, UsageError, "is not given"),
        ("host.add", {"host": "x", "agent": "a1", "group": ["a2"]}, UsageError, "only one of them"),
        ("host.add", {"host": "x", "group": []}, UsageError, "must have 1 to 1000 members"),
        ("host.add", {"host": "x", "group": ["a1", "a1"]}, UsageError, 'names "a1" twice'),
        ("host.add", {"host": "x", "group": ["x"]}, Refused, "would contain itself"),
        ("host.add", {"host": "x", "group": ["db"]}, Refused, 'the SSH target "db"'),
        ("host.add", {"host": "x", "group": ["tokan"]}, NoSuchObject, 'names "tokan", which is neither'),
        ("host.set", {"host": "inner", "group": ["outer"]}, Refused, "would contain itself: inner → outer → inner"),
        ("host.set", {"host": "taken", "group": ["outer"]}, Refused, "itself: taken → outer → inner → taken"),
        ("host.set", {"host": "taken", "ssh": "op@db"}, Refused, "cannot become an SSH target: it is a member"),
        ("host.set", {"host": "nowhere"}, NoSuchObject, 'no host is named "nowhere"'),
        ("host.remove", {"host": "nowhere"}, NoSuchObject, 'no host is named "nowhere"'),
        ("host.remove", {"host": "taken"}, Refused, 'cannot be removed: it is a member of the group "inner"'),
    ],
)
def test_a_bad_host_is_refused(
    with_agents: OfflineSite, op: str, args: dict[str, Any], kind: type[JazLiteError], sentence: str
) -> None:
    ask(with_agents, "host.add", host="taken", agent="local")
    ask(with_agents, "host.add", host="db", ssh="op@db.example")
    ask(with_agents, "host.add", host="inner", group=["taken"])
    ask(with_agents, "host.add", host="outer", group=["inner"])

    with pytest.raises(kind) as caught:
        ask(with_agents, op, **args)

    assert sentence in caught.value.message


def test_a_member_nobody_knows_is_told_with_the_nearest_name(with_agents: OfflineSite) -> None:
    ask(with_agents, "host.add", host="oss.linux", agent="local")

    with pytest.raises(NoSuchObject) as caught:
        ask(with_agents, "host.add", host="x", group=["oss.linus"])

    assert caught.value.hint == 'did you mean "oss.linux"?'


def test_a_long_chain_of_groups_is_walked_without_harm(with_agents: OfflineSite) -> None:
    ask(with_agents, "host.add", host="g0", group=["local"])
    for n in range(1, 60):
        ask(with_agents, "host.add", host=f"g{n}", group=[f"g{n - 1}"])

    with pytest.raises(Refused, match="would contain itself"):
        ask(with_agents, "host.set", host="g0", group=["g59"])
