"""Messages as people see them: the samples of the specification to the letter, and what newcomers write."""

from __future__ import annotations

from pathlib import Path

import pytest

from mldsl.diagnostics import render
from mldsl.diagnostics.fixes import apply_fixes
from mldsl.source import Source
from mldsl.syntax.parse import parse

FOLDER = Path(__file__).parent / "malformed"

SAMPLES = {
    "01_unknown_block.mlp": """\
error[MLP0002]: unknown block `modle`
 --> 01_unknown_block.mlp:3:1
  |
3 | modle { logistic_regression }
  | ^^^^^
  |
  = note: CONTENTS
  = help: did you mean `model`?
""",
    "03_unclosed_paren.mlp": """\
error[MLP0004]: `(` is never closed
 --> 03_unclosed_paren.mlp:3:7
  |
3 |   cart(
  |       ^ opened here
...
6 | }
  | - the arguments must end before this
  |
  = help: add the closing `)`
""",
    "04_unclosed_brace.mlp": """\
error[MLP0005]: block `features` is never closed
 --> 04_unclosed_brace.mlp:2:10
  |
2 | features {
  |          ^ opened here
...
5 | model { logistic_regression }
  | ----- the next block starts here
  |
  = help: add `}` before it
""",
    "05_missing_comma.mlp": """\
error[MLP0006]: a comma is missing between two arguments
 --> 05_missing_comma.mlp:2:39
  |
2 | model { svm(kernel = rbf(gamma = 0.1) c = 10) }
  |                                       ^
  |
  = help: add `,` before this
""",
    "08_yaml_colon.mlp": """\
error[MLP0012]: settings use `=`, not `:`
 --> 08_yaml_colon.mlp:3:7
  |
3 |   test: 20%
  |       ^
  |
  = help: replace `:` by `=`
""",
    "15_chained_comparison.mlp": """\
error[MLP0010]: comparisons cannot be chained
 --> 15_chained_comparison.mlp:4:19
  |
4 |   where = 0 < age < 100
  |                   ^
  |
  = help: write two, joined by `and`: `0 < age and age < 100`
""",
    "21_paren_before_on.mlp": """\
error[MLP0004]: `(` is never closed
 --> 21_paren_before_on.mlp:3:9
  |
3 |   impute(median on [age, fare]
  |         ^       -- the arguments must end before this
  |         opened here
  |
  = help: add the closing `)`
""",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_samples_to_the_letter(name: str) -> None:
    source = Source(name, (FOLDER / name).read_text("utf-8"))
    contents = "a file contains: use, include, param, data, features, transforms, network, split, model, tune"
    shown = render(parse(source)[1], {name: source}).replace(f"{contents}, metrics, report, export", "CONTENTS")
    assert shown == SAMPLES[name] + "\n1 error, 0 warnings; no data was read"


# Text behind the edition line; then the codes with the column of each, what the first says to do, and the text that
# the safe fixes give (None where there are none).
MISTAKES: list[tuple[str, list[tuple[str, int, int]], str | None, str | None]] = [
    ("model logistic_regression }", [("MLP0018", 2, 6)], "model { ... }", "model { logistic_regression }"),
    ("model\n{\n  cart\n}", [("MLP0018", 3, 1)], None, "model {\n  cart\n}"),
    ('data = csv("a")', [("MLP0018", 2, 5)], "data { ... }", None),
    ('model "forest" { cart }', [("MLP0001", 2, 7)], "without quotes", "model forest { cart }"),
    ("model a b { cart }", [("MLP0001", 2, 7)], None, None),
    ("parm lr: number = 1", [("MLP0002", 2, 1)], "did you mean `param`?", "param lr: number = 1"),
    ("import x\nfrom y", [("MLP0001", 2, 1)], None, None),
    ("split { test = 20%, folds = 5 }", [("MLP0001", 2, 19)], "one statement per line", None),
    ("split {\n  test = 20%,\n}", [("MLP0001", 3, 13)], "ends with its line", "split {\n  test = 20%\n}"),
    ('model { svm(w = {"a": 1, "b": 2}) }', [("MLP0001", 2, 17)], '["a" = 1, "b" = 2]', None),
    ("data {\n  csv(\"a\")\n  standardize on numeric\n}", [("MLP0001", 4, 15)], "fitted on training rows only", None),
    ("metrics { accuracy primary }", [("MLP0001", 2, 20)], "as primary", "metrics { accuracy as primary }"),
    ("metrics { accuracy => 0.9 }", [("MLP0013", 2, 20)], "write `>=`", "metrics { accuracy >= 0.9 }"),
    ("features { age = continuous }", [("MLP0009", 2, 16)], "behind `:`", "features { age : continuous }"),
    ("features { a: text target }", [("MLP0001", 2, 20)], "as target", "features { a: text as target }"),
    ("features { a b: text }", [("MLP0006", 2, 14)], "add `,`", "features { a, b: text }"),
    ("transforms { impute(median) age }", [("MLP0015", 2, 29)], "write `on`", None),
    ("transforms { one_hot on sex, age }", [("MLP0001", 2, 28)], "on [a, b]", None),
    ("transforms {\n  age |> impute\n}", [("MLP0014", 3, 7)], "one `STEP on COLUMNS` per line", None),
    ("transforms { x = a ** 2 }", [("MLP0013", 2, 20)], "write `^`", "transforms { x = a ^ 2 }"),
    ("transforms { x = !a||b }", [("MLP0013", 2, 18), ("MLP0013", 2, 20)], "`not`", "transforms { x = not a or b }"),
    ("param lr = 0.1", [("MLP0009", 2, 10)], "param NAME: TYPE", None),
    ("param: number", [("MLP0017", 2, 6)], "param NAME: TYPE", None),
    ("param lr: number: 0.1", [("MLP0012", 2, 17)], "replace `:`", "param lr: number= 0.1"),
    ("include a.mlp", [("MLP0001", 2, 9)], "in quotes", 'include "a.mlp"'),
    ('use "acme"', [("MLP0001", 2, 5)], "without quotes", "use acme"),
    ("use acme 1.2", [("MLP0001", 2, 10)], "in quotes", 'use acme "1.2"'),
    ("model { cart(depth 6) }", [("MLP0001", 2, 20)], "depth = 6", "model { cart(depth = 6) }"),
    ("model { cart(a = 1; b = 2) }", [("MLP0013", 2, 19)], "write `,`", "model { cart(a = 1, b = 2) }"),
    ("model { cart(a == ) }", [("MLP0008", 2, 19)], None, None),
    ("model { cart(a = 1,, b = 2) }", [("MLP0001", 2, 20)], "remove it", "model { cart(a = 1, b = 2) }"),
    ("model { cart(a = [1)) }", [("MLP0004", 2, 18)], "add the closing `]`", None),
    ("model { cart(a = 1] }", [("MLP0011", 2, 19)], "write `)`", "model { cart(a = 1) }"),
    ('data { sql("x", """select\n) }\nmodel { cart }', [("MLP0003", 2, 17)], '"""', None),
    (r'data { csv("C:\data") }', [("MLP0013", 2, 15)], r"write `\\`", r'data { csv("C:\\data") }'),
    ("data { csv(“a”) }", [("MLP0013", 2, 12)], '"', 'data { csv("a") }'),
    ("data { csv(x)\u00a0}", [("MLP0013", 2, 14)], "write a space", "data { csv(x) }"),
    ("// c\nmodel { a } // d", [("MLP0013", 2, 1), ("MLP0013", 3, 13)], "`#`", "# c\nmodel { a } # d"),
    ("model { a } model { b }", [("MLP0007", 2, 13)], "new line", "model { a } \nmodel { b }"),
    ("tune { $lr }", [("MLP0008", 2, 11)], "$lr in LOW..HIGH", None),
    ("tune { $lr = 3 }", [("MLP0001", 2, 12)], "$lr in LOW..HIGH", None),
    ("tune { lr in 1..3 }", [("MLP0001", 2, 11)], "$lr", "tune { $lr in 1..3 }"),
    ("tune { t = random(timeout = 2 h) }", [("MLP0006", 2, 31)], None, "tune { t = random(timeout = 2, h) }"),
    ("split { test = 20 % }", [("MLP0013", 2, 19)], "without a space", None),
    ("split { by: a\n folds: }", [("MLP0012", 2, 11), ("MLP0012", 3, 7), ("MLP0008", 3, 8)], "replace `:`", None),
    ("features {\n  a: x\n}\n  b: y\n  c: z\n}", [("MLP0001", 5, 3)], None, None),
    ("features { a: }", [("MLP0009", 2, 14)], "NAME: TYPE", None),
    ("features { a: text as }", [("MLP0008", 2, 22)], "target, weight", None),
    ('metrics { "accuracy" }', [("MLP0001", 2, 11)], "without quotes", "metrics { accuracy }"),
    ("tune { `x` }", [("MLP0001", 2, 8)], None, None),
    ("transforms { d = a > 3 ? 1 : 0 }", [("MLP0001", 2, 24)], "if_else(CONDITION, A, B)", None),
    ("split { a = 1e }", [("MLP0013", 2, 13)], None, None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "places", "help_", "repaired"), MISTAKES, ids=[m[0][:30] for m in MISTAKES])
def test_common_mistakes(
    text: str, places: list[tuple[str, int, int]], help_: str | None, repaired: str | None
) -> None:
    source = Source("f.mlp", f"mlp 1\n{text}\n")
    _, found = parse(source)
    assert [(d.code, d.span.line, d.span.column) for d in found if d.span] == places
    assert help_ is None or help_ in (found[0].help or ""), found[0]
    fixed = apply_fixes(source, found)
    if repaired is not None:
        assert fixed == f"mlp 1\n{repaired}\n"
        assert parse(Source("f.mlp", fixed))[1] == []


@pytest.mark.parametrize(("text", "places", "help_", "repaired"), MISTAKES, ids=[m[0][:30] for m in MISTAKES])
def test_messages_have_the_house_form(
    text: str, places: list[tuple[str, int, int]], help_: str | None, repaired: str | None
) -> None:
    """Lower case, no full stop, on one line."""
    for diagnostic in parse(Source("f.mlp", f"mlp 1\n{text}\n"))[1]:
        for said in (diagnostic.message, diagnostic.label, *diagnostic.notes, diagnostic.help or ""):
            assert "\n" not in said
            assert not said.endswith(".") or said.endswith("...")
            assert said[:1] == said[:1].lower()


def test_after_a_hundred_messages_there_are_no_more() -> None:
    source = Source("f.mlp", "mlp 1\n" + "model { a' }\n" * 500)
    _, found = parse(source)
    assert len(found) == 100
    assert "more mistakes" in found[-1].notes[-1]
    assert not any("more mistakes" in note for diagnostic in found[:-1] for note in diagnostic.notes)


def test_twenty_statements_are_explained_and_the_rest_is_kept_out() -> None:
    good = "model { cart }\n"
    bad = "metrics { f1 as }\n"
    program, found = parse(Source("f.mlp", "mlp 1\n" + good + bad * 30 + good))
    assert len(found) == 20
    assert "more mistakes" in found[-1].notes[-1]
    assert [item.kind for item in program.items] == ["model"] + ["metrics"] * 20
    assert program.lost == {"metrics", "model"}
    program, found = parse(Source("f.mlp", "mlp 1\n" + good + bad * 20 + good))
    assert len(found) == len(program.items) - 2 == 20
    assert not any("more mistakes" in note for diagnostic in found for note in diagnostic.notes)
