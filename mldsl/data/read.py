"""Reading what a plan declares: header, rows, computed columns, `where`, checks, in that order (language 4.4)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

import attrs
import numpy as np
import polars as pl

from mldsl.data.checks import check_rows
from mldsl.data.context import Context, Scan
from mldsl.data.dataset import ROW, SOURCE, Dataset, SourceInfo
from mldsl.data.expression import columns_of, truth_expression
from mldsl.data.files import available_memory
from mldsl.data.sides import ROLE_OF, find_sides, join_side, unmatched
from mldsl.data.table import Table, read_table, short, with_computed
from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.plan import ColumnPlan, ComponentValue, EnvSecret, Plan

PARTS = ("train", "validation", "test")


def read_header(plan: Plan, context: Context) -> dict[str, tuple[str, ...]]:
    """The columns of each source, by its name in `data` ("data", or train, validation, test, users, items).

    Only headers are read. Several files of one source give the columns of all of them, in the order they appear.
    Raises MLP0406, 0407, 0409 for everything that keeps a header from being read.
    """
    named = all_scans(plan, context)
    every = list(dict.fromkeys(column for _, scans in named for scan in scans for column in scan.columns))
    found: dict[str, tuple[str, ...]] = {}
    for name, scans in named:
        own = dict.fromkeys(column for scan in scans for column in scan.columns)
        # What a source has a value for although no line names it (svmlight's zeros), if another part has it.
        given = (column for column in every for scan in scans if scan.absent and scan.absent(column) is not None)
        found[name] = tuple(dict.fromkeys((*own, *given)))
    return found


def scan_source(value: ComponentValue, context: Context) -> list[Scan]:
    """The scans of one source; diagnostics get its place in the file, and secrets do not appear in them."""
    secrets = {
        context.environ[arg.name]: f'env("{arg.name}")'
        for _, arg in value.args if isinstance(arg, EnvSecret) and arg.name in context.environ
    }  # fmt: skip
    resolved = attrs.evolve(value, args=tuple((name, _resolved(arg, value, context)) for name, arg in value.args))
    component: Any = context.component_of(resolved)
    try:
        scans = component.scan(context.spec_of(resolved), context)
    except MldslError as error:
        raise MldslError(*(_placed(d, value, secrets) for d in error.diagnostics)) from None
    scans = [scans] if isinstance(scans, Scan) else list(scans)
    return [_guarded(scan, value, secrets) for scan in scans]


def _resolved(arg: Any, value: ComponentValue, context: Context) -> Any:
    if not isinstance(arg, EnvSecret):
        return arg
    if arg.name not in context.environ:
        raise MldslError(
            Diagnostic(
                "MLP0601",
                f"the environment variable `{arg.name}` is not set",
                value.span,
                help=f"set it before the run: `export {arg.name}=...`",
            )
        )
    return context.environ[arg.name]


def _placed(diagnostic: Diagnostic, value: ComponentValue, secrets: dict[str, str]) -> Diagnostic:
    def hide(text: str) -> str:
        for secret, name in secrets.items():
            text = text.replace(secret, name) if secret else text
        return text

    return attrs.evolve(
        diagnostic, span=diagnostic.span or value.span, message=hide(diagnostic.message),
        notes=tuple(hide(note) for note in diagnostic.notes), help=hide(diagnostic.help) if diagnostic.help else None,
    )  # fmt: skip


def _guarded(scan: Scan, value: ComponentValue, secrets: dict[str, str]) -> Scan:
    """The scan, whose later errors also get their place, and whose name hides a secret."""
    inspect, explain = scan.inspect, scan.explain

    def guarded_inspect() -> Any:
        try:
            return inspect()
        except MldslError as error:
            raise MldslError(*(_placed(d, value, secrets) for d in error.diagnostics)) from None

    def guarded_explain(error: Exception) -> MldslError:
        text = str(error).partition("\n")[0]
        plain = MldslError(Diagnostic("MLP0406", f"`{scan.name}` cannot be read", notes=(text,)))
        found = explain(error) if explain is not None else plain
        return MldslError(*(_placed(d, value, secrets) for d in found.diagnostics))

    name = scan.name
    for secret, shown in secrets.items():
        name = shown if secret == name else name
    return attrs.evolve(scan, name=name, inspect=guarded_inspect, explain=guarded_explain)


def load(plan: Plan, context: Context) -> Dataset:
    """Read, compute, filter and check the rows of a complete plan.

    Raises `MldslError` with everything that is wrong at its stage: MLP0406 to 0409, 0412, 0413 before rows are looked
    at, then MLP0401 to 0404, 0410, 0411 for the rows that `where` keeps, and MLP0405 if it keeps none. Tables of
    `users` and `items` are joined before columns are computed, and all of their rows are checked.
    """
    named = all_scans(plan, context)
    sides = find_sides(plan, dict(named))
    rows = [(name, group) for name, group in named if name not in ROLE_OF]
    scans = [scan for _, group in rows for scan in group]
    beside = {column.name for side in sides for column in side.columns}
    read = [column for column in plan.columns if column.computed is None and column.name not in beside]
    _check_absent(read, scans)
    check_memory(scans, len(read), plan)
    table = read_table(read, scans)
    problems: list[Diagnostic] = []
    tables: dict[str, Table] = {}
    for side in sides:
        table, tables[side.name], found = join_side(table, side)
        problems.extend(found)
    table = with_computed(table, plan.columns, context.function)
    kept = _kept(plan, table, context)
    if not kept.any():
        raise MldslError(_no_rows(plan, table))
    problems.extend(check_rows(table, [column for column in plan.columns if column.name not in beside], kept))
    for side in sides:
        problems.extend(unmatched(table, kept, side, tables[side.name]))
    if any(problem.severity == "error" for problem in problems):
        raise MldslError(*problems)
    warnings = (*problems, *_dropped_unread(plan, table, kept))
    dataset = _dataset(plan, table, kept, [name for name, group in rows for _ in group], warnings)
    return attrs.evolve(
        dataset,
        sources=(*dataset.sources, *(info for name, own in tables.items() for info in _infos(own, name))),
        sides={name: own.frame.drop(SOURCE, ROW) for name, own in tables.items()},
    )


def all_scans(plan: Plan, context: Context) -> list[tuple[str, list[Scan]]]:
    """The scans of every source, by its name in `data`; everything that keeps one from being opened is raised."""
    named: list[tuple[str, list[Scan]]] = []
    problems: list[Diagnostic] = []
    for name, value in plan.sources:
        try:
            named.append((name, scan_source(value, context)))
        except MldslError as error:
            problems.extend(error.diagnostics)
    if problems:
        raise MldslError(*problems)
    return named


def _check_absent(columns: Sequence[ColumnPlan], scans: Sequence[Scan]) -> None:
    """MLP0413 for all declared columns that a scan neither has nor has a value for, in one message."""
    absent = {
        scan.name: [
            column for column in columns
            if column.name not in scan.columns and (scan.absent is None or scan.absent(column.name) is None)
        ]
        for scan in scans
    }  # fmt: skip
    if any(absent.values()):
        raise MldslError(absent_columns(absent, scans))


def absent_columns(absent: dict[str, list[ColumnPlan]], scans: Sequence[Scan]) -> Diagnostic:
    """MLP0413: which declared columns which source does not have, and what may be meant."""
    lacking = {name: columns for name, columns in absent.items() if columns}
    every = list(dict.fromkeys(column.name for columns in lacking.values() for column in columns))
    first_scan = next(scan for scan in scans if scan.name in lacking)
    notes = []
    for name, columns in lacking.items():
        scan = next(scan for scan in scans if scan.name == name)
        shown = ", ".join(f"`{column}`" for column in scan.columns[:12]) + (" ..." if len(scan.columns) > 12 else "")
        which = ", ".join(f"`{column.name}`" for column in columns) + " is absent; " if len(lacking) > 1 else ""
        notes.append(f"{which}`{short(name)}` has {shown or 'no columns'}")
    near = {name: difflib.get_close_matches(name, first_scan.columns, n=1, cutoff=0.6) for name in every}
    meant = ", ".join(f"`{match[0]}` for `{name}`" for name, match in near.items() if match)
    hint = f"did you mean {meant}?" if meant else "rename the column here or in the data, or take it out of `features`"
    only = first_scan.columns[0] if len(first_scan.columns) == 1 else ""
    delimiter = next((sign for sign in ";\t|," if sign in only), None)
    if first_scan.text and delimiter:
        written = delimiter.replace("\t", r"\t")
        hint = f'is the delimiter another one? write `delimiter = "{written}"`'
    names = ", ".join(f"`{name}`" for name in every[:8]) + (f" and {len(every) - 8} more" if len(every) > 8 else "")
    sources = ", ".join(f"`{short(name)}`" for name in lacking)
    first = next(iter(lacking.values()))[0]
    noun = "column" if len(every) == 1 else "columns"
    return Diagnostic("MLP0413", f"{sources} lacks the {noun} {names}", first.span, notes=tuple(notes), help=hint)


def check_memory(scans: Sequence[Scan], columns: int, plan: Plan) -> None:
    """MLP0412, before a row is read, if the table and the matrix made from it cannot fit into memory."""
    needed = 2 * sum(scan.estimate(columns) for scan in scans if scan.estimate is not None)
    free = available_memory()
    if free is None or needed <= free:
        return
    noun = f"`{short(scans[0].name)}`" if len(scans) == 1 else f"the {len(scans)} files"
    raise MldslError(
        Diagnostic(
            "MLP0412",
            f"reading {noun} takes about {_size(needed)} of memory, and {_size(free)} are free",
            plan.sources[0][1].span,
            notes=(f"for the {columns} columns declared in `features`",),
            help="declare fewer columns, name fewer files, or run where there is more memory",
        )
    )


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"


def _kept(plan: Plan, table: Table, context: Context) -> pl.Series:
    if plan.where is None or not table.frame.height:
        return pl.repeat(True, table.frame.height, dtype=pl.Boolean, eager=True)
    by_name = {column.name: column for column in plan.columns}
    condition = truth_expression(plan.where, context.function, by_name)
    return table.frame.select(condition.fill_null(False).alias("kept")).to_series()


def _no_rows(plan: Plan, table: Table) -> Diagnostic:
    names = ", ".join(f"`{short(scan.name)}`" for scan in table.scans)
    if table.frame.height:
        return Diagnostic(
            "MLP0405", f"`where` keeps none of the {table.frame.height:,} rows of {names}", plan.where_span,
            help="is the condition the wrong way round? it says which rows stay",
        )  # fmt: skip
    return Diagnostic("MLP0405", f"{names} holds no rows", plan.sources[0][1].span, notes=("it has only a header",))


def _dropped_unread(plan: Plan, table: Table, kept: pl.Series) -> Iterable[Diagnostic]:
    """A warning if `where` dropped rows because a cell that it reads is not of its type, which checks no longer see."""
    if plan.where is None:
        return
    for name in dict.fromkeys(columns_of(plan.where)):
        if name not in table.bad or not (count := int((table.bad[name] & ~kept).sum())):
            continue
        column = plan.column(name)
        rows = "row" if count == 1 else "rows"
        yield Diagnostic(
            "MLP0402", f"`where` dropped {count:,} {rows} in which `{name}` is not `{column.type}`", plan.where_span,
            notes=("a condition on a cell that cannot be read is not true",), severity="warning",
            help="correct the data if these rows should count",
        )  # fmt: skip


def _infos(table: Table, part: str | None) -> list[SourceInfo]:
    return [
        SourceInfo(scan.name, facts.sha256, rows, part)
        for scan, facts, rows in zip(table.scans, table.facts, table.rows, strict=True)
    ]


def _dataset(
    plan: Plan, table: Table, kept: pl.Series, names: Sequence[str], warnings: Sequence[Diagnostic]
) -> Dataset:
    parts = [name if name in PARTS else None for name in names]
    sources = tuple(attrs.evolve(info, part=part) for info, part in zip(_infos(table, None), parts, strict=True))
    everything = bool(kept.all())
    frame = table.frame if everything else table.frame.filter(kept)
    dropped = table.frame.select(SOURCE, ROW).filter(~kept)
    codes = None
    if any(parts):
        codes = np.array([part or "" for part in parts])[frame[SOURCE].to_numpy()]
    return Dataset(
        frame, tuple(plan.columns), sources, table.frame.height, dropped, tuple(warnings), codes,
    )  # fmt: skip
