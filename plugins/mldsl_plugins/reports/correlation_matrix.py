"""How strongly columns go together, pair by pair: the strongest pairs with intervals, and all of them as a heat map.

Columns are the declared ones before any transform: numbers, and binary and ordinal columns as the places of their
levels; target and inputs. Rows are the training rows, weighted; each pair is looked at on the rows that have both.

| method | what it is |
| --- | --- |
| `pearson` | straight lines: the mean product of the standardized columns |
| `spearman` | rising or falling, not always at one rate: Pearson's r of the ranks |
| `kendall` | tau-b: the share of pairs of rows in the same order less that in opposite order, corrected for ties |

p-values are two-sided: t with n - 2 degrees of freedom, for Kendall the normal approximation with ties. They are
corrected for all pairs; intervals, by Fisher's z, are not. A correlation says nothing of cause, and a bent relation may
have none: `residual_plots` and `partial_dependence` look for those.

`categorical = true` adds Cramér's V of each pair of columns with levels: 0 where they are independent, 1 where one
tells the other. Its bias, which grows with the number of levels, is taken out.

Shapes:  n rows, d columns: O(n d^2); for Spearman O(d n log n + n d^2). Kendall counts pairs of rows, O(n^2 d^2), on
         evenly spaced rows where there are too many. Where very many cells are missing, ranks are taken once a column.
Units:   none; from -1 to 1.
Sources: Pearson 1895, doi:10.1098/rspl.1895.0041; Spearman 1904, doi:10.2307/1412159; Kendall 1938,
         doi:10.1093/biomet/30.1-2.81; Fieller, Hartley & Pearson 1957, doi:10.1093/biomet/44.3-4.470; Bonett & Wright
         2000, doi:10.1007/BF02294183; Bergsma 2013, doi:10.1016/j.jkss.2012.10.002 (Cramér's V).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np

from mldsl.contract.views import ReportView
from mldsl.plugin import Column as ColumnName
from mldsl.plugin import Component, Problem, Report, Share, hookimpl, param
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Table
from mldsl_plugins.reports._chi_square import chi_square
from mldsl_plugins.reports._columns import LEVELS, NUMBERS, Trained, codes, is_number, texts, trained, values
from mldsl_plugins.reports._correlation import (
    Method,
    counts,
    intervals,
    kendall,
    kendall_rows,
    p_of_z,
    p_values,
    pearson,
    ranked_anew,
    spearman,
)
from mldsl_plugins.reports._shared import thin
from mldsl_plugins.reports._statistics import Correction, corrected

_MOST = 100  # columns
_SORTED = 12  # more columns are drawn in an order that keeps those that go together side by side
_LEVELS = 50
_CORRECTIONS = {"holm": "Holm", "bonferroni": "Bonferroni", "benjamini_hochberg": "Benjamini and Hochberg", "none": ""}
_NAMES = {"pearson": "Pearson's r", "spearman": "Spearman's rho", "kendall": "Kendall's tau-b"}


@attrs.frozen
class Spec:
    """Which correlation, of which columns, and how p-values are corrected."""

    columns: tuple[ColumnName, ...] = param((), doc="Columns to compare; without any, target and inputs.")
    method: Method = param("pearson", doc="Which correlation.")
    correction: Correction = param(
        "holm", also_known_as=("adjust", "p_adjust"), doc="How p-values are corrected for the number of pairs."
    )
    confidence: Share = param(Share(0.95), gt=0, lt=1, doc="Confidence of the intervals.")
    strongest: int = param(20, ge=1, unit="pairs", doc="Most pairs to list, the strongest first.")
    categorical: bool = param(False, doc="Show Cramér's V of columns with levels too.")


@attrs.frozen(eq=False)
class _Pairs:
    """All pairs of `names` [d]: correlations `r`, `rows` and `p` (not corrected), each [d, d]."""

    names: list[str]
    r: np.ndarray
    rows: np.ndarray
    p: np.ndarray


def check(spec: Spec, plan: Any) -> Iterator[Problem]:
    """Columns that are no numbers and have no order."""
    types = {c.name: c.type for c in plan.columns}
    fine = (*NUMBERS, *LEVELS) if spec.categorical else (*NUMBERS, "binary", "ordinal")
    for name in spec.columns:
        kind = types.get(name)
        if kind is not None and kind not in fine:
            how = " (`categorical = true` shows its Cramér's V)" if kind == "categorical" else ""
            yield Problem(
                "columns", f"expected numeric, binary or ordinal columns, found `{name}`, which is {kind}{how}"
            )
    if len(spec.columns) == 1:
        yield Problem("columns", "expected two columns or more, found one")


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """The strongest pairs, the whole matrix, how many rows each pair has, and heat maps."""
    part = trained(view)
    chosen = [c for c in _columns(spec, view) if is_number(view.frame, c) or c.type in ("binary", "ordinal")]
    notes, tables, figures = [], [], []
    if not spec.columns and len(chosen) > _MOST:
        notes.append(f"The first {_MOST} of {len(chosen)} columns; name others by `columns = [...]`.")
        chosen = chosen[:_MOST]
    pairs, more = _correlated(spec, view, chosen, part)
    notes += more
    if len(pairs.names) > 1:
        tables += _tables(spec, pairs, part)
        figures.append(_figure(spec, pairs))
    else:
        notes.append(
            "There are fewer than two numeric, binary or ordinal columns that vary, so there is no pair to compare."
        )
    if spec.categorical:
        associated = _associated(spec, view, part)
        tables += associated[0]
        figures += associated[1]
        notes += associated[2]
    return ReportOutput(tables, figures, notes)


def _columns(spec: Spec, view: ReportView) -> list[Any]:
    """Those to compare, the target first."""
    known = {c.name: c for c in view.columns if c.name in view.frame.columns}
    if spec.columns:
        return [known[name] for name in spec.columns if name in known]
    return sorted((c for c in known.values() if c.role in ("target", "input")), key=lambda c: c.role != "target")


def _correlated(spec: Spec, view: ReportView, chosen: list[Any], part: Trained) -> tuple[_Pairs, list[str]]:
    frame = view.frame[part.rows]
    cells = [values(frame, c.name) if is_number(frame, c) else codes(frame, c) for c in chosen]
    x, weight, notes = np.column_stack(cells) if cells else np.zeros((len(part.rows), 0)), part.weight, []
    x[~np.isfinite(x)] = np.nan
    low, high = (edge(x, axis=0, where=np.isfinite(x), initial=s) for edge, s in ((np.min, np.inf), (np.max, -np.inf)))
    if not (low < high).all():
        constant = ", ".join(f"`{c.name}`" for c, some in zip(chosen, low < high, strict=True) if not some)
        notes.append(f"Left out, since they do not vary: {constant}.")
        chosen, x = [c for c, some in zip(chosen, low < high, strict=True) if some], x[:, low < high]
    if spec.method == "kendall" and len(x) > (most := kendall_rows(x.shape[1])):
        kept = thin(len(x), most)
        x, weight = x[kept], weight[kept]
        notes.append(
            f"Kendall's tau is of {len(kept):,} evenly spaced training rows of {len(part.rows):,}: to compare every "
            "pair of all rows takes long. `spearman` takes them all."
        )
    rows = counts(x, weight)
    if spec.method == "kendall":
        r, z = kendall(x, weight)
        p = p_of_z(z)
    else:
        r = (pearson if spec.method == "pearson" else spearman)(x, weight)
        p = p_values(r, rows)
    if spec.method == "spearman" and not np.isfinite(x).all() and not ranked_anew(x):
        notes.append("Ranks are those among all rows that have the column, not anew for each pair: that takes long.")
    return _Pairs([c.name for c in chosen], r, rows, np.where(np.isfinite(r), p, np.nan)), notes


def _tables(spec: Spec, pairs: _Pairs, part: Trained) -> list[Table]:
    a, b = np.triu_indices(len(pairs.names), 1)
    r, rows = pairs.r[a, b], pairs.rows[a, b]
    p = corrected(pairs.p[a, b], spec.correction)
    low, high = intervals(r, rows, spec.method, spec.confidence)
    order = np.argsort(-np.abs(np.nan_to_num(r)), kind="stable")
    order = order[np.isfinite(r[order])][: spec.strongest]
    percent = f"{100 * spec.confidence:g}%"
    tested = int(np.isfinite(p).sum())
    of = f", the {len(order)} strongest of {tested:,} pairs" if len(order) < tested else ""
    note = f"p-values are corrected for {tested:,} pairs ({_CORRECTIONS[spec.correction]})." if tested > 1 else ""
    strongest = Table(
        f"{_NAMES[spec.method]}{of}: {part.words}",
        [
            Column("column", [pairs.names[i] for i in a[order]], "text"),
            Column("with", [pairs.names[i] for i in b[order]], "text"),
            Column("correlation", r[order]),
            Column(f"{percent} low", low[order]),
            Column(f"{percent} high", high[order]),
            Column("p", p[order], "p"),
            *([Column("rows", rows[order], "integer")] if np.ptp(pairs.rows) > 0 else []),
        ],
        note="" if spec.correction == "none" else note,
    )
    tables = [strongest, _square(f"{_NAMES[spec.method]} of all pairs", "matrix", pairs.names, pairs.r, "number")]
    if np.ptp(pairs.rows) > 0:
        tables.append(_square("Rows that have both columns", "rows", pairs.names, pairs.rows, "integer"))
    return tables


def _square(title: str, name: str, names: list[str], cells: np.ndarray, form: Any) -> Table:
    columns = [Column(one, cells[:, j], form) for j, one in enumerate(names)]
    return Table(title, [Column("column", names, "text"), *columns], name=name)


def _figure(spec: Spec, pairs: _Pairs) -> Figure:
    order = _side_by_side(pairs.r) if len(pairs.names) > _SORTED else np.arange(len(pairs.names))
    a, b = np.triu_indices(len(pairs.names), 1)
    sizes = np.abs(np.nan_to_num(pairs.r[a, b]))
    most = int(sizes.argmax())
    strongest = f"{pairs.names[a[most]]} and {pairs.names[b[most]]}, {pairs.r[a[most], b[most]]:.2f}"
    names = [pairs.names[i] for i in order]
    cells = pairs.r[np.ix_(order, order)].tolist()
    return Figure(
        _NAMES[spec.method],
        [Panel("", "", heatmap=cells, x_labels=names, y_labels=names)],
        f"{_NAMES[spec.method]} of {len(names)} columns, each with each; the strongest pair is {strongest}.",
    )


def _side_by_side(r: np.ndarray) -> np.ndarray:
    """An order in which columns that go together stand together: the angle of the two leading eigenvectors.

    Friendly 2002, doi:10.1198/000313002533.
    """
    _, vector = np.linalg.eigh(np.nan_to_num(r))
    first, second = vector[:, -1], vector[:, -2]
    first = first * (1 if first.sum() >= 0 else -1)
    angle = np.arctan2(second, first)
    order = np.argsort(angle, kind="stable")
    gap = np.diff(angle[order], append=angle[order[0]] + 2 * np.pi)
    return np.roll(order, -(int(gap.argmax()) + 1))  # the circle is cut where it is emptiest


def _associated(spec: Spec, view: ReportView, part: Trained) -> tuple[list[Table], list[Figure], list[str]]:
    """Cramér's V of each pair of columns with levels."""
    frame = view.frame[part.rows]
    chosen = [c for c in _columns(spec, view) if c.type in LEVELS]
    ranks = {c.name: texts(frame, c.name).rank("dense") for c in chosen}
    code = {name: ranks[name].fill_null(0).to_numpy().astype(int) - 1 for name in ranks}
    names = [name for name in code if 1 <= code[name].max(initial=-1) < _LEVELS]
    left = [f"`{c.name}`" for c in chosen if c.name not in names]
    notes = [f"Without Cramér's V: {', '.join(left)}, of one level or more than {_LEVELS}."] if left else []
    if len(names) < 2:
        return [], [], [*notes, "There are fewer than two columns with levels, so there is no Cramér's V."]
    d = len(names)
    v, p = np.eye(d), np.full((d, d), np.nan)
    for i in range(d):
        for j in range(i):
            a, b = code[names[i]], code[names[j]]
            both = (a >= 0) & (b >= 0)
            size = (int(a.max()) + 1, int(b.max()) + 1)
            table = np.bincount(a[both] * size[1] + b[both], part.weight[both], size[0] * size[1]).reshape(size)
            p[i, j], plain = chi_square(table)
            v[i, j] = v[j, i] = _unbiased(plain, table)
    a, b = np.tril_indices(d, -1)
    adjusted = corrected(p[a, b], spec.correction)
    order = np.argsort(-np.nan_to_num(v[a, b]), kind="stable")[: spec.strongest]
    table = Table(
        "Cramér's V, the strongest first",
        [
            Column("column", [names[i] for i in b[order]], "text"),
            Column("with", [names[i] for i in a[order]], "text"),
            Column("Cramér's V", v[a, b][order]),
            Column("p", adjusted[order], "p"),
        ],
        name="cramers_v",
        note=f"p-values are of Pearson's chi-square, corrected for {len(a):,} pairs." if len(a) > 1 else "",
    )
    alt = f"Cramér's V of {d} columns with levels; the strongest is {names[b[order[0]]]} with {names[a[order[0]]]}."
    panel = Panel("", "", heatmap=v.tolist(), x_labels=names, y_labels=names)
    return [table], [Figure("Cramér's V", [panel], alt, name="cramers_v")], notes


def _unbiased(v: float, table: np.ndarray) -> float:
    """Cramér's V less what chance alone gives, by Bergsma's correction."""
    n = table.sum()
    rows, columns = int((table.sum(axis=1) > 0).sum()), int((table.sum(axis=0) > 0).sum())
    if not np.isfinite(v) or n <= 1:
        return float("nan")
    phi = v**2 * (min(rows, columns) - 1)
    phi = max(0.0, phi - (rows - 1) * (columns - 1) / (n - 1))
    r, c = rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)
    return float(np.sqrt(phi / max(min(r, c) - 1, 1e-12)))


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "correlation_matrix", Spec, compute=compute, check=check, needs={"data"},
            snippet="report { correlation_matrix(method = spearman) }",
            also_known_as=("corr", "corrplot", "correlation", "correlations", "cor_mat"),
            sources=("Pearson 1895, doi:10.1098/rspl.1895.0041", "Spearman 1904, doi:10.2307/1412159",
                     "Kendall 1938, doi:10.1093/biomet/30.1-2.81", "Bonett & Wright 2000, doi:10.1007/BF02294183",
                     "Bergsma 2013, doi:10.1016/j.jkss.2012.10.002"),
        )
    ]  # fmt: skip
