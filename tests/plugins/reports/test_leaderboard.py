"""leaderboard: the order of models, what it is worth, and sentences that do not flatter."""

import attrs
import numpy as np
import pytest
from mldsl_plugins.reports import leaderboard
from mldsl_plugins.reports.leaderboard import Spec

from mldsl.contract.views import Rival, Standing
from mldsl.execute.paired import corrected_t, holm


def rivals(values, against):
    """Standings of models as name -> values per fold (or per group of rows), against one of them."""
    names = list(values)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    found = {pair: corrected_t(values[pair[0]] - values[pair[1]], 0.8) for pair in pairs}
    p = dict(zip(pairs, holm([d.p for d in found.values()]), strict=True))
    for name in names:
        own = (float(values[name].mean()), float(values[name].min()), float(values[name].max()))
        if name == against:
            yield Rival(name, *own, *[float("nan")] * 4)
        elif (name, against) in found:
            d = found[name, against]
            yield Rival(name, *own, d.value, d.low, d.high, p[name, against])
        else:
            d = found[against, name]
            yield Rival(name, *own, -d.value, -d.high, -d.low, p[against, name])


def board(build, parts, best, *, better="higher", counts="test", metrics=("score",)):
    """A view of models as part -> name -> values."""
    names = list(next(iter(parts.values())))
    asked = []

    def compared(part, metric, against, level, chosen):
        asked.append((part, metric, against, level, chosen))
        unit = ("corrected_t", "folds") if part == "folds" else ("bootstrap", "rows")
        count = len(parts[part][names[0]]) * (1 if part == "folds" else 20)
        comparisons = len(names) * (len(names) - 1) // 2 if chosen else len(names) - 1
        return Standing(part, metric, against, *unit, count, comparisons, tuple(rivals(parts[part], against)))

    held = build.part(counts, target=np.zeros(4), prediction=np.zeros(4))
    view = build.view(
        "classification", [build.model(name, held) for name in names], ["a", "b"], best=best, primary=metrics[0],
        better=dict.fromkeys(metrics, better), compared=compared,
        metrics={
            n: {"train": dict.fromkeys(metrics, (0.9, 0.88, 0.92))}
            | {part: dict.fromkeys(metrics, (v[n].mean(), 0, 1)) for part, v in parts.items()}
            for n in names
        },
        fold_metrics={n: [dict.fromkeys(metrics, x) for x in parts.get("folds", {}).get(n, [])] for n in names},
        seconds={n: {"fit": 0.25} for n in names},
    )  # fmt: skip
    return view, asked


def noise(seed, mean, n=10):
    return mean + np.random.default_rng(seed).normal(0, 0.02, n)


@pytest.fixture
def mixed(build):
    """Over ten folds `a` is ahead of `b` by noise, and of `c` by far; ten blocks of test rows agree."""
    parts = {
        part: {"c": noise(seed, 0.5), "b": noise(seed + 1, 0.79), "a": noise(seed + 2, 0.80)}
        for part, seed in (("folds", 0), ("test", 3))
    }
    return board(build, parts, "a", metrics=("score", "other"))


def test_models_stand_in_order_on_both_parts(mixed, build) -> None:
    view, asked = mixed
    output = leaderboard.compute(Spec(), view)
    found = build.cells(output)
    assert found["model"] == ["a", "b", "c"]
    assert found["folds rank"] == found["test rank"] == [1, 2, 3]
    assert found["train score"] == [0.9] * 3
    assert found["gap"] == pytest.approx([0.9 - view.metrics[n]["test"]["score"][0] for n in "abc"])
    assert found["fit"] == [0.25] * 3
    # On the folds the best was picked after looking at them, on the test rows it was not.
    assert {(part, chosen) for part, _, _, _, chosen in asked} == {("folds", True), ("test", False)}
    assert {(against, level) for _, _, against, level, _ in asked} == {("a", 0.95)}


def test_differences_come_with_interval_p_and_verdict(mixed, build) -> None:
    view, _ = mixed
    found = build.cells(leaderboard.compute(Spec(), view), 1)
    assert found["on"] == ["folds", "folds", "test", "test"]
    assert found["model"] == ["b", "c", "b", "c"]
    assert found["verdict"] == ["not told apart", "worse", "not told apart", "worse"]
    assert all(low < d < high for low, d, high in zip(found["from"], found["difference"], found["to"], strict=True))
    assert found["difference"][1] == pytest.approx(-0.3, abs=0.03)


def test_every_other_metric_is_compared_too(mixed, build) -> None:
    found = build.cells(leaderboard.compute(Spec(), mixed[0]), 2)
    assert found["metric"] == ["other"] * 6
    assert found["rank"] == [1, 2, 3] * 2
    assert found["verdict"][0] == "the best"


def test_it_says_who_is_really_better(mixed) -> None:
    output = leaderboard.compute(Spec(), mixed[0])
    assert output.notes[0] == (
        "Over 10 folds: `a` is the best by score; `c` is worse; `b` is not distinguishable from it."
    )
    assert output.notes[1] == "On 200 test rows, which chose nothing, `a` comes first as well."
    assert not output.warnings
    assert output.figures[0].panels[0].title == "Over 10 folds"
    assert "not distinguishable" in output.figures[0].alt


def test_the_evidence_that_is_asked_for_comes_first(mixed) -> None:
    output = leaderboard.compute(Spec(test="bootstrap", confidence=0.9), mixed[0])
    assert output.notes[0].startswith("On 200 test rows: ")
    assert mixed[1][-1][3] == 0.9
    assert [p.title for p in output.figures[0].panels] == ["On 200 test rows", "Over 10 folds"]


def test_an_order_that_rests_on_noise_is_called_so(build) -> None:
    folds = {"a": noise(0, 0.8), "b": noise(1, 0.8)}
    view, _ = board(build, {"folds": folds}, max(folds, key=lambda n: folds[n].mean()), counts="folds")
    warnings = leaderboard.compute(Spec(), view).warnings
    assert warnings[0].startswith("the order rests on noise: over 10 folds, no model is distinguishable from `")
    assert "was chosen on these folds out of 2 models, so its score is optimistic" in warnings[1]


def test_few_folds_are_called_so(build) -> None:
    folds = {"a": noise(0, 0.9, 3), "b": noise(1, 0.5, 3)}
    view, _ = board(build, {"folds": folds, "test": {"a": noise(2, 0.9), "b": noise(3, 0.5)}}, "a")
    assert leaderboard.compute(Spec(), view).warnings == [
        "3 folds are few to tell models apart: take more `folds`, or repeat them with `repeats`"
    ]


def test_without_folds_the_bootstrap_is_used_and_that_is_said(build) -> None:
    values = {"a": noise(0, 0.9), "b": noise(1, 0.5)}
    view, _ = board(build, {"validation": values, "test": values}, "a")
    output = leaderboard.compute(Spec(), view)
    assert "no folds score the models, so differences are tested on 200 validation rows, by the paired bootstrap" in (
        output.notes
    )


def test_small_is_good_for_errors(build) -> None:
    folds = {"big": noise(0, 0.9), "small": noise(1, 0.5)}
    view, _ = board(build, {"folds": folds, "test": folds}, "small", better="lower")
    output = leaderboard.compute(Spec(), view)
    assert build.cells(output)["model"] == ["small", "big"]
    assert build.cells(output, 1)["verdict"] == ["worse", "worse"]
    assert build.cells(output)["gap"][0] < 0, "0.9 on training rows is worse than 0.5 on new ones"


def test_a_model_that_wins_on_the_test_rows_is_named(build) -> None:
    view, _ = board(build, {"folds": {"a": noise(0, 0.81), "b": noise(1, 0.8)},
                            "test": {"a": noise(2, 0.5), "b": noise(3, 0.9)}}, "a")  # fmt: skip
    output = leaderboard.compute(Spec(), view)
    assert output.notes[-1] == "On 200 test rows, which chose nothing, `b` comes first, by more than noise."


def test_undefined_values_come_last_and_cannot_be_told(build) -> None:
    folds = {"a": np.full(10, np.nan), "b": noise(0, 0.8), "c": noise(1, 0.8)}
    view, _ = board(build, {"folds": folds, "test": folds}, "b")
    output = leaderboard.compute(Spec(), view)
    assert build.cells(output)["model"][-1] == "a"
    assert "`a` cannot be told from it" in output.notes[0]


def test_one_model_has_nothing_to_be_compared_with(mixed, build) -> None:
    view, _ = mixed
    output = leaderboard.compute(Spec(), attrs.evolve(view, models=view.models[:1]))
    assert output.notes == ["there is one model, `c`: nothing to compare it with"]
    assert not output.tables
    assert leaderboard.compute(Spec(), attrs.evolve(view, primary=None)).notes
