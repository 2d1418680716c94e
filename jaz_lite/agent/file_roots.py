"""Which paths file waits and file copies may reach: those under the `file_roots` of the policy, and never our own.

Paths are bytes: names on the systems agents run on need not be text in any one encoding. What counts is where a path
leads when every link in its folders has been followed.
"""

import os
from collections.abc import Sequence

PATH_BYTES_MAX = 4096
NAME_BYTES_MAX = 255


class PathRefused(Exception):
    """A path that may not be used. The message is a sentence that names it."""


class FileRoots:
    """The folders that may be reached.

    Args:
        roots: absolute folders; one that does not exist yet is fine.
        own: the agent's data directory, which is never reached.
    """

    def __init__(self, roots: Sequence[str], own: str) -> None:
        self._roots = [_real(os.fsencode(root)) for root in roots]
        # Windows has a root for each drive; the one that is written `/` means all of them.
        self._all = os.name == "nt" and "/" in roots
        self._own = _real(os.fsencode(own))
        self._followed: dict[bytes, bytes] = {}

    def look_again(self) -> None:
        """Forget where folders led: links may have been changed."""
        self._followed.clear()

    def folder_of(self, path: bytes) -> bytes:
        """Return the folder of a path with all links in it followed, as they were at the last `look_again`.

        Raises:
            PathRefused: the path is not sound, or leads where nobody may go.
        """
        shown = shown_path(path)
        if b"\0" in path:
            raise PathRefused(f"the path {shown} holds a NUL, which no file name can")
        if len(path) > PATH_BYTES_MAX:
            raise PathRefused(f"the path {shown} is longer than {PATH_BYTES_MAX} bytes")
        if not os.path.isabs(path):
            raise PathRefused(f"the path {shown} is not absolute")
        folder, name = os.path.split(path)
        if name in (b"", b".", b".."):
            raise PathRefused(f"the path {shown} names no file")
        if len(name) > NAME_BYTES_MAX:
            raise PathRefused(f"the name at the end of {shown} is longer than {NAME_BYTES_MAX} bytes")
        if os.name == "nt" and b":" in name:
            raise PathRefused(f"the name at the end of {shown} holds a colon")
        real = self._followed.get(folder)
        if real is None:
            real = self._followed[folder] = _real(folder)
        self.check_real(os.path.join(real, name), shown)
        return real

    def check_real(self, real: bytes, shown: str) -> None:
        """Refuse a path, all links followed, that lies outside the roots or in the agent's data directory.

        Args:
            shown: what the sentence calls it.

        Raises:
            PathRefused: it does.
        """
        if _is_under(real, self._own):
            raise PathRefused(f"{shown} leads into the agent's own data directory")
        if not self._all and not any(_is_under(real, root) for root in self._roots):
            raise PathRefused(f"{shown} is in none of the folders that this agent may reach (file_roots in agent.toml)")


def shown_path(path: bytes) -> str:
    """Return a path for a sentence: in quotes, what is not text as escapes, not too long."""
    text = path.decode("utf-8", "backslashreplace")
    text = "".join(character if character.isprintable() or character == "\u3000" else repr(character)[1:-1]
                   for character in text)  # fmt: skip
    return f'"{text[:200]}..."' if len(text) > 200 else f'"{text}"'


def _real(path: bytes) -> bytes:
    return os.path.normcase(os.path.realpath(path))


def _is_under(path: bytes, root: bytes) -> bool:
    path = os.path.normcase(path)
    return path == root or path.startswith(root if root.endswith(os.fsencode(os.sep)) else root + os.fsencode(os.sep))
