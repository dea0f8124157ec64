"""Mistakes inside one token: characters that do not belong, other languages' operators, broken numbers and strings."""

from __future__ import annotations

import unicodedata

import attrs

from mldsl.diagnostics import Diagnostic, Fix
from mldsl.source import Source
from mldsl.syntax.ast import UNITS
from mldsl.syntax.literals import FORBIDDEN, NUMBER, QUANTITY, EscapeError, number, quantity, quote, unquote
from mldsl.syntax.scan import Token

# What people of other languages write, and what it is here.
_FOREIGN = {
    "&&": "and", "||": "or", "**": "^", "===": "==", "!==": "!=", "<>": "!=", "=>": ">=", ":=": "=",
    "−": "-", "–": "-", "×": "*", "÷": "/", "≤": "<=", "≥": ">=", "≠": "!=", "…": "..",
}  # fmt: skip
_OPERATORS_BY_CHARACTER = {"&": "and", "|": "or", "!": "not"}
_UNITS = {
    "sec": "s", "secs": "s", "second": "s", "seconds": "s", "m": "min", "mins": "min", "minute": "min",
    "minutes": "min", "hr": "h", "hrs": "h", "hour": "h", "hours": "h", "day": "d", "days": "d", "week": "w",
    "weeks": "w", "kb": "KB", "mb": "MB", "gb": "GB", "KiB": "KB", "MiB": "MB", "GiB": "GB",
}  # fmt: skip


@attrs.frozen
class Flaw:
    """A mistake inside a token, and the text that stands for the token in the repaired file; None if there is none."""

    diagnostic: Diagnostic
    repair: str | None


def flaw(token: Token, source: Source) -> Flaw | None:
    """What is wrong inside a token; None for a sound one, at the cost of a glance."""
    match token.kind:
        case "name" | "op" | "newline" | "end":
            return None
        case "dollar" | "column":
            return _forbidden(token, source)
        case "number":
            return _number(token, source)
        case "string":
            return _forbidden(token, source) or _escapes(token, source)
        case "long":
            return _forbidden(token, source)
        case "open" | "openlong":
            return _never_closed(token, source)
        case "foreign":
            return _foreign(token, source)
    return _character(token, source)


def comment_sign(token: Token, source: Source) -> Diagnostic:
    """`//` in the place of `#`."""
    span = source.span(token.start, token.end)
    return Diagnostic("MLP0013", "unexpected `//`", span, help="comments start with `#`", fix=Fix(span, "#"))


def forbidden_in_comments(comments: list[tuple[int, int]], source: Source) -> list[Diagnostic]:
    """Characters that may not stand in a file even in a comment, the first of each comment."""
    found = []
    for start, end in comments:
        if match := FORBIDDEN.search(source.text, start, end):
            span = source.span(match.start(), match.end())
            found.append(Diagnostic("MLP0013", f"unexpected character {_name(match.group())}", span))
    return found


def _name(character: str) -> str:
    """A character as messages show it: itself in backticks if it can be seen, else its number and name."""
    if character.isprintable() and not character.isspace() and not unicodedata.combining(character):
        return f"`{character}`"
    known = unicodedata.name(character, "").lower()
    return f"U+{ord(character):04X}" + (f" ({known})" if known else "")


def _forbidden(token: Token, source: Source) -> Flaw | None:
    match = FORBIDDEN.search(token.text)
    if match is None:
        return None
    start = token.start + match.start()
    help_ = "write it as an escape, `\\u....`" if token.kind == "string" else None
    span = source.span(start, start + 1)
    return Flaw(Diagnostic("MLP0013", f"unexpected character {_name(match.group())}", span, help=help_), None)


def _number(token: Token, source: Source) -> Flaw | None:
    span = source.span(token.start, token.end)
    try:
        if NUMBER.fullmatch(token.text):
            number(token.text)
            return None
        if QUANTITY.fullmatch(token.text):
            quantity(token.text)
            return None
    except ValueError as error:
        return Flaw(Diagnostic("MLP0013", f"invalid number: {error}", span), None)
    digits = len(token.text) - len(token.text.lstrip("0123456789_."))
    amount, unit = token.text[:-digits] if not digits else token.text[:digits], token.text[digits:]
    meant = _UNITS.get(unit)
    shown = f"`{token.text}`" if len(token.text) <= 40 else "of this form"
    if meant is not None and NUMBER.fullmatch(amount):
        text = amount + meant
        diagnostic = Diagnostic("MLP0013", f"invalid number {shown}", span, help=f"write `{text}`", fix=Fix(span, text))
        return Flaw(diagnostic, text)
    note = f"units are {', '.join(UNITS)}"
    return Flaw(Diagnostic("MLP0013", f"invalid number {shown}", span, notes=(note,)), None)


def _escapes(token: Token, source: Source) -> Flaw | None:
    try:
        unquote(token.text)
    except EscapeError as error:
        span = source.span(token.start + error.start, token.start + error.end)
        spelt = token.text[error.start : error.end]
        return Flaw(
            Diagnostic(
                "MLP0013",
                f"unexpected character: `{spelt}` is not an escape",
                span,
                notes=('escapes are `\\"`, `\\\\`, `\\n`, `\\t`, `\\r` and `\\u` with four digits',),
                help='write `\\\\` for a backslash, or put the text between `"""`, where nothing is an escape',
                fix=Fix(span, "\\" + spelt),
            ),
            quote(token.text[1:-1]),
        )
    return None


def _never_closed(token: Token, source: Source) -> Flaw:
    quotes = '"""' if token.kind == "openlong" else '"'
    end = token.end if token.kind == "open" else token.start + 3
    diagnostic = Diagnostic(
        "MLP0003", "this string is never closed", source.span(token.start, end), help=f"add the closing `{quotes}`"
    )
    unusable = token.kind == "openlong" or "\\" in token.text or FORBIDDEN.search(token.text)
    return Flaw(diagnostic, None if unusable else token.text + '"')


def _foreign(token: Token, source: Source) -> Flaw:
    span = source.span(token.start, token.end)
    first = source.span(token.start, token.start + 1)
    if token.text[0] in "'“‘" and len(token.text) > 1:
        text = quote(token.text[1:-1]) if "\\" not in token.text else None
        fix = Fix(span, text) if text else None
        message = f"unexpected character {_name(token.text[0])}"
        return Flaw(Diagnostic("MLP0013", message, first, help='strings are written in `"`', fix=fix), text)
    if token.text in ("->", "|>"):
        return Flaw(
            Diagnostic(
                "MLP0014",
                "steps are written one per line, without arrows",
                span,
                help="write one `STEP on COLUMNS` per line, in order",
            ),
            None,
        )
    doubled = token.text in ("&&", "||")
    message = f"unexpected character `{token.text[0]}`" if doubled else f"unexpected `{token.text}`"
    meant = _FOREIGN.get(token.text)
    if meant is None:
        return Flaw(Diagnostic("MLP0013", message, span, help="comments start with `#`"), None)
    text = _spaced(meant, token, source)
    return Flaw(Diagnostic("MLP0013", message, span, help=f"write `{meant}`", fix=Fix(span, text)), text)


def _character(token: Token, source: Source) -> Flaw:
    span = source.span(token.start, token.end)
    character = token.text
    message = f"unexpected character {_name(character)}"
    if character == ";":
        return Flaw(Diagnostic("MLP0013", message, span), "\n")
    if character.isspace() and not FORBIDDEN.match(character):
        return Flaw(Diagnostic("MLP0013", message, span, help="write a space", fix=Fix(span, " ")), " ")
    meant = _OPERATORS_BY_CHARACTER.get(character) or _FOREIGN.get(character)
    if meant is not None:
        text = _spaced(meant, token, source)
        return Flaw(Diagnostic("MLP0013", message, span, help=f"write `{meant}`", fix=Fix(span, text)), text)
    help_ = {
        "%": "a share is written without a space, `20%`; there is no remainder operator",
        "'": 'strings are written in `"`',
        "@": "names consist of letters, digits and `_`; other column names are written in backticks",
        "`": "a column name in backticks ends on its line and is not empty",
        "$": "`$` is followed by the name of a param",
    }.get(character)
    return Flaw(Diagnostic("MLP0013", message, span, help=help_), None)


def _spaced(word: str, token: Token, source: Source) -> str:
    """A word with the spaces that keep it apart from what stands beside it."""
    if not word.isalpha():
        return word
    before = source.text[token.start - 1 : token.start]
    after = source.text[token.end : token.end + 1]
    return " " * (not before.isspace()) + word + " " * (not after.isspace())
