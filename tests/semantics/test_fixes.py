"""Safe fixes: the text that they give is sound, and means what the message says."""

import pytest

from mldsl.diagnostics.fixes import apply_fixes
from mldsl.semantics import analyze, load
from mldsl.source import Source

HEAD = 'mlp 1\ndata { csv("t.csv") }\n'
FEATURES = "features {\n  y: binary as target\n  a: continuous\n  c: categorical\n}\n"
MODEL = "model { logistic_regression }\n"


def fixed(text, registry):
    source = Source("t.mlp", text)
    return apply_fixes(source, analyze(load(source), registry).diagnostics)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # A block is added, above the comment that documents the model.
        (HEAD + FEATURES + "\n# the model\n# of all\n" + MODEL,
         HEAD + FEATURES + "\ntransforms { one_hot on categorical }\n\n# the model\n# of all\n" + MODEL),
        # A line is added to a block of several lines, comments kept.
        (HEAD + FEATURES + "transforms {\n  # why\n  standardize on a  # so\n}\n" + MODEL,
         HEAD + FEATURES + "transforms {\n  # why\n  standardize on a\n  one_hot on categorical  # so\n}\n" + MODEL),
        # A block of one line is unfolded.
        (HEAD + FEATURES + 'transforms { s = a + 1 }\n' + MODEL,
         HEAD + FEATURES + 'transforms {\n  s = a + 1\n  one_hot on categorical\n}\n' + MODEL),
        # Named transforms that only this model takes.
        (HEAD + FEATURES + "transforms x { standardize on a }\nmodel {\n  logistic_regression\n  inputs = x\n}\n",
         HEAD + FEATURES + "transforms x {\n  standardize on a\n  one_hot on categorical\n}\n"
         "model {\n  logistic_regression\n  inputs = x\n}\n"),
        # Levels are quoted, a possibly missing computed column is declared so.
        (HEAD + "features {\n  y: binary(no, yes) as target\n  a: continuous\n}\n" + MODEL,
         HEAD + 'features {\n  y: binary("no", "yes") as target\n  a: continuous\n}\n' + MODEL),
        (HEAD + "features {\n  y: binary as target\n  a: continuous?\n  b: continuous = a + 1\n}\nmodel { cart }\n",
         HEAD + "features {\n  y: binary as target\n  a: continuous?\n  b: continuous? = a + 1\n}\nmodel { cart }\n"),
        # The edition line.
        (HEAD.removeprefix("mlp 1\n") + FEATURES + "model { cart }\n", HEAD + FEATURES + "model { cart }\n"),
        # A closing activation is removed.
        (HEAD + FEATURES + "network n {\n  dense(2)\n  softmax\n}\nmodel { neural_network(n) }\n",
         HEAD + FEATURES + "network n {\n  dense(2)\n}\nmodel { neural_network(n) }\n"),
    ],
)  # fmt: skip
def test_safe_fixes(before, after, stand_ins):
    assert fixed(before, stand_ins) == after
    assert analyze(load(Source("t.mlp", after)), stand_ins).errors == ()


@pytest.mark.parametrize(
    "text",
    [
        # Another model would change, too.
        HEAD + FEATURES + "transforms x { standardize on a }\nmodel l {\n  logistic_regression\n  inputs = x\n}\n"
        "model f {\n  cart\n  inputs = x\n}\n",
        HEAD + FEATURES + "model l { logistic_regression }\nmodel f { cart }\n",
        # Scaling changes the result; it is offered, and not done.
        HEAD + "features { a, b: continuous }\nmodel { k_means(clusters = 2) }\n",
    ],
)
def test_what_is_not_safe_is_left_alone(text, stand_ins):
    offered = [d.fix for d in analyze(load(Source("t.mlp", text)), stand_ins).diagnostics]
    assert offered
    assert not any(fix is not None and fix.safe for fix in offered)
    assert fixed(text, stand_ins) == text


def test_an_included_file_is_not_touched(tmp_path, stand_ins):
    (tmp_path / "base.mlp").write_text(HEAD + FEATURES + "transforms { standardize on a }\n", encoding="utf-8")
    source = Source("main.mlp", 'mlp 1\ninclude "base.mlp"\n' + MODEL, tmp_path / "main.mlp")
    (found,) = analyze(load(source), stand_ins).diagnostics
    assert found.code == "MLP0311"
    assert found.fix is None
