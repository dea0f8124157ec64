"""Trees beside scikit-learn's and beside a search in plain Python; pruning; hard rows."""

from __future__ import annotations

from copy import copy
from itertools import pairwise

import attrs
import jax
import numpy as np
import pytest
from mldsl_plugins.trees import _exact, _ranks, cart, cost_complexity
from mldsl_plugins.trees._cells import ranked

from mldsl.contract import ColumnShape, Shape
from mldsl.execute.programs import QUICK
from mldsl.plugin.spec import Configured

NAME = "model.cart"
EXACT = cart.Spec(min_samples_split=2, min_samples_leaf=5, surrogate_splits=0)


PRUNING = cost_complexity.mldsl_components()[0]  # one, so that its programs are


def pruned(alpha, folds=0):
    return Configured(PRUNING, cost_complexity.Spec(alpha, folds))


def jittered(x):
    """So that no two columns and no two places are equally good for a reason."""
    return (x * (1 + 1e-3 * np.random.default_rng(0).normal(size=x.shape))).astype(np.float32).astype(float)


def same_tree(fit, theirs, agreement, data):
    """Both trees, walked side by side: columns, thresholds, weights, impurities, values."""
    p, info, t = fit.params, fit.info, theirs.tree_
    rows, todo = [], [(0, 0)]
    while todo:
        a, b = todo.pop()
        leaf = t.children_left[b] < 0
        assert (p.split.feature[a] < 0) == leaf
        value = np.ravel(t.value[b])
        rows.append((info.weight[a], t.n_node_samples[b], info.impurity[a], t.impurity[b], p.value[a], value))
        if not leaf:
            assert p.split.feature[a] == t.feature[b]
            assert p.split.threshold[a] == pytest.approx(t.threshold[b], rel=1e-6)
            todo += [(p.left[a], t.children_left[b]), (p.right[a], t.children_right[b])]
    assert info.nodes == t.node_count
    assert info.depth == theirs.get_depth()
    columns = [np.asarray(part, float) for part in zip(*rows, strict=True)]
    for i, what in enumerate(("rows of nodes", "impurities", "values of nodes")):
        agreement(NAME, f"{what}, {theirs.criterion}", *columns[2 * i : 2 * i + 2], reference="scikit-learn", data=data)


# ---- scikit-learn ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("criterion", ["gini", "entropy"])
def test_classes_as_scikit_learn(run, data, agreement, criterion):
    from sklearn.tree import DecisionTreeClassifier

    x, y = data("wine")
    x, cost = jittered(x), np.random.default_rng(1).uniform(0.5, 2, len(y))
    fit = run("cart", attrs.evolve(EXACT, criterion=criterion), x, y, classes=3, cost=cost, pad=7)
    # Without the least decrease rounding would make it split nodes of one class.
    kept = {"criterion": criterion, "min_samples_leaf": 5, "min_impurity_decrease": 1e-9}
    theirs = DecisionTreeClassifier(**kept, random_state=0).fit(x, y, cost)
    same_tree(fit, theirs, agreement, "wine with costs")
    found = fit.predict(x + 0.01).probability
    agreement(NAME, f"predictions, {criterion}", found, theirs.predict_proba(x + 0.01), reference="scikit-learn",
              data="wine with costs")  # fmt: skip


@pytest.mark.parametrize("criterion", ["squared_error", "absolute_error"])
def test_numbers_as_scikit_learn(run, data, agreement, criterion):
    from sklearn.tree import DecisionTreeRegressor

    x, y = data("diabetes")
    x, y = jittered(x[:300]), y[:300] + np.random.default_rng(2).normal(size=300)
    spec = attrs.evolve(EXACT, criterion=criterion, prune=pruned(0.0))
    fit = run("cart", spec, x, y)
    theirs = DecisionTreeRegressor(criterion=criterion, min_samples_leaf=5, random_state=0).fit(x, y)
    same_tree(fit, theirs, agreement, "diabetes")
    if criterion == "squared_error":  # whose risk is the loss that is pruned by
        path = theirs.cost_complexity_pruning_path(x, y)
        alpha, impurity = path.ccp_alphas[::-1], path.impurities[::-1]
        several = np.concatenate([[True], np.diff(alpha) < 0])[: np.isfinite(fit.info.path.alpha).sum()]
        count = len(several)
        found = np.stack(fit.info.path[:3], axis=1)[:count][several]
        expected = np.stack([alpha, impurity], axis=1)[:count][several] / impurity[0]
        agreement(NAME, "path of pruning", found[:, [0, 2]], expected, reference="scikit-learn", data="diabetes")


# ---- a search in plain Python ----------------------------------------------------------------------------------------
def gini(y, w):
    mass = np.asarray([w[y == c].sum() for c in (0, 1)])
    return mass.sum() - (mass**2).sum() / max(mass.sum(), 1e-300)


def cuts(v, categorical, y, w):
    """Every way to send the values of a column left: (what it is, which rows)."""
    values = np.unique(v)
    if categorical:
        share = [(w * y)[v == level].sum() / w[v == level].sum() for level in values]
        order = values[np.lexsort((values, share))]
        return [(frozenset(order[: i + 1].astype(int)), np.isin(v, order[: i + 1])) for i in range(len(order) - 1)]
    return [((a + b) / 2, v <= a) for a, b in pairwise(values)]


def grown(x, y, w, categorical, spec, rows):
    """A tree of two classes by the rules of rpart, in plain Python, as nested tuples."""
    if w[rows].sum() < spec.min_samples_split or gini(y[rows], w[rows]) < 1e-9:
        return (w[rows].sum(),)
    found = None
    for j in range(x.shape[1]):
        known = rows[~np.isnan(x[rows, j])]
        for what, left in cuts(x[known, j], categorical[j], y[known], w[known]):
            one, other = known[left], known[~left]
            if min(w[one].sum(), w[other].sum()) < spec.min_samples_leaf:
                continue
            gain = gini(y[known], w[known]) - gini(y[one], w[one]) - gini(y[other], w[other])
            if gain > 1e-9 and (found is None or gain > found[0] + 1e-9):
                found = gain, j, what, one, other
    if found is None:
        return (w[rows].sum(),)
    gain, j, what, one, other = found
    side = np.full(len(y), 2)
    side[one], side[other] = 0, 1
    sent = w[one].sum(), w[other].sum()
    stand = []
    for k in range(x.shape[1]):
        both = rows[(side[rows] < 2) & ~np.isnan(x[rows, k])]
        if k == j or not len(both):
            continue
        tried = surrogate_of(x[:, k], categorical[k], side, w, both, rows, sent)
        if tried is not None and tried[0] > max(sent) + 1e-9:
            stand.append((-tried[0], k, tried))
    stand = sorted(stand)[: spec.surrogate_splits]
    for _, k, (_, way, _) in stand:
        for r in rows:
            if side[r] == 2 and not np.isnan(x[r, k]):
                side[r] = way(x[r, k])
    default = 2 if sent[0] == sent[1] else int(sent[1] > sent[0])
    side[rows] = np.where(side[rows] == 2, default, side[rows])
    told = [(k, round(-a / sum(sent), 9), what) for a, k, (_, _, what) in stand]
    below = [grown(x, y, w, categorical, spec, rows[side[rows] == s]) for s in (0, 1)]
    return (w[rows].sum(), j, what, round(gain, 9), told, *below)


def surrogate_of(v, categorical, side, w, both, rows, sent):
    """The agreement of the best cut of a column with a split, the way it sends a value, and what it is."""
    weight = lambda there: w[both][there].sum()  # noqa: E731
    left, right = side[both] == 0, side[both] == 1
    if categorical:
        to = {}
        for level in np.unique(v[both]):
            a, b = weight(left & (v[both] == level)), weight(right & (v[both] == level))
            to[level] = int(b > a) if a != b else int(sent[1] > sent[0])
        agree = sum(w[r] for r in both if to[v[r]] == side[r])
        return agree, lambda value: to.get(value, 2), frozenset(int(k) for k, s in to.items() if s == 0)
    best = None
    values = np.unique(v[rows][~np.isnan(v[rows])])
    for a, b in pairwise(values):
        low = v[both] <= a
        if min(weight(low), weight(~low)) < 2:
            continue
        for first in (0, 1):
            agree = weight(np.where(low, first, 1 - first) == side[both])
            if best is None or agree > best[0] + 1e-9:
                best = agree, (a + b) / 2, first
    if best is None:
        return None
    agree, cut, first = best
    return agree, lambda value: first if value <= cut else 1 - first, (round(cut, 9), first)


def listed(fit, node=0):
    """Our tree in the same form."""
    p, info = fit.params, fit.info
    levels = lambda split, at, side: frozenset(  # noqa: E731
        i for i in range(32)
        if int(split.known[at][0]) >> i & 1 and (int(split.subset[at][0]) >> i & 1 == 1) == (split.low_left[at] == side)
    )  # fmt: skip
    weight = float(info.weight[node])
    if p.split.feature[node] < 0:
        return (weight,)

    def what(split, at):
        j = split.feature[at]
        if fit.columns[j].type == "categorical":
            return levels(split, at, True)
        cut = float(split.threshold[at])
        return cut if split is p.split else (round(cut, 9), int(not split.low_left[at]))

    told = [
        (int(j), round(float(info.agree[node, s]), 9), what(p.surrogate, (node, s)))
        for s, j in enumerate(p.surrogate.feature[node]) if j >= 0
    ]  # fmt: skip
    split = int(p.split.feature[node]), what(p.split, node), round(float(info.gain[node]), 9)
    return (weight, *split, told, listed(fit, p.left[node]), listed(fit, p.right[node]))


SEARCHED = cart.Spec(min_samples_split=6, min_samples_leaf=2, surrogate_splits=2)
KINDS = (False, False, True, True)
COLUMNS = tuple(ColumnShape(f"c{j}", "categorical" if k else "continuous", 5 * k) for j, k in enumerate(KINDS))


def mixed(seed, n=60):
    """Numbers and categories that tell of each other, with holes, weights, and few distinct values."""
    rng = np.random.default_rng(seed)
    base = rng.normal(size=n)
    x = np.stack([
        np.round(base, 1), np.round(base + rng.normal(size=n), 1),
        np.clip(np.round(base + 2 + rng.normal(0, 0.5, n)), 0, 4), rng.integers(0, 5, n).astype(float),
    ], axis=1)  # fmt: skip
    y = (base + rng.normal(0, 0.8, n) > 0.2).astype(int)
    x[rng.random(x.shape) < 0.15] = np.nan
    x[3] = np.nan  # a row that knows nothing
    return x, y, rng.choice([0, 1, 1, 2], n).astype(float)


@pytest.mark.parametrize("seed", range(6))
def test_the_tree_that_a_plain_search_finds(run, seed):
    x, y, w = mixed(seed)
    fit = run("cart", SEARCHED, x, y, classes=2, weight=w, columns=COLUMNS, pad=4)
    there = np.flatnonzero(w > 0)
    assert listed(fit) == grown(x, y, w, KINDS, SEARCHED, there)


def test_the_matrix_itself_teaches_what_inputs_ranked_on_the_host_do(run):
    x, y, w = mixed(1)
    fit = run("cart", SEARCHED, x, y, classes=2, weight=w, columns=COLUMNS, pad=4)
    with jax.enable_x64(True):
        inputs = jax.numpy.asarray(fit.inputs(x, 4))
        again = fit.fit(fit.spec, jax.random.key(0), fit.shape, fit.examples._replace(inputs=inputs))
    used = int(fit.info.nodes)
    for ours, theirs in zip(jax.tree.leaves(fit.params), jax.tree.leaves(again[0]), strict=True):
        rows = len(ours) if len(ours) == x.shape[1] else used
        np.testing.assert_array_equal(ours[:rows], np.asarray(theirs)[:rows])


def test_levels_of_more_nodes_than_the_first_loop_has_room_for_are_grown_alike(run, monkeypatch):
    x, y, w = mixed(1)
    fit = run("cart", SEARCHED, x, y, classes=2, weight=w, columns=COLUMNS, pad=4)
    assert fit.info.nodes > 11
    monkeypatch.setattr(_exact, "NARROW", 2)
    with jax.enable_x64(True):
        anew = jax.jit(lambda *given: cart.fit(*given[:2], fit.shape, given[2]), compiler_options=QUICK)
        again = anew(fit.spec, jax.random.key(0), fit.examples)
    for ours, theirs in zip(jax.tree.leaves((fit.params, fit.info)), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(ours, np.asarray(theirs))


def test_ranks_of_host_and_device_are_the_same():
    rng = np.random.default_rng(0)
    x = np.stack([rng.normal(size=50), rng.integers(-5, 5, 50), rng.normal(size=50) * 1e12], axis=1)
    x[rng.random(x.shape) < 0.2] = np.nan
    with jax.enable_x64(True):
        found = ranked(jax.numpy.asarray(x), jax.numpy.ones(50, bool))
    np.testing.assert_array_equal(_ranks.ranks(x, (0, 0, 0)), found)


# ---- pruning ---------------------------------------------------------------------------------------------------------
def subtrees(fit, node=0):
    """(loss, splits) of every pruned subtree of a node."""
    p, loss = fit.params, float(fit.info.risk[node])
    yield loss, 0
    if p.split.feature[node] >= 0:
        for a, i in subtrees(fit, p.left[node]):
            for b, j in subtrees(fit, p.right[node]):
                yield a + b, i + j + 1


def by_hand(fit, alpha):
    """The fit with T(alpha) in place of its tree, alpha in units of loss, and how many splits that has."""
    feature, p = fit.params.split.feature.copy(), fit.params

    def cost(node):
        """What the best subtree costs, leaves being alpha each."""
        leaf = float(fit.info.risk[node]) + alpha
        if p.split.feature[node] < 0:
            return leaf
        below = cost(p.left[node]) + cost(p.right[node])
        if leaf - below <= 1e-10 * fit.info.risk[0]:
            feature[node] = -1
        return min(leaf, below)

    def splits(node):
        return 0 if feature[node] < 0 else 1 + splits(p.left[node]) + splits(p.right[node])

    cost(0)
    short = copy(fit)
    short.params = p._replace(split=p.split._replace(feature=feature))
    return short, splits(0)


def test_pruning_finds_the_best_of_all_subtrees_and_leave_one_out_its_errors(run):
    x, y, w = mixed(3, n=30)
    w = np.maximum(w, 1)
    spec = attrs.evolve(SEARCHED, min_samples_leaf=1)
    whole = run("cart", spec, x, y, classes=2, weight=w, columns=COLUMNS)
    every, root = list(subtrees(whole)), float(whole.info.risk[0])
    kept = run("cart", attrs.evolve(spec, prune=pruned("auto", folds=30)), x, y, classes=2, weight=w, columns=COLUMNS)
    path = kept.info.path
    count = int(np.isfinite(path.alpha).sum())
    assert count > 2
    for alpha in (0.0, 0.02, 0.05, 0.1, 0.3):
        least = min(every, key=lambda one: (round(one[0] + alpha * root * one[1], 9), one[1]))
        at = int(np.argmax(path.alpha[:count] <= alpha + 1e-9))
        assert (path.error[at] * root, path.splits[at]) == pytest.approx(least)
    # Each row by the trees that it has not taught, pruned between the values of the path.
    between = np.sqrt(np.concatenate([[100 * path.alpha[0]], path.alpha[: count - 1]]) * path.alpha[:count])
    wrong = np.zeros((len(y), count))
    for i in range(len(y)):
        left = np.where(np.arange(len(y)) == i, 0, w)
        without = run("cart", spec, x, y, classes=2, weight=left, columns=COLUMNS)
        for k, alpha in enumerate(between):
            short, _ = by_hand(without, alpha * root * left.sum() / w.sum())
            wrong[i, k] = short.predict(x[i : i + 1]).probability[0].argmax() != y[i]
    np.testing.assert_allclose(path.held_out_error[:count], w @ wrong / root)
    spread = np.sqrt(w @ wrong**2 - (w @ wrong) ** 2 / w.sum()) / root
    np.testing.assert_allclose(path.standard_error[:count], spread)
    # The tree that is kept is the smallest one within a standard error of the least.
    best = np.nanargmin(path.held_out_error)
    good = path.held_out_error <= path.held_out_error[best] + path.standard_error[best]
    assert (kept.info.nodes - 1) / 2 == path.splits[np.argmax(good)] < path.splits[count - 1]


def test_a_share_of_the_loss_that_is_given_prunes_as_by_hand(run):
    x, y, w = mixed(1)
    whole = run("cart", SEARCHED, x, y, classes=2, weight=w, columns=COLUMNS, pad=4)
    sizes = []
    for alpha in (0.0, 0.03, 0.15, 0.3):
        spec = attrs.evolve(SEARCHED, prune=pruned(alpha))
        fit = run("cart", spec, x, y, classes=2, weight=w, columns=COLUMNS, pad=4)
        short, splits = by_hand(whole, alpha * float(whole.info.risk[0]))
        sizes.append(splits)
        assert fit.info.nodes == 2 * splits + 1
        assert fit.info.depth <= splits
        np.testing.assert_array_equal(fit.predict(x).probability, short.predict(x).probability)
    assert sizes[0] > sizes[1] > sizes[2] > sizes[3] == 0


# ---- hard rows -------------------------------------------------------------------------------------------------------
def test_rows_of_nothing_and_columns_of_nothing(run):
    x, y, w = mixed(4)
    x[:, 1] = np.nan
    x[:, 3] = 2  # constant
    fit = run("cart", SEARCHED, x, y, classes=2, weight=w, columns=COLUMNS, pad=4)
    used = set(fit.params.split.feature[: int(fit.info.nodes)]) | set(fit.params.surrogate.feature.ravel())
    assert used <= {-1, 0, 2}
    odd = np.asarray([[np.nan] * 4, [np.nan, np.nan, 4.0, 77.0], [np.nan, np.nan, -1.0, -1.0]])
    assert np.isfinite(fit.predict(odd).probability).all()


@pytest.mark.parametrize("y", [np.zeros(60, int), np.ones(60, int)])
def test_one_class_is_one_leaf(run, y):
    x, _, w = mixed(5)
    fit = run("cart", SEARCHED, x, y, classes=2, weight=w, columns=COLUMNS, pad=4)
    assert fit.info.nodes == 1
    assert (fit.predict(x).probability.argmax(axis=1) == y[0]).all()
    (remark,) = cart.remarks(SEARCHED, fit.info, fit.shape)
    assert "no split" in remark


def test_what_check_refuses():
    numbers = Shape(100, (ColumnShape("a"),), 2)
    (problem,) = cart.check(cart.Spec("squared_error"), numbers)
    assert problem.message == "expected gini or entropy for classes, found squared_error"
    (problem,) = cart.check(cart.Spec("gini"), attrs.evolve(numbers, classes=0))
    assert problem.message == "expected squared_error or absolute_error for numbers, found gini"
    towns = attrs.evolve(numbers, rows=1_000_000, columns=(ColumnShape("town", "categorical", 50_000),))
    (problem,) = cart.check(cart.Spec(), towns)
    assert problem.parameter == "max_depth"
    assert "the 50000 levels of `town`" in problem.message
    assert not list(cart.check(cart.Spec(max_depth=6), towns))


def test_many_levels_of_two_classes_are_split_exactly(run):
    rng = np.random.default_rng(6)
    town = rng.integers(0, 3000, 400).astype(float)
    y = (town % 2).astype(int)
    spec = cart.Spec(max_depth=1, min_samples_leaf=1, surrogate_splits=0)
    fit = run("cart", spec, town[:, None], y, classes=2, columns=(ColumnShape("town", "categorical", 3000),))
    assert fit.info.nodes == 3
    assert (fit.predict(town[:, None]).probability.argmax(axis=1) == y).all()


def test_a_tree_for_reports_and_its_surrogates(run):
    x, y, w = mixed(0)
    fit = run("cart", SEARCHED, x, y, classes=2, weight=w, columns=COLUMNS, pad=4)
    short = cart.compact(fit.params)
    used = int(fit.info.nodes)
    assert len(short.left) == used < len(fit.params.left)
    trees, view = cart.trees(SEARCHED, short), cart.surrogates(SEARCHED, short, fit.info)
    assert trees.value.shape == (1, used, 2)
    assert trees.gain[0].sum() == pytest.approx(fit.info.gain.sum())
    assert view.feature.shape == view.agree.shape == (used, 2)
    with jax.enable_x64(True):
        answer = cart.predict(SEARCHED, jax.tree.map(jax.numpy.asarray, short), jax.numpy.asarray(x))
    np.testing.assert_array_equal(answer.probability, fit.predict(x).probability)
