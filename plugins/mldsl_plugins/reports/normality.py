"""Whether the residuals of a regression look normal: a test, quantiles beside the normal's, a histogram.

Intervals and p-values of small samples rest on normal residuals; predictions do not, and the coefficients of many rows
hardly do. Residuals are those of the training rows (`rows = held_out` for others), on the scale that was fitted.

| test | looks for |
| --- | --- |
| `jarque_bera` | skewness and heavy or light tails; for large samples |
| `shapiro` | any departure, the strongest of these in small samples; of at most 5,000 values |
| `anderson_darling` | any departure, the tails above all |
| `lilliefors` | the largest distance of the distribution functions (Kolmogorov's D, mean and deviation estimated) |

Of many rows every test finds the slightest departure, so judge its size: skewness and excess kurtosis are 0 for the
normal, 2 and 6 for the exponential. The figure tells what to do: a bend is skewness (`target = log(...)` may help),
ends that leave the band to both sides are heavy tails (a robust model may help).

Shapes:  n rows; O(n log n).
Units:   none; the histogram is in the target's.
Sources: Jarque & Bera 1980, doi:10.1016/0165-1765(80)90024-5; Shapiro & Wilk 1965, doi:10.1093/biomet/52.3-4.591;
         Anderson & Darling 1954, doi:10.1080/01621459.1954.10501232; Lilliefors 1967,
         doi:10.1080/01621459.1967.10482916.
"""

from __future__ import annotations

import math
from typing import Literal

import attrs
import numpy as np

from mldsl.contract.views import ReportView
from mldsl.plugin import Component, Report, hookimpl, param
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Table
from mldsl_plugins.reports._normal import anderson_darling, jarque_bera, lilliefors, quantile_series, shape, shapiro
from mldsl_plugins.reports._residuals import Residuals, Rows, bell, residuals_of, scale_note
from mldsl_plugins.reports._shared import model_column, moments

_FEWEST, _LARGE = 8, 1000
_NAMES = {
    "jarque_bera": "Jarque-Bera", "shapiro": "Shapiro-Wilk W", "anderson_darling": "Anderson-Darling A²",
    "lilliefors": "Lilliefors D",
}  # fmt: skip
Test = Literal["jarque_bera", "shapiro", "anderson_darling", "lilliefors"]


@attrs.frozen
class Spec:
    """Which test, of which rows."""

    test: Test = param("jarque_bera", doc="Which test of normality.")
    rows: Rows = param("train", doc="Whose residuals: the training rows, or those held out.")


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """Statistic, p, skewness and kurtosis; quantiles and histogram of each model; what follows."""
    every = residuals_of(view, spec.rows)
    found = [r for r in every if r.weight.sum() >= _FEWEST and moments(r.residual, r.weight)[1] > _slight(r)]
    notes = [
        f"{r.model.name}: {r.words} with residuals that differ are too few to look at their distribution."
        for r in every if not any(r is one for one in found)
    ]  # fmt: skip
    if not found:
        return ReportOutput(notes=notes or ["No row has a residual."])
    tested = [_tested(spec, r) for r in found]
    for r, (_, _, size) in zip(found, tested, strict=True):
        if size < r.weight.sum():
            notes.append(
                f"{r.model.name}: {_NAMES[spec.test]} is of {size:,} evenly spaced quantiles of the residuals."
            )
    shapes = [shape(r.residual, r.weight) for r in found]
    words = "; ".join(dict.fromkeys(r.words for r in found))
    table = Table(
        f"Residuals and the normal distribution: {words}",
        [
            *model_column([r.model for r in found], [r.model.name for r in found]),
            Column(_NAMES[spec.test], [s for s, _, _ in tested]),
            Column("p", [p for _, p, _ in tested], "p"),
            Column("skewness", [s for s, _ in shapes]),
            Column("excess kurtosis", [k for _, k in shapes]),
            Column("standard deviation", [moments(r.residual, r.weight)[1] for r in found]),
        ],
    )
    notes += [_said(r, p, *both) for r, (_, p, _), both in zip(found, tested, shapes, strict=True)]
    figures = [_figure(r, i, several=len(found) > 1) for i, r in enumerate(found)]
    return ReportOutput([table], figures, [*notes, *scale_note(found)])


def _slight(r: Residuals) -> float:
    """A deviation that is rounding."""
    return 1e-12 * float(np.abs(r.target).max(initial=0.0))


def _tested(spec: Spec, r: Residuals) -> tuple[float, float, int]:
    """Statistic, p, and of how many values."""
    if spec.test == "shapiro":
        return shapiro(r.residual, r.weight)
    test = {"jarque_bera": jarque_bera, "anderson_darling": anderson_darling, "lilliefors": lilliefors}[spec.test]
    return (*test(r.residual, r.weight), math.ceil(r.weight.sum()))


def _said(r: Residuals, p: float, skewness: float, kurtosis: float) -> str:
    """Whether and how the residuals depart, in words that fit the number of rows."""
    n = float(r.weight.sum())
    slight = abs(skewness) < 0.5 and abs(kurtosis) < 1
    what = []
    if abs(skewness) >= 0.5:
        what.append(f"are skewed to the {'right' if skewness > 0 else 'left'}")
    if abs(kurtosis) >= 1:
        what.append(f"have {'heavier' if kurtosis > 0 else 'lighter'} tails than the normal")
    if p >= 0.05:
        few = " With so few rows only a strong one would be." if n < 50 else ""
        return f"{r.model.name}: no departure from the normal is found.{few}"
    if slight:
        many = f" {n:,.0f} rows show even slight ones." if n >= _LARGE else ""
        return f"{r.model.name}: the departure from the normal is slight.{many} Intervals and tests bear that."
    much = "" if n < _LARGE else " Coefficients of so many rows bear it; prediction intervals do not."
    return f"{r.model.name}: the residuals {' and '.join(what)}.{much}"


def _figure(r: Residuals, place: int, *, several: bool) -> Figure:
    mean, spread = moments(r.residual, r.weight)
    name = r.model.name
    return Figure(
        f"Residuals of {name} and the normal" if several else "Residuals and the normal",
        [
            Panel(
                "normal quantile", "standardized residual", quantile_series((r.residual - mean) / spread, r.weight),
                title="Quantiles",
            ),
            Panel("residual", "rows", bell(r), title="Distribution"),
        ],
        f"Residuals of {name} on {r.words}: sorted against normal quantiles, and as a histogram beside the normal.",
        name=name if place else "",
    )  # fmt: skip


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "normality", Spec, compute=compute, tasks={"regress"}, snippet="report { normality(test = shapiro) }",
            also_known_as=("shapiro", "shapiro_wilk", "jarque_bera", "qq_plot", "qqnorm", "lilliefors", "normal_ad"),
            sources=("Jarque & Bera 1980, doi:10.1016/0165-1765(80)90024-5",
                     "Shapiro & Wilk 1965, doi:10.1093/biomet/52.3-4.591",
                     "Anderson & Darling 1954, doi:10.1080/01621459.1954.10501232",
                     "Lilliefors 1967, doi:10.1080/01621459.1967.10482916"),
        )
    ]  # fmt: skip
