"""Texts of one row: their length and case, what they contain, parts of them, and numbers in them.

Characters are Unicode code points; nothing is trimmed or normalised on the way. Patterns are regular expressions in the
syntax of Rust's `regex` crate (Perl's without look-around and back-references, so they run in linear time).

    length(text)                 number of characters
    lower(text) upper(text)      in lower or upper case
    contains(text, part)         whether it holds `part`, as it is written
    matches(text, pattern)       whether `pattern` occurs in it; `^` and `$` tie it to the ends
    extract(text, pattern)       what the first group of `pattern` caught, or all of it without a group
    replace(text, part, by)      with every `part` replaced
    concat(text, text, ...)      one after the other
    to_number(text)              the number it is, missing where it is none
"""

from __future__ import annotations

import re

import polars as pl

from mldsl.plugin import Component, Function, Operand, ParameterType, hookimpl

WORDS = ("text", "categorical", "ordinal", "id", "binary")
TEXT = ParameterType("text")


def length(text: pl.Expr) -> pl.Expr:
    """In characters."""
    return text.str.len_chars().cast(pl.Int64)


def lower(text: pl.Expr) -> pl.Expr:
    """In lower case."""
    return text.str.to_lowercase()


def upper(text: pl.Expr) -> pl.Expr:
    """In upper case."""
    return text.str.to_uppercase()


def contains(text: pl.Expr, part: str) -> pl.Expr:
    """Whether `part` occurs."""
    return text.str.contains(part, literal=True)


def matches(text: pl.Expr, pattern: str) -> pl.Expr:
    """Whether the pattern occurs; ValueError if it is not a regular expression."""
    return text.str.contains(_regex(pattern), literal=False)


def extract(text: pl.Expr, pattern: str) -> pl.Expr:
    """The first group of the pattern, or all of it; ValueError if it is not a regular expression."""
    # An escaped or non-capturing parenthesis is no group; `\(`, `(?:` and `[(]` are the ways to write one.
    bare = re.sub(r"\\.|\[\^?\]?[^\]]*\]", "", pattern)
    group = 1 if re.search(r"\((?!\?)|\(\?P?<[^=!]", bare) else 0
    return text.str.extract(_regex(pattern), group)


def _regex(pattern: str) -> str:
    try:
        pl.Series([""]).str.contains(pattern, literal=False)
    except pl.exceptions.ComputeError as error:
        reasons = re.findall(r"^error: (.*)$", str(error), re.MULTILINE)
        reason = reasons[-1] if reasons else str(error).partition("\n")[0]
        raise ValueError(f"`{pattern}` is not a regular expression: {reason}") from None
    return pattern


def replace(text: pl.Expr, part: str, by: str) -> pl.Expr:
    """With every `part` replaced."""
    return text.str.replace_all(part, by, literal=True)


def concat(*texts: pl.Expr) -> pl.Expr:
    """One after the other, missing if one is."""
    return pl.concat_str(texts, ignore_nulls=False)


def to_number(text: pl.Expr) -> pl.Expr:
    """The number a text is, without blanks around it."""
    return text.str.strip_chars().cast(pl.Float64, strict=False).fill_nan(None)


@hookimpl
def mldsl_components() -> list[Component]:
    """What this module provides."""
    text = Operand("text", WORDS)
    pattern = Operand("pattern", literal=TEXT)
    rule = "Missing where the text is missing."
    return [
        Function("length", expression=length, operands=(text,), gives="integer", also_known_as=("len", "nchar"),
                 doc=f"Number of characters.\n\nUnicode code points, with blanks. {rule} Example: `length(title)`."),
        Function("lower", expression=lower, operands=(text,), gives="same",
                 doc=f"Text in lower case.\n\n{rule} Example: `lower(city)`."),
        Function("upper", expression=upper, operands=(text,), gives="same",
                 doc=f"Text in upper case.\n\n{rule} Example: `upper(code)`."),
        Function("contains", expression=contains, operands=(text, Operand("part", literal=TEXT)), gives="binary",
                 doc="Whether a text holds another.\n\nThe part is taken as it is written, case included; `matches` "
                     f'takes a pattern. {rule} Example: `contains(subject, "free")`.'),
        Function("matches", expression=matches, operands=(text, pattern), gives="binary",
                 doc="Whether a pattern occurs in a text.\n\nA regular expression (Rust's syntax), found anywhere: "
                     "`^` and `$` tie it to the ends, `(?i)` ignores case. "
                     f'{rule} Example: `matches(ticket, """^PC \\d+""")`.'),
        Function("extract", expression=extract, operands=(text, pattern), gives="text", missing="yes",
                 doc="Part of a text that a pattern finds.\n\nWhat the first group in parentheses caught, or the whole "
                     "match if there is none; missing where the pattern does not occur. "
                     'Example: `extract(name, """, (\\w+)\\.""")`.'),
        Function("replace", expression=replace, operands=(text, Operand("part", literal=TEXT),
                 Operand("by", literal=TEXT)), gives="same",
                 doc="Text with a part replaced.\n\nEvery occurrence of `part`, taken as it is written. "
                     f'{rule} Example: `to_number(replace(price, ",", ""))`.'),
        Function("concat", expression=concat, operands=(text, Operand("other", WORDS)), variadic=True, gives="text",
                 doc="Texts one after the other.\n\nTwo or more texts or columns of levels. Missing where one of them "
                     'is missing. Example: `concat(city, "-", street)`.'),
        Function("to_number", expression=to_number, operands=(text,), gives="continuous", missing="yes",
                 doc="Number that a text is.\n\nDecimal or exponent form (`3`, `-2.5`, `1e3`), blanks around it "
                     "allowed; missing where the text is no number. Example: `to_number(engine_size)`."),
    ]  # fmt: skip
