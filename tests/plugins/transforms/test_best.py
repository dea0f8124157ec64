"""Keeping the best columns: the references' scores, and what is refused."""

from __future__ import annotations

import attrs
import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest
from mldsl_plugins.linear import logistic_regression, ridge
from mldsl_plugins.selection import select_best
from scipy.stats import spearmanr
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import (
    SelectKBest,
    chi2,
    f_classif,
    f_regression,
    mutual_info_classif,
    mutual_info_regression,
)  # fmt: skip
from sklearn.linear_model import Ridge
from sklearn.metrics import mutual_info_score

from mldsl.contract import ColumnShape, Examples, Shape, Sparse, as_tree
from mldsl.plugin import NamedColumn
from mldsl.plugin.spec import Configured

rng = np.random.default_rng(5)
CULTIVARS = ("a", "b", "c")


def repeated(x, y, times):
    return np.repeat(x, times, axis=0), np.repeat(y, times)


@pytest.mark.parametrize(("by", "theirs"), [("f_test", f_classif), ("chi_squared", chi2)])
def test_scores_by_class(by, theirs, run, wine, agreement):
    x, y = wine
    times = np.arange(178) % 4
    fitted = run("select_best", select_best.Spec(5.0, by), x, y, classes=CULTIVARS, weight=times, pad=14)
    agreement("transform.select_best", by, fitted.info.score, theirs(*repeated(x, y, times))[0],
              reference="scikit-learn", data="wine, weighted", relative=1e-4)  # fmt: skip
    expected = SelectKBest(theirs, k=5).fit(*repeated(x, y, times)).get_support()
    assert (fitted.params.active == expected).all()


def test_scores_of_a_number(run, ames, agreement):
    x, _, price = ames
    times = np.arange(len(x)) % 3
    rows, prices = repeated(x, price, times)
    fitted = run("select_best", select_best.Spec(4.0), x, price, weight=times, pad=20)
    agreement("transform.select_best", "f_test", fitted.info.score[:12], f_regression(rows, prices)[0][:12],
              reference="scikit-learn", data="ames, weighted", relative=1e-4)  # fmt: skip
    assert (fitted.params.active == SelectKBest(f_regression, k=4).fit(rows, prices).get_support()).all()
    fitted = run("select_best", select_best.Spec(4.0, "correlation"), x, price, weight=times, pad=20)
    agreement("transform.select_best", "correlation", fitted.info.score[:12],
              np.abs(np.corrcoef(rows.T, prices)[-1, :12]), reference="numpy", data="ames, weighted",
              relative=1e-4)  # fmt: skip


def test_mutual_information_of_levels_is_exact(run, adult, agreement):
    codes, levels, income = adult
    codes = np.nan_to_num(codes)
    times = np.arange(len(codes)) % 3
    columns = tuple(NamedColumn(f"x{j}", "ordinal", known) for j, known in enumerate(levels))
    fitted = run("select_best", select_best.Spec(1.0, "mutual_information"), codes, income, classes=("low", "high"),
                 columns=columns, weight=times, pad=40)  # fmt: skip
    rows, y = repeated(codes, income, times)
    agreement("transform.select_best", "mutual_information of levels", fitted.info.score,
              [mutual_info_score(rows[:, j], y) for j in range(2)], reference="scikit-learn", data="adult, weighted",
              relative=1e-4)  # fmt: skip
    assert fitted.params.active.tolist() == [True, False]


def test_mutual_information_of_numbers_ranks_as_the_nearest_neighbors_estimate(run, wine, ames):
    """Another estimator, by tables instead of distances, so that only the order can be compared."""
    spec = select_best.Spec(5.0, select_best.Binned(8))
    fitted = run("select_best", spec, *wine, classes=CULTIVARS)
    assert spearmanr(fitted.info.score, mutual_info_classif(*wine, random_state=0)).statistic > 0.9
    x, _, price = ames
    fitted = run("select_best", spec, x[:1000], price[:1000])
    assert spearmanr(fitted.info.score, mutual_info_regression(x[:1000], price[:1000], random_state=0)).statistic > 0.85


def test_importance_of_a_model(run, ames):
    x, _, price = ames
    model = Configured(ridge.mldsl_components()[0], ridge.Spec(1.0))
    fitted = run("select_best", select_best.Spec(0.3, select_best.Importance(model)), x, price, dtype=np.float64)
    theirs = Ridge(1.0).fit(x, price)
    np.testing.assert_allclose(fitted.info.score, np.abs(theirs.coef_) * x.std(axis=0), rtol=1e-5)
    assert fitted.params.active.sum() == round(0.3 * 13)
    assert (np.sort(fitted.info.score[fitted.params.active]) == np.sort(fitted.info.score)[-4:]).all()


def test_equal_scores_keep_the_first_and_missing_columns_count_for_nothing(run):
    y = rng.integers(0, 2, 60)
    x = np.stack([y + 0.1 * rng.normal(size=60)] * 3 + [np.ones(60)], 1)
    fitted = run("select_best", select_best.Spec(2.0), x, y, classes=("n", "y"), active=[False, True, True, True])
    assert fitted.params.active.tolist() == [False, True, True, False]
    fitted = run("select_best", select_best.Spec(0.5), x, y, classes=("n", "y"))
    assert fitted.params.active.tolist() == [True, True, False, False]


def shape(classes, *names):
    return Shape(64, tuple(ColumnShape(n) for n in names or ("a", "b")), classes)


@pytest.mark.parametrize(
    ("by", "classes", "said"),
    [
        ("chi_squared", 0, "found chi_squared, which needs classes"),
        ("correlation", 3, "expected two classes or a number for correlation, found 3 classes"),
        (logistic_regression, 0, "expected a model that can regress, found `logistic_regression`"),
    ],
)
def test_scores_that_do_not_suit_the_target_are_refused(by, classes, said):
    if not isinstance(by, str):
        component = by.mldsl_components()[0]
        by = select_best.Importance(Configured(component, component.Spec()))
    (problem,) = select_best.check(select_best.Spec(by=by), shape(classes))
    assert problem.parameter == "by"
    assert said in problem.message
    assert not list(select_best.check(select_best.Spec(), shape(classes)))


def test_models_without_coefficients_are_refused():
    def importance(module, **settings):
        component = module.mldsl_components()[0]
        return select_best.Spec(by=select_best.Importance(Configured(component, component.Spec(**settings))))

    from mldsl_plugins.bayes import gaussian_naive_bayes
    from mldsl_plugins.trees import cart

    (problem,) = select_best.check(importance(gaussian_naive_bayes), shape(2))
    assert problem.message == "expected a model with coefficients or importance, found `gaussian_naive_bayes`"
    assert not list(select_best.check(importance(logistic_regression), shape(2)))
    assert not list(select_best.check(importance(logistic_regression, solver="stochastic"), shape(2)))
    (problem,) = select_best.check(importance(cart), shape(2))
    assert problem.message == "expected a model that needs nothing of the host, found `cart`"


def test_negative_counts_are_refused_and_a_k_that_chooses_nothing_is_said(run):
    x, y = np.array([[1.0, -1], [2, 0], [3, -2], [4, 5]]), [0, 1, 0, 1]
    spec = select_best.Spec(2.0, "chi_squared")
    info = run("select_best", spec, x, y, classes=("n", "y")).info
    problem, said = select_best.remarks(spec, info, shape(2, "visits", "debt"))
    assert problem.message == "expected counts or shares for chi_squared, found values below 0 in debt"
    assert said == "all 2 columns stay, since k is 2"
    assert not list(select_best.remarks(attrs.evolve(spec, k=1.0, by="f_test"), info, shape(2)))


@pytest.mark.parametrize(("by", "theirs"), [("f_test", f_classif), ("chi_squared", chi2)])
def test_scores_of_words(by, theirs, agreement):
    """Counts of words stay sparse; the reference scores the same sparse matrix."""
    frame = pl.read_csv("examples/data/sms_spam.csv").head(800)
    counts = CountVectorizer(min_df=3).fit_transform(frame["text"]).astype(float)
    y = (frame["label"] == "spam").to_numpy().astype(np.int32)
    weight = (1 + np.arange(800) % 3).astype(np.float32)
    entries = counts.tocoo()
    order = np.argsort(entries.row, kind="stable")
    part = [np.pad(a[order], (0, 50)) for a in (entries.data.astype(np.float32), entries.row, entries.col)]
    part[1][-50:] = 799
    x = Sparse(part[0], part[1].astype(np.int32), part[2].astype(np.int32), np.zeros((800, 0, counts.shape[1])))
    spec = as_tree(select_best.Spec(20.0, by))
    shape = Shape(800, (), 2, wide=counts.shape[1])
    params, info = jax.jit(select_best.fit, static_argnums=2)(
        spec, jax.random.key(0), shape, Examples(jax.tree.map(jnp.asarray, x), weight, y)
    )
    rows = np.repeat(np.arange(800), weight.astype(int))
    expected = theirs(counts[rows], y[rows])[0]
    agreement("transform.select_best", f"{by} of words", info.score, expected, reference="scikit-learn",
              data="sms_spam, weighted", relative=1e-4)  # fmt: skip
    assert set(np.flatnonzero(params.active)) == set(np.argsort(-expected, kind="stable")[:20])


def test_what_sparse_columns_do_not_allow_is_refused():
    wide = Shape(64, (), 2, wide=100)
    (problem,) = select_best.check(select_best.Spec(by="mutual_information"), wide)
    assert problem.message.startswith("expected chi_squared, f_test or correlation for sparse columns")
    component = ridge.mldsl_components()[0]
    spec = select_best.Spec(by=select_best.Importance(Configured(component, ridge.Spec())))
    (problem,) = select_best.check(spec, attrs.evolve(wide, classes=0))
    assert problem.message == "expected a model that takes sparse columns, found `ridge`"
