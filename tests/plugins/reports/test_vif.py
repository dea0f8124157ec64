"""vif agrees with statsmodels and with the definition of Fox and Monette; exact relations are named."""

from pathlib import Path
from types import SimpleNamespace

import attrs
import numpy as np
import polars as pl
import pytest
from mldsl_plugins.reports import vif
from statsmodels.stats.outliers_influence import variance_inflation_factor

from mldsl.driver import Options
from mldsl.driver import run as run_source
from mldsl.source import Source

LONGLEY = "../shared/data/longley.csv"


@attrs.frozen
class Design:
    """The part of a formula's design that the report reads."""

    terms: dict

    def positions(self):
        return self.terms


def fitted(build, x, names, weight=None, **facts):
    part = build.part("train", target=np.zeros(len(x)), inputs=x, weight=weight)
    return build.model("m", part, features=names, train=part, **facts)


def factors(build, x, names, weight=None, spec=None):
    output = vif.compute(spec or vif.Spec(), build.view("regression", [fitted(build, x, names, weight)]))
    found = build.cells(output)
    return dict(zip(found["column"], found["VIF"], strict=True)), output


@pytest.fixture(scope="module")
def wine():
    frame = pl.read_csv("examples/data/wine.csv").drop("cultivar")
    return frame.columns, frame.to_numpy().astype(float)


def test_as_statsmodels(wine, build, agreement) -> None:
    names, x = wine
    found, _ = factors(build, x, names)
    exog = np.column_stack([np.ones(len(x)), x])
    theirs = [variance_inflation_factor(exog, j + 1) for j in range(len(names))]
    ours = [found[name] for name in names]
    agreement("report.vif", "vif", ours, theirs, reference="statsmodels", data="wine", relative=1e-9)


def test_a_weight_is_so_many_rows(wine, build) -> None:
    names, x = wine
    weight = np.random.default_rng(0).integers(1, 4, len(x)).astype(float)
    found, _ = factors(build, x, names, weight)
    expected, _ = factors(build, np.repeat(x, weight.astype(int), axis=0), names)
    plain, _ = factors(build, x, names)
    assert [found[n] for n in names] == pytest.approx([expected[n] for n in names])
    assert found[names[0]] != pytest.approx(plain[names[0]], rel=1e-3)


def test_longley_warns_and_names_what_tells_the_same(build) -> None:
    try:
        frame = pl.read_csv(LONGLEY)
    except FileNotFoundError:
        pytest.skip("longley.csv is not here")
    names = [c for c in frame.columns if c.lower() != "employed"]
    found, output = factors(build, frame.select(names).to_numpy().astype(float), names)
    assert max(found.values()) == pytest.approx(1788.51, abs=0.01)  # R: car::vif(lm(Employed ~ ., longley)), GNP
    assert len(output.warnings) == 1
    assert "VIF above 10" in output.warnings[0]
    assert output.figures[0].panels[0].x_kind == "log"


def test_exact_relations_are_infinite_and_named(build) -> None:
    frame = pl.read_csv("examples/data/bike_sharing.csv").select("temp", "casual", "registered", "count", "humidity")
    found, output = factors(build, frame.to_numpy().astype(float), frame.columns)
    assert {n for n, v in found.items() if np.isinf(v)} == {"casual", "registered", "count"}
    assert "`count` = `casual` + `registered`, exactly" in output.warnings[0]
    assert set(build.cells(output)["goes most with"][:3]) == {
        "registered, count", "casual, count", "casual, registered",
    }  # fmt: skip
    x = frame.select("temp", "humidity", "casual", "registered").to_numpy().astype(float)
    expected = variance_inflation_factor(np.column_stack([np.ones(len(x)), x]), 1)
    assert found["temp"] == pytest.approx(expected)


def test_terms_of_a_formula_have_generalized_factors(build, agreement) -> None:
    frame = pl.read_csv("examples/data/penguins.csv").drop_nulls()
    species = [(frame["species"] == s).to_numpy().astype(float) for s in ("Chinstrap", "Gentoo")]
    x = np.column_stack([frame["bill_length_mm"], *species, frame["body_mass_g"], frame["sex"] == "male"]).astype(float)
    design = Design({"bill": (0,), "species": (1, 2), "mass": (3,), "sex": (4,)})
    part = build.part("train", target=np.zeros(len(x)), inputs=x)
    features = ("bill", "species_c", "species_g", "mass", "sex_male")
    model = build.model("m", part, features=features, train=part)
    found = vif._factors(attrs.evolve(model, design=design), x)
    corr = np.corrcoef(x.T)
    det = np.linalg.det
    expected = []
    for columns in design.terms.values():
        rest = [j for j in range(5) if j not in columns]
        gvif = det(corr[np.ix_(columns, columns)]) * det(corr[np.ix_(rest, rest)]) / det(corr)
        expected.append([gvif, gvif ** (1 / (2 * len(columns)))])
    ours = np.column_stack([found.factor, found.inflation])
    reference = {"reference": "definition of Fox and Monette", "data": "penguins"}
    agreement("report.vif", "gvif", ours, np.array(expected), relative=1e-9, **reference)


def test_models_of_one_matrix_are_shown_once_and_others_say_why(wine, build) -> None:
    names, x = wine
    one = fitted(build, x, names)
    sparse = attrs.evolve(one, name="texts", train=attrs.evolve(one.train, inputs={"text": x}))
    output = vif.compute(vif.Spec(), build.view("regression", [one, attrs.evolve(one, name="twin"), sparse]))
    assert len(output.figures) == 1
    assert output.notes[0].startswith("texts has no matrix")
    assert output.notes[1] == "twin has the same columns as m, and the same factors."


def test_a_plan_of_images_is_refused() -> None:
    column = SimpleNamespace(type="image")
    plan = SimpleNamespace(models=[SimpleNamespace(columns=[column])])
    (problem,) = vif.check(vif.Spec(), plan)
    assert "columns of image" in problem.message


PENGUINS = f"""mlp 1
data {{
  csv("{Path("examples/data").absolute()}/penguins.csv")
  where = not is_missing(sex)
}}
features {{
  body_mass_g: continuous as target
  bill_length_mm, flipper_length_mm: continuous
  species, sex: categorical
}}
split {{ test = 0% }}
model {{ ols(body_mass_g ~ bill_length_mm + flipper_length_mm + species + sex) }}
report {{
  vif
  influence
}}
"""


def test_a_formula_from_file_to_table(build, agreement) -> None:
    import statsmodels.formula.api as smf
    from statsmodels.stats.outliers_influence import OLSInfluence

    outputs = run_source(Source("<test>", PENGUINS), Options(keep=False)).outputs
    found = build.cells(outputs["vif"])
    data = pl.read_csv("examples/data/penguins.csv").drop_nulls().to_pandas()
    fit = smf.ols("body_mass_g ~ bill_length_mm + flipper_length_mm + species + sex", data).fit()
    names, x = fit.model.exog_names[1:], fit.model.exog[:, 1:]
    corr, det = np.corrcoef(x.T), np.linalg.det
    place = {"reference": "definition of Fox and Monette", "data": "penguins"}
    for term in ("bill_length_mm", "flipper_length_mm", "species", "sex"):
        mine = [j for j, name in enumerate(names) if name.startswith(term)]
        rest = [j for j in range(len(names)) if j not in mine]
        gvif = det(corr[np.ix_(mine, mine)]) * det(corr[np.ix_(rest, rest)]) / det(corr)
        i = found["term"].index(term)
        agreement("report.vif", "gvif of a formula", found["GVIF"][i], gvif, relative=1e-8, **place)
        assert found["df"][i] == len(mine)
        assert found["GVIF^(1/(2 df))"][i] == pytest.approx(gvif ** (1 / (2 * len(mine))))
    cook = build.cells(outputs["influence"], 1)["Cook's distance"]
    theirs = np.sort(OLSInfluence(fit).cooks_distance[0])[::-1][: len(cook)]
    agreement("report.influence", "Cook's distance", cook, theirs, reference="statsmodels", data="penguins")
