"""`users =` and `items =`: tables beside the rows, joined by the role column; the only join of the language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs
import polars as pl

from mldsl.data.checks import EXAMPLES, check_rows
from mldsl.data.context import Scan, refuse
from mldsl.data.dataset import ROW, SOURCE
from mldsl.data.table import Table, read_table, short
from mldsl.diagnostics import Diagnostic
from mldsl.plan import ColumnPlan, Plan

ROLE_OF: Mapping[str, str] = {"users": "user", "items": "item"}


@attrs.frozen(eq=False)
class Side:
    """One of these tables: its key column (the user or the item) and the columns that only it has."""

    name: str
    scans: tuple[Scan, ...]
    key: ColumnPlan
    columns: tuple[ColumnPlan, ...]


def find_sides(plan: Plan, named: Mapping[str, Sequence[Scan]]) -> list[Side]:
    """The tables beside the rows, with the declared columns that they bring: what the rows themselves lack."""
    rows = [scan for name, scans in named.items() if name not in ROLE_OF for scan in scans]
    taken = {column for scan in rows for column in scan.columns}
    found = []
    for name, role in ROLE_OF.items():
        if name not in named:
            continue
        key = next((column for column in plan.columns if column.role == role), None)
        if key is None:
            raise refuse("MLP0413", f"`{name}` is joined by the column with the role {role}, and there is none")
        scans = tuple(named[name])
        present = set.intersection(*(set(scan.columns) for scan in scans))
        if key.name not in present:
            raise refuse(
                "MLP0413", f"`{short(scans[0].name)}` lacks the column `{key.name}`, by which `{name}` are joined"
            )
        own = [c for c in plan.columns if c.computed is None and c.name in present and c.name not in taken]
        taken |= {column.name for column in own}
        found.append(Side(name, scans, key, tuple(own)))
    return found


def join_side(table: Table, side: Side) -> tuple[Table, Table, list[Diagnostic]]:
    """The rows with the side's columns, the side's own table, and what is wrong with either."""
    own = read_table([side.key, *side.columns], side.scans)
    every = pl.repeat(True, own.frame.height, dtype=pl.Boolean, eager=True)
    problems = check_rows(own, [attrs.evolve(side.key, role="ignore"), *side.columns], every)
    problems.extend(_twice(own, side))
    names = [column.name for column in side.columns]
    unique = own.frame.select(side.key.name, *names).unique(subset=side.key.name, keep="first", maintain_order=True)
    joined = table.frame.join(unique, on=side.key.name, how="left", maintain_order="left")
    return attrs.evolve(table, frame=joined), own, problems


def _twice(own: Table, side: Side) -> Iterator[Diagnostic]:
    """MLP0409: two rows for one user or item; which of them would count?"""
    repeated = own.frame.filter(pl.col(side.key.name).is_duplicated() & pl.col(side.key.name).is_not_null())
    if repeated.is_empty():
        return
    places = [
        f"{own.place(source, row)}: {value}"
        for value, source, row in repeated.select(side.key.name, SOURCE, ROW).head(EXAMPLES).iter_rows()
    ]
    count = repeated[side.key.name].n_unique()
    noun = side.name.removesuffix("s") if count == 1 else side.name
    yield Diagnostic(
        "MLP0409", f"{count:,} {noun} of `{short(side.scans[0].name)}` {'has' if count == 1 else 'have'} several rows",
        side.key.span, notes=("; ".join(places),), help=f"keep one row for each `{side.key.name}`",
    )  # fmt: skip


def unmatched(table: Table, kept: pl.Series, side: Side, own: Table) -> Iterator[Diagnostic]:
    """MLP0403 for rows whose user or item the side lacks, if it brings a column that must not be missing."""
    needs = [column for column in side.columns if not column.missing]
    if not needs:
        return
    key = table.frame[side.key.name]
    lost = key.is_not_null() & ~key.is_in(own.frame[side.key.name].drop_nulls().implode()) & kept
    if not (count := int(lost.sum())):
        return
    rows = table.frame.filter(lost).select(SOURCE, ROW, side.key.name).head(EXAMPLES)
    places = "; ".join(f"{table.place(source, row)}: {value}" for source, row, value in rows.iter_rows())
    rows_text = "1 row" if count == 1 else f"{count:,} rows"
    yield Diagnostic(
        "MLP0403", f"`{short(side.scans[0].name)}` lacks the `{side.key.name}` of {rows_text}", side.key.span,
        notes=(places + (f"; and {count - EXAMPLES:,} more" if count > EXAMPLES else ""),
               f"so {', '.join(f'`{column.name}`' for column in needs[:EXAMPLES])} would be missing"),
        help=f"add them to `{short(side.scans[0].name)}`, or declare its columns with `?`",
    )  # fmt: skip
