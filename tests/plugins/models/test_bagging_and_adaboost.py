"""Bagging and AdaBoost: scikit-learn's bases with the same samples and shares, its AdaBoost, and where rounds end."""

from __future__ import annotations

import math
from functools import cache, partial
from typing import Any, NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mldsl_plugins.bayes import gaussian_naive_bayes as naive_bayes
from mldsl_plugins.ensembles import _draws as draws
from mldsl_plugins.ensembles import adaboost, bagging
from mldsl_plugins.linear import logistic_regression, nonlinear_regression, ols, ridge
from mldsl_plugins.neighbors import k_nearest_neighbors as neighbors
from mldsl_plugins.trees import cart
from mldsl_plugins.vectors import linear_svm

from mldsl.contract import (
    ColumnShape,
    Examples,
    Prediction,
    Prepared,
    Shape,
    Trees,
    as_tree,
    segment_reduce,
    weighted_mean,
)  # fmt: skip
from mldsl.plugin import Model, Problem
from mldsl.plugin.spec import Configured

FLOAT32 = 1e-5  # of what float32 sums


@cache
def component_of(module):
    """One and the same every time, so that what was compiled for it is found again."""
    return module.mldsl_components()[0]


def of(module, **settings):
    """A base."""
    return Configured(component_of(module), module.Spec(**settings))


def weights(n):
    """Some rows twice, some not there."""
    return np.asarray([1, 2, 0, 1, 3])[np.arange(n) % 5].astype(float)


# ---- draws -----------------------------------------------------------------------------------------------------------
drawn = jax.jit(draws.draw_rows, static_argnums=3)


def many(times, weight, share, replace):
    keys = jax.random.split(jax.random.key(2), times)
    return np.asarray(jax.jit(jax.vmap(lambda k: draws.draw_rows(k, jnp.asarray(weight), share, replace)))(keys))


@pytest.mark.parametrize("n", [30, 9000])  # one block, and several of which the last is not full
def test_a_bootstrap_counts_as_a_multinomial_does(n):
    counts = many(400, np.ones(n, np.float32), 1.0, True)
    assert (counts.sum(axis=1) == n).all()
    assert set(np.unique(counts)) <= set(range(12))
    variance = 1 - 1 / n
    assert counts.mean(axis=0).std() == pytest.approx(math.sqrt(variance / 400), rel=0.35 if n < 100 else 0.05)
    assert counts.var(axis=0).mean() == pytest.approx(variance, rel=0.03)
    assert (counts == 0).mean() == pytest.approx((1 - 1 / n) ** n, rel=0.03)
    # Counts of two rows go apart, since they add up.
    pair = np.corrcoef(counts[:, :2].T)[0, 1]
    assert pair == pytest.approx(-1 / (n - 1), abs=0.16)


@pytest.mark.parametrize("n", [30, 9000])
def test_without_replacement_every_row_comes_once_at_most(n):
    counts = many(400, np.ones(n, np.float32), 0.4, False)
    assert set(np.unique(counts)) == {0, 1}
    assert (counts.sum(axis=1) == round(0.4 * n)).all()
    assert counts.mean(axis=0).std() == pytest.approx(math.sqrt(0.24 / 400), rel=0.35 if n < 100 else 0.05)


def test_permutations_of_few_numbers_are_equally_likely():
    keys = jax.random.split(jax.random.key(5), 5000)
    found = np.asarray(jax.jit(jax.vmap(lambda k: draws.scrambled(k, jnp.arange(10), jnp.asarray(10))))(keys))
    assert (np.sort(found, axis=1) == np.arange(10)).all()
    pairs = np.zeros((10, 10))
    np.add.at(pairs, (found[:, 0], found[:, 7]), 1)
    off = pairs[~np.eye(10, dtype=bool)]
    assert ((off - 5000 / 90) ** 2 / (5000 / 90)).sum() < 89 + 4 * math.sqrt(2 * 89)  # chi-squared of 89 degrees


@pytest.mark.parametrize("replace", [True, False])
def test_a_row_of_weight_2_is_drawn_as_two_rows(replace):
    heavier, twice = np.tile([2, 0], 50).astype(np.float32), np.ones(100, np.float32)
    for seed in range(5):
        one, two = (np.asarray(drawn(jax.random.key(seed), w, 0.7, replace)) for w in (heavier, twice))
        assert one.sum() == two.sum() == 70
        np.testing.assert_array_equal(one.reshape(50, 2).sum(axis=1), two.reshape(50, 2).sum(axis=1))
        assert (one[1::2] == 0).all()
        padded = drawn(jax.random.key(seed), np.pad(twice, (0, 5000)), 0.7, replace)
        np.testing.assert_array_equal(padded[:100], two)


@pytest.mark.parametrize("replace", [True, False])
def test_many_rows_of_few_kinds(replace):
    """Rows that count a million times each: no more draws than `MOST`, and shares that are right."""
    weight = np.asarray([3e6, 0, 1e6, 5e6, 1.5], np.float32)
    found = np.asarray(drawn(jax.random.key(0), weight, 0.5, replace))
    assert found.sum() == pytest.approx(weight.sum() / 2, rel=1e-4)
    np.testing.assert_allclose(found[[0, 2, 3]], weight[[0, 2, 3]] / 2, rtol=5e-3)
    assert found[1] == 0


def test_columns_are_drawn_from_those_that_exist():
    active = jnp.asarray([1, 1, 0, 1, 1, 1, 0], bool)
    keys = jax.random.split(jax.random.key(0), 300)
    found = np.asarray(jax.jit(jax.vmap(lambda k: draws.draw_columns(k, active, 0.6)))(keys))
    assert (found.sum(axis=1) == 3).all()
    assert not found[:, ~active].any()
    np.testing.assert_allclose(found[:, active].mean(axis=0), 0.6, atol=0.1)
    assert draws.draw_columns(keys[0], active, 0.01).sum() == 1


# ---- bagging ---------------------------------------------------------------------------------------------------------
def samples(ours):
    """What each member of a fit was drawn, by rows and by columns."""
    spec, keys = ours.spec, jax.random.split(jax.random.key(ours.key), ours.spec.members)

    def one(key, spec, examples):
        columns = draws.draw_columns(jax.random.fold_in(key, 1), examples.active, spec.column_sample)
        return bagging.sample(spec, key, examples), columns

    with jax.enable_x64(ours.x64):
        return jax.tree.map(np.asarray, jax.jit(jax.vmap(one, (0, None, None)))(keys, spec, ours.examples))


def bagged_peers(ours, x, y, make):
    """scikit-learn's base fitted to the rows and columns of each sample."""
    rows, columns = samples(ours)
    peers = [make().fit(x[:, c], y, sample_weight=r[: len(y)]) for r, c in zip(rows, columns, strict=True)]
    return peers, rows[:, : len(y)], columns


def test_bagged_naive_bayes_is_the_mean_of_scikit_learns(run, data, agreement):
    from sklearn.naive_bayes import GaussianNB

    x, y = data("wine")
    spec = bagging.Spec(of(naive_bayes, smoothing=0.0), members=5, row_sample=0.8, column_sample=0.5)
    ours = run("bagging", spec, x, y, classes=3, weight=weights(len(y)), pad=20)
    peers, rows, columns = bagged_peers(ours, x, y, lambda: GaussianNB(var_smoothing=0))
    assert (columns.sum(axis=1) == 6).all()
    assert (rows.sum(axis=1) == round(0.8 * weights(len(y)).sum())).all()
    said = np.stack([peer.predict_proba(x[:, c]) for peer, c in zip(peers, columns, strict=True)])
    agree = {"reference": "scikit-learn", "data": "wine", "relative": FLOAT32}
    agreement(
        "model.bagging", "probability, Gaussian naive Bayes", ours.predict(x).probability, said.mean(axis=0), **agree
    )
    # Out of bag: what those say that have not seen a row.
    out = (rows == 0) & (weights(len(y)) > 0)
    seen = out.any(axis=0)
    mean = (said * out[:, :, None]).sum(axis=0)[seen] / out.sum(axis=0)[seen][:, None]
    found = ours.info.out_of_bag[: len(y)]
    agreement("model.bagging", "out-of-bag probability", found[seen], mean, **agree)
    assert np.isnan(found[~seen]).all()
    w = weights(len(y))[seen]
    assert ours.info.out_of_bag_score == pytest.approx(np.average(mean.argmax(axis=1) == y[seen], weights=w))
    assert ours.info.out_of_bag_share == pytest.approx(w.sum() / weights(len(y)).sum())


def test_bagged_ridge_is_the_mean_of_scikit_learns(run, data, agreement):
    """With an offset, which answers get from the engine and those out of bag have in them."""
    from sklearn.linear_model import Ridge
    from sklearn.metrics import r2_score

    x, y = data("diabetes")
    offset = 10 * np.sin(np.arange(len(y)))
    spec = bagging.Spec(of(ridge, l2=0.5), members=8, replace=False, row_sample=0.6)
    ours = run("bagging", spec, x, y + offset, pad=30, x64=True, offset=offset)
    peers, rows, _ = bagged_peers(ours, x, y, lambda: Ridge(alpha=0.5))
    assert set(np.unique(rows)) == {0, 1}
    said = np.stack([peer.predict(x) for peer in peers])
    agree = {"reference": "scikit-learn", "data": "diabetes", "relative": 1e-9}
    agreement("model.bagging", "mean, ridge", ours.predict(x).mean, said.mean(axis=0), **agree)
    out = rows == 0
    seen = out.any(axis=0)
    mean = (said * out).sum(axis=0)[seen] / out.sum(axis=0)[seen] + offset[seen]
    agreement("model.bagging", "out-of-bag mean", ours.info.out_of_bag[: len(y)][seen], mean, **agree)
    score = r2_score((y + offset)[seen], mean)
    agreement("model.bagging", "out-of-bag R2", ours.info.out_of_bag_score, score, **agree)


def test_side_by_side_is_one_after_the_other(run, data, monkeypatch):
    x, y = data("breast_cancer_wdbc")
    x = (x[:, :8] - x[:, :8].mean(axis=0)) / x[:, :8].std(axis=0)
    spec = bagging.Spec(of(logistic_regression, l2=2.0), members=6)
    beside = run("bagging", spec, x, y, classes=2, pad=7)
    shape, examples = beside.shape, beside.examples
    assert bagging._side_by_side(beside.spec, shape, examples.weight.nbytes) == 6
    monkeypatch.setattr(bagging, "MEMORY", examples.weight.nbytes * 6 * 2)
    assert bagging._side_by_side(beside.spec, shape, examples.weight.nbytes) == 2
    apart = attrs.evolve(beside.spec, column_sample=0.999999)  # rounds to all columns, each member's own
    assert bagging._side_by_side(apart, shape, examples.weight.nbytes) == 1
    with jax.enable_x64(False):
        params, _ = beside.fit(apart, jax.random.key(0), shape, examples)
    np.testing.assert_allclose(params.members.coefficients, beside.params.members.coefficients, rtol=2e-4, atol=1e-4)


def test_out_of_bag_scores_are_distributed_as_scikit_learns(run, data):
    from sklearn.ensemble import BaggingClassifier
    from sklearn.neighbors import KNeighborsClassifier

    x, y = data("iris")
    base = of(neighbors, k=1)
    ours = [
        run("bagging", bagging.Spec(base, members=20, row_sample=0.5), x, y, classes=3, key=seed).info.out_of_bag_score
        for seed in range(12)
    ]
    peer = partial(BaggingClassifier, KNeighborsClassifier(1), 20, max_samples=0.5, oob_score=True)
    theirs = [peer(random_state=seed).fit(x, y).oob_score_ for seed in range(12)]
    error = math.sqrt((np.var(ours) + np.var(theirs)) / 12)
    assert abs(np.mean(ours) - np.mean(theirs)) < 4 * max(error, 1e-3)
    assert np.std(ours) > 0


def test_margins_are_averaged_and_stay_margins(run, data):
    x, y = data("iris")
    ours = run("bagging", bagging.Spec(of(linear_svm), members=4), x, y, classes=3)
    answer = ours.predict(x)
    assert answer.probability is None
    alone = [
        jax.jit(linear_svm.predict)(ours.spec.base.spec, jax.tree.map(lambda leaf, m=m: leaf[m], ours.params.members),
                                    np.asarray(x, np.float32)).score
        for m in range(4)
    ]  # fmt: skip
    np.testing.assert_allclose(answer.score, np.mean(alone, axis=0), rtol=1e-5, atol=1e-6)


def test_a_class_that_samples_lack(run):
    """One row of class 2: samples without it give it nothing, and the mean is still a probability."""
    x = np.asarray([[0.0], [0.2], [0.4], [3.0], [3.2], [3.4], [9.0]])
    y = np.asarray([0, 0, 0, 1, 1, 1, 2])
    ours = run("bagging", bagging.Spec(of(naive_bayes), members=8), x, y, classes=3, key=1)
    rows, _ = samples(ours)
    lacking = (rows[:, 6] == 0).mean()
    assert 0 < lacking < 1
    found = ours.predict(x).probability
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
    assert found[6, 2] == pytest.approx(1 - lacking, abs=1e-5)


# ---- AdaBoost of classes ---------------------------------------------------------------------------------------------
SAMME = {"reference": "scikit-learn"}


STUMP = {"min_samples_split": 2, "min_samples_leaf": 1, "surrogate_splits": 0}  # scikit-learn's tree


@pytest.mark.parametrize(("name", "x64"), [("wine", False), ("iris", False), ("breast_cancer_wdbc", True)])
def test_rounds_are_those_of_scikit_learn(run, data, agreement, name, x64):
    """Of naive Bayes in float32, which a round ends that is no better than chance; of stumps in float64."""
    from sklearn.ensemble import AdaBoostClassifier
    from sklearn.naive_bayes import GaussianNB
    from sklearn.tree import DecisionTreeClassifier

    x, y = data(name)
    w = weights(len(y)) if name == "iris" else np.ones(len(y))
    there = w > 0
    base, theirs = of(naive_bayes, smoothing=0.0), GaussianNB(var_smoothing=0)
    if x64:
        base, theirs = of(cart, max_depth=1, **STUMP), DecisionTreeClassifier(max_depth=1)
    peer = AdaBoostClassifier(theirs, n_estimators=15, learning_rate=0.7, random_state=0)
    peer.fit(x[there], y[there], sample_weight=w[there])
    spec = adaboost.Spec(base, rounds=15, learning_rate=0.7)
    ours = run("adaboost", spec, x, y, classes=int(y.max()) + 1, weight=w, pad=20, x64=x64)
    made = len(peer.estimators_)
    assert ours.info.rounds == made
    agree = {**SAMME, "data": f"{name} ({base.component.name})", "relative": 1e-9 if x64 else FLOAT32}
    agreement(
        "model.adaboost", "error by round", ours.info.error_history[:made], peer.estimator_errors_[:made], **agree
    )
    agreement("model.adaboost", "vote by round", ours.params.vote, peer.estimator_weights_, **agree)
    agreement("model.adaboost", "probability", ours.predict(x).probability, peer.predict_proba(x), **agree)
    if y.max() > 1:  # of two classes scikit-learn gives the difference
        agreement("model.adaboost", "decision function", ours.predict(x).score, peer.decision_function(x), **agree)
    staged = [np.average(said != y[there], weights=w[there]) for said in peer.staged_predict(x[there])]
    np.testing.assert_allclose(ours.info.training_error_history[:made], staged, atol=1e-6)
    assert np.isnan(ours.info.error_history[made + 1 :]).all()


def test_by_hand(run):
    """A base that cannot see one of six rows right: errors, votes and shares in plain Python."""
    x, y = np.asarray([[0.0], [1.0], [2.0], [3.0], [4.0], [2.0]]), np.asarray([0, 0, 0, 1, 1, 1])
    ours = run("adaboost", adaboost.Spec(of(neighbors, k=1), rounds=2, learning_rate=0.5), x, y, classes=2)
    first = 1 / 6  # of the two rows at 2 one must be wrong
    vote = 0.5 * math.log((1 - first) / first)
    heavy = math.exp(vote)
    second = min(heavy, 1) / (5 + heavy)  # now the neighbor of the greater share is listened to, or the same
    assert ours.info.error_history[0] == pytest.approx(first)
    assert ours.params.vote[0] == pytest.approx(vote, rel=1e-6)
    assert ours.info.error_history[1] in (pytest.approx(second, rel=1e-5), pytest.approx(heavy / (5 + heavy), rel=1e-5))


def test_a_base_without_costs_gets_shares_as_weights(run, data):
    """The same rounds whether shares are costs or weights: naive Bayes takes both for the same."""
    x, y = data("iris")
    plain = of(naive_bayes)
    bare = Configured(attrs.evolve(plain.component, costs=False), plain.spec)
    one, other = (run("adaboost", adaboost.Spec(base, rounds=5), x, y, classes=3) for base in (plain, bare))
    np.testing.assert_allclose(one.params.vote, other.params.vote, rtol=1e-6)


def test_cost_is_weight(run, data):
    x, y = data("iris")
    cost = 1.0 + (y == 2)
    spec = adaboost.Spec(of(naive_bayes), rounds=5)
    one = run("adaboost", spec, x, y, classes=3, cost=cost)
    other = run("adaboost", spec, x, y, classes=3, weight=cost)
    np.testing.assert_allclose(one.params.vote, other.params.vote, rtol=1e-5)
    assert abs(one.params.vote - run("adaboost", spec, x, y, classes=3).params.vote).max() > 0.01


# ---- AdaBoost of numbers ---------------------------------------------------------------------------------------------
def drucker(x, y, w, rounds, rate, loss, make):
    """AdaBoost.R2 in plain Python, its base fitted to the weighted rows."""
    share, models, votes, errors = w / w.sum(), [], [], []
    for number in range(rounds):
        model = make().fit(x, y, sample_weight=share * w.sum())
        off = np.abs(model.predict(x) - y)
        off = off / off[share > 0].max()
        off = {"linear": off, "square": off**2, "exponential": 1 - np.exp(-off)}[loss]
        error = (share * off).sum()
        errors.append(error)
        if error >= 0.5 and number > 0:
            break
        models.append(model)
        votes.append(1.0 if error >= 0.5 else rate * math.log((1 - error) / error))
        if error >= 0.5:
            break
        share = share * (error / (1 - error)) ** (rate * (1 - off))
        share = share / share.sum()
    return models, np.asarray(votes), np.asarray(errors)


def median(models, votes, x):
    """The answer of each row: half of the votes are for it or for less."""
    answers = np.stack([model.predict(x) for model in models])
    found = []
    for column in answers.T:
        so_far, half = 0.0, votes.sum() / 2
        for place in np.argsort(column, kind="stable"):
            so_far += votes[place]
            if so_far >= half:
                found.append(column[place])
                break
    return np.asarray(found)


@pytest.mark.parametrize("loss", ["linear", "square", "exponential"])
def test_numbers_are_druckers(run, data, agreement, loss):
    from sklearn.linear_model import Ridge
    from sklearn.tree import DecisionTreeRegressor

    x, y = data("diabetes")
    w = weights(len(y))
    base, theirs = of(ridge, l2=0.1), partial(Ridge, alpha=0.1)
    if loss == "linear":
        base, theirs = of(cart, max_depth=3, **STUMP), partial(DecisionTreeRegressor, max_depth=3, random_state=0)
    models, votes, errors = drucker(x, y, w, 10, 0.8, loss, theirs)
    spec = adaboost.Spec(base, rounds=10, learning_rate=0.8, loss=loss)
    ours = run("adaboost", spec, x, y, weight=w, pad=30, x64=True)
    assert ours.info.rounds == len(models)
    assert ours.info.training_error_history is None
    agree = {"reference": "scikit-learn", "data": f"diabetes ({loss} loss, {base.component.name}, in Python)"}
    agreement(
        "model.adaboost",
        "error by round, of a number",
        ours.info.error_history[: len(errors)],
        errors,
        relative=1e-9,
        **agree,
    )
    agreement(
        "model.adaboost", "vote by round, of a number", ours.params.vote[: len(votes)], votes, relative=1e-9, **agree
    )
    agreement(
        "model.adaboost", "weighted median", ours.predict(x).mean, median(models, votes, x), relative=1e-9, **agree
    )


def test_the_weighted_median_is_scikit_learns(data):
    from sklearn.ensemble import AdaBoostRegressor

    x, y = data("diabetes")
    peer = AdaBoostRegressor(n_estimators=12, random_state=0).fit(x, y)
    answers = np.stack([tree.predict(x) for tree in peer.estimators_]).astype(np.float32)
    votes = peer.estimator_weights_[: len(answers)].astype(np.float32)
    np.testing.assert_allclose(jax.jit(adaboost.weighted_median)(answers, votes), peer.predict(x), rtol=1e-6)


def test_what_is_not_drawn_is_as_good_as_what_is(run, data):
    """R2 of held-out rows beside those of scikit-learn's AdaBoost.R2, which draws samples."""
    from sklearn.ensemble import AdaBoostRegressor
    from sklearn.metrics import r2_score

    x, y = data("diabetes")
    held = np.arange(len(y)) % 3 == 0
    ours = run(
        "adaboost", adaboost.Spec(of(cart, max_depth=3, **STUMP), rounds=10), x, y, weight=~held, pad=30, x64=True
    )
    theirs = [
        r2_score(
            y[held], AdaBoostRegressor(n_estimators=10, random_state=seed).fit(x[~held], y[~held]).predict(x[held])
        )
        for seed in range(12)
    ]
    found = r2_score(y[held], ours.predict(x[held]).mean)
    assert found > np.mean(theirs) - 2 * np.std(theirs)
    assert found > 0.3


# ---- where rounds end ------------------------------------------------------------------------------------------------
def said(module, ours):
    return list(module.remarks(ours.spec, ours.info, ours.shape))


def test_a_round_without_error_is_the_last(run):
    x, y = np.asarray([[0.0], [1.0], [5.0], [6.0]]), np.asarray([0, 0, 1, 1])
    ours = run("adaboost", adaboost.Spec(of(naive_bayes), rounds=4), x, y, classes=2)
    np.testing.assert_array_equal(ours.params.vote, [1, 0, 0, 0])
    assert ours.info.rounds == 1
    assert np.isnan(ours.info.error_history[1:]).all()
    np.testing.assert_array_equal(ours.predict(x).probability.argmax(axis=1), y)
    assert said(adaboost, ours) == []


def test_a_base_that_is_no_better_than_chance_is_refused(run):
    x, y = np.zeros((8, 1)), np.arange(8) % 2
    ours = run("adaboost", adaboost.Spec(of(naive_bayes), rounds=4), x, y, classes=2)
    assert not ours.params.vote.any()
    np.testing.assert_allclose(ours.predict(x).probability, 0.5)
    (problem,) = said(adaboost, ours)
    assert problem == Problem(
        "base",
        "expected a model that is better than chance (an error below 0.5), found `gaussian_naive_bayes` with 0.5",
    )


def test_a_first_number_that_is_half_wrong_is_kept_alone(run):
    """Most residuals as large as the largest."""
    y = np.asarray([1.0, -1, 1, -1, 1, -1])
    ours = run("adaboost", adaboost.Spec(of(ridge), rounds=3), np.zeros((6, 1)), y)
    np.testing.assert_array_equal(ours.params.vote, [1, 0, 0])
    np.testing.assert_allclose(ours.predict(np.zeros((2, 1))).mean, 0, atol=1e-6)
    (text,) = said(adaboost, ours)
    assert text.startswith("the first round has an error of 1")


# ---- messages --------------------------------------------------------------------------------------------------------
CLASSES, NUMBER = Shape(20, (ColumnShape("a"),), classes=2), Shape(20, (ColumnShape("a"),))


@pytest.mark.parametrize("module", [bagging, adaboost])
def test_a_base_has_no_formula_of_its_own(module):
    spec = module.Spec(of(ols, formula="y ~ a"))
    (problem,) = module.check(spec, NUMBER)
    assert problem == Problem("base", "expected `ols` without a formula: all members get the columns of the model")
    assert list(module.check(module.Spec(of(ols)), NUMBER)) == []


@pytest.mark.parametrize("module", [bagging, adaboost])
def test_a_base_answers_rows_as_they_are(module):
    plain = of(naive_bayes)
    spec = module.Spec(Configured(attrs.evolve(plain.component, apply_prepared=lambda *a: None), plain.spec))
    (problem,) = module.check(spec, CLASSES)
    assert problem.message == "expected a model that answers rows as they are, found `gaussian_naive_bayes`"


def test_a_curve_names_its_columns():
    base = of(nonlinear_regression, formula="", start=(("b", 1.0),))
    (problem,) = bagging.check(bagging.Spec(base, column_sample=0.5), NUMBER)
    assert problem.parameter == "column_sample"
    assert problem.message.startswith("expected 1 for `nonlinear_regression`, found 0.5: a curve names its columns")


def test_samples_that_leave_nothing_out_are_told(run):
    x, y = np.arange(6.0)[:, None], np.arange(6.0)
    ours = run("bagging", bagging.Spec(of(ridge), members=2, replace=False), x, y)
    assert np.isnan(ours.info.out_of_bag_score)
    assert ours.info.out_of_bag_share == 0
    (text,) = said(bagging, ours)
    assert text == "without replacement and with all rows every member sees the same rows; set `row_sample` below 1"


# ---- trees, and inputs that are prepared -----------------------------------------------------------------------------
class Cut(NamedTuple):
    """A tree of one split."""

    threshold: Any
    value: Any


def ranks_and_cut():
    """A stump on the first column that learns from ranks, which only its `prepare` can make."""

    def prepare(spec, shape, columns, weight):
        first = columns[shape.columns[0].name]
        return Prepared(np.searchsorted(np.unique(first), first).astype(np.float32)), None

    def fit(spec, key, shape, examples):
        rank, w, y = examples.inputs.rows, examples.weight, examples.target
        middle = weighted_mean(rank, w)
        value = segment_reduce(y, (rank > middle).astype(jnp.int32), 2, weight=w)
        return Cut(
            middle, value / segment_reduce(jnp.ones_like(y), (rank > middle).astype(jnp.int32), 2, weight=w)
        ), None

    def predict(spec, params, inputs):
        return Prediction(mean=jnp.where(inputs[:, 0] > params.threshold, params.value[1], params.value[0]))

    def trees(spec, params):
        leaf = jnp.asarray([0, -1, -1], jnp.int32)
        node = jnp.asarray([params.threshold, 0, 0])
        value = jnp.stack([params.value.mean(), *params.value])[:, None]
        small = jnp.arange(3, dtype=jnp.int32)
        parts = (
            leaf,
            node,
            jnp.zeros((3, 0), jnp.uint32),
            leaf > 0,
            small,
            small,
            value,
            node,
            jnp.asarray([2.0, 0, 0]),
        )
        return Trees(*(part[None] for part in parts))

    model = Model(
        "ranks_and_cut",
        doc="For the tests.",
        prepare=prepare,
        fit=fit,
        predict=predict,
        trees=trees,
        tasks=("regress",),
    )
    return Configured(model, model.Spec())


@pytest.mark.parametrize("module", [bagging, adaboost])
def test_a_base_that_prepares_learns_from_what_it_prepared(module):
    """Values are their own ranks, so that the answers of the matrix are those of the ranks."""
    base = ranks_and_cut()
    spec = module.Spec(base)
    spec = attrs.evolve(spec, members=3) if module is bagging else attrs.evolve(spec, rounds=3)
    component = module.mldsl_components()[0]
    assert component.prepares_for(spec)
    assert not component.prepares_for(module.Spec(of(ridge)))
    shape = Shape(8, (ColumnShape("a"), ColumnShape("b")))
    matrix = np.stack([np.arange(8.0), np.ones(8)], axis=1).astype(np.float32)
    y = np.asarray([0, 0, 1, 0, 1, 1, 1, 5], np.float32)
    inputs, state = module.prepare(spec, shape, {"a": matrix[:, 0], "b": matrix[:, 1]}, np.ones(8))
    assert state is None
    tree = as_tree(spec)
    examples = Examples(inputs, np.ones(8, np.float32), y, np.ones(2, bool))
    params, _ = jax.jit(module.fit, static_argnums=2)(tree, jax.random.key(0), shape, examples)
    answer = jax.jit(module.predict)(tree, params, matrix).mean
    assert np.unique(answer).size >= 2
    grown = module.trees(tree, params)
    assert grown.feature.shape == (3, 3)
    np.testing.assert_array_equal(grown.threshold[:, 0], params.members.threshold)
    if module is adaboost:
        vote = np.asarray(params.vote)
        np.testing.assert_allclose(grown.gain[:, 0], 2 * vote / vote.mean(), rtol=1e-6)
    assert module.trees(as_tree(module.Spec(of(ridge))), params) is None


class Sums(NamedTuple):
    """So many numbers."""

    number: Any
    count: Any


def bag_of(numbers, counts, compact):
    """A bagged model of which each member has some numbers, and how it is cut."""
    base = of(ridge)
    spec = bagging.Spec(Configured(attrs.evolve(base.component, compact=compact), base.spec), members=len(counts))
    params = bagging.Params(Sums(np.asarray(numbers, float), np.asarray(counts)))
    return bagging.compact(spec, params).members


def test_members_are_cut_to_the_largest():
    numbers = [[1, np.nan, 0, 0], [4, 0, 0, 0], [5, 6, 0, 0]]
    found = bag_of(numbers, [2, 1, 2], lambda p: p._replace(number=p.number[: int(p.count)]))
    np.testing.assert_array_equal(found.number, [[1, np.nan], [4, 0], [5, 6]])
    np.testing.assert_array_equal(found.count, [2, 1, 2])


def test_what_cannot_be_cut_alike_stays():
    """Here the last numbers count, and there what is left is something else."""
    numbers = [[0, 0, 1, 2], [0, 0, 0, 4]]
    found = bag_of(numbers, [2, 1], lambda p: p._replace(number=p.number[4 - int(p.count) :]))
    np.testing.assert_array_equal(found.number, numbers)
    found = bag_of(numbers, [2, 1], lambda p: (p.number[:1],))
    np.testing.assert_array_equal(found.number, numbers)
    assert bag_of(numbers, [2, 1], None).number is not None
