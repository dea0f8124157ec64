"""Text as the specification shows it, and where carets stand whatever the line holds."""

from __future__ import annotations

import pytest

from mldsl.diagnostics import Diagnostic, Fix, Label, render
from mldsl.diagnostics.text import render_text
from mldsl.source import Source, Span


def at(source: Source, line: int, text: str, nth: int = 0) -> Span:
    """The place of a text in a line."""
    start = -1
    for _ in range(nth + 1):
        start = source.lines[line - 1].index(text, start + 1)
    return Span(source.name, line, start + 1, line, start + 1 + len(text))


def numbered(name: str, lines: dict[int, str]) -> Source:
    """A file of which only some lines matter."""
    return Source(name, "\n".join(lines.get(number, "") for number in range(1, max(lines) + 1)) + "\n")


def test_two_digits_of_lines() -> None:
    source = numbered("s01_many.mlp", {26: "  crat(max_depth = 6, class_weights = balanced)"})
    found = Diagnostic("MLP0101", "unknown model `crat`", at(source, 26, "crat"), help="did you mean `cart`?")
    assert (
        render_text([found], {source.name: source})
        == """\
error[MLP0101]: unknown model `crat`
  --> s01_many.mlp:26:3
   |
26 |   crat(max_depth = 6, class_weights = balanced)
   |   ^^^^
   |
   = help: did you mean `cart`?"""
    )


def test_two_lines_that_follow_each_other() -> None:
    lines = {4: "model a { random_forest(trees = 100) }", 5: "model a { random_forest(trees = 200) }"}
    source = numbered("s03_duplicate.mlp", lines)
    found = Diagnostic(
        "MLP0103",
        "`model a` is defined twice",
        at(source, 5, "a"),
        "second definition",
        (Label(at(source, 4, "a"), "first definition"),),
        help="definitions are never merged or overridden; rename or remove one",
    )
    assert (
        render_text([found], {source.name: source})
        == """\
error[MLP0103]: `model a` is defined twice
 --> s03_duplicate.mlp:5:7
  |
4 | model a { random_forest(trees = 100) }
  |       - first definition
5 | model a { random_forest(trees = 200) }
  |       ^ second definition
  |
  = help: definitions are never merged or overridden; rename or remove one"""
    )


def test_a_text_beside_the_carets_and_nothing_below() -> None:
    source = numbered("s01_many.mlp", {17: "  rate = fare / survived"})
    message = "`survived` is the target; using it here would leak the answer into the inputs"
    found = Diagnostic("MLP0301", message, at(source, 17, "survived"), "the target")
    assert (
        render_text([found], {source.name: source})
        == f"""\
error[MLP0301]: {message}
  --> s01_many.mlp:17:17
   |
17 |   rate = fare / survived
   |                 ^^^^^^^^ the target"""
    )


def test_lines_far_apart_of_unequal_numbers() -> None:
    lines = {3: "param lr: number = 0.05 in 0.001..1", 16: "  $lr in log(1e-5..0.3)"}
    source = numbered("s04_params_tune.mlp", lines)
    found = Diagnostic(
        "MLP0305",
        "the search space of `$lr` leaves its declared range",
        at(source, 16, "1e-5..0.3"),
        "searched here",
        (Label(at(source, 3, "0.001..1"), "declared here"),),
    )
    assert (
        render_text([found], {source.name: source})
        == """\
error[MLP0305]: the search space of `$lr` leaves its declared range
  --> s04_params_tune.mlp:16:14
   |
 3 | param lr: number = 0.05 in 0.001..1
   |                            -------- declared here
...
16 |   $lr in log(1e-5..0.3)
   |              ^^^^^^^^^ searched here"""
    )


def test_a_gap_of_one_line_and_notes() -> None:
    source = numbered("s02.mlp", {5: "  age: continuous? in 0..100", 7: "model { logistic_regression }"})
    found = Diagnostic(
        "MLP0307",
        "`logistic_regression` cannot work on missing values",
        at(source, 7, "logistic_regression"),
        "`age` may still be missing here",
        (Label(at(source, 5, "age"), "declared with `?`"),),
        notes=("one", "two"),
        help="add `impute(median) on age`",
    )
    assert (
        render_text([found], {source.name: source})
        == """\
error[MLP0307]: `logistic_regression` cannot work on missing values
 --> s02.mlp:7:9
  |
5 |   age: continuous? in 0..100
  |   --- declared with `?`
...
7 | model { logistic_regression }
  |         ^^^^^^^^^^^^^^^^^^^ `age` may still be missing here
  |
  = note: one
  = note: two
  = help: add `impute(median) on age`"""
    )


def test_a_warning() -> None:
    source = numbered("spam.mlp", {12: "  tfidf(ngrams = 1..2, min_documents = 2, stop_words = english) on message"})
    found = Diagnostic(
        "MLP0903",
        "`stop_words = english` was renamed in edition 2",
        at(source, 12, "stop_words"),
        "write `drop_words`",
        help="`mldsl migrate --to 2 spam.mlp` rewrites it",
        severity="warning",
    )
    assert (
        render_text([found], {source.name: source})
        == """\
warning[MLP0903]: `stop_words = english` was renamed in edition 2
  --> spam.mlp:12:43
   |
12 |   tfidf(ngrams = 1..2, min_documents = 2, stop_words = english) on message
   |                                           ^^^^^^^^^^ write `drop_words`
   |
   = help: `mldsl migrate --to 2 spam.mlp` rewrites it"""
    )


def test_several_marks_on_one_line() -> None:
    source = Source("f.mlp", "one two three four")
    labels = (Label(at(source, 1, "one"), "first"), Label(at(source, 1, "four"), "last"), Label(at(source, 1, "two")))
    found = Diagnostic("MLP0001", "m", at(source, 1, "three"), "middle", labels)
    assert render_text([found], {"f.mlp": source}).split("\n")[3:] == [
        "1 | one two three four",
        "  | --- --- ^^^^^ ---- last",
        "  |         middle",
        "  | first",
    ]


def test_a_place_over_several_lines() -> None:
    source = Source("f.mlp", "a (\n    b,\n\n  c) d\n")
    found = Diagnostic("MLP0001", "m", Span("f.mlp", 1, 3, 4, 5), "all of it")
    assert render_text([found], {"f.mlp": source}).split("\n")[2:] == [
        "  |",
        "1 | a (",
        "  |   ^",
        "...",
        "4 |   c) d",
        "  |   ^^ all of it",
    ]


def test_a_place_in_another_file() -> None:
    one, two = Source("a.mlp", "x\n"), Source("b.mlp", "\nyy\n")
    found = Diagnostic("MLP0103", "m", Span("a.mlp", 1, 1, 1, 2), labels=(Label(Span("b.mlp", 2, 1, 2, 3), "first"),))
    assert render_text([found], {"a.mlp": one, "b.mlp": two}).split("\n")[1:] == [
        " --> a.mlp:1:1",
        "  |",
        "1 | x",
        "  | ^",
        " ::: b.mlp:2:1",
        "  |",
        "2 | yy",
        "  | -- first",
    ]


def test_without_a_place_and_without_the_file() -> None:
    assert render_text([Diagnostic("MLP0502", "artifact damaged", help="train it again")], {}) == (
        "error[MLP0502]: artifact damaged\n  = help: train it again"
    )
    found = Diagnostic("MLP0001", "m", Span("gone.mlp", 3, 4, 3, 5), notes=("n",))
    assert render_text([found], {}) == "error[MLP0001]: m\n --> gone.mlp:3:4\n  = note: n"


@pytest.mark.parametrize(
    ("line", "mark", "shown", "column"),
    [
        ("\tx y", "y", "    x y", 6),
        ("ab\tx", "x", "ab  x", 4),
        ("日本 x", "x", "日本 x", 5),
        ("e\u0301 x", "x", "e\u0301 x", 2),
        ("\x1b[31m x", "x", "␛[31m x", 6),
        ("a\u202eb x", "x", "a\ufffdb x", 4),
        ("a\ud800 x", "x", "a\ufffd x", 3),
        ("a\u00a0x", "x", "a\u00a0x", 2),
        ("x\r", "x", "x", 0),
    ],
)
def test_carets_stand_below_what_they_mean(line: str, mark: str, shown: str, column: int) -> None:
    source = Source("f.mlp", line)
    rows = render_text([Diagnostic("MLP0001", "m", at(source, 1, mark))], {"f.mlp": source}).split("\n")
    assert rows[3] == f"1 | {shown}"
    assert rows[4] == f"  | {' ' * column}^"


def test_a_wide_character_has_a_wide_caret() -> None:
    source = Source("f.mlp", "日本")
    rows = render_text([Diagnostic("MLP0001", "m", at(source, 1, "本"))], {"f.mlp": source}).split("\n")
    assert rows[4] == "  |   ^^"


def test_a_very_long_line_is_cut_around_the_place() -> None:
    source = Source("f.mlp", "a" * 5000 + "HERE" + "b" * 5000)
    rows = render_text([Diagnostic("MLP0001", "m", at(source, 1, "HERE"))], {"f.mlp": source}).split("\n")
    assert len(rows[3]) < 200
    assert rows[3].startswith("1 | ...aaa")
    assert rows[3].endswith("bbb...")
    start = rows[3].index("HERE")
    assert rows[4] == "  | " + " " * (start - 4) + "^^^^"


def test_control_characters_of_messages_are_pictures() -> None:
    shown = render_text([Diagnostic("MLP0001", "a\x1b[2Jb", help="c\nd")], {})
    assert shown == "error[MLP0001]: a␛[2Jb\n  = help: c\n          d"


def test_colour_marks_and_changes_no_text() -> None:
    import re

    source = Source("f.mlp", "one two")
    found = [Diagnostic("MLP0001", "m", at(source, 1, "two"), "x", (Label(at(source, 1, "one"), "y"),), ("n",), "h")]
    plain = render(found, {"f.mlp": source})
    painted = render(found, {"f.mlp": source}, colour=True)
    assert "\x1b[" in painted
    assert re.sub(r"\x1b\[[\d;]*m", "", painted) == plain


def test_order_and_the_last_line() -> None:
    one, two = Source("a.mlp", "x\ny\n"), Source("b.mlp", "z\n")
    fix = Fix(Span("b.mlp", 1, 1, 1, 2), "w")
    found = [
        Diagnostic("MLP0001", "third", Span("a.mlp", 2, 1, 2, 2)),
        Diagnostic("MLP0002", "fourth", Span("b.mlp", 1, 1, 1, 2), fix=fix, severity="warning"),
        Diagnostic("MLP0003", "second", Span("a.mlp", 1, 1, 1, 2)),
        Diagnostic("MLP0004", "last"),
    ]
    shown = render(found, {"a.mlp": one, "b.mlp": two})
    heads = [line.split(": ", 1)[1] for line in shown.split("\n") if line.startswith(("error[", "warning["))]
    assert heads == ["second", "third", "fourth", "last"]
    assert shown.endswith("\n\n3 errors, 1 warning; no data was read")
    assert render(found, {}, data_read=True).endswith("\n\n3 errors, 1 warning")
    assert render([], {}) == "0 errors, 0 warnings; no data was read"
