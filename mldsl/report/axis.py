"""Axes: from data to positions, nice round ticks, and how wide a text will be."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

_NARROW, _WIDE = set("iljtfrI.,:;'|![]() "), set("mwMWQO%@—")


def text_width(text: str, size: float) -> float:
    """The width of a text in a proportional sans-serif font, near enough to lay out by."""
    units = sum(0.36 if c in _NARROW else 0.92 if c in _WIDE else 0.7 if c.isupper() else 0.61 for c in text)
    return units * size


def shorten(text: str, width: float, size: float) -> str:
    """The text, or as much of it as fits with an ellipsis."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…"


@attrs.frozen
class Scale:
    """Maps `low..high` of the data to `start..end` of the picture, straight or by logarithm."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False
    whole: bool = False
    """Whether what is shown is counted, or numbered like years: then nothing lies between two whole numbers."""

    def __call__(self, value: float) -> float:
        """The position of a value, clipped to one picture beyond the edges so that paths stay sane."""
        if self.log:
            value = max(value, self.low / 1e6)
            share = (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + min(max(share, -1.0), 2.0) * (self.end - self.start)

    def ticks(self, count: int) -> list[tuple[float, str]]:
        """About `count` round values with their labels."""
        if self.log:
            return log_ticks(self.low, self.high, count)
        return linear_ticks(self.low, self.high, count, whole=self.whole)


def linear_ticks(low: float, high: float, count: int, *, whole: bool = False) -> list[tuple[float, str]]:
    """Multiples of 1, 2 or 5 times a power of ten within `low..high`, labelled with equal decimals."""
    step = _nice((high - low) / max(count, 1))
    if whole and step != round(step):
        step = 1.0 if step < 1 else 5.0  # instead of 2.5
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    values = [i * step for i in range(first, last + 1)]
    largest = max((abs(v) for v in values), default=0.0)
    if largest and not 1e-4 <= largest < 1e7:
        digits = next(d for d in range(17) if all(abs(float(f"{v:.{d}e}") - v) < 1e-6 * step for v in values))
        return [(v, "0" if v == 0 else _exponent(f"{v:.{digits}e}")) for v in values]
    decimals = next(d for d in range(16) if abs(step * 10**d - round(step * 10**d)) < 1e-6 * step * 10**d)
    comma = _comma(largest)
    return [
        (v, f"{v:{comma}.{decimals}f}".replace("-", "−").replace("−0." + "0" * decimals, "0." + "0" * decimals))
        for v in values
    ]


def log_ticks(low: float, high: float, count: int) -> list[tuple[float, str]]:
    """Powers of ten; with 2 and 5 between where the range is short; round numbers where it is within one decade."""
    decades = math.log10(high / low)
    if decades < 1:
        return [tick for tick in linear_ticks(low, high, count) if tick[0] > 0]
    factors = (1, 2, 5) if decades <= 2 else (1,)
    stride = max(1, round(decades / max(count, 1)))
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [f * 10.0**p for p in powers if p % stride == 0 for f in factors]
    values = [v for v in values if low * (1 - 1e-9) <= v <= high * (1 + 1e-9)]
    comma = _comma(max((v for v in values if v < 1e7), default=0.0))
    return [(v, _short(v, comma)) for v in values]


def spread(values: Sequence[float], log: bool, pad: float) -> tuple[float, float]:
    """The range of the values, widened by a share on both sides; never empty."""
    finite = [v for v in values if math.isfinite(v) and (v > 0 or not log)]
    if not finite:
        return (0.1, 1.0) if log else (0.0, 1.0)
    low, high = min(finite), max(finite)
    if log:
        if low == high:
            return low / 2, high * 2
        factor = (high / low) ** pad
        return low / factor, high * factor
    if low == high:
        slack = abs(low) * 0.1 or 1.0
        return low - slack, high + slack
    return low - pad * (high - low), high + pad * (high - low)


def _comma(largest: float) -> str:
    """Four digits need no comma, and years bear none; where a label has five, all are grouped (SI brochure, 5.4.4)."""
    return "," if round(largest) >= 10_000 else ""


def _short(value: float, comma: str) -> str:
    """A power of ten (or 2, 5 times one) without trailing zeros."""
    if 1e-4 <= value < 1e7:
        return f"{value:{comma}.4f}".rstrip("0").rstrip(".")
    return _exponent(f"{value:.0e}")


def _exponent(text: str) -> str:
    """`1e-05` as people write it: 1e−5."""
    digits, _, power = text.partition("e")
    return f"{digits}e{int(power)}".replace("-", "−")


def _nice(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(f * power for f in (1, 2, 2.5, 5, 10) if f * power >= step * (1 - 1e-9))
