"""Secrets sealed by the system for the user we run as: DPAPI on Windows; other systems have nothing like it."""

import sys

from jaz_lite.errors import UsageError

if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    class _Blob(ctypes.Structure):
        _fields_ = (("size", wintypes.DWORD), ("data", ctypes.POINTER(ctypes.c_char)))

    def _through(function: str, data: bytes) -> bytes:
        source = ctypes.create_string_buffer(data, len(data))
        given, got = _Blob(len(data), source), _Blob()
        call = getattr(ctypes.WinDLL("crypt32", use_last_error=True), function)
        if not call(ctypes.byref(given), None, None, None, None, 0, ctypes.byref(got)):
            raise ctypes.WinError(ctypes.get_last_error())
        try:
            return ctypes.string_at(got.data, got.size)
        finally:
            ctypes.WinDLL("kernel32").LocalFree(got.data)

    def seal(data: bytes) -> bytes:
        """Return what only this user on this machine can open."""
        return _through("CryptProtectData", data)

    def unseal(data: bytes) -> bytes:
        """Return what was sealed here. Raises OSError where it was not."""
        return _through("CryptUnprotectData", data)

else:

    def seal(data: bytes) -> bytes:  # noqa: ARG001 - the same as on Windows
        """Refuse: see the sentence."""
        raise _only_on_windows()

    def unseal(data: bytes) -> bytes:  # noqa: ARG001 - the same as on Windows
        """Refuse: see the sentence."""
        raise _only_on_windows()

    def _only_on_windows() -> UsageError:
        return UsageError(
            "credentials of users are stored only on Windows; here an agent that runs as root switches users without one",
            hint="name the user in the definition, or default_user in agent.toml",
        )
