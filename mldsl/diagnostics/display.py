"""How text looks on a terminal: the columns it takes, and a harmless picture of what is not to be printed.

Why it exists: carets must stand below what they point at, whatever the line holds (tabs, wide and combining
characters), and a file must not be able to send control sequences to the reader's terminal.
"""

from __future__ import annotations

TAB = 4


def _picture(character: str) -> str:
    """One printable character for one that is not."""
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"


def harmless(text: str) -> str:
    """The text without control characters, lone surrogates and marks that change the direction of writing."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in "\n\u00a0\u3000" or c.isprintable() else _picture(c) for c in text)


def _columns(character: str) -> int:
    from unicodedata import category, east_asian_width

    if category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1


def width(text: str) -> int:
    """The columns that a text takes on a terminal."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def lay_out(line: str) -> tuple[str, list[int]]:
    """A line as it is shown, and the column (0-based) at which each of its characters starts, and the end."""
    if line.isascii() and line.isprintable():
        return line, list(range(len(line) + 1))
    shown: list[str] = []
    starts: list[int] = []
    column = 0
    for character in line:
        starts.append(column)
        picture = " " * (TAB - column % TAB) if character == "\t" else harmless(character)
        shown.append(picture)
        column += width(picture)
    return "".join(shown), [*starts, column]
