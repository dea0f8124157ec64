"""The messages we are ashamed of are still what `known_bad.py` says."""

import importlib.util
import sys
from pathlib import Path

import pytest

from mldsl.semantics import analyze, load
from mldsl.source import Source

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "semantics"))


def _known_bad():
    spec = importlib.util.spec_from_file_location("known_bad", HERE / "known_bad.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.KNOWN_BAD


@pytest.mark.parametrize(("text", "said", "wanted"), _known_bad())
def test_known_bad(text, said, wanted):
    import catalogue

    found = analyze(load(Source("t.mlp", text)), catalogue.stand_ins()).diagnostics
    assert [f"{d.code} {d.message}" for d in found] == said, f"better now? wanted: {wanted}"
