"""The fast builder grows the tree that plain code grows: histograms of all rows of each node, one after the other."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mldsl_plugins.trees._bins import bin_columns
from mldsl_plugins.trees._grow import grow
from mldsl_plugins.trees._splits import Growth, Limits, best_split, root, subset_of, value

from mldsl.contract import ColumnShape, Prepared, Shape
from mldsl.execute.programs import QUICK

N, LEAVES = 900, 10
COLUMNS = (ColumnShape("a"), ColumnShape("b"), ColumnShape("c", "categorical", 40), ColumnShape("d", "categorical", 3))
LIMITS = Limits(*jnp.float32([0.5, 15, 1e-3]))


class Node:
    def __init__(self, sums, here, depth):
        self.sums, self.here, self.depth = sums, here, depth
        self.split, self.gain, self.children = None, 0.0, None


def plainly(growth, inputs, sums, columns):
    """The nodes in the order in which they are made, the root first; `sums` [n, 3] are derivatives and weights."""
    d, bins = len(growth.categories), growth.bins
    codes = np.minimum(np.asarray(inputs.rows)[:, :d].astype(int), bins)
    split = jax.jit(best_split, static_argnums=2, compiler_options=QUICK)
    nodes = [Node(root(*jnp.float32(sums.sum(axis=0))), np.ones(len(codes), bool), 0)]

    def search(node):
        if growth.max_depth and node.depth == growth.max_depth:
            return
        histogram = np.zeros((d, bins + 1, 2), np.float64)
        for j in range(d):
            np.add.at(histogram[j], codes[node.here, j], sums[node.here, :2])
        node.split = jax.tree.map(np.asarray, split(jnp.float32(histogram), node.sums, growth, LIMITS, columns))
        node.gain = float(node.split.gain)

    search(nodes[0])
    while len(nodes) < 2 * growth.leaves - 1:
        waiting = [node for node in nodes if node.gain > 0 and node.children is None]
        if not waiting:
            break
        first = (lambda node: (node.depth, -node.gain)) if growth.by_depth else (lambda node: -node.gain)
        node = min(waiting, key=first)
        node.children = len(nodes), len(nodes) + 1
        goes = node.split.goes_left[codes[:, int(node.split.feature)]]
        for side, part in ((goes, node.split.left), (~goes, node.split.right)):
            here = node.here & side
            exact = jax.tree.map(jnp.asarray, part)._replace(weight=jnp.float32(sums[here, 2].sum()))
            nodes.append(Node(exact, here, node.depth + 1))
            search(nodes[-1])
    return nodes


@pytest.mark.parametrize("by_depth", [False, True], ids=["best first", "by level"])
def test_the_fast_tree_is_the_plain_one(by_depth):
    random = np.random.default_rng(6)
    x = np.stack([random.normal(size=N), random.integers(0, 30, N), random.integers(0, 40, N),
                  random.integers(0, 3, N)], axis=1)  # fmt: skip
    x[random.random(x.shape) < 0.1] = np.nan
    known = np.nan_to_num(x)
    effect = random.normal(size=40)
    signal = known[:, 0] - 0.1 * known[:, 1] + 1.5 * effect[known[:, 2].astype(int)] + 2 * (known[:, 3] == 1)
    weight = random.integers(0, 3, N).astype(np.float32)
    sums = np.stack([(random.normal(0, 0.5, N) - signal) * weight, weight * 1.5, weight], axis=1).astype(np.float32)
    shape = Shape(N, COLUMNS)
    inputs = bin_columns(shape, {c.name: x[:, j] for j, c in enumerate(COLUMNS)}, weight, 32)
    growth = Growth(LEAVES, 5, by_depth, 32, (False, False, True, True), (1, 0, 0, 0), words=2)
    columns = jnp.ones(4, bool)
    nodes = plainly(growth, inputs, sums, columns)
    inputs = Prepared(jnp.asarray(inputs.rows), jax.tree.map(jnp.asarray, inputs.shared))
    fast = jax.jit(grow, static_argnums=0, compiler_options=QUICK)
    grown = jax.tree.map(np.asarray, fast(growth, LIMITS, inputs, *sums.T, columns))
    table = inputs.shared

    assert len(nodes) == 2 * LEAVES - 1
    assert {int(node.split.feature) for node in nodes if node.children} == {0, 1, 2, 3}
    for i, node in enumerate(nodes):
        said = float(value(node.sums, LIMITS.l2))
        np.testing.assert_allclose([grown.value[i], grown.weight[i]], [said, node.sums.weight], rtol=1e-4, atol=1e-5)
        if node.children is None:
            assert grown.feature[i] == -1
            np.testing.assert_array_equal(grown.leaf == i, node.here)
            continue
        j = int(node.split.feature)
        assert (grown.feature[i], grown.left[i], grown.right[i]) == (j, *node.children)
        assert grown.missing_left[i] == node.split.missing_left
        np.testing.assert_allclose(grown.gain[i], node.gain, rtol=1e-3)
        if growth.categories[j]:
            goes_left, missing_left = jnp.asarray(node.split.goes_left), jnp.asarray(node.split.missing_left)
            np.testing.assert_array_equal(grown.subset[i], subset_of(goes_left, missing_left, table.level[j], 2))
        else:
            assert grown.threshold[i] == np.append(table.edges[j], np.inf)[node.split.bin]
