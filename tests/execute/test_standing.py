"""Models of a run beside each other: same folds, same replicates, the record's own numbers."""

import numpy as np
import pytest

from mldsl.execute.paired import corrected_t, holm
from mldsl.execute.reports import report_view

MODELS = """model sharp { gaussian_naive_bayes }
model blunt { gaussian_naive_bayes(smoothing = 0.01) }
model nothing { constant }
"""


@pytest.fixture(scope="module")
def found(engine, table):
    """Three models, 2 x 3 folds and a test part, all by group."""
    split = "split {\n  test = 40%\n  folds = 3\n  repeats = 2\n  by = group\n}"
    return engine.run(engine.pipeline(model=MODELS, split=split, features=engine.features("g: id as group")), table)


def test_folds_are_compared_by_the_corrected_t(found) -> None:
    view = report_view(found.result)
    standing = view.compared("folds", "accuracy", found.record.best)
    assert (standing.test, standing.unit, standing.units, standing.comparisons) == ("corrected_t", "folds", 6, 3)
    folds = {name: np.array([f["accuracy"] for f in each]) for name, each in view.fold_metrics.items()}
    names = list(folds)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    share = 1 - np.mean([f.held.sum() / (f.held | f.train).sum() for f in view.folds])
    expected = {pair: corrected_t(folds[pair[0]] - folds[pair[1]], share) for pair in pairs}
    corrected = dict(zip(pairs, holm([d.p for d in expected.values()]), strict=True))
    for rival in standing.rivals:
        cell = found.record.models[rival.model].metrics["folds"]["accuracy"]
        assert (rival.value, rival.low, rival.high) == (cell.value, cell.low, cell.high)
        if rival.model != standing.against:
            pair = next(p for p in pairs if set(p) == {rival.model, standing.against})
            assert abs(rival.difference) == pytest.approx(abs(expected[pair].value))
            assert rival.difference == pytest.approx(rival.value - folds[standing.against].mean())
            assert rival.p == pytest.approx(corrected[pair], nan_ok=True)


def test_rows_are_compared_under_the_same_replicates_of_whole_groups(found) -> None:
    view = report_view(found.result)
    standing = view.compared("test", "log_loss", "sharp", 0.9, False)
    assert (standing.test, standing.unit, standing.comparisons) == ("bootstrap", "groups", 2)
    run = found.result.run
    assert standing.units == run.dataset.frame.filter(run.split.part == "test")["g"].n_unique()
    own, other, nothing = standing.rivals
    assert np.isnan(own.difference)
    assert nothing.difference == pytest.approx(nothing.value - own.value, abs=1e-6)
    assert nothing.difference_low < nothing.difference < nothing.difference_high
    # Paired: two nearly equal models differ far less than their intervals are wide.
    assert other.difference_high - other.difference_low < 0.8 * (other.high - other.low)
    again = view.compared("test", "log_loss", "nothing", 0.9, False)
    assert again.rivals[0].difference == -nothing.difference
    assert again.rivals[0].difference_low == -nothing.difference_high


def test_one_model_is_compared_with_none(engine, table) -> None:
    assert report_view(engine.run(engine.pipeline(), table).result).compared is None


def test_one_group_has_no_interval(engine, table) -> None:
    split = "split {\n  test = 40%\n  by = group\n}"
    rows = table.with_columns(g=np.arange(len(table)) % 10 < 4)
    record = engine.run(engine.pipeline(split=split, features=engine.features("g: categorical as group")), rows).record
    cell = record.models[record.best].metrics["test"]["accuracy"]
    assert np.isfinite(cell.value)
    assert np.isnan(cell.low)
    assert np.isnan(cell.high)
