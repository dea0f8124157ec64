"""The design matrix of a formula is patsy's, column by column, and never has a column that is a sum of others."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import jax
import numpy as np
import pandas as pd
import patsy
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mldsl.diagnostics import MldslError
from mldsl.execute.design import compiled, design_matrix
from mldsl.execute.fit import matrix_of
from mldsl.plan import Apply, ColumnUse, Constant
from mldsl.plan.design import INTERCEPT, Variable, design_of, terms_of
from mldsl.plugin import NamedColumn

LEVELS = {"x": None, "z": None, "a": ("u", "v"), "b": ("k", "l", "m"), "c": ("1", "2")}
COLUMNS = [NamedColumn(name, "categorical" if its else "continuous", its) for name, its in LEVELS.items()]


def everything(copies: int = 2) -> tuple[np.ndarray, pd.DataFrame]:
    """Every combination of levels, `copies` times, with numbers that have nothing to do with them."""
    rng = np.random.default_rng(5)
    cells = [cell for cell in product(range(2), range(3), range(2)) for _ in range(copies)]
    codes = np.array(cells, float)
    numbers = rng.normal(size=(len(cells), 2))
    words = {name: np.array(LEVELS[name])[codes[:, i].astype(int)] for i, name in enumerate("abc")}
    return np.column_stack([numbers, codes]), pd.DataFrame({"x": numbers[:, 0], "z": numbers[:, 1], **words})


MATRIX, FRAME = everything()


def tree(text: str) -> Any:
    """A formula's right side as the plan holds it; Python's own operators bind like ours, `@` stands for `:`."""
    import ast

    def of(node: ast.expr) -> Any:
        match node:
            case ast.Name(id=name):
                return ColumnUse(name)
            case ast.Constant(value=value):
                return Constant(value)
            case ast.UnaryOp(operand=operand):
                return Apply("negate", (of(operand),))
            case ast.BinOp(left=left, op=op, right=right):
                names = {"Add": "+", "Sub": "-", "Mult": "*", "MatMult": ":", "Pow": "^"}
                return Apply(names[type(op).__name__], (of(left), of(right)))
        raise AssertionError(node)

    return of(ast.parse(text, mode="eval").body)


def valued(design: Any, matrix: np.ndarray) -> np.ndarray:
    """What the columns of a design say, in plain Python."""
    place = {c.name: i for i, c in enumerate(COLUMNS)}
    columns = [np.ones(len(matrix)) for _ in design.columns]
    for i, column in enumerate(design.columns):
        for name, level in column.parts:
            cells = matrix[:, place[name]]
            columns[i] = columns[i] * (cells if level is None else cells == level)
    return np.array(columns).reshape(len(columns), len(matrix)).T


def ours(text: str) -> tuple[bool, dict[frozenset[str], np.ndarray]]:
    design = design_of(tree(text), [Variable(c.name, c.levels) for c in COLUMNS])
    made = valued(design, MATRIX)
    names = [frozenset(column.name.split(":")) for column in design.columns]
    assert len(set(names)) == len(names)
    return design.intercept, dict(zip(names, made.T, strict=True))


def theirs(text: str, frame: pd.DataFrame) -> tuple[bool, dict[frozenset[str], np.ndarray]]:
    made = patsy.dmatrix(text, frame)
    found = {}
    for name, values in zip(made.design_info.column_names, np.asarray(made).T, strict=True):
        found[frozenset(re.sub(r"\[T\.", "[", name).split(":"))] = values
    intercept = found.pop(frozenset({"Intercept"}), None)
    return intercept is not None, found


leaf = st.sampled_from(sorted(LEVELS))
terms = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+*-@"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(inner, st.integers(1, 3)).map(lambda t: f"({t[0]})**{t[1]}"),
    ),
    max_leaves=5,
)
sides = st.builds(lambda head, body, tail: f"{head}{body}{tail}", st.sampled_from(["", "0 + ", "1 + "]), terms,
                  st.sampled_from(["", " - 1", " + 0", " + 1", " - x", " - a@b"]))  # fmt: skip


@given(sides)
@settings(max_examples=150, deadline=None)
def test_the_design_is_patsys(text: str) -> None:
    intercept, found = ours(text)
    wanted_intercept, wanted = theirs(text.replace("@", ":"), FRAME)
    assert intercept == wanted_intercept
    assert set(found) == set(wanted), text
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name], values)


@given(sides)
@settings(max_examples=60, deadline=None)
def test_no_column_is_a_sum_of_others(text: str) -> None:
    design = design_of(tree(text), [Variable(c.name, c.levels) for c in COLUMNS])
    matrix, _ = everything(copies=8)
    made = valued(design, matrix)
    if design.intercept:
        made = np.column_stack([np.ones(len(made)), made])
    assert np.linalg.matrix_rank(made) == made.shape[1], text


@pytest.mark.parametrize(
    ("text", "intercept", "wanted"),
    [
        ("a*b", True, "a b a:b"),
        ("(a + b + c)**2", True, "a b c a:b a:c b:c"),
        ("a@b + x + a", True, "x a a:b"),  # by degree, then as written
        ("a*b*c - a@b@c", True, "a b c a:b a:c b:c"),
        ("a*b - a", True, "b a:b"),
        ("a + a@a", True, "a"),
        ("(a + b)*x", True, "a b x a:x b:x"),
        ("x - 1", False, "x"),
        ("0 + x", False, "x"),
        ("x + 0 + 1", True, "x"),
        ("-1 + x", False, "x"),
        ("x - 1 + a", False, "x a"),
        ("x + -a + a", True, "x a"),
        ("1", True, ""),
        ("b@a + a@b", True, "b:a"),
    ],
)
def test_terms_are_those_of_r(text: str, intercept: bool, wanted: str) -> None:
    assert terms_of(tree(text), list(LEVELS)) == (intercept, tuple(tuple(t.split(":")) for t in wanted.split()))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [  # what R's model.matrix gives, in its order
        ("a*b", "a[v] b[l] b[m] a[v]:b[l] a[v]:b[m]"),
        ("0 + a + b", "a[u] a[v] b[l] b[m]"),
        ("a + x@a", "a[v] a[u]:x a[v]:x"),
        ("x + x@a", "x x:a[v]"),
        ("x@a", "x:a[u] x:a[v]"),
        ("a + a@b", "a[v] a[u]:b[l] a[v]:b[l] a[u]:b[m] a[v]:b[m]"),
        ("0 + a@c", "a[u]:c[1] a[v]:c[1] a[u]:c[2] a[v]:c[2]"),
    ],
)
def test_columns_are_named_and_ordered_as_in_r(text: str, wanted: str) -> None:
    design = design_of(tree(text), [Variable(c.name, c.levels) for c in COLUMNS])
    found = [column.name for column in design.columns]
    # R writes the factors of a product in the order in which they stand first in the formula.
    assert [frozenset(name.split(":")) for name in found] == [frozenset(name.split(":")) for name in wanted.split()]


@pytest.mark.parametrize("text", ["a*b*x + z - 1", "x@z@a + c", "0 + b", "x + z"])
def test_the_device_computes_what_the_design_says(text: str) -> None:
    design = design_of(tree(text), [Variable(c.name, c.levels) for c in COLUMNS])
    with jax.enable_x64(True):
        made = np.asarray(design_matrix(compiled(design, COLUMNS), MATRIX))
    np.testing.assert_array_equal(made, valued(design, MATRIX))


def test_reference_levels_and_positions_are_told() -> None:
    design = design_of(tree("a*b + 0"), [Variable(c.name, c.levels) for c in COLUMNS])
    assert design.positions() == {"a": (0, 1), "b": (2, 3), "a:b": (4, 5)}
    assert design.references == (("a", "u"), ("b", "k"))
    assert dict(design.factors) == {"a": ("u", "v"), "b": ("k", "l", "m")}
    assert INTERCEPT not in [column.name for column in design.columns]


def test_unknown_levels_are_the_reference_and_missing_ones_stay_missing() -> None:
    design = design_of(tree("0 + b + x@a"), [Variable(c.name, c.levels) for c in COLUMNS])
    matrix = np.array([[2.0, 0, -1, -1, 0], [2, 0, 0, 0, 0], [3, 0, np.nan, 1, 0], [np.nan, 0, 1, 2, 0]])
    with jax.enable_x64(True):
        made = np.asarray(design_matrix(compiled(design, COLUMNS), matrix))
    np.testing.assert_array_equal(made[0], made[1])  # the code -1 is the first level, whether or not it has a column
    np.testing.assert_array_equal(made[2], [0, 1, 0, np.nan, np.nan])
    np.testing.assert_array_equal(made[3], [0, 0, 1, np.nan, np.nan])


def test_a_factor_of_one_level_has_no_column() -> None:
    design = design_of(tree("a + x"), [Variable("a", ("u",)), Variable("x")])
    assert [(term.name, len(term.columns)) for term in design.terms] == [("a", 0), ("x", 1)]


NUMBERS = "features {\n  a, b: continuous\n  s: categorical\n  z: continuous as target\n}"


# ---- real data, through the whole of a run ---------------------------------------------------------------------------
FEATURES = {
    "penguins": """features {
  body_mass_g: continuous as target
  bill_length_mm, flipper_length_mm: continuous
  species, island: categorical
  sex: binary("female", "male")
}""",
    "titanic": """features {
  parch: integer as target
  sibsp: integer
  pclass, sex: categorical
  age: continuous?
}
transforms { impute(median) on age }""",
    "ames_housing": """features {
  sale_price: continuous as target
  gr_liv_area, total_bsmt_sf: continuous
  year_built: integer
  neighborhood, central_air: categorical
  overall_cond: ordinal("Very_Poor", "Poor", "Fair", "Below_Average", "Average", "Above_Average", "Good",
                        "Very_Good", "Excellent")
}""",
}
FORMULAS = [
    ("penguins", "~ species*sex + bill_length_mm", None),
    ("penguins", "log(body_mass_g) ~ (species + sex + flipper_length_mm)^2 - species:sex", None),
    ("penguins", "~ species:bill_length_mm - 1", None),
    ("penguins", '~ ["*", -island]', "bill_length_mm + flipper_length_mm + species + sex"),
    ("titanic", "~ numeric + sex*pclass", "sibsp + age + sex*pclass"),
    ("titanic", "~ sex:pclass + sqrt(age)", "sex:pclass + np.sqrt(age)"),
    ("ames_housing", "log(sale_price) ~ log(gr_liv_area) + central_air + neighborhood + central_air:year_built",
     "np.log(gr_liv_area) + central_air + neighborhood + central_air:year_built"),
    ("ames_housing", "~ overall_cond*central_air + year_built:overall_cond",
     "overall_cond*central_air + year_built:overall_cond"),
]  # fmt: skip


@pytest.fixture(scope="module")
def tables() -> dict[str, pl.DataFrame]:
    complete = {"penguins": None, "titanic": ["sex"], "ames_housing": None}
    found = {}
    for name, columns in complete.items():
        frame = pl.read_csv(f"examples/data/{name}.csv", null_values=["", "NA"], infer_schema_length=None)
        frame = frame.select(c for c in frame.columns if c in FEATURES[name])
        found[name] = frame.drop_nulls(columns)
    return found


@pytest.mark.parametrize(("data", "formula", "in_python"), FORMULAS, ids=[f[1] for f in FORMULAS])
def test_the_matrix_of_a_run_is_patsys(
    data: str, formula: str, in_python: str | None, tables: Any, engine: Any, agreement: Any
) -> None:
    table = tables[data]
    text = f'mlp 1\ndata {{ frame("rows") }}\n{FEATURES[data]}\nsplit {{ test = 0% }}\nmodel {{ ols({formula}) }}\n'
    finished = engine.run(text, table)
    outcome = finished.result.outcomes[0]
    prepared = outcome.model.prepared
    found = matrix_of(finished.result.run, prepared, outcome.model.last.steps)[: table.height]
    frame = table.to_pandas()
    if "age" in frame:
        frame["age"] = frame["age"].fillna(frame["age"].median())
    if "overall_cond" in frame:
        order = dict(prepared.half.levels.of)["overall_cond"]
        frame["overall_cond"] = pd.Categorical(frame["overall_cond"], categories=order)
    right = (in_python or formula.partition("~")[2]).replace("^", "**")
    intercept, wanted = theirs(right, frame)
    assert prepared.pipeline.shape.intercept == intercept
    names = [frozenset(c.name.replace("log(", "np.log(").replace("sqrt(", "np.sqrt(").split(":"))
             for c in prepared.pipeline.columns]  # fmt: skip
    assert sorted(map(sorted, names)) == sorted(map(sorted, wanted))
    expected = np.column_stack([wanted[name] for name in names])
    agreement("formula", f"design of `{formula}`", found, expected, reference="patsy", data=data, relative=1e-14)
    assert (prepared.scale == "log") == formula.startswith("log")


def test_levels_that_training_does_not_have_count_as_the_reference_and_are_counted(engine: Any, table: Any) -> None:
    rows = table.with_columns(
        pl.when(pl.int_range(pl.len()) >= 115).then(pl.lit("never seen")).otherwise(pl.col("s")).alias("s"),
        order=pl.int_range(pl.len()),
    )
    text = engine.pipeline(
        features="features {\n  a: continuous\n  s: categorical\n  z: continuous as target\n  order: time(seconds)\n}",
        steps="", split="split { test = last(5)\n by = order }", model="ols(log(z) ~ a + s)", metrics="",
    ).replace("order: time(seconds)", "order: integer as ignore")  # fmt: skip
    finished = engine.run(text, rows)
    assert any(
        text == "5 cells of `s` hold a level that no training row has and count as `u`, the reference"
        for text in finished.result.warnings
    )
    outcome = finished.result.outcomes[0]
    info, params = outcome.model.last.info, outcome.model.last.params
    assert info.rows == 115
    said = np.asarray(outcome.model.last.prediction.mean)[115:120]
    alone = np.exp(params.intercept[0] + params.coefficients[0][0] * rows["a"].to_numpy()[115:])
    np.testing.assert_allclose(said, alone, rtol=1e-12)


def test_a_formula_works_on_columns_after_the_transforms(engine: Any, table: Any) -> None:
    steps = "transforms {\n  standardize on a\n  one_hot on s\n}"
    text = engine.pipeline(
        features=NUMBERS,
        steps=steps, split="split { test = 0% }", model="ols(z ~ s_v*a)", metrics="",
    )  # fmt: skip
    outcome = engine.run(text, table).result.outcomes[0]
    assert [c.name for c in outcome.model.prepared.pipeline.columns] == ["s_v", "a", "s_v:a"]
    with pytest.raises(MldslError) as caught:
        engine.run(text.replace("s_v*a", "s_x*a"), table)
    assert caught.value.diagnostics[0].code == "MLP0105"
    assert "unknown column `s_x`" in caught.value.diagnostics[0].message


def test_a_formula_needs_only_its_own_columns_to_predict(engine: Any, table: Any, tmp_path: Any) -> None:
    import mldsl

    text = engine.pipeline(
        features=NUMBERS.replace("s: categorical", "s: categorical\n  g: integer as group"),
        steps="", split="split { test = 25% }", model="ols(z ~ a + s + g)", metrics="",
    )  # fmt: skip
    finished = mldsl.run(text, frames={"rows": table}, runs_dir=tmp_path)
    loaded = mldsl.load(finished.folder)
    said = loaded.predict(table.select("a", "s", "g").head(5))
    assert said.height == 5
    whole = finished.model().predict(table.head(5))
    np.testing.assert_array_equal(said["prediction"], whole["prediction"])


ROLES = "features {\n  a, b: continuous\n  s: categorical\n  g: integer as ignore\n  z: continuous as target\n}"


def test_clusters_are_the_values_of_a_column_of_any_role(engine: Any, table: Any) -> None:
    import statsmodels.formula.api as smf

    text = engine.pipeline(
        features=ROLES, steps="", split="split { test = 0% }", model="ols(log(z) ~ a + s, covariance = cluster(g))",
        metrics="",
    )  # fmt: skip
    info = engine.run(text, table).result.outcomes[0].model.last.info
    frame = table.to_pandas()
    wanted = smf.ols("np.log(z) ~ a + s", frame).fit(cov_type="cluster", cov_kwds={"groups": frame["g"]})
    order = ["Intercept", "a", "s[T.v]", "s[T.w]"]
    np.testing.assert_allclose(info.covariance, wanted.cov_params().loc[order, order], rtol=1e-6)
    assert info.clusters == frame["g"].nunique()
    with pytest.raises(MldslError) as caught:
        engine.run(text, table.with_columns(g=pl.lit(1)))
    assert "expected at least 2 clusters, found 1" in caught.value.diagnostics[0].message


def test_reports_see_the_design_and_what_it_reads(engine: Any, table: Any) -> None:
    from mldsl.execute.reports import report_view

    text = engine.pipeline(
        features=ROLES, steps="", split="split { test = 0% }", model="ols(z ~ log(a + 9) + s - 1)", metrics=""
    )
    (model,) = report_view(engine.run(text, table).result).models
    assert model.reads == ("a", "s")
    assert model.features == ("log(a + 9)", "s[u]", "s[v]", "s[w]")
    assert model.design is not None
    assert model.design.positions() == {"log(a + 9)": (0,), "s": (1, 2, 3)}
    assert not model.design.intercept
    assert model.shape.intercept is False


def test_the_plan_tells_the_columns_the_references_and_what_is_left(engine: Any, table: Any) -> None:
    from mldsl.driver import Options, look, plan, plan_text
    from mldsl.source import Source

    text = engine.pipeline(
        features=ROLES, steps="", split="split { test = 25% }", model="ols(log(z) ~ a*s + exp(b))", metrics=""
    )
    source, options = Source("<test>", text), Options(frames={"rows": table})
    looked = look(source, plan(source, options), options)
    (design,) = looked.facts.designs
    assert design.terms == (
        ("a", ("a",)),
        ("s", ("s[v]", "s[w]")),
        ("exp(b)", ("exp(b)",)),
        ("a:s", ("a:s[v]", "a:s[w]")),
    )
    assert (design.references, design.rows, design.residual) == ((("s", "u"),), 90, 83)
    shown = " ".join(plan_text(looked.checked.sound(), looked.facts).split())
    assert "terms a, s, exp(b), a:s; an intercept" in shown
    assert "s 2 columns: s[v], s[w]; against `u`" in shown
    assert "residual df 83: 90 training rows less 6 columns and the intercept" in shown
    assert "step 1" not in shown


def test_the_interval_moves_with_the_offset(engine: Any, table: Any) -> None:
    features = ROLES.replace("b: continuous", "b: continuous as offset").replace("a, b:", "a: continuous\n  b:")
    text = engine.pipeline(features=features, steps="", split="split { test = 0% }", model="ols(z ~ a)", metrics="")
    outcome = engine.run(text, table).result.outcomes[0]
    said, params = outcome.model.last.prediction, outcome.model.last.params
    n = table.height
    line = params.intercept[0] + params.coefficients[0, 0] * table["a"].to_numpy() + table["b"].to_numpy()
    np.testing.assert_allclose(np.asarray(said.mean)[:n], line, rtol=1e-10)
    np.testing.assert_allclose(np.asarray(said.interval)[:n].mean(axis=1), line, rtol=1e-10)
