"""Jobs that write down their own start and end: the only witness that cannot be fooled by a database."""

from collections import Counter
from pathlib import Path

from bench.definitions import HOST, wide


class Oracle:
    """A file to which every job appends a line at its start and one at its end."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "witness"
        self.file.touch()

    def jobnet(self, jobnet_id: str, jobs: int, seconds: float, *, host: str = HOST) -> str:
        """Return, as JAZ XML, a jobnet of jobs side by side that sleep and testify."""
        command = f'echo "start $JOB_ID" >> {self.file}; sleep {seconds}; echo "end $JOB_ID" >> {self.file}'
        return wide(jobnet_id, jobs, command, hosts=(host,), controller_variables=("JOB_ID",))

    def counts(self) -> tuple[Counter[str], Counter[str]]:
        """Return how often each job started and ended."""
        starts: Counter[str] = Counter()
        ends: Counter[str] = Counter()
        for line in self.file.read_text().splitlines():
            what, _, job = line.partition(" ")
            (starts if what == "start" else ends)[job] += 1
        return starts, ends
