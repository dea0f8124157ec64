"""Views of a fixed number of rows, the unused ones of weight 0 and full of rubbish, so that all share a program."""

from __future__ import annotations

from importlib import import_module

import attrs
import jax
import numpy as np
import pytest

from mldsl.contract import MetricView

ROWS = 32
RUBBISH = 1e15


def component(name):
    return import_module(f"mldsl_plugins.metrics.{name}").mldsl_components()[0]


_programs = {}


def evaluate(name, spec, view, *, on_host=True):
    """The metric's value in float64, prepared on the host or inside the program."""
    metric = component(name)
    with jax.enable_x64(True):
        if on_host and metric.prepare is not None:
            view = attrs.evolve(view, prepared=metric.prepare(spec, view))
        key = (name, spec)
        if key not in _programs:
            _programs[key] = jax.jit(lambda v, metric=metric: metric.metric(spec, v))
        return float(_programs[key](view))


def _fill(values, rubbish, rows=ROWS):
    values = np.asarray(values)
    out = np.full((rows, *values.shape[1:]), rubbish, values.dtype)
    out[: len(values)] = values
    return out


def classification(target, prediction, weight=None, probability=None, classes=2, positive=None):
    n = len(target)
    weight = np.ones(n) if weight is None else weight
    if probability is None:
        probability = np.eye(classes)[np.asarray(prediction, int)] if n else np.zeros((0, classes))
    return MetricView(
        weight=_fill(np.asarray(weight, float), 0.0),
        target=_fill(np.asarray(target, np.int64), classes - 1),
        prediction=_fill(np.asarray(prediction, np.int64), 0),
        probability=_fill(np.asarray(probability, float), RUBBISH),
        classes=classes,
        positive=positive,
    )


def regression(target, prediction, weight=None, parameters=1):
    weight = np.ones(len(target)) if weight is None else weight
    return MetricView(
        weight=_fill(np.asarray(weight, float), 0.0),
        target=_fill(np.asarray(target, float), RUBBISH),
        prediction=_fill(np.asarray(prediction, float), -RUBBISH),
        parameters=parameters,
    )


def clustering(inputs, label, weight=None, clusters=3, labels=None, label_count=3):
    weight = np.ones(len(label)) if weight is None else weight
    labels = np.zeros(len(label)) if labels is None else labels
    return MetricView(
        weight=_fill(np.asarray(weight, float), 0.0),
        prediction=_fill(np.asarray(label, np.int64), clusters - 1),
        inputs=_fill(np.asarray(inputs, float), RUBBISH),
        labels=_fill(np.asarray(labels, np.int64), label_count - 1),
        clusters=clusters,
        label_count=label_count,
    )


@pytest.fixture(scope="session")
def views():
    """The three builders of views, and `evaluate`."""
    return attrs.make_class("Views", ["classification", "regression", "clustering", "evaluate", "component", "rows"])(
        classification, regression, clustering, evaluate, component, ROWS
    )
