"""Weights mean what they say: 0 is absent, 2 is twice; and `vmap` over them copies no inputs."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mldsl.contract import blocks as blocks_module
from mldsl.contract import quantiles as quantiles_module
from mldsl.contract import reductions as reductions_module
from mldsl.contract import (
    segment_quantile,
    segment_reduce,
    sharded,
    weighted_gram,
    weighted_mean,
    weighted_moments,
    weighted_quantile,
)

N, D, FOLDS, SEGMENTS = 300, 4, 5, 3
rng = np.random.default_rng(0)
X = rng.normal(3.0, 2.0, (N, D)).astype(np.float32)
Y = rng.normal(size=(N, 2)).astype(np.float32)
SEGMENT = rng.integers(-1, SEGMENTS + 1, N).astype(np.int32)
WEIGHT = rng.integers(0, 3, N).astype(np.float32)
FOLD_WEIGHTS = (rng.integers(0, FOLDS, N) != np.arange(FOLDS)[:, None]).astype(np.float32) * WEIGHT

REDUCTIONS = {
    "mean": lambda x, w: weighted_mean(x, w),
    "mean_of_one": lambda x, w: weighted_mean(x[:, 0], w),
    "moments": lambda x, w: weighted_moments(x, w),
    "moments_of_one": lambda x, w: weighted_moments(x[:, 0], w),
    "gram": lambda x, w: weighted_gram(x, w),
    "cross": lambda x, w: weighted_gram(x, w, jnp.asarray(Y)),
    "segments": lambda x, w: segment_reduce(x, jnp.asarray(SEGMENT), SEGMENTS, weight=w),
    "many_segments": lambda x, w: segment_reduce(x, jnp.asarray(SEGMENT), 100, weight=w),
    "quantiles": lambda x, w: weighted_quantile(x, w, jnp.asarray([0.0, 0.3, 1.0], x.dtype)),
}
ROW_FREE = [name for name in REDUCTIONS if name not in ("cross", "segments", "many_segments")]


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of 64 rows, so that 300 rows need five, the last of which overlaps."""
    monkeypatch.setattr(blocks_module.sum_blocks, "__kwdefaults__", {"rows": 64})
    monkeypatch.setattr(reductions_module, "block_rows", lambda width: 64)


def close(a, b, rtol=2e-6, atol=1e-5):
    jax.tree.map(lambda u, v: np.testing.assert_allclose(u, v, rtol=rtol, atol=atol), a, b)


def test_values_are_numpys():
    inside = (SEGMENT >= 0) & (SEGMENT < SEGMENTS)
    repeated = np.repeat(X, WEIGHT.astype(int), axis=0).astype(np.float64)
    moments = weighted_moments(jnp.asarray(X), jnp.asarray(WEIGHT))
    close(moments.mean, repeated.mean(0))
    close(moments.variance, repeated.var(0))
    assert float(moments.mass) == WEIGHT.sum()
    close(weighted_gram(jnp.asarray(X), jnp.asarray(WEIGHT)), repeated.T @ repeated)
    expected = np.zeros((SEGMENTS, D))
    np.add.at(expected, SEGMENT[inside], X[inside] * WEIGHT[inside, None])
    close(segment_reduce(jnp.asarray(X), jnp.asarray(SEGMENT), SEGMENTS, weight=jnp.asarray(WEIGHT)), expected)
    plain = np.zeros((SEGMENTS, D))
    np.add.at(plain, SEGMENT[inside], X[inside])
    close(segment_reduce(jnp.asarray(X), jnp.asarray(SEGMENT), SEGMENTS), plain)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_blocks_and_one_block_agree(name, small_blocks, monkeypatch):
    small = jax.jit(REDUCTIONS[name])(X, WEIGHT)
    monkeypatch.undo()
    close(small, jax.jit(lambda x, w: REDUCTIONS[name](x, w))(X, WEIGHT))


@pytest.mark.parametrize("name", REDUCTIONS)
def test_rows_of_weight_0_leave_the_same_bits(name):
    reduce = jax.jit(REDUCTIONS[name])
    junk = np.where(WEIGHT[:, None] > 0, X, np.float32(1e15) * np.sign(X))
    jax.tree.map(np.testing.assert_array_equal, reduce(X, WEIGHT), reduce(junk, WEIGHT))


@pytest.mark.parametrize("name", ROW_FREE)
def test_doubling_is_repeating(name):
    times = np.asarray([1, 2, 0, 3], np.float32)[np.arange(N) % 4]
    repeated = np.repeat(X, times.astype(int), axis=0)
    close(
        REDUCTIONS[name](jnp.asarray(X), times), REDUCTIONS[name](jnp.asarray(repeated), np.ones(len(repeated), "f4"))
    )


@pytest.mark.parametrize("name", REDUCTIONS)
def test_vmap_over_weights_is_the_loop(name):
    reduce = REDUCTIONS[name]
    loop = jax.tree.map(lambda *a: np.stack(a), *[reduce(jnp.asarray(X), w) for w in FOLD_WEIGHTS])
    close(jax.jit(jax.vmap(partial(reduce, jnp.asarray(X))))(FOLD_WEIGHTS), loop, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", [n for n in REDUCTIONS if n != "quantiles"])
def test_other_batchings_fall_back_right(name):
    reduce = REDUCTIONS[name]
    many = np.stack([X, X * 2, X - 5])
    both = jax.jit(jax.vmap(reduce))(many, FOLD_WEIGHTS[:3])
    loop = jax.tree.map(
        lambda *a: np.stack(a), *[reduce(jnp.asarray(x), w) for x, w in zip(many, FOLD_WEIGHTS[:3], strict=True)]
    )
    close(both, loop, rtol=1e-5, atol=1e-3)
    inputs_only = jax.jit(jax.vmap(reduce, in_axes=(0, None)))(many, WEIGHT)
    close(jax.tree.map(lambda a: a[1], inputs_only), reduce(jnp.asarray(many[1]), WEIGHT), rtol=1e-5, atol=1e-3)


def shapes_in(jaxpr) -> set[tuple[int, ...]]:
    """The shapes of everything computed in a jaxpr, inner ones included."""
    found = set()
    for equation in jaxpr.eqns:
        found |= {tuple(v.aval.shape) for v in equation.outvars if hasattr(v.aval, "shape")}
        for value in jax.tree.leaves(equation.params, is_leaf=lambda v: hasattr(v, "eqns") or hasattr(v, "jaxpr")):
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                found |= shapes_in(inner)
    return found


@pytest.mark.parametrize("name", ["mean", "moments", "gram", "cross", "segments", "many_segments"])
def test_vmap_over_weights_copies_no_inputs(name):
    shapes = shapes_in(jax.make_jaxpr(jax.vmap(partial(REDUCTIONS[name], jnp.asarray(X))))(FOLD_WEIGHTS).jaxpr)
    assert any(FOLDS in s for s in shapes)  # the folds are really in there
    copies = {s for s in shapes if len(s) >= 3 and FOLDS in s and N in s and D in s}
    assert not copies


def test_folds_far_apart_keep_their_variance():
    x = np.concatenate([np.float32(1e4) + X, X - np.float32(1e4)])
    weights = np.repeat(np.eye(2, dtype=np.float32), N, axis=1)
    moments = jax.vmap(partial(weighted_moments, jnp.asarray(x)))(weights)
    close(moments.variance[0], np.var(x[:N].astype("f8"), 0), rtol=1e-4)


@pytest.mark.parametrize("name", ["moments", "gram", "many_segments"])
def test_reductions_differentiate_forwards_and_backwards(name):
    def value(x):
        return sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(REDUCTIONS[name](x, jnp.asarray(WEIGHT))))

    direction = np.random.default_rng(1).normal(size=X.shape).astype("f4")
    gradient = jax.jit(jax.grad(value))(X)
    forward = jax.jit(lambda x, v: jax.jvp(value, (x,), (v,))[1])(X, direction)
    np.testing.assert_allclose(np.vdot(gradient, direction), forward, rtol=1e-3)


@pytest.mark.parametrize("select", [False, True], ids=["sorting", "selecting"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_quantiles_are_type_7_of_the_repeated_sample(select, dtype, monkeypatch):
    if select:
        monkeypatch.setattr(quantiles_module, "LONG", 0)
    q = np.asarray([0.0, 0.1, 0.25, 0.5, 0.9, 1.0])
    x = X.copy()
    x[::7, 1] = np.nan
    x[:, 2] = np.round(x[:, 2])  # ties
    x[:, 3] = -x[0, 3]
    repeated = np.repeat(x, WEIGHT.astype(int), axis=0)
    with jax.enable_x64(dtype == "float64"):
        found = jax.jit(weighted_quantile)(x.astype(dtype), WEIGHT.astype(dtype), q.astype(dtype))
        assert found.dtype == dtype
    np.testing.assert_allclose(found, np.nanquantile(repeated.astype("f8"), q, axis=0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("select", [False, True], ids=["sorting", "selecting"])
def test_quantiles_of_little(select, monkeypatch):
    if select:
        monkeypatch.setattr(quantiles_module, "LONG", 0)
    of = jax.jit(lambda x, w: weighted_quantile(x, w, jnp.asarray([0.0, 0.5, 1.0])))

    def quantile(x, w):
        return of(np.float32(x), np.float32(w))

    assert np.isnan(quantile([1.0, 2.0], [0, 0])).all()
    assert np.isnan(quantile([np.nan, np.nan], [1, 1])).all()
    np.testing.assert_array_equal(quantile([1e15, -4.0, 1e15], [0, 1, 0]), [-4, -4, -4])
    np.testing.assert_array_equal(quantile([5.0, -3.0], [1, 1]), [-3, 1, 5])


@pytest.mark.parametrize("select", [False, True], ids=["sorting", "selecting"])
def test_segment_quantiles_are_those_of_each_segment(select, monkeypatch):
    monkeypatch.setattr(quantiles_module, "LONG", 0 if select else N)
    q = jnp.asarray([0.25, 0.5])
    found = jax.jit(partial(segment_quantile, segments=SEGMENTS + 1))(X, WEIGHT, q, SEGMENT)
    for s in range(SEGMENTS):
        here = np.where(s == SEGMENT, WEIGHT, 0).astype("f4")
        close(found[s], weighted_quantile(jnp.asarray(X), jnp.asarray(here), q))
    empty = segment_quantile(jnp.asarray(X), jnp.asarray(WEIGHT), q, jnp.zeros(N, jnp.int32), 2)
    assert np.isnan(empty[1]).all()
    assert np.isfinite(empty[0]).all()


@pytest.mark.skipif(jax.device_count() < 2, reason="needs two (logical) devices")
@pytest.mark.parametrize("name", ["mean", "moments", "gram", "quantiles"])
def test_shards_add_up(name, small_blocks):
    mesh = jax.make_mesh((2,), ("rows",), axis_types=(jax.sharding.AxisType.Auto,))
    rows = jax.sharding.PartitionSpec("rows")

    def on_shards(x, w):
        with sharded():
            return REDUCTIONS[name](x, w)

    out = jax.jit(jax.shard_map(on_shards, mesh=mesh, in_specs=(rows, rows), out_specs=jax.sharding.PartitionSpec()))
    close(out(X, WEIGHT), REDUCTIONS[name](jnp.asarray(X), jnp.asarray(WEIGHT)))


@pytest.mark.skipif(jax.device_count() < 2, reason="needs two (logical) devices")
def test_segment_quantiles_of_shards():
    mesh = jax.make_mesh((2,), ("rows",), axis_types=(jax.sharding.AxisType.Auto,))
    rows, q = jax.sharding.PartitionSpec("rows"), jnp.asarray([0.0, 0.3, 1.0])

    def on_shards(x, w, s):
        with sharded():
            return segment_quantile(x, w, q, s, SEGMENTS)

    out = jax.jit(jax.shard_map(on_shards, mesh=mesh, in_specs=(rows,) * 3, out_specs=jax.sharding.PartitionSpec()))
    close(out(X, WEIGHT, SEGMENT), segment_quantile(jnp.asarray(X), jnp.asarray(WEIGHT), q, SEGMENT, SEGMENTS))
