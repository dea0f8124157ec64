"""Nearest neighbors: SciPy's distances, scikit-learn's answers, the meaning of weights, memory that stays bounded."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest
from mldsl_plugins.neighbors import _distances as distances
from mldsl_plugins.neighbors import k_nearest_neighbors as knn

from mldsl.contract import ColumnShape, Shape

rng = np.random.default_rng(2)
NAME = "model.k_nearest_neighbors"


def columns(kind, d, levels=0, missing=False):
    return tuple(ColumnShape(f"x{j}", kind, levels, missing) for j in range(d))


def table(run, spec, x, queries, kinds):
    """Distances of queries to all rows, in the order of the rows."""
    fitted = run("k_nearest_neighbors", spec, x, np.zeros(len(x)), classes=1, pad=3, columns=kinds)
    params = jax.tree.map(jnp.asarray, fitted.params)
    name = knn.name_of(spec)
    measure = distances.Minkowski(spec.distance.p) if name == "minkowski" else name

    @jax.jit
    def all_of(params, queries):
        rows = distances.Rows(params.rows, params.weight)
        ready = distances.ready(name, params.scaling, queries)
        return distances.nearest(measure, params.scaling, rows, ready, len(params.rows))

    index, apart = (np.asarray(part) for part in all_of(params, jnp.asarray(queries, jnp.float32)))
    assert np.isinf(apart[:, len(x) :]).all(), "rows of weight 0 are infinitely far"
    found = np.full(index.shape, np.nan)
    np.put_along_axis(found, index, apart, axis=1)
    return found[:, : len(x)]


# ---- distances -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("distance", "scipys", "more"),
    [
        ("euclidean", "euclidean", {}), ("manhattan", "cityblock", {}), ("chebyshev", "chebyshev", {}),
        (knn.Minkowski(3.0), "minkowski", {"p": 3.0}), (knn.Minkowski(1.5), "minkowski", {"p": 1.5}),
        ("cosine", "cosine", {}),
    ],
)  # fmt: skip
def test_distances_of_numbers_are_scipys(run, data, agreement, distance, scipys, more):
    from scipy.spatial.distance import cdist

    x = data("wine")[0]
    found = table(run, knn.Spec(1, distance), x, x[:40] + 0.5, columns("continuous", x.shape[1]))
    expected = cdist((x[:40] + 0.5).astype(np.float32), x.astype(np.float32), scipys, **more)
    agreement(NAME, f"{scipys} distance{more or ''}", found, expected, reference="scipy", data="wine")


@pytest.mark.parametrize(("distance", "scipys"), [("jaccard", "jaccard"), ("simple_matching", "hamming")])
def test_distances_of_binary_columns_are_scipys(run, agreement, distance, scipys):
    from scipy.spatial.distance import cdist

    x = rng.random((60, 9)) < 0.3
    x[:2] = False  # two rows without any yes
    found = table(run, knn.Spec(1, distance), x, x, columns("binary", 9, 2))
    agreement(NAME, f"{distance} distance", found, cdist(x, x, scipys), reference="scipy", data="random yes and no")
    assert found[0, 1] == 0


def test_matching_zeros_are_left_out_by_jaccard_and_count_for_simple_matching(run):
    x, y = np.asarray([[1, 1, 0, 0, 0]]), np.asarray([[1, 0, 1, 0, 0]])
    kinds = columns("binary", 5, 2)
    assert table(run, knn.Spec(1, "jaccard"), x, y, kinds)[0, 0] == pytest.approx(2 / 3)
    assert table(run, knn.Spec(1, "simple_matching"), x, y, kinds)[0, 0] == pytest.approx(2 / 5)


def test_hamming_of_levels_is_scipys(run, agreement):
    from scipy.spatial.distance import cdist

    x = rng.integers(0, 4, (60, 7)).astype(float)
    found = table(run, knn.Spec(1, "hamming"), x, x[:30], columns("categorical", 7, 4))
    agreement(NAME, "hamming distance", found, cdist(x[:30], x, "hamming"), reference="scipy", data="random levels")


def test_rows_of_zeros_have_a_right_angle_to_all_others(run):
    x = np.asarray([[0, 0], [3, 4], [0, 0]], float)
    found = table(run, knn.Spec(1, "cosine"), x, x, columns("continuous", 2))
    np.testing.assert_allclose(found, [[0, 1, 0], [1, 0, 1], [0, 1, 0]], atol=1e-6)


def gower(x, y, spread, nominal):
    """Gower's distance in plain Python."""
    total = count = 0.0
    for a, b, s, of_levels in zip(x, y, spread, nominal, strict=True):
        if np.isnan(a) or np.isnan(b):
            continue
        count += 1
        total += (a != b) if of_levels else min(abs(a - b) / s, 1) if s > 0 else float(a != b)
    return total / count if count else 1.0


@pytest.fixture(scope="module")
def penguins():
    frame = pl.read_csv("examples/data/penguins.csv", null_values="")
    target = np.unique(frame["species"].to_numpy(), return_inverse=True)[1]
    kinds = {"island": "categorical", "sex": "binary"}
    table, shapes = [], []
    for series in frame.drop("species"):
        kind = kinds.get(series.name, "continuous")
        if kind != "continuous":
            levels = series.drop_nulls().unique().sort().to_list()
            series = series.replace_strict(levels, list(range(len(levels))), return_dtype=pl.Float64)
        table.append(series.cast(pl.Float64).to_numpy())
        shapes.append(ColumnShape(series.name, kind, 0 if kind == "continuous" else len(levels), True))
    return np.stack(table, axis=1), target, tuple(shapes)


def test_gower_of_penguins_by_hand(run, penguins, agreement):
    x, _, shapes = penguins
    assert np.isnan(x).any()
    found = table(run, knn.Spec(1, "gower"), x, x[:20], shapes)
    spread = np.nanmax(x, axis=0) - np.nanmin(x, axis=0)
    nominal = [s.type != "continuous" for s in shapes]
    expected = np.asarray([[gower(a, b, spread, nominal) for b in x] for a in x[:20]])
    agreement(NAME, "gower distance", found, expected, reference="plain Python", data="penguins", absolute=1e-6)


def test_gower_of_nothing_known_is_1_and_beyond_the_range_no_more(run):
    x = np.asarray([[0, np.nan], [4, 1], [2, 2]], float)
    kinds = columns("continuous", 2, missing=True)
    found = table(run, knn.Spec(1, "gower"), x, np.asarray([[np.nan, 2], [40, np.nan]]), kinds)
    np.testing.assert_allclose(found, [[1, 1, 0], [1, 1, 1]])


# ---- answers ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "distance", "weights"),
    [
        ("wine", "euclidean", "uniform"),
        ("wine", "euclidean", "distance"),
        ("iris", "manhattan", "distance"),
        ("wine", "cosine", "uniform"),
    ],
)
def test_classes_are_scikit_learns(run, data, agreement, name, distance, weights):
    from sklearn.neighbors import KNeighborsClassifier

    x, y = data(name)
    # No two distances are equal, so that the order of equals does not matter.
    x = (x + 1e-3 * rng.random(x.shape)).astype(np.float32)
    queries = (x[::3] * 1.01).astype(np.float32)
    peer = KNeighborsClassifier(7, weights=weights, metric=distance, algorithm="brute").fit(x.astype(float), y)
    ours = run("k_nearest_neighbors", knn.Spec(7, distance, weights), x, y, classes=3, pad=9)
    agreement(NAME, f"probability ({distance}, {weights})", ours.predict(queries).probability,
              peer.predict_proba(queries.astype(float)), reference="scikit-learn", data=name)  # fmt: skip


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_means_are_scikit_learns(run, data, agreement, weights):
    from sklearn.neighbors import KNeighborsRegressor

    x, y = data("diabetes")
    x = x.astype(np.float32)
    peer = KNeighborsRegressor(6, weights=weights, algorithm="brute").fit(x.astype(float)[:300], y[:300])
    ours = run("k_nearest_neighbors", knn.Spec(6, weights=weights), x[:300], y[:300], pad=9)
    agreement(NAME, f"mean ({weights})", ours.predict(x[300:]).mean, peer.predict(x[300:].astype(float)),
              reference="scikit-learn", data="diabetes")  # fmt: skip


def test_rows_at_no_distance_decide_alone(run):
    x, y = np.asarray([[0.0], [0.0], [1.0], [2.0]]), np.asarray([0, 1, 1, 1])
    ours = run("k_nearest_neighbors", knn.Spec(4, weights="distance"), x, y, classes=2)
    np.testing.assert_allclose(ours.predict(np.asarray([[0.0]])).probability, [[0.5, 0.5]])


def test_hamming_of_mushrooms_takes_the_rows_that_scipys_distances_put_first(run, agreement):
    """Many rows are equally far: the first of them answers."""
    from scipy.spatial.distance import cdist

    path = Path("../shared/data/mushrooms.csv")
    if not path.exists():
        pytest.skip(f"{path} is not here")
    frame = pl.read_csv(path).drop("stalk_root")[::8]
    codes = [np.unique(series.to_numpy(), return_inverse=True)[1] for series in frame]
    x, y = np.stack(codes[1:], axis=1).astype(float), codes[0]
    ours = run("k_nearest_neighbors", knn.Spec(5, "hamming"), x[:600], y[:600], classes=2,
               columns=columns("categorical", x.shape[1], 12))  # fmt: skip
    first = np.argsort(cdist(x[600:], x[:600], "hamming"), axis=1, kind="stable")[:, :5]
    agreement(NAME, "probability (hamming)", ours.predict(x[600:]).probability[:, 1], y[first].mean(axis=1),
              reference="scipy", data="mushrooms")  # fmt: skip


# ---- weights ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_a_row_of_weight_2_is_two_neighbors(run, data, weights):
    x, y = data("wine")
    times = np.asarray([1, 2, 0, 3])[np.arange(len(y)) % 4]
    spec = knn.Spec(5, weights=weights)
    weighted = run("k_nearest_neighbors", spec, x, y, classes=3, weight=times, pad=300 - len(y))
    repeated = run(
        "k_nearest_neighbors", spec, np.repeat(x, times, axis=0), np.repeat(y, times), classes=3, pad=300 - times.sum()
    )
    queries = x + 0.1
    np.testing.assert_allclose(weighted.predict(queries).probability, repeated.predict(queries).probability, atol=1e-6)


def test_only_the_part_up_to_k_of_a_heavy_row_counts(run):
    x, y = np.asarray([[1.0], [2.0], [3.0]]), np.asarray([10.0, 20.0, 90.0])
    ours = run("k_nearest_neighbors", knn.Spec(4), x, y, weight=np.asarray([1.0, 2.0, 5.0]))
    assert ours.predict(np.asarray([[0.0]])).mean[0] == pytest.approx((10 + 2 * 20 + 90) / 4)
    half = run("k_nearest_neighbors", knn.Spec(1), x, y, weight=np.asarray([0.5, 0.5, 1.0]))
    assert half.predict(np.asarray([[0.0]])).mean[0] == pytest.approx((10 + 20) / 2)


def test_equally_distant_rows_are_taken_in_their_order(run):
    """Many ties, over several groups and blocks."""
    n = 5000
    x = np.tile(np.asarray([[1.0], [-1.0], [0.0], [1.0]]), (n // 4, 1))
    y = np.arange(n, dtype=float)
    ours = run("k_nearest_neighbors", knn.Spec(3), x, y)
    answer = ours.predict(np.asarray([[1.0], [0.0], [-1.0]])).mean
    np.testing.assert_allclose(answer, [(0 + 3 + 4) / 3, (2 + 6 + 10) / 3, (1 + 5 + 9) / 3], rtol=1e-6)


def test_a_fold_of_fewer_rows_takes_them_all(run):
    x, y = np.asarray([[1.0], [2.0], [3.0]]), np.asarray([10.0, 20.0, 90.0])
    ours = run("k_nearest_neighbors", knn.Spec(3), x, y, weight=np.asarray([1.0, 0.0, 1.0]))
    assert ours.predict(np.asarray([[0.0]])).mean[0] == pytest.approx(50)


@pytest.mark.parametrize("distance", ["euclidean", "manhattan"])
def test_far_from_0_no_digits_are_lost(run, distance):
    """Neighbors that lie a hundred-thousandth of the numbers' size apart are told apart."""
    x = rng.permutation(64**3)[:300, None] // np.asarray([1, 64, 4096]) % 64 + 2.0**16
    ours = run("k_nearest_neighbors", knn.Spec(1, distance), x, np.arange(300.0))
    assert ours.predict(x[:50]).mean.tolist() == list(range(50))


def test_rows_that_are_not_there_leave_the_same_bits(run, data):
    x, y = data("wine")
    w = (np.arange(len(y)) % 5 > 0).astype(float)
    junk = np.where(w[:, None] > 0, x, 1e15)
    for distance in ("euclidean", "gower", "cosine"):
        one, two = (run("k_nearest_neighbors", knn.Spec(5, distance), z, y, classes=3, weight=w) for z in (x, junk))
        jax.tree.map(np.testing.assert_array_equal, one.params, two.params)


def test_memory_does_not_grow_with_the_product():
    """No array of the program holds a number for each query and row."""
    n, q, d = 6000, 1500, 3
    spec, shape = knn.Spec(4), Shape(n, columns("continuous", d), classes=2)
    params = knn.Params(
        distances.Scaling(jnp.zeros(d), jnp.ones(d), jnp.ones(d, bool), jnp.zeros(d, bool)), jnp.zeros((n, d)),
        jnp.ones(n), jnp.zeros(n, jnp.int32), jnp.zeros((0, shape.classes)),
    )  # fmt: skip
    lowered = jax.jit(knn.predict).lower(spec_tree(spec), params, jnp.zeros((q, d)))
    used = lowered.compile().memory_analysis().temp_size_in_bytes
    assert used < 4 * q * n


def spec_tree(spec):
    from mldsl.contract import as_tree

    return as_tree(spec)


# ---- what is refused -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("spec", "kinds", "parameter", "says"),
    [
        (knn.Spec(11), columns("continuous", 2), "k", "expected at most 10 (the training rows), found 11"),
        (knn.Spec(1), columns("categorical", 2, 3), "distance", "found categorical `x0` (and 1 more); `one_hot`"),
        (knn.Spec(1, "jaccard"), columns("integer", 1), "distance", "binary columns for jaccard, found integer `x0`"),
        (knn.Spec(1, "hamming"), columns("continuous", 1), "distance", "`gower` compares columns of all types"),
        (knn.Spec(1), columns("continuous", 1, missing=True), "distance", "`impute` fills them, and `gower`"),
        (knn.Spec(10, "gower"), columns("categorical", 1, 2, True), None, None),
        (knn.Spec(10, knn.Minkowski(2.0)), columns("ordinal", 1, 2), None, None),
    ],
)  # fmt: skip
def test_what_a_distance_compares(spec, kinds, parameter, says):
    problems = list(knn.check(spec, Shape(10, kinds, classes=2)))
    assert [p.parameter for p in problems] == ([parameter] if parameter else [])
    assert all(says in p.message for p in problems)


@pytest.mark.parametrize(
    ("distance", "warned"), [("", True), ("(distance = manhattan)", True), ("(distance = gower)", False)]
)
def test_only_distances_that_depend_on_scale_ask_for_one(distance, warned):
    import mldsl

    text = f"""mlp 1
data {{ csv("examples/data/wine.csv") }}
features {{
  cultivar: categorical as target
  alcohol, proline: continuous
}}
model {{ k_nearest_neighbors{distance} }}
"""
    codes = [d.code for d in mldsl.check(text)]
    assert ("MLP0802" in codes) == warned
