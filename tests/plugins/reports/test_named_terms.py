"""coefficients names the parameters of curves and the cutpoints between levels as the models do."""

from __future__ import annotations

from typing import NamedTuple

import attrs
import numpy as np
import pytest
from mldsl_plugins.reports import coefficients


class Curve(NamedTuple):
    coefficients: np.ndarray


class Ordered(NamedTuple):
    cutpoints: np.ndarray
    coefficients: np.ndarray


class Errors(NamedTuple):
    standard_error: np.ndarray
    residual_degrees_of_freedom: float
    cutpoint_standard_error: np.ndarray | None = None


def test_parameters_of_a_curve_have_their_own_names(numbers, build) -> None:
    params, info = Curve(np.array([[2.0, -1.0]])), Errors(np.array([[0.5, 0.25]]), 10.0)
    model = attrs.evolve(numbers.models[0], params=params, info=info, terms=("rate", "half"))
    found = build.cells(coefficients.compute(coefficients.Spec(), attrs.evolve(numbers, models=(model,))))
    assert found["term"] == ["rate", "half"]
    assert found["t"] == pytest.approx([4, -4])


def test_cutpoints_stand_between_levels_and_are_not_drawn(numbers, build) -> None:
    d = len(numbers.models[0].features)
    params = Ordered(np.array([-1.0, 2.0]), np.ones((1, d)))
    info = Errors(np.full((1, d), 0.5), np.inf, np.array([0.1, 0.2]))
    model = attrs.evolve(numbers.models[0], params=params, info=info)
    view = attrs.evolve(numbers, models=(model,), levels=("low", "mid", "high"))
    output = coefficients.compute(coefficients.Spec(), view)
    found = build.cells(output)
    assert found["term"][d:] == ["low | mid", "mid | high"]
    assert found["estimate"][d:] == pytest.approx([-1, 2])
    assert found["z"][d:] == pytest.approx([-10, 10])
    assert list(output.figures[0].panels[0].series[1].y) == list(model.features)


class Fit(NamedTuple):
    mcfadden_r2: float
    deviance: float
    alpha: float


def test_a_figure_that_a_model_does_not_know_is_left_out(numbers, build) -> None:
    from mldsl_plugins.reports._fit_statistics import fit_statistics

    model = attrs.evolve(numbers.models[0], info=Fit(0.25, 12.0, np.nan))
    tables = fit_statistics([model], [model])
    found = [{column.name: list(column.values) for column in table.columns} for table in tables]
    assert found == [{"McFadden's R²": [0.25]}, {"deviance": [12.0]}]
