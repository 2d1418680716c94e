"""A door between agents and their server that can be shut in the middle of everything."""

import contextlib
import socket
import threading


class Cutter:
    """Passes TCP connections on to `target`; `cut` ends all that are open, `bytes_passed` counts what went through.

    While `shut`, nobody comes through.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.bytes_passed = 0
        self.shut = False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        """Where agents dial."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        """End every connection, as a firewall does that is started anew."""
        with self._lock:
            ends, self._open = self._open, set()
        for end in ends:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def shut_for_now(self) -> None:
        """End every connection, and let nobody through until `shut` is False again."""
        self.shut = True
        self.cut()

    def close(self) -> None:
        """Shut the door for good."""
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                if self.shut:
                    near.close()
                    continue
                far = socket.create_connection(self._target)
            except OSError:
                if self._listener.fileno() == -1:
                    return
                near.close()
                continue
            with self._lock:
                self._open |= {near, far}
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(256 * 1024):
                target.sendall(data)
                with self._lock:
                    self.bytes_passed += len(data)
        except OSError:
            pass
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
