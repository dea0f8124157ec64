"""All tokens of a text, whatever their context: what recovery and messages reason about.

Why it exists beside the parser's own lexer: that one stops at the first thing its state does not accept, while
finding every mistake of a file takes a view of the whole of it, broken parts included. It decides nothing about what is
valid.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, TypeAlias

BLOCKS = ("data", "features", "transforms", "network", "split", "model", "tune", "metrics", "report", "export")
NAMED_BLOCKS = ("transforms", "network", "model")
ITEMS = ("use", "include", "param", *BLOCKS)

Kind: TypeAlias = Literal[
    "name", "number", "string", "long", "column", "dollar", "op", "newline",
    "open", "openlong", "foreign", "bad", "end",
]  # fmt: skip


class Token(NamedTuple):
    """A token and its place, as offsets. `open` strings are never closed, `foreign` ones are other languages'."""

    kind: Kind
    text: str
    start: int
    end: int


_HEADER = rf"(?:{'|'.join(BLOCKS)})\b[^\n]*\{{"
_TOKEN = re.compile(
    r"""(?P<space>[ \t]+|\A\ufeff)
    |(?P<newline>\r?\n)
    |(?P<comment>\#[^\n]*?(?=\r?(?:\n|\Z)))
    |(?P<long>\"\"\"[\s\S]*?\"\"\")
    |(?P<openlong>\"\"\"[\s\S]*?(?=\n(?:\}|"""
    + _HEADER
    + r""")|\Z))
    |(?P<string>"(?:[^"\\\n]|\\.)*")
    |(?P<open>"(?:[^"\\\r\n]|\\.)*)
    |(?P<column>`[^`\n]+`)
    |(?P<dollar>\$[^\W\d]\w*)
    |(?P<number>\d(?:\w|\.\d|(?<=\d[eE])[+-]\d)*%?)
    |(?P<name>[^\W\d]\w*)
    |(?P<foreign>'[^'\n]*'|“[^“”\n]*”|‘[^‘’\n]*’|&&|\|\||\|>|->|=>|[=!]==|:=|<>|\*\*|//|/\*)
    |(?P<op>\.\.|==|!=|<=|>=|[<>=+\-*/^~:,.?(){}\[\]])
    |(?P<bad>[\s\S])""",
    re.VERBOSE,
)


def scan(text: str) -> tuple[list[Token], list[tuple[int, int]]]:
    """The tokens without spaces, ended by one of kind `end`, and the places of the comments."""
    tokens: list[Token] = []
    comments: list[tuple[int, int]] = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "space":
            continue
        if kind == "comment":
            comments.append(match.span())
        else:
            tokens.append(Token(kind, match.group(), *match.span()))  # type: ignore[arg-type]
    tokens.append(Token("end", "", len(text), len(text)))
    return tokens, comments


_VALUES = ("name", "number", "string", "long", "column", "dollar", "open", "openlong")
_WORDS = ("and", "or", "not", "in", "as", "on")


def ends_value(token: Token) -> bool:
    """Whether a value may end here, so that another value cannot follow at once."""
    return (token.kind in _VALUES and token.text not in ("and", "or", "not")) or token.text in (")", "]")


def starts_value(token: Token) -> bool:
    """Whether a value may start here."""
    return (token.kind in _VALUES and token.text not in ("and", "or")) or token.text in ("[", "(", "-")
