"""Fitting a model again on fewer training rows, for reports: the same programs, with rows of weight 0 left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np

from mldsl.contract import Prediction
from mldsl.data import Fold, folds_within
from mldsl.diagnostics import MldslError
from mldsl.execute.calibrate import calibrated
from mldsl.execute.fit import Run, as_in_fold, fit_once
from mldsl.execute.judge import Judge
from mldsl.execute.outcome import Outcome
from mldsl.execute.scales import back

FOLDS = 5  # of the training rows, where neither the file nor a choice has made any


class Refitter:
    """One model, fitted anew on some of the training rows of a fold."""

    def __init__(self, run: Run, outcome: Outcome) -> None:
        self.run, self.outcome = run, outcome

    @cached_property
    def _judge(self) -> Judge:
        outcome = self.outcome
        return Judge(self.run, outcome.model.prepared, self.run.plan.metrics, outcome.matrix, outcome.model.last.params)

    def refit(self, train: np.ndarray, fold: Fold) -> Mapping[str, Mapping[str, float]]:
        """Every metric on the rows `train` (Bool[n]) and on those that the fold holds out: part -> metric -> value.

        The threshold and the calibration are those of the fold, else those of the model: what is looked at is how a fit
        grows better with rows, not how a decision does.
        """
        run, outcome = self.run, self.outcome
        prepared = outcome.model.prepared
        known = next((i for i, f in enumerate(run.split.folds[: len(outcome.model.folds)]) if f is fold), None)
        threshold = outcome.threshold if known is None else outcome.fold_thresholds[known]
        if known is not None and np.array_equal(train, fold.train):
            prediction = outcome.model.folds[known]  # fitted already
        else:
            stage = f"rows={int(train.sum())}/fold={fold.repeat}.{fold.index}"
            of_fold = prepared if known is None else as_in_fold(run, outcome.model, known)
            fitted = fit_once(run, of_fold, train, fold.stop, stage)
            calibrator = outcome.calibrator if known is None else outcome.fold_calibrators[known]
            given: Prediction = back(prepared.scale, fitted.prediction)
            prediction = calibrated(calibrator, given, len(prepared.classes))
        return {
            part: self._judge.points(prediction, rows * prepared.weight, threshold)
            for part, rows in (("train", train), ("held", fold.held))
        }


def training_folds(run: Run) -> Callable[[], tuple[Fold, ...]]:
    """The folds of the split, or five made of the training rows by the same rules; none where that cannot be."""
    made: list[tuple[Fold, ...]] = []

    def folds() -> tuple[Fold, ...]:
        if run.split.folds:
            return run.split.folds
        if not made:
            pool = run.split.part == "train"
            try:
                made.append(folds_within(run.plan, run.dataset, run.plan.seed, pool, FOLDS, "report/folds"))
            except MldslError:  # too few rows, or a class with fewer than that
                made.append(())
        return made[0]

    return folds
