"""Trees that scikit-learn and LightGBM grew, in the form in which ours are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.trees import translated
from mldsl.contract import Trees

_KINDS = {
    "feature": np.int32, "threshold": np.float32, "subset": np.uint32, "missing_left": bool, "left": np.int32,
    "right": np.int32, "value": np.float32, "weight": np.float32, "gain": np.float32,
}  # fmt: skip


def stacked(trees: Sequence[Sequence[Mapping[str, Any]]], words: int = 0, outputs: int = 1) -> Trees:
    """Trees as arrays, from nodes as mappings; what a mapping leaves out is that of a leaf."""
    size = max(map(len, trees))

    def cells(name: str) -> Any:
        spare: dict[str, Any] = {"feature": -1, "subset": [0] * words, "value": [0.0] * outputs}
        rows = [
            [
                tree[i][name] if i < len(tree) and name in tree[i] else i if name in ("left", "right")
                else spare.get(name, 0)
                for i in range(size)
            ]
            for tree in trees
        ]  # fmt: skip
        return np.asarray(rows, _KINDS[name])

    found = Trees(*(cells(name) for name in Trees._fields))
    threshold = [[node.get("threshold", 0.0) for node in tree] + [0.0] * (size - len(tree)) for tree in trees]
    above = found.threshold > np.asarray(threshold)  # rounded up, where a value of float32 may be
    down = np.where(above, np.nextafter(found.threshold, np.float32(-np.inf)), found.threshold)
    return found._replace(threshold=down, subset=found.subset.reshape(len(trees), size, words))


def of_sklearn(*fitted: Any) -> Trees:
    """The trees of fitted DecisionTreeClassifiers (shares of classes) or DecisionTreeRegressors."""

    def nodes(model: Any) -> list[dict[str, Any]]:
        tree, found = model.tree_, []
        worth = tree.weighted_n_node_samples * tree.impurity
        for i, (left, right) in enumerate(zip(tree.children_left, tree.children_right, strict=True)):
            value = tree.value[i, 0] / tree.value[i, 0].sum() if hasattr(model, "classes_") else tree.value[i, 0]
            one = {"value": value.tolist(), "weight": tree.weighted_n_node_samples[i]}
            if left >= 0:
                one |= {"feature": tree.feature[i], "threshold": tree.threshold[i], "left": left, "right": right,
                        "missing_left": tree.missing_go_to_left[i],
                        "gain": worth[i] - worth[left] - worth[right]}  # fmt: skip
            found.append(one)
        return found

    return stacked([nodes(model) for model in fitted], outputs=fitted[0].tree_.value.shape[2])


@pytest.fixture(scope="session")
def grown() -> SimpleNamespace:
    """The makers of this file."""
    return SimpleNamespace(stacked=stacked, of_lightgbm=translated, of_sklearn=of_sklearn)
