"""Trees of LightGBM in our form, so that both sides of a benchmark predict with the same trees."""

from __future__ import annotations

from typing import Any

import numpy as np

from mldsl.contract import Trees

LARGEST = float(np.finfo(np.float32).max)


def translated(booster: Any, words: int = 0) -> Trees:
    """A `lightgbm.Booster` of one output; `words` of 32 levels each for subsets of categories. Inputs are float32."""
    listed = [list(_nodes(tree["tree_structure"])) for tree in booster.dump_model()["tree_info"]]
    shape = len(listed), max(map(len, listed))
    lone = np.tile(np.arange(shape[1], dtype=np.int32), (shape[0], 1))
    zeros = np.zeros(shape, np.float32)
    trees = Trees(
        feature=np.full(shape, -1, np.int32), threshold=zeros.copy(), subset=np.zeros((*shape, words), np.uint32),
        missing_left=np.zeros(shape, bool), left=lone.copy(), right=lone.copy(), value=zeros[..., None].copy(),
        weight=zeros.copy(), gain=zeros.copy(),
    )  # fmt: skip
    for t, nodes in enumerate(listed):
        number = {id(node): i for i, node in enumerate(nodes)}
        for i, node in enumerate(nodes):
            if "leaf_value" in node:
                trees.value[t, i], trees.weight[t, i] = node["leaf_value"], node.get("leaf_count", 1)
                continue
            trees.value[t, i], trees.weight[t, i] = node["internal_value"], node["internal_count"]
            trees.gain[t, i] = node["split_gain"]
            trees.feature[t, i] = node["split_feature"]
            trees.left[t, i], trees.right[t, i] = (number[id(node[side])] for side in ("left_child", "right_child"))
            if node["decision_type"] == "==":
                for level in map(int, node["threshold"].split("||")):
                    trees.subset[t, i, level // 32] |= np.uint32(1 << level % 32)
            else:
                trees.threshold[t, i] = _below(node["threshold"])
                trees.missing_left[t, i] = node["default_left"]
    return trees


def _nodes(node: Any) -> Any:
    yield node
    for side in ("left_child", "right_child"):
        if side in node:
            yield from _nodes(node[side])


def _below(threshold: float) -> np.float32:
    """The float32 that parts the float32 numbers as this double does: the nearest one that is not above it."""
    near = np.float32(min(threshold, LARGEST))
    return near if float(near) <= threshold else np.nextafter(near, np.float32(-LARGEST))
