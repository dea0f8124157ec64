"""`feature_importance(method = ...)` of models that have no trees."""

from __future__ import annotations

import pytest

from mldsl.driver import plan
from mldsl.source import Source

FILE = """mlp 1
data {{ csv("examples/data/iris.csv") }}
features {{
  species: categorical as target
  "*": continuous
}}
model {{ logistic_regression }}
report {{ feature_importance(method = {method}) }}
"""


@pytest.mark.parametrize(("method", "refused"), [("permutation", False), ("gain", True), ("shap", True)])
def test_what_needs_trees_is_refused_before_training(method: str, refused: bool) -> None:
    found = plan(Source("<test>", FILE.format(method=method))).errors
    assert bool(found) is refused
    if refused:
        assert found[0].code == "MLP0312"
        assert "permutation, which works for `logistic_regression`" in found[0].message
