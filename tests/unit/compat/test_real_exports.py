"""The exports of a real site: what goes in comes out again, row by row."""

from pathlib import Path

import pytest

from tests.unit.compat.jaz_rows import read, rows_in, told, written

FOLDERS = [folder / "shared" / "data" / "jaz-exports" for folder in Path(__file__).resolve().parents]
FILES = sorted(file for folder in FOLDERS if folder.is_dir() for file in folder.glob("*.xml"))

pytestmark = pytest.mark.skipif(not FILES, reason="the real exports (shared/data/jaz-exports) are not beside this tree")


@pytest.fixture(params=FILES, ids=lambda file: file.name)
def file(request):
    return request.param


def test_a_real_export_is_read_without_a_problem(file):
    found = read(file)

    assert told(found) == []
    assert found.documents
    assert found.user_name == "Admin"


def test_a_real_export_is_written_with_the_same_rows(file):
    data, problems = written(read(file))

    assert rows_in(data) == rows_in(file.read_bytes())
    assert problems == []


def test_what_was_written_is_read_as_the_same_documents(file):
    first = read(file)

    again = read(written(first)[0])

    assert again.documents == first.documents


def test_a_calendar_and_a_schedule_come_out_byte_for_byte(file):
    if len({document.kind for document in read(file).documents}) > 1:
        pytest.skip("the rows of an export of everything are in no order that could be repeated")

    data, _ = written(read(file))

    assert data == file.read_bytes()


def test_without_secrets_no_password_leaves_the_site(file):
    data, _ = written(read(file), with_secrets=False)

    assert b"<login_password>" not in data
    assert b"<run_user_password>" not in data
