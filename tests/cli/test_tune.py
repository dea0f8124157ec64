"""`tune` from the command line: what is searched, what `-p` and `--no-tune` take out of it, and what is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

TUNED = """mlp 1
param l2: number = 1 in 0..1e6
param solver: choice = newton

data { csv("flowers.csv") }

features {
  kind: binary("plain", "fancy") as target
  length: continuous in 0..100
  width: continuous? in 0..10
  colour: categorical("red", "blue")
}

transforms {
  impute(mean) on width
  standardize on numeric
  one_hot on colour
}

model { logistic_regression(l2 = $l2, solver = $solver) }

tune {
  search = grid(points = 3)
  $l2 in log(0.01..100)
  $solver in [newton, lbfgs]
}

metrics { log_loss }

report { tuning_history }
"""


@pytest.fixture
def tuned(project: Path, tmp_path: Path) -> Any:
    """A folder with the data, and the pipeline after replacements; gives its path."""

    def write(*changes: tuple[str, str]) -> Path:
        text = TUNED
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "flowers.csv").write_bytes((project / "flowers.csv").read_bytes())
        (tmp_path / "tuned.mlp").write_text(text)
        return tmp_path / "tuned.mlp"

    return write


def record(folder: Path) -> dict[str, Any]:
    (found,) = (folder / "runs").glob("[!.]*")
    return dict(json.loads((found / "run.json").read_text()))


def test_all_trials_are_in_the_record(command: Any, tuned: Any, tmp_path: Path) -> None:
    ended = command("run", tuned())
    assert ended.status == 0, ended.err
    tune = record(tmp_path)["tune"]
    settings = {(t["params"]["l2"], t["params"]["solver"]) for t in tune["trials"]}
    assert settings == {(l2, solver) for l2 in (0.01, 1, 100) for solver in ("newton", "lbfgs")}
    best = min(tune["trials"], key=lambda t: t["score"])
    assert tune["best"]["logistic_regression"]["l2"] == best["params"]["l2"]
    assert record(tmp_path)["models"]["logistic_regression"]["spec"]["l2"] == best["params"]["l2"]
    assert all(t["deviation"] > 0 for t in tune["trials"])
    assert tune["search"] == "grid(points = 3)"
    assert tune["domains"] == {"l2": ["log", 0.01, 100], "solver": ["list", ["newton", "lbfgs"]]}
    assert "of 6 trials the best has log_loss" in ended.out


def test_no_tune_keeps_the_values_of_the_file(command: Any, tuned: Any, tmp_path: Path) -> None:
    ended = command("run", tuned(), "--no-tune")
    assert ended.status == 0, ended.err
    found = record(tmp_path)
    assert found["tune"] is None
    assert found["models"]["logistic_regression"]["spec"]["l2"] == 1
    assert "`--no-tune`: nothing is searched" in ended.out
    assert "Nothing was searched" in ended.out


def test_what_is_given_is_not_searched_and_the_run_says_so(command: Any, tuned: Any, tmp_path: Path) -> None:
    ended = command("run", tuned(), "-p", "solver=lbfgs")
    assert ended.status == 0, ended.err
    assert {t["params"].get("solver", "-") for t in record(tmp_path)["tune"]["trials"]} == {"-"}
    assert record(tmp_path)["models"]["logistic_regression"]["spec"]["solver"] == "lbfgs"
    assert "`$solver` is fixed by `-p` and taken out of the search" in ended.out.replace("\n", " ").replace("  ", " ")


def test_plan_says_how_many_trials_there_will_be(command: Any, tuned: Any) -> None:
    assert "6 trials of $l2, $solver" in command("plan", tuned()).out
    assert "3 trials of $l2" in command("plan", tuned(), "-p", "solver=newton").out


def test_a_grid_of_absurd_size_is_refused_before_the_rows_are_read(command: Any, tuned: Any, tmp_path: Path) -> None:
    ended = command("run", tuned(("points = 3", "points = 60000")))
    assert ended.status == 1
    assert "error[MLP0312]" in ended.err
    assert "60,000 x 2 = 120,000" in ended.err
    assert not (tmp_path / "runs").exists()


def test_without_optuna_the_extra_is_named(
    command: Any, tuned: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    path = tuned(("grid(points = 3)", "bayesian(trials = 4)"))
    assert command("check", path).status == 0, "what is installed is none of its business"
    ended = command("run", path)
    assert ended.status == 1
    assert "error[MLP0604]" in ended.err
    assert "pip install 'mldsl[tune]'" in ended.err
    assert not (tmp_path / "runs").exists()


def test_a_history_without_a_search_is_refused(command: Any, tuned: Any) -> None:
    block = TUNED[TUNED.index("tune {") : TUNED.index("metrics")]
    ended = command("check", tuned((block, "")))
    assert ended.status == 1
    assert "error[MLP0314]: `tuning_history` shows what was tried, and there is no `tune`" in ended.out + ended.err


def test_plan_says_what_scores_the_settings(command: Any, tuned: Any) -> None:
    nested = command("plan", tuned(("model {", "split { folds = 3 }\n\nmodel {"))).out
    said = " ".join(nested.split())
    assert "on 5 folds of the training rows of each fold; for the last fit on the rows held out in each fold" in said
    decided = ("l2 = $l2, solver = $solver) }", "l2 = $l2, solver = $solver)\n  calibrate = sigmoid\n}")
    assert "; before calibration" in " ".join(command("plan", tuned(decided)).out.split())
    assert "; before" not in said
