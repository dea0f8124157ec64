"""The searches: what they propose, that more trials go on where fewer ended, and agreement with the references."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from mldsl_plugins.searches import bayesian, grid, halving, random
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - makes the import below possible
from sklearn.model_selection import HalvingGridSearchCV, ParameterGrid
from sklearn.tree import DecisionTreeClassifier

from mldsl.plugin import Domain, Told

L2 = Domain("l2", "number", low=0.01, high=100.0, log=True)
DEPTH = Domain("depth", "integer", low=2, high=5)
LEAF = Domain("leaf", "integer", low=5, high=200, log=True)
SHARE = Domain("share", "share", low=0.0, high=1.0)
SOLVER = Domain("solver", "choice", values=("newton", "lbfgs"))
FLAG = Domain("flag", "boolean", values=(True, False))


def settings(proposals):
    return [tuple(p.values.values()) for p in proposals]


def tell(proposals, score=lambda values: 0.0):
    return [Told(p, score(p.values)) for p in proposals]


def searched(search, spec, domains, seed=0, score=lambda values: 0.0):
    """All trials of a search, told as it goes."""
    told: list[Told] = []
    while proposals := search.propose(spec, domains, told, seed):
        told += tell(proposals, score)
        assert len(told) < 1000
    return told


# ---- grid ------------------------------------------------------------------------------------------------------------


def test_a_grid_is_scikit_learns():
    spec = grid.Spec(points=5)
    values = {
        "l2": np.geomspace(0.01, 100, 5), "depth": [2, 3, 4, 5], "share": np.linspace(0, 1, 5),
        "solver": ["newton", "lbfgs"],
    }  # fmt: skip
    found = grid.propose(spec, [L2, DEPTH, SHARE, SOLVER], [], 0)
    expected = [tuple(setting[name] for name in values) for setting in ParameterGrid(values)]

    def key(setting):
        return tuple(round(v, 9) if isinstance(v, float) else v for v in setting)

    assert Counter(map(key, settings(found))) == Counter(map(key, expected))
    assert grid.total(spec, [L2, DEPTH, SHARE, SOLVER]) == len(found) == 200


def test_the_last_line_varies_fastest():
    found = settings(grid.propose(grid.Spec(points=2), [DEPTH, SOLVER], [], 0))
    assert found == [(2, "newton"), (2, "lbfgs"), (5, "newton"), (5, "lbfgs")]


@pytest.mark.parametrize(
    ("domain", "points", "values"),
    [
        (DEPTH, 10, (2, 3, 4, 5)),
        (DEPTH, 2, (2, 5)),
        (LEAF, 4, (5, 17, 58, 200)),
        (Domain("k", "integer", low=1, high=4, log=True), 3, (1, 2, 4)),
        (Domain("k", "integer", low=1, high=5, log=True), 4, (1, 2, 3, 5)),
        (Domain("x", "number", low=0.0, high=0.3), 4, (0.0, 0.1, 0.2, 0.3)),  # no 0.30000000000000004
        (Domain("x", "number", low=1.0, high=1.0), 4, (1.0,)),
        (Domain("x", "number", low=1, high=1000, log=True), 4, (1, 10, 100, 1000)),
        (Domain("t", "duration", low=60.0, high=180.0), 3, (60.0, 120.0, 180.0)),
        (FLAG, 5, (True, False)),
    ],
)
def test_the_values_of_one_range(domain, points, values):
    spec = grid.Spec(points=points)
    assert settings(grid.propose(spec, [domain], [], 0)) == [(v,) for v in values]
    assert grid.total(spec, [domain]) == len(values)


def test_a_grid_of_absurd_size_is_refused_with_its_count():
    (problem,) = grid.check(grid.Spec(points=100), [L2, SHARE, LEAF])
    assert "found 100 x 100 x " in problem.message
    assert f"{grid.total(grid.Spec(points=100), [L2, SHARE, LEAF]):,}" in problem.message
    assert list(grid.check(grid.Spec(points=10**12), [L2, DEPTH])) != []
    assert list(grid.check(grid.Spec(points=10), [L2, SHARE, LEAF])) == []


# ---- random ----------------------------------------------------------------------------------------------------------


def test_more_trials_begin_with_the_same():
    domains = [L2, LEAF, SHARE, SOLVER]
    few = random.propose(random.Spec(trials=5), domains, [], 7)
    many = random.propose(random.Spec(trials=50), domains, [], 7)
    assert many[:5] == few
    assert random.propose(random.Spec(trials=50), domains, tell(few), 7) == many[5:]
    assert random.propose(random.Spec(trials=3), domains, tell(few), 7) == []


def test_seeds_have_nothing_in_common():
    draws = [settings(random.propose(random.Spec(trials=30), [SHARE], [], seed)) for seed in (0, 1, 2)]
    assert len({value for row in draws for value in row}) == 90


@pytest.mark.parametrize("trials", [1, 7, 8, 100])
def test_a_finite_space_is_tried_at_most_whole(trials):
    domains = [DEPTH, SOLVER]
    found = settings(random.propose(random.Spec(trials=trials), domains, [], 3))
    assert len(found) == len(set(found)) == min(trials, 8) == random.total(random.Spec(trials=trials), domains)
    assert found == settings(random.propose(random.Spec(trials=8), domains, [], 3))[:trials]


def test_a_space_that_is_hard_to_exhaust_by_drawing_is_exhausted():
    """Of `log` integers the large ones are rare: the last of them are taken in order."""
    wide = Domain("k", "integer", low=1, high=3000, log=True)
    found = settings(random.propose(random.Spec(trials=3000), [wide], [], 0))
    assert sorted(found) == [(k,) for k in range(1, 3001)]


def test_draws_are_uniform_in_the_range_or_its_logarithm():
    from scipy.stats import kstest

    n, domains = 4000, [L2, SHARE]
    draws = np.array(settings(random.propose(random.Spec(trials=n), domains, [], 0)))
    assert kstest(np.log(draws[:, 0]), "uniform", (math.log(0.01), math.log(1e4))).pvalue > 0.01
    assert kstest(draws[:, 1], "uniform").pvalue > 0.01


def test_both_ends_of_an_integer_range_get_their_share():
    from random import Random

    from mldsl_plugins.searches._space import draw

    source = Random(0)
    even = Counter(draw(DEPTH, source) for _ in range(8000))
    assert all(abs(even[k] - 2000) < 200 for k in (2, 3, 4, 5))
    ratio = Domain("k", "integer", low=1, high=4, log=True)
    counts = Counter(draw(ratio, source) for _ in range(9000))
    share = {k: math.log((k + 0.5) / (k - 0.5)) / math.log(9) for k in range(1, 5)}
    assert all(abs(counts[k] - 9000 * share[k]) < 250 for k in share)


# ---- halving ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("trials", "reduction"), [(27, 3), (20, 3), (6, 2), (16, 4), (9, 2), (2, 3)])
def test_rungs_are_scikit_learns(trials, reduction):
    steps = 0
    while reduction ** (steps + 1) <= trials:
        steps += 1
    rows = 60 * reduction**steps
    x = np.random.default_rng(0).normal(size=(rows, 1))
    model = HalvingGridSearchCV(
        DecisionTreeClassifier(), {"max_depth": list(range(1, trials + 1))}, factor=reduction, cv=2,
        min_resources="exhaust",
    )  # fmt: skip
    model.fit(x, (x[:, 0] > 0).astype(int))
    rungs = halving.rungs(trials, reduction)
    assert [count for count, _ in rungs] == model.n_candidates_
    assert [share * rows for _, share in rungs] == pytest.approx(model.n_resources_)


def test_the_best_of_each_rung_go_on():
    spec = halving.Spec(trials=9, reduction=3)
    told = searched(halving, spec, [SHARE], score=lambda values: -abs(values["share"] - 0.5))
    assert [round(t.proposal.share, 4) for t in told] == [0.1111] * 9 + [0.3333] * 3 + [1.0]
    first = sorted(told[:9], key=lambda t: -t.score)
    assert {t.proposal.values["share"] for t in told[9:12]} == {t.proposal.values["share"] for t in first[:3]}
    assert told[12].proposal.values == first[0].proposal.values
    assert halving.total(spec, [SHARE]) == len(told) == 13


def test_a_rung_that_was_begun_is_finished_first():
    spec = halving.Spec(trials=9, reduction=3)
    whole = searched(halving, spec, [SHARE], score=lambda values: values["share"])
    for n in range(len(whole)):
        left = halving.propose(spec, [SHARE], whole[:n], 0)
        assert left[0] == whole[n].proposal


def test_trials_without_a_score_are_the_first_to_go():
    spec = halving.Spec(trials=4, reduction=2)
    scores = iter([math.nan, 0.1, math.nan, 0.2, 0.3, 0.4, 0.5])
    told = searched(halving, spec, [SHARE], score=lambda values: next(scores))
    assert [t.proposal.values for t in told[4:6]] == [told[1].proposal.values, told[3].proposal.values]


def test_a_small_space_is_halved_as_it_is():
    spec = halving.Spec(trials=100, reduction=2)
    told = searched(halving, spec, [SOLVER, FLAG])
    assert [t.proposal.share for t in told] == [0.25] * 4 + [0.5] * 2 + [1.0]
    assert halving.total(spec, [SOLVER, FLAG]) == 7


# ---- bayesian --------------------------------------------------------------------------------------------------------


def valley(values):
    return -abs(math.log(values["l2"] / 3)) - (values["solver"] == "newton")


def test_bayesian_proposes_what_optuna_does():
    optuna = pytest.importorskip("optuna", reason="Optuna is an extra: pip install 'mldsl[tune]'")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {
        "l2": optuna.distributions.FloatDistribution(0.01, 100, log=True),
        "leaf": optuna.distributions.IntDistribution(5, 200, log=True),
        "solver": optuna.distributions.CategoricalDistribution(("newton", "lbfgs")),
    }
    spec, domains = bayesian.Spec(trials=40), [L2, LEAF, SOLVER]
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=11))
    theirs = [study.ask(fixed_distributions=distributions).params for _ in range(4)]
    assert [p.values for p in bayesian.propose(spec, domains, [], 11)] == theirs


def test_bayesian_goes_on_from_its_trials():
    pytest.importorskip("optuna", reason="Optuna is an extra: pip install 'mldsl[tune]'")
    spec, domains = bayesian.Spec(trials=22, batch=4), [L2, SOLVER]
    whole = searched(bayesian, spec, domains, 5, valley)
    assert len(whole) == bayesian.total(spec, domains) == 22
    again = bayesian.propose(spec, domains, whole[:12], 5)
    assert again == [t.proposal for t in whole[12:16]] == bayesian.propose(spec, domains, whole[:12], 5)
    assert len({tuple(t.proposal.values.items()) for t in whole}) == 22


def test_bayesian_learns_from_scores():
    """The median of its later trials is far better than that of its first, random ones."""
    pytest.importorskip("optuna", reason="Optuna is an extra: pip install 'mldsl[tune]'")
    told = searched(bayesian, bayesian.Spec(trials=40), [L2, SOLVER], 1, valley)
    scores = np.array([t.score for t in told])
    assert np.median(scores[24:]) > np.median(scores[:12]) + 0.5


def test_bayesian_takes_a_small_space_whole_and_bears_trials_without_a_score():
    pytest.importorskip("optuna", reason="Optuna is an extra: pip install 'mldsl[tune]'")
    told = searched(bayesian, bayesian.Spec(trials=50), [DEPTH, SOLVER], 0, lambda values: math.nan)
    assert sorted(settings([t.proposal for t in told])) == sorted(
        settings(grid.propose(grid.Spec(), [DEPTH, SOLVER], [], 0))
    )


def test_without_optuna_the_extra_is_named(monkeypatch):
    from mldsl.diagnostics import MldslError

    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(MldslError) as raised:
        list(bayesian.check(bayesian.Spec(trials=3), [L2]))
    (found,) = raised.value.diagnostics
    assert found.code == "MLP0604"
    assert "pip install 'mldsl[tune]'" in (found.help or "")
