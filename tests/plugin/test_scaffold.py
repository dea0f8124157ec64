"""A generated package: all its files, a sound declaration, nothing half-written."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from mldsl.plugin.registry import Registry
from mldsl.plugin.scaffold import ScaffoldError, create, plugin_name

FILES = [
    ".gitignore", "LICENSE", "README.md", "mldsl_time_series/__init__.py", "mldsl_time_series/nearest_centroid.py",
    "mldsl_time_series/py.typed", "pyproject.toml", "tests/test_nearest_centroid.py",
]  # fmt: skip


def test_it_writes_every_file_and_fills_in_every_name(tmp_path: Path) -> None:
    made = create("time_series", tmp_path, "0.3.1")
    assert [path.as_posix() for path in made] == [f"mldsl-time-series/{name}" for name in FILES]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mldsl-time-series"]
    for path in made:
        assert "{{" not in (tmp_path / path).read_text()
    project = tomllib.loads((tmp_path / "mldsl-time-series" / "pyproject.toml").read_text())
    assert project["project"]["name"] == "mldsl-time-series"
    assert project["project"]["dependencies"] == ["mldsl>=0.3"]
    assert project["project"]["entry-points"]["mldsl"] == {
        "model.nearest_centroid": "mldsl_time_series.nearest_centroid"
    }
    assert 'use time_series "0.1"' in (tmp_path / "mldsl-time-series" / "README.md").read_text()


def test_what_it_writes_is_formatted_and_free_of_lint(tmp_path: Path) -> None:
    create("acme", tmp_path, "0.1.0")
    for arguments in (["check", "--extend-select", "W,I,UP,B,C4,SIM,RUF,PT,N"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, "--no-cache", str(tmp_path / "mldsl-acme")],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout


def test_its_component_is_declared_and_fits(site: Any, tmp_path: Path) -> None:
    jax = pytest.importorskip("jax")
    create("acme", tmp_path, "0.1.0")
    package = tmp_path / "mldsl-acme"
    source = (package / "mldsl_acme" / "nearest_centroid.py").read_text()
    offers = tomllib.loads((package / "pyproject.toml").read_text())["project"]["entry-points"]["mldsl"]
    site.add("mldsl-acme", offers, {"mldsl_acme.nearest_centroid": source})
    registry = Registry.load()
    (declaration,) = registry.declarations("model", ("acme",))
    assert declaration.summary.startswith("Nearest centroid: a class is the mean of its rows")
    assert declaration.tasks == ("classify",)
    assert [parameter.name for parameter in declaration.parameters] == ["spread"]

    from mldsl.contract import ColumnShape, Examples, Shape

    component: Any = registry.component(declaration)
    x = jax.numpy.asarray([[0.0, 0.0], [4.0, 0.0], [10.0, 10.0], [99.0, 99.0]])
    weight, target = jax.numpy.asarray([1.0, 3.0, 1.0, 0.0]), jax.numpy.asarray([0, 0, 1, 1])
    shape = Shape(rows=4, columns=(ColumnShape("a"), ColumnShape("b")), classes=2)
    for active in (None, jax.numpy.asarray([True, True])):
        with jax.numpy_rank_promotion("raise"):  # as the engine does
            examples = Examples(x, weight, target, active=active)
            params, _ = component.fit(component.Spec(), jax.random.key(0), shape, examples)
            probability = component.predict(component.Spec(), params, x).probability
        assert params.centroids.tolist() == [[3.0, 0.0], [10.0, 10.0]]
        assert probability.argmax(axis=1).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("written", "name"),
    [("acme", "acme"), ("time-series", "time_series"), ("mldsl-acme", "acme"), ("mldsl_acme2", "acme2")],
)
def test_names(written: str, name: str) -> None:
    assert plugin_name(written) == name


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("core", "first party"), ("mldsl", "language"), ("mldsl-core", "first party"), ("Acme", "lower-case"),
        ("2fast", "lower-case"), ("a b", "lower-case"), ("a--b", "lower-case"), ("", "lower-case"),
        ("../x", "lower-case"), ("class", "keyword"), ("experimental", "vanish"), ("é", "lower-case"),
    ],
)  # fmt: skip
def test_names_that_are_refused(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(ScaffoldError, match=why):
        create(name, tmp_path, "0.1.0")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_used_and_a_full_one_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mldsl-acme").mkdir()
    create("acme", tmp_path, "0.1.0")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(ScaffoldError, match="in the way"):
        create("acme", tmp_path, "0.1.0")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_nothing_half_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = Path.write_text

    def fail(self: Path, *args: Any, **given: Any) -> int:
        if self.name == "pyproject.toml":
            raise OSError(28, "No space left on device")
        return written(self, *args, **given)

    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(OSError, match="No space"):
        create("acme", tmp_path, "0.1.0")
    assert list(tmp_path.iterdir()) == []
