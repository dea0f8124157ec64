"""From scans to one table in canonical types, with a mark on every cell that is not of its column's type."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import attrs
import polars as pl

from mldsl.data.context import Context, Facts, Scan, refuse
from mldsl.data.convert import CANONICAL, Conversion, convert, fixed_width, parsed_name
from mldsl.data.dataset import ROW, SOURCE
from mldsl.data.expression import columns_of, row_expression
from mldsl.diagnostics import InternalError, MldslError
from mldsl.plan import ColumnPlan

BAD = "__bad "  # what the name of a mark begins with


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
        return None if cell is None else str(cell)


def short(name: str) -> str:
    """The name of a file without its folders, as messages say it."""
    return name.replace("\\", "/").rstrip("/").rpartition("/")[2] or name


def build_table(columns: Sequence[ColumnPlan], scans: Sequence[Scan], context: Context) -> Table:
    """Read the columns, all of which the scans have (or say what an absent one is); computed ones are added.

    Cells that do not fit are tried again leniently (see `convert`), which reads the source a second time.
    """
    read = [column for column in columns if column.computed is None]
    facts = tuple(scan.inspect() for scan in scans)
    frames = _collect(read, scans, frozenset())
    if failing := frozenset(name for frame in frames for name in _marked(frame)):
        frames = _collect(read, scans, failing)
    cut = [frame.head(frame.height - fact.blank_end) for frame, fact in zip(frames, facts, strict=True)]
    rows = tuple(frame.height for frame in cut)
    for index, frame in enumerate(cut):
        source = pl.lit(index, pl.UInt32).alias(SOURCE)
        cut[index] = frame.with_columns(source, pl.int_range(pl.len(), dtype=pl.UInt32).alias(ROW))
    whole = pl.concat(cut, how="diagonal") if len(cut) > 1 else cut[0]
    bad = {name: whole[BAD + name].fill_null(False) for name in _marked(whole)}
    whole = whole.select(*(column.name for column in read), SOURCE, ROW)
    for column in read:
        if isinstance(whole.schema[column.name], pl.List):
            values, wrong = fixed_width(column, whole[column.name])
            whole = whole.with_columns(values.alias(column.name))
            if wrong.any():
                bad[column.name] = wrong
    whole = _compute(columns, whole, bad, context)
    return Table(whole, bad, tuple(scans), facts, rows)


def _collect(columns: Sequence[ColumnPlan], scans: Sequence[Scan], lenient: Collection[str]) -> list[pl.DataFrame]:
    lazy = [_lazy(columns, scan, lenient) for scan in scans]
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


def _lazy(columns: Sequence[ColumnPlan], scan: Scan, lenient: Collection[str]) -> pl.LazyFrame:
    try:
        held = scan.frame.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _explained(scan, error) from None
    present = [column for column in columns if column.name in held]
    found = {
        column: convert(column, held[column.name], decimal=scan.decimal, lenient=column.name in lenient)
        for column in present
    }
    frame = _converted(scan.frame, found)
    if not present:  # the rows still count
        frame = scan.frame.select(pl.col(next(iter(held))).is_null().alias(BAD))
    absent = [column for column in columns if column.name not in held]
    return frame.with_columns(_absent(column, scan).alias(column.name) for column in absent)


def _converted(frame: pl.LazyFrame, found: Mapping[ColumnPlan, Conversion]) -> pl.LazyFrame:
    """The columns in their canonical types, with a mark column beside each whose cells may not fit."""
    parsed = [c.parsed.alias(parsed_name(column)) for column, c in found.items() if c.parsed is not None]
    marks = [c.bad.alias(BAD + column.name) for column, c in found.items() if c.bad is not None]
    values = [c.value.alias(column.name) for column, c in found.items()]
    return frame.with_columns(parsed).select(*values, *marks)


def _absent(column: ColumnPlan, scan: Scan) -> pl.Expr:
    value = scan.absent(column.name) if scan.absent is not None else None
    if value is None:
        return pl.lit(None, CANONICAL.get(column.type, pl.Array(pl.Float32, 0)))
    words = column.type not in ("continuous", "integer")
    return pl.lit(f"{value:.15g}" if words else value).cast(CANONICAL[column.type])


def _marked(frame: pl.DataFrame) -> list[str]:
    """The columns with a cell that is not of the type."""
    marks = [name for name in frame.columns if name.startswith(BAD) and name != BAD]
    if not marks:
        return []
    found = frame.select(pl.col(marks).any())
    return [name.removeprefix(BAD) for name in marks if found[name].item()]


# ---- computed columns ------------------------------------------------------------------------------------------------
def _compute(
    columns: Sequence[ColumnPlan], frame: pl.DataFrame, bad: dict[str, pl.Series], context: Context
) -> pl.DataFrame:  # fmt: skip
    """Add the computed columns, those that others read first, in the types they are declared with."""
    by_name = {column.name: column for column in columns}
    functions: Callable[..., object] = context.function
    for column in in_order([column for column in columns if column.computed is not None]):
        assert column.computed is not None
        expression = row_expression(column.computed, functions, by_name)  # type: ignore[arg-type]
        try:
            made = frame.select(expression.alias(column.name))
        except pl.exceptions.PolarsError as error:
            raise InternalError(f"`{column.name}` could not be computed: {str(error).partition(chr(10))[0]}") from error
        if made.height != frame.height:  # an expression that reads no column is one value long
            made = frame.select(pl.repeat(made.item(), pl.len()).alias(column.name))
        typed = _converted(made.lazy(), {column: _declared(column, made.schema[column.name])}).collect()
        frame = frame.with_columns(typed[column.name])
        if _marked(typed):
            bad[column.name] = typed[BAD + column.name].fill_null(False)
    return frame.select(*by_name, SOURCE, ROW)


def _declared(column: ColumnPlan, made: pl.DataType) -> Conversion:
    if isinstance(made, pl.Boolean) and column.levels and len(column.levels) == 2 and column.type == "binary":
        # A condition has two levels: the file names them, the last being the one that holds.
        no, yes = column.levels
        cell = pl.col(column.name)
        return Conversion(pl.when(cell).then(pl.lit(yes)).when(~cell).then(pl.lit(no)))
    return convert(column, made)


def in_order(computed: Sequence[ColumnPlan]) -> list[ColumnPlan]:
    """Computed columns so that each follows those it reads (the plan rules out circles)."""
    waiting = {column.name: column for column in computed}
    done: list[ColumnPlan] = []
    while waiting:
        ready = [
            column for column in waiting.values()
            if column.computed is not None and not any(name in waiting for name in columns_of(column.computed))
        ]  # fmt: skip
        if not ready:
            raise InternalError(f"computed columns read each other: {', '.join(waiting)}")
        for column in ready:
            done.append(waiting.pop(column.name))
    return done
