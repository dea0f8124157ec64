"""The transforms: their references' numbers, the meaning of weights, and what happens to hard columns."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mldsl_plugins.columns import drop, keep
from mldsl_plugins.encoding import one_hot, ordinal_encode
from mldsl_plugins.missing import impute
from mldsl_plugins.scaling import min_max_scale, robust_scale, standardize

from mldsl.contract import quantiles
from mldsl.plugin import NamedColumn, Problem

rng = np.random.default_rng(0)
N = 120
X = rng.normal(3, 2, (N, 4)).astype(np.float32)
X[:, 1] = np.round(X[:, 1])
X[::6, 2] = np.nan
X[:, 3] = 1.5e6
TIMES = np.asarray([1, 2, 0, 3])[np.arange(N) % 4]
REPEATED = np.repeat(X, TIMES, axis=0)
CODES = rng.integers(0, 3, (N, 2)).astype(np.float32)
CODES[::10, 0] = np.nan
LEVELS = (("a", "b", "c"), ("no", "some", "yes"))
CATEGORICAL = tuple(NamedColumn(name, "categorical", known) for name, known in zip("pq", LEVELS, strict=True))

CASES = {
    "impute_mean": ("impute", impute.Spec("mean"), X, None),
    "impute_median": ("impute", impute.Spec("median", indicator=True), X, None),
    "impute_most_frequent": ("impute", impute.Spec("most_frequent"), X, None),
    "impute_constant": ("impute", impute.Spec(impute.Constant(-1.0)), X, None),
    "standardize": ("standardize", standardize.Spec(), X, None),
    "min_max_scale": ("min_max_scale", min_max_scale.Spec(), X, None),
    "robust_scale": ("robust_scale", robust_scale.Spec(), X, None),
    "one_hot": ("one_hot", one_hot.Spec(), CODES, CATEGORICAL),
}


@pytest.fixture(params=CASES)
def case(request, run):
    name, spec, x, columns = CASES[request.param]

    def fit(x=x, **more):
        return run(name, spec, x, columns=columns, **{"pad": 8, **more})

    fit.x, fit.name = x, request.param
    return fit


def same(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


# ---- what every fitted transform keeps -------------------------------------------------------------------------------
def test_rows_of_weight_0_leave_the_same_bits(case):
    weight = (np.arange(N) % 5 > 0).astype(float)
    junk = np.where(weight[:, None] > 0, case.x, rng.choice([-1e15, 0, 1e15], case.x.shape))
    before, after = case(weight=weight), case(junk, weight=weight)
    same(before.params, after.params)
    same(before.info, after.info)


def test_doubling_is_repeating(case):
    weighted, repeated = case(weight=TIMES), case(np.repeat(case.x, TIMES, axis=0), pad=0)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), weighted.params, repeated.params)


def test_order_of_rows_does_not_matter(case):
    order = rng.permutation(N)
    one, other = case().params, case(case.x[order]).params
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), one, other)


def test_equal_shapes_compile_once(case):
    fit = case().fit
    before = fit._cache_size()
    case(case.x + 0, weight=TIMES)
    assert fit._cache_size() == before


def test_vmap_over_fold_weights_is_the_loop(case):
    fitted = case()
    folds = np.stack([np.pad(np.arange(N) % 3 != f, (0, 8)) for f in range(3)]).astype(np.float32)

    def of(weight):
        return fitted.fit(fitted.spec, jax.random.key(0), fitted.shape, fitted.examples._replace(weight=weight))[0]

    together = jax.jit(jax.vmap(of))(folds)
    loop = jax.tree.map(lambda *a: np.stack(a), *[of(jnp.asarray(w)) for w in folds])
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), together, loop)


def test_dtype_and_names_fit_the_output(case):
    fitted = case()
    out = fitted.apply(case.x)
    assert out.dtype == np.float32
    assert out.shape == (N, len(fitted.names))


@pytest.mark.parametrize("hard", ["one_row", "no_weight", "all_missing"])
def test_hard_columns_stay_finite(case, hard):
    x = case.x[:1] if hard == "one_row" else np.full_like(case.x, np.nan) if hard == "all_missing" else case.x
    fitted = case(x, weight=np.zeros(len(x)) if hard == "no_weight" else None)
    out = fitted.apply(case.x)
    assert not np.isinf(out).any()
    assert not (np.isnan(out) & ~np.isnan(case.x).any(1)[:, None]).any()


# ---- scaling ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("center", "scale"), [(True, True), (False, True), (True, False)])
def test_standardize_is_scikit_learns(run, center, scale):
    from sklearn.preprocessing import StandardScaler

    reference = StandardScaler(with_mean=center, with_std=scale).fit(REPEATED.astype("f8"))
    fitted = run("standardize", standardize.Spec(center, scale), X, weight=TIMES, pad=8)
    np.testing.assert_allclose(fitted.apply(X), reference.transform(X.astype("f8")), rtol=1e-5, atol=1e-4)
    moments = StandardScaler().fit(REPEATED.astype("f8"))
    np.testing.assert_allclose(fitted.info.mean[0], moments.mean_, rtol=1e-6)
    np.testing.assert_allclose(fitted.info.standard_deviation[0], np.sqrt(moments.var_), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(fitted.info.mass[0], (~np.isnan(REPEATED)).sum(0))


def test_standardize_in_float64_is_scikit_learns_to_the_last_digits(run):
    from sklearn.preprocessing import StandardScaler

    x = X.astype("f8") + 1e7
    reference = StandardScaler().fit(np.repeat(x, TIMES, axis=0))
    fitted = run("standardize", standardize.Spec(), x, weight=TIMES, pad=8, dtype=np.float64)
    np.testing.assert_allclose(fitted.apply(x), reference.transform(x), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize(("ends", "clip"), [((0.0, 1.0), False), ((-1.0, 3.0), True)])
def test_min_max_scale_is_scikit_learns(run, ends, clip):
    from sklearn.preprocessing import MinMaxScaler

    reference = MinMaxScaler(feature_range=ends, clip=clip).fit(REPEATED)
    fitted = run("min_max_scale", min_max_scale.Spec(ends, clip), X, weight=TIMES, pad=8)
    beyond = np.concatenate([X, 2 * X, -X])
    np.testing.assert_allclose(fitted.apply(beyond)[:, :3], reference.transform(beyond)[:, :3], rtol=1e-5, atol=1e-5)
    assert (fitted.apply(X)[:, 3] == ends[0]).all()
    np.testing.assert_array_equal(fitted.info.greatest[0], np.nanmax(REPEATED, axis=0))


@pytest.mark.parametrize("select", [False, True], ids=["sorting", "selecting"])
@pytest.mark.parametrize("ends", [(0.25, 0.75), (0.1, 0.8)])
def test_robust_scale_is_scikit_learns(run, ends, select, monkeypatch):
    from sklearn.preprocessing import RobustScaler

    if select:
        monkeypatch.setattr(quantiles, "LONG", 0)
    reference = RobustScaler(quantile_range=(100 * ends[0], 100 * ends[1])).fit(REPEATED)
    spec = robust_scale.Spec(ends)
    fitted = run("robust_scale", spec, X, weight=TIMES, pad=9 if select else 8)
    np.testing.assert_allclose(fitted.apply(X), reference.transform(X), rtol=1e-5, atol=1e-5)
    plain = run("robust_scale", robust_scale.Spec(ends, center=False), X, weight=TIMES, pad=9 if select else 8)
    assert not plain.params.center.any()


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("standardize", standardize.Spec(per="g")),
        ("min_max_scale", min_max_scale.Spec(per="g")),
        ("robust_scale", robust_scale.Spec(per="g")),
    ],
)
def test_per_scales_each_group_by_itself(run, name, spec):
    group = (np.arange(N) % 3).astype(np.float32)
    x = X[:, :3]
    fitted = run(name, spec, x, per=group, weight=TIMES, pad=8)
    assert [c.name for c in fitted.names] == ["x0", "x1", "x2"]
    plain = type(spec)()
    for g in range(3):
        alone = run(name, plain, x[group == g], weight=TIMES[group == g])
        expected = alone.apply(x[group == g])
        np.testing.assert_allclose(fitted.apply(x, group)[group == g], expected, rtol=1e-4, atol=1e-5)
    together = run(name, plain, x, weight=TIMES, pad=8).apply(x)
    for unknown in (-1, np.nan, 7):
        np.testing.assert_allclose(fitted.apply(x, np.full(N, unknown)), together, rtol=1e-5, atol=1e-5)


def test_a_group_without_values_is_scaled_by_all(run):
    group = np.where(np.arange(N) < 60, 0, 1)
    x = X[:, :1].copy()
    x[group == 1] = np.nan
    fitted = run("standardize", standardize.Spec(per="g"), x, per=group)
    np.testing.assert_allclose(fitted.params.mean[1], fitted.params.mean[2])
    assert fitted.params.scale[1] == fitted.params.scale[2]


# ---- missing values --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent", "constant"])
def test_impute_is_scikit_learns(run, strategy):
    from sklearn.impute import SimpleImputer

    x = X.copy()
    x[::7, 1] = np.nan
    repeated = np.repeat(x, TIMES, axis=0)
    reference = SimpleImputer(
        strategy=strategy, add_indicator=True, fill_value=-7.0 if strategy == "constant" else None
    )
    reference.fit(repeated.astype("f8"))
    spec = impute.Spec(impute.Constant(-7.0) if strategy == "constant" else strategy, indicator=True)
    fitted = run("impute", spec, x, weight=TIMES, pad=8)
    out = fitted.apply(x)
    assert [c.name for c in fitted.names] == [f"x{j}" for j in range(4)] + [f"x{j}_missing" for j in range(4)]
    # Its indicators are those of the columns that miss values; ours of other columns are not active.
    np.testing.assert_allclose(out[:, fitted.params.active], reference.transform(x.astype("f8")), rtol=1e-6)
    np.testing.assert_array_equal(fitted.info.missing, np.isnan(repeated).sum(0))


def test_impute_ties_take_the_least_value(run):
    x = np.asarray([[2.0, 5], [2, 5], [1, -5], [1, -5], [np.nan, 9]])
    assert run("impute", impute.Spec("most_frequent"), x).params.fill.tolist() == [1, -5]
    heavy = run("impute", impute.Spec("most_frequent"), x, weight=[1, 2, 1, 1, 9])
    assert heavy.params.fill.tolist() == [2, 9]


def test_impute_leaves_out_what_has_no_value(run):
    x = X.copy()
    x[:, 0] = np.nan
    fitted = run("impute", impute.Spec("median", indicator=True), x)
    assert fitted.params.active.tolist() == [False, True, True, True, False, False, True, False]
    assert (fitted.apply(x)[:, 0] == 0).all()
    assert run("impute", impute.Spec(impute.Constant(3.0)), x).params.active.all()


def test_impute_fills_levels(run):
    known = run("impute", impute.Spec(impute.Constant("no")), CODES[:, 1:], columns=CATEGORICAL[1:])
    assert known.names[0].levels == ("no", "some", "yes")
    assert known.apply([[np.nan]])[0, 0] == 0
    spec = impute.Spec(impute.Constant("unknown"))
    added = run("impute", spec, CODES, columns=CATEGORICAL)
    assert [c.levels for c in added.names] == [("a", "b", "c", "unknown"), ("no", "some", "yes", "unknown")]
    assert added.apply(np.full((1, 2), np.nan)).tolist() == [[3, 3]]
    frequent = run("impute", impute.Spec("most_frequent"), CODES, columns=CATEGORICAL)
    present = CODES[:, 0][~np.isnan(CODES[:, 0])]
    assert frequent.params.fill[0] == np.bincount(present.astype(int)).argmax()
    binary = (NamedColumn("b", "binary", ("no", "yes")), NamedColumn("c", "continuous"))
    assert impute.bind(impute.Spec(impute.Constant(1.0)), binary).strategy.codes == (1.0, 1.0)


@pytest.mark.parametrize(
    ("strategy", "column", "words"),
    [
        ("mean", CATEGORICAL[0], "expected most_frequent or constant"),
        (impute.Constant("none"), NamedColumn("n", "continuous"), "expected a number"),
        (
            impute.Constant("huge"),
            NamedColumn("o", "ordinal", ("low", "high")),
            'expected a level of `o` ("low", "high")',
        ),
    ],
)
def test_impute_refuses_what_does_not_suit_the_column(strategy, column, words):
    problems = impute.bind(impute.Spec(strategy), (column,))
    assert all(isinstance(p, Problem) for p in problems)
    assert problems[0].message.startswith(words)


# ---- encoding --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("drop_which", ["none", "first", "if_binary"])
def test_one_hot_is_scikit_learns(run, drop_which):
    from sklearn.preprocessing import OneHotEncoder

    codes = np.c_[CODES[:, 1], CODES[:, 1] % 2].astype(np.float32)
    columns = (CATEGORICAL[1], NamedColumn("b", "binary", ("no", "yes")))
    reference = OneHotEncoder(drop=None if drop_which == "none" else drop_which, sparse_output=False)
    expected = reference.fit_transform(codes)
    fitted = run("one_hot", one_hot.Spec(drop=drop_which), codes, columns=columns)
    np.testing.assert_array_equal(fitted.apply(codes), expected)
    labels = [*(f"q_{v}" for v in LEVELS[1]), "b_no", "b_yes"]
    left_out = {"none": [], "first": ["q_no", "b_no"], "if_binary": ["b_no"]}[drop_which]
    assert [c.name for c in fitted.names] == [v for v in labels if v not in left_out]
    assert {c.type for c in fitted.names} == {"binary"}


def test_one_hot_of_missing_unseen_and_rare_levels(run):
    codes = np.repeat([0.0, 1, 2], [50, 4, 1])[:, None]
    column = CATEGORICAL[:1]
    fitted = run("one_hot", one_hot.Spec(min_count=5), codes, columns=column, weight=np.where(codes[:, 0] == 1, 2, 1))
    assert fitted.params.active.tolist() == [True, True, False]
    assert fitted.info.mass.tolist() == [50, 8, 1]
    rows = [[0], [1], [2], [-1], [np.nan]]
    assert fitted.apply(rows).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]]
    absent = run("one_hot", one_hot.Spec(), codes, columns=column, weight=codes[:, 0] != 1)
    assert absent.params.active.tolist() == [True, False, True]


def test_ordinal_encode_keeps_ranks(run):
    from sklearn.preprocessing import OrdinalEncoder

    letters = np.asarray(LEVELS[0])[CODES[1:8, :1].astype(int)]
    expected = OrdinalEncoder().fit(np.asarray(LEVELS[0])[:, None]).transform(letters)
    fitted = run("ordinal_encode", ordinal_encode.Spec(), CODES[:, :1], columns=CATEGORICAL[:1])
    np.testing.assert_array_equal(fitted.apply(CODES[1:8, :1]), expected)
    assert fitted.names == (NamedColumn("p", "ordinal", LEVELS[0]),)
    other = run("ordinal_encode", ordinal_encode.Spec(unseen=9.0), CODES[:, :1], columns=CATEGORICAL[:1])
    np.testing.assert_array_equal(other.apply([[-1], [2], [np.nan]]), [[9], [2], [np.nan]])


def test_drop_and_keep_say_what_they_select():
    assert [m.mldsl_components()[0].selects for m in (drop, keep)] == ["drop", "keep"]
