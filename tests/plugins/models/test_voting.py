"""`voting` by itself: the mean of what its members say, or their votes; `tests/execute/test_members.py` has runs."""

from __future__ import annotations

import numpy as np
import pytest
from mldsl_plugins.ensembles import voting

from mldsl.contract import Prediction
from mldsl.plugin import Problem


@pytest.fixture(scope="module")
def iris(data):
    x, y = data("iris")
    return (x - x.mean(axis=0)) / x.std(axis=0), y


@pytest.fixture(scope="module")
def trio(member):
    return (
        member("gaussian_naive_bayes"),
        member("k_nearest_neighbors", k=7),
        member("logistic_regression", l2=1.0),
    )


@pytest.fixture(scope="module")
def theirs(iris):
    """scikit-learn's vote of the same models."""
    from sklearn.ensemble import VotingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier

    exact = LogisticRegression(C=1, tol=1e-10, max_iter=1000)
    models = [("bayes", GaussianNB()), ("near", KNeighborsClassifier(7)), ("logistic", exact)]
    return lambda **settings: VotingClassifier(models, **settings).fit(*iris)


@pytest.mark.parametrize("weights", [None, (3.0, 1.0, 0.5)])
def test_soft_votes_are_those_of_scikit_learn(run, iris, trio, theirs, weights, agreement):
    x, y = iris
    ours = run("voting", voting.Spec(trio, weights=weights), x, y, classes=3)
    said = theirs(voting="soft", weights=weights).predict_proba(x)
    agreement("model.voting", f"probabilities, weights {weights or 'alike'}", ours.predict(x).probability, said,
              absolute=2e-5, reference="scikit-learn", data="iris")  # fmt: skip


@pytest.mark.parametrize("weights", [None, (3.0, 1.0, 1.0)])
def test_hard_votes_are_those_of_scikit_learn(run, iris, trio, theirs, weights):
    x, y = iris
    shares = run("voting", voting.Spec(trio, voting="hard", weights=weights), x, y, classes=3).predict(x).probability
    assert np.array_equal(shares.argmax(axis=1), theirs(voting="hard", weights=weights).predict(x))
    assert set(np.unique(np.round(shares * 15))) <= set(range(16))


def test_numbers_are_those_of_scikit_learn(run, data, member, agreement):
    from sklearn.ensemble import VotingRegressor
    from sklearn.linear_model import Ridge
    from sklearn.neighbors import KNeighborsRegressor

    x, y = data("diabetes")
    weights = (2.0, 1.0)
    spec = voting.Spec((member("ridge", l2=1.0), member("k_nearest_neighbors", k=9)), weights=weights)
    theirs = VotingRegressor([("ridge", Ridge(1)), ("near", KNeighborsRegressor(9))], weights=weights).fit(x, y)
    agreement("model.voting", "predictions", run("voting", spec, x, y).predict(x).mean, theirs.predict(x),
              relative=1e-5, reference="scikit-learn", data="diabetes")  # fmt: skip


# ---- votes that can be counted by hand -------------------------------------------------------------------------------
def sure(*probability):
    return Prediction(probability=np.array([probability], np.float32))


def test_soft_listens_to_who_is_sure_and_hard_counts_heads():
    said = [sure(0.9, 0.1), sure(0.45, 0.55), sure(0.4, 0.6)]
    soft = voting.combine(voting.Spec(("a", "b", "c")), said).probability
    hard = voting.combine(voting.Spec(("a", "b", "c"), voting="hard"), said).probability
    np.testing.assert_allclose(soft, [[1.75 / 3, 1.25 / 3]], rtol=1e-6)
    np.testing.assert_allclose(hard, [[1 / 3, 2 / 3]], rtol=1e-6)


def test_margins_and_thresholds_vote():
    margins = Prediction(score=np.array([[-2.0, 2.0]], np.float32))
    decided = sure(0.3, 0.7)._replace(label=np.array([0], np.int32))
    hard = voting.combine(voting.Spec(("a", "b", "c"), voting="hard", weights=(2.0, 1.0, 1.0)),
                          [margins, decided, sure(0.8, 0.2)]).probability  # fmt: skip
    np.testing.assert_allclose(hard, [[0.5, 0.5]], rtol=1e-6)


def test_a_member_of_weight_0_says_nothing():
    said = [sure(0.9, 0.1), sure(0.2, 0.8)]
    found = voting.combine(voting.Spec(("a", "b"), weights=(0.0, 5.0)), said).probability
    np.testing.assert_allclose(found, [[0.2, 0.8]], rtol=1e-6)


@pytest.mark.parametrize(
    ("spec", "parameter", "found"),
    [
        ({"models": ()}, "models", "found none"),
        ({"models": ("a",)}, "models", "found one, which is best written by itself"),
        ({"models": ("a", "b"), "weights": (1.0,)}, "weights", "found 1"),
        ({"models": ("a", "b"), "weights": (0.0, 0.0)}, "weights", "found only 0: nobody would vote"),
    ],
)
def test_what_is_no_vote_is_refused(spec, parameter, found, run):
    from mldsl.contract import Shape

    (problem,) = voting.check(voting.Spec(**spec), Shape(10, classes=2))
    assert isinstance(problem, Problem)
    assert problem.parameter == parameter
    assert problem.message.endswith(found)


def test_margins_cannot_be_averaged(member):
    from mldsl.contract import Shape

    pair = (member("svm"), member("gaussian_naive_bayes"))
    (problem,) = voting.check(voting.Spec(pair), Shape(10, classes=2))
    assert "`svm`" in problem.message
    assert not list(voting.check(voting.Spec(pair, voting="hard"), Shape(10, classes=2)))
