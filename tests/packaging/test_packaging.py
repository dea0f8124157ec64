"""What people install: our wheel and a stranger's package, in an environment that has neither our sources nor theirs.

The environment's third-party packages are those of the tests, by a `.pth` file, so that nothing is downloaded; `mldsl`
itself and the plugin come from wheels alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import attrs
import pytest

ROOT = Path(__file__).parents[2]
PIPELINE = """\
mlp 1
use acme

data { csv("iris.csv") }

features {
  species: categorical as target
  "*": continuous
}

transforms { standardize on numeric }

model { nearest_centroid(spread = 2) }

metrics { accuracy >= 0.8 }
"""

pytestmark = pytest.mark.xdist_group("packaging")


@attrs.frozen
class Environment:
    """A virtual environment, and a folder to work in."""

    python: Path
    work: Path

    def run(self, *command: str, cwd: Path | None = None, code: int = 0) -> str:
        """Run a command of the environment; its standard output."""
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST", "COV", "VIRTUAL"))}
        environment = {**keep, "MLDSL_CACHE_DIR": str(self.work / "cache"), "NO_COLOR": "1"}
        program = [str(self.python.parent / command[0]), *command[1:]]
        done = subprocess.run(
            program, cwd=cwd or self.work, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, f"{command} gave {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def install(self, wheel: Path) -> None:
        """Install a wheel and nothing else, with the tests' own pip."""
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
        pip = [sys.executable, "-m", "pip", "--python", str(self.python), "install", *options, str(wheel)]
        subprocess.run(pip, check=True, capture_output=True)


def build(source: Path, out: Path, *what: str) -> list[Path]:
    """The files that `python -m build` makes of a source tree."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), *what, str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return sorted(out.iterdir())


@pytest.fixture(scope="session")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Our sdist, and the wheel built from it (not from the checkout)."""
    made = build(ROOT, tmp_path_factory.mktemp("dist"))
    wheel, sdist = (next(path for path in made if path.name.endswith(end)) for end in (".whl", ".tar.gz"))
    return sdist, wheel


@pytest.fixture(scope="session")
def environment(distribution: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """A fresh environment with our wheel."""
    work = tmp_path_factory.mktemp("fresh")
    folder = work / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    scripts = "Scripts" if os.name == "nt" else "bin"
    fresh = Environment(folder / scripts / "python", work)
    packages = fresh.run("python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    (Path(packages) / "third_party.pth").write_text(sysconfig.get_path("purelib") + "\n")
    fresh.install(distribution[1])
    (work / "iris.csv").write_bytes((ROOT / "examples" / "data" / "iris.csv").read_bytes())
    return fresh


def test_the_wheel_holds_code_and_data_files_and_nothing_else(distribution: tuple[Path, Path]) -> None:
    names = zipfile.ZipFile(distribution[1]).namelist()
    assert {"mldsl_grammar/mlp.lark", "mldsl/record/run.schema.json", "mldsl/__init__.py"} <= set(names)
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"mldsl", "mldsl_plugins", "mldsl_grammar"}
    checkout = {
        path.relative_to(root).as_posix()
        for root in (ROOT, ROOT / "plugins", ROOT / "grammar")
        for package in ("mldsl", "mldsl_plugins", "mldsl_grammar")
        for path in (root / package).rglob("*.py")
    }
    assert checkout <= set(names)


def test_the_source_distribution_can_be_read_and_tested(distribution: tuple[Path, Path]) -> None:
    with tarfile.open(distribution[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"README.md", "LICENSE", "pyproject.toml", "examples/titanic.mlp", "tests/test_imports.py"} <= names


def test_our_wheel_runs_by_itself(environment: Environment) -> None:
    home = environment.run("python", "-c", "import mldsl; print(mldsl.__file__)").strip()
    assert Path(home).is_relative_to(environment.work), "the checkout's own mldsl was imported"
    listed = json.loads(environment.run("mldsl", "list", "--json"))
    assert {"logistic_regression", "impute", "roc_auc"} <= {item["name"] for item in listed}
    assert {item["plugin"] for item in listed} == {"core"}


@pytest.fixture(scope="session")
def package(environment: Environment) -> Path:
    """The package that `mldsl new plugin` writes, installed from its wheel."""
    environment.run("mldsl", "new", "plugin", "acme")
    folder = environment.work / "mldsl-acme"
    (wheel,) = build(folder, environment.work / "acme-dist", "--wheel")
    environment.install(wheel)
    return folder


def test_a_strangers_algorithm_runs_beside_ours(environment: Environment, package: Path) -> None:
    (environment.work / "flowers.mlp").write_text(PIPELINE)
    record = json.loads(environment.run("mldsl", "run", "flowers.mlp", "--json"))
    assert record["models"]["nearest_centroid"]["metrics"]["test"]["accuracy"]["value"] >= 0.8
    assert "nearest_centroid" in environment.run("mldsl", "doc", "nearest_centroid")
    assert "acme" in environment.run("mldsl", "plugins")


def test_without_use_the_stranger_is_not_seen(environment: Environment, package: Path) -> None:
    (environment.work / "unseen.mlp").write_text(PIPELINE.replace("use acme\n", ""))
    found = json.loads(environment.run("mldsl", "check", "--format", "json", "unseen.mlp", code=1))
    assert [d["code"] for d in found["diagnostics"]] == ["MLP0107"]


def test_the_generated_package_passes_its_own_tests(environment: Environment, package: Path) -> None:
    environment.run("python", "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=package)
