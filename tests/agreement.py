"""How far a number of ours is from the reference's: asserted in the tests, and kept for `docs/agreement.md`.

`pytest --write-agreement` (`make agreement`) writes what the tests that ran have found to `docs/agreement.json`, from
which the page is made. Rows travel from xdist's workers as user properties of their tests.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "docs" / "agreement.json"
PROPERTY = "agreement"
ALLOWED_ONE = "give one of relative, absolute and digits"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-agreement", action="store_true", help="keep what the agreement tests find in docs/agreement.json"
    )


@pytest.fixture
def agreement(request: pytest.FixtureRequest) -> Callable[..., None]:
    """`agreement(component, quantity, found, expected, reference=..., data=..., relative=1e-6)`; see `Agreement`."""

    def agree(
        component: str,
        quantity: str,
        found: Any,
        expected: Any,
        *,
        reference: str,
        data: str,
        relative: float | None = None,
        absolute: float | None = None,
        digits: float | None = None,
    ) -> None:
        """Assert that all numbers agree, and remember by how much.

        `relative` bounds the largest difference over the largest expected number, `absolute` the largest difference
        itself; `digits` is the least log relative error of each number, NIST's measure.
        """
        if sum(limit is not None for limit in (relative, absolute, digits)) > 1:
            raise ValueError(ALLOWED_ONE)
        measure, limit = next(
            ((name, value) for name, value in (("absolute", absolute), ("digits", digits)) if value is not None),
            ("relative", 1e-6 if relative is None else relative),
        )
        difference = _difference(measure, found, expected)
        row = {
            "component": component, "quantity": quantity, "reference": reference, "version": _version(reference),
            "data": data, "measure": measure, "difference": difference, "limit": limit,
            "test": request.node.nodeid.split("::")[0],
        }  # fmt: skip
        request.node.user_properties.append((PROPERTY, row))
        agrees = difference >= limit if measure == "digits" else difference <= limit
        assert agrees, f"{component}, {quantity}: {measure} {difference:.3g} where {limit:g} is allowed ({reference})"

    return agree


def _difference(measure: str, found: Any, expected: Any) -> float:
    import numpy as np

    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape, f"shapes differ: found {found.shape}, expected {expected.shape}"
    assert np.isfinite(expected).all(), "the reference gives numbers that are not finite: compare those by themselves"
    assert np.isfinite(found).all(), "found numbers that are not finite"
    distance = np.abs(found - expected)
    if measure == "absolute":
        return float(distance.max(initial=0))
    if measure == "digits":
        size = np.where(expected == 0, 1, np.abs(expected))
        return float(np.minimum(-np.log10(np.maximum(distance / size, 1e-16)), 16).min())
    return float(distance.max(initial=0) / max(np.abs(expected).max(initial=0), np.finfo(np.float64).tiny))


def _version(reference: str) -> str:
    try:
        return version(reference)
    except PackageNotFoundError:
        return ""


class Kept:
    """Collects rows of all tests of a session, in the process that reports, and writes them at its end."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self.rows += [value for name, value in report.user_properties if name == PROPERTY]  # type: ignore[misc]

    def pytest_sessionfinish(self) -> None:
        """Rows of the files that ran replace those that were kept of them; rows of files that are gone leave."""
        old = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else []
        ran = {row["test"] for row in self.rows}
        stay = [row for row in old if row["test"] not in ran and (ROOT / row["test"]).exists()]
        worst: dict[tuple[str, ...], dict[str, Any]] = {}
        for row in (*stay, *self.rows):
            key = tuple(row[name] for name in ("component", "quantity", "reference", "data", "measure"))
            known = worst.get(key)
            sign = -1 if row["measure"] == "digits" else 1
            if known is None or sign * row["difference"] > sign * known["difference"]:
                worst[key] = {**row, "difference": float(f"{row['difference']:.2g}")}
        rows = [worst[key] for key in sorted(worst)]
        KEPT.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n", "utf-8")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--write-agreement") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Kept())
