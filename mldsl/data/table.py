"""From scans to one table in canonical types, with a mark on every cell that is not of its column's type."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import attrs
import polars as pl

from mldsl.data.computed import compute_all
from mldsl.data.context import Facts, Scan, refuse
from mldsl.data.convert import BAD, CANONICAL, convert, converted, fixed_width, marked
from mldsl.data.dataset import ROW, SOURCE
from mldsl.data.expression import Functions
from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.plan import ColumnPlan

NUMBERS = {name: CANONICAL[name] for name in ("continuous", "integer")}


@attrs.frozen(eq=False)
class Table:
    """All rows of all scans: `frame` has the columns, `__source` and `__row`; `bad` maps a column to its marks."""

    frame: pl.DataFrame
    bad: dict[str, pl.Series]
    scans: tuple[Scan, ...]
    facts: tuple[Facts, ...]
    rows: tuple[int, ...]  # of each scan

    def place(self, source: int, row: int) -> str:
        """`line 62`, or `row 61` where rows are not lines; with the file where there are several."""
        scan, facts = self.scans[source], self.facts[source]
        where = f"line {row + scan.first_line}" if facts.lines else f"row {row + 1}"
        return where if len(self.scans) == 1 else f"{short(scan.name)} {where}"

    def written(self, column: str, source: int, row: int) -> str | None:
        """The cell as the source has it."""
        scan = self.scans[source]
        if column not in scan.columns:
            return None
        cell = scan.frame.select(pl.col(column).gather(row)).collect().item()
        return None if cell is None else str(cell.to_list() if isinstance(cell, pl.Series) else cell)


def short(name: str) -> str:
    """The name of a file without its folders, as messages say it."""
    return name.replace("\\", "/").rstrip("/").rpartition("/")[2] or name


def read_table(read: Sequence[ColumnPlan], scans: Sequence[Scan]) -> Table:
    """Read columns that are not computed; one that a scan neither has nor has a value for is missing in its rows.

    Numbers in text are read as such first; where a column turns out to have cells without a value, it is read again
    as text, which tells missing from wrong, and where cells do not fit, once more leniently (see `convert`).
    """
    facts = _inspected(scans)
    plain = all(fact.plain for fact in facts)
    quick = frozenset(column.name for column in read if column.type in NUMBERS and plain)
    frames = _collect(read, scans, quick=quick)
    doubtful = {name for frame in frames for name in quick & set(frame.columns) if frame[name].null_count()}
    frames = _again(frames, [column for column in read if column.name in doubtful], scans)
    failing = {name for frame in frames for name in marked(frame)}
    frames = _again(frames, [column for column in read if column.name in failing], scans, lenient=True)
    cut = [frame.head(frame.height - fact.blank_end) for frame, fact in zip(frames, facts, strict=True)]
    rows = tuple(frame.height for frame in cut)
    for index, frame in enumerate(cut):
        source = pl.lit(index, pl.UInt32).alias(SOURCE)
        cut[index] = frame.with_columns(source, pl.int_range(pl.len(), dtype=pl.UInt32).alias(ROW))
    whole = pl.concat(cut, how="diagonal") if len(cut) > 1 else cut[0]
    bad = {name: whole[BAD + name].fill_null(False) for name in marked(whole)}
    whole = whole.select(*(column.name for column in read), SOURCE, ROW)
    held = whole.schema
    for column in read:
        if isinstance(held[column.name], pl.List):
            values, wrong = fixed_width(column, whole[column.name])
            whole = whole.with_columns(values.alias(column.name))
            if wrong.any():
                bad[column.name] = wrong
    return Table(whole, bad, tuple(scans), facts, rows)


def with_computed(table: Table, columns: Sequence[ColumnPlan], functions: Functions) -> Table:
    """The table with its computed columns, all columns in declared order."""
    bad = dict(table.bad)
    return attrs.evolve(table, frame=compute_all(columns, table.frame, bad, functions), bad=bad)


def _inspected(scans: Sequence[Scan]) -> tuple[Facts, ...]:
    """What each source tells, and everything that is wrong with any of them."""
    facts: list[Facts] = []
    problems: list[Diagnostic] = []
    for scan in scans:
        try:
            facts.append(scan.inspect())
        except MldslError as error:
            problems.extend(error.diagnostics)
    if problems:
        raise MldslError(*problems)
    return tuple(facts)


def _again(
    frames: list[pl.DataFrame], columns: Sequence[ColumnPlan], scans: Sequence[Scan], lenient: bool = False
) -> list[pl.DataFrame]:
    """The frames with some columns read once more, with more care."""
    if not columns:
        return frames
    better = _collect(columns, scans, lenient=lenient)
    return [frame.with_columns(new.get_columns()) for frame, new in zip(frames, better, strict=True)]


def _collect(
    columns: Sequence[ColumnPlan], scans: Sequence[Scan], *, quick: Collection[str] = (), lenient: bool = False
) -> list[pl.DataFrame]:
    lazy = [_lazy(columns, scan, quick, lenient) for scan in scans]
    try:
        return pl.collect_all(lazy, engine="streaming")
    except (pl.exceptions.PolarsError, MldslError, OSError):
        for scan, frame in zip(scans, lazy, strict=True):  # which one was it?
            try:
                frame.collect(engine="streaming")
            except MldslError:
                raise
            except (pl.exceptions.PolarsError, OSError) as error:
                raise _explained(scan, error) from None
        raise


def _explained(scan: Scan, error: Exception) -> MldslError:
    if scan.explain is not None:
        return scan.explain(error)
    return refuse("MLP0406", f"`{scan.name}` cannot be read", str(error).partition("\n")[0])


def _lazy(columns: Sequence[ColumnPlan], scan: Scan, quick: Collection[str], lenient: bool) -> pl.LazyFrame:
    source = scan.frame
    if scan.numbers is not None and quick:
        source = scan.numbers({c.name: NUMBERS[c.type] for c in columns if c.name in quick and c.name in scan.columns})
    try:
        held = source.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _explained(scan, error) from None
    present = [column for column in columns if column.name in held]
    found = {column: convert(column, held[column.name], decimal=scan.decimal, lenient=lenient) for column in present}
    frame = converted(source, found)
    if not present:  # the rows still count
        frame = source.select(pl.col(next(iter(held))).is_null().alias(BAD))
    absent = [column for column in columns if column.name not in held]
    return frame.with_columns(_absent(column, scan).alias(column.name) for column in absent)


def _absent(column: ColumnPlan, scan: Scan) -> pl.Expr:
    value = scan.absent(column.name) if scan.absent is not None else None
    if value is None:
        return pl.lit(None, CANONICAL.get(column.type, pl.Array(pl.Float32, 0)))
    words = column.type not in ("continuous", "integer")
    return pl.lit(f"{value:.15g}" if words else value).cast(CANONICAL[column.type])
