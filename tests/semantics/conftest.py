"""Registries that tests of checking share: stand-ins alone, and what is installed with later components beside it."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # `catalogue` is data of these tests, not a test

import catalogue
from mldsl.plugin.registry import Registry
from mldsl.semantics import Analysis, analyze, load
from mldsl.source import Source


def plugins():
    """Components of two strangers, `acme` and `umbra`."""
    c = catalogue
    return (
        c.model("tabnet", "classify regress", c.p("steps", "int", 3), plugin="acme"),
        c.model("forest", "classify regress", plugin="acme"), c.model("forest", "classify regress", plugin="umbra"),
        c.model("old_ridge", "regress", plugin="acme", deprecated="write `ridge`"),
        c.d("function", "wiggle", plugin="experimental.spline"),
    )  # fmt: skip


@pytest.fixture(scope="session")
def stand_ins() -> Registry:
    return catalogue.stand_ins(*plugins())


@pytest.fixture(scope="session")
def everything() -> Registry:
    return catalogue.registry(*catalogue.LATER, *plugins(), base=Registry.load())


@pytest.fixture
def check(stand_ins):
    """Check a text, or the lines of a pipeline of which the rest is given."""

    def run(text: str, **more) -> Analysis:
        return analyze(load(Source("t.mlp", text)), stand_ins, **more)

    return run


@pytest.fixture
def codes(check):
    """The codes of a text, in order."""

    def run(text: str, **more) -> list[str]:
        return [d.code for d in check(text, **more).diagnostics]

    return run
