"""Resampling: exact counts, fair draws, weights that mean copies, and synthetic rows that lie where they should."""

from __future__ import annotations

from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mldsl_plugins.resampling import _classes, _neighbors, downsample, smote, upsample
from sklearn.neighbors import NearestNeighbors

from mldsl.contract import ColumnShape, Examples, Shape, as_tree

STEPS = {"downsample": downsample, "upsample": upsample, "smote": smote}
JUNK = 1e15
K = 3
LARGEST = 64


@pytest.fixture(scope="module")
def resample():
    """`resample(name, spec, x, y, weight=..., pad=..., key=..., types=...)`: jitted, as the engine calls it."""
    programs = {name: jax.jit(module.resample, static_argnums=2) for name, module in STEPS.items()}

    def run(name, spec, x, y, *, weight=None, pad=0, key=0, types=None, on=None, **parts):
        n, d = x.shape
        types = types or ["continuous"] * (on or d)
        shape = Shape(n + pad, tuple(ColumnShape(f"x{i}", t) for i, t in enumerate(types)), K, largest_class=LARGEST)
        weight = np.ones(n) if weight is None else np.asarray(weight)
        parts = {name: np.pad(np.asarray(part, np.float32), (0, pad)) for name, part in parts.items()}
        examples = Examples(
            np.pad(np.asarray(x, np.float32), ((0, pad), (0, 0)), constant_values=JUNK),
            np.pad(weight, (0, pad)).astype(np.float32), np.pad(np.asarray(y, np.int32), (0, pad)), **parts,
        )  # fmt: skip
        made = programs[name](as_tree(spec), jax.random.key(key), shape, examples)
        return jax.tree.map(np.asarray, made)

    return run


rng = np.random.default_rng(1)
Y = np.repeat([0, 1, 2], [40, 16, 8])
X = rng.normal(size=(64, 3)) + 4 * Y[:, None]
ORDER = rng.permutation(64)
X, Y = X[ORDER], Y[ORDER]


def counts(made):
    return np.bincount(made.target, made.weight, K)


# ---- counts ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "spec", "expected"),
    [
        ("downsample", downsample.Spec(), [8, 8, 8]),
        ("downsample", downsample.Spec(1.5), [12, 12, 8]),
        ("downsample", downsample.Spec(3), [24, 16, 8]),
        ("downsample", downsample.Spec(100), [40, 16, 8]),
        ("upsample", upsample.Spec(), [40, 40, 40]),
        ("upsample", upsample.Spec(0.5), [40, 20, 20]),
        ("upsample", upsample.Spec(0.1), [40, 16, 8]),
        ("smote", smote.Spec(), [40, 40, 40]),
        ("smote", smote.Spec(ratio=0.5), [40, 20, 20]),
        ("smote", smote.Spec(ratio=0.1), [40, 16, 8]),
    ],
)
def test_counts_are_exact(name, spec, expected, resample):
    assert counts(resample(name, spec, X, Y)).tolist() == expected


@pytest.mark.parametrize("name", STEPS)
def test_a_row_of_weight_two_counts_as_two(name, resample):
    """The classes are counted by weight, so that copies written out and weights give the same counts."""
    weight = rng.integers(0, 4, 64)
    rows = np.repeat(np.arange(64), weight)
    weighted = resample(name, STEPS[name].Spec(), X, Y, weight=weight)
    assert counts(weighted).tolist() == counts(resample(name, STEPS[name].Spec(), X[rows], Y[rows])).tolist()
    assert (weighted.weight[:64][weight == 0] == 0).all()


def test_downsampling_keeps_rows_whole_and_the_smallest_class_as_it_is(resample):
    made = resample("downsample", downsample.Spec(), X, Y)
    assert set(made.weight) == {0, 1}
    assert (made.weight[Y == 2] == 1).all()
    assert (made.inputs == X.astype(np.float32)).all()


def test_upsampling_repeats_the_rows_of_a_class_equally_often_up_to_one(resample):
    weight = resample("upsample", upsample.Spec(0.9), X, Y).weight
    assert set(weight[Y == 0]) == {1}
    assert set(weight[Y == 1]) == {2, 3}  # 36 out of 16
    assert set(weight[Y == 2]) == {4, 5}  # 36 out of 8


def test_classes_without_rows_and_single_rows(resample):
    y = np.where(Y == 2, 0, Y)
    y[0] = 1
    one = np.where((y == 1) & (np.arange(64) > 0), 0, 1)  # class 1 has one row, class 2 none
    assert counts(resample("downsample", downsample.Spec(), X, y, weight=one)).tolist() == [1, 1, 0]
    made = resample("upsample", upsample.Spec(), X, y, weight=one)
    assert counts(made).tolist() == [one[y == 0].sum()] * 2 + [0]
    made = resample("smote", smote.Spec(), X, y, weight=one)
    assert counts(made).tolist() == [one[y == 0].sum()] * 2 + [0]
    assert (made.inputs[(made.weight > 0) & (made.target == 1)] == X[0].astype(np.float32)).all(), "copies"


# ---- draws -----------------------------------------------------------------------------------------------------------
def test_every_subset_is_equally_likely(resample):
    """Two of five rows of the larger class: ten subsets, each a tenth of the time."""
    x, y = np.zeros((7, 1)), np.array([0, 0, 1, 0, 0, 0, 1])
    found = Counter(
        tuple(np.flatnonzero(resample("downsample", downsample.Spec(), x, y, key=key).weight[y == 0]))
        for key in range(1000)
    )
    assert len(found) == 10
    assert sum((count - 100) ** 2 / 100 for count in found.values()) < 28  # chi-squared, 9 degrees, p = 0.001


def test_weights_are_dealt_in_proportion():
    """Shares with a fraction are rounded up as often as the fraction says; the sum is always exact."""
    weight, label = jnp.array([1, 2, 4, 0.5, 0, 3], jnp.float32), jnp.array([0, 0, 0, 0, 0, 1], jnp.int32)
    deal = jax.jit(lambda key: _classes.deal(key, weight, label, jnp.array([5, 2], jnp.float32)))
    drawn = np.asarray(jax.vmap(deal)(jax.random.split(jax.random.key(0), 4000)))
    assert (drawn[:, :5].sum(axis=1) == 5).all()
    assert (drawn[:, 5] == 2).all()
    share = np.asarray(weight)[:5] * 5 / 7.5
    assert (np.abs(drawn[:, :5] - share) < 1).all()
    np.testing.assert_allclose(drawn[:, :5].mean(axis=0), share, atol=0.04)


@pytest.mark.parametrize("name", STEPS)
def test_padding_and_junk_change_nothing(name, resample):
    weight = (np.arange(64) % 7 > 0).astype(float)
    junk = np.where(weight[:, None] > 0, X, JUNK), np.where(weight > 0, Y, (Y + 1) % K)
    base = resample(name, STEPS[name].Spec(), X, Y, weight=weight)
    there = base.weight > 0
    for other in (
        resample(name, STEPS[name].Spec(), *junk, weight=weight),
        resample(name, STEPS[name].Spec(), X, Y, weight=weight, pad=16),
    ):
        rows = other.weight > 0
        assert (other.weight[rows] == base.weight[there]).all()
        assert (other.target[rows] == base.target[there]).all()
        np.testing.assert_allclose(other.inputs[rows], base.inputs[there], rtol=1e-6)


@pytest.mark.parametrize("name", STEPS)
def test_another_key_draws_others(name, resample):
    one, two = (resample(name, STEPS[name].Spec(0.9) if name == "upsample" else STEPS[name].Spec(), X, Y, key=k)
                for k in (0, 1))  # fmt: skip
    assert counts(one).tolist() == counts(two).tolist()
    assert not np.array_equal(one.inputs, two.inputs) or not np.array_equal(one.weight, two.weight)


# ---- synthetic rows --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("block", [16, 1024])
def test_neighbors_are_the_nearest_of_the_class(block, monkeypatch):
    monkeypatch.setattr(_neighbors, "BLOCK", block)
    group = np.sort(Y).astype(np.int32)
    points = X[np.argsort(Y, kind="stable")].astype(np.float32)
    places, exist = _neighbors.nearest_within(
        jnp.asarray(points), jnp.asarray(group), K - 1, 5
    )  # the last group is left alone
    places, exist = np.asarray(places), np.asarray(exist)
    for c in range(K - 1):
        rows = np.flatnonzero(group == c)
        expected = NearestNeighbors(n_neighbors=6).fit(points[rows]).kneighbors(points[rows])[1][:, 1:]
        assert exist[rows].all()
        assert (places[rows] == rows[expected]).all()
    assert not exist[group == K - 1].any()


def test_synthetic_rows_lie_between_neighbors_of_their_class(resample):
    k = 3
    made = resample("smote", smote.Spec(k=k), X, Y)
    new = np.flatnonzero(made.weight[64:] > 0) + 64
    assert len(new) == 24 + 32
    assert (made.weight[new] == 1).all()
    assert (made.inputs[:64] == X.astype(np.float32)).all()
    began = Counter()
    for row in new:
        rows = np.flatnonzero(made.target[row] == Y)
        near = NearestNeighbors(n_neighbors=k + 1).fit(X[rows]).kneighbors(X[rows])[1][:, 1:]
        pairs = [(a, b) for a in range(len(rows)) for b in near[a]]
        a, b = (X[rows[[pair[i] for pair in pairs]]] for i in (0, 1))
        along = ((made.inputs[row] - a) * (b - a)).sum(axis=1) / ((b - a) ** 2).sum(axis=1)
        off = np.abs(a + along[:, None] * (b - a) - made.inputs[row]).max(axis=1)
        on = (off < 1e-4) & (along > -1e-4) & (along < 1 + 1e-4)
        assert on.any(), "no neighbors of its class have it between them"
        began[rows[pairs[int(np.flatnonzero(on)[0])][0]]] += 1
    assert len(began) > 15, "synthetic rows begin at many rows"


def test_rows_begin_in_proportion_to_weight_and_any_neighbor_may_be_drawn(resample):
    x = np.array([[0.0], [1], [2], [10], [20], [30], [40], [50], [60], [70]])
    y = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0])
    weight = np.where(y == 0, 9, [3, 1, 1, 1, 1, 1, 1, 1, 1, 1])
    drawn = np.concatenate([
        m.inputs[10:][m.weight[10:] > 0] for m in
        (resample("smote", smote.Spec(k=2), x, y, weight=weight, key=key) for key in range(12))
    ])[:, 0]  # fmt: skip
    # Row 0 stands for three rows, which are each other's two nearest: no synthetic row leaves it. So 3/5 of the rows
    # stay at 0; from 1 and 2 one goes to 0 (two of its copies), or to the other and to one copy of 0.
    assert len(drawn) == 12 * (9 * 7 - 5)
    assert np.mean(drawn == 0) == pytest.approx(0.6, abs=0.05)
    assert drawn.max() <= 2


def test_more_neighbors_than_the_class_has_are_all_it_has(resample):
    made = resample("smote", smote.Spec(k=50), X, Y)
    assert counts(made).tolist() == [40, 40, 40]
    assert np.isfinite(made.inputs[made.weight > 0]).all()


def test_integers_stay_whole_and_other_columns_are_taken_over(resample):
    x = np.c_[X[:, :1], np.round(X[:, 1:2] * 3), Y == 1, np.arange(64)]
    made = resample("smote", smote.Spec(), x, Y, on=2, types=["continuous", "integer"], offset=np.arange(64))
    new = made.inputs[64:][made.weight[64:] > 0]
    assert (new[:, 1] == np.round(new[:, 1])).all()
    assert not (new[:, 0] == np.round(new[:, 0])).all()
    began = new[:, 3].astype(int)
    assert (new[:, 3] == began).all()
    assert (new[:, 2] == (Y == 1)[began]).all()
    assert (made.offset[64:][made.weight[64:] > 0] == began).all()
    assert (made.target[64:][made.weight[64:] > 0] == Y[began]).all()


def test_folds_in_one_program_are_the_folds_one_by_one(resample):
    shape = Shape(64, tuple(ColumnShape(f"x{i}") for i in range(3)), K, largest_class=LARGEST)
    folds = np.stack([np.arange(64) % 5 != f for f in range(5)]).astype(np.float32)
    given = jax.tree.map(jnp.asarray, Examples(X.astype(np.float32), folds[0], Y.astype(np.int32)))
    spec = as_tree(smote.Spec())

    def one(weight):
        return smote.resample(spec, jax.random.key(3), shape, given._replace(weight=weight))

    together = jax.jit(jax.vmap(one))(folds)
    for f, weight in enumerate(folds):
        alone = jax.jit(one)(weight)
        there = np.asarray(alone.weight) > 0
        assert (np.asarray(together.weight[f]) == np.asarray(alone.weight)).all()
        np.testing.assert_allclose(together.inputs[f][there], alone.inputs[there], rtol=1e-5)
        original, held = np.asarray(alone.weight)[:64], weight == 0
        assert (original[held] == 0).all(), "a row that is held out does not come back"
