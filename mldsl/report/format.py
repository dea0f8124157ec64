"""How numbers are printed, in the terminal, on the page and on axes: one hand for all."""

from __future__ import annotations

import math
from typing import Any

MISSING = "–"


def cell(value: Any, format: str = "number") -> str:
    """A cell of a table as text. `format` is that of `mldsl.plugin.display.Column`."""
    value = plain(value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) or format == "text":
        return value if isinstance(value, str) else number(value) if isinstance(value, float) else str(value)
    if format == "integer":
        return f"{value:,.0f}" if float(value).is_integer() else number(value)
    if format == "share":
        return share(value)
    if format == "p":
        return p_value(value)
    return number(value)


def number(value: float, digits: int = 4) -> str:
    """`digits` significant digits, thousands grouped; never drops a digit before the point; exponents only at the ends.

    1234567.8 -> 1,234,568; 0.98765 -> 0.9877; 0.00001234 -> 1.234e-05.
    """
    if value is None or math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e9 or size < 1e-4:
        return _minus(f"{value:.{digits - 1}e}")
    if isinstance(value, int) or float(value).is_integer():
        return _minus(f"{int(value):,}")
    rounded = float(f"{size:.{digits - 1}e}")  # 99.999 is 100.0, of as many digits
    decimals = max(0, digits - 1 - math.floor(math.log10(rounded)))
    return _minus(f"{value:,.{decimals}f}")


def share(value: float) -> str:
    """A share as percent, one decimal: 0.1234 -> 12.3%."""
    if math.isnan(value):
        return MISSING
    return _minus(f"{100 * value:.1f}%")


def p_value(value: float) -> str:
    """Three decimals, and `<0.001` below."""
    if math.isnan(value):
        return MISSING
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def interval(low: float, high: float) -> str:
    """`0.91 to 0.97`, or nothing where there is no interval; its ends as precise as each other.

    Three significant digits, and more where the interval is so narrow that these would not show its width.
    """
    if math.isnan(low) or math.isnan(high):
        return ""
    size = max(abs(low), abs(high))
    if not 1e-4 <= size < 1e9:
        return f"{number(low, 3)} to {number(high, 3)}"
    decimals = max(0, 2 - math.floor(math.log10(size)))
    if 0 < high - low < math.inf:
        fine = 1 - math.floor(math.log10(high - low))
        decimals = fine if decimals < fine <= decimals + 3 else decimals  # beyond, it is rounding
    return f"{_minus(f'{low:,.{decimals}f}')} to {_minus(f'{high:,.{decimals}f}')}"


def seconds(value: float) -> str:
    """A duration: 4 ms, 1.25 s, 3 min 20 s."""
    if value < 0.9995:
        return f"{1000 * value:.3g} ms"
    if value < 120:
        return f"{value:.3g} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s"


def plain(value: Any) -> Any:
    """A NumPy scalar as Python's own, everything else as it is; 0.1 of float32 is 0.1, not 0.10000000149."""
    if type(value).__name__ == "float32":
        return float(str(value))
    return value.item() if hasattr(value, "item") and not isinstance(value, str) else value


def _minus(text: str) -> str:
    return text.replace("-", "−", 1) if text.startswith("-") else text
