"""One tree: the same over several devices, and true to its own rules."""

from __future__ import annotations

import attrs
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec
from mldsl_plugins.trees._bins import bin_columns
from mldsl_plugins.trees._grow import Grown, grow
from mldsl_plugins.trees._splits import Growth, Limits

from mldsl.contract import ColumnShape, Prepared, Shape
from mldsl.execute.programs import QUICK
from mldsl.execute.shards import BY_ROW, EVERYWHERE, over_rows

N = 1024
LIMITS = Limits(jnp.float32(0.5), jnp.float32(10), jnp.float32(1e-3))


def problem(d, *, missing=False):
    rng = np.random.default_rng(d)
    x = rng.normal(size=(N, d)).astype(np.float32)
    if missing:
        x[rng.random((N, d)) < 0.2] = np.nan
    weight = rng.integers(0, 3, N).astype(np.float32)
    known = np.nan_to_num(x)
    gradient = -(np.sin(2 * known[:, 0]) + known[:, 1] * known[:, -1]).astype(np.float32) * weight
    shape = Shape(N, tuple(ColumnShape(f"x{j}") for j in range(d)))
    inputs = bin_columns(shape, {f"x{j}": x[:, j] for j in range(d)}, weight, 63)
    growth = Growth(12, 0, False, 63, (False,) * d, (0,) * d, missing=missing)
    return growth, inputs, gradient, weight * np.float32(0.7), weight, x


def grown(growth, inputs, gradient, hessian, weight, devices=1):
    columns = jnp.ones(len(growth.categories), bool)
    inputs = Prepared(inputs.rows, jax.tree.map(jnp.asarray, inputs.shared))

    def one(inputs, gradient, hessian, weight):
        return grow(growth, LIMITS, inputs, gradient, hessian, weight, columns)

    if devices > 1:
        out = Grown(*[PartitionSpec()] * (len(Grown._fields) - 1), BY_ROW)
        one = over_rows(one, devices, (Prepared(BY_ROW, EVERYWHERE), BY_ROW, BY_ROW, BY_ROW), out)
    compiled = jax.jit(one, compiler_options=QUICK)
    return jax.tree.map(np.asarray, compiled(inputs, gradient, hessian, weight))


@pytest.mark.parametrize(("d", "by_depth"), [(5, False), (70, False), (5, True)])
def test_several_devices_grow_the_same_tree(d, by_depth):
    """Few columns: every device looks at all. Many: each looks at its own share of them.

    One device splits one leaf at a time, two split several, some before it is known that the tree has them.
    """
    if jax.device_count() < 2:
        pytest.skip("needs two devices")
    growth, inputs, gradient, hessian, weight, _ = problem(d, missing=d == 5)
    growth = attrs.evolve(growth, by_depth=by_depth)
    one = grown(growth, inputs, gradient, hessian, weight)
    two = grown(growth, inputs, gradient, hessian, weight, devices=2)
    assert (one.feature >= 0).sum() == 11
    for name in set(Grown._fields) - {"gain"}:
        assert np.array_equal(getattr(one, name), getattr(two, name)), name
    np.testing.assert_allclose(one.gain, two.gain, rtol=1e-5, err_msg="differences of sums, compiled quickly")


def test_rows_are_where_the_thresholds_send_them():
    growth, inputs, gradient, hessian, weight, x = problem(5, missing=True)
    tree = grown(growth, inputs, gradient, hessian, weight)
    node = np.zeros(N, int)
    for _ in range(growth.leaves):
        value = x[np.arange(N), np.maximum(tree.feature[node], 0)]
        goes = np.where(np.isnan(value), tree.missing_left[node], value <= tree.threshold[node])
        node = np.where(tree.feature[node] < 0, node, np.where(goes, tree.left[node], tree.right[node]))
    assert np.array_equal(tree.leaf, node)
    for leaf in np.unique(node):
        here = node == leaf
        assert tree.weight[leaf] == weight[here].sum()
        assert tree.weight[leaf] >= LIMITS.min_samples_leaf
        expected = -gradient[here].sum() / (hessian[here].sum() + 0.5)
        assert tree.value[leaf] == pytest.approx(expected, rel=1e-4)
