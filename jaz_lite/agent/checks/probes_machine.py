"""Probes of the interpreter, the disk, the clocks and the network, for `selfcheck`."""

import os
import platform
import select
import shutil
import socket
import ssl
import struct
import sys
import time
from collections.abc import Callable

from jaz_lite.agent.checks.probes import Place, Shortcoming, another_python, must
from jaz_lite.agent.disk import PosixDisk
from jaz_lite.agent.machine import local, process
from jaz_lite.agent.machine.trusted_folder import refuse_if_others_may_write
from jaz_lite.agent.policy import Policy
from jaz_lite.wire import x509

MIB = 1024 * 1024
PYTHON_MIN = (3, 10)
CLOCK_MIN_S = 1_735_689_600  # 2025-01-01: no machine of ours was set up before
SAME_CLOCK_S = 30.0  # between two Pythons, start included
FSYNCS = 5


def python(place: Place) -> str:
    """Whether this Python is new enough, and whether another one can be started like it."""
    must(sys.version_info >= PYTHON_MIN, f"Python {platform.python_version()} is too old: 3.10 or later is needed")
    must(another_python("print(6 * 7)") == "42", "another Python does not answer")
    return f"{platform.python_implementation()} {platform.python_version()} ({sys.executable}), {sys.platform}"


def byte_order(place: Place) -> str:
    """Whether numbers and messages are packed alike on every machine."""
    import msgpack

    must(struct.pack(">I", 1) == b"\0\0\0\1", "struct packs in another order than it was told")
    must(
        msgpack.packb([1, 2**40, -5, "é", b"x"]).hex() == "9501cf0000010000000000fba2c3a9c40178",
        "msgpack packs otherwise",
    )
    kind = "pure Python" if msgpack.Packer.__module__.endswith("fallback") else "compiled"
    return f"{sys.byteorder}-endian, {struct.calcsize('P') * 8} bits, {platform.machine()}; msgpack is {kind}"


def trio_back_end(place: Place) -> str:
    """Whether trio runs, and on what."""
    from jaz_lite.net import trio_anywhere

    trio_anywhere.prepare()
    import trio

    from jaz_lite.net.poll_epoll import PollEpoll

    async def both_ends() -> bytes:
        left, right = trio.socket.socketpair()
        with left, right:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(right.send, b"?")
                with trio.fail_after(10):
                    return await left.recv(1)

    must(trio.run(both_ends) == b"?", "a byte between two sockets was lost")
    if sys.platform == "win32":
        back_end = "IOCP"
    elif getattr(select, "epoll", None) is PollEpoll:
        back_end = "the stand-in on poll"
    else:
        back_end = "epoll" if hasattr(select, "epoll") else "kqueue"
    return f"trio {trio.__version__} on {back_end}"


def poll(place: Place) -> str:
    """Whether the system tells of data, of the end of a pipe and of closed descriptors."""
    if not hasattr(select, "poll"):
        return "none here; the job keeper does without"
    reader, writer = os.pipe()
    waiting = select.poll()
    waiting.register(reader, select.POLLIN)
    try:
        must(not waiting.poll(0), "poll tells of data where there is none")
        os.write(writer, b"x")
        must(waiting.poll(2000), "poll does not tell of data in a pipe")
        os.read(reader, 1)
    finally:
        os.close(writer)
    ended = waiting.poll(2000)
    os.close(reader)
    must(ended, "poll does not tell of the end of a pipe")
    closed = waiting.poll(0)
    must(closed and closed[0][1] & select.POLLNVAL, "poll does not tell of a closed descriptor")
    return "tells of data, of the end of a pipe and of closed descriptors"


def locks(place: Place) -> str:
    """Whether a lock keeps another process out, and ends with its holder."""
    path = str(place.scratch / "lock")
    script = "import sys; from jaz_lite.agent.machine import local; print(local.lock(sys.argv[1]) is None)"
    held = local.lock(path)
    must(held is not None, "a new file cannot be locked")
    assert held is not None
    try:
        must(another_python(script, path) == "True", "two processes hold the same lock")
    finally:
        os.close(held)
    must(another_python(script, path) == "False", "a lock stays when its holder has let go of it")
    return "a lock keeps another process out, and ends with its holder"


def disk(place: Place) -> str:
    """Whether what was made durable is there, and how long that takes."""
    files = PosixDisk(place.scratch)
    files.make_folder("disk")
    began = time.monotonic()
    for number in range(FSYNCS):
        files.replace("disk/file", b"%d" % number)
    each_ms = (time.monotonic() - began) * 1000 / FSYNCS
    files.rename("disk/file", "disk/other")
    must(files.read("disk/other") == b"%d" % (FSYNCS - 1), "a file does not hold what was written last")
    folder = ""
    if sys.platform != "win32":
        descriptor = os.open(place.scratch, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            folder = f"; a folder cannot be synced ({error.strerror}), which leaves the order of names to the system"
        finally:
            os.close(descriptor)
    return f"write, sync and rename take {each_ms:.1f} ms{folder}"


def free_space(place: Place) -> str:
    """Whether there is room for logs and output."""
    at = place.data
    while not at.exists():
        at = at.parent
    free = shutil.disk_usage(at).free
    if free < Policy().free_bytes_min:
        raise Shortcoming(f"{free // MIB} MiB free at {at}; below {Policy().free_bytes_min // MIB} no job is taken")
    return f"{free // MIB:,} MiB free at {at}"


def data_directory(place: Place) -> str:
    """Whether the data directory is ours alone."""
    if not place.data.exists():
        return f"{place.data} does not exist yet; `enroll` makes it"
    refuse_if_others_may_write(place.data)
    must(os.access(place.data, os.R_OK | os.W_OK | os.X_OK), f"this user may not write in {place.data}")
    return f"{place.data} is safe from others"


def tls(place: Place) -> str:
    """Whether TLS of the kind that links need is there, by a handshake with ourselves."""
    made = x509.self_signed("selfcheck", os.urandom)
    cert, key = place.scratch / "cert", place.scratch / "key"
    cert.write_text(made.cert_pem)
    key.write_text(made.key_pem)
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.load_cert_chain(cert, key)
    client.check_hostname = False
    client.load_verify_locations(cadata=made.cert_pem)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True))
    open_ends = list(ends)
    for _ in range(10):
        for end in list(open_ends):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            open_ends.remove(end)
    must(not open_ends, "a TLS handshake does not come to its end")
    version = ends[0].version()
    if version != "TLSv1.3":
        raise Shortcoming(f"{ssl.OPENSSL_VERSION} has only {version}; the server has to allow it for this agent")
    return f"{version} ({ssl.OPENSSL_VERSION}), TLS 1.2 {'too' if ssl.HAS_TLSv1_2 else 'not'}"


def local_socket(place: Place) -> str:
    """Whether the agent can reach its job keeper."""
    if not hasattr(socket, "AF_UNIX"):
        return "none here; the job keeper is reached over the loopback network"
    home = os.open(".", os.O_RDONLY)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        try:
            os.chdir(place.scratch)
            listener.bind("sock")
        finally:
            os.fchdir(home)
            os.close(home)
        listener.listen(1)
        with local.dial(str(place.scratch)) as near:
            far, _ = listener.accept()
            with far:
                near.send(b"?")
                must(far.recv(1) == b"?", "a byte was lost in a local socket")
    return "local sockets work"


def boot(place: Place) -> str:
    """Whether a boot of the machine is noticed."""
    text = process.boot_text()
    must(text == process.boot_text(), "the name of this boot changes while we look")
    if not text:
        raise Shortcoming("neither /proc, sysctl, `who -b` nor ps names this boot: a reboot looks like a restart")
    return f"named by {text[:60]!r}"


def clocks(place: Place) -> str:
    """Whether the wall clock is plausible, and the other one is the same for all processes of this boot."""
    told = float(another_python("import time; print(time.monotonic())"))
    if abs(told - time.monotonic()) > SAME_CLOCK_S:
        raise Shortcoming("each process has a monotonic clock of its own: jobs of a killed keeper are lost at once")
    now = time.time()
    if now < CLOCK_MIN_S:
        raise Shortcoming(f"the clock says {time.strftime('%Y-%m-%d %H:%M', time.gmtime(now))} UTC, which is long ago")
    zone = time.strftime("%z")
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(now))} {zone}; up for {told / 3600:.1f} hours"


PROBES: tuple[tuple[str, Callable[[Place], str]], ...] = (
    ("python", python),
    ("byte order", byte_order),
    ("trio", trio_back_end),
    ("poll", poll),
    ("local socket", local_socket),
    ("locks", locks),
    ("disk", disk),
    ("free space", free_space),
    ("data directory", data_directory),
    ("tls", tls),
    ("boot", boot),
    ("clocks", clocks),
)
