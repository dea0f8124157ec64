"""Naive Bayes: scikit-learn's log-probabilities, sums over parts of the rows, and what must not break it."""

from __future__ import annotations

import math
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
from mldsl_plugins.bayes import _bayes as bayes
from mldsl_plugins.bayes import bernoulli_naive_bayes as bernoulli
from mldsl_plugins.bayes import categorical_naive_bayes as categorical
from mldsl_plugins.bayes import complement_naive_bayes as complement
from mldsl_plugins.bayes import gaussian_naive_bayes as gaussian
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
    np.testing.assert_array_equal(ours.info.counts.count, [[3, 1], [0, 3]])


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
    spec, learn = multinomial.Spec(0.5), jax.jit(multinomial.learn, static_argnums=(0, 1))
    count = jax.jit(multinomial.count, static_argnums=(0, 1))
    for rows in np.array_split(rng.permutation(len(y)), 3):
        shape = Shape(len(rows), whole.shape.columns, classes=10)
        part = Examples(whole.inputs(laid(x[rows], form)), np.ones(len(rows), np.float32), y[rows].astype(np.int32))
        found = count(spec, shape, part)
        counted = found if counted is None else multinomial.add(counted, found)
    learned, _ = learn(spec, shape, counted, jnp.ones(64, bool))
    np.testing.assert_allclose(learned.log_likelihood, whole.params.log_likelihood, rtol=1e-6)
    np.testing.assert_allclose(learned.log_prior, whole.params.log_prior, rtol=1e-6)


# ---- Bernoulli -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("form", ["dense", "sparse"])
@pytest.mark.parametrize("threshold", [7.0, 0.0])
def test_bernoulli_of_digits_is_scikit_learns(run, digits, agreement, form, threshold):
    from sklearn.naive_bayes import BernoulliNB

    x, y = digits
    w = weights(len(y))
    peer = BernoulliNB(binarize=threshold, alpha=0.5).fit(x, y, sample_weight=w)
    spec = bernoulli.Spec(0.5, threshold)
    ours = run("bernoulli_naive_bayes", spec, laid(x, form), y, classes=10, weight=w, pad=40)
    agree = {"reference": "scikit-learn", "data": f"digits ({form})", "relative": FLOAT32}
    name = "model.bernoulli_naive_bayes"
    agreement(name, "log likelihood by class and column", ours.params.log_present, peer.feature_log_prob_, **agree)
    joint = jax.jit(bernoulli.joint_log_likelihood)(ours.spec, ours.params, ours.inputs(laid(x, form)))
    agreement(name, "joint log-likelihood", joint, peer.predict_joint_log_proba(x), **agree)
    agreement(name, "log probability", ours.predict(laid(x, form)).score, peer.predict_log_proba(x), **agree)
    own = peer.predict_joint_log_proba(x)[np.arange(len(y)), y] - peer.class_log_prior_[y]
    assert ours.info.log_likelihood == pytest.approx(w @ own, rel=1e-5)
    if form == "sparse":
        assert ours.info.log_evidence is None
        return
    evidence = w @ np.logaddexp.reduce(peer.predict_joint_log_proba(x), axis=1)
    assert ours.info.log_evidence == pytest.approx(evidence, rel=1e-5)
    own = peer.predict_log_proba(x)[np.arange(len(y)), y]
    assert ours.info.log_posterior == pytest.approx(w @ own, rel=1e-4)


def test_bernoulli_of_words_is_scikit_learns(run, messages, agreement):
    from sklearn.naive_bayes import BernoulliNB

    x, y = messages
    peer = BernoulliNB().fit(x, y)
    ours = run("bernoulli_naive_bayes", bernoulli.Spec(), x, y, classes=2, pad=10)
    agreement("model.bernoulli_naive_bayes", "log probability", ours.predict(x).score, peer.predict_log_proba(x),
              reference="scikit-learn", data="sms_spam (words, sparse)", relative=FLOAT32)  # fmt: skip


def test_what_a_sparse_matrix_leaves_out_is_present_above_a_threshold_below_0(run, digits):
    """scikit-learn refuses that; here it is what the dense matrix says."""
    x, y = digits
    fits = [
        run("bernoulli_naive_bayes", bernoulli.Spec(1.0, -0.5), laid(x - (x == 3), form), y, classes=10)
        for form in ("dense", "sparse")
    ]
    np.testing.assert_allclose(fits[0].params.log_present, fits[1].params.log_present, rtol=1e-6)
    np.testing.assert_allclose(fits[0].predict(x).score, fits[1].predict(sp.csr_matrix(x)).score, rtol=1e-4, atol=1e-4)
    assert fits[0].info.counts.count.min() > 0


def test_bernoulli_without_smoothing(run):
    x = np.asarray([[1, 0, 1], [1, 0, 0], [0, 1, 1], [0, 1, 0]], float)
    ours = run("bernoulli_naive_bayes", bernoulli.Spec(0.0), x, [0, 0, 1, 1], classes=2)
    answer = ours.predict(np.asarray([[1, 0, 1], [0, 1, 1], [1, 1, 1], [0, 0, 0]], float))
    assert np.isfinite(answer.score).all()
    np.testing.assert_allclose(answer.probability, [[1, 0], [0, 1], [0.5, 0.5], [0.5, 0.5]], atol=1e-6)


# ---- complement ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("form", ["dense", "sparse"])
@pytest.mark.parametrize("norm", [False, True])
def test_complement_of_digits_is_scikit_learns(run, digits, agreement, form, norm):
    from sklearn.naive_bayes import ComplementNB

    x, y = digits
    w = weights(len(y))
    peer = ComplementNB(alpha=0.3, norm=norm).fit(x, y, sample_weight=w)
    spec = complement.Spec(0.3, norm)
    ours = run("complement_naive_bayes", spec, laid(x, form), y, classes=10, weight=w, pad=40)
    what = f"digits ({form}{', norm' if norm else ''})"
    agree = {"reference": "scikit-learn", "data": what, "relative": FLOAT32}
    name = "model.complement_naive_bayes"
    agreement(name, "weights by class and column", ours.params.weights, peer.feature_log_prob_, **agree)
    agreement(name, "log probability", ours.predict(laid(x, form)).score, peer.predict_log_proba(x), **agree)


def test_complement_of_words_is_scikit_learns(run, messages, agreement):
    from sklearn.naive_bayes import ComplementNB

    x, y = messages
    peer = ComplementNB(alpha=0.1).fit(x, y)
    ours = run("complement_naive_bayes", complement.Spec(0.1), x, y, classes=2, pad=10)
    agreement("model.complement_naive_bayes", "log probability", ours.predict(x).score, peer.predict_log_proba(x),
              reference="scikit-learn", data="sms_spam (words, sparse)", relative=FLOAT32)  # fmt: skip


def test_complement_has_no_priors_and_says_no_class_without_rows(run, digits):
    x, y = digits
    ours = run("complement_naive_bayes", complement.Spec(), x, y, classes=10, weight=(y != 3).astype(float), pad=40)
    empty = ours.predict(np.zeros((1, 64))).probability[0]
    np.testing.assert_allclose(empty, np.where(np.arange(10) == 3, 0, 1 / 9), rtol=1e-5)
    assert (ours.predict(x).probability[:, 3] == 0).all()


# ---- categorical -----------------------------------------------------------------------------------------------------
def coded(name, target, columns):
    """Codes of the levels in sorted order, missing values NaN; and the shapes of the columns."""
    path = next(p for p in (Path(f"examples/data/{name}.csv"), Path(f"../shared/data/{name}.csv")) if p.exists())
    frame = pl.read_csv(path, infer_schema_length=0)
    columns = columns or [c for c in frame.columns if c != target]
    table, shapes = [], []
    for column in columns:
        levels = frame[column].drop_nulls().unique().sort().to_list()
        codes = frame[column].replace_strict(levels, list(range(len(levels))), return_dtype=pl.Float64)
        table.append(codes.to_numpy())
        shapes.append(ColumnShape(column, "categorical", len(levels)))
    y = np.unique(frame[target].to_numpy(), return_inverse=True)[1]
    return np.stack(table, axis=1), y, tuple(shapes)


@pytest.mark.parametrize(
    ("name", "target", "columns"),
    [("mushrooms", "class", None), ("titanic", "survived", ["pclass", "sex", "sibsp", "parch"])],
)
def test_categorical_is_scikit_learns(run, agreement, name, target, columns):
    from sklearn.naive_bayes import CategoricalNB

    if not any((folder / f"{name}.csv").exists() for folder in (Path("examples/data"), Path("../shared/data"))):
        pytest.skip(f"{name}.csv is not here")
    x, y, shapes = coded(name, target, columns)
    whole = ~np.isnan(x).any(axis=0)
    x, shapes = x[:, whole], tuple(s for s, w in zip(shapes, whole, strict=True) if w)
    w = weights(len(y))
    peer = CategoricalNB(alpha=0.5, min_categories=[s.levels for s in shapes]).fit(x, y, sample_weight=w)
    ours = run("categorical_naive_bayes", categorical.Spec(0.5), x, y, classes=2, weight=w, pad=40, columns=shapes)
    agree = {"reference": "scikit-learn", "data": name, "relative": FLOAT32}
    expected = np.concatenate(peer.feature_log_prob_, axis=1)
    agreement("model.categorical_naive_bayes", "log likelihood by class and level", ours.params.log_likelihood,
              expected, **agree)  # fmt: skip
    answer = ours.predict(x)
    agreement("model.categorical_naive_bayes", "log probability", answer.score, peer.predict_log_proba(x), **agree)
    evidence = w @ np.logaddexp.reduce(peer.predict_joint_log_proba(x), axis=1)
    assert ours.info.log_evidence == pytest.approx(evidence, rel=1e-5)


LEVELS = (ColumnShape("a", "categorical", 3), ColumnShape("b", "binary", 2))


def test_what_is_missing_or_unseen_says_nothing(run):
    a, b = np.asarray([0, 1, 2, 0, 1, np.nan]), np.asarray([0, 1, 0, np.nan, 1, 1])
    y = np.asarray([0, 0, 0, 1, 1, 1])
    both = run("categorical_naive_bayes", categorical.Spec(), np.c_[a, b], y, classes=2, columns=LEVELS)
    np.testing.assert_array_equal(both.info.counts.count, [[1, 1, 1, 2, 1], [1, 1, 0, 0, 2]])
    np.testing.assert_allclose(np.exp(both.params.log_likelihood[1]), [2 / 5, 2 / 5, 1 / 5, 1 / 4, 3 / 4], rtol=1e-6)
    of_a = 0.5 * np.asarray([1 / 3, 2 / 5])
    for nothing in (np.nan, -1, 2):
        answer = both.predict(np.asarray([[0, nothing], [-1, nothing]]))
        np.testing.assert_allclose(answer.probability[0], of_a / of_a.sum(), rtol=1e-5)
        np.testing.assert_allclose(answer.probability[1], [0.5, 0.5], rtol=1e-6)


def test_a_level_that_no_class_has_without_smoothing(run):
    x = np.asarray([[0, 0], [0, 1], [1, 0], [1, 1]], float)
    ours = run("categorical_naive_bayes", categorical.Spec(0.0), x, [0, 0, 1, 1], classes=2, columns=LEVELS)
    answer = ours.predict(np.asarray([[0, 0], [1, 0], [2, 0]], float))
    assert np.isfinite(answer.score).all()
    np.testing.assert_allclose(answer.probability, [[1, 0], [0, 1], [0.5, 0.5]], atol=1e-6)


# ---- learning in parts -----------------------------------------------------------------------------------------------
PARTS = {
    "bernoulli": (bernoulli, bernoulli.Spec(binarize=7.0)),
    "categorical": (categorical, categorical.Spec()),
    "complement": (complement, complement.Spec(norm=True)),
    "gaussian": (gaussian, gaussian.Spec(1e-3)),
    "multinomial": (multinomial, multinomial.Spec(0.5)),
}


@pytest.mark.parametrize("name", PARTS)
def test_what_parts_teach_adds_up(run, digits, name):
    """Learned in three parts of unequal classes and weights, the model is that of all rows."""
    x, y = digits
    w = weights(len(y)).astype(np.float32)
    columns = tuple(ColumnShape(f"x{j}", "ordinal", 17) for j in range(64))
    shape = Shape(599, columns, classes=10)
    module, spec = PARTS[name]
    whole = run(f"{name}_naive_bayes", spec, x, y, classes=10, columns=columns, weight=w)
    counted, count = None, jax.jit(lambda part: module.count(spec, shape, part))
    for rows in np.array_split(np.argsort(y, kind="stable"), 3):
        found = count(Examples(x[rows].astype(np.float32), w[rows], y[rows].astype(np.int32)))
        counted = found if counted is None else module.add(counted, found)
    learned, info = module.learn(spec, shape, counted, jnp.ones(64, bool))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-5), learned, whole.params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-4), info.counts, whole.info.counts)


def test_moments_of_parts_that_lie_far_apart():
    """The second class is in the second part alone, whose columns lie a thousand deviations off the first's."""
    x = np.r_[rng.normal(0, 1, (200, 2)), rng.normal([1000, -5000], [1, 4], (300, 2))]
    y = np.r_[np.zeros(200), np.arange(300) % 2].astype(np.int32)
    shape = Shape(300, (ColumnShape("a", "continuous"), ColumnShape("b", "continuous")), classes=2)
    count = jax.jit(lambda part: gaussian.count(gaussian.Spec(), shape, part))
    one, other = (
        count(Examples(part.astype(np.float32), np.ones(len(part), np.float32), of))
        for part, of in ((x[:200], y[:200]), (x[200:], y[200:]))
    )
    both = gaussian.add(one, other)
    np.testing.assert_allclose(both.center[None] + both.mean, [x[y == c].mean(axis=0) for c in (0, 1)], rtol=1e-5)
    np.testing.assert_allclose(both.variance, [x[y == c].var(axis=0) for c in (0, 1)], rtol=1e-5)
    np.testing.assert_allclose(both.center, x.mean(axis=0), rtol=1e-5)


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
