"""What the kernel says of a process: CPU time and memory, from /proc (Linux only)."""

import os
from dataclasses import dataclass
from pathlib import Path

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cpu:
    """Seconds of CPU of a process, and of the children it has waited for."""

    own_s: float
    children_s: float

    def since(self, earlier: "Cpu") -> "Cpu":
        """Return what was used between two readings."""
        return Cpu(self.own_s - earlier.own_s, self.children_s - earlier.children_s)


def cpu(pid: int) -> Cpu:
    """Read the CPU times of a process; resolution one tick, usually 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system, children_user, children_system = (int(value) for value in fields[11:15])
    return Cpu((user + system) / TICKS_A_SECOND, (children_user + children_system) / TICKS_A_SECOND)


def pss_mb(pid: int) -> float:
    """Return the proportional memory of a process in MB (10^6 bytes): shared pages count by their share."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise LookupError(f"no Pss line for process {pid}")


def by_command_line(*parts: str) -> list[int]:
    """Return the processes whose command line holds all these parts, oldest first."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if all(part in line for part in parts):
            found.append(int(folder.name))
    return sorted(found)


def disk_kind(folder: Path) -> str:
    """Return the type of the file system a folder is on: a figure taken on tmpfs says nothing of a disk."""
    path = folder.resolve()
    best, kind = "", "unknown"
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mount, name, *_ = line.split()
        inside = path == Path(mount) or Path(mount) in path.parents
        if inside and len(mount) >= len(best):
            best, kind = mount, name
    return kind
