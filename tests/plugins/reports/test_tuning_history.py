"""The history of a search, from made-up trials."""

from __future__ import annotations

import math

import numpy as np
import pytest
from mldsl_plugins.reports.tuning_history import compute

from mldsl.plugin import NoSpec
from mldsl.record import Trial, TuneRecord

LOG = {"l2": ("log", 0.01, 100.0)}


def trials(model="linear", scores=((0.01, 0.80), (0.1, 0.85), (1.0, 0.91), (10.0, 0.90), (100.0, 0.7)), **more):
    return tuple(Trial(model, {"l2": l2}, score, **({"deviation": 0.02} | more)) for l2, score in scores)


@pytest.fixture
def history(build):
    """The report of these trials."""

    def run(tune, primary="accuracy", better="higher"):
        held = build.part(target=np.zeros(2), prediction=np.zeros(2))
        view = build.view(
            "classification", [build.model("linear", held)], primary=primary, better={primary: better}, tune=tune
        )
        return compute(NoSpec(), view)

    return run


def test_every_trial_and_the_best(history, build):
    output = history(TuneRecord(trials(), {"linear": {"l2": 1.0}}, "grid(points = 5)", LOG))
    chosen, every = build.cells(output), build.cells(output, 1)
    assert chosen["$l2"] == [1.0]
    assert chosen["accuracy"] == [0.91]
    assert every["trial"] == [1, 2, 3, 4, 5]
    assert every["$l2"] == [0.01, 0.1, 1.0, 10.0, 100.0]
    assert "share" not in every
    assert "model" not in every
    by_param, by_trial = output.figures
    assert list(by_trial.panels[0].series[0].y) == [0.80, 0.85, 0.91, 0.91, 0.91]
    assert by_param.panels[0].x_kind == "log"
    assert list(by_param.panels[0].series[0].y) == [0.80, 0.85, 0.91, 0.90, 0.7]
    assert output.notes == ["linear: of 5 trials the best has accuracy 0.91 ± 0.02, with $l2 = 1."]


def test_times_of_one_program_are_said_to_be_shared(history):
    tune = TuneRecord(trials(seconds=0.1), {"linear": {"l2": 1.0}}, "grid(points = 5)", LOG)
    assert "share its time equally" in history(tune).tables[1].note
    assert history(TuneRecord(trials(), {"linear": {"l2": 1.0}}, "grid", LOG)).tables[1].note == ""


def test_lower_may_be_better(history, build):
    output = history(TuneRecord(trials(), {"linear": {"l2": 100.0}}, "grid", LOG), "log_loss", "lower")
    assert list(output.figures[-1].panels[0].series[0].y) == [0.80, 0.80, 0.80, 0.80, 0.7]
    assert "a wider range may hold a better one" in output.notes[1]
    assert "upper end" in output.notes[1]


def test_what_was_chosen_need_not_be_the_best(history, build):
    output = history(TuneRecord(trials(), {"linear": {"l2": 10.0}}, "grid", LOG, "one_standard_error"))
    assert build.cells(output)["$l2"] == [10.0]
    assert "chosen was $l2 = 10 with 0.9, the simplest setting within one standard error" in output.notes[1]


def test_early_rungs_do_not_decide(history, build):
    early = trials(scores=((0.1, 0.99), (1.0, 0.5)), share=1 / 3)
    output = history(TuneRecord((*early, *trials(scores=((0.1, 0.8),))), {"linear": {"l2": 0.1}}, "halving(2)", LOG))
    assert build.cells(output)["accuracy"] == [0.8]
    assert build.cells(output, 1)["share"] == [1 / 3, 1 / 3, 1.0]
    best, whole, rungs = output.figures[-1].panels[0].series
    assert (list(best.x), list(best.y)) == ([3], [0.8])
    assert (list(whole.y), list(rungs.y)) == ([0.8], [0.99, 0.5])
    assert rungs.emphasis == "muted"


def test_nested_folds_and_several_models(history, build):
    tried = (
        *trials(fold=0), *trials(fold=1), *trials(),
        *(Trial("tree", {"depth": k, "rule": rule}, 0.5 + k / 100) for k in (2, 3) for rule in ("gini", "entropy")),
    )  # fmt: skip
    output = history(TuneRecord(tried, {"linear": {"l2": 1.0}, "tree": {"depth": 3, "rule": "gini"}}, "grid", LOG))
    every = build.cells(output, 1)
    assert every["fold"] == ["1"] * 5 + ["2"] * 5 + ["all"] * 9
    assert every["trial"] == [1, 2, 3, 4, 5] * 3 + [1, 2, 3, 4]
    assert every["$depth"] == [None] * 15 + [2, 2, 3, 3]
    assert [panel.title for panel in output.figures[-1].panels] == ["linear", "tree"]
    assert [panel.x_kind for panel in output.figures[1].panels] == ["number", "category"]
    assert len({figure.name for figure in output.figures}) == 3


def test_trials_without_scores(history, build):
    output = history(TuneRecord(trials(scores=((0.1, math.nan), (1.0, math.nan))), {}, "grid", LOG))
    assert output.notes == ["linear: no trial has a score."]


def test_nothing_was_searched(history):
    assert "Nothing was searched" in history(None).notes[0]
