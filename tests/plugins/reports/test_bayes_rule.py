"""`bayes_rule`: factors multiply to the posterior that the model says, for every naive Bayes classifier."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from mldsl_plugins.reports import bayes_rule
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, GaussianNB, MultinomialNB

from mldsl.contract.shape import ColumnShape, Shape

rng = np.random.default_rng(4)
N = 60
Y = np.arange(N) % 3
X = rng.integers(0, 3, (N, 4)) + (Y[:, None] == np.arange(4)[None]) * rng.integers(0, 2, (N, 4))
NAMES = ("red", "green", "blue", "size")
LEVELS = ("a", "b", "c")
PRIOR = np.asarray([0.5, 0.25, 0.25])


def fitted(kind: str) -> tuple[Any, Any, Any]:
    """Spec, params and scikit-learn's model."""
    if kind == "gaussian":
        peer = GaussianNB(priors=PRIOR).fit(X, Y)
        return None, SimpleNamespace(log_prior=np.log(PRIOR), mean=peer.theta_, variance=peer.var_), peer
    if kind == "multinomial":
        peer = MultinomialNB(class_prior=PRIOR).fit(X, Y)
        return None, SimpleNamespace(log_prior=np.log(PRIOR), log_likelihood=peer.feature_log_prob_), peer
    if kind == "bernoulli":
        peer = BernoulliNB(class_prior=PRIOR, binarize=1).fit(X, Y)
        present = peer.feature_log_prob_
        params = SimpleNamespace(log_prior=np.log(PRIOR), log_present=present, log_absent=np.log1p(-np.exp(present)))
        return SimpleNamespace(binarize=1), params, peer
    peer = CategoricalNB(class_prior=PRIOR, min_categories=4).fit(X, Y)
    start = np.arange(5) * 4
    likelihood = np.concatenate(peer.feature_log_prob_, axis=1)
    return None, SimpleNamespace(log_prior=np.log(PRIOR), log_likelihood=likelihood, start=start), peer


KINDS = ("gaussian", "multinomial", "bernoulli", "categorical")


def weighing(rows):
    """An Info that says how many rows of each class were learned from."""
    return SimpleNamespace(counts=SimpleNamespace(mass=np.full(3, float(rows))))


def shown(build: Any, kind: str, spec: Any = None, **facts: Any) -> tuple[Any, Any]:
    """The report of one model, and scikit-learn's."""
    its_spec, params, peer = fitted(kind)
    kinds = "categorical" if kind == "categorical" else "integer"
    held = build.part(
        target=Y,
        probability=peer.predict_proba(X),
        prediction=peer.predict(X),
        inputs=X.astype(float),
        index=np.arange(N),
    )
    shape = Shape(N, tuple(ColumnShape(name, kinds) for name in NAMES), 3)
    model = build.model(
        "m", held, features=NAMES, algorithm=f"{kind}_naive_bayes", params=params, spec=its_spec, shape=shape,
        info=weighing(20),
    )  # fmt: skip
    words = {n: [f"{n}{v}" for v in X[:, j]] for j, n in enumerate(NAMES)}
    view = build.view("classification", [model], LEVELS, frame=pl.DataFrame(words), **facts)
    return bayes_rule.compute(spec or bayes_rule.Spec(rows=2, columns=2), view), peer


@pytest.mark.parametrize("kind", KINDS)
def test_factors_multiply_to_the_posterior(build, kind):
    output, peer = shown(build, kind)
    rules = [t for t in output.tables if t.title.startswith("Bayes' rule")]
    assert len(rules) == 2
    for table in rules:
        row = int(table.title.split()[4].rstrip(",")) - 1
        assert f"which is {LEVELS[Y[row]]}" in table.title
        columns = {c.name: list(c.values) for c in table.columns}
        assert columns["factor"][0] == "prior"
        assert columns["factor"][3:] == ["the other 2 columns", "product", "evidence", "posterior"]
        products = [math.prod(columns[level][:4]) for level in LEVELS]
        for c, level in enumerate(LEVELS):
            assert columns[level][0] == pytest.approx(PRIOR[c])
            assert columns[level][4] == pytest.approx(products[c])
            assert columns[level][5] == pytest.approx(sum(products))
            assert columns[level][6] == pytest.approx(peer.predict_proba(X[[row]])[0, c], rel=1e-5)


def test_the_least_sure_row_comes_first(build):
    output, peer = shown(build, "gaussian", bayes_rule.Spec(rows=1))
    ordered = np.sort(peer.predict_proba(X), axis=1)
    row = int((ordered[:, -1] - ordered[:, -2]).argmin()) + 1
    assert f"for row {row}, " in output.tables[-1].title
    (panel,) = output.figures[0].panels
    posterior = peer.predict_proba(X[[row - 1]])[0]
    first, second = np.sort(posterior)[::-1][:2]
    assert sum(panel.series[0].x) == pytest.approx(math.log(first / second), rel=1e-4, abs=1e-6)


def test_what_speaks_for_a_class_is_how_many_times_as_likely(build):
    output, peer = shown(build, "categorical", bayes_rule.Spec(columns=3))
    table = build.cells(output, 1)
    assert set(table["class"]) == set(LEVELS)
    share = np.exp(np.concatenate(peer.feature_log_prob_, axis=1))
    name = table["column"][0]
    column, _, level = name.partition(" = ")
    place = NAMES.index(column) * 4 + int(level.removeprefix(column))
    rest = (0.25 * share[1, place] + 0.25 * share[2, place]) / 0.5
    assert table["class"][0] == "a"
    assert table["times as likely as in others"][0] == pytest.approx(share[0, place] / rest)
    assert table["times as likely as in others"][0] == pytest.approx(max(share[0] / (0.5 * share[1] + 0.5 * share[2])))


def test_small_products_are_shown_as_logarithms(build):
    its_spec, params, _ = fitted("multinomial")
    held = build.part(target=Y[:1], prediction=Y[:1], probability=np.ones((1, 3)) / 3, inputs=X[:1] * 500.0)
    model = build.model("m", held, features=NAMES, algorithm="multinomial_naive_bayes", params=params, spec=its_spec,
                        info=weighing(1), classes=3)  # fmt: skip
    output = bayes_rule.compute(bayes_rule.Spec(), build.view("classification", [model], LEVELS))
    table = {c.name: list(c.values) for c in output.tables[-1].columns}
    assert "logarithms" in output.tables[-1].title
    assert table["factor"][-3:] == ["sum", "evidence", "posterior"]
    assert table["a"][-3] == pytest.approx(sum(table["a"][:-3]))
    assert sum(table[level][-1] for level in LEVELS) == pytest.approx(1)


def test_models_without_likelihoods_and_sparse_rows_are_said(build, three_classes):
    assert "has no likelihoods" in bayes_rule.compute(bayes_rule.Spec(), three_classes).notes[0]
    _, params, _ = fitted("multinomial")
    held = build.part(target=Y, prediction=Y, probability=np.ones((N, 3)) / 3)
    model = build.model("m", held, features=NAMES, algorithm="multinomial_naive_bayes", params=params,
                        info=weighing(1), classes=3)  # fmt: skip
    output = bayes_rule.compute(bayes_rule.Spec(), build.view("classification", [model], LEVELS))
    assert output.notes == ["m: its rows are sparse, so no row is shown."]
    assert [t.title for t in output.tables] == ["Priors", "What speaks for each class"]
