"""correlation_matrix agrees with SciPy and pandas on real data, missing cells and weights included."""

import attrs
import numpy as np
import polars as pl
import pytest
from mldsl_plugins.reports import _correlation, correlation_matrix
from mldsl_plugins.reports._correlation import intervals, kendall, p_of_z, p_values, pearson, spearman
from mldsl_plugins.reports._statistics import corrected
from scipy import stats

from mldsl.plan import ColumnPlan

NUMBERS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g", "year"]


@pytest.fixture(scope="module")
def penguins():
    frame = pl.read_csv("examples/data/penguins.csv").with_columns(pl.col("year").cast(pl.Int64))
    # Cells of different columns are missing in different rows, so that pairs differ in what they have.
    return frame.with_columns(
        pl.when(pl.int_range(pl.len()) % 7 == 0).then(None).otherwise(pl.col("year")).alias("year")
    )


@pytest.fixture(scope="module")
def cells(penguins):
    x = penguins.select(pl.col(NUMBERS).cast(pl.Float64)).to_numpy()
    assert np.isnan(x).any()
    return x


def view_of(build, frame, *more, **facts):
    columns = [ColumnPlan(name, "continuous", missing=True) for name in frame.columns if name in NUMBERS]
    return build.view("regression", [], frame=frame, columns=[*columns, *more], target="body_mass_g", **facts)


@pytest.mark.parametrize(("name", "function"), [("pearson", pearson), ("spearman", spearman)])
def test_pairwise_complete_as_pandas(name, function, cells, penguins, agreement) -> None:
    expected = penguins.select(NUMBERS).to_pandas().corr(method=name).to_numpy()
    found = function(cells, np.ones(len(cells)))
    agreement("report.correlation_matrix", name, found, expected, reference="pandas", data="penguins", relative=1e-12)


def test_kendall_as_scipy(cells, agreement) -> None:
    tau, z = kendall(cells, np.ones(len(cells)))
    found, expected = [], []
    for i in range(len(NUMBERS)):
        for j in range(i):
            both = np.isfinite(cells[:, [i, j]]).all(axis=1)
            theirs = stats.kendalltau(*cells[both][:, [i, j]].T, method="asymptotic")
            found.append([tau[i, j], p_of_z(z[i : i + 1, j])[0]])
            expected.append([theirs.statistic, theirs.pvalue])
    place = {"reference": "scipy", "data": "penguins"}
    found, expected = np.array(found), np.array(expected)
    agreement("report.correlation_matrix", "kendall", found[:, 0], expected[:, 0], relative=1e-12, **place)
    agreement("report.correlation_matrix", "kendall p", found[:, 1], expected[:, 1], relative=1e-9, **place)


def test_kendall_is_the_same_block_by_block(cells, monkeypatch) -> None:
    weight = np.random.default_rng(0).integers(1, 4, len(cells)).astype(float)
    whole = kendall(cells, weight)
    monkeypatch.setattr(_correlation, "_BLOCK", 30 * cells.size)
    for ours, theirs in zip(kendall(cells, weight), whole, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("name", ["pearson", "spearman"])
def test_p_and_interval_as_scipy(name, cells, agreement) -> None:
    x = cells[np.isfinite(cells).all(axis=1)][:, :4]
    function = {"pearson": pearson, "spearman": spearman}[name]
    theirs = {"pearson": stats.pearsonr, "spearman": stats.spearmanr}[name](x[:, 0], x[:, 1])
    r = function(x, np.ones(len(x)))[:1, 1]
    rows = np.array([float(len(x))])
    agreement(
        "report.correlation_matrix", f"{name} p", p_values(r, rows), [theirs.pvalue], reference="scipy", data="penguins"
    )
    if name == "pearson":
        low, high = intervals(r, rows, "pearson", 0.9)
        agreement(
            "report.correlation_matrix", "interval", [low[0], high[0]], list(theirs.confidence_interval(0.9)),
            reference="scipy", data="penguins",
        )  # fmt: skip


@pytest.mark.parametrize("function", [pearson, spearman, lambda x, w: kendall(x, w)[0], lambda x, w: kendall(x, w)[1]])
def test_a_weight_is_so_many_rows(function, cells) -> None:
    x = cells[:120, [0, 1, 4]]
    weight = np.random.default_rng(0).integers(1, 4, len(x)).astype(float)
    repeated = np.repeat(x, weight.astype(int), axis=0)
    expected = function(repeated, np.ones(len(repeated)))
    np.testing.assert_allclose(function(x, weight), expected, rtol=1e-11)
    assert not np.allclose(function(x, np.ones(len(x))), expected, rtol=1e-3, equal_nan=True)


def test_rows_of_weight_zero_and_of_other_parts_are_not_looked_at(penguins, build) -> None:
    frame = penguins.with_columns(w=pl.when(pl.int_range(pl.len()) < 300).then(2.0).otherwise(0.0))
    part = np.where(np.arange(frame.height) < 200, "train", "test")
    weighted = view_of(build, frame, ColumnPlan("w", "continuous", role="weight"), part=part)
    plain = view_of(build, penguins[:200], part=part[:200])
    spoilt = frame.with_columns(pl.when(pl.int_range(pl.len()) < 200).then(pl.col(NUMBERS)).otherwise(1e15))
    spec = correlation_matrix.Spec()
    output = correlation_matrix.compute(spec, weighted)
    assert build.cells(output, 1) == build.cells(
        correlation_matrix.compute(spec, attrs.evolve(weighted, frame=spoilt)), 1
    )
    ours, theirs = build.cells(output), build.cells(correlation_matrix.compute(spec, plain))
    assert ours["correlation"] == pytest.approx(theirs["correlation"])
    assert np.array(ours["rows"]) == pytest.approx(2 * np.array(theirs["rows"]))
    assert ours["95% low"][-1] > theirs["95% low"][-1]
    assert "200 training rows that count 400" in output.tables[0].title


def test_corrections_as_statsmodels() -> None:
    from statsmodels.stats.multitest import multipletests

    p = np.array([0.04, 0.001, 0.02, np.nan, 0.8, 0.02])
    known = p[np.isfinite(p)]
    for ours, theirs in (("holm", "holm"), ("bonferroni", "bonferroni"), ("benjamini_hochberg", "fdr_bh")):
        np.testing.assert_allclose(corrected(p, ours)[np.isfinite(p)], multipletests(known, method=theirs)[1])
    assert np.isnan(corrected(p, "holm")[3])
    np.testing.assert_array_equal(corrected(p, "none"), p)


def test_columns_with_levels_are_places_or_have_cramers_v(build) -> None:
    frame = pl.read_csv("examples/data/titanic.csv")
    columns = [
        ColumnPlan("survived", "binary", role="target", levels=("died", "survived")), ColumnPlan("sex", "categorical"),
        ColumnPlan("pclass", "ordinal", levels=("3rd", "2nd", "1st")), ColumnPlan("age", "continuous", missing=True),
    ]  # fmt: skip
    view = build.view("classification", [], ["died", "survived"], frame, columns, target="survived")
    output = correlation_matrix.compute(correlation_matrix.Spec(categorical=True), view)
    found = build.cells(output)
    theirs = frame.select(
        (pl.col("survived") == "survived").cast(int), pl.col("pclass").replace_strict({"3rd": 0, "2nd": 1, "1st": 2})
    ).to_pandas()
    place = [f == ("survived", "pclass") for f in zip(found["column"], found["with"], strict=True)].index(True)
    assert found["correlation"][place] == pytest.approx(theirs.corr().to_numpy()[0, 1])
    table = {t.name: t for t in output.tables}["cramers_v"]
    v = {c.name: list(c.values) for c in table.columns}
    crosstab = frame.to_pandas().groupby(["survived", "sex"]).size().unstack().to_numpy()
    plain = stats.contingency.association(crosstab, method="cramer", correction=False)
    assert v["with"][0] == "sex"
    assert v["Cramér's V"][0] == pytest.approx(plain, abs=0.002)  # the bias of two times two cells is small
    assert [f.name for f in output.figures] == ["", "cramers_v"]


def test_cramers_v_of_independent_columns_is_not_above_chance(build) -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({c: [f"l{i}" for i in rng.integers(0, 12, 300)] for c in "ab"})
    view = build.view(
        "classification", [], frame=frame, columns=[ColumnPlan(c, "categorical") for c in "ab"], target=None
    )
    output = correlation_matrix.compute(correlation_matrix.Spec(categorical=True), view)
    assert build.cells(output)["Cramér's V"][0] < 0.08  # without the correction it is 0.19
    assert "no pair to compare" in output.notes[0]


def test_columns_that_do_not_vary_are_left_out_and_many_are_drawn_in_another_order(build) -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(size=(300, 3))
    frame = pl.DataFrame(
        {f"c{i}": base[:, i % 3] + 0.3 * rng.normal(size=300) for i in range(15)} | {"flat": np.full(300, 0.1)}
    )
    view = build.view("regression", [], frame=frame, columns=[ColumnPlan(c, "continuous") for c in frame.columns])
    output = correlation_matrix.compute(correlation_matrix.Spec(), view)
    assert output.notes == ["Left out, since they do not vary: `flat`."]
    labels = [int(name[1:]) % 3 for name in output.figures[0].panels[0].x_labels]
    assert sorted(labels) in (labels, labels[::-1]) or sum(np.diff(labels) != 0) == 2  # groups stand together


def test_problems_before_anything_is_read() -> None:
    class Plan:
        columns = (ColumnPlan("a", "categorical"), ColumnPlan("b", "text"), ColumnPlan("c", "ordinal"))

    spec = correlation_matrix.Spec(columns=("a", "c"))
    (problem,) = correlation_matrix.check(spec, Plan())
    assert "`a`, which is categorical (`categorical = true` shows its Cramér's V)" in problem.message
    assert not list(correlation_matrix.check(attrs.evolve(spec, categorical=True), Plan()))
    assert len(list(correlation_matrix.check(correlation_matrix.Spec(columns=("b",)), Plan()))) == 2
