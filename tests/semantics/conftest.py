"""Registries that tests of checking share: stand-ins alone, and what is installed with later components beside it."""

import sys
from pathlib import Path

import pytest

from mldsl.plugin.registry import Registry
from mldsl.semantics import Analysis, analyze, load
from mldsl.source import Source

sys.path.insert(0, str(Path(__file__).parent))  # `catalogue` is data of these tests, not a test


def plugins():
    """Components of two strangers, `acme` and `umbra`."""
    import catalogue as c

    return (
        c.model("tabnet", "classify regress", c.p("steps", "int", 3), plugin="acme"),
        c.model("forest", "classify regress", plugin="acme"), c.model("forest", "classify regress", plugin="umbra"),
        c.model("old_ridge", "regress", plugin="acme", deprecated="write `ridge`"),
        c.d("function", "wiggle", plugin="experimental.spline"),
    )  # fmt: skip


@pytest.fixture(scope="session")
def stand_ins() -> Registry:
    import catalogue

    return catalogue.stand_ins(*plugins())


@pytest.fixture(scope="session")
def everything() -> Registry:
    import catalogue

    return catalogue.registry(*catalogue.LATER, *plugins(), base=Registry.load())


@pytest.fixture(scope="session")
def check(stand_ins):
    """Check a text."""

    def run(text: str, **more) -> Analysis:
        return analyze(load(Source("t.mlp", text)), stand_ins, **more)

    return run


BLOCKS = {
    "head": "mlp 1",
    "data": 'data { csv("t.csv") }',
    "features": """features {
  y: binary("no", "yes") as target
  a: continuous
  b: integer
  c: categorical("x", "z")
  t: text
}""",
    "transforms": "transforms {\n  one_hot on c\n  drop on t\n}",
    "rest": "",
    "model": "model { logistic_regression }",
}


@pytest.fixture(scope="session")
def pipeline(check):
    """Check a sound pipeline of which some blocks are replaced; `rest` is added to it."""

    def run(overrides=None, header=None, header_levels=None, **blocks: str) -> Analysis:
        text = "\n".join(({**BLOCKS, **blocks}).values()) + "\n"
        return check(text, overrides=overrides, header=header, header_levels=header_levels)

    return run


@pytest.fixture(scope="session")
def said(pipeline):
    """The codes and messages of such a pipeline: `MLP0105 unknown column `q``."""

    def run(**blocks) -> list[str]:
        return [f"{d.code} {d.message}" for d in pipeline(**blocks).diagnostics]

    return run
