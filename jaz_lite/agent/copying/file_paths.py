"""Which names and folders a file copy may touch. Pure: no look at any disk.

Names come from another machine, folders from a jobnet: neither may lead anywhere but into the folder itself.
Source: protocol.md section 5.5 and section 12, T8.
"""

import hashlib

PART_PREFIX = ".jazl-"
PART_SUFFIX = ".part"
WINDOWS_SIGNS = frozenset('<>:"|?*')
WINDOWS_DEVICES = frozenset(
    ("CON", "PRN", "AUX", "NUL", *(f"{name}{number}" for name in ("COM", "LPT") for number in range(10)))
)
SHOWN_CHARS_MAX = 80


class FileFault(Exception):
    """A file copy cannot go on; `code` is a word for programs, the message a sentence for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def shown(text: str) -> str:
    """Return a name or path as a sentence can show it: cut, and what no terminal should get replaced."""
    text = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
    return text if len(text) <= SHOWN_CHARS_MAX else f"{text[:SHOWN_CHARS_MAX]}…"


def check_name(name: str, *, windows: bool) -> None:
    """Refuse what is not the plain name of a file of one folder.

    Raises:
        FileFault: the sentence names it.
    """
    bad = not name or name in (".", "..") or any(sign in name for sign in "\0/\\") or name.startswith(PART_PREFIX)
    if windows and not bad:
        # What Windows would read as a device, a stream, or a shorter name.
        stem = name.partition(".")[0].rstrip(" ").upper()
        bad = bool(WINDOWS_SIGNS & set(name)) or stem in WINDOWS_DEVICES or name[-1] in ". " or min(name) < " "
    if bad:
        raise FileFault("name", f'"{shown(name)}" is no name that a file may have here')


def check_folder(path: str, *, windows: bool) -> None:
    """Refuse what is not an absolute path.

    Raises:
        FileFault: the sentence names it.
    """
    absolute = path[1:3] in (":\\", ":/") or path.startswith("\\\\") if windows else path.startswith("/")
    if not absolute or "\0" in path:
        raise FileFault("folder", f'the folder "{shown(path)}" is not an absolute path')


def has_wildcard(pattern: str) -> bool:
    """Tell whether a pattern may fit more than one name."""
    return "*" in pattern or "?" in pattern


def fits(pattern: str, name: str) -> bool:
    """Tell whether a name fits a pattern: `*` is any text, `?` any one character, all else itself.

    Notes:
        Never slower than the product of the lengths: on a mismatch only the last `*` takes one character more.
    """
    at_pattern = at_name = 0
    star, star_name = -1, 0
    while at_name < len(name):
        if at_pattern < len(pattern) and pattern[at_pattern] == "*":
            star, star_name = at_pattern, at_name
            at_pattern += 1
        elif at_pattern < len(pattern) and pattern[at_pattern] in ("?", name[at_name]):
            at_pattern += 1
            at_name += 1
        elif star >= 0:
            star_name += 1
            at_pattern, at_name = star + 1, star_name
        else:
            return False
    return pattern[at_pattern:].strip("*") == ""


def part_prefix(k: bytes) -> str:
    """Return how the names of all parts of one copy begin."""
    return f"{PART_PREFIX}{k.hex()}-"


def part_name(k: bytes, name: bytes) -> str:
    """Return the name of a file of a copy while it is not whole."""
    return f"{part_prefix(k)}{hashlib.sha256(name).hexdigest()[:16]}{PART_SUFFIX}"
