"""No text raises anything, and the first message of a broken file is near what broke it."""

from __future__ import annotations

import random

import pytest

from mldsl.diagnostics import render
from mldsl.diagnostics.codes import CODES
from mldsl.source import Source
from mldsl.syntax.parse import parse
from mldsl.syntax.printer import format_source
from mldsl.syntax.scan import scan

CHARACTERS = "(){}[]=:,\"'`$#.;|&<>~+-*/^%?\\\n\t \x00é日\ufeff\u202e0aZ_\r"
WORDS = (
    "data", "model", "features", "on", "as", "in", "and", "or", "not", "{", "}", "(", ")", "[", "]", "=", ":", ",",
    '"""', '"', '"x"', "1", "2.5", "20%", "3hours", "$x", "`a b`", "..", "->", "&&", "mlp 1", "use x", 'include "a"',
    "param p: number", "~", "==", ">=", "\n", "\n\n", "# c\n",
)  # fmt: skip
INSERTED = ("data", "model", "on", "as", "in", "{", "}", "(", ")", "[", "]", "=", ":", ",", '"', "x", "1", "$x", "..")


def damaged(text: str, dice: random.Random) -> str:
    """The text with one thing done to it, to a token or anywhere."""
    kind = dice.randrange(7)
    at = dice.randrange(len(text) + 1)
    if kind == 4:
        return text[:at] + dice.choice(CHARACTERS) + text[at:]
    if kind == 5:
        return f"{text[:at]} {dice.choice(WORDS)} {text[at:]}"
    if kind == 6:
        return text[:at] + text[at + dice.randrange(40) :]
    tokens = scan(text)[0][:-1]
    return edited(text, tokens, dice.randrange(len(tokens)), kind, dice) if tokens else text


def edited(text: str, tokens: list, index: int, kind: int, dice: random.Random) -> str:
    """Delete, double, swap or replace a token, or put one before it."""
    token = tokens[index]
    before, after = text[: token.start], text[token.end :]
    if kind == 0:
        return before + after
    if kind == 1:
        return f"{before}{token.text} {token.text}{after}"
    if kind == 2 and index + 1 < len(tokens):
        other = tokens[index + 1]
        return before + other.text + text[token.end : other.start] + token.text + text[other.end :]
    if kind == 4:
        return f"{before}{dice.choice(INSERTED)} {token.text}{after}"
    return before + dice.choice(tokens).text + after


@pytest.mark.xdist_group("syntax-fuzz")
@pytest.mark.parametrize("seed", range(4))
def test_twenty_thousand_broken_texts(seed: int, examples: list[Source], malformed: list[Source]) -> None:
    """5,000 for each seed: one to six changes to a file, the last of them often far from the first."""
    dice = random.Random(seed)
    texts = [source.text for source in (*examples, *malformed)]
    for number in range(5000):
        text = dice.choice(texts)
        for _ in range(dice.choice((1, 1, 1, 2, 3, 6))):
            text = damaged(text, dice)
        source = Source("f.mlp", text)
        program, found = parse(source)
        assert program.file == "f.mlp"
        for diagnostic in found:
            assert diagnostic.code in CODES
            assert diagnostic.span is not None
            assert 1 <= diagnostic.span.line <= len(source.lines)
            assert 1 <= diagnostic.span.column <= len(source.lines[diagnostic.span.line - 1]) + 1
        if number % 10 == 0:
            assert render(found, {"f.mlp": source}).encode()
        if number % 10 == 1 and not any(diagnostic.severity == "error" for diagnostic in found):
            again = Source("f.mlp", format_source(source))
            assert format_source(again) == again.text


@pytest.mark.xdist_group("syntax-fuzz")
def test_the_first_message_is_near_the_damage(examples: list[Source]) -> None:
    """Of single-token edits that give errors, 95 % and more have the first one within a line of the edit."""
    dice = random.Random(1)
    tried = near = total = 0
    for number in range(1500):
        text = dice.choice(examples).text
        tokens = [token for token in scan(text)[0] if token.kind not in ("newline", "end")]
        index = dice.randrange(len(tokens))
        source = Source("f.mlp", edited(text, tokens, index, number % 5, dice))
        found = [diagnostic for diagnostic in parse(source)[1] if diagnostic.severity == "error"]
        if not found:
            continue
        first = text.count("\n", 0, tokens[index].start) + 1
        last = text.count("\n", 0, tokens[min(index + (number % 5 == 2), len(tokens) - 1)].end) + 1
        lines = [found[0].span, *(label.span for label in found[0].labels)]
        tried += 1
        near += any(first - 1 <= span.line <= last + 1 for span in lines if span is not None)
        total += len(found)
    assert tried > 900
    assert near / tried >= 0.95
    assert total / tried <= 1.3, "one mistake should give one message"


@pytest.mark.parametrize(
    "text",
    [
        "(" * 20_000, "{" * 2_000, "}" * 2_000, '"' * 5_001, "'" * 5_000, "`" * 5_000, "\0" * 1_000, "\n" * 5_000,
        "mlp 1\nsplit { a = " + "(" * 5_000 + "1" + ")" * 5_000 + " }", "mlp 1\nsplit { a = " + "-" * 5_000 + "x }",
        "mlp 1\nsplit { a = " + "not " * 5_000 + "x }", "mlp 1\nsplit { a = " + "x ^ " * 3_000 + "x }",
        "mlp 1\nsplit { a = " + "1 + " * 3_000 + "x }", "mlp 1\nmodel {\n" + "f(1\n" * 3_000 + "}", "a b c\n" * 3_000,
        "model {" * 3_000, "mlp " + "9" * 5_000, "mlp 1\nsplit { a = " + "9" * 5_000 + " }",
        "mlp 1\nsplit { a = 1e999, b = " + "9" * 400 + "GB }", 'mlp 1\ndata { sql("""' + "x\n" * 5_000, '"""' * 3_001,
        "mlp 1\ntransforms {\n" + "f(a on b\n" * 1_000 + "}", "mlp 1\nsplit { a = " + "b && " * 1_000 + "c }",
        "mlp 1\nmodel { \"\ud800\" }\n# \udc00", "mlp 1\rmodel { x }",
        "mlp 1\nmodel { x = " + "[" * 101 + "]" * 101 + " }",
    ],
    ids=lambda text: repr(text[:24]),
)  # fmt: skip
def test_hostile_texts_cost_little_and_give_messages(text: str) -> None:
    source = Source("f.mlp", text)
    _, found = parse(source)
    assert found
    assert len(found) <= 110
    assert render(found, {"f.mlp": source}).encode()
