"""`stacking` by itself, in one program; `tests/execute/test_members.py` has runs, which fit members as pipelines."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mldsl_plugins.ensembles import _several, stacking

from mldsl.contract import Shape, names_side_by_side, side_by_side
from mldsl.contract.examples import Prediction
from mldsl.diagnostics import MldslError


@pytest.fixture(scope="module")
def dealt():
    """The folds that a fit deals its rows into: lists of rows to learn from and of rows to answer."""

    def of(y, classes, count, key=0):
        first = jax.random.split(jax.random.key(key), 3)[0]
        fold = np.asarray(_several.folds(first, jnp.ones(len(y)), jnp.asarray(y), classes, count))
        return [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(count)]

    return of


def test_classes_are_stacked_as_by_scikit_learn(run, data, member, dealt, agreement):
    from sklearn.ensemble import StackingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier

    x, y = data("wine")
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    spec = stacking.Spec(
        (member("gaussian_naive_bayes"), member("k_nearest_neighbors", k=5)), member("logistic_regression", l2=1.0)
    )
    ours = run("stacking", spec, x, y, classes=3)
    theirs = StackingClassifier(
        [("bayes", GaussianNB()), ("near", KNeighborsClassifier(5))],
        LogisticRegression(C=1, tol=1e-10, max_iter=1000), cv=dealt(y, 3, 5),
    ).fit(x, y)  # fmt: skip
    # Of several classes only differences between the coefficients are determined by what a model says.
    found, expected = ours.params.final.coefficients, theirs.final_estimator_.coef_
    about = {"reference": "scikit-learn", "data": "wine"}
    agreement("model.stacking", "final coefficients, three classes", found - found.mean(axis=0),
              expected - expected.mean(axis=0), relative=1e-4, **about)  # fmt: skip
    agreement("model.stacking", "probabilities, three classes", ours.predict(x).probability, theirs.predict_proba(x),
              absolute=1e-4, **about)  # fmt: skip


@pytest.mark.parametrize("passthrough", [False, True])
def test_numbers_are_stacked_as_by_scikit_learn(run, data, member, dealt, agreement, passthrough):
    from sklearn.ensemble import StackingRegressor
    from sklearn.linear_model import Ridge
    from sklearn.neighbors import KNeighborsRegressor

    x, y = data("diabetes")
    x, y = (x - x.mean(axis=0)) / x.std(axis=0), y - y.mean()
    spec = stacking.Spec(
        (member("ridge", l2=10.0), member("k_nearest_neighbors", k=9)), member("ridge", l2=1.0), folds=4,
        passthrough=passthrough,
    )  # fmt: skip
    ours = run("stacking", spec, x, y)
    theirs = StackingRegressor(
        [("ridge", Ridge(10)), ("near", KNeighborsRegressor(9))], Ridge(1), cv=dealt(y, 0, 4), passthrough=passthrough
    ).fit(x, y)
    agreement("model.stacking", f"final coefficients, passthrough {passthrough}".lower(),
              ours.params.final.coefficients[0], theirs.final_estimator_.coef_, relative=1e-4,
              reference="scikit-learn", data="diabetes")  # fmt: skip


def test_a_member_that_remembers_its_rows_is_not_believed(run, member):
    """The target is drawn, so nothing can be learned; the nearest neighbor of a row is that row."""
    random = np.random.default_rng(8)
    x, y = random.normal(size=(200, 3)), random.integers(0, 2, 200)
    spec = stacking.Spec(
        (member("k_nearest_neighbors", k=1), member("gaussian_naive_bayes")), member("logistic_regression", l2=0.01)
    )
    ours = run("stacking", spec, x, y, classes=2)
    assert abs(ours.params.final.coefficients[0, 0]) < 1
    alone = run("k_nearest_neighbors", member("k_nearest_neighbors", k=1).spec, x, y, classes=2)
    assert np.array_equal(alone.predict(x).probability.argmax(axis=1), y), "it does remember"


def test_folds_hold_as_many_rows_of_each_class(dealt):
    y = np.repeat([0, 1, 2], [50, 31, 12])
    for count in (2, 3, 5):
        folds = dealt(y, 3, count)
        assert sorted(np.concatenate([held for _, held in folds])) == list(range(len(y)))
        by_class = np.array([np.bincount(y[held], minlength=3) for _, held in folds])
        assert (by_class.max(axis=0) - by_class.min(axis=0) <= 1).all()
        assert by_class.sum(axis=1).max() - by_class.sum(axis=1).min() <= 1


def test_rows_of_weight_0_are_dealt_last():
    weight = np.where(np.arange(40) % 4 == 0, 0.0, 1.0)
    y = np.arange(40) % 2
    fold = np.asarray(_several.folds(jax.random.key(2), jnp.asarray(weight), jnp.asarray(y), 2, 3))
    assert np.bincount(fold[weight > 0]).tolist() == [10, 10, 10]


def test_columns_are_named_after_member_and_class():
    assert names_side_by_side(["words", "cart"], ("ham", "spam")) == ("words_spam", "cart_spam")
    assert names_side_by_side(["words"], ("a", "b", "c")) == ("words_a", "words_b", "words_c")
    assert names_side_by_side(["one", "two"], ()) == ("one", "two")
    three = Prediction(probability=jnp.ones((4, 3)))
    two = Prediction(probability=jnp.array([[0.25, 0.75]] * 4))
    margin = Prediction(score=jnp.array([[-2.0, 2.0]] * 4))
    assert side_by_side([three]).shape == (4, 3)
    np.testing.assert_array_equal(side_by_side([two, margin]), [[0.75, 2.0]] * 4)


@pytest.mark.parametrize(
    ("changes", "parameter", "words"),
    [
        ({"models": ()}, "models", "found none"),
        ({"folds": 31}, "folds", "at most 30"),
        ({"final": "ridge"}, "final", "a model that can classify, found `ridge`"),
    ],
)
def test_what_cannot_be_stacked_is_refused(member, changes, parameter, words):
    pair = (member("gaussian_naive_bayes"), member("k_nearest_neighbors"))
    settings = {"models": pair, "final": "logistic_regression", **changes}
    spec = stacking.Spec(**{**settings, "final": member(settings["final"])})
    (problem,) = stacking.check(spec, Shape(30, classes=2))
    assert problem.parameter == parameter
    assert words in problem.message


def test_sparse_columns_are_not_passed_on(member):
    pair = (member("logistic_regression"), member("constant"))
    spec = stacking.Spec(pair, member("logistic_regression"), passthrough=True)
    (problem,) = stacking.check(spec, Shape(30, classes=2, wide=9))
    assert problem.parameter == "passthrough"


def test_what_only_a_run_can_fit_is_refused_inside_of_other_models(run, member):
    spec = stacking.Spec(("words", "table"), member("constant"))
    with pytest.raises(MldslError, match="`words` is a model of the file"):
        run("stacking", spec, np.zeros((9, 1)), np.arange(9) % 2, classes=2)
