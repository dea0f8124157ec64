"""Naive Bayes: scikit-learn's log-probabilities, sums over parts of the rows, and what must not break it."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
from mldsl_plugins.bayes import _bayes as bayes
from mldsl_plugins.bayes import multinomial_naive_bayes as multinomial

from mldsl.contract import ColumnShape, Examples, Shape
from mldsl.plugin import Problem

rng = np.random.default_rng(5)


# What is summed in float32 is told apart from float64 in the sixth digit.
FLOAT32 = 1e-5


@pytest.fixture(scope="module")
def digits(data):
    return data("digits_8x8")


@pytest.fixture(scope="module")
def messages():
    """Counts of words, sparse, and which messages are unwanted."""
    from sklearn.feature_extraction.text import CountVectorizer

    frame = pl.read_csv("examples/data/sms_spam.csv")
    counts = CountVectorizer(min_df=2).fit_transform(frame["text"].to_list()).astype(np.float64)
    return counts, (frame["label"] == "spam").to_numpy().astype(int)


def weights(n):
    """Some rows twice, some not there."""
    return np.asarray([1, 2, 0, 1, 3])[np.arange(n) % 5].astype(float)


def laid(x, form):
    return sp.csr_matrix(x) if form == "sparse" else x


# ---- multinomial -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("form", ["dense", "sparse"])
@pytest.mark.parametrize("smoothing", [1.0, 0.01])
def test_multinomial_of_digits_is_scikit_learns(run, digits, agreement, form, smoothing):
    from sklearn.naive_bayes import MultinomialNB

    x, y = digits
    w = weights(len(y))
    peer = MultinomialNB(alpha=smoothing).fit(x, y, sample_weight=w)
    ours = run("multinomial_naive_bayes", multinomial.Spec(smoothing), laid(x, form), y, classes=10, weight=w, pad=40)
    agree = {"reference": "scikit-learn", "data": f"digits ({form})", "relative": FLOAT32}
    agreement("model.multinomial_naive_bayes", "log likelihood by class and column", ours.params.log_likelihood,
              peer.feature_log_prob_, **agree)  # fmt: skip
    agreement("model.multinomial_naive_bayes", "log prior", ours.params.log_prior, peer.class_log_prior_, **agree)
    joint = jax.jit(multinomial.joint_log_likelihood)(ours.params, ours.inputs(laid(x, form)))
    agreement("model.multinomial_naive_bayes", "joint log-likelihood", joint, peer.predict_joint_log_proba(x), **agree)
    agreement("model.multinomial_naive_bayes", "log probability", ours.predict(laid(x, form)).score,
              peer.predict_log_proba(x), **agree)  # fmt: skip


def test_multinomial_of_words_is_scikit_learns(run, messages, agreement):
    from sklearn.naive_bayes import MultinomialNB

    x, y = messages
    peer = MultinomialNB(alpha=0.1).fit(x, y)
    ours = run("multinomial_naive_bayes", multinomial.Spec(0.1), x, y, classes=2, pad=10)
    agree = {"reference": "scikit-learn", "data": "sms_spam (words, sparse)", "relative": FLOAT32}
    agreement("model.multinomial_naive_bayes", "log probability", ours.predict(x).score, peer.predict_log_proba(x),
              **agree)  # fmt: skip
    agreement("model.multinomial_naive_bayes", "probability", ours.predict(x).probability, peer.predict_proba(x),
              **agree)  # fmt: skip


def test_by_hand(run):
    """Two words, two classes, every number in plain Python."""
    x = np.asarray([[2, 0], [1, 1], [0, 3]], float)
    ours = run("multinomial_naive_bayes", multinomial.Spec(1.0), x, [0, 0, 1], classes=2)
    of_first, of_second = (3 + 1) / (4 + 2), (0 + 1) / (3 + 2)
    prior = (2 / 3, 1 / 3)
    joint = [
        (prior[0] * of_first**a * (1 - of_first) ** b, prior[1] * of_second**a * (1 - of_second) ** b) for a, b in x
    ]
    np.testing.assert_allclose(ours.predict(x).probability, [(p / (p + q), q / (p + q)) for p, q in joint], rtol=1e-5)
    assert ours.info.log_evidence == pytest.approx(sum(math.log(p + q) for p, q in joint), rel=1e-6)
    own = [math.log(joint[i][c] / prior[c]) for i, c in enumerate((0, 0, 1))]
    assert ours.info.log_likelihood == pytest.approx(sum(own), rel=1e-6)
    posterior = [math.log(joint[i][c] / sum(joint[i])) for i, c in enumerate((0, 0, 1))]
    assert ours.info.log_posterior == pytest.approx(sum(posterior), rel=1e-5)
    np.testing.assert_allclose(ours.info.prior, prior, rtol=1e-6)
    np.testing.assert_array_equal(ours.info.count, [[3, 1], [0, 3]])


def test_cost_is_scikit_learns_sample_weight_times_weight(run, digits):
    from sklearn.naive_bayes import MultinomialNB

    x, y = digits
    w, cost = weights(len(y)), 0.5 + np.arange(len(y)) % 3
    peer = MultinomialNB().fit(x, y, sample_weight=w * cost)
    ours = run("multinomial_naive_bayes", multinomial.Spec(), x, y, classes=10, weight=w, cost=cost, pad=40)
    np.testing.assert_allclose(ours.params.log_likelihood, peer.feature_log_prob_, rtol=1e-5)
    np.testing.assert_allclose(ours.params.log_prior, peer.class_log_prior_, rtol=1e-5)


@pytest.mark.parametrize(
    ("priors", "fit_prior", "given"), [("uniform", False, None), ((0.2,) + (0.08888888,) * 9, True, 1)]
)
def test_priors_as_written(run, digits, priors, fit_prior, given):
    from sklearn.naive_bayes import MultinomialNB

    x, y = digits
    peer = MultinomialNB(fit_prior=fit_prior, class_prior=priors if given else None).fit(x, y)
    ours = run("multinomial_naive_bayes", multinomial.Spec(priors=priors), x, y, classes=10, pad=40)
    np.testing.assert_allclose(ours.predict(x).score, peer.predict_log_proba(x), atol=2e-3, rtol=1e-5)


@pytest.mark.parametrize("form", ["dense", "sparse"])
def test_counts_of_parts_add_up(run, digits, form):
    """Learned in three batches, the model is that of all rows."""
    x, y = digits
    whole = run("multinomial_naive_bayes", multinomial.Spec(0.5), laid(x, form), y, classes=10)
    counted = None
    count = jax.jit(multinomial.count, static_argnums=0)
    for rows in np.array_split(rng.permutation(len(y)), 3):
        shape = Shape(len(rows), whole.shape.columns, classes=10)
        part = Examples(whole.inputs(laid(x[rows], form)), np.ones(len(rows), np.float32), y[rows].astype(np.int32))
        found = count(shape, part)
        counted = found if counted is None else multinomial.add(counted, found)
    learned = multinomial.learn(multinomial.Spec(0.5), counted, jnp.ones(64, bool))
    np.testing.assert_allclose(learned.log_likelihood, whole.params.log_likelihood, rtol=1e-6)
    np.testing.assert_allclose(learned.log_prior, whole.params.log_prior, rtol=1e-6)


# ---- hard cases ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("form", ["dense", "sparse"])
def test_an_empty_document_gets_the_priors(run, digits, form):
    x, y = digits
    ours = run("multinomial_naive_bayes", multinomial.Spec(), laid(x, form), y, classes=10, pad=40)
    answer = ours.predict(laid(np.zeros((2, 64)), form))
    np.testing.assert_allclose(answer.probability, np.tile(np.bincount(y) / len(y), (2, 1)), rtol=1e-5)


@pytest.mark.parametrize("form", ["dense", "sparse"])
def test_no_smoothing_and_unseen_words(run, form):
    x = np.asarray([[2, 0, 0, 1], [1, 0, 0, 0], [0, 3, 0, 1], [0, 1, 0, 0]], float)
    ours = run("multinomial_naive_bayes", multinomial.Spec(0.0), laid(x, form), [0, 0, 1, 1], classes=2)
    new = np.asarray([[1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0], [0, 0, 5, 0], [0, 0, 0, 1]], float)
    answer = ours.predict(laid(new, form))
    assert np.isfinite(answer.score).all()
    np.testing.assert_allclose(answer.probability[:2], np.eye(2), atol=1e-6)
    # A word of neither class, and one of both: the classes' sizes decide.
    assert answer.probability[3, 0] == pytest.approx(0.5, abs=0.3)
    assert answer.probability[4, 0] == pytest.approx((1 / 4) / (1 / 4 + 1 / 5), rel=1e-5)


@pytest.mark.parametrize("priors", ["learned", "uniform"])
def test_a_class_without_rows_is_not_said(run, digits, priors):
    x, y = digits
    w = (y != 3).astype(float)
    ours = run("multinomial_naive_bayes", multinomial.Spec(priors=priors), x, y, classes=10, weight=w, pad=40)
    answer = ours.predict(x)
    assert (answer.probability[:, 3] == 0).all()
    np.testing.assert_allclose(answer.probability.sum(axis=1), 1, rtol=1e-5)
    assert np.isfinite(ours.info.log_evidence)
    assert np.isfinite(ours.info.log_posterior)


@pytest.mark.parametrize("form", ["dense", "sparse"])
def test_a_count_below_0_is_refused_with_its_column(run, form):
    x = np.asarray([[1, 0, 2], [0, -0.5, 1], [2, -3, 0], [0, 0, -9]], float)
    w = np.asarray([1, 1, 1, 0])
    ours = run("multinomial_naive_bayes", multinomial.Spec(), laid(x, form), [0, 1, 1, 0], classes=2, weight=w)
    (problem,) = multinomial.remarks(multinomial.Spec(), ours.info, ours.shape)
    assert problem.parameter == "x1"
    assert problem.message.startswith("expected counts (0 or more), found -3;")
    sound = run("multinomial_naive_bayes", multinomial.Spec(), laid(abs(x), form), [0, 1, 1, 0], classes=2, weight=w)
    assert not list(multinomial.remarks(multinomial.Spec(), sound.info, sound.shape))


@pytest.mark.parametrize("form", ["dense", "sparse"])
def test_folds_side_by_side_are_folds_one_by_one(run, digits, form):
    x, y = digits
    whole = run("multinomial_naive_bayes", multinomial.Spec(), laid(x, form), y, classes=10, pad=40)
    folds = np.stack([(np.arange(len(whole.examples.weight)) % 3 != f) & (whole.examples.weight > 0) for f in range(3)])

    def fit(weight):
        examples = jax.tree.map(jnp.asarray, whole.examples)
        return multinomial.fit(whole.spec, jax.random.key(0), whole.shape, examples._replace(weight=weight))[0]

    folds = folds.astype(np.float32)
    together = jax.jit(jax.vmap(fit))(folds)
    for i, weight in enumerate(folds):
        alone = jax.jit(fit)(weight)
        np.testing.assert_allclose(together.log_likelihood[i], alone.log_likelihood, rtol=1e-6)
        np.testing.assert_allclose(together.log_prior[i], alone.log_prior, rtol=1e-6)


# ---- priors by name --------------------------------------------------------------------------------------------------
def test_priors_are_bound_to_classes():
    spec = multinomial.Spec(priors=(("spam", 0.9), ("ham", 0.1)))
    assert bayes.bind(spec, ("ham", "spam")).priors == (0.1, 0.9)
    (problem,) = bayes.bind(spec, ("ham", "spam", "eggs"))
    assert problem == Problem("priors", 'expected a probability for every class, found none for `"eggs"`')
    assert bayes.bind(multinomial.Spec(), ("ham",)) == multinomial.Spec()


@pytest.mark.parametrize(
    ("priors", "found"), [((0.5, 0.2), "a sum of 0.7"), ((1.0,), "found 1"), ((0.3, 0.7), None), ("uniform", None)]
)
def test_priors_are_a_distribution(priors, found):
    problems = list(bayes.check(multinomial.Spec(priors=priors), Shape(9, (ColumnShape("a"),), classes=2)))
    assert [found in p.message for p in problems] == ([True] if found else [])
