"""A stranger's package, `mldsl-proof`, put on the path as an installation would."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session", autouse=True)
def installed() -> Iterator[None]:
    """`tests/proof` holds the package and its metadata, as `site-packages` would."""
    sys.path.append(str(HERE))
    yield
    sys.path.remove(str(HERE))


@pytest.fixture(scope="session")
def data() -> Path:
    """The data of the examples."""
    return HERE.parents[1] / "examples" / "data"
