"""Every first-party component passes the conformance kit."""

from __future__ import annotations

import re
from importlib.metadata import entry_points

import pytest

from mldsl.plugin.registry import CORE, Registry
from mldsl.testing import check_component

OURS = sorted(point.name for point in entry_points(group="mldsl") if re.match("mldsl_plugins", point.value))


@pytest.fixture(scope="session")
def registry():
    return Registry.load()


@pytest.mark.parametrize("key", OURS)
def test_first_party(key, registry):
    kind, _, name = key.partition(".")
    findings = check_component(registry.component_named(kind, name, CORE))
    assert not findings, "\n".join(f"{finding.check}: {finding.message}" for finding in findings)
