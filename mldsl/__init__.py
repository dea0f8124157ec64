"""A small declarative language for machine learning: `mldsl.run("pipeline.mlp")`.

The names load on first use, so that `import mldsl` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mldsl.api import Model, Pipeline, Run, check, compile, load, run
    from mldsl.diagnostics import MldslError

__version__ = "0.1.0"
__all__ = ["MldslError", "Model", "Pipeline", "Run", "__version__", "check", "compile", "load", "run"]


def __getattr__(name: str) -> Any:
    """Import a public name from its module, once."""
    if name not in __all__:
        raise AttributeError(f"module 'mldsl' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module("mldsl.diagnostics" if name == "MldslError" else "mldsl.api"), name)
    globals()[name] = value
    return value
