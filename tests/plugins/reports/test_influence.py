"""influence agrees with statsmodels, for least squares and logistic regression, and refuses what is neither."""

import attrs
import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from mldsl_plugins.reports import influence, residual_plots
from mldsl_plugins.reports._influence import Influence, influence_of
from scipy.sparse import csr_array
from statsmodels.stats.outliers_influence import GLMInfluence, OLSInfluence

from mldsl.plan import ColumnPlan

PLACE = {"reference": "statsmodels", "data": "ames_housing"}


@pytest.fixture(scope="module")
def houses():
    frame = pl.read_csv("examples/data/ames_housing.csv")[::9]
    x = frame.select("gr_liv_area", "total_bsmt_sf", "garage_area", "year_built").to_numpy().astype(float)
    return ("living", "basement", "garage", "built"), x, frame["sale_price"].to_numpy().astype(float)


def least_squares(build, names, x, y, weight=None, **facts):
    w = np.ones(len(x)) if weight is None else weight
    design = np.column_stack([np.ones(len(x)), x])
    b = np.linalg.lstsq(np.sqrt(w)[:, None] * design, np.sqrt(w) * y, rcond=None)[0]
    part = build.part("train", target=y, prediction=design @ b, inputs=x, weight=weight)
    return build.model("ols", part, features=names, params=build.Params(b[:1], b[None, 1:]), train=part, **facts)


def figures(build, *made, **facts) -> Influence:
    model = least_squares(build, *made, **facts)
    found = influence_of(build.view("regression", [model]), model)
    assert isinstance(found, Influence), found
    return found


def test_least_squares_as_statsmodels(houses, build, agreement) -> None:
    names, x, y = houses
    found = figures(build, names, x, y)
    theirs = OLSInfluence(sm.OLS(y, sm.add_constant(x)).fit())
    for quantity, ours, expected in (
        ("leverage", found.leverage, theirs.hat_matrix_diag),
        ("internally studentized residual", found.internal, theirs.resid_studentized_internal),
        ("externally studentized residual", found.external, theirs.resid_studentized_external),
        ("Cook's distance", found.cook, theirs.cooks_distance[0]),
        ("DFFITS", found.dffits, theirs.dffits[0]),
    ):
        agreement("report.influence", quantity, ours, expected, relative=1e-6, **PLACE)
    largest = np.abs(theirs.dfbetas).argmax(axis=1)
    assert found.of.tolist() == largest.tolist()
    expected = theirs.dfbetas[np.arange(len(x)), largest]
    agreement("report.influence", "DFBETAS", found.largest, expected, relative=1e-6, **PLACE)


def test_a_weight_is_so_many_rows(houses, build) -> None:
    names, x, y = houses
    weight = np.random.default_rng(0).integers(1, 4, len(x)).astype(float)
    times = weight.astype(int)
    found = figures(build, names, x, y, weight)
    repeated = figures(build, names, np.repeat(x, times, axis=0), np.repeat(y, times))
    for field in ("leverage", "external", "cook", "dffits", "largest"):
        ours, theirs = np.repeat(getattr(found, field), times), getattr(repeated, field)
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-12)


def test_collinear_columns_change_nothing(houses, build) -> None:
    names, x, y = houses
    double = figures(build, (*names, "twice", "flat"), np.column_stack([x, 2 * x[:, 0], np.full(len(x), 3.0)]), y)
    single = figures(build, names, x, y)
    assert double.names == single.names
    np.testing.assert_allclose(double.cook, single.cook, rtol=1e-6, atol=1e-12)


def test_logistic_regression_as_statsmodels(build, agreement) -> None:
    frame = pl.read_csv("examples/data/titanic.csv").drop_nulls()
    x = np.column_stack([frame["age"], frame["sex"] == "female", frame["sibsp"]]).astype(float)
    y = (frame["survived"] == "survived").to_numpy().astype(int)
    glm = sm.GLM(y, sm.add_constant(x), family=sm.families.Binomial()).fit(tol=1e-12)
    share = glm.predict()
    part = build.part("train", target=y, prediction=y, probability=np.column_stack([1 - share, share]), inputs=x)
    b = np.asarray(glm.params)
    model = build.model(
        "logistic_regression", part, features=("age", "female", "sibsp"), train=part, classes=2,
        params=build.Params(b[:1], b[None, 1:]),
    )  # fmt: skip
    found = influence_of(build.view("classification", [model], ["died", "survived"]), model)
    theirs = GLMInfluence(glm)
    place = {"reference": "statsmodels", "data": "titanic"}
    agreement("report.influence", "leverage (logistic)", found.leverage, theirs.hat_matrix_diag, relative=1e-6, **place)
    agreement(
        "report.influence", "Cook's distance (logistic)", found.cook, theirs.cooks_distance[0], relative=1e-6, **place
    )
    ours = found.internal
    agreement(
        "report.influence", "studentized residual (logistic)", ours, theirs.resid_studentized, relative=1e-6, **place
    )


def test_classes_that_are_separated_have_no_influence(build) -> None:
    x = np.arange(20.0)[:, None]
    y = (x[:, 0] > 9).astype(int)
    share = np.where(y == 1, 1 - 1e-9, 1e-9)
    part = build.part("train", target=y, prediction=y, probability=np.column_stack([1 - share, share]), inputs=x)
    model = build.model(
        "logistic_regression", part, features=("a",), train=part, classes=2, info=build.Info(separated=np.array(True)),
        params=build.Params(np.zeros(1), np.ones((1, 1))),
    )  # fmt: skip
    assert "separate the classes" in influence_of(build.view("classification", [model], ["no", "yes"]), model)


@attrs.frozen
class Precise:
    weights: str = "precision"
    l2: float = 0.0


def test_weights_that_are_precisions(houses, build, agreement) -> None:
    names, x, y = houses
    weight = np.random.default_rng(0).uniform(0.5, 3, len(x))
    found = figures(build, names, x, y, weight, spec=Precise())
    root = np.sqrt(weight)
    theirs = OLSInfluence(sm.OLS(root * y, root[:, None] * sm.add_constant(x)).fit())
    for quantity, ours, expected in (
        ("leverage (precision weights)", found.leverage, theirs.hat_matrix_diag),
        ("externally studentized residual (precision weights)", found.external, theirs.resid_studentized_external),
        ("Cook's distance (precision weights)", found.cook, theirs.cooks_distance[0]),
    ):
        agreement("report.influence", quantity, ours, expected, relative=1e-6, **PLACE)


def test_sparse_matrices_say_so(houses, build) -> None:
    names, x, y = houses
    model = least_squares(build, names, x, y)
    model = attrs.evolve(model, train=attrs.evolve(model.train, inputs=csr_array(x)))
    assert "ols has no matrix of numbers in columns" in influence_of(build.view("regression", [model]), model)
    plots = residual_plots.compute(residual_plots.Spec(rows="train"), build.view("regression", [model]))
    assert "against the prediction alone" in plots.tables[1].note


def test_a_penalty_or_another_loss_is_refused(houses, build) -> None:
    names, x, y = houses
    model = least_squares(build, names, x, y)
    view = build.view("regression", [model])
    penalized = attrs.evolve(model, spec=build.Penalty(1.0))
    assert "Write `ols(l2 = 0)`" in influence_of(view, penalized)
    other = attrs.evolve(model, train=attrs.evolve(model.train, prediction=model.train.prediction + 1e-3 * x[:, 0]))
    assert "no exact influence" in influence_of(build.view("regression", [other]), other)
    trees = attrs.evolve(model, params=())
    assert "not a linear model" in influence_of(view, trees)
    output = influence.compute(influence.Spec(), build.view("regression", [trees]))
    assert output.notes
    assert not output.tables


def test_the_table_names_the_row_and_its_key(houses, build) -> None:
    names, x, y = houses
    x, y = x.copy(), y.copy()
    x[17], y[17] = [9000, 100, 0, 1900], 900_000
    frame = pl.DataFrame({"street": [f"{i} Main Street" for i in range(len(x))]})
    made = least_squares(build, names, x, y)
    part = attrs.evolve(made.train, index=np.arange(len(x)))
    model = attrs.evolve(made, train=part, held_out=part)
    view = build.view("regression", [model], frame=frame, columns=[ColumnPlan("street", "text", role="key")])
    output = influence.compute(influence.Spec(most=3), view)
    rows = build.cells(output, 1)
    assert rows["row"][0] == 18
    assert rows["street"][0] == "17 Main Street"
    assert rows["of"][0] in names
    assert "without row 18 the model would be another one" in output.warnings[0]
    overview = {name: values[0] for name, values in build.cells(output).items()}
    assert overview["p of the outlier test"] < 1e-3
    theirs = OLSInfluence(sm.OLS(y, sm.add_constant(x)).fit())
    assert overview["largest |t|"] == pytest.approx(np.abs(theirs.resid_studentized_external).max())
    contours = [s for s in output.figures[0].panels[0].series if s.name.startswith("Cook")]
    for line in contours:  # r^2 h / ((1 - h) p) along the line
        h, r = np.asarray(line.x), np.asarray(line.y)
        level = r**2 * h / (1 - h) / 5
        np.testing.assert_allclose(level[np.isfinite(level)], float(line.name.split()[-1]))


def test_many_rows_draw_few_marks_and_keep_the_worst(build) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30_000, 3))
    y = x.sum(axis=1) + rng.normal(size=len(x))
    x[77], y[77] = 50.0, -500.0
    output = influence.compute(influence.Spec(), build.view("regression", [least_squares(build, tuple("abc"), x, y)]))
    for panel in output.figures[0].panels:
        assert sum(len(s.x) for s in panel.series) < 3000
    assert build.cells(output, 1)["row"][0] == 78
    assert max(output.figures[0].panels[1].series[1].y) > 1


def test_a_row_with_a_column_of_its_own_has_no_influence_to_tell(houses, build) -> None:
    names, x, y = houses
    own = np.zeros(len(x))
    own[5] = 1
    model = least_squares(build, (*names, "own"), np.column_stack([x, own]), y)
    output = influence.compute(influence.Spec(), build.view("regression", [model]))
    assert "row 6 has leverage 1: a column of its own fits it exactly" in output.warnings[0]
    assert 6 not in build.cells(output, 1)["row"]
    rest = np.arange(len(x)) != 5
    without = figures(build, names, x[rest], y[rest])
    found = influence_of(build.view("regression", [model]), model)
    np.testing.assert_allclose(found.external[rest], without.external, rtol=1e-6)


def test_too_few_rows_say_so(build) -> None:
    x = np.arange(3.0)[:, None]
    output = influence.compute(
        influence.Spec(), build.view("regression", [least_squares(build, ("a",), x, np.array([0.0, 1, 5]))])
    )
    assert "too few" in output.notes[0]
