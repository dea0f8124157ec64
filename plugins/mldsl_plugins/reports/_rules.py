"""The conditions of trees in words: `Start ≤ 8.5`, `country in {Japan, Korea}`, `pclass = 3rd or missing`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import numpy as np

from mldsl.plugin import NamedColumn

_LISTED = 4  # levels that are written out where room is short


@attrs.frozen
class Rule:
    """One way of a split: by a threshold, or by the codes of the levels that go this way, and whether missing ones do.

    `left` is the way of values up to the threshold. `codes` is None where the column is a number.
    """

    column: NamedColumn
    left: bool
    threshold: float = math.nan
    codes: tuple[int, ...] | None = None
    missing: bool = False

    def words(self, most: int = _LISTED, *, missing: bool = True) -> str:
        """The condition; of more than `most` levels the rest is counted."""
        said = self._levels(most) if self.codes is not None else self._side()
        return f"{said} or missing" if missing and self.missing else said

    def _levels(self, most: int) -> str:
        assert self.codes is not None
        levels = self.column.levels or ()
        names = [levels[c] if c < len(levels) else f"level {c + 1}" for c in self.codes]
        if not names:
            return f"{self.column.name} of no known level"
        if len(names) == 1:
            return f"{self.column.name} = {names[0]}"
        shown = names if len(names) <= most else [*names[: most - 1], f"… {len(names) - most + 1} more"]
        return f"{self.column.name} in {{{', '.join(shown)}}}"

    def _side(self) -> str:
        name, levels = self.column.name, self.column.levels
        if self.column.type == "binary" and not levels:
            levels = ("0", "1")
        if levels:
            last = min(max(math.floor(self.threshold), -1), len(levels) - 1)  # the last level that goes left
            of = levels[: last + 1] if self.left else levels[last + 1 :]
            if len(of) == 1:
                return f"{name} = {of[0]}"
            if 0 <= last < len(levels) - 1:
                return f"{name} {'≤' if self.left else '>'} {levels[last]}"
        return f"{name} {'≤' if self.left else '>'} {digits(self.threshold)}"


def digits(value: float) -> str:
    """A threshold: as short as it is (14.5), and no longer than five significant digits, all of those before the point.

    Thresholds come as float32, so 0.1 is 0.1 here, not 0.10000000149.
    """
    if not math.isfinite(value):
        return ("−" if value < 0 else "") + "∞"
    short = np.format_float_positional(np.float32(value), trim="-")
    size = abs(value)
    if size and not 1e-4 <= size < 1e9:
        return f"{value:.4g}".replace("-", "−")
    if len(short.lstrip("-0.").replace(".", "")) > 5:
        places = max(0, 4 - math.floor(math.log10(size)))
        rounded = f"{value:.{places}f}"
        short = rounded.rstrip("0").rstrip(".") if "." in rounded else rounded
    whole, point, rest = short.lstrip("-").partition(".")
    grouped = f"{int(whole):,}" if len(whole) > 4 else whole
    return ("−" if value < 0 else "") + grouped + point + rest


def codes_of(words: np.ndarray, count: int) -> tuple[int, ...]:
    """The codes below `count` whose bits are set in words of 32."""
    return tuple(c for c in range(min(count, 32 * len(words))) if int(words[c // 32]) >> (c % 32) & 1)


def rules_of(
    column: NamedColumn, threshold: float, words: np.ndarray, *, missing_left: bool,
    known: tuple[int, ...] | None = None, decides: bool = True,
) -> tuple[Rule, Rule]:  # fmt: skip
    """Both ways of a split. Which of them missing values take is said where the column may miss some, and it `decides`.

    `known` are the codes that get to the node at all, None for every one.
    """
    if column.type == "categorical":
        count = len(column.levels or ()) or 32 * len(words)
        there = range(count) if known is None else known
        goes = set(codes_of(words, count))
        held, rest = tuple(c for c in there if c in goes), tuple(c for c in there if c not in goes)
        pair = (Rule(column, True, codes=held), Rule(column, False, codes=rest))
    else:
        pair = (Rule(column, True, float(threshold)), Rule(column, False, float(threshold)))
    if column.missing and decides:
        pair = (attrs.evolve(pair[0], missing=missing_left), attrs.evolve(pair[1], missing=not missing_left))
    return pair


def listed(names: Sequence[str], most: int) -> str:
    """Names in backticks, the rest of them counted."""
    shown = ", ".join(f"`{name}`" for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
