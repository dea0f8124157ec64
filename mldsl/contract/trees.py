"""Grown trees as arrays: what models of trees predict with, and what reports of trees read."""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Array, Bool, Float, Int, UInt


class Trees(NamedTuple):
    """T trees with room for N nodes each, of inputs [n, d] as a model is given them.

    Node 0 is the root. A row goes left where `x <= threshold`; where the column has categories, if its code is one of
    `subset`, whose bit c % 32 of word c // 32 stands for code c; a missing value, and a code that is none of the
    fitted levels, goes left where `missing_left`. A leaf has `feature` -1, and `left` and `right` are itself. Nodes
    that were not needed look like leaves of weight 0. Inner nodes have values, too: what they would say as leaves.

    `value` [T, N, k] are outputs: scores that are summed over trees, shares of classes or means that are averaged.
    `weight` is the sum of weights of the training rows in the node, `gain` what its split gained in total, in the units
    of what the trees lower, 0 for leaves. `subset` has no words where no column has categories.
    """

    feature: Int[Array, "T N"]
    threshold: Float[Array, "T N"]
    subset: UInt[Array, "T N words"]
    missing_left: Bool[Array, "T N"]
    left: Int[Array, "T N"]
    right: Int[Array, "T N"]
    value: Float[Array, "T N k"]
    weight: Float[Array, "T N"]
    gain: Float[Array, "T N"]
