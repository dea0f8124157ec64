"""What reports say of a comparison that turns round within levels: the comparison, and sentences about it."""

from __future__ import annotations

import attrs
import numpy as np

from mldsl_plugins.reports._paradox import Sums, Verdict

_NAMED = 6  # levels in a sentence


@attrs.frozen(eq=False)
class Variable:
    """A column as it is compared: a number (`levels` empty), or codes Int[n] of `levels`; missing is NaN or -1."""

    name: str
    cells: np.ndarray
    levels: tuple[str, ...] = ()
    cut: bool = False  # into fifths

    @property
    def known(self) -> np.ndarray:
        """Where it is not missing."""
        return np.isfinite(self.cells) if not self.levels else self.cells >= 0


@attrs.frozen(eq=False)
class Outcome:
    """What is compared: numbers, or an indicator of a level."""

    name: str
    level: str
    cells: np.ndarray


@attrs.frozen(eq=False)
class Finding:
    """One comparison: of `a` with `b` (levels of the group), or along it (both empty)."""

    outcome: Outcome
    group: Variable
    by: Variable
    a: int
    b: int
    sums: Sums
    verdict: Verdict
    table: np.ndarray | None

    @property
    def names(self) -> list[str]:
        """The levels that can be compared."""
        return [name for name, c in zip(self.by.levels, self.verdict.chosen, strict=True) if c]


def searched(spec: Any, count: int, rows: str, found: list[Finding], some: bool) -> str:
    """How much was looked at, and how sure intervals are."""
    able = len(found)
    said = f"Looked at {count:,} {'comparison' if count == 1 else 'comparisons'} of {rows}"
    if able < count:
        said += f", of which {able:,} have enough rows in two levels or more"
    if count > 1:
        said += f"; intervals are {100 * spec.confidence:g}% for all of them together"
    return said + ("." if some else "; none reverses so that intervals support it.")


def _value(f: Finding, value: float) -> str:
    return f"{100 * value:.1f}%" if f.outcome.level else f"{value:.4g}"


def _level(name: str) -> str:
    return f"`{name}`"


def means(f: Finding, stratum: int | None = None) -> tuple[tuple[float, float], tuple[float, float]]:
    """(rows, mean) of group a and of b, over all or in a stratum."""
    assert f.table is not None
    n, y = (plane.sum(axis=0) if stratum is None else plane[stratum] for plane in f.table[:2])
    return (float(n[f.a]), float(y[f.a] / n[f.a])), (float(n[f.b]), float(y[f.b] / n[f.b]))


def sentence(f: Finding) -> str:
    """What a newspaper could print."""
    v = f.verdict
    total = len(f.names)
    against = np.flatnonzero(v.chosen)[v.strata.slope * v.whole.slope[0] < 0]
    where = f"{v.opposite} of {total}" if v.opposite < total else "both" if total == 2 else f"all {total}"
    levels = f"levels of `{f.by.name}`" if not f.by.cut else f"fifths of `{f.by.name}`"
    what = _level(f.outcome.level) if f.outcome.level else f"the mean of `{f.outcome.name}`"
    if f.group.levels:
        a, b = _level(f.group.levels[f.a]), _level(f.group.levels[f.b])
        (na, ma), (nb, mb) = means(f)
        listed = []
        for s in against[:_NAMED]:
            (_, left), (_, right) = means(f, int(s))
            listed.append(f"{f.by.levels[s]} ({_value(f, left)} against {_value(f, right)})")
        less, more = ("less often", "more often") if f.outcome.level else ("lower", "higher")
        is_ = "comes" if f.outcome.level else "is"
        head = (
            f"Overall {what} {is_} {less} among {a} ({_value(f, ma)} of {na:,.6g}) than among {b} ({_value(f, mb)} of "
            f"{nb:,.6g}), yet in {where} {levels} {more}: "
        )
    else:
        slope = float(v.whole.slope[0])
        falls, rises = ("falls", "rises") if slope < 0 else ("rises", "falls")
        if f.outcome.level:
            what = f"the share of {what}"
        listed = [
            f"{f.by.levels[s]} ({_per_unit(f, v.strata.slope[i])})"
            for i, s in enumerate(np.flatnonzero(v.chosen)) if s in set(against.tolist())
        ][:_NAMED]  # fmt: skip
        head = (
            f"Overall {what} {falls} as `{f.group.name}` rises ({_per_unit(f, slope)}), yet within {where} {levels} it "
            f"{rises}: "
        )
    more_levels = f" and {len(against) - _NAMED} more" if len(against) > _NAMED else ""
    return f"{head}{', '.join(listed)}{more_levels}."


def _per_unit(f: Finding, slope: float) -> str:
    if f.outcome.level:
        return f"{100 * slope:+.3g} points per unit".replace("-", "−")
    return f"{slope:+.3g} per unit".replace("-", "−")


def why(told: list[Finding], z: float) -> list[str]:
    """How the surest came about, and what the levels say together."""
    if not told:
        return []
    f = told[0]
    out = [_spread(f)]
    if f.verdict.proof == "strata":
        low, high = (float(end[0]) for end in f.verdict.within.ends(z))
        scale, unit = (100, " points") if f.outcome.level else (1, "")
        said = f"{scale * float(f.verdict.within.slope[0]):+.3g}{unit} ({scale * low:+.3g} to {scale * high:+.3g})"
        against = np.sign(f.verdict.whole.slope[0]) * f.verdict.strata.slope / f.verdict.strata.error
        speaks = f.names[int(np.nanargmin(against))]
        out.append(
            f"All levels of `{f.by.name}` together leave a difference of {said.replace('-', '−')}, which may be none; "
            f"it is {speaks} that goes against the whole beyond doubt."
        )
    return out


def _spread(f: Finding) -> str:
    """How the groups are spread over the levels."""
    if f.table is None:
        both = f"`{f.group.name}` and `{f.outcome.name}`"
        return f"The levels of `{f.by.name}` lie apart in both {both}, which turns the line."
    n, y = f.table[0], f.table[1]
    chosen = np.flatnonzero(f.verdict.chosen)
    rate = y[chosen][:, [f.a, f.b]].sum(axis=1) / n[chosen][:, [f.a, f.b]].sum(axis=1)
    order = chosen[np.argsort(-rate)]
    mass = n[order][:, [f.a, f.b]].sum(axis=1)
    top = order[: max(1, int(np.searchsorted(np.cumsum(mass), mass.sum() / 3) + 1))]
    top = top[: max(1, len(order) - 1)]
    share = [float(n[top, g].sum() / n[:, g].sum()) for g in (f.a, f.b)]
    best = float(y[top][:, [f.a, f.b]].sum() / n[top][:, [f.a, f.b]].sum())
    what = f"{_level(f.outcome.level)} comes most often" if f.outcome.level else f"`{f.outcome.name}` is highest"
    named = ", ".join(f.by.levels[s] for s in top)
    a, b = f.group.levels[f.a], f.group.levels[f.b]
    return (
        f"The groups are spread unevenly over `{f.by.name}`: where {what} ({named}: {_value(f, best)}) are "
        f"{100 * share[0]:.0f}% of {_level(a)} and {100 * share[1]:.0f}% of {_level(b)}."
    )


def plainly(f: Finding) -> str:
    """What is said of a named comparison that does not reverse."""
    v = f.verdict
    total = len(f.names)
    if v.opposite == 0:
        return f"It does not reverse: all {total} levels of `{f.by.name}` go the way of the whole."
    goes = "goes" if v.opposite == 1 else "go"
    return (
        f"No reversal that the intervals support: {v.opposite} of {total} levels of `{f.by.name}` {goes} against the "
        "whole."
    )
