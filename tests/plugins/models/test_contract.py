"""What every model keeps, whatever it computes: the meaning of weights, padding, folds, settings, and hard cases."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mldsl_plugins.baseline import constant
from mldsl_plugins.bayes import gaussian_naive_bayes
from mldsl_plugins.clustering import k_means
from mldsl_plugins.linear import logistic_regression, ridge

from mldsl.contract import ColumnShape, Shape, as_tree
from mldsl.contract import sharded as in_shards

rng = np.random.default_rng(0)
N, D, K, PAD = 90, 4, 3, 102
LABEL = rng.integers(0, K, N)
X = rng.normal(size=(N, D)) + 1.5 * rng.normal(size=(K, D))[LABEL] + 5
Y = X @ [1.0, -2.0, 0.5, 0.0] + rng.normal(size=N)
TIMES = np.asarray([1, 2, 0, 3])[np.arange(N) % 4]

# name -> (Spec, target, classes, a traced field and other values of it)
CASES = {
    "constant_prior": ("constant", constant.Spec(), LABEL, K, None),
    "constant_most_frequent": ("constant", constant.Spec("most_frequent"), LABEL, K, None),
    "constant_mean": ("constant", constant.Spec("mean"), Y, 0, None),
    "constant_quantile": ("constant", constant.Spec(constant.Quantile(0.3)), Y, 0, None),
    "gaussian_naive_bayes": ("gaussian_naive_bayes", gaussian_naive_bayes.Spec(), LABEL, K, ("smoothing", [1e-9, 0.1])),
    "k_means": ("k_means", k_means.Spec(3), None, 0, ("tol", [1e-4, 0.5])),
    "logistic": ("logistic_regression", logistic_regression.Spec(), LABEL % 2, 2, ("l2", [0.1, 10.0])),
    "multinomial": ("logistic_regression", logistic_regression.Spec(0.5), LABEL, K, ("l2", [0.1, 10.0])),
    "lbfgs": ("logistic_regression", logistic_regression.Spec(solver="lbfgs"), LABEL, K, None),
    "ridge": ("ridge", ridge.Spec(), Y, 0, ("l2", [0.1, 10.0])),
    "ols": ("ridge", ridge.Spec(0.0), Y, 0, None),
}
TRACED = [name for name, case in CASES.items() if case[4]]
STARTED_BY_PLACE = {"k_means"}  # its exception: the start draws rows by their place
# Iterative solvers stop at a tolerance: agreement to it, not to rounding.
LOOSE = {"lbfgs": 2e-3}


@pytest.fixture(params=CASES)
def case(request, run):
    """Fits the case with other rows, weights or padding."""
    name, spec, target, classes, _ = CASES[request.param]

    def fit(x=X, y=target, **more):
        return run(name, spec, x, y, classes=classes, **{"pad": PAD, **more})

    fit.name, fit.target = request.param, target
    return fit


def same(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def close(a, b, rtol):
    def compare(u, v):
        if np.issubdtype(np.asarray(u).dtype, np.floating):
            np.testing.assert_allclose(u, v, rtol=rtol, atol=rtol * (np.nanmax(np.abs(v)) if np.size(v) else 1))

    jax.tree.map(compare, a, b)


def without_history(info):
    """How many steps a solver took may differ by one where rounding decides when it stops."""
    return info._replace(**{f: 0.0 for f in info._fields if f.endswith("_history") or f == "iterations"})


def tolerance(fit):
    return LOOSE.get(fit.name, 1e-8 if fit().x64 else 2e-5)


def test_rows_of_weight_0_leave_the_same_bits(case):
    weight = np.where(np.arange(N) % 5 == 0, 0, 1)
    target = case.target
    junk = np.where(weight[:, None] > 0, X, rng.choice([-1e15, 0, 1e15], X.shape))
    junk_y = None if target is None else np.where(weight > 0, target, 1 if target.dtype.kind == "i" else -1e15)
    before, after = case(weight=weight), case(junk, junk_y, weight=weight)
    same(before.params, after.params)
    same(before.info, after.info)


def test_doubling_is_repeating(case):
    y = None if case.target is None else np.repeat(case.target, TIMES)
    repeated = case(np.repeat(X, TIMES, axis=0), y, pad=N + PAD - TIMES.sum())
    weighted = case(weight=TIMES)
    close(repeated.params, weighted.params, tolerance(case))
    close(without_history(repeated.info), without_history(weighted.info), 10 * tolerance(case))


def test_padding_changes_no_more_than_rounding(case):
    close(case().params, case(pad=PAD + 64).params, tolerance(case))


def test_order_of_rows_changes_no_more_than_rounding(case):
    if case.name in STARTED_BY_PLACE:
        pytest.skip("a declared exception")
    order = rng.permutation(N)
    y = None if case.target is None else case.target[order]
    close(case().params, case(X[order], y).params, tolerance(case))


def test_inactive_columns_change_nothing(case):
    active = np.asarray([True, True, False, True])
    with_junk = np.where(active, X, 7 * X**2)
    before, after = case(active=active), case(with_junk, active=active)
    same(before.params, after.params)
    same(before.info, after.info)
    zeroed = np.where(active, X, 0)
    without = case(X[:, active])
    close(before.predict(zeroed), without.predict(X[:, active]), 10 * tolerance(case))


def test_same_key_same_bits_and_dtype_kept(case):
    one, two = case(key=3), case(key=3)
    same(one.params, two.params)
    for leaf in jax.tree.leaves((one.params, one.predict(X))):
        if np.issubdtype(leaf.dtype, np.floating):
            assert leaf.dtype == one.dtype


def test_equal_shapes_compile_once(case):
    fit = case().fit
    before = fit._cache_size()
    case(X * 2 + 1, weight=TIMES, key=5)
    assert fit._cache_size() == before


@pytest.mark.parametrize("name", TRACED)
def test_a_traced_field_changes_without_compiling(name, run):
    model, spec, target, classes, (field, values) = CASES[name]
    fits = [run(model, type(spec)(**{**_fields(spec), field: v}), X, target, classes=classes, pad=PAD) for v in values]
    assert fits[0].fit._cache_size() == fits[-1].fit._cache_size()
    before = fits[0].fit._cache_size()
    again = run(model, type(spec)(**{**_fields(spec), field: values[0] * 1.5}), X, target, classes=classes, pad=PAD)
    assert again.fit._cache_size() == before


def _fields(spec):
    return {a.name: getattr(spec, a.name) for a in spec.__attrs_attrs__}


def stacked(fit, specs, weights):
    """One program over stacked settings and fold weights."""
    with jax.enable_x64(fit.x64):
        spec = jax.tree.map(lambda *leaves: jnp.stack(leaves), *specs)
        plain = fit.fit.__wrapped__  # compiler options belong to the outermost program
        examples = jax.tree.map(jnp.asarray, fit.examples)
        of = lambda s, w: plain(s, jax.random.key(0), fit.shape, examples._replace(weight=w))[0]  # noqa: E731
        return jax.tree.map(np.asarray, jax.jit(jax.vmap(of))(spec, weights))


@pytest.mark.parametrize("name", [n for n in TRACED if n != "k_means"])
def test_vmap_over_settings_and_folds_is_the_loop(name, run):
    model, spec, target, classes, (field, values) = CASES[name]
    folds = np.stack([np.arange(N) % 3 != f for f in range(len(values))]).astype(float)
    fits = [
        run(model, type(spec)(**{**_fields(spec), field: v}), X, target, classes=classes, pad=PAD, weight=w)
        for v, w in zip(values, folds, strict=True)
    ]
    together = stacked(fits[0], [f.spec for f in fits], np.stack([f.examples.weight for f in fits]))
    loop = jax.tree.map(lambda *a: np.stack(a), *[f.params for f in fits])
    close(together, loop, 1e-7 if fits[0].x64 else 1e-4)


@pytest.mark.skipif(jax.device_count() < 2, reason="needs two (logical) devices")
def test_shards_add_up(case):
    whole = case()
    if not whole.component.shards:
        pytest.skip("not declared")
    rows, everywhere = jax.sharding.PartitionSpec("rows"), jax.sharding.PartitionSpec()
    layout = type(whole.examples)(
        **{
            part: None if value is None else (everywhere if part == "active" else rows)
            for part, value in whole.examples._asdict().items()
        }
    )

    def one(spec, examples):
        with in_shards("rows"):
            return whole.component.fit(spec, jax.random.key(0), whole.shape, examples)

    mesh = jax.sharding.Mesh(np.asarray(jax.devices()[:2]), ("rows",))
    with jax.enable_x64(whole.x64):
        fit = jax.shard_map(one, mesh=mesh, in_specs=(everywhere, layout), out_specs=everywhere, check_vma=False)
        params, info = jax.tree.map(np.asarray, jax.jit(fit)(whole.spec, whole.examples))
    close(params, whole.params, tolerance(case))
    close(without_history(info), without_history(whole.info), 10 * tolerance(case))


HARD = {
    "one_row": (X[:1], slice(0, 1)),
    "constant_columns": (np.full((N, D), 3.5), slice(None)),
    "one_constant_column": (np.concatenate([X[:, :3], np.full((N, 1), -2e6)], axis=1), slice(None)),
    "more_columns_than_rows": (X[:3], slice(0, 3)),
    "large_numbers": (X * 1e6 + 1e9, slice(None)),
}


@pytest.mark.parametrize("hard", HARD)
def test_hard_inputs_give_finite_predictions(case, hard):
    x, rows = HARD[hard]
    y = None if case.target is None else case.target[rows]
    fitted = case(x, y, pad=N + PAD - len(x))
    for part, leaf in fitted.predict(x)._asdict().items():
        if leaf is not None and part != "score":
            assert np.isfinite(leaf).all(), part


def test_one_value_of_the_target(case):
    if case.target is None:
        pytest.skip("no target")
    fitted = case(y=np.full_like(case.target, 1))
    answer = fitted.predict(X)
    if answer.probability is not None:
        assert (answer.probability.argmax(1) == 1).all()
        np.testing.assert_allclose(answer.probability.sum(1), 1, rtol=1e-5)
    else:
        np.testing.assert_allclose(answer.mean, 1, rtol=1e-6)


def test_no_row_at_all_is_finite(case):
    for leaf in jax.tree.leaves(case(weight=np.zeros(N)).predict(X)):
        assert not np.isnan(leaf).any() or case.name.startswith("constant")


@pytest.mark.parametrize(
    ("module", "spec", "shape", "parameter"),
    [
        (constant, constant.Spec("mean"), {"classes": 2}, "strategy"),
        (constant, constant.Spec("prior"), {}, "strategy"),
        (k_means, k_means.Spec(11), {}, "clusters"),
        (gaussian_naive_bayes, gaussian_naive_bayes.Spec(priors=(0.5, 0.2)), {"classes": 2}, "priors"),
        (gaussian_naive_bayes, gaussian_naive_bayes.Spec(priors=(0.5, 0.5)), {"classes": 3}, "priors"),
        (logistic_regression, logistic_regression.Spec(), {"classes": 1}, "target"),
        (logistic_regression, logistic_regression.Spec(solver="newton"), {"classes": 2, "columns": 5001}, "solver"),
            (logistic_regression, logistic_regression.Spec(), {"classes": 3, "offset": True}, "offset"),
            (logistic_regression, logistic_regression.Spec(solver="stochastic"), {"classes": 2, "wide": 9}, "solver"),
    ],
)  # fmt: skip
def test_what_sizes_rule_out_is_said_before_anything_is_compiled(module, spec, shape, parameter):
    columns = tuple(ColumnShape(str(j)) for j in range(shape.get("columns", 3)))
    given = Shape(10, columns, shape.get("classes", 0), offset=shape.get("offset", False), wide=shape.get("wide", 0))
    problems = list(module.mldsl_components()[0].check(spec, given))
    assert [p.parameter for p in problems] == [parameter]
    assert "expected" in problems[0].message
    assert "found" in problems[0].message


def test_checks_let_sound_settings_pass():
    assert not list(constant.check(constant.Spec("median"), Shape(10)))
    assert not list(k_means.check(k_means.Spec(10), Shape(10)))
    assert not list(logistic_regression.check(logistic_regression.Spec(), Shape(10, classes=2)))
    assert not list(
        gaussian_naive_bayes.mldsl_components()[0].check(
            gaussian_naive_bayes.Spec(priors=(0.3, 0.7)), Shape(10, classes=2)
        )
    )
    assert as_tree(k_means.Spec(3)).clusters == 3
