"""The plugin guide's own plugin: installed as the guide says, it runs its pipeline and gives the promised messages."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "plugin-guide.md").read_text("utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
PIPELINE = re.findall(r"^```mlp run plugin\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)[0]


@pytest.fixture(scope="module", autouse=True)
def acme(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The package of the guide, as an installation leaves it."""
    site = tmp_path_factory.mktemp("site")
    (site / "mldsl_acme").mkdir()
    (site / "mldsl_acme" / "__init__.py").touch()
    (site / "mldsl_acme" / "tame.py").write_text(PYTHON[0], "utf-8")
    metadata = site / "mldsl_acme-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: mldsl-acme\nVersion: 1.0\n")
    points = tomllib.loads(re.findall(r"^```toml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)[0])
    lines = [f"{key} = {module}" for key, module in points["project"]["entry-points"]["mldsl"].items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[mldsl]", *lines, ""]))
    sys.path.append(str(site))
    yield site
    sys.path.remove(str(site))


def test_the_pipeline_runs() -> None:
    import mldsl
    from mldsl.source import Source

    run = mldsl.run(Source("guide.mlp", PIPELINE, ROOT / "examples" / "guide.mlp"), keep=False)
    assert run.metrics["accuracy"].value > 0.9


def test_bounds_become_a_message() -> None:
    import mldsl

    (finding,) = mldsl.check(PIPELINE.replace("share = 2%", "share = 60%"))
    assert finding.code == "MLP0202"
    assert "0.5" in " ".join([finding.message, finding.label, *finding.notes])


def test_the_conformance_kit_finds_nothing() -> None:
    namespace: dict[str, object] = {}
    exec(compile(PYTHON[2], "plugin-guide.md", "exec"), namespace)
    namespace["test_the_conformance_kit_finds_nothing"]()  # type: ignore[operator]
