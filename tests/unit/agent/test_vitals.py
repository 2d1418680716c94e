"""What an agent tells of its machine."""

from pathlib import Path

from jaz_lite.agent.machine.vitals import job_encoding, measured, taken


def test_what_files_take_is_counted_with_folders_and_without_what_links_lead_to(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(100))
    (tmp_path / "in" / "deeper").mkdir(parents=True)
    (tmp_path / "in" / "deeper" / "b").write_bytes(bytes(23))
    (tmp_path / "in" / "loop").symlink_to(tmp_path)

    size = taken(tmp_path)

    assert 123 <= size < 123 + 4096  # and the link itself


def test_a_folder_that_is_not_there_takes_nothing(tmp_path: Path) -> None:
    assert taken(tmp_path / "gone") == 0


def test_what_is_measured_is_a_number_or_not_known(tmp_path: Path) -> None:
    vitals = measured(tmp_path)

    assert vitals.spool_bytes == 0
    assert vitals.load is None or vitals.load >= 0
    assert vitals.mem_bytes is None or vitals.mem_bytes > 0


def test_jobs_of_a_unix_write_utf_8() -> None:
    assert job_encoding() == ""
