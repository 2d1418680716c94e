"""`python -m bench.ship_standby FOLDER PORT`: a standby's process, as bare as can be: receive, apply, say so."""

import json
import select
import socket
import struct
import sys
import time
from pathlib import Path

from jaz_lite.clock import SystemClock
from jaz_lite.store.changes import ChangeSet
from jaz_lite.store.replica import Replica
from jaz_lite.store.shipment import Piece, Unpacking

HEAD = struct.Struct(">QI")
ACK = struct.Struct(">Q")
READ_BYTES = 1 << 20


def main() -> None:
    """Follow until the connection ends; then print what it took."""
    replica = Replica.open(Path(sys.argv[1]), clock=SystemClock())
    unpacking = Unpacking()
    buffer = bytearray()
    with socket.create_connection(("127.0.0.1", int(sys.argv[2]))) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        began = time.process_time()
        while data := line.recv(READ_BYTES):
            buffer += data
            while select.select([line], [], [], 0)[0] and (data := line.recv(READ_BYTES)):
                buffer += data
            changes = _whole(buffer, unpacking)
            if changes:
                replica.apply(changes)
                line.sendall(ACK.pack(replica.position.lsn))
                if replica.wants_checkpoint and not select.select([line], [], [], 0)[0]:
                    replica.checkpoint()
        print(json.dumps({"cpu_s": time.process_time() - began}))
    replica.close()


def _whole(buffer: bytearray, unpacking: Unpacking) -> list[ChangeSet]:
    """Take the complete pieces out of the buffer; return the change sets that they complete."""
    found: list[ChangeSet] = []
    while len(buffer) >= HEAD.size:
        lsn, size = HEAD.unpack_from(buffer)
        if len(buffer) < HEAD.size + size:
            break
        change = unpacking.add(Piece(lsn, bytes(buffer[HEAD.size : HEAD.size + size])))
        del buffer[: HEAD.size + size]
        if change is not None:
            found.append(change)
    return found


if __name__ == "__main__":
    main()
