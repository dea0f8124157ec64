"""Did you mean: near names, other tools' names, and nothing where nothing is near."""

from __future__ import annotations

import pytest

from mldsl.diagnostics.suggest import did_you_mean

NAMES = ["trees", "max_depth", "learning_rate", "model", "metrics", "SVM"]
ALIASES = {"n_estimators": "trees", "eta": "learning_rate"}


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("modle", "model"), ("Model", "model"), ("MODEL", "model"), ("max_dept", "max_depth"), ("svm", "SVM"),
        ("n_estimators", "trees"), ("n_estimator", "trees"), ("eta", "learning_rate"), ("metric", "metrics"),
        ("completely_other", None), ("", None),
    ],
)  # fmt: skip
def test_nearest(word: str, expected: str | None) -> None:
    assert did_you_mean(word, NAMES, ALIASES) == expected


def test_of_nothing_nothing() -> None:
    assert did_you_mean("a", []) is None
    assert did_you_mean("a", iter(["ab", "a"])) == "a"
