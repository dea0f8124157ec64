"""Logistic regression by all of its solvers: l1, gradient descent, sparse inputs, statistics of the fit, separation."""

from __future__ import annotations

import warnings
from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp
from mldsl_plugins.linear import logistic_regression as logistic

Spec = logistic.Spec


@pytest.fixture(scope="module")
def scaled(data):
    """Standardized inputs of a real data set, its classes and their number."""

    def of(name):
        x, y = data(name)
        return (x - x.mean(0)) / x.std(0), y, int(y.max()) + 1

    return of


def objective(x, y, fitted, l2=0.0, l1=0.0):
    """The penalised loss of intercepts and coefficients, in NumPy."""
    a, b = fitted
    logit = x @ b.T + a
    if logit.shape[1] == 1:
        logit = np.column_stack([np.zeros(len(x)), logit])
    top = logit.max(1)
    log_p = logit - (top + np.log(np.exp(logit - top[:, None]).sum(1)))[:, None]
    return -log_p[np.arange(len(y)), y].sum() + l2 / 2 * (b**2).sum() + l1 * np.abs(b).sum()


# ---- l1 --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("solver", ["newton", "lbfgs"])
@pytest.mark.parametrize(("name", "l1", "l2"), [("iris", 1.0, 0.0), ("breast_cancer_wdbc", 3.0, 1.0)])
def test_l1_is_scikit_learns_saga_at_its_end(run, scaled, agreement, name, l1, l2, solver):
    from sklearn.linear_model import LogisticRegression

    x, y, k = scaled(name)
    fitted = run("logistic_regression", Spec(l2=l2, l1=l1, solver=solver), x, y, classes=k, pad=7)
    with warnings.catch_warnings():  # the way to say l1 and l2 changes between its versions
        warnings.simplefilter("ignore")
        reference = LogisticRegression(
            penalty="elasticnet", C=1 / (l1 + l2), l1_ratio=l1 / (l1 + l2), solver="saga", max_iter=50_000, tol=1e-9
        ).fit(x, y)
    theirs = reference.intercept_, reference.coef_
    assert fitted.info.converged
    assert np.array_equal(fitted.params.coefficients == 0, reference.coef_ == 0)
    assert (reference.coef_ == 0).any()
    agreement("model.logistic_regression", f"coefficients, l1, {solver}", fitted.params.coefficients, reference.coef_,
              reference="scikit-learn", data=name, relative=1e-3)  # fmt: skip
    ours = objective(x, y, fitted.params, l2, l1)
    agreement("model.logistic_regression", f"objective, l1, {solver}", ours, objective(x, y, theirs, l2, l1),
              reference="scikit-learn", data=name, relative=1e-5)  # fmt: skip
    mean = ours / fitted.info.mass
    assert fitted.info.loss_history[fitted.info.iterations] == pytest.approx(mean, rel=1e-9)


def test_l1_meets_the_conditions_of_its_optimum(run, data):
    """On columns of their own scales: |slope| is l1 where a coefficient is not 0, at most l1 where it is."""
    x, y = data("wine")
    l1, l2 = 4.0, 0.5
    fitted = run("logistic_regression", Spec(l2=l2, l1=l1), x, y, classes=3)
    p = fitted.predict(x).probability
    slope = (p - np.eye(3)[y]).T @ x + l2 * fitted.params.coefficients
    b = fitted.params.coefficients
    assert (b == 0).any()
    assert (b != 0).any()
    np.testing.assert_allclose(slope[b != 0], -l1 * np.sign(b[b != 0]), rtol=1e-4)
    assert np.abs(slope[b == 0]).max() < l1 * (1 + 1e-6)
    np.testing.assert_allclose((p - np.eye(3)[y]).sum(0), 0, atol=1e-6)


def test_much_l1_leaves_class_shares_alone_and_none_changes_nothing(run, data):
    x, y = data("wine")
    none = run("logistic_regression", Spec(l1=1e7), x, y, classes=3)
    assert np.all(none.params.coefficients == 0)
    np.testing.assert_allclose(none.predict(x[:1]).probability[0], np.bincount(y) / len(y), rtol=1e-6)
    zero = run("logistic_regression", Spec(l2=2.0, l1=0.0), x, y, classes=3)
    ridge = run("logistic_regression", Spec(l2=2.0), x, y, classes=3)
    np.testing.assert_allclose(zero.predict(x).probability, ridge.predict(x).probability, atol=1e-6)


# ---- sparse inputs ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("l1", [None, 0.5])
def test_a_sparse_matrix_gives_what_its_table_gives(run, data, l1):
    x, y = data("digits_8x8")
    x, y = x[:400] / 16, y[:400]
    rows, few = y < 4, x[:, 20:44]  # four digits, half of the pixels, many of them 0
    x, y = few[rows], y[rows]
    table = run("logistic_regression", Spec(l1=l1, solver="newton"), x, y, classes=4)
    sparse = run("logistic_regression", Spec(l1=l1), sp.csr_matrix(x), y, classes=4, pad=3)
    np.testing.assert_allclose(sparse.params.coefficients, table.params.coefficients, atol=3e-4)
    np.testing.assert_allclose(sparse.predict(sp.csr_matrix(x)).probability, table.predict(x).probability, atol=1e-4)
    assert np.isnan(sparse.info.standard_error).all()
    assert sparse.info.null_log_likelihood == pytest.approx(table.info.null_log_likelihood)


# ---- gradient descent ------------------------------------------------------------------------------------------------
def test_an_epoch_of_batch_descent_is_a_step_down_the_mean_loss(run, data):
    x, y = data("breast_cancer_wdbc")
    x = x[:, :3]
    fitted = run("logistic_regression", Spec(l2=3.0, solver="batch", epochs=3, learning_rate=0.7, momentum=0.5),
                 x, y, classes=2, pad=2)  # fmt: skip
    mean, deviation, n = x.mean(0), x.std(0), len(y)
    z = (x - mean) / deviation
    a, b = np.log(y.mean() / (1 - y.mean())), np.zeros(3)
    step_a, step_b = 0.0, np.zeros(3)
    for _ in range(3):
        p = 1 / (1 + np.exp(-(a + z @ b)))
        step_a = 0.5 * step_a - 0.7 * (p - y).mean()
        step_b = 0.5 * step_b - 0.7 * (z.T @ (p - y) / n + 3 * b / deviation**2 / n)
        a, b = a + step_a, b + step_b
    np.testing.assert_allclose(fitted.params.coefficients[0], b / deviation, rtol=1e-9)
    np.testing.assert_allclose(fitted.params.intercept[0], a - mean @ (b / deviation), rtol=1e-9)
    assert fitted.info.loss[-1] == pytest.approx(objective(x, y, fitted.params) / n, rel=1e-9)


@pytest.mark.parametrize("name", ["iris", "breast_cancer_wdbc"])
@pytest.mark.parametrize(("solver", "excess"), [("batch", 0.05), ("mini_batch", 0.01), ("stochastic", 0.01)])
def test_descent_with_its_defaults_comes_near_the_optimum(run, scaled, name, solver, excess):
    x, y, k = scaled(name)
    best = objective(x, y, run("logistic_regression", Spec(), x, y, classes=k).params, 1.0)
    fitted = run("logistic_regression", Spec(solver=solver), x, y, classes=k, pad=5)
    assert objective(x, y, fitted.params, 1.0) < best * (1 + excess)
    assert fitted.info.loss.shape == (100,)
    assert fitted.info.loss[-1] < fitted.info.loss[0]


@pytest.mark.parametrize("solver", ["batch", "mini_batch", "stochastic"])
def test_in_descent_too_a_row_of_weight_0_is_not_there_and_2_is_two_rows(run, scaled, solver):
    x, y, k = scaled("iris")
    spec = Spec(solver=solver)
    weight = np.where(y == 1, 3.0, np.arange(150) % 2)
    fitted = run("logistic_regression", spec, x, y, classes=k, weight=weight)
    spoilt = np.where(weight[:, None] > 0, x, 1e15)
    again = run("logistic_regression", spec, spoilt, np.where(weight > 0, y, 0), classes=k, weight=weight)
    assert np.array_equal(fitted.params.coefficients, again.params.coefficients)
    rows = np.repeat(np.arange(150), weight.astype(int))
    twice = run("logistic_regression", spec, x[rows], y[rows], classes=k)
    if solver == "batch":
        np.testing.assert_allclose(fitted.params.coefficients, twice.params.coefficients, rtol=1e-9)
    # Steps of some rows go in an order of their own: what they lower is the same, and so is where they settle.
    best = run("logistic_regression", Spec(), x[rows], y[rows], classes=k)
    excess = [objective(x[rows], y[rows], f.params, 1.0) / objective(x[rows], y[rows], best.params, 1.0) - 1
              for f in (fitted, twice, run("logistic_regression", spec, x, y, classes=k))]  # fmt: skip
    assert max(excess[:2]) < 0.02
    assert excess[2] > 0.03, "weights matter here"


def test_batches_are_drawn_by_the_key(run, scaled):
    x, y, k = scaled("iris")
    spec = Spec(solver="mini_batch", epochs=3)
    one, other = (run("logistic_regression", spec, x, y, classes=k, key=key) for key in (0, 1))
    same = run("logistic_regression", spec, x, y, classes=k, key=0)
    assert np.array_equal(one.params.coefficients, same.params.coefficients)
    assert not np.array_equal(one.params.coefficients, other.params.coefficients)


def test_a_rate_that_is_too_large_shows_in_the_loss_and_the_default_is_not(run, scaled):
    x, y, k = scaled("breast_cancer_wdbc")
    wild = run("logistic_regression", Spec(solver="batch", learning_rate=50.0, epochs=20), x, y, classes=k)
    assert (np.diff(wild.info.loss) > 0).any()
    steady = run("logistic_regression", Spec(solver="batch", momentum=0.0), x, y, classes=k)
    assert all(after <= before for before, after in pairwise(steady.info.loss))


# ---- no intercept ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("solver", ["newton", "lbfgs"])
def test_without_an_intercept_it_is_statsmodels_logit(scaled, agreement, solver):
    import jax
    import statsmodels.api as sm

    from mldsl.contract import ColumnShape, Examples, Shape, as_tree

    x, y, _ = scaled("breast_cancer_wdbc")
    x = np.column_stack([x[:, :3], np.ones(len(x))])[:, [3, 0, 1]] + [0, 0.5, -0.2]  # a column of ones counts as any
    shape = Shape(len(x), tuple(ColumnShape(f"x{j}") for j in range(3)), classes=2, intercept=False)
    with jax.enable_x64(True):
        examples = Examples(x, np.ones(len(x)), y.astype(np.int32), np.ones(3, bool))
        spec = as_tree(Spec(l2=0.0, solver=solver), np.float64)
        fitted = jax.jit(logistic.fit, static_argnums=2)(spec, jax.random.key(0), shape, examples)
        params, info = jax.tree.map(np.asarray, fitted)
    reference = sm.Logit(y, x).fit(disp=0, tol=1e-12, maxiter=100)
    assert params.intercept[0] == 0
    assert info.intercept_standard_error[0] == 0
    agreement("model.logistic_regression", f"coefficients without intercept, {solver}", params.coefficients[0],
              reference.params, reference="statsmodels", data="breast_cancer_wdbc", relative=1e-6)  # fmt: skip
    agreement("model.logistic_regression", f"standard errors without intercept, {solver}", info.standard_error[0],
              reference.bse, reference="statsmodels", data="breast_cancer_wdbc", relative=1e-5)  # fmt: skip
    assert info.null_log_likelihood == pytest.approx(-len(y) * np.log(2)), "equal odds, where nothing is estimated"


def test_descent_without_an_intercept_keeps_it_at_0(scaled):
    import jax

    from mldsl.contract import ColumnShape, Examples, Shape, as_tree

    x, y, k = scaled("iris")
    x = x + 1
    shape = Shape(150, tuple(ColumnShape(f"x{j}") for j in range(4)), classes=k, intercept=False)
    with jax.enable_x64(True):
        examples = Examples(x, np.ones(150), y.astype(np.int32), np.ones(4, bool))
        spec = as_tree(Spec(solver="batch"), np.float64)
        state = logistic.init(spec, jax.random.key(0), shape, examples)
        state, _ = jax.jit(logistic.update)(spec, state, examples)
        params = jax.tree.map(np.asarray, jax.jit(logistic.finish)(spec, state))
    np.testing.assert_array_equal(params.intercept, 0)
    assert np.all(params.coefficients != 0)


# ---- statistics of the fit, separation -------------------------------------------------------------------------------
def test_statistics_of_the_fit_are_statsmodels(run, scaled, agreement):
    import statsmodels.api as sm

    x, y, _ = scaled("breast_cancer_wdbc")
    x = x[:, :4]
    info = run("logistic_regression", Spec(l2=0.0), x, y, classes=2, pad=3).info
    reference = sm.Logit(y, sm.add_constant(x)).fit(disp=0, tol=1e-12, maxiter=100)
    found = [info.log_likelihood, info.null_log_likelihood, info.mcfadden_r2, info.likelihood_ratio, info.aic, info.bic]
    expected = [reference.llf, reference.llnull, reference.prsquared, reference.llr, reference.aic, reference.bic]
    agreement("model.logistic_regression", "log-likelihoods, McFadden's R2, likelihood ratio, AIC, BIC",
              np.divide(found, expected), np.ones(6), reference="statsmodels", data="breast_cancer_wdbc",
              relative=1e-7)  # fmt: skip
    assert info.likelihood_ratio_degrees == reference.df_model == 4


def test_multinomial_statistics_are_statsmodels(run, scaled, agreement):
    import statsmodels.api as sm

    x, y, _ = scaled("wine")
    x = x[:, [1, 2]]
    info = run("logistic_regression", Spec(l2=0.0), x, y, classes=3).info
    reference = sm.MNLogit(y, sm.add_constant(x)).fit(disp=0, method="newton", maxiter=100)
    found = [info.log_likelihood, info.null_log_likelihood, info.mcfadden_r2, info.likelihood_ratio, info.aic, info.bic]
    expected = [reference.llf, reference.llnull, reference.prsquared, reference.llr, reference.aic, reference.bic]
    agreement("model.logistic_regression", "statistics of a fit of three classes", np.divide(found, expected),
              np.ones(6), reference="statsmodels", data="wine", relative=1e-7)  # fmt: skip
    assert info.likelihood_ratio_degrees == reference.df_model == 4


def test_columns_that_separate_alone_are_named(run, data):
    x, y = data("iris")
    kept = y != 2
    x, y = x[kept], y[kept]
    tie = np.where(np.arange(100) < 50, 0.0, np.tile([0.0, 1.0], 50))  # of the second class only, half of it
    noise = np.random.default_rng(0).normal(size=100)
    wholly = run("logistic_regression", Spec(l2=0.0), np.column_stack([noise, x[:, 2]]), y, classes=2, pad=3)
    assert (bool(wholly.info.separated), bool(wholly.info.separated_wholly)) == (True, True)
    assert wholly.info.separating.tolist() == [0, 2]
    (said,) = logistic.remarks(wholly.spec, wholly.info, wholly.shape)
    assert said.startswith("the separation is complete; `x1` alone tells a class from the others: leave out")
    ties = run("logistic_regression", Spec(l2=0.0), np.column_stack([noise, tie]), y, classes=2)
    assert (bool(ties.info.separated), bool(ties.info.separated_wholly)) == (True, False)
    assert ties.info.separating.tolist() == [0, 1]
    (said,) = logistic.remarks(ties.spec, ties.info, ties.shape)
    assert said.startswith("the separation is quasi-complete: some rows lie on the border; `x1` alone tells")
    sound = run("logistic_regression", Spec(l2=0.0), noise[:, None], y, classes=2)
    assert not sound.info.separating.any()
    assert list(logistic.remarks(sound.spec, sound.info, sound.shape)) == []


# ---- columns that others explain -------------------------------------------------------------------------------------
@pytest.mark.parametrize("classes", [2, 3])
def test_columns_that_others_explain_are_named(run, data, classes):
    x, y = data("wine")
    x, y = (x[y < 2], y[y < 2]) if classes == 2 else (x, y)
    x = x[:, [1, 2, 4]]
    x = np.c_[x, x[:, 0] - 2 * x[:, 2] + 3, np.full(len(y), 7.0)]
    fitted = run("logistic_regression", Spec(0.0), x, y, classes=classes, pad=3)
    said = list(fitted.component.remarks(fitted.spec, fitted.info, fitted.shape))
    assert said == [
        "`x3` = 3 + `x0` - 2 `x2`: the data cannot tell their effects apart, so they share a coefficient",
        "`x4` does not vary",
    ]
    penalised = run("logistic_regression", Spec(1.0), x, y, classes=classes, pad=3)
    assert list(penalised.component.remarks(penalised.spec, penalised.info, penalised.shape)) == []
