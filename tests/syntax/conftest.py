"""The canonical examples and the malformed files, which every part of the syntax is tested on."""

from __future__ import annotations

from pathlib import Path

import pytest

from mldsl.source import Source

HERE = Path(__file__).parent


def _sources(folder: str) -> list[Source]:
    paths = sorted((HERE / folder).rglob("*.mlp"))
    return [Source(path.name, path.read_text("utf-8"), path) for path in paths]


@pytest.fixture(scope="session")
def examples() -> list[Source]:
    """Complete pipelines in canonical form."""
    return _sources("examples")


@pytest.fixture(scope="session")
def malformed() -> list[Source]:
    """Files that `malformed/EXPECTED.md` says the diagnostics of."""
    return _sources("malformed")
