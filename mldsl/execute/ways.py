"""How the fits of a model are batched, and why: what the engine does and what `mldsl plan` says of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import attrs

from mldsl.execute.buckets import bucket
from mldsl.execute.searches import domains_by_model
from mldsl.plan import ComponentValue, ModelPlan, Plan
from mldsl.plan.rows import SplitRows
from mldsl.plan.tuning import params_within, reached

MEMORY = 256 << 20  # bytes that the answers of one call may take, with what lies beside them while it runs
CALLS = 10  # calls into which mapped fits are cut, so that progress can be told and a timeout be kept
PRODUCT = 64  # settings at most that are fitted at once
_NUMBERS = ("number", "share", "duration")


class Way(NamedTuple):
    """How the fits of a model are batched, and why: `product`, `map` or `loop`."""

    name: str
    why: str


def way_of(component: Any, spec: Any, columns: int, steps: Sequence[Any], sparse: bool = False) -> Way:
    """How an algorithm's fits of so many columns, maybe `sparse`, can be batched behind these steps (or None)."""
    if component.of_members:
        return Way("loop", "each of the models that it is made of is fitted by itself")
    if component.goes_in_rounds(spec):
        return Way("loop", "the engine owns its rounds")
    if component.prepares_for(spec):
        return Way("loop", "it prepares its inputs on the host")
    if any(getattr(step, "width", "static") == "data" for step in steps):
        return Way("loop", "how many columns a step makes depends on the rows")
    if sparse:
        return Way("map", "fits side by side would hold the entries of the sparse matrix once each")
    if component.batches(spec, columns) if callable(component.batches) else component.batches:
        return Way("product", "measured: its sums contract all folds and settings against the rows that they share")
    return Way("map", "fits side by side would copy the inputs of each")


def bytes_of(way: Way, rows: int, classes: int, size: int, folds: int) -> int:
    """What one more setting in a call takes: its answers, and side by side its folds' weights, in numbers of `size`."""
    answers = 2 * max(classes, 1)
    return bucket(rows) * size * (answers + (folds if way.name == "product" else 0))


def chunk_size(way: Way, settings: int, bytes_each: int) -> int:
    """How many settings one call fits: bounded by memory, and cut where calls are long."""
    most = max(1, MEMORY // max(bytes_each, 1))
    if way.name == "product":
        return math.ceil(settings / math.ceil(settings / min(most, PRODUCT)))
    return min(most, math.ceil(settings / CALLS))


def describe(plan: Plan, resolver: Any, rows: SplitRows) -> Iterator[tuple[str, str]]:
    """For each model that is fitted more than once: how many fits, in how many calls, what that takes, and why so."""
    searched = dict.fromkeys(domains_by_model(plan), 0) | dict(plan.tune.trials if plan.tune is not None else ())
    for model in plan.models:
        component = resolver.component(model.algorithm)
        steps = [None if step.component is None else resolver.component(step.component) for step in model.steps]
        if model.name in searched:
            way = way_of(
                component,
                resolver.spec(model.algorithm),
                len(model.columns),
                steps,
                any(state.sparse for state in model.columns),
            )
            yield from _searched(plan, model, component, way, searched[model.name], rows)
        elif rows.folds and not rows.implicit:
            spec, fits = resolver.spec(model.algorithm), f"{len(rows.folds)} folds and the last fit"
            if component.goes_in_rounds(spec) or component.prepares_for(spec):
                yield model.name, f"{fits}, one after the other through the same compiled programs"
                yield "  why", way_of(component, spec, len(model.columns), steps).why
            else:
                yield model.name, f"{fits}, one after the other through one compiled program"
                yield "  why", "a program for all folds at once would take longer to compile than it saves"
        if component.prepares_for(resolver.spec(model.algorithm)) and (model.name in searched or rows.folds):
            yield (
                "  inputs",
                f"bins, or what else it learns from, are made on the host, {_prepared(model, resolver, plan)}",
            )


def _searched(
    plan: Plan, model: ModelPlan, component: Any, way: Way, settings: int, rows: SplitRows
) -> Iterator[tuple[str, str]]:
    assert plan.tune is not None
    folds = max(len(rows.folds), 1)
    inner = sum(len(fold.inner) for fold in rows.folds)
    of = f"{folds} {'folds' if folds > 1 else 'part'} x {settings} settings"
    fits = f"{of} = {folds * settings:,} fits" if settings else f"{folds} fits for each setting"
    if inner and settings:
        fits += f", and {inner} inner folds x {settings} settings = {inner * settings:,} fits"
    if way.name == "loop":
        yield model.name, f"{fits}, one after the other through the same compiled programs"
        yield "  why", way.why
        return
    size = 8 if component.precision == "float64" else 4
    each = bytes_of(way, rows.all.rows, len(rows.all.classes), size, folds)
    chunk = chunk_size(way, max(settings, 1), each)
    how = "side by side" if way.name == "product" else "one after the other"
    call = "the setting of a call takes" if chunk == 1 else f"up to {chunk} settings a call take"
    taken = f"{call} about {_megabytes(chunk * each)} beside the rows"
    yield model.name, f"{fits}, {how} in one compiled program; {taken}"
    yield "  why", way.why
    if apart := [f"`${d.name}`" for d in domains_by_model(plan)[model.name] if d.type not in _NUMBERS]:
        yield "  apart", f"values of {', '.join(apart)}: words and counts are part of a program"


def _prepared(model: ModelPlan, resolver: Any, plan: Plan) -> str:
    """How often the inputs of a model are prepared."""
    varied = {domain.name for domain in domains_by_model(plan).get(model.name, ())}
    bare = attrs.evolve(model.algorithm, args=(), params=())
    before = reached(attrs.evolve(model, algorithm=bare), plan.networks)  # whatever changes the columns
    changing = sorted(varied & {*before, *_read(model.algorithm, resolver)})
    if not changing:
        return "once for each fold"
    return f"once for each fold and value of {', '.join(f'`${name}`' for name in changing)}"


def _read(value: ComponentValue, resolver: Any) -> Iterator[str]:
    """The `$params` that the `prepare` of a component reads, through those that it follows."""
    component = resolver.component(value)
    reads, follows = getattr(component, "prepare_reads", None), getattr(component, "follows", ())

    def is_read(name: str) -> bool:
        return reads is None or name in reads

    yield from (param for name, param in value.params if is_read(name))
    for name, given in value.args:
        for one in given if isinstance(given, tuple) else (given,):
            if isinstance(one, ComponentValue) and is_read(name):
                yield from _read(one, resolver) if name in follows else params_within(one)


def _megabytes(count: int) -> str:
    return f"{max(1, round(count / 1e6)):,} MB"
