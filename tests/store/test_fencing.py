"""The mark of a server that was replaced: durable, private, and never overlooked."""

from pathlib import Path

import pytest

from jaz_lite.errors import StoreDamaged
from jaz_lite.store.fencing import FencedBy, clear_fenced, read_fenced, write_fenced

BY = FencedBy(term=7 << 19, act=b"12345678", addrs=("10.0.0.8:11061", "[::1]:11061"), seen_from="web01", at_ms=5)


def test_a_directory_says_who_replaced_its_server_until_the_mark_is_cleared(tmp_path: Path) -> None:
    assert read_fenced(tmp_path) is None

    write_fenced(tmp_path, BY)
    assert read_fenced(tmp_path) == BY
    assert (tmp_path / "fenced.json").stat().st_mode & 0o777 == 0o600

    clear_fenced(tmp_path)
    assert read_fenced(tmp_path) is None
    clear_fenced(tmp_path)


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b'{"term": "x"}', b"\xff\x00"])
def test_a_mark_that_cannot_be_read_still_keeps_the_directory_from_running(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "fenced.json").write_bytes(text)

    with pytest.raises(StoreDamaged, match=r"fenced\.json is damaged"):
        read_fenced(tmp_path)
