"""simpsons_paradox finds the famous reversals unprompted, agrees with statsmodels, and stays silent on noise."""

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import statsmodels.formula.api as smf
from mldsl_plugins.reports import simpsons_paradox
from mldsl_plugins.reports._paradox import Sums, judge, odds_ratios, sums_between
from mldsl_plugins.reports._statistics import two_sided_quantile
from statsmodels.stats.contingency_tables import StratifiedTable

from mldsl.plan import ColumnPlan

ADMIT = ColumnPlan("admit", "binary", role="target", levels=("Rejected", "Admitted"))
BERKELEY = [ADMIT, ColumnPlan("gender", "categorical"), ColumnPlan("dept", "categorical")]
LENGTHS = ["bill_length_mm", "flipper_length_mm", "body_mass_g"]


@pytest.fixture(scope="module")
def cells():
    return pl.read_csv("examples/data/ucb_admissions.csv")


def berkeley(build, frame, **facts):
    columns = [*BERKELEY, *([ColumnPlan("freq", "integer", role="weight")] if "freq" in frame.columns else [])]
    given = {"target": "admit", "frame": frame, "columns": columns, "part": np.array(["train"] * frame.height)}
    return build.view("classification", [], ["Rejected", "Admitted"], **(given | facts))


@pytest.fixture(scope="module")
def penguins(build):
    frame = pl.read_csv("examples/data/penguins.csv").drop_nulls()
    columns = [ColumnPlan("bill_depth_mm", "continuous", role="target"), ColumnPlan("species", "categorical")]
    columns += [ColumnPlan(name, "continuous") for name in LENGTHS]
    part = np.array(["train"] * frame.height)
    return build.view("regression", [], frame=frame, columns=columns, target="bill_depth_mm", part=part)


def test_berkeley_is_found_and_told_in_a_sentence(cells, build) -> None:
    output = simpsons_paradox.compute(simpsons_paradox.Spec(), berkeley(build, cells))
    (sentence,) = output.warnings
    assert sentence == (
        "Overall `Admitted` comes less often among `Female` (30.4% of 1,835) than among `Male` (44.5% of 2,691), "
        "yet in 4 of 6 levels of `dept` more often: A (82.4% against 62.1%), B (68.0% against 63.0%), "
        "D (34.9% against 33.1%), F (7.0% against 5.9%)."
    )
    assert build.cells(output)["reversal"] == ["partial"]
    assert "(A, B: 64.0%) are 7% of `Female` and 51% of `Male`" in output.notes[0]
    assert "which may be none; it is A" in output.notes[1]
    assert "16 comparisons of 24 training rows that count 4,526" in output.notes[2]
    assert [p.title for p in output.figures[0].panels] == ["Overall", "Within dept"]
    bars = output.figures[0].panels[1].series
    assert [round(float(v), 3) for v in bars[0].y] == [0.824, 0.680, 0.341, 0.349, 0.239, 0.070]


def test_odds_ratios_as_statsmodels(cells, agreement) -> None:
    frame = cells.sort("dept", "gender", "admit")
    counts = frame["freq"].to_numpy().reshape(6, 2, 2).astype(float)  # dept, gender, (Admitted, Rejected)
    table = np.stack([counts.sum(axis=2), counts[:, :, 0], counts[:, :, 0]])
    crude, pooled = odds_ratios(table, 0, 1, two_sided_quantile(0.95, np.inf))
    theirs = StratifiedTable([counts[s] for s in range(6)])
    expected = [theirs.oddsratio_pooled, *theirs.oddsratio_pooled_confint()]
    agreement(
        "report.simpsons_paradox", "Mantel-Haenszel odds ratio", pooled, expected, reference="statsmodels",
        data="ucb_admissions",
    )  # fmt: skip
    whole = counts.sum(axis=0)
    assert crude[0] == pytest.approx(whole[0, 0] * whole[1, 1] / (whole[0, 1] * whole[1, 0]))


def test_a_weight_is_so_many_rows_and_weight_zero_none(cells, build) -> None:
    weighted = simpsons_paradox.compute(simpsons_paradox.Spec(), berkeley(build, cells))
    repeated = cells.select(pl.exclude("freq").repeat_by("freq")).explode(pl.all())
    plain = simpsons_paradox.compute(simpsons_paradox.Spec(), berkeley(build, repeated))
    assert plain.warnings == weighted.warnings
    assert build.cells(plain, 1)["95% low"] == pytest.approx(build.cells(weighted, 1)["95% low"])
    nothing = [pl.lit("Admitted").alias("admit"), pl.lit(0, pl.Int64).alias("freq")]
    ghosts = pl.concat([cells, cells.with_columns(nothing)])
    again = simpsons_paradox.compute(simpsons_paradox.Spec(), berkeley(build, ghosts))
    assert again.warnings == weighted.warnings
    assert not simpsons_paradox.compute(
        simpsons_paradox.Spec(), berkeley(build, cells.with_columns(pl.lit(1).alias("freq")))
    ).warnings


def test_only_training_rows_are_looked_at(cells, build) -> None:
    both = pl.concat([cells, cells.with_columns(pl.lit("Admitted").alias("admit"))])
    part = np.array(["train"] * 24 + ["test"] * 24)
    expected = simpsons_paradox.compute(simpsons_paradox.Spec(), berkeley(build, cells)).warnings
    assert simpsons_paradox.compute(simpsons_paradox.Spec(), berkeley(build, both, part=part)).warnings == expected


def test_slopes_of_penguins_turn_within_species(penguins, build, agreement) -> None:
    output = simpsons_paradox.compute(simpsons_paradox.Spec(), penguins)
    found = build.cells(output)
    assert set(found["group"]) == set(LENGTHS)
    assert set(found["by"]) == {"species"}
    assert set(found["reversal"]) == {"full"}
    assert any("yet within all 3 levels of `species` it rises: Adelie" in w for w in output.warnings)
    spec = simpsons_paradox.Spec(group="bill_length_mm", by="species")
    one = simpsons_paradox.compute(spec, penguins)
    slopes = build.cells(one, 1)
    data = penguins.frame.to_pandas()
    expected = []
    for name in sorted(set(data.species)):
        fit = smf.ols("bill_depth_mm ~ bill_length_mm", data[data.species == name]).fit()
        expected.append([fit.params.iloc[1], fit.bse.iloc[1]])
    fit = smf.ols("bill_depth_mm ~ bill_length_mm + C(species)", data).fit()
    expected = np.array(expected)
    reach = (np.array(slopes["95% high"]) - np.array(slopes["95% low"])) / 2 / two_sided_quantile(0.95, np.inf)
    ours = np.column_stack([slopes["slope"], reach])[:3]
    place = {"reference": "statsmodels", "data": "penguins"}
    agreement("report.simpsons_paradox", "slopes within levels", ours, expected, relative=1e-8, **place)
    common = slopes["slope"][slopes["species"].index("within levels")]
    agreement("report.simpsons_paradox", "common slope", common, fit.params["bill_length_mm"], relative=1e-8, **place)
    whole = smf.ols("bill_depth_mm ~ bill_length_mm", data).fit().params.iloc[1]
    assert slopes["slope"][-1] == pytest.approx(whole)


def test_noise_raises_no_alarm(build) -> None:
    alarms = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        n = 400
        frame = pl.DataFrame(
            {"y": rng.normal(size=n), **{c: rng.normal(size=n) for c in "ab"},
             **{c: [f"l{i}" for i in rng.integers(0, 4, n)] for c in "cde"}}
        )  # fmt: skip
        columns = [ColumnPlan("y", "continuous", role="target"), *(ColumnPlan(c, "continuous") for c in "ab")]
        columns += [ColumnPlan(c, "categorical") for c in "cde"]
        view = build.view("regression", [], frame=frame, columns=columns, part=np.array(["train"] * n))
        alarms += bool(simpsons_paradox.compute(simpsons_paradox.Spec(), view).warnings)
    assert alarms == 0


def test_what_only_vanishes_within_levels_is_no_reversal(build) -> None:
    rng = np.random.default_rng(0)
    by = rng.integers(0, 3, 3000)
    group = rng.random(3000) < 0.2 + 0.3 * by
    y = by + rng.normal(size=3000)
    frame = pl.DataFrame({"y": y, "g": np.where(group, "p", "q"), "b": by})
    columns = [ColumnPlan("y", "continuous", role="target"), ColumnPlan("g", "binary"), ColumnPlan("b", "integer")]
    view = build.view("regression", [], frame=frame, columns=columns, part=np.array(["train"] * 3000))
    output = simpsons_paradox.compute(simpsons_paradox.Spec(), view)
    assert not output.warnings
    assert not output.tables
    named = simpsons_paradox.compute(simpsons_paradox.Spec(group="g", by="b"), view)
    assert build.cells(named)["reversal"] == ["none"]
    assert abs(build.cells(named)["overall"][0]) > 0.3
    assert abs(build.cells(named)["within"][0]) < 0.1
    assert any("No reversal that the intervals support" in n or "does not reverse" in n for n in named.notes)


def shares(*strata) -> Sums:
    """Of (rows a, positive a, rows b, positive b) in each stratum."""
    na, ya, nb, yb = np.array(strata, float).T
    return sums_between(np.array([np.column_stack([na, nb]), *[np.column_stack([ya, yb])] * 2]), 0, 1)


@pytest.mark.parametrize(
    ("strata", "kind", "proof"),
    [
        # a is behind overall (0.32 against 0.68) and ahead in both, surely
        ([(1000, 900, 3000, 2300), (3000, 600, 1000, 80)], "full", "common"),
        # as before of a twentieth of the rows: the whole is sure, the levels are not
        ([(20, 17, 60, 46), (60, 9, 20, 2)], "", ""),
        # one level goes against the whole beyond doubt, the other contradicts it as surely
        ([(1000, 900, 3000, 2000), (3000, 300, 1000, 250)], "", ""),
        # all levels go the way of the whole
        ([(1000, 500, 1000, 700), (1000, 300, 1000, 500)], "", ""),
    ],
)
def test_what_supports_a_reversal(strata, kind, proof) -> None:
    verdict = judge(shares(*strata), groups=True, z=3.0, z_strata=3.2)
    assert verdict.whole.slope[0] < 0
    assert (verdict.kind, verdict.proof) == (kind, proof)


def test_a_level_that_contradicts_silences_another_that_speaks() -> None:
    three = [(500, 400, 1500, 900), (500, 251, 500, 250), (2000, 200, 200, 60)]
    verdict = judge(shares(*three), groups=True, z=3.0, z_strata=3.2)
    assert (verdict.opposite, len(verdict.strata.slope)) == (2, 3)
    assert verdict.kind == ""
    calm = judge(shares(*three[:2], (2000, 200, 200, 21)), groups=True, z=3.0, z_strata=3.2)
    assert calm.kind == "partial"


def test_numbers_to_look_within_are_cut_into_fifths(build) -> None:
    rng = np.random.default_rng(1)
    by = rng.normal(size=4000)
    x = by + rng.normal(size=4000)
    y = -2 * x + 6 * by + 0.2 * rng.normal(size=4000)
    frame = pl.DataFrame({"y": y, "x": x, "b": by})
    columns = [
        ColumnPlan("y", "continuous", role="target"),
        ColumnPlan("x", "continuous"),
        ColumnPlan("b", "continuous"),
    ]
    view = build.view("regression", [], frame=frame, columns=columns, part=np.array(["train"] * 4000))
    output = simpsons_paradox.compute(simpsons_paradox.Spec(group="x", by="b"), view)
    assert "fifths of `b` it falls" in output.warnings[0]


def test_mistakes_are_refused_before_anything_is_read() -> None:
    plan = SimpleNamespace(columns=[*BERKELEY, ColumnPlan("note", "text")], target="admit")
    spec = simpsons_paradox.Spec
    (same,) = simpsons_paradox.check(spec(group="dept", by="dept"), plan)
    assert (same.parameter, "other than `group`" in same.message) == ("by", True)
    (kind,) = simpsons_paradox.check(spec(by="note"), plan)
    assert "`note`, which is text" in kind.message
    (none,) = simpsons_paradox.check(spec(), SimpleNamespace(columns=[], target=None))
    assert none.parameter == "outcome"
