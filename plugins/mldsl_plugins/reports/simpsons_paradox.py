"""Comparisons that turn round once a third column is looked at: what holds overall is the opposite within its groups.

An outcome (a share of rows, or a mean) is compared between two groups, or along a number, over all training rows; then
within each level of a third column, `by` (a number is cut into fifths). Where most levels go against the whole, that is
Simpson's paradox: the groups are spread unevenly over the levels, and the levels differ in the outcome. Which of the
two answers is the right one is a question of cause, which the data cannot settle.

Without arguments all comparisons are searched: the outcome is the target; the group each pair of levels of a column, or
a number; `by` every third column. A name narrows the search; with `group` and `by` the comparison is shown whatever it
says. A reversal is called `full` where every level goes against the whole and `partial` where more than half do, and
only where intervals support it, each corrected for the number of comparisons (Bonferroni): the whole differs from 0,
and so, on the other side, does the common difference within levels (Mantel and Haenszel's weights), or that of a level
with a tenth of the rows while no level contradicts it. Slight differences (a correlation below 0.05) are not called.

For shares the odds ratio overall and Mantel and Haenszel's common odds ratio say the same in another unit.

Shapes:  n rows, c columns: O(n c^2) for a search; where that takes long, on evenly spaced rows.
Units:   shares, or the outcome's own; over those of the number along which it is compared.
Errors:  levels with fewer than 5 rows of a group are left out of the comparison within levels.
Sources: Simpson 1951, doi:10.1111/j.2517-6161.1951.tb00088.x; Bickel, Hammel & O'Connell 1975,
         doi:10.1126/science.187.4175.398; Mantel & Haenszel 1959, doi:10.1093/jnci/22.4.719; Robins, Breslow &
         Greenland 1986, doi:10.2307/2531052.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Any

import attrs
import numpy as np

from mldsl.contract.views import ReportView
from mldsl.plugin import Column as ColumnName
from mldsl.plugin import Component, Problem, Report, Share, hookimpl, param
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl_plugins.reports._columns import LEVELS, NUMBERS, is_number, texts, trained, values
from mldsl_plugins.reports._paradox import Effect, judge, odds_ratios, sums_along, sums_between, tables
from mldsl_plugins.reports._paradox_words import (
    Finding,
    Outcome,
    Variable,
    means,
    plainly,
    searched,
    sentence,
    why,
)
from mldsl_plugins.reports._shared import thin, weighted_quantile
from mldsl_plugins.reports._statistics import two_sided_quantile

_GROUPS, _STRATA, _OUTCOMES = 8, 20, 6  # levels of a column that is compared, looked within, told
_FIFTHS = (0.2, 0.4, 0.6, 0.8)
_WHOLE = 10  # distinct whole numbers that are levels of their own
_WORK = 6e7  # rows times pairs of columns
_POINTS = 1200
_DRAWN = 3


@attrs.frozen
class Spec:
    """Where to look, and how sure to be."""

    outcome: ColumnName | None = param(None, doc="What is compared; the target unless given.", also_known_as=("y",))
    group: ColumnName | None = param(
        None, doc="Between what: a column of levels, or a number along which to compare; each unless given.",
        also_known_as=("x", "treatment"),
    )  # fmt: skip
    by: ColumnName | None = param(
        None, doc="Within what: the third column; each unless given.", also_known_as=("strata", "within", "confounder")
    )
    confidence: Share = param(Share(0.95), gt=0, lt=1, doc="Confidence of intervals, for all comparisons together.")
    most: int = param(5, ge=1, unit="reversals", doc="Most to tell, the surest first.")


def check(spec: Spec, plan: Any) -> Iterator[Problem]:
    """Columns of other types, one column twice, no outcome."""
    named = {"outcome": spec.outcome or plan.target, "group": spec.group, "by": spec.by}
    types = {c.name: c.type for c in plan.columns}
    if named["outcome"] is None:
        yield Problem("outcome", "expected a column, found none: there is no target to compare")
    for parameter, name in named.items():
        if name is not None and types.get(name) not in (None, *NUMBERS, *LEVELS):
            yield Problem(parameter, f"expected a number or a column of levels, found `{name}`, which is {types[name]}")
    for first, second in combinations(named, 2):
        if named[first] is not None and named[first] == named[second]:
            yield Problem(second, f"expected a column other than `{first}`, found `{named[second]}` for both")


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """What reverses, in sentences, with the levels of the surest as a table and a picture."""
    part = trained(view)
    known = {c.name: c for c in view.columns if c.name in view.frame.columns}
    name = spec.outcome or view.target
    if name not in known:
        return ReportOutput(notes=["There is no outcome to compare: name one by `outcome = COLUMN`."])
    inputs = [c.name for c in known.values() if c.role in ("input", "target") and c.name != name]
    groups = [spec.group] if spec.group else [c for c in inputs if c != spec.by]
    thirds = [spec.by] if spec.by else inputs
    rows, notes = part.rows, []
    if len(groups) * len(thirds) * len(rows) > _WORK:
        kept = thin(len(rows), max(2000, int(_WORK / (len(groups) * len(thirds)))))
        notes.append(f"Searched on {len(kept):,} evenly spaced training rows of {len(rows):,}.")
        rows, part = rows[kept], attrs.evolve(part, rows=rows[kept], weight=part.weight[kept])
    frame, weight = view.frame[rows], part.weight
    outcomes = _outcomes(frame, known[name])
    as_group = {n: v for n in groups if (v := _group(frame, known[n])) is not None}
    as_third = {n: v for n in thirds if (v := _third(frame, known[n], weight)) is not None}
    notes += _skipped(spec, outcomes, as_group, as_third, name)
    pairs = [(g, b) for g in as_group.values() for b in as_third.values() if g.name != b.name]
    count = len(outcomes) * sum(_comparisons(g) for g, _ in pairs)
    if not count:
        return ReportOutput(notes=notes or ["There are no three columns to compare."])
    z = two_sided_quantile(1 - (1 - spec.confidence) / count, math.inf)
    found = [f for o in outcomes for g, b in pairs for f in _compare(spec, o, g, b, weight, count, z)]
    reversed_ = sorted(
        (f for f in found if f.verdict.kind), key=lambda f: (f.verdict.kind != "full", -f.verdict.strength)
    )
    notes.append(searched(spec, count, part.words, found, bool(reversed_)))
    told = _once(reversed_)[: spec.most]
    if len(reversed_) > len(told):
        notes.append(f"{len(reversed_)} comparisons reverse; told are the surest, one for each outcome and group.")
    shown = told
    if not told and spec.group and spec.by and found:
        shown = sorted(found, key=lambda f: -abs(float(f.verdict.whole.r[0])))[:1]
        notes.append(plainly(shown[0]))
    if not shown:
        return ReportOutput(notes=notes)
    near = two_sided_quantile(spec.confidence, math.inf)
    warnings = [sentence(f) for f in told]
    details = [_strata(f, near, spec, i) for i, f in enumerate(shown[:_DRAWN])]
    figures = [_figure(f, weight, near, i) for i, f in enumerate(shown[:_DRAWN])]
    return ReportOutput([_overview(shown, z, count), *details], figures, [*why(told[:1], near), *notes], warnings)


# ---- columns ---------------------------------------------------------------------------------------------------------
def _outcomes(frame: Any, column: Any) -> list[Outcome]:
    if is_number(frame, column):
        return [Outcome(column.name, "", values(frame, column.name))]
    levels, code = _coded(frame, column)
    told = levels[1:] if len(levels) == 2 else levels
    return [
        Outcome(column.name, level, np.where(code < 0, np.nan, code == levels.index(level)))
        for level in told[: _OUTCOMES if len(levels) <= _OUTCOMES else 0]
    ]


def _coded(frame: Any, column: Any) -> tuple[list[str], np.ndarray]:
    import polars as pl

    series = texts(frame, column.name)
    present = sorted(series.drop_nulls().unique())
    levels = [v for v in column.levels if v in set(present)] if column.levels else present
    places = dict(zip(levels, range(len(levels)), strict=True))
    return levels, series.replace_strict(places, default=None, return_dtype=pl.Int64).fill_null(-1).to_numpy()


def _group(frame: Any, column: Any) -> Variable | None:
    if frame.schema[column.name].is_nested():
        return None
    if is_number(frame, column):
        cells = values(frame, column.name)
        finite = cells[np.isfinite(cells)]
        return Variable(column.name, cells) if len(finite) and np.ptp(finite) > 0 else None
    if column.type not in LEVELS:
        return None
    levels, code = _coded(frame, column)
    return Variable(column.name, code, tuple(levels)) if 2 <= len(levels) <= _GROUPS else None


def _third(frame: Any, column: Any, weight: np.ndarray) -> Variable | None:
    """Codes: levels, few whole numbers, or fifths of a number."""
    if frame.schema[column.name].is_nested():
        return None
    if not is_number(frame, column):
        levels, code = _coded(frame, column) if column.type in LEVELS else ([], np.zeros(0, int))
        return Variable(column.name, code, tuple(levels)) if 2 <= len(levels) <= _STRATA else None
    cells = values(frame, column.name)
    finite = np.isfinite(cells)
    distinct = np.unique(cells[finite])
    if len(distinct) < 2:
        return None
    if len(distinct) <= _WHOLE:
        code = np.searchsorted(distinct, cells)
        names = tuple(f"{v:.6g}" for v in distinct)
        return Variable(column.name, np.where(finite, np.minimum(code, len(distinct) - 1), -1), names)
    edges = np.unique(weighted_quantile(cells[finite], weight[finite], _FIFTHS))
    code = np.searchsorted(edges, cells, side="left")
    shown = [f"{v:.4g}" for v in edges]
    names = (f"up to {shown[0]}", *(f"{a} to {b}" for a, b in pairwise(shown)), f"over {shown[-1]}")
    return Variable(column.name, np.where(finite, code, -1), names, cut=True)


def _comparisons(group: Variable) -> int:
    return len(group.levels) * (len(group.levels) - 1) // 2 if group.levels else 1


def _skipped(spec: Spec, outcomes: Any, groups: Any, thirds: Any, name: str) -> list[str]:
    out = []
    if not outcomes:
        out.append(f"`{name}` has more than {_OUTCOMES} levels, so it is no outcome to compare.")
    for wanted, have, most in ((spec.group, groups, _GROUPS), (spec.by, thirds, _STRATA)):
        if wanted and wanted not in have:
            out.append(f"`{wanted}` does not vary, or has more than {most} levels, so it cannot be compared.")
    return out


# ---- comparisons -----------------------------------------------------------------------------------------------------
def _compare(
    spec: Spec, outcome: Outcome, group: Variable, by: Variable, weight: np.ndarray, count: int, z: float
) -> Iterator[Finding]:
    rows = np.flatnonzero(np.isfinite(outcome.cells) & group.known & by.known)
    y, w, third = outcome.cells[rows], weight[rows], by.cells[rows]
    search = not (spec.group and spec.by)
    z_strata = two_sided_quantile(1 - (1 - spec.confidence) / (count * len(by.levels)), math.inf)
    if not group.levels:
        x = group.cells[rows]
        x0, y0 = (np.average(v, weights=w) if len(v) else 0.0 for v in (x, y))  # centred, so that little cancels
        sums = sums_along(x - x0, y - (0 if outcome.level else y0), w, third, len(by.levels))
        verdict = judge(sums, groups=False, z=z, z_strata=z_strata, search=search)
        if verdict is not None:
            yield Finding(outcome, group, by, -1, -1, sums, verdict, None)
        return
    table = tables(group.cells[rows], y, w, third, (len(by.levels), len(group.levels)))
    for a, b in combinations(range(len(group.levels)), 2):
        sums = sums_between(table, a, b)
        if (sums.xy.sum() * (sums.n - sums.x).sum()) > ((sums.y - sums.xy).sum() * sums.x.sum()):
            a, b = b, a  # told of the group that has less of it overall
            sums = sums_between(table, a, b)
        verdict = judge(sums, groups=True, z=z, z_strata=z_strata, search=search)
        if verdict is None:
            continue
        yield Finding(outcome, group, by, a, b, sums, verdict, table)


def _once(found: list[Finding]) -> list[Finding]:
    """The surest of each outcome and pair of groups."""
    seen: dict[Any, Finding] = {}
    for f in found:
        seen.setdefault((f.outcome.name, f.outcome.level, f.group.name, f.a, f.b), f)
    return list(seen.values())


# ---- tables and figures ----------------------------------------------------------------------------------------------
def _overview(shown: list[Finding], z: float, count: int) -> Table:
    def ends(effect: Effect, i: int) -> float:
        return float(effect.ends(z)[i][0])

    whole, within = [f.verdict.whole for f in shown], [f.verdict.within for f in shown]
    form: Any = "share" if all(f.outcome.level and f.group.levels for f in shown) else "number"
    between = [f"{f.group.levels[f.a]} − {f.group.levels[f.b]}" if f.group.levels else "per unit" for f in shown]
    return Table(
        "Overall and within levels",
        [
            Column("outcome", [f.outcome.level or f.outcome.name for f in shown], "text"),
            Column("group", [f.group.name for f in shown], "text"),
            Column("compared", between, "text"),
            Column("by", [f.by.name for f in shown], "text"),
            Column("overall", [float(e.slope[0]) for e in whole], form),
            Column("within", [float(e.slope[0]) for e in within], form),
            Column("against", [f"{f.verdict.opposite} of {len(f.names)}" for f in shown], "text"),
            Column("reversal", [f.verdict.kind or "none" for f in shown], "text"),
            Column("overall low", [ends(e, 0) for e in whole], form),
            Column("overall high", [ends(e, 1) for e in whole], form),
            Column("within low", [ends(e, 0) for e in within], form),
            Column("within high", [ends(e, 1) for e in within], form),
        ],
        note=f"Intervals are corrected for {count:,} comparisons." if count > 1 else "",
    )  # fmt: skip


def _with_ends(value: float, low: float, high: float) -> str:
    """`1.11 (0.943 to 1.30)`; infinite where all of a group are of one outcome, and then without ends."""
    if np.isfinite([value, low, high]).all():
        return f"{value:#.3g} ({low:#.3g} to {high:#.3g})"
    return "∞" if np.isinf(value) else "unknown"


def _strata(f: Finding, z: float, spec: Spec, place: int) -> Table:
    """The comparison level by level, and of all rows; 95% intervals of each by itself."""
    v = f.verdict
    chosen = np.flatnonzero(v.chosen)
    labels = [*f.names, "within levels", "all together"]
    every = [v.strata, v.within, v.whole]
    slope = np.concatenate([e.slope for e in every])
    ends = [np.concatenate([e.ends(z)[i] for e in every]) for i in (0, 1)]
    percent = f"{100 * spec.confidence:g}%"
    form: Any = "share" if f.outcome.level else "number"
    columns = [Column(f.by.name, labels, "text")]
    if f.table is not None:
        n, mean = f.table[0], f.table[1] / np.maximum(f.table[0], 1e-300)
        for g in (f.a, f.b):
            rows, share = means(f)[0 if g == f.a else 1]
            columns += [
                Column(f"rows {f.group.levels[g]}", [*n[chosen, g], None, rows], "integer"),
                Column(f.group.levels[g], [*mean[chosen, g], None, share], form),
            ]
        columns.append(Column("difference", slope, form))
    else:
        columns += [Column("rows", [*f.sums.n[chosen], None, f.sums.n.sum()], "integer"), Column("slope", slope)]
    between = form if f.table is not None else "number"
    columns += [Column(f"{percent} low", ends[0], between), Column(f"{percent} high", ends[1], between)]
    note = ""
    if f.table is not None and f.outcome.level:
        crude, pooled = odds_ratios(f.table[:, v.chosen], f.a, f.b, z)
        note = (
            f"Odds ratio of {f.group.levels[f.a]} against {f.group.levels[f.b]}: overall {_with_ends(*crude)}, within "
            f"levels (Mantel-Haenszel) {_with_ends(*pooled)}."
        )
    left = len(f.by.levels) - len(f.names)
    if left:
        note = f"{note} {left} {'level has' if left == 1 else 'levels have'} too few rows to compare.".strip()
    title = f"{f.outcome.level or f.outcome.name} by {f.group.name} within {f.by.name}"
    return Table(title, columns, name="levels" if not place else f"levels-{place + 1}", note=note)


def _figure(f: Finding, weight: np.ndarray, z: float, place: int) -> Figure:
    what = f"share of {f.outcome.level}" if f.outcome.level else f"mean {f.outcome.name}"
    title = f"{f.outcome.level or f.outcome.name} by {f.group.name}, overall and within {f.by.name}"
    panels = _lines(f, weight) if f.table is None else _bars(f, z, what)
    return Figure(title, panels, _alt(f), name="" if not place else str(place + 1))


def _alt(f: Finding) -> str:
    return sentence(f) if f.verdict.kind else f"{f.outcome.name} by {f.group.name}, overall and within {f.by.name}."


def _bars(f: Finding, z: float, what: str) -> list[Panel]:
    assert f.table is not None
    chosen = np.flatnonzero(f.verdict.chosen)
    found = []
    for g in (f.a, f.b):
        every = np.concatenate([f.table[:, chosen, g], f.table[:, :, g].sum(axis=1)[:, None]], axis=1)
        n, mean = every[0], every[1] / every[0]
        error = np.sqrt(np.maximum(every[2] / n - mean**2, 0) / np.maximum(n - 1, 1))
        found.append((f.group.levels[g], mean, mean - z * error, mean + z * error))
    top = max(float(high.max()) for _, _, _, high in found)
    bottom = min(0.0, *(float(low.min()) for _, _, low, _ in found))
    limits = (bottom, min(1.0, 1.05 * top)) if f.outcome.level else (bottom * 1.05, 1.05 * top)
    if f.outcome.level:
        limits = (0.0, limits[1])

    def series(at: slice | list[int], names: list[str]) -> list[Series]:
        return [
            Series(names, mean[at], name, low=np.maximum(low[at], limits[0]), high=high[at], mark="bars")
            for name, mean, low, high in found
        ]

    return [
        Panel("all together", what, series([-1], [" "]), title="Overall", x_kind="category", y_range=limits),
        Panel(
            f.by.name, what, series(slice(0, -1), f.names), f"Within {f.by.name}", x_kind="category", y_range=limits
        ),
    ]  # fmt: skip


def _lines(f: Finding, weight: np.ndarray) -> list[Panel]:
    rows = np.flatnonzero(np.isfinite(f.outcome.cells) & f.group.known & f.by.known)
    x, y, third, w = f.group.cells[rows], f.outcome.cells[rows], f.by.cells[rows], weight[rows]
    shown = thin(len(rows), _POINTS)
    x0, y0 = np.average(x, weights=w), np.average(y, weights=w)
    slope = float(f.verdict.whole.slope[0])
    ends = np.quantile(x, [0.01, 0.99])
    whole = Series(ends, y0 + slope * (ends - x0), "all together", emphasis="reference")
    clouds, lines = [], []
    for i, s in enumerate(np.flatnonzero(f.verdict.chosen)):
        mine = third == s
        name = f.by.levels[s]
        own, mean_x, mean_y = x[mine], np.average(x[mine], weights=w[mine]), np.average(y[mine], weights=w[mine])
        reach = np.quantile(own, [0.02, 0.98])
        some = shown[mine[shown]]
        if not f.outcome.level:
            clouds.append(Series(x[some], y[some], name, mark="points"))
        lines.append(Series(reach, mean_y + f.verdict.strata.slope[i] * (reach - mean_x), name))
    label = f"share of {f.outcome.level}" if f.outcome.level else f.outcome.name
    everyone = [] if f.outcome.level else [Series(x[shown], y[shown], "", mark="points", emphasis="muted")]
    line = attrs.evolve(whole, emphasis="normal")
    return [
        Panel(f.group.name, label, [*everyone, line], title="Overall"),
        Panel(f.group.name, label, [*clouds, *lines, attrs.evolve(line)], title=f"Within {f.by.name}"),
    ]


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "simpsons_paradox", Spec, compute=compute, check=check, needs={"data"},
            snippet="report { simpsons_paradox }",
            also_known_as=("simpson", "simpsons", "simpson_paradox", "aggregation_paradox", "yule_simpson"),
            sources=("Simpson 1951, doi:10.1111/j.2517-6161.1951.tb00088.x",
                     "Bickel, Hammel & O'Connell 1975, doi:10.1126/science.187.4175.398",
                     "Mantel & Haenszel 1959, doi:10.1093/jnci/22.4.719",
                     "Robins, Breslow & Greenland 1986, doi:10.2307/2531052"),
        )
    ]  # fmt: skip
