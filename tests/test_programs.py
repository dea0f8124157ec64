"""How often programs are compiled: a handful for a run, none for what differs in numbers only.

Executables are kept in a folder of the test's own, which is empty at first; declarations come from the usual one.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import polars as pl
import pytest

import mldsl
from mldsl.execute import programs
from mldsl.plugin.cache import cache_folder

ROOT = Path(__file__).parents[1]
IRIS = """mlp 1
data { frame("rows") }
features {
  species: categorical as target
  "*": continuous
}
transforms { standardize on numeric }
split { test = 20% }
model { logistic_regression }
metrics { accuracy }
"""


@attrs.define
class Spy:
    """What was compiled since the last look, by the names of programs."""

    names: list[str] = attrs.field(factory=list)

    def look(self) -> list[str]:
        """The names, and forget them."""
        names, self.names = self.names, []
        return sorted(names)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache without executables."""
    folder = tmp_path_factory.mktemp("cache")
    if cache_folder().is_dir():
        for entry in cache_folder().glob("*.json"):
            shutil.copy(entry, folder / entry.name)
    return folder


@pytest.fixture(scope="module")
def spy(cache: Path) -> Iterator[Spy]:
    found = Spy()
    call = programs.Programs.call

    def watched(self: Any, name: str, *args: Any, **options: Any) -> Any:
        before = self.counts.compiled
        result = call(self, name, *args, **options)
        found.names += [name] * (self.counts.compiled - before)
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLDSL_CACHE_DIR", str(cache))
        patch.setattr(programs.Programs, "call", watched)
        yield found


@pytest.fixture(scope="module")
def iris() -> pl.DataFrame:
    return pl.read_csv(ROOT / "examples" / "data" / "iris.csv")


@pytest.fixture(scope="module")
def first(spy: Spy, iris: pl.DataFrame) -> list[str]:
    """What the first run compiles."""
    run(IRIS, iris)
    return spy.look()


def run(text: str, rows: pl.DataFrame) -> Any:
    return mldsl.run(text, frames={"rows": rows}, keep=False)


def test_the_first_run_compiles_a_handful(first: list[str]) -> None:
    assert "fit" in first
    assert len(first) <= 4


def test_the_second_run_compiles_nothing(first: list[str], spy: Spy, iris: pl.DataFrame) -> None:
    run(IRIS, iris)
    assert spy.look() == []


def test_a_few_rows_more_or_less_compile_nothing(first: list[str], spy: Spy, iris: pl.DataFrame) -> None:
    """129 to 160 rows share a bucket."""
    for rows in (iris.head(131).vstack(iris.tail(2)), iris.vstack(iris.head(10))):
        run(IRIS, rows)
        assert spy.look() == []


def test_another_bucket_does_compile(first: list[str], spy: Spy, iris: pl.DataFrame) -> None:
    """Else the tests around this one would prove nothing."""
    run(IRIS, iris.vstack(iris.head(11)))
    assert "fit" in spy.look()


def test_another_seed_compiles_nothing(first: list[str], spy: Spy, iris: pl.DataFrame) -> None:
    run(IRIS.replace("mlp 1", "mlp 1\nparam seed: integer = 3"), iris)
    assert spy.look() == []


def test_folds_share_the_program_of_the_last_fit(first: list[str], spy: Spy, iris: pl.DataFrame) -> None:
    for folds in (3, 7):
        run(IRIS.replace("test = 20%", f"\n  test = 20%\n  folds = {folds}\n"), iris)
    assert spy.look() == ["points"], "the metrics of a fold, without intervals"


def test_an_edit_to_metrics_does_not_compile_the_fit(first: list[str], spy: Spy, iris: pl.DataFrame) -> None:
    run(IRIS.replace("accuracy", "\n  accuracy\n  balanced_accuracy\n"), iris)
    assert spy.look() == ["intervals"]


def test_an_edit_to_reports_does_not_compile_the_fit(first: list[str], spy: Spy, iris: pl.DataFrame) -> None:
    run(IRIS + "report {\n  confusion_matrix\n  classification_report\n}\n", iris)
    assert set(spy.look()) <= {"matrix"}


def test_traced_hyperparameters_compile_nothing_and_static_ones_do(
    first: list[str], spy: Spy, iris: pl.DataFrame
) -> None:
    run(IRIS.replace("logistic_regression", "logistic_regression(l2 = 3.5, tol = 1e-5)"), iris)
    assert spy.look() == []
    run(IRIS.replace("logistic_regression", "logistic_regression(max_iter = 7)"), iris)
    assert spy.look() == ["fit"]


def test_another_model_name_or_text_compiles_nothing(first: list[str], spy: Spy, iris: pl.DataFrame) -> None:
    run(IRIS.replace("model {", "# the same\nmodel linear {"), iris)
    assert spy.look() == []


def test_a_loaded_model_compiles_one_program_once(
    first: list[str], spy: Spy, iris: pl.DataFrame, tmp_path: Path
) -> None:
    folder = mldsl.run(IRIS, frames={"rows": iris}, runs_dir=tmp_path).folder
    spy.look()
    model = mldsl.load(folder)
    model.predict(iris)
    assert spy.look() == ["answer"]
    model.predict(iris.head(140))
    mldsl.load(folder).predict(iris)
    assert spy.look() == []


def test_a_fresh_process_compiles_nothing(first: list[str], cache: Path, iris: pl.DataFrame, tmp_path: Path) -> None:
    """Fewer rows, and a process that has never seen JAX: every executable comes from the disk."""
    iris.head(131).vstack(iris.tail(2)).write_parquet(tmp_path / "rows.parquet")
    script = (
        "import json, sys, polars as pl, mldsl\n"
        "run = mldsl.run(sys.argv[1], frames={'rows': pl.read_parquet(sys.argv[2])}, keep=False)\n"
        "counts = run._finished.result.run.programs.counts\n"
        "print(json.dumps([counts.compiled, counts.loaded, run.metrics['accuracy'].value]))\n"
    )
    import os

    done = subprocess.run(
        [sys.executable, "-c", script, IRIS, str(tmp_path / "rows.parquet")],
        env={**os.environ, "MLDSL_CACHE_DIR": str(cache)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    compiled, loaded, accuracy = json.loads(done.stdout)
    assert compiled == 0
    assert loaded == len(first)
    assert accuracy > 0.8


def test_a_damaged_executable_is_compiled_again(first: list[str], cache: Path, spy: Spy, iris: pl.DataFrame) -> None:
    for kept in (cache / "executables").iterdir():
        kept.write_bytes(b"not an executable")
    run(IRIS, iris)
    assert spy.look() == first


def test_executables_are_for_their_owner_only(first: list[str], cache: Path) -> None:
    assert (cache / "executables").stat().st_mode & 0o077 == 0
    (cache / "executables").chmod(0o755)
    assert programs.private_folder("executables").stat().st_mode & 0o077 == 0
