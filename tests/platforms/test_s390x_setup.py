"""What cannot be set up is said aloud, with its reason, and is no failure."""

import subprocess
import sys
from pathlib import Path

from tests.platforms import s390x


def test_an_emulator_that_cannot_be_had_is_skipped_with_its_reason(tmp_path: Path) -> None:
    script = (
        "import pathlib, sys; from tests.platforms import s390x; "
        f"s390x.CACHE = pathlib.Path({str(tmp_path)!r}) / 'cache'; s390x.STAMP = s390x.CACHE / 'ready'; "
        "sys.argv = ['s390x']; sys.exit(s390x.main())"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=s390x.ROOT, env={"PATH": str(tmp_path)}, check=False, capture_output=True, text=True,
    )  # fmt: skip

    assert done.stdout == "test-s390x: SKIPPED: apt-get is missing: the packages come from Debian\n"
    assert done.returncode == 0
