"""The integer calculation: the language of the program expr, worked out here and not by a shell.

A formula is split into words at spaces. `$NAME` and `${NAME}` become the value of the variable, which is split too (a
variable that is not set leaves no word); quotes keep a word together. The words are then read with expr's grammar,
weakest first, all from left to right:

    |    &    = == != < <= > >=    + -    * / %    :    + WORD, length, match, index, substr, ( )

Source: IEEE Std 1003.1 `expr`, and GNU coreutils for length, match, index, substr and `+ WORD`; JAZ's CAL.
"""

import re
from collections.abc import Callable, Mapping

from jaz_lite.icons import _regex
from jaz_lite.icons._text import sound

WORDS_MAX = 1_000
DEPTH_MAX = 50  # parentheses and prefix words inside each other
DIGITS_MAX = 4_000  # of a number; Python itself gives up at 4,300
_INTEGER = re.compile(r"-?[0-9]+", re.ASCII)
_ZERO = re.compile(r"-?0*", re.ASCII)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_SPACE = " \t\n"

_COMPARISONS: Mapping[str, Callable[[int], bool]] = {
    "=": lambda order: order == 0,
    "==": lambda order: order == 0,
    "!=": lambda order: order != 0,
    "<": lambda order: order < 0,
    "<=": lambda order: order <= 0,
    ">": lambda order: order > 0,
    ">=": lambda order: order >= 0,
}


class BadFormula(Exception):
    """The formula cannot be worked out. The message goes on from "the formula"."""


def evaluate(formula: str, variables: Mapping[str, str]) -> str:
    """Return what expr prints for a formula, without the line end.

    Raises:
        BadFormula: it cannot be read, a number is none, or something is divided by zero.
    """
    reader = _Reader(_words(sound(formula), variables))
    value = reader.either()
    reader.end()
    return value


def _words(formula: str, variables: Mapping[str, str]) -> list[str]:
    words: list[str] = []
    word: str | None = None
    quote = ""
    place = 0
    while place < len(formula):
        sign = formula[place]
        place += 1
        if sign in "\"'" and quote in ("", sign):
            word, quote = word or "", "" if quote else sign
        elif sign == "$" and quote != "'":
            braced = formula.startswith("{", place)
            found = _NAME.match(formula, place + braced)
            if found is None or (braced and not formula.startswith("}", found.end())):
                word = (word or "") + "$"
                continue
            place = found.end() + braced
            value = sound(variables.get(found[0], ""))
            if quote:
                word = (word or "") + value
                continue
            pieces = value.split()
            if pieces and word is not None and value[0] not in _SPACE:
                pieces[0] = word + pieces[0]
            elif word is not None and value:
                words.append(word)
            elif word is not None:
                continue
            if pieces and value[-1] not in _SPACE:
                word = pieces.pop()
            else:
                word = None
            words.extend(pieces)
        elif sign in _SPACE and not quote:
            if word is not None:
                words.append(word)
            word = None
        else:
            word = (word or "") + sign
    if quote:
        raise BadFormula("has a quote that is not closed")
    if word is not None:
        words.append(word)
    if len(words) > WORDS_MAX:
        raise BadFormula(f"has more than {WORDS_MAX} words")
    return words


class _Reader:
    """Reads words by recursive descent; every method gives the text of its part."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._place = 0
        self._depth = 0
        self._counts = True  # False where | or & is decided already: the rest is read, not worked out

    def end(self) -> None:
        """Complain if a word is left."""
        if self._place < len(self._words):
            raise BadFormula(f'cannot be read at "{self._words[self._place][:40]}"')

    def either(self) -> str:
        """Give `a | b`: the first that is neither empty nor zero, else 0."""
        counted = self._counts
        value = self._both()
        while self._take("|"):
            self._counts = counted and _is_null(value)
            other = self._both()
            if _is_null(value):
                value = "0" if _is_null(other) else other
        self._counts = counted
        return value

    def _both(self) -> str:
        counted = self._counts
        value = self._compared()
        while self._take("&"):
            self._counts = counted and not _is_null(value)
            other = self._compared()
            if _is_null(value) or _is_null(other):
                value = "0"
        self._counts = counted
        return value

    def _compared(self) -> str:
        value = self._sum()
        while sign := self._take(*_COMPARISONS):
            other = self._sum()
            left, right = _integer(value), _integer(other)
            if left is None or right is None:
                order = (value > other) - (value < other)
            else:
                order = (left > right) - (left < right)
            value = "1" if _COMPARISONS[sign](order) else "0"
        return value

    def _sum(self) -> str:
        value = self._product()
        while sign := self._take("+", "-"):
            other = self._product()
            if not self._counts:
                continue
            left, right = _operand(value), _operand(other)
            value = _text(left + right if sign == "+" else left - right)
        return value

    def _product(self) -> str:
        value = self._match()
        while sign := self._take("*", "/", "%"):
            other = self._match()
            if not self._counts:
                continue
            left, right = _operand(value), _operand(other)
            if sign == "*":
                value = _text(left * right)
                continue
            if right == 0:
                raise BadFormula("divides by zero")
            # expr rounds towards zero as C does, Python downwards.
            quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
            value = _text(quotient if sign == "/" else left - quotient * right)
        return value

    def _match(self) -> str:
        value = self._word()
        while self._take(":"):
            pattern = self._word()
            value = _matched(value, pattern) if self._counts else ""
        return value

    def _word(self) -> str:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise BadFormula(f"is nested deeper than {DEPTH_MAX}")
        value = self._prefixed()
        self._depth -= 1
        return value

    def _prefixed(self) -> str:
        if self._place >= len(self._words):
            raise BadFormula("ends too early" if self._words else "is empty")
        sign = self._words[self._place]
        self._place += 1
        match sign:
            case "+":
                if self._place >= len(self._words):
                    raise BadFormula("ends too early")
                self._place += 1
                return self._words[self._place - 1]
            case "length":
                return str(len(self._word()))
            case "match":
                text = self._word()
                pattern = self._word()
                return _matched(text, pattern) if self._counts else ""
            case "index":
                text, signs = self._word(), self._word()
                return str(next((n for n, each in enumerate(text, 1) if each in signs), 0))
            case "substr":
                text, first, count = self._word(), _integer(self._word()), _integer(self._word())
                if first is None or count is None or first <= 0 or count <= 0:
                    return ""
                return text[first - 1 : first - 1 + count]
            case "(":
                value = self.either()
                if not self._take(")"):
                    raise BadFormula("has a ( that is not closed")
                return value
            case ")":
                raise BadFormula("has a ) that was not opened")
        return sign

    def _take(self, *signs: str) -> str:
        """Take the next word if it is one of `signs`."""
        if self._place < len(self._words) and self._words[self._place] in signs:
            self._place += 1
            return self._words[self._place - 1]
        return ""


def _matched(text: str, pattern: str) -> str:
    try:
        return _regex.matched(pattern, text)
    except _regex.BadPattern as bad:
        raise BadFormula(f'has the pattern "{pattern[:40]}", which cannot be used: {bad}') from None


def _is_null(value: str) -> bool:
    return _ZERO.fullmatch(value) is not None and value != "-"


def _integer(value: str) -> int | None:
    if not _INTEGER.fullmatch(value):
        return None
    if len(value) > DIGITS_MAX:
        raise BadFormula(f"holds a number of more than {DIGITS_MAX} digits")
    return int(value)


def _operand(value: str) -> int:
    number = _integer(value)
    if number is None:
        raise BadFormula(f'calculates with "{value[:40]}", which is no whole number')
    return number


def _text(number: int) -> str:
    # 10 to the power of DIGITS_MAX has about 3.33 bits a digit; str() of more would raise.
    if number.bit_length() > DIGITS_MAX * 10 // 3:
        raise BadFormula(f"gives a number of more than {DIGITS_MAX} digits")
    return str(number)
