"""Plans as JSON and back, for artifacts: generic over the attrs classes of `mldsl.plan.model`, spans left out.

Every class becomes `{"$": "ColumnPlan", field: value ...}`; every sequence is a tuple. Only classes of that module are
ever made, whatever the JSON says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import attrs

from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.plan import model

_CLASSES: dict[str, type] = {
    name: value for name, value in vars(model).items() if isinstance(value, type) and attrs.has(value)
}
_CLASSES.pop("Span", None)
_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def encode(value: Any) -> Any:
    """A plan, a part of one, or plain values around them, as JSON's own types."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$": "float", "value": str(value)}
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        if any(not isinstance(key, str) or key == "$" for key in value):
            raise TypeError("a mapping needs text keys other than `$`")
        return {key: encode(item) for key, item in value.items()}
    name = type(value).__name__
    if _CLASSES.get(name) is type(value):
        names = [f.name for f in attrs.fields(_CLASSES[name]) if not f.name.endswith("span")]
        return {"$": name, **{field: encode(getattr(value, field)) for field in names}}
    if hasattr(value, "item"):  # a NumPy scalar
        return encode(value.item())
    raise TypeError(f"`{name}` is not part of a plan")


def decode(value: Any) -> Any:
    """What `encode` was given, sequences as tuples. MLP0502 for an unknown class or wrong fields."""
    if isinstance(value, list):
        return tuple(decode(item) for item in value)
    if not isinstance(value, dict):
        return value
    if "$" not in value:
        return {key: decode(item) for key, item in value.items()}
    name = value["$"]
    if name == "float" and value.get("value") in _NOT_FINITE:
        return _NOT_FINITE[value["value"]]
    cls = _CLASSES.get(name) if isinstance(name, str) else None
    if cls is None:
        raise MldslError(Diagnostic("MLP0502", f"the artifact's plan holds an unknown part `{name}`"))
    known = {field.name for field in attrs.fields(cls)}
    try:
        return cls(**{key: decode(item) for key, item in value.items() if key in known})
    except TypeError as error:
        raise MldslError(Diagnostic("MLP0502", f"the artifact's plan is damaged: {error}")) from error
