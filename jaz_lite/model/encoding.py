"""Text encodings of job output: which names can be used, and bytes made readable by one."""

import codecs
from functools import cache

UTF_8 = "utf-8"
# Python's own decoders of these refuse output without a byte order mark; on Windows, little-endian is meant then.
MARKED = {"utf-16": (2, codecs.BOM_UTF16_BE), "utf-32": (4, codecs.BOM_UTF32_BE)}


class Decoder:
    """Reads output piece by piece: bad bytes become U+FFFD, NUL is removed. A name that is none reads as UTF-8."""

    def __init__(self, encoding: str) -> None:
        name = codecs.lookup(encoding).name if is_text_encoding(encoding) else UTF_8
        self._mark = MARKED.get(name)
        self._head = b""
        self._name = name
        self._inner = None if self._mark else codecs.getincrementaldecoder(name)("replace")

    def decode(self, data: bytes, *, final: bool = False) -> str:
        """Return the text of the next bytes; a character that their end cuts in two waits for the rest, or falls away.

        Args:
            final: nothing follows: such a character is a bad one.
        """
        if self._inner is None:
            assert self._mark is not None, "only these have to be looked at"
            size, big = self._mark
            data = self._head + data
            if len(data) < size and not final:
                self._head = data
                return ""
            self._inner = codecs.getincrementaldecoder(f"{self._name}-{'be' if data[:size] == big else 'le'}")(
                "replace"
            )
            return self.decode(data, final=final).removeprefix("\ufeff")
        return self._inner.decode(data, final).replace("\0", "")


@cache
def is_text_encoding(name: str) -> bool:
    """Tell whether output can be read by an encoding of this name: whatever the bytes, and piece by piece."""
    try:
        "".encode(name)  # some codecs of Python turn bytes into bytes and are no encodings of text
        if codecs.lookup(name).name in MARKED:
            return True
        decoder = codecs.getincrementaldecoder(name)("replace")
        return isinstance(decoder.decode(bytes(range(256)), final=True), str)
    except (LookupError, ValueError, TypeError):
        return False


def readable(data: bytes, encoding: str, *, whole: bool = True) -> str:
    """Return output as people and variables have it.

    Args:
        whole: else a character that the end of `data` cuts in two falls away.
    """
    return Decoder(encoding).decode(data, final=whole)
