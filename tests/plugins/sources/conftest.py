"""The rig of `tests/data`, for the sources."""

from __future__ import annotations

import importlib.util
from pathlib import Path

_path = Path(__file__).parents[2] / "data" / "conftest.py"
_spec = importlib.util.spec_from_file_location("tests_data_conftest", _path)
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)

components, rig, shared = _module.components, _module.rig, _module.shared
