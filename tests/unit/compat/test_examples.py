"""The sample exports: read without a problem, sound, and together one of every icon type."""

from pathlib import Path

import pytest

from jaz_lite.engine.check_change import check_enable
from jaz_lite.icons import REGISTRY
from jaz_lite.model.plain import from_plain, id_of, kind_of
from tests.unit.compat.jaz_rows import read, told, written

FILES = sorted(Path("examples").glob("*.xml"))


class Site:
    """The site as it is after the import of a file with all of it enabled."""

    def __init__(self, definitions):
        self.found = {(kind_of(each), id_of(each)): each for each in definitions}

    def exists(self, kind, object_id):
        return (kind, object_id) in self.found

    is_enabled = exists

    def find_jobnet(self, jobnet_id):
        return self.found.get(("jobnet", jobnet_id))

    def has_host(self, host):
        return host == "localhost"

    def knows_holidays(self, place):
        return False


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_sample_is_read_sound_and_written_byte_for_byte(file):
    found = read(file)
    assert told(found) == []

    definitions = [from_plain(each.kind, each.document) for each in found.documents]

    site = Site(definitions)
    assert [problem for each in definitions for problem in check_enable(each, site)] == []
    assert written(found)[0] == file.read_bytes()


def test_one_sample_has_every_icon_type_of_jaz():
    documents = [each.document for each in read(Path("examples/every-icon.xml")).documents]

    types = {icon["type"] for document in documents for icon in document.get("icons", ())}

    assert types == {name for name, kind in REGISTRY.items() if kind.jaz_code is not None}
