"""The addresses under which others may reach this machine: what a server that listens on all of them tells agents."""

import ipaddress
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path

from jaz_lite.net.dial import Address

ASK_ADDRESS = 0x8915  # SIOCGIFADDR
IPV6_FILE = Path("/proc/net/if_inet6")
IPV6_GLOBAL = "00"
# Reserved for documentation: nothing is sent there, the kernel only says from which address it would be.
ELSEWHERE = (("192.0.2.1", socket.AF_INET), ("2001:db8::1", socket.AF_INET6))


def own_addresses() -> list[str]:
    """Return the IP addresses of this machine, the one of the default route first; without loopback and link-local."""
    found = [*_of_routes(), *_of_interfaces()]
    return [address for address in dict.fromkeys(found) if _is_of_use(address)]


def addresses_to_tell(listening: Address) -> list[Address]:
    """Return where others find a server that listens here: all of the machine's addresses where it listens on all."""
    try:
        address = ipaddress.ip_address(listening.host)
    except ValueError:
        return [listening]
    if not address.is_unspecified:
        return [listening]
    versions = (4, 6) if address.version == 6 else (4,)
    return [Address(own, listening.port) for own in own_addresses() if ipaddress.ip_address(own).version in versions]


def is_here(address: Address, port: int) -> bool:
    """Tell whether an address leads to what listens on a port of this machine. Asks the name server: call in a thread."""
    if address.port != port:
        return False
    if address.host == socket.gethostname() or is_loopback(address):
        return True
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(address.host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):  # the latter where it is no name that could be asked for
        return False
    own = set(own_addresses())
    return all(one in own or ipaddress.ip_address(one.partition("%")[0]).is_loopback for one in found)


def is_loopback(address: Address) -> bool:
    """Tell whether only this machine itself can reach an address."""
    try:
        return ipaddress.ip_address(address.host).is_loopback
    except ValueError:
        return address.host == "localhost"


def _of_routes() -> list[str]:
    found = []
    for target, family in ELSEWHERE:
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((target, 9))
            found.append(str(probe.getsockname()[0]))
    return found


def _of_interfaces() -> list[str]:
    found = []
    if sys.platform.startswith("linux"):
        import fcntl

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            for _, name in socket.if_nameindex():
                with suppress(OSError):
                    answer = fcntl.ioctl(probe, ASK_ADDRESS, struct.pack("256s", name.encode()[:15]))
                    found.append(socket.inet_ntoa(answer[20:24]))
        with suppress(OSError):
            for line in IPV6_FILE.read_text("ascii").splitlines():
                digits, _, _, scope, *_ = line.split()
                if scope == IPV6_GLOBAL:
                    found.append(str(ipaddress.IPv6Address(bytes.fromhex(digits))))
    else:
        # The machine's own name has to do. On Linux it is not asked for: a name server that does not answer would
        # hold up the server, which works out where agents dial between its turns.
        with suppress(OSError):
            name = socket.gethostname()
            found += [str(info[4][0]) for info in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)]
    return found


def _is_of_use(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return not (address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast)
