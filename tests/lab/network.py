"""Hosts with addresses of their own: network namespaces joined by a bridge, for what crosses a network.

Needs root, `ip`, and for firewalls `nft`; `why_not` says what is missing. All traffic stays between these namespaces.
A host may be a machine of its own too: `ip netns exec` shows it another `/etc/machine-id`.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from uuid import uuid4

PREFIX = "10.211.7."
NETNS_ETC = Path("/etc/netns")  # what lies there in a folder named like a namespace is laid over /etc in it
MACHINE_ID = Path("/etc/machine-id")
BRIDGE = ("ip", "link", "add", "br0", "type", "bridge", "forward_delay", "0")  # a mended cable works at once


@cache
def why_not(*, firewalls: bool = False) -> str:
    """Return why no such network can be made here, or "" where it can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "the command `ip` (iproute2) is not installed"
    if firewalls and shutil.which("nft") is None:
        return "the command `nft` (nftables) is not installed"
    name = f"jlprobe{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True)
    if made.returncode:
        return f"network namespaces cannot be made here: {made.stderr.decode().strip()}"
    try:
        inside = ["ip", "netns", "exec", name]
        tried = subprocess.run([*inside, *BRIDGE], check=False, capture_output=True)
        if tried.returncode == 0 and firewalls:
            tried = subprocess.run([*inside, "nft", "add", "table", "inet", "t"], check=False, capture_output=True)
        return f"the kernel does not allow it: {tried.stderr.decode().strip()}" if tried.returncode else ""
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)


class Host:
    """One host of the network; commands run inside it."""

    def __init__(self, namespace: str, hub: str, number: int) -> None:
        self.namespace = namespace
        self.address = f"{PREFIX}{number}"
        self._hub = hub
        self._cable = f"c{number}"

    def inside(self, command: Sequence[str]) -> list[str]:
        """Return the command line that runs a command on this host."""
        return ["ip", "netns", "exec", self.namespace, *command]

    def refuse_incoming(self) -> None:
        """Let nobody connect to this host, as behind NAT: what it dialled itself goes on."""
        self._firewall("input")

    def refuse_outgoing(self) -> None:
        """Let this host dial nobody; it can be dialled."""
        self._firewall("output")

    def allow_all(self) -> None:
        """Take the firewall away."""
        _run(self.inside(["nft", "flush", "ruleset"]))

    def lose_incoming(self) -> None:
        """Lose every packet on its way in: this host goes on talking, and hears nobody."""
        self._lose("input", "iif != lo drop")

    def lose_outgoing(self) -> None:
        """Lose every packet on its way out: this host hears all, and nobody hears it."""
        self._lose("output", "oif != lo drop")

    def part_from(self, other: "Host") -> None:
        """Lose every packet that comes from another host; with all others it talks as before."""
        self._lose("input", f"ip saddr {other.address} drop")

    def own_machine(self) -> None:
        """Give it an identity that differs from all other machines', where this machine has one at all."""
        if MACHINE_ID.exists():
            etc = NETNS_ETC / self.namespace
            etc.mkdir(parents=True, exist_ok=True)
            (etc / MACHINE_ID.name).write_text(f"{uuid4().hex}\n")

    def cut(self) -> None:
        """Pull the cable: packets are lost, and nobody is told."""
        _run(["ip", "netns", "exec", self._hub, "ip", "link", "set", self._cable, "nomaster"])

    def mend(self) -> None:
        """Put the cable in again."""
        _run(["ip", "netns", "exec", self._hub, "ip", "link", "set", self._cable, "master", "br0"])

    def _firewall(self, hook: str) -> None:
        place = "iif != lo" if hook == "input" else "oif != lo"
        self._lose(hook, f"{place} tcp flags syn / syn,ack drop")

    def _lose(self, hook: str, what: str) -> None:
        self.allow_all()
        _run(self.inside(["nft", "add", "table", "inet", "jl"]))
        chain = f"{{ type filter hook {hook} priority 0; policy accept; }}"
        _run(self.inside(["nft", "add", "chain", "inet", "jl", "one_way", chain]))
        _run(self.inside(["nft", "add", "rule", "inet", "jl", "one_way", *what.split()]))


@contextmanager
def network(*names: str) -> Iterator[dict[str, Host]]:
    """Give hosts by name, all on one cable; they are gone afterwards, with every process in them."""
    tag = f"jl{os.getpid()}"
    hub = f"{tag}hub"
    made: list[str] = []
    try:
        _run(["ip", "netns", "add", hub])
        made.append(hub)
        _run(["ip", "netns", "exec", hub, *BRIDGE])
        _run(["ip", "netns", "exec", hub, "ip", "link", "set", "br0", "up"])
        hosts = {}
        for number, name in enumerate(names, 1):
            host = Host(f"{tag}{name}", hub, number)
            _run(["ip", "netns", "add", host.namespace])
            made.append(host.namespace)
            cable = ["ip", "link", "add", f"c{number}", "type", "veth", "peer", "name", "eth0", "netns", host.namespace]
            _run(["ip", "netns", "exec", hub, *cable])
            host.mend()
            _run(["ip", "netns", "exec", hub, "ip", "link", "set", f"c{number}", "up"])
            for words in ("link set lo up", f"addr add {host.address}/24 dev eth0", "link set eth0 up"):
                _run(host.inside(["ip", *words.split()]))
            hosts[name] = host
        yield hosts
    finally:
        for namespace in reversed(made):
            pids = subprocess.run(["ip", "netns", "pids", namespace], check=False, capture_output=True, text=True)
            for pid in pids.stdout.split():
                subprocess.run(["kill", "-9", pid], check=False, capture_output=True)
            subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True)
            shutil.rmtree(NETNS_ETC / namespace, ignore_errors=True)
        with suppress(OSError):
            NETNS_ETC.rmdir()  # empty: nobody else's


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
