"""What makes a run: mldsl, Python and the libraries that compute, from package metadata; nothing of it is imported."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache

LIBRARIES = ("jax", "jaxlib", "numpy", "optax", "polars", "safetensors", "scipy")


@cache
def _installed() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for name in ("mldsl", *LIBRARIES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def versions(plugins: Mapping[str, str]) -> dict[str, str]:
    """The versions that a record holds: Python, mldsl, the libraries, and the plugins as `mldsl-<name>`."""
    return _installed() | {f"mldsl-{name}": number for name, number in plugins.items() if name != "core"}
