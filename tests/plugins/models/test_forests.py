"""Forests: scikit-learn's exact trees and held-out losses, draws, out-of-bag answers, levels, missing values, room."""

from __future__ import annotations

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mldsl_plugins.trees import _bootstrap, _forest, _forest_sizes, _impurity, _levels, extra_trees, random_forest
from mldsl_plugins.trees._predict import leaf_of
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mldsl.contract import ColumnShape, Shape
from mldsl.execute.programs import QUICK

rng = np.random.default_rng(7)
FOREST, EXTRA = "random_forest", "extra_trees"


def numbers(d):
    return tuple(ColumnShape(f"x{j}") for j in range(d))


# ---- one tree of all rows and columns is an exact tree, where every value has a bin ----------------------------------
def test_a_tree_of_classes_is_scikit_learns(run, data, agreement):
    x, y = data("wine")
    spec = random_forest.Spec(1, columns="all", max_depth=3, bootstrap=False)
    ours = run(FOREST, spec, x, y, classes=3, pad=6)
    theirs = DecisionTreeClassifier(max_depth=3, random_state=0).fit(x.astype(np.float32), y)
    name = f"model.{FOREST}"
    found = ours.predict(x).probability
    agreement(name, "tree, shares of classes", found, theirs.predict_proba(x.astype(np.float32)),
              reference="scikit-learn", data="wine", relative=1e-6)  # fmt: skip
    trees, peer = ours.params.grown, theirs.tree_
    assert (trees.weight[0] > 0).sum() == peer.node_count
    inner = peer.children_left >= 0
    mass = peer.weighted_n_node_samples * peer.impurity
    below = mass[peer.children_left[inner]] + mass[peer.children_right[inner]]
    agreement(name, "tree, sum of gains", trees.gain.sum(), (mass[inner] - below).sum(), reference="scikit-learn",
              data="wine", relative=1e-5)  # fmt: skip


def test_a_tree_of_numbers_is_scikit_learns(run, data, agreement):
    x, y = (part[:250] for part in data("diabetes"))
    x = x.astype(np.float32)
    ours = run(FOREST, random_forest.Spec(1, max_depth=4, bootstrap=False), x, y, pad=6)
    theirs = DecisionTreeRegressor(max_depth=4, random_state=0).fit(x, y)
    agreement(f"model.{FOREST}", "tree, means", ours.predict(x).mean, theirs.predict(x), reference="scikit-learn",
              data="diabetes, 250 rows", relative=1e-6)  # fmt: skip


@pytest.mark.parametrize(
    ("criterion", "impurity"),
    [("gini", lambda p: 1 - sum(q * q for q in p)), ("entropy", lambda p: -sum(q * math.log(q) for q in p if q))],
)
def test_splits_are_worth_what_they_lower_the_impurity(criterion, impurity):
    growth = _impurity.Growth(criterion, 3, False, 1, 9, 2.0, 1.0, 9)
    left, right = np.array([3.0, 0, 1.5]), np.array([1.0, 2, 4])
    whole = left + right
    gained = sum(_impurity.worth(growth, jnp.asarray(part)) for part in (left, right)) - _impurity.worth(
        growth, jnp.asarray(whole)
    )
    heavy = [part.sum() * impurity(part / part.sum()) for part in (whole, left, right)]
    assert gained == pytest.approx(heavy[0] - heavy[1] - heavy[2], rel=1e-5)


# ---- held-out scores, over seeds -------------------------------------------------------------------------------------
def held_out(run, name, spec, peer, x, y, classes, seeds):
    """Losses of ours and the peer's on a third of the rows, over seeds, [seeds, 2]."""
    found = []
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(len(x))
        train, test = order[len(x) // 3 :], order[: len(x) // 3]
        weight = np.isin(np.arange(len(x)), train).astype(float)
        ours = run(name, spec, x, y, classes=classes, key=seed, weight=weight).predict(x)
        theirs = peer(seed).fit(x[train], y[train])
        if classes:
            pair = ours.probability[test], theirs.predict_proba(x[test])
            pair = [((p - np.eye(classes)[y[test]]) ** 2).sum(axis=1).mean() for p in pair]
        else:
            pair = [((mean - y[test]) ** 2).mean() for mean in (ours.mean[test], theirs.predict(x[test]))]
        found.append(pair)
    return np.array(found)


CASES = [
    (FOREST, random_forest.Spec(25), RandomForestClassifier, "breast_cancer_wdbc", 2, 8),
    (FOREST, random_forest.Spec(25, columns="third"), RandomForestRegressor, "diabetes", 0, 8),
    (EXTRA, extra_trees.Spec(25), ExtraTreesClassifier, "breast_cancer_wdbc", 2, 20),
]


@pytest.mark.parametrize(("name", "spec", "peer", "rows", "classes", "seeds"), CASES)
def test_held_out_losses_are_scikit_learns(run, data, agreement, name, spec, peer, rows, classes, seeds):
    x, y = data(rows)
    third = {"max_features": 1 / 3} if spec.columns == "third" else {}
    losses = held_out(run, name, spec, lambda seed: peer(25, random_state=seed, **third), x, y, classes, seeds)
    apart = losses[:, 0] - losses[:, 1]
    error = apart.std(ddof=1) / math.sqrt(len(apart))
    worse = max(apart.mean(), 0) / losses[:, 1].mean()
    agreement(f"model.{name}", f"held-out loss, by how much worse over {seeds} seeds", worse, 0,
              reference="scikit-learn", data=rows, absolute=float(error / losses[:, 1].mean()))  # fmt: skip


# ---- rows that are drawn ---------------------------------------------------------------------------------------------
def test_rows_are_drawn_as_often_as_they_weigh():
    weight = np.array([1, 0, 2, 0.5, 4, 1, 0, 3.5] * 25, np.float32)
    draws = jax.jit(jax.vmap(lambda seed: _bootstrap.drawn(seed, jnp.cumsum(weight), 0.5)))
    times = np.asarray(draws(jnp.arange(600, dtype=jnp.uint32)))
    assert (times.sum(axis=1) == round(0.5 * weight.sum())).all()
    mean, spread = times.mean(axis=0), times.var(axis=0)
    assert (mean[weight == 0] == 0).all()
    heavy = weight > 0
    # Multinomial: of mean w / 2, and of variance a little less; sums of 600 draws.
    np.testing.assert_allclose(mean[heavy], weight[heavy] / 2, atol=5 * np.sqrt(weight[heavy].max() / 2 / 600))
    assert spread[heavy].sum() == pytest.approx((weight / 2 * (1 - weight / weight.sum())).sum(), rel=0.05)
    assert len(np.unique(times, axis=0)) == 600


def test_out_of_bag_answers_are_those_of_trees_that_have_not_drawn_the_row(run, data):
    x, y = data("breast_cancer_wdbc")
    fitted = run(FOREST, random_forest.Spec(25), x, y, classes=2)
    given = jax.tree.map(jnp.asarray, fitted.examples)
    weight = given.weight
    quick = partial(jax.jit, compiler_options=QUICK)
    order = quick(_bootstrap.by_content)(given.inputs.rows, given.active, given.target, weight)
    seeds = jax.random.bits(jax.random.key(0), (2, 13, 2), jnp.uint32).reshape(-1, 2)[:25, 0]
    draws = quick(jax.vmap(lambda seed: _bootstrap.drawn(seed, jnp.cumsum(weight[order]), 1.0)))(seeds)
    times = np.zeros((25, len(x)))
    times[:, order] = draws
    grown = jax.tree.map(jnp.asarray, fitted.params.grown)
    leaf = np.asarray(quick(leaf_of)(grown, jnp.asarray(x, jnp.float32)))
    says = np.stack([value[at] for value, at in zip(fitted.params.grown.value, leaf, strict=True)])
    absent = times == 0
    assert absent.mean() == pytest.approx(math.exp(-1), abs=0.02)
    told = (says * absent[..., None]).sum(axis=0) / np.maximum(absent.sum(axis=0), 1)[:, None]
    np.testing.assert_allclose(fitted.info.out_of_bag, told, atol=1e-5)
    assert (says.argmax(axis=2) == y[None])[~absent].all(), "a pure tree knows the class of a row that it has drawn"
    some = absent.any(axis=0)
    assert fitted.info.out_of_bag_share == pytest.approx(some.mean())
    assert fitted.info.out_of_bag_score == pytest.approx((told.argmax(axis=1) == y)[some].mean(), abs=1e-6)
    theirs = RandomForestClassifier(100, oob_score=True, random_state=0).fit(x, y).oob_score_
    assert fitted.info.out_of_bag_score == pytest.approx(theirs, abs=0.02)


def test_costs_are_weights_of_the_loss(run, data):
    x, y = data("wine")
    cost = np.where(y == 1, 3.0, 1.0)
    dearer = run(EXTRA, extra_trees.Spec(25), x, y, classes=3, cost=cost)
    heavier = run(EXTRA, extra_trees.Spec(25), x, y, classes=3, weight=cost)
    # Leaves are pure, so that only the splits can tell; and the trees are the same but for what they weigh.
    np.testing.assert_array_equal(dearer.params.grown.feature, heavier.params.grown.feature)
    np.testing.assert_allclose(dearer.params.grown.threshold, heavier.params.grown.threshold, rtol=1e-6)
    np.testing.assert_allclose(dearer.params.grown.gain, heavier.params.grown.gain, rtol=1e-5, atol=1e-4)
    assert dearer.params.grown.weight[0, 0] == len(x)
    assert heavier.params.grown.weight[0, 0] == cost.sum()
    plain = run(EXTRA, extra_trees.Spec(25), x, y, classes=3)
    assert not np.array_equal(dearer.params.grown.feature, plain.params.grown.feature)


# ---- columns as they come --------------------------------------------------------------------------------------------
KINDS = (
    ColumnShape("level", "categorical", 40, missing=True), ColumnShape("size", missing=True), ColumnShape("same"),
    ColumnShape("gone", missing=True), ColumnShape("noise"),
)  # fmt: skip
ODD = rng.permutation(40)[:20]  # levels of which the sum is 1; their codes say nothing


def table(n):
    """A class that follows from whether a level is among some, or a size is not known."""
    x = rng.normal(size=(n, 5)).astype(np.float32)
    x[:, 0] = rng.integers(0, 40, n)
    x[rng.random(n) < 0.3, 1] = np.nan
    x[:, 2], x[:, 3] = 1.5, np.nan
    return x, (np.isin(x[:, 0], ODD) | np.isnan(x[:, 1])).astype(int)


@pytest.mark.parametrize(("name", "classes"), [(FOREST, 2), (EXTRA, 0)])
def test_levels_and_missing_values_are_split_by(run, name, classes):
    spec = {FOREST: random_forest, EXTRA: extra_trees}[name].Spec(6, columns=3)
    x, y = table(700)
    new, expected = table(400)
    fitted = run(name, spec, x, y, classes=classes, columns=KINDS, pad=12)

    def chance(x):
        answer = fitted.predict(x)
        return answer.probability[:, 1] if classes else answer.mean

    assert ((chance(new) > 0.5) == expected).mean() > 0.97
    used = np.unique(fitted.params.grown.feature)
    assert not set(used) & {2, 3}, "neither a constant nor a column without values can be split by"
    odd = new.copy()
    odd[:, 0] = -1  # a level that training has not seen
    assert np.isfinite(chance(odd)).all()
    odd[:] = np.nan
    assert np.isfinite(chance(odd)).all()
    np.testing.assert_array_equal(chance(odd), chance(odd)[0])


def test_many_levels_are_ordered_along_the_direction_in_which_classes_differ():
    """Coppersmith, Hong & Hosking: with three classes the levels of each stand together."""
    code = np.repeat(np.arange(9), 30)
    y = np.where(np.random.default_rng(0).random(len(code)) < 0.9, code % 3, (code + 1) % 3).astype(np.int32)
    rank = np.asarray(_levels.ranks_of(jnp.asarray(code), 12, jnp.asarray(y), jnp.ones(len(code)), 3))
    assert sorted(rank) == list(range(12))
    groups = (code[::30] % 3)[np.argsort(rank[:9])]
    assert (np.diff(groups) != 0).sum() == 2


# ---- sizes -----------------------------------------------------------------------------------------------------------
def test_numbers_of_columns():
    assert [_forest_sizes.columns_of(c, 50, 2) for c in ("auto", "sqrt", "log2", "third", "all", 3, 0.5)] == [
        7, 7, 5, 16, 50, 3, 25,
    ]  # fmt: skip
    assert _forest_sizes.columns_of("auto", 50, 0) == 50
    assert _forest_sizes.columns_of("third", 2, 0) == _forest_sizes.columns_of(0.01, 2, 2) == 1


@pytest.mark.parametrize(
    ("settings", "classes", "said"),
    [
        ({}, 2, []),
        ({"columns": 5}, 2, ["columns: expected at most 4 (the columns), found 5"]),
        ({"columns": 2.5}, 2, ["columns: expected a whole number, or a share below 1, found 2.5"]),
        ({"criterion": "gini"}, 0, ["criterion: expected squared_error, for numbers, found gini"]),
        ({"criterion": "squared_error"}, 2, ["criterion: expected gini or entropy, for classes, found squared_error"]),
        (
            {"row_sample": 0.5}, 2,
            ["row_sample: expected 100% where `bootstrap = false`, found 50%; only a bootstrap draws rows"],
        ),
    ],
)  # fmt: skip
def test_what_is_refused(settings, classes, said):
    found = extra_trees.check(extra_trees.Spec(**settings), Shape(100, numbers(4), classes))
    assert [f"{p.parameter}: {p.message}" for p in found] == said


def test_trees_without_room_are_cut_off_and_said_so(run, data, monkeypatch):
    x, y = data("diabetes")
    monkeypatch.setattr(_forest_sizes, "ROOM", 3 * 61 * _forest_sizes.bytes_of(0, 0))
    module = random_forest
    shape = Shape(len(x), numbers(x.shape[1]))
    spec = module.Spec(3)
    assert _forest_sizes.growth_of(spec, shape, False, alone=True).nodes == 61
    fitted = run(FOREST, spec, x, y)
    assert fitted.info.cut == 3
    assert fitted.info.largest == 61
    (text,) = _forest.remarks(spec, fitted.info, shape)
    assert text == (
        "3 of 3 trees have no room for more than 61 nodes and were cut off: a larger `min_samples_leaf`, a "
        "`max_depth` or fewer `trees` makes them fit"
    )
    leaf = fitted.params.grown.feature < 0
    np.testing.assert_allclose((fitted.params.grown.weight * leaf).sum(axis=1), len(x))
    error = ((fitted.predict(x).mean - y) ** 2).mean()
    assert error < 0.5 * y.var()


def test_nodes_that_no_tree_needed_are_not_kept(run, data):
    x, y = data("wine")
    fitted = run(EXTRA, extra_trees.Spec(25), x, y, classes=3)
    small = _forest.compact(fitted.params)
    assert small.grown.feature.shape[1] == fitted.info.largest < fitted.params.grown.feature.shape[1] / 2
    before = fitted.predict(x).probability
    fitted.params = small
    np.testing.assert_allclose(fitted.predict(x).probability, before, rtol=1e-6)
    assert list(_forest.remarks(extra_trees.Spec(25), fitted.info, fitted.shape)) == []
    assert fitted.info.out_of_bag is None, "no tree has drawn rows"
