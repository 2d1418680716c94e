"""Settings, and what lies between two versions."""

import pytest

from jaz_lite.errors import Refused
from jaz_lite.operations.definitions import changes
from jaz_lite.operations.site import OfflineSite
from tests.unit.operations.small_site import ask, icon, job, jobnet


def test_settings_tell_where_they_come_from(site: OfflineSite) -> None:
    site.config = site.config.over("command line", {"server.listen": "0.0.0.0:1"})
    with site.store.transaction() as tx:
        tx.settings.set("keep_runs_min", 7)

    rows = {row["name"]: row for row in ask(site, "config.show")["settings"]}

    assert rows["server.listen"]["origin"] == "command line"
    assert (rows["keep_runs_min"]["value"], rows["keep_runs_min"]["origin"]) == (7, "store")
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
