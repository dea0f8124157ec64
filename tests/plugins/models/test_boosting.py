"""Gradient boosting grows LightGBM's trees where bins are the same, and scores as well where they are not."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import attrs
import jax
import jax.numpy as jnp
import lightgbm
import numpy as np
import polars as pl
import pytest
from mldsl_plugins.losses import absolute_error, logistic, poisson, quantile, softmax, squared_error
from mldsl_plugins.trees import gradient_boosting as boosting
from mldsl_plugins.trees._boosted import compact, until
from mldsl_plugins.trees._draws import some_columns, some_rows
from mldsl_plugins.trees.gradient_boosting import Spec, bind

from mldsl.contract import ColumnShape, Examples, Shape, as_tree
from mldsl.execute.programs import QUICK
from mldsl.plugin.spec import Configured

EXAMPLES = Path("examples/data")

LEVELS = 60  # distinct values of a column, so that bins are the same on both sides
LIGHTGBM = {"reference": "lightgbm", "relative": 1e-4}
PEER = {"num_threads": 1, "verbose": -1, "min_data_in_bin": 1, "feature_pre_filter": False, "deterministic": True}


def loss(module, **numbers):
    component = module.mldsl_components()[0]
    return Configured(component, component.Spec(**numbers))


def few_values(x):
    """The columns with their values rounded to a few."""
    order = np.argsort(np.argsort(x, axis=0), axis=0)
    return np.float32(order * LEVELS // len(x))


def their_trees(x, y, rounds, weight=None, categories="auto", **settings):
    rows = lightgbm.Dataset(x, y, weight=weight, categorical_feature=categories)
    return lightgbm.train({**PEER, **settings}, rows, num_boost_round=rounds)


def parted(rows, share=0.5):
    """A cost of each row, so that no two splits are as good as each other."""
    return np.random.default_rng(9).uniform(1 - share, 1 + share, rows)


def shared(name):
    path = Path("../shared/data") / name
    if not path.exists():
        pytest.skip(f"{path} is not here")
    return pl.read_csv(path, infer_schema_length=None)


def as_good(ours, theirs):
    """Losses that are not worse by more than a standard error of the mean difference, or by a hundredth."""
    difference = np.asarray(ours) - np.asarray(theirs)
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    return difference.mean() < max(error, 0.01 * np.mean(theirs))


@pytest.fixture(scope="module")
def bicycles():
    """Counts of rented bicycles, and six columns that explain them."""
    frame = pl.read_csv(EXAMPLES / "bike_sharing.csv").head(1500)
    x = frame.select("season", "workingday", "weather", "temp", "humidity", "windspeed").to_numpy()
    return x.astype(np.float32), frame["count"].to_numpy().astype(np.float32)


# ---- numbers: one program for all of it ------------------------------------------------------------------------------
HOUSES = {"trees": 60, "leaves": 15, "loss": loss(squared_error)}


@pytest.fixture(scope="module")
def houses():
    """20,640 blocks of houses in California: columns and median values."""
    frame = pl.read_csv(EXAMPLES / "california_housing.csv")
    return frame.drop("medhouseval").to_numpy(), frame["medhouseval"].to_numpy()


@pytest.fixture(scope="module")
def valued(run, houses):
    """A fit of 2,400 rows with few values, its rows, and LightGBM's of the same."""
    x, y = few_values(houses[0][:2400]), houses[1][:2400].astype(np.float32)
    fitted = run("gradient_boosting", Spec(**HOUSES, l2=1, learning_rate=0.3), x, y)
    theirs = their_trees(x, y, 60, objective="l2", num_leaves=15, learning_rate=0.3, lambda_l2=1)
    return fitted, x, y, theirs


def test_squared_errors_trees_are_lightgbms(valued, agreement):
    fitted, x, _, theirs = valued
    where = {**LIGHTGBM, "data": "california_housing"}
    agreement(
        "model.gradient_boosting", "predictions, squared_error", fitted.predict(x).mean, theirs.predict(x), **where
    )


def test_the_first_tree_is_lightgbms(valued, agreement):
    """Split by split: its gains, the weights of its nodes, and what its leaves say."""
    fitted, _, _, theirs = valued
    grown = jax.tree.map(np.asarray, boosting.trees(fitted.spec, jax.tree.map(jnp.asarray, fitted.params)))
    pairs = []

    def walk(node, at):
        if "split_gain" not in node:
            pairs.append((grown.value[0, at, 0], node["leaf_value"], grown.weight[0, at], node["leaf_count"]))
            assert grown.feature[0, at] == -1
            return
        assert grown.feature[0, at] == node["split_feature"]
        pairs.append((2 * grown.gain[0, at], node["split_gain"], grown.weight[0, at], node["internal_count"]))
        walk(node["left_child"], grown.left[0, at])
        walk(node["right_child"], grown.right[0, at])

    walk(theirs.dump_model()["tree_info"][0]["tree_structure"], 0)
    ours_said, said, ours_count, count = np.array(pairs).T
    assert len(pairs) == 29
    np.testing.assert_array_equal(ours_count, count)
    where = {**LIGHTGBM, "data": "california_housing"}
    agreement("model.gradient_boosting", "gains and leaves of a tree", ours_said, said, **where)


def test_the_first_rounds_are_cut_out(valued, agreement):
    fitted, x, _, theirs = valued
    params = jax.tree.map(jnp.asarray, fitted.params)
    cut = until(params, jnp.asarray(3))
    small = compact(jax.tree.map(np.asarray, cut))
    assert small.trees.feature.shape == (3, 29)
    said = [
        np.asarray(boosting.predict(fitted.spec, p, jnp.asarray(x)).mean)
        for p in (cut, jax.tree.map(jnp.asarray, small))
    ]
    np.testing.assert_array_equal(*said)
    expected = theirs.predict(x, num_iteration=3)
    where = {**LIGHTGBM, "data": "california_housing"}
    agreement("model.gradient_boosting", "predictions of the first rounds", said[0], expected, **where)


def test_houses_are_predicted_as_well_as_by_lightgbm(run, houses):
    """Five draws of 2,400 training and 1,200 test rows, rows and columns sampled on both sides."""
    x, y = houses
    spec = Spec(**HOUSES, row_sample=0.8, column_sample=0.8)
    ours, theirs = [], []
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(y))
        train, test = order[:2400], order[2400:3600]
        fitted = run("gradient_boosting", spec, x[train], y[train], key=seed)
        ours.append(np.sqrt(np.mean((fitted.predict(x[test]).mean - y[test]) ** 2)))
        peer = their_trees(x[train], y[train], 60, objective="l2", num_leaves=15, bagging_fraction=0.8, bagging_freq=1,
                           feature_fraction=0.8, seed=seed)  # fmt: skip
        theirs.append(np.sqrt(np.mean((peer.predict(x[test]) - y[test]) ** 2)))
    assert as_good(ours, theirs)
    assert np.mean(ours) < 0.57


def test_rows_and_columns_are_drawn_by_the_key(run, houses):
    x, y = houses[0][:2400], houses[1][:2400]
    spec = Spec(**HOUSES, row_sample=0.5, column_sample=0.4)
    first, again, other = (run("gradient_boosting", spec, x, y, key=key).predict(x).mean for key in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1
    kept = np.asarray(some_rows(jax.random.key(3), 100_000, jnp.asarray(0.3)))
    assert abs(kept.mean() - 0.3) < 0.005
    assert abs(np.corrcoef(kept[1:], kept[:-1])[0, 1]) < 0.01, "neighbours are drawn apart"
    np.testing.assert_array_equal(kept[:90_000], some_rows(jax.random.key(3), 90_000, jnp.asarray(0.3)))
    active = jnp.arange(10) != 4
    for seed in range(5):
        columns = np.asarray(some_columns(jax.random.key(seed), active, jnp.asarray(0.5)))
        assert columns.sum() == round(0.5 * 9)
        assert not columns[4]
    assert np.asarray(some_columns(jax.random.key(0), active, jnp.asarray(1e-6))).sum() == 1


def test_further_rounds_are_those_of_a_longer_fit(valued):
    """From a state that is made again out of the first three rounds."""
    fitted, x, _, _ = valued
    params = compact(jax.tree.map(np.asarray, until(jax.tree.map(jnp.asarray, fitted.params), jnp.asarray(3))))

    told = boosting.Info(jnp.int32(3), jnp.float32(15), jnp.int32(0), jnp.float32(0.3))

    def on(spec, params, examples):
        state = boosting.resume(spec, jax.random.key(0), fitted.shape, examples, params, told, 2)
        state, _ = jax.lax.scan(lambda s, _: boosting.update(spec, s, examples), state, length=2)
        return boosting.predict(spec, state.params, jnp.asarray(x)).mean, boosting.so_far(spec, state, examples).mean

    found = jax.jit(on, compiler_options=QUICK)(fitted.spec, jax.tree.map(jnp.asarray, params), fitted.examples)
    expected = boosting.predict(
        fitted.spec, until(jax.tree.map(jnp.asarray, fitted.params), jnp.asarray(5)), jnp.asarray(x)
    )
    for said in found:
        np.testing.assert_allclose(said, expected.mean, rtol=1e-4)


@pytest.mark.parametrize(
    ("rows", "trees", "given", "expected"),
    [(300, 100, None, 0.1), (20_000, 5, None, 0.1), (80_000, 100, None, 0.2), (1e7, 100, None, 0.3),
     (80_000, 400, None, 0.1), (300, 400, None, 0.05), (300, 5000, None, 0.03), (1e7, 400, 0.7, 0.7)],
)  # fmt: skip
def test_the_learning_rate_follows_rows_and_rounds(rows, trees, given, expected):
    spec = Spec(trees=trees, learning_rate=given)
    assert boosting.rate_of(spec, jnp.float32(rows)) == pytest.approx(expected)


def test_the_learning_rate_that_was_used_is_told_and_kept(houses):
    """By weight, of training rows: a thousand rows of weight 80 and as many of weight 0."""
    x, y = few_values(houses[0][:2000]), houses[1][:2000].astype(np.float32)
    shape = Shape(2000, tuple(ColumnShape(f"x{j}") for j in range(x.shape[1])))
    weight = np.where(np.arange(2000) < 1000, 80, 0).astype(np.float32)
    spec = Spec(trees=2, leaves=3, loss=loss(squared_error))
    inputs, _ = boosting.prepare(spec, shape, {f"x{j}": x[:, j] for j in range(x.shape[1])}, weight)
    examples = Examples(jax.tree.map(jnp.asarray, inputs), weight, y, np.ones(x.shape[1], bool))

    def through(spec, examples, told):
        state, _ = boosting.update(spec, boosting.init(spec, jax.random.key(0), shape, examples), examples)
        again = boosting.resume(spec, jax.random.key(0), shape, examples, state.params, told, 1)
        return boosting.info(spec, state), boosting.info(spec, again), state.score[:, 0]

    told = boosting.Info(jnp.int32(1), jnp.float32(3), jnp.int32(0), jnp.float32(0.17))
    info, again, score = jax.jit(through, compiler_options=QUICK)(as_tree(spec, np.float32), examples, told)
    assert info.learning_rate == pytest.approx(0.2)
    assert again.learning_rate == pytest.approx(0.17)
    score, train = np.asarray(score), y[:1000]
    assert len(np.unique(score[:1000])) == 3
    for one in np.unique(score[:1000]):  # a fifth of the way from the mean of all to that of the leaf
        here = train[score[:1000] == one]
        assert one == pytest.approx(0.8 * train.mean() + 0.2 * here.mean(), rel=1e-4)


# ---- other losses ----------------------------------------------------------------------------------------------------
def test_two_classes_agree_with_lightgbm(run, data, agreement):
    """Their weights are our costs: both multiply the loss, and neither counts as more rows."""
    x, y = data("breast_cancer_wdbc")
    x, cost = few_values(x), parted(len(y)) * np.where(y == 1, 3, 1)
    spec = Spec(trees=8, leaves=8, min_samples_leaf=1, min_hessian=2, loss=loss(logistic))
    found = run("gradient_boosting", spec, x, y, classes=2, cost=cost).predict(x).probability
    limits = {"num_leaves": 8, "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 2}
    theirs = their_trees(x, y, 8, weight=cost, objective="binary", **limits).predict(x)
    where = {**LIGHTGBM, "data": "breast cancer"}
    agreement("model.gradient_boosting", "probabilities, logistic", found[:, 1], theirs, **where)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)


@pytest.fixture(scope="module")
def wines(run, data):
    """Three classes: the jitted fit, which tells what its state says beside what is predicted; and the rows."""
    x, y = data("wine")
    x, cost = few_values(x), parted(len(y))
    weight = np.where(np.arange(len(y)) % 4 == 0, 0.0, 1.0)
    spec = Spec(trees=4, leaves=4, min_samples_leaf=1, min_hessian=2, loss=loss(softmax))
    start = run("gradient_boosting", attrs.evolve(spec, trees=1), x, y, classes=3, weight=weight, cost=cost)

    @partial(jax.jit, compiler_options=QUICK)
    def through(spec, examples):
        state = boosting.init(spec, jax.random.key(0), start.shape, examples)
        state, told = jax.lax.scan(lambda s, _: boosting.update(spec, s, examples), state, length=4)
        said = boosting.so_far(spec, state, examples)
        found = boosting.predict(spec, state.params, jnp.asarray(x)).probability
        return found, said.probability, told.loss, boosting.loss_of(spec, said, examples), boosting.info(spec, state)

    spec = as_tree(spec, np.float32)
    return lambda **parts: through(spec, start.examples._replace(**parts)), x, y, cost, weight


def test_three_classes_agree_with_lightgbm(wines, agreement):
    through, x, y, cost, weight = wines
    there = weight > 0
    theirs = their_trees(x[there], y[there], 4, weight=cost[there], objective="multiclass", num_class=3, num_leaves=4,
                         min_data_in_leaf=1, min_sum_hessian_in_leaf=2).predict(x)  # fmt: skip
    where = {**LIGHTGBM, "data": "wine"}
    agreement("model.gradient_boosting", "probabilities, softmax", through()[0][there], theirs[there], **where)


def test_the_state_knows_what_the_trees_say_of_all_rows(wines):
    """Held-out rows too, and the loss from predictions alone is that of the scores."""
    through, _, y, cost, weight = wines
    found, said, told, loss_of, info = jax.tree.map(np.asarray, through())
    np.testing.assert_allclose(said, found, rtol=1e-4, atol=1e-6)
    own = -np.log(found[np.arange(len(y)), y])
    np.testing.assert_allclose([told[-1], loss_of], np.average(own, weights=weight * cost), rtol=1e-4)
    assert (np.diff(told) < 0).all()
    assert info.rounds == 4
    assert 2 <= info.leaves <= 4


def test_one_class_is_what_every_row_gets(wines):
    through, _, y, _, _ = wines
    found = through(target=np.zeros_like(y, np.int32))[0]
    np.testing.assert_allclose(found, np.tile([1, 0, 0], (len(y), 1)), atol=1e-12)


def test_quantiles_agree_and_intervals_hold_new_rows(run, bicycles, agreement):
    x, y = bicycles
    x = np.concatenate([few_values(x), np.random.default_rng(1).normal(size=(len(y), 1)).round(1)], axis=1)
    train = np.arange(len(y)) % 3 > 0
    spec = Spec(trees=60, leaves=8, interval=0.8, loss=loss(quantile, q=0.6))
    fitted = run("gradient_boosting", spec, x[train], y[train])
    found = fitted.predict(x)
    theirs = their_trees(x[train], y[train], 60, objective="quantile", alpha=0.6, num_leaves=8).predict(x[train])
    where = {**LIGHTGBM, "data": "bike_sharing"}
    agreement("model.gradient_boosting", "predictions, quantile", found.mean[train], theirs, **where)
    low, high = found.interval.T
    assert (low <= found.mean).all()
    assert (found.mean <= high).all()
    assert 0.72 < np.mean((low <= y)[~train] & (y <= high)[~train]) < 0.88
    trees = boosting.trees(fitted.spec, jax.tree.map(jnp.asarray, fitted.params))
    assert trees.feature.shape[0] == 60, "reports see those of the answer alone"


def test_counts_agree_with_lightgbm_and_rise_where_they_must(run, bicycles, agreement):
    """With temperature rising and with humidity falling, as they are told to; else they do not.

    The first rounds are LightGBM's. In the tenth it refuses a split, since it sets what children lower within their
    bounds against what their parent would lower without any; and what found no split in a node it never tries below.
    Ours does neither, and lowers the loss further.
    """
    x, y = bicycles
    x = few_values(x)
    columns = tuple(ColumnShape(f"x{j}") for j in range(x.shape[1]))
    asked = np.repeat(x[:40], LEVELS, axis=0)
    asked[:, 3] = np.tile(np.arange(LEVELS), 40)
    spec = Spec(trees=20, leaves=15, min_samples_leaf=1, min_hessian=500, loss=loss(poisson))
    free = run("gradient_boosting", spec, x, y, columns=columns)
    settings = {"objective": "poisson", "num_leaves": 15, "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 500}
    where = {**LIGHTGBM, "data": "bike_sharing"}
    found, theirs = free.predict(x).mean, their_trees(x, y, 20, **settings).predict(x)
    agreement("model.gradient_boosting", "means, poisson", found, theirs, **where)

    told = attrs.evolve(spec, monotone=(("x3", "increasing"), ("x4", "decreasing")))
    rising = run("gradient_boosting", told, x, y, columns=columns)
    steps = [np.diff(fitted.predict(asked).mean.reshape(40, LEVELS), axis=1) for fitted in (free, rising)]
    assert steps[0].min() < -1, "nothing was tested"
    assert steps[1].min() >= 0
    assert steps[1].max() > 0
    asked[:, 4] = np.tile(np.arange(LEVELS), 40)
    asked[:, 3] = np.repeat(x[:40, 3], LEVELS)
    assert np.diff(rising.predict(asked).mean.reshape(40, LEVELS), axis=1).max() <= 0
    peer = their_trees(x, y, 20, monotone_constraints=[0, 0, 0, 1, -1, 0], **settings)
    first = jax.tree.map(jnp.asarray, rising.params)
    first = boosting.predict(rising.spec, until(first, jnp.asarray(6)), jnp.asarray(x)).mean
    agreement("model.gradient_boosting", "means, poisson, monotone", first, peer.predict(x, num_iteration=6), **where)
    deviance = [np.mean(m - y * np.log(m)) for m in (rising.predict(x).mean, peer.predict(x), found)]
    assert deviance[2] < deviance[0] < deviance[1], "no more is lost than LightGBM loses"


# ---- categories, and tables as they come -----------------------------------------------------------------------------
def test_levels_are_parted_as_in_lightgbm(run):
    """The first split of Ames by neighborhood, of which LightGBM leaves the rarest out."""
    frame = pl.read_csv(EXAMPLES / "ames_housing.csv").filter(pl.len().over("neighborhood") >= 50)
    level = np.unique(frame["neighborhood"].to_numpy(), return_inverse=True)[1]
    y = np.log(frame["sale_price"].to_numpy()).astype(np.float32)
    x = np.stack([level, frame["mo_sold"].to_numpy()], axis=1).astype(np.float32)
    columns = (ColumnShape("neighborhood", "categorical", int(level.max()) + 1), ColumnShape("mo_sold"))
    spec = Spec(trees=1, leaves=2, learning_rate=1, loss=loss(squared_error))
    found = run("gradient_boosting", spec, x, y, columns=columns).predict(x).mean
    theirs = their_trees(x, y, 1, categories=[0], objective="l2", num_leaves=2, learning_rate=1, max_cat_to_onehot=1,
                         min_data_per_group=1).predict(x)  # fmt: skip
    high = theirs > theirs.mean()
    np.testing.assert_array_equal(found > found.mean(), high)
    np.testing.assert_allclose([found[high].mean(), found[~high].mean()], [y[high].mean(), y[~high].mean()], rtol=1e-6)


def test_incomes_are_predicted_as_well_as_by_lightgbm(run):
    """Numbers, categories and missing values as they come; 4,000 training rows, five draws."""
    frame = shared("adult.csv")
    y = (frame["income"] == frame["income"].max()).to_numpy().astype(np.int32)
    frame = frame.drop("income")
    parts, columns = [], []
    for name in frame.columns:
        column = frame[name]
        levels = sorted(column.drop_nulls().unique()) if column.dtype == pl.String else []
        if levels:
            column = column.replace_strict({level: i for i, level in enumerate(levels)}, default=None)
        parts.append(column.cast(pl.Float64).fill_null(float("nan")).to_numpy())
        columns.append(ColumnShape(name, "categorical" if levels else "continuous", len(levels), missing=True))
    x = np.stack(parts, axis=1)
    assert np.isnan(x).any()
    categories = [j for j, column in enumerate(columns) if column.levels]
    spec, ours, theirs = bind(Spec(trees=40), ("<=50K", ">50K")), [], []
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(y))
        train, test = order[:4000], order[4000:7000]
        fitted = run("gradient_boosting", spec, x[train], y[train], classes=2, columns=tuple(columns))
        peer = their_trees(x[train], y[train], 40, categories=categories, objective="binary", min_data_in_bin=3)
        for said, kept in ((fitted.predict(x[test]).probability[:, 1], ours), (peer.predict(x[test]), theirs)):
            kept.append(-np.mean(np.where(y[test] == 1, np.log(said), np.log1p(-said))))
    assert as_good(ours, theirs)


# ---- hard data -------------------------------------------------------------------------------------------------------
def test_hard_columns(run):
    """Constant, missing everywhere, 50,000 levels of which most are met once, and a row without any value."""
    n = 3000
    random = np.random.default_rng(2)
    level = np.where(np.arange(n) % 3 == 0, random.integers(0, 5, n), random.integers(5, 50_000, n)).astype(float)
    x = np.stack([np.full(n, 7.0), np.full(n, np.nan), level, random.normal(size=n)], axis=1)
    x[11] = np.nan
    y = np.where(level < 5, level, 2) + random.normal(0, 0.1, n)
    columns = (ColumnShape("constant"), ColumnShape("nothing"), ColumnShape("code", "categorical", 50_000),
               ColumnShape("noise"))  # fmt: skip
    spec = Spec(trees=20, leaves=31, max_depth=3, growth="depth_wise", loss=loss(squared_error))
    fitted = run("gradient_boosting", spec, x, y, columns=columns)
    found = fitted.predict(x).mean
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[level < 5], level[level < 5], atol=0.35)
    rare, unseen = np.where(level[:, None] >= 5, x, x[0])[:200], x[:200].copy()
    unseen[:, 2] = -1
    missing = unseen.copy()
    missing[:, 2] = np.nan
    np.testing.assert_array_equal(fitted.predict(unseen).mean, fitted.predict(missing).mean)
    assert np.isfinite(fitted.predict(rare).mean).all()
    used = set(np.unique(fitted.params.trees.feature)) - {-1}
    assert used <= {2, 3}
    assert fitted.params.trees.subset.shape == (20, 15, -(-50_000 // 32)), "of depth 3"


@pytest.mark.parametrize(
    ("spec", "classes", "expected"),
    [
        (Spec(), 0, None), (Spec(), 2, None), (Spec(), 5, None),
        (Spec(loss=loss(logistic)), 3, "loss: expected softmax, since the target has 3 classes, found logistic"),
        (Spec(interval=0.9), 2, "interval: expected a number as the target, found 2 classes"),
        (Spec(monotone=(("a", "increasing"),)), 2, None),
        (Spec(monotone=(("a", "increasing"),)), 3, "monotone: expected one score, found one for each of 3 classes"),
        (Spec(monotone=(("c", "increasing"),)), 0, "monotone: expected numbers in `c`, found a categorical one"),
        (Spec(monotone=(("z", "increasing"),)), 0,
         "monotone: expected numbers in `z`, found none of that name among the model's columns"),
        (Spec(monotone=(("a", "decreasing"),), loss=loss(absolute_error)), 0,
         "monotone: expected a loss whose leaves keep their bounds, found absolute_error"),
        (Spec(monotone=(("a", "decreasing"),), interval=0.9), 0,
         "monotone: expected a loss whose leaves keep their bounds, found an interval"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(spec, classes, expected):
    shape = Shape(100, (ColumnShape("a"), ColumnShape("c", "categorical", 4)), classes=classes)
    found = [f"{problem.parameter}: {problem.message}" for problem in boosting.check(spec, shape)]
    assert found == ([expected] if expected else [])


def test_negative_counts_are_refused():
    spec, shape = Spec(loss=loss(poisson)), Shape(100)
    told = boosting.Info(np.int32(5), np.float32(8), np.int32(3), np.float32(0.1))
    (problem,) = boosting.remarks(spec, told, shape)
    assert problem.message == "expected targets of at least 0, since `poisson` is for counts, found 3 rows with others"
    assert list(boosting.remarks(spec, told._replace(outside=np.int32(0)), shape)) == []
