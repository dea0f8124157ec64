"""Literals: numbers, quantities and strings, from their spelling to their value and back.

Why it exists: the tree, the printer and the JSON form must agree on what `20%` or `"\\n"` means.
"""

from __future__ import annotations

import math
import re

from mldsl.syntax.ast import UNITS

NAME = re.compile(r"[^\W\d]\w*")
NUMBER = re.compile(r"\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?")
QUANTITY = re.compile(r"(\d[\d_]*(?:\.\d[\d_]*)?)(%|ms|s|min|h|d|w|KB|MB|GB)")

# Not to be in a file at all, strings and comments included: control characters, lone surrogates, and marks that
# change the direction of writing and so let a text look like what it is not.
FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]|\r(?!\n)")

_ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "t": "\t", "r": "\r"}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))")
_SPELT = {character: f"\\{letter}" for letter, character in _ESCAPES.items()}


def number(text: str) -> int | float:
    """The value of a number: an int where neither point nor exponent is written. ValueError if too large to hold."""
    digits = text.replace("_", "")
    if digits.isdecimal():
        if len(digits) > 4000:  # Python refuses to convert about here, and no setting means it
            raise ValueError("too many digits")
        return int(digits)
    value = float(digits)
    if math.isinf(value):
        raise ValueError("too large")
    return value


def quantity(text: str) -> tuple[float, str]:
    """The value in the base unit (a share, seconds, bytes), correctly rounded, and the unit; or ValueError."""
    match = QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError("not a quantity")
    amount, unit = match.groups()
    factor = UNITS[unit][1]
    # A power of ten as an exponent, so that 0.1% is the float nearest to 0.001 and not 0.1 / 100.
    digits = amount.replace("_", "")
    value = float(digits + factor) if isinstance(factor, str) else float(digits) * factor
    if math.isinf(value):
        raise ValueError("too large")
    return value, unit


class EscapeError(ValueError):
    """A backslash before something that has no meaning; `start` and `end` say where in the string's spelling."""

    def __init__(self, start: int, end: int) -> None:
        super().__init__("unknown escape")
        self.start, self.end = start, end


def unquote(text: str) -> str:
    r"""The text of a quoted string. Escapes: `\" \\ \n \t \r \uXXXX`; raises `EscapeError` at any other."""
    if "\\" not in text:
        return text[1:-1]

    def meaning(match: re.Match[str]) -> str:
        code, letter = match.groups()
        if code is not None and not 0xD800 <= int(code, 16) <= 0xDFFF:  # a lone surrogate is not a character
            return chr(int(code, 16))
        if code is None and letter in _ESCAPES:
            return _ESCAPES[letter]
        raise EscapeError(match.start() + 1, match.end() + 1)

    return _ESCAPE.sub(meaning, text[1:-1])


def quote(value: str) -> str:
    """A string as the language writes it; control characters become escapes."""

    def spelling(character: str) -> str:
        if character in _SPELT:
            return _SPELT[character]
        return f"\\u{ord(character):04x}" if FORBIDDEN.match(character) else character

    return '"' + "".join(map(spelling, value)) + '"'


def can_be_raw(value: str) -> bool:
    """Whether triple quotes can hold this text as it is."""
    return '"""' not in value and not value.endswith('"') and not FORBIDDEN.search(value)
