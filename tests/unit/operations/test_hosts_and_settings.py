"""Host names, settings, and what lies between two versions."""

from typing import Any

import pytest

from jaz_lite.errors import JazLiteError, NoSuchObject, Refused, UsageError
from jaz_lite.operations.definitions import changes
from jaz_lite.operations.site import OfflineSite
from jaz_lite.store.agents import AgentRow
from tests.unit.operations.small_site import ask, icon, job, jobnet


@pytest.fixture
def with_agent(site: OfflineSite) -> OfflineSite:
    with site.store.transaction() as tx:
        tx.agents.put(AgentRow(agent_id="local", kid=1, key=bytes(32), created_ms=0))
    return site


def test_a_host_name_is_mapped_changed_and_forgotten(with_agent: OfflineSite) -> None:
    ask(with_agent, "host.add", host="oss.linux", agent="local")
    changed = ask(with_agent, "host.set", host="oss.linux", enabled=False, encoding="cp932")
    listed = ask(with_agent, "host.list")
    ask(with_agent, "host.remove", host="oss.linux")

    assert changed == {"host": "oss.linux", "agent_id": "local", "enabled": False, "encoding": "cp932", "memo": ""}
    assert listed == {"hosts": [changed]}
    assert ask(with_agent, "host.list") == {"hosts": []}


@pytest.mark.parametrize(
    ("op", "args", "kind"),
    [
        pytest.param("host.add", {"host": "taken", "agent": "local"}, Refused, id="mapped already"),
        pytest.param("host.add", {"host": "x", "agent": "nobody"}, NoSuchObject, id="no such agent"),
        pytest.param("host.add", {"host": "", "agent": "local"}, UsageError, id="no name"),
        pytest.param("host.add", {"host": "a b", "agent": "local"}, UsageError, id="a space"),
        pytest.param("host.add", {"host": "a\x1b", "agent": "local"}, UsageError, id="a control character"),
        pytest.param("host.add", {"host": "x" * 129, "agent": "local"}, UsageError, id="too long"),
        pytest.param("host.add", {"host": "x", "agent": "local", "encoding": "klingon"}, UsageError, id="no encoding"),
        pytest.param(
            "host.add", {"host": "x", "agent": "local", "encoding": "base64"}, UsageError, id="no text encoding"
        ),
        pytest.param("host.add", {"host": "x", "agent": "local", "memo": "m" * 101}, UsageError, id="a long memo"),
        pytest.param("host.set", {"host": "nowhere"}, NoSuchObject, id="change what is not there"),
        pytest.param("host.remove", {"host": "nowhere"}, NoSuchObject, id="remove what is not there"),
    ],
)
def test_a_bad_host_is_refused(
    with_agent: OfflineSite, op: str, args: dict[str, Any], kind: type[JazLiteError]
) -> None:
    ask(with_agent, "host.add", host="taken", agent="local")

    with pytest.raises(kind):
        ask(with_agent, op, **args)


def test_settings_tell_where_they_come_from(site: OfflineSite) -> None:
    site.config = site.config.over("command line", {"server.listen": "0.0.0.0:1"})
    with site.store.transaction() as tx:
        tx.settings.set("keep_runs_days", 7)

    rows = {row["name"]: row for row in ask(site, "config.show")["settings"]}

    assert rows["server.listen"]["origin"] == "command line"
    assert (rows["keep_runs_days"]["value"], rows["keep_runs_days"]["origin"]) == (7, "store")
    assert rows["site.zone"]["origin"] == "default"


def test_a_difference_is_told_at_its_icon_whatever_the_order() -> None:
    old = jobnet("J", job("JOB-1", script="a"), job("JOB-2"))
    new = jobnet("J", job("JOB-2"), job("JOB-1", script="b"), icon("X", "loop"))

    found = {change["where"]: (change["source"], change["target"]) for change in changes(old, new)}

    assert found["icons[JOB-1].params.script"] == ("a", "b")
    assert found["icons[X]"][0] is None
    assert not any(where.startswith("icons[JOB-2]") for where in found)
    assert found["flows[START -> JOB-1]"] == ({"source": "START", "target": "JOB-1"}, None)


def test_the_same_document_has_no_difference(site: OfflineSite) -> None:
    ask(site, "definition.put", kind="jobnet", document=jobnet("J", job("JOB-1")))

    assert ask(site, "definition.diff", kind="jobnet", source="J", target="J")["changes"] == []


def test_a_saved_document_without_a_version_gets_the_present_time(site: OfflineSite) -> None:
    document = jobnet("J", job("JOB-1"))
    del document["version"]

    first = ask(site, "definition.put", kind="jobnet", document=document)
    second = ask(site, "definition.put", kind="jobnet", document=document)

    assert (first["version"], second["version"]) == ("20261123031209", "20261123031210")


def test_an_enabled_version_is_read_only(site: OfflineSite) -> None:
    document = jobnet("J", job("JOB-1"))
    ask(site, "definition.put", kind="jobnet", document=document)
    ask(site, "definition.enable", kind="jobnet", names=["J"])

    with pytest.raises(Refused, match="read-only"):
        ask(site, "definition.put", kind="jobnet", document=document, replace=True)
