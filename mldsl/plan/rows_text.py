"""The rows of a plan as people read them: a table of parts and folds, and which rows choose what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from mldsl.plan.model import Plan
from mldsl.plan.rows import Choice, DesignRows, FoldRows, PartRows, SplitRows

# More folds than these are summed up, and so are those that are dealt out evenly.
_LISTED = 6
# More classes than these: the commonest and the rarest stand for all.
_CLASSES = 4
_NAME = 14
# What labels and columns may take; of columns without room the share goes first, and then the last ones.
_WIDTH, _SHARE = 96, 1
# Beyond so many days the time of the day says nothing.
_DAYS = 31
_PLURALS = {"group": "groups", "query": "queries", "user": "users", "item": "items"}

Row = tuple[str, str]


def rows_facts(plan: Plan, rows: SplitRows) -> dict[str, list[Row]]:
    """What `plan_text` adds to its sections."""
    choosing = [row for choice in rows.choices for row in _choice(choice, plan, rows)]
    designs = {f"Model {design.model}": list(_design(design)) for design in rows.designs}
    return {"Rows": list(_rows(plan, rows)), "Choosing": choosing, **designs}


def _design(design: DesignRows) -> Iterator[Row]:
    """The columns of each term, what they are measured against, and the degrees of freedom that are left."""
    references = dict(design.references)
    count = sum(len(columns) for _, columns in design.terms)
    yield "design", _count(count, "column")
    for name, columns in design.terms:
        against = [f"`{references[factor]}`" for factor in name.split(":") if factor in references]
        several = "" if len(columns) == 1 else f"{_count(len(columns), 'column')}: "
        beside = f"; against {', '.join(against)}" if against and columns else ""
        yield f"  {name}", f"{several}{_few(columns)}{beside}" if columns else "no column: it has only one level"
    parts = f"{_count(design.rows, 'training row')} less {_count(count, 'column')}"
    intercept = " and the intercept" if design.intercept else ""
    yield "residual df", f"{design.residual:,.6g}: {parts}{intercept}"


def _count(number: float, noun: str) -> str:
    return f"{number:,.6g} {noun}{'' if number == 1 else 's'}"


def _few(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= _LISTED else f"{', '.join(names[:3])}, ... {names[-1]}"


def _rows(plan: Plan, rows: SplitRows) -> Iterator[Row]:
    if len(rows.sources) > 1 or rows.dropped:
        files = f" from {len(rows.sources)} tables" if len(rows.sources) > 1 else ""
        dropped = f"; `where` leaves {rows.all.rows:,}" if rows.dropped else ""
        yield "read", f"{rows.read:,}{files}{dropped}"
    if rows.positive is not None:
        yield "positive", f"`{rows.positive}`"
    if plan.task == "recommendation":
        counts = dict(rows.all.distinct)
        cells = counts.get("user", 0) * counts.get("item", 0)
        yield "density", f"{share_text(rows.all.rows / max(cells, 1))} of all pairs of a user and an item have a row"
    lines: list[tuple[str, list[PartRows]]] = [("all", [rows.all]), *((name, [part]) for name, part in rows.parts)]
    lines += _folds(plan, rows.folds)
    labels = ["part", *(label for label, _ in lines)]
    table = [[title, *(cell(parts) for _, parts in lines)] for title, cell in _columns(plan, rows)]
    room = _WIDTH - max(map(len, labels))
    while len(table) > 1 and sum(_wide(column) + 2 for column in table) > room:
        table.pop(_SHARE if table[_SHARE][0] == "share" else -1)
    for label, *texts in zip(labels, *table, strict=True):
        padded = (text.rjust(_wide(column)) for text, column in zip(texts, table, strict=True))
        yield label, "  ".join(padded).rstrip()


def _wide(column: Sequence[str]) -> int:
    return max(map(len, column))


def _folds(plan: Plan, folds: Sequence[FoldRows]) -> Iterator[tuple[str, list[PartRows]]]:
    """The sides of every fold, or of all folds together."""
    repeats = len({fold.repeat for fold in folds})
    even = set(plan.split.by) <= {"random", "stratified"}
    if not folds:
        return
    if even or len(folds) > _LISTED:
        groups = {f"{len(folds)} folds" if repeats == 1 else f"{repeats} x {len(folds) // repeats} folds": list(folds)}
    else:
        groups = {_fold_name(fold, repeats): [fold] for fold in folds}
    for name, members in groups.items():
        yield f"{name}: train", [fold.train for fold in members]
        if any(fold.stop is not None for fold in members):
            yield f"{name}: stop on", [fold.stop for fold in members if fold.stop is not None]
        yield f"{name}: held out", [fold.held_out for fold in members]


def _fold_name(fold: FoldRows, repeats: int) -> str:
    return f"repeat {fold.repeat + 1}, fold {fold.index + 1}" if repeats > 1 else f"fold {fold.index + 1}"


# ---- columns of the table --------------------------------------------------------------------------------------------
Cell = Callable[[Sequence[PartRows]], str]


def _columns(plan: Plan, rows: SplitRows) -> list[tuple[str, Cell]]:
    found: list[tuple[str, Cell]] = [("rows", lambda parts: _range([f"{p.rows:,}" for p in _by_rows(parts)]))]
    found.append(("share", lambda parts: _range(_sorted_shares([p.rows / rows.all.rows for p in parts]))))
    if rows.all.weight is not None:
        found.append(("weight", lambda parts: _range(_numbers([p.weight for p in parts]))))
    for role, _ in rows.all.distinct:
        found.append((_PLURALS[role], _count_of("distinct", role)))
    if plan.task == "recommendation":
        for role, _ in rows.all.distinct:
            if role in ("user", "item"):
                found.append((f"new {_PLURALS[role]}", _count_of("unknown", role)))
    if rows.all.time is not None:
        upto = 10 if _spans_days(*rows.all.time) else None
        found.append(("from", lambda parts: min((p.time[0] for p in parts if p.time), default="", key=_moment)[:upto]))
        found.append(("to", lambda parts: max((p.time[1] for p in parts if p.time), default="", key=_moment)[:upto]))
    found += _class_columns(rows.all)
    if rows.all.mean is not None:
        found.append(("mean", lambda parts: _range(_numbers([p.mean for p in parts]))))
        found.append(("deviation", lambda parts: _range(_numbers([p.deviation for p in parts]))))
    return found


def _class_columns(whole: PartRows) -> Iterator[tuple[str, Cell]]:
    ordered = sorted(whole.classes, key=lambda pair: -pair[1])
    shown = [name for name, _ in whole.classes]
    if len(shown) > _CLASSES:
        yield "classes", lambda parts: _range([str(n) for n in sorted({_present(p) for p in parts})])
        shown = [ordered[0][0], ordered[-1][0]]
    for name in shown:
        title = name if len(name) <= _NAME else name[: _NAME - 1] + "…"
        yield title, _share_of(name)


def _present(part: PartRows) -> int:
    return sum(count > 0 for _, count in part.classes)


def _share_of(name: str) -> Cell:
    def cell(parts: Sequence[PartRows]) -> str:
        totals = [sum(count for _, count in part.classes) for part in parts]
        return _range(
            _sorted_shares([dict(p.classes)[name] / total for p, total in zip(parts, totals, strict=True) if total])
        )

    return cell


def _count_of(field: str, role: str) -> Cell:
    def cell(parts: Sequence[PartRows]) -> str:
        counts = [count for part in parts for name, count in getattr(part, field) if name == role]
        return _range([f"{count:,}" for count in sorted(counts)])

    return cell


def _by_rows(parts: Sequence[PartRows]) -> list[PartRows]:
    return sorted(parts, key=lambda part: part.rows)


def _range(texts: Sequence[str]) -> str:
    """Least and most, from texts in order."""
    if not texts:
        return ""
    return texts[0] if texts[0] == texts[-1] else f"{texts[0]}..{texts[-1]}"


def _sorted_shares(shares: Sequence[float]) -> list[str]:
    texts = [share_text(share) for share in sorted(shares)]
    if len(texts) > 1 and texts[0] != texts[-1]:
        texts[0] = texts[0].removesuffix("%")
    return texts


def _numbers(values: Sequence[float | None]) -> list[str]:
    return [f"{v:,.0f}" if abs(v) >= 1_000 else f"{v:.4g}" for v in sorted(v for v in values if v is not None)]


def _moment(text: str) -> tuple[float, str]:
    """Numbers by size, dates as text, whose order is that of time."""
    try:
        return float(text), ""
    except ValueError:
        return 0.0, text


def _spans_days(first: str, last: str) -> bool:
    """Whether two times are dates, and so far apart that the hour does not matter."""
    try:
        return datetime.fromisoformat(last) - datetime.fromisoformat(first) > timedelta(days=_DAYS)
    except ValueError:
        return False


def share_text(share: float) -> str:
    """A share as people write it: 12.3%, and never 0% for what is there or 100% for what is not all."""
    if 0 < share < 0.0005:
        return "<0.1%"
    if 0.9995 <= share < 1:
        return ">99.9%"
    return f"{share:.1%}".replace(".0%", "%") if share in (0, 1) else f"{share:.1%}"


# ---- who chooses -----------------------------------------------------------------------------------------------------
def _choice(choice: Choice, plan: Plan, rows: SplitRows) -> Iterator[Row]:
    label, count = choice.what, f"{choice.rows:,}"
    folds = plan.split.folds or len(rows.folds)
    match choice.on:
        case "folds":
            repeated = f", {plan.split.repeats} times over" if plan.split.repeats > 1 else ""
            judged = plan.split.held_out == "folds" and choice.what in ("threshold", "calibration")
            apart = "; a fold is judged by what the others choose" if judged else ""
            yield label, f"on the {count} rows held out in {folds} folds{repeated}{apart}"
        case "implicit folds":
            yield label, f"on {folds} folds of the {count} training rows, made for this"
        case "validation":
            yield label, f"on the {count} validation rows"
        case "inner folds":
            tuned = plan.tune.folds if plan.tune is not None else 0
            inner = [pair for fold in rows.folds for pair in fold.inner]
            yield label, f"on {tuned} folds of its training rows: {_sizes(inner)}"
        case "stop rows" if choice.rows:
            yield label, f"on rows cut from each fold's training rows, {count} at most"
        case "stop rows":
            yield label, "the last fit makes as many updates as the folds found best"
        case _:
            yield label, f"on the {count} rows trained on"


def _sizes(folds: Sequence[tuple[int, int]]) -> str:
    train, held = ([f"{n:,}" for n in sorted(counts)] for counts in zip(*folds, strict=True))
    return f"{_range(train)} to train on, {_range(held)} held out"
