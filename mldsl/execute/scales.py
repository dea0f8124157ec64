"""Learning the target on another scale (`target = log(price)`), and back: predictions are in the target's own units."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mldsl.contract import Prediction
from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.source import Span

# The function, the name of its inverse, its domain.
_SCALES: dict[str, tuple[Callable[[Any], Any], str, float, str]] = {
    "log": (np.log, "exp", 0.0, "above 0"),
    "log1p": (np.log1p, "expm1", -1.0, "above -1"),
    "sqrt": (np.sqrt, "square", 0.0, "at least 0"),
}


def forward(scale: str | None, target: np.ndarray, span: Span | None) -> np.ndarray:
    """The target [n] on the scale it is learned on; values outside its domain are MLP0401."""
    if scale is None:
        return target
    function, _, lowest, words = _SCALES[scale]
    bad = target < lowest if scale == "sqrt" else target <= lowest
    if bad.any():
        raise MldslError(
            Diagnostic(
                "MLP0401",
                f"`target = {scale}(...)` needs values {words}; {int(bad.sum())} rows have others",
                span,
                notes=(f"the smallest is {float(np.nanmin(target)):g}",),
                help="drop these rows with `where`, or learn the target as it is",
            )
        )
    return np.asarray(function(target))


def back(scale: str | None, prediction: Prediction, library: Any = np) -> Prediction:
    """A prediction in the target's own units; its leaves are arrays of this library."""
    if scale is None or prediction.mean is None:
        return prediction
    inverse = getattr(library, _SCALES[scale][1])
    interval = None if prediction.interval is None else inverse(prediction.interval)
    return prediction._replace(mean=inverse(prediction.mean), interval=interval)
