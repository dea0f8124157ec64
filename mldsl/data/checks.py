"""Row problems, MLP0401 to 0404, 0410 and 0411: all of them counted and reported together, with places and remedies.

One pass of vectorised counts over the kept rows finds what is wrong; examples are looked up only where something is.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence

import attrs
import polars as pl

from mldsl.data.convert import LEVEL_TYPES
from mldsl.data.dataset import ROW, SOURCE
from mldsl.data.expression import reads
from mldsl.data.table import Table, short
from mldsl.diagnostics import Diagnostic
from mldsl.plan import ColumnPlan

EXAMPLES = 5
PARTS = ("train", "validation", "test")
MARKERS = ("NA", "N/A", "n/a", "NULL", "null", "None", "?", "-", ".", "missing", "#N/A", "*")
NOUNS = {  # one, several
    "continuous": ("a number", "numbers"), "integer": ("a whole number", "whole numbers"), "time": ("a time", "times"),
    "image": ("a picture", "pictures"), "sequence": ("a sequence of numbers", "sequences of numbers"),
    "vector": ("a vector of numbers of the same length", "vectors of numbers of one length"),
}  # fmt: skip


def check_rows(
    table: Table, columns: Sequence[ColumnPlan], kept: pl.Series, *, predicting: bool = False
) -> list[Diagnostic]:
    """What is wrong with the rows where `kept`, in the order of the columns; empty if nothing is.

    With `predicting`, rows are judged one by one: that a column is missing in all of them, or has no positive level,
    says nothing.
    """
    whole = bool(kept.all())  # filtering would copy the table
    frame = table.frame if whole else table.frame.filter(kept)
    if not frame.height:
        return []
    bad = table.bad if whole else {name: marks.filter(kept) for name, marks in table.bad.items()}
    check = _Check(table, frame, bad)
    counts = check.counts(columns)
    by_name = {column.name: column for column in columns}
    found: list[Diagnostic] = []
    for column in columns:
        problems = _of_column(check, column, counts, predicting)
        if problems and column.computed is not None and not predicting:
            # Where what it is computed from is wrong, that has been said.
            sound = check.sound(column, by_name)
            problems = _of_column(sound, column, sound.counts([column]), predicting) if sound.frame.height else []
        found.extend(problems)
    return found


def _of_column(check: _Check, column: ColumnPlan, counts: Mapping[str, int], predicting: bool) -> list[Diagnostic]:
    missing, rows = counts[f"{column.name} missing"], check.frame.height
    if missing == rows and not predicting:
        return list(check.all_missing(column))
    found: list[Diagnostic] = []
    if column.name in check.bad and (wrong := int(check.bad[column.name].sum())):
        found.append(check.wrong_type(column, wrong))
        missing -= wrong
    if missing and not column.missing:
        found.append(check.missing(column, missing))
    for kind, mask in problem_masks(column).items():
        if count := counts[f"{column.name} {kind}"]:
            found.append(getattr(check, kind)(column, count, mask))
    if not predicting:
        found.extend(check.binary_levels(column))
    return found


def problem_masks(column: ColumnPlan) -> dict[str, pl.Expr]:
    """Which cells break a rule; null (missing) cells break none of these."""
    cell = pl.col(column.name)
    masks: dict[str, pl.Expr] = {}
    if column.type == "continuous":
        masks["infinite"] = cell.is_infinite()
    if (outside := outside_range(column)) is not None:
        masks["out_of_range"] = outside
    if column.role == "weight" and column.type in ("continuous", "integer"):
        masks["negative_weight"] = cell < 0
    if (unknown := undeclared_level(column)) is not None:
        masks["unknown_level"] = unknown
    return masks


def outside_range(column: ColumnPlan) -> pl.Expr | None:
    """Cells outside of the declared range, infinite ones apart; None if there is none."""
    if (column.low is None and column.high is None) or column.type not in ("continuous", "integer"):
        return None
    cell = pl.col(column.name)
    outside = pl.lit(False)
    if column.low is not None:
        outside = outside | (cell < column.low)
    if column.high is not None:
        outside = outside | (cell > column.high)
    return outside & cell.is_finite() if column.type == "continuous" else outside


def undeclared_level(column: ColumnPlan) -> pl.Expr | None:
    """Cells that hold no written level; None if none are written. A `part` column has the levels of `split`."""
    levels = PARTS if column.role == "part" and column.levels is None else column.levels
    if levels is None or column.type not in (*LEVEL_TYPES, "text", "id"):
        return None
    return ~pl.col(column.name).is_in(list(levels))


def positive_pair(values: Sequence[str]) -> tuple[str, str] | None:
    """The two levels of a binary column without written ones, the positive last, from the values that occur.

    They are 0 and 1, false and true, or no and yes, in any case. None if `values` are of none of these.
    """
    for no, yes in (("0", "1"), ("0.0", "1.0"), ("false", "true"), ("no", "yes")):
        if values and all(value.lower() in (no, yes) for value in values):
            found = {value.lower(): value for value in values}
            if len(found) < len(values):
                return None  # `Yes` and `yes` are two levels
            known = next(iter(values))
            styled = str.upper if known.isupper() and len(known) > 1 else str.title if known.istitle() else str
            return found.get(no, styled(no)), found.get(yes, styled(yes))
    return None


def binary_refused(column: ColumnPlan, values: Sequence[str]) -> Diagnostic | None:
    """MLP0404 for a binary column without written levels whose values do not say which is positive."""
    if not values or positive_pair(values) is not None:
        return None
    shown = ", ".join(f"`{value}`" for value in values[:EXAMPLES]) + (" ..." if len(values) > EXAMPLES else "")
    pair = ", ".join(f'"{value}"' for value in values[:2]) if len(values) > 1 else f'"no", "{values[0]}"'
    return Diagnostic(
        "MLP0404", f"the levels of the binary column `{column.name}` do not say which one is positive", column.span,
        notes=(f"found: {shown}", "without written levels a binary column takes 0/1, false/true or no/yes"),
        help=f"write them, the positive one last: `{column.name}: binary({pair})`" if len(values) <= 2
        else f"declare `{column.name}` as `categorical`",
    )  # fmt: skip


@attrs.frozen(eq=False)
class _Check:
    table: Table
    frame: pl.DataFrame  # the kept rows
    bad: dict[str, pl.Series]

    def counts(self, columns: Sequence[ColumnPlan]) -> dict[str, int]:
        """How many cells of each column are missing or break a rule, in one pass."""
        wanted = [pl.col(column.name).null_count().alias(f"{column.name} missing") for column in columns]
        for column in columns:
            masks = problem_masks(column)
            wanted.extend(mask.sum().alias(f"{column.name} {kind}") for kind, mask in masks.items())
        return self.frame.lazy().select(wanted).collect().row(0, named=True)

    def sound(self, column: ColumnPlan, by_name: Mapping[str, ColumnPlan]) -> _Check:
        """The same check of the rows in which all that a computed column reads is well."""
        computed = {name: c.computed for name, c in by_name.items() if c.computed is not None}
        sound = pl.repeat(True, self.frame.height, dtype=pl.Boolean, eager=True)
        for name in reads(column.name, computed):
            source = by_name.get(name)
            if source is None or source.computed is not None:
                continue
            if name in self.bad:
                sound &= ~self.bad[name]
            if not source.missing:
                sound &= self.frame[name].is_not_null()
            if source.type == "continuous":
                sound &= ~self.frame[name].is_infinite().fill_null(False)
        return _Check(self.table, self.frame.filter(sound), {n: marks.filter(sound) for n, marks in self.bad.items()})

    # ---- examples ----------------------------------------------------------------------------------------------------
    def _rows(self, mask: pl.Series) -> list[tuple[int, int]]:
        index = mask.fill_null(False).arg_true().head(EXAMPLES)
        rows = self.frame.select(SOURCE, ROW)[index]
        return [(source, row) for source, row in rows.iter_rows()]

    def _examples(self, column: ColumnPlan, mask: pl.Series, count: int, quoted: bool = False) -> str:
        cells = []
        values = self.frame[column.name].filter(mask.fill_null(False)).head(EXAMPLES)
        for (source, row), value in zip(self._rows(mask), values, strict=True):
            text = self.table.written(column.name, source, row)
            place = self.table.place(source, row)
            if text is None and value is None:  # computed, and not of the type
                cells.append(place)
                continue
            text = str(value) if text is None else text
            text = text if len(text) <= 40 else text[:37] + "..."
            cells.append(f"{place}: " + (f'"{text}"' if quoted else text))
        return "; ".join(cells) + _more(count)

    def _places(self, mask: pl.Series, count: int) -> str:
        return ", ".join(self.table.place(*row) for row in self._rows(mask)) + _more(count, ", ")

    def _written_cells(self, column: ColumnPlan, mask: pl.Series) -> set[str]:
        index = mask.arg_true().head(200)
        rows = self.frame.select(SOURCE, ROW)[index]
        found: set[str] = set()
        for source, part in rows.partition_by(SOURCE, as_dict=True).items():
            scan = self.table.scans[source[0]]
            if column.name in scan.columns:
                cells = scan.frame.select(pl.col(column.name).gather(part[ROW].to_list())).collect().to_series()
                found.update(str(cell) for cell in cells.unique() if cell is not None)
        return found

    @property
    def _of(self) -> str:
        names = [short(scan.name) for scan in self.table.scans]
        return f"`{names[0]}`" if len(names) == 1 else f"the {len(names)} sources"

    def _computed(self, column: ColumnPlan) -> tuple[str, ...]:
        return (f"`{column.name}` is computed",) if column.computed is not None else ()

    # ---- one rule each -----------------------------------------------------------------------------------------------
    def out_of_range(self, column: ColumnPlan, count: int, mask: pl.Expr) -> Diagnostic:
        """MLP0401."""
        outside = self.frame.select(mask).to_series()
        cells = self.frame[column.name].filter(outside.fill_null(False))
        below = column.low is not None and bool((cells < column.low).any())
        above = column.high is not None and bool((cells > column.high).any())
        name = _name(column)
        sides = ((below, ">=", column.low), (above, "<=", column.high))
        keep = " and ".join(
            f"{name} {sign} {bound:.15g}" for broken, sign, bound in sides if broken and bound is not None
        )
        if column.missing:  # a comparison with a missing value is not true, so it would drop those rows too
            keep = f"is_missing({name}) or {f'({keep})' if below and above else keep}"
        be = _be(count)
        return Diagnostic(
            "MLP0401", f"{_count(count, 'row')} of {self._of} {be} outside the range declared for `{column.name}`",
            column.range_span or column.span, label="declared here",
            notes=(self._examples(column, outside, count), *self._computed(column)),
            help=f"correct the data, widen the range, or drop the rows with `where = {keep}`",
        )  # fmt: skip

    def negative_weight(self, column: ColumnPlan, count: int, mask: pl.Expr) -> Diagnostic:
        """MLP0401 for weights: they say how often a row counts."""
        outside = self.frame.select(mask).to_series()
        return Diagnostic(
            "MLP0401", f"{_count(count, 'weight')} of {self._of} {_be(count)} negative in `{column.name}`",
            column.span, notes=(self._examples(column, outside, count), "a weight says how often a row counts"),
            help=f"correct the data, or drop the rows with `where = {_name(column)} >= 0`",
        )  # fmt: skip

    def wrong_type(self, column: ColumnPlan, count: int) -> Diagnostic:
        """MLP0402."""
        mask = self.bad[column.name]
        return Diagnostic(
            "MLP0402",
            f"{_count(count, 'cell')} of `{column.name}` in {self._of} {_be(count)} not "
            f"{NOUNS.get(column.type, (f'`{column.type}`',) * 2)[count > 1]}",
            column.span, label=f"declared `{column.type}`",
            notes=(self._examples(column, mask, count, quoted=True), *self._computed(column)),
            help=self._retype(column, mask),
        )  # fmt: skip

    def _retype(self, column: ColumnPlan, mask: pl.Series) -> str:
        cells = self._written_cells(column, mask) if column.computed is None else set()
        bare = {cell.strip() for cell in cells}
        if cells and bare <= set(MARKERS) and any(scan.text for scan in self.table.scans):
            marks = ", ".join(f'"{cell}"' for cell in sorted(cells))
            also = "" if column.missing else f" and declare `{column.name}: {column.type}?`"
            return f"if they mean missing, write `missing = [{marks}]` in the source{also}"
        numbers = bool(bare) and all(re.fullmatch(r"[-+]?\d+[.]\d+(e[-+]?\d+)?", cell) for cell in bare)
        if column.type == "integer" and numbers:
            return f"declare `{column.name}: continuous`"
        if bare and column.type in ("integer", "continuous") and all(re.fullmatch(r"[-+]?\d+,\d+", c) for c in bare):
            return 'if `,` is the decimal mark, write `decimal = ","` in the source'
        if column.type == "time":
            if bare and all(re.fullmatch(r"-?\d{9,13}([.]\d+)?", cell) for cell in bare):
                unit = "milliseconds" if min(len(cell) for cell in bare) > 11 else "seconds"
                return f"numbers need a unit: `{column.name}: time({unit})`"
            return f'write the form they have, e.g. `{column.name}: time("%d.%m.%Y")`; without one it is ISO 8601'
        return f"correct the data, or declare `{column.name}` as what it holds, e.g. `categorical` or `text`"

    def missing(self, column: ColumnPlan, count: int) -> Diagnostic:
        """MLP0403."""
        mask = self.frame[column.name].is_null()
        if column.name in self.bad:
            mask = mask & ~self.bad[column.name]
        name = _name(column)
        drop = f"drop the rows with `where = not is_missing({name})`"
        return Diagnostic(
            "MLP0403",
            f"{_count(count, 'cell')} of `{column.name}` in {self._of} {_be(count)} missing, and it has no `?`",
            column.span, notes=(self._places(mask, count), *self._computed(column)),
            help=drop if column.role == "target" else f"write `{name}: {column.type}?`, or {drop}",
        )  # fmt: skip

    def unknown_level(self, column: ColumnPlan, count: int, mask: pl.Expr) -> Diagnostic:
        """MLP0404."""
        unknown = self.frame.select(mask).to_series().fill_null(False)
        levels = column.levels or PARTS
        values = self.frame[column.name].filter(unknown).unique(maintain_order=True).to_list()
        near = [(value, difflib.get_close_matches(value, levels, n=1, cutoff=0.6)) for value in values[:EXAMPLES]]
        typed = ", ".join(f'"{match[0]}" for "{value}"' for value, match in near if match)
        known = ", ".join(f'"{level}"' for level in levels[:12]) + (" ..." if len(levels) > 12 else "")
        noun = "a level" if len(values) == 1 else f"{len(values)} levels"
        return Diagnostic(
            "MLP0404",
            f"{_count(count, 'cell')} of `{column.name}` in {self._of} {'has' if count == 1 else 'have'} {noun} that "
            f"{'is' if len(values) == 1 else 'are'} not declared",
            column.span,
            notes=(self._examples(column, unknown, count, quoted=True), f"declared: {known}"),
            help=(f"is it {typed}? " if typed else "")
            + ("a part is train, validation or test" if column.role == "part" and column.levels is None
               else "correct the data, or add the level to the declaration"),
        )  # fmt: skip

    def infinite(self, column: ColumnPlan, count: int, mask: pl.Expr) -> Diagnostic:
        """MLP0411."""
        cells = self.frame.select(mask).to_series()
        if column.computed is not None:
            help_text = "dividing by 0 and `log(0)` are infinite: drop those rows with `where`, or compute it otherwise"
        else:
            help_text = "correct the data; if they mean missing, leave the cells empty"
        return Diagnostic(
            "MLP0411", f"{_count(count, 'cell')} of `{column.name}` in {self._of} {_be(count)} infinite", column.span,
            notes=(self._examples(column, cells, count),), help=help_text,
        )  # fmt: skip

    def all_missing(self, column: ColumnPlan) -> Iterator[Diagnostic]:
        """MLP0410, or MLP0402 if the cells are there but none is of the type."""
        wrong = int(self.bad[column.name].sum()) if column.name in self.bad else 0
        if wrong:
            yield self.wrong_type(column, wrong)
            if wrong < self.frame.height and not column.missing:
                yield self.missing(column, self.frame.height - wrong)
            return
        rows = f"all {self.frame.height:,} rows" if self.frame.height > 1 else "the only row"
        yield Diagnostic(
            "MLP0410", f"`{column.name}` is missing in {rows} of {self._of}", column.span,
            notes=self._computed(column), help="take it out of `features`, or read the data that has it",
            severity="warning" if column.role in ("ignore", "key") else "error",
        )  # fmt: skip

    def binary_levels(self, column: ColumnPlan) -> Iterator[Diagnostic]:
        """MLP0404 for levels that do not say which is positive."""
        if column.type == "binary" and column.levels is None:
            values = sorted(self.frame[column.name].drop_nulls().unique().to_list())
            if (refused := binary_refused(column, values)) is not None:
                yield refused


def _more(count: int, before: str = "; ") -> str:
    return f"{before}and {count - EXAMPLES:,} more" if count > EXAMPLES else ""


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _be(count: int) -> str:
    return "is" if count == 1 else "are"


def _name(column: ColumnPlan) -> str:
    """As it is written in a file: in backticks if it is no plain name."""
    return column.name if re.fullmatch(r"[^\W\d]\w*", column.name) else f"`{column.name}`"
