"""Rows to predict: every row gets an answer, and what is odd about it is said beside the answer (language 4.4, 14)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

import attrs
import polars as pl

from mldsl.data.checks import check_rows, problem_masks
from mldsl.data.context import Context, Facts, Scan
from mldsl.data.dataset import ROW, SOURCE, Dataset, SourceInfo
from mldsl.data.encode import input_columns
from mldsl.data.expression import columns_of, reads
from mldsl.data.frames import sha256_of_frame, to_polars
from mldsl.data.levels import Levels, has_levels
from mldsl.data.read import absent_columns, check_memory, scan_source
from mldsl.data.table import Table, read_table, with_computed
from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.plan import ColumnPlan, ComponentValue, Plan
from mldsl.plan.design import columns_read, matched

# Read if they are there; nothing is predicted from them.
OPTIONAL_ROLES = ("key", "query", "group", "time", "offset", "position")


def load_rows(plan: Plan, rows: Any, context: Context, levels: Levels | None = None) -> Dataset:
    """The columns that predicting needs, of a source (`ComponentValue`) or of any table that speaks Arrow.

    Neither target, weight nor part are needed, and `where` does not apply. A column declared `?` that is absent counts
    as missing, with a warning; other absent columns raise MLP0413, all in one message. Cells out of range, of another
    type (they become missing), infinite (the same), missing without `?`, and levels that `levels` does not hold are
    warnings, counted in `warnings` and named in `row_warnings` row by row. `given` has all columns, as they are.
    """
    scans = _scans(rows, context)
    needed = _needed(plan) | _computed_offset(plan, scans)
    columns = [
        attrs.evolve(column, missing=True) if _past(plan, column) else column
        for column in plan.columns if column.name in needed or _optional(plan, column, scans)
    ]  # fmt: skip
    absent = {
        scan.name: [
            column for column in columns
            if column.computed is None and column.name not in scan.columns
            and (scan.absent is None or scan.absent(column.name) is None)
        ]
        for scan in scans
    }  # fmt: skip
    lacking = {name: [c for c in group if not c.missing and c.name in needed] for name, group in absent.items()}
    if any(lacking.values()):
        raise MldslError(absent_columns(lacking, scans))
    check_memory(scans, len(columns), plan)
    table = read_table([column for column in columns if column.computed is None], scans)
    table = with_computed(table, columns, context.function)
    known = [_with_levels(column, levels) for column in columns]
    everything = pl.repeat(True, table.frame.height, dtype=pl.Boolean, eager=True)
    problems = [_as_warning(d) for d in check_rows(table, known, everything, predicting=True)]
    names = {column.name for group in absent.values() for column in group}
    said = tuple(_row_warnings(table, [column for column in known if column.name not in names]))
    frame = table.frame.with_columns(
        pl.when(pl.col(c.name).is_finite()).then(pl.col(c.name)).alias(c.name)
        for c in columns if c.type == "continuous"
    )  # fmt: skip
    sources = tuple(
        SourceInfo(scan.name, facts.sha256, count)
        for scan, facts, count in zip(scans, table.facts, table.rows, strict=True)
    )
    return Dataset(
        frame, tuple(columns), sources, frame.height, frame.select(SOURCE, ROW).clear(),
        warnings=(*_absent_warnings(absent), *_offset_warnings(plan, scans, needed), *problems), row_warnings=said,
        given=_given(scans, table),
    )  # fmt: skip


# ---- where the rows are ----------------------------------------------------------------------------------------------
def _scans(rows: Any, context: Context) -> list[Scan]:
    if isinstance(rows, ComponentValue):
        return scan_source(rows, context)
    table = to_polars("data", rows)
    frame = table.collect() if isinstance(table, pl.LazyFrame) else table
    return [Scan("data", tuple(frame.columns), frame.lazy(), lambda: Facts(sha256_of_frame(frame)))]


# ---- which columns ---------------------------------------------------------------------------------------------------
def _needed(plan: Plan) -> set[str]:
    """Inputs, users and items, what steps work on or read, and all that those are computed from.

    Models with a formula need what it reads in place of the inputs.
    """
    computed = {column.name: column.computed for column in plan.columns if column.computed is not None}
    declared = {column.name: column for column in plan.columns}
    inputs = {column.name for column in input_columns(plan.columns)}
    named: set[str] = set()
    for model in plan.models:
        named |= inputs if model.design is None else set(matched(columns_read(model), [c.name for c in plan.columns]))
    named |= inputs if not plan.models else set()
    named |= {column.name for column in plan.columns if column.role in ("user", "item")}
    for model in plan.models:
        for step in model.steps:
            named.update(step.on)
            named.update((step.per,) if step.per else ())
            if step.derive is not None:
                named.update(columns_of(step.derive[1]))
    named = {name for name in named if name in declared and declared[name].role not in ("target", "weight", "part")}
    return named.union(*(reads(name, computed) for name in named))


def _computed_offset(plan: Plan, scans: Sequence[Scan]) -> set[str]:
    """An offset that is computed, and what from, where all of that is there."""
    computed = {column.name: column.computed for column in plan.columns if column.computed is not None}
    for column in plan.columns:
        if column.role == "offset" and column.computed is not None:
            sources = reads(column.name, computed)
            if all(name in scan.columns for scan in scans for name in sources - set(computed)):
                return {column.name} | sources
    return set()


def _optional(plan: Plan, column: ColumnPlan, scans: Sequence[Scan]) -> bool:
    present = all(column.name in scan.columns for scan in scans)
    return (column.role in OPTIONAL_ROLES or _past(plan, column)) and column.computed is None and present


def _past(plan: Plan, column: ColumnPlan) -> bool:
    """Whether it is a target of whose past steps make columns: known of some rows to predict, and no need."""
    return column.role == "target" and any(column.name in step.on for model in plan.models for step in model.steps)


def _with_levels(column: ColumnPlan, levels: Levels | None) -> ColumnPlan:
    if levels is None or not has_levels(column) or column.name not in levels.of:
        return column
    return attrs.evolve(column, levels=levels.of[column.name])


# ---- what is odd -----------------------------------------------------------------------------------------------------
def _as_warning(diagnostic: Diagnostic) -> Diagnostic:
    return attrs.evolve(
        diagnostic, severity="warning", help="these rows are predicted all the same, and say so in the column `warning`"
    )


def _absent_warnings(absent: Mapping[str, Sequence[ColumnPlan]]) -> Iterator[Diagnostic]:
    names: dict[str, ColumnPlan] = {column.name: column for group in absent.values() for column in group}
    for name, column in names.items():
        yield Diagnostic(
            "MLP0413", f"the column `{name}` is absent; all of its values count as missing", column.span,
            severity="warning",
        )  # fmt: skip


def _offset_warnings(plan: Plan, scans: Sequence[Scan], needed: Set[str]) -> Iterator[Diagnostic]:
    for column in plan.columns:
        if column.role == "offset" and column.name not in needed and not _optional(plan, column, scans):
            yield Diagnostic(
                "MLP0413", f"the offset `{column.name}` is absent; it counts as 0", column.span, severity="warning"
            )


def _row_warnings(table: Table, columns: Sequence[ColumnPlan]) -> list[str | None]:
    said: list[pl.Expr] = []
    for column in columns:
        cell, name = pl.col(column.name), column.name
        bad = table.bad.get(name)
        if bad is not None:
            said.append(pl.when(pl.lit(bad)).then(pl.lit(f"`{name}` is not {column.type}")))
        if not column.missing:
            absent = cell.is_null() if bad is None else cell.is_null() & ~pl.lit(bad)
            said.append(pl.when(absent).then(pl.lit(f"`{name}` is missing")))
        for kind, mask in problem_masks(column).items():
            said.append(pl.when(mask).then(_said(kind, column)))
    if not said:
        return [None] * table.frame.height
    joined = pl.concat_str(said, separator="; ", ignore_nulls=True)
    return table.frame.select(pl.when(joined != "").then(joined)).to_series().to_list()


def _said(kind: str, column: ColumnPlan) -> pl.Expr:
    if kind == "out_of_range":
        low, high = (
            "" if bound is None else f"{bound:.15g}" for bound in (column.low, column.high)
        )  # fmt: skip
        return pl.lit(f"`{column.name}` is outside {low}..{high}")
    if kind == "unknown_level":
        return pl.format("`" + column.name + "` has the unseen level `{}`", pl.col(column.name))
    return pl.lit(f"`{column.name}` is {'infinite' if kind == 'infinite' else 'negative'}")


def _given(scans: Sequence[Scan], table: Table) -> pl.DataFrame:
    """All columns of the sources, as they are, aligned with the rows."""
    frames = [scan.frame.collect(engine="streaming").head(count) for scan, count in zip(scans, table.rows, strict=True)]
    return pl.concat(frames, how="diagonal_relaxed") if len(frames) > 1 else frames[0]
