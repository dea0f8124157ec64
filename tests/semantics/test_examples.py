"""The canonical examples of the language check clean once their components exist, and give a plan that prints."""

import json
from pathlib import Path

import pytest

from mldsl.plan.json import plan_json
from mldsl.plan.text import plan_text
from mldsl.plugin.registry import Registry
from mldsl.semantics import analyze, load
from mldsl.source import Source

ROOT = Path(__file__).parents[2]
SHARED = ROOT / "../shared/language/examples"
CANONICAL = sorted(SHARED.rglob("*.mlp"))
SHIPPED = sorted((ROOT / "examples").rglob("*.mlp"))

needs_shared = pytest.mark.skipif(not CANONICAL, reason="the canonical examples are not beside the repository")


def loaded(path):
    return load(Source(path.name, path.read_text(encoding="utf-8"), path))


@needs_shared
@pytest.mark.parametrize("path", CANONICAL, ids=lambda path: path.stem)
def test_canonical_examples_are_sound(path, stand_ins):
    analysis = analyze(loaded(path), stand_ins)
    assert analysis.diagnostics == ()
    assert plan_text(analysis.plan).startswith(path.name)
    assert json.loads(plan_json(analysis.plan))["format_version"] == "1.0"


@needs_shared
@pytest.mark.parametrize("path", CANONICAL, ids=lambda path: path.stem)
def test_with_what_is_installed_only_components_may_be_unknown(path):
    codes = {d.code for d in analyze(loaded(path), Registry.load()).diagnostics}
    assert codes <= {"MLP0101"}


@needs_shared
def test_iris_is_sound_with_what_is_installed():
    analysis = analyze(loaded(SHARED / "iris.mlp"), Registry.load())
    assert analysis.diagnostics == ()
    assert analysis.plan.task == "classification"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_examples_are_sound(path):
    assert analyze(loaded(path), Registry.load()).diagnostics == ()


@needs_shared
def test_one_code_path_with_and_without_a_header(stand_ins):
    """With the header the globs are columns, and nothing else differs."""
    path = SHARED / "tumours.mlp"
    columns = ("diagnosis", "radius", "texture")
    without = analyze(loaded(path), stand_ins).plan
    complete = analyze(loaded(path), stand_ins, header={"data": columns}).plan
    assert [c.name for c in without.columns] == ["diagnosis", "*"]
    assert [c.name for c in complete.columns] == list(columns)
    assert complete.complete
    assert not without.complete
    assert complete.models[0].steps[0].on == ("radius", "texture")
    assert complete.models[0].algorithm == without.models[0].algorithm
