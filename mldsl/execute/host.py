"""The host half of a model: derived columns and steps on strings, dates and vocabularies, in Polars.

It is learned once, on the outer training rows, and is the same for all folds: level dictionaries, vocabularies and
token ids. Statistics that must not see a fold's held-out rows belong to the device half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import attrs
import numpy as np

from mldsl.contract import HostSparse
from mldsl.data import Dataset, Encoded, Levels, derive, encode, learn_levels
from mldsl.data.encode import value_codes
from mldsl.diagnostics import Diagnostic, InternalError, MldslError
from mldsl.execute.blame import blamed
from mldsl.execute.steps import Resolver, columns_used
from mldsl.execute.typical import typical_values, with_typical
from mldsl.plan import ColumnPlan, ModelPlan, RowExpression, StepPlan
from mldsl.plan.blocks import blocks_of
from mldsl.plan.design import columns_read, matched
from mldsl.plugin import Order


@attrs.frozen(eq=False)
class HostStep:
    """A step that ran on the host: an expression, or a component with what it learned (`state`)."""

    plan: StepPlan
    state: Any = None
    on: tuple[str, ...] = ()


@attrs.frozen(eq=False)
class HostHalf:
    """The fitted host half: its steps, the columns to encode after them, the dictionaries, the device half's steps.

    `hidden` columns are no inputs by their role, and are encoded because something of the device half reads them.
    """

    steps: tuple[HostStep, ...]
    columns: tuple[ColumnPlan, ...]
    levels: Levels
    device: tuple[StepPlan, ...]
    hidden: tuple[str, ...] = ()
    typical: tuple[float, ...] = ()
    coded: bool = False  # a formula codes the levels: an unknown one is its reference


@attrs.frozen(eq=False)
class HostRows:
    """Rows after the host half: encoded columns, sparse blocks and tensors made by host steps.

    `cluster` [n] are codes of the column that the algorithm names for it, as it was read; rows to predict have none.
    """

    encoded: Encoded
    sparse: Mapping[str, HostSparse]
    tensors: Mapping[str, np.ndarray]
    cluster: np.ndarray | None = None


def divide(model: ModelPlan, resolver: Resolver) -> tuple[tuple[StepPlan, ...], tuple[StepPlan, ...]]:
    """The steps of the host half and those of the device half, each in order.

    An expression runs on the host unless a device step has made or changed a column that it reads or names; steps
    that leave columns out, and those that keep theirs and add beside them, change none.
    """
    host: list[StepPlan] = []
    device: list[StepPlan] = []
    touched: set[str] = set()
    for step in model.steps:
        if step.derive is not None:
            name, expression = step.derive
            if any(_among(used, touched) for used in (*columns_used(expression), name)):
                device.append(step)
                touched.add(name)
            else:
                host.append(step)
        elif step.component is not None and resolver.component(step.component).host:
            _first(step, touched)
            host.append(step)
        elif step.component is not None and resolver.component(step.component).host_apply is not None:
            host.append(step)  # counting on the host, what depends on the fold on the device
            device.append(step)
        else:
            device.append(step)
            before = {c.name for c in step.before}
            changes = not (step.keep or (step.component is not None and resolver.component(step.component).selects))
            touched |= {c.name for c in step.after if c.name not in before}
            touched |= set(step.on) if changes else set()
    return tuple(host), tuple(device)


def _among(name: str, touched: set[str]) -> bool:
    """Whether a column is one of these, some of which only a pattern names (`sex_*`)."""
    return name in touched or any("*" in pattern and fnmatchcase(name, pattern) for pattern in touched)


def _first(step: StepPlan, touched: set[str]) -> None:
    """Refuse a step of the host on columns that a fitted step has changed before it: it would see the old ones."""
    changed = next((name for name in step.on if _among(name, touched)), None)
    if changed is not None and step.component is not None:
        name = step.component.name
        raise MldslError(
            Diagnostic(
                "MLP0312", f"`{name}` runs before anything is fitted, and `{changed}` is changed by a fitted step",
                step.span, help=f"write `{name}` above that step",
            )
        )  # fmt: skip


def fit_host(model: ModelPlan, dataset: Dataset, train: np.ndarray, resolver: Resolver) -> tuple[HostHalf, HostRows]:
    """Learn the host half on the rows `train` (bool [n]) and apply it to all rows."""
    host, device = divide(model, resolver)
    weight = weight_of(dataset, train)
    walk = _Walk(dataset.frame, dataset.columns, resolver)
    done = [walk.fit(step, weight) for step in host]
    halves = {id(step) for step in host}  # their device halves work on blocks
    columns, hidden = _with_hidden(walk.columns, [step for step in device if id(step) not in halves], model)
    changed = attrs.evolve(dataset, frame=walk.frame, columns=columns)
    levels = learn_levels(changed, train)
    encoded = encode(walk.frame, columns, levels)
    typical = typical_values(encoded, weight)
    coded = model.design is not None
    half = HostHalf(tuple(done), columns, levels, device, hidden, typical, coded)
    encoded = with_typical(encoded, columns, typical, coded=coded)
    return half, HostRows(encoded, walk.sparse, walk.tensors, _clusters(model, dataset, resolver))


def _clusters(model: ModelPlan, dataset: Dataset, resolver: Resolver) -> np.ndarray | None:
    component: Any = resolver.component(model.algorithm)
    name = component.cluster(resolver.spec(model.algorithm)) if component.cluster is not None else None
    return None if name is None else value_codes(dataset.frame[name])


def weight_of(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """How often each row counts, Float64[n]: its weight column, else 1, and 0 outside of `rows`."""
    column = dataset.column("weight")
    if column is None:
        return rows.astype(np.float64)
    return np.where(rows, dataset.frame[column.name].cast(float).to_numpy(), 0.0)


def _with_hidden(
    columns: tuple[ColumnPlan, ...], device: Sequence[StepPlan], model: ModelPlan
) -> tuple[tuple[ColumnPlan, ...], tuple[str, ...]]:
    """Columns that device steps work on though they are no inputs are encoded too, and leave after the last step.

    So are those that a formula reads; inputs that nothing reads beside a formula are left alone.
    """
    named = {name for step in device for name in step.on}
    named |= {step.per for step in device if step.per}
    if model.design is not None:
        read = set(matched(columns_read(model), [c.name for c in columns]))
        columns = tuple(
            attrs.evolve(c, role="ignore") if c.role == "input" and c.name not in read else c for c in columns
        )
        named |= read
    hidden = tuple(c.name for c in columns if c.role not in ("input", "target") and c.name in named)
    return tuple(attrs.evolve(c, role="input") if c.name in hidden else c for c in columns), hidden


def apply_host(half: HostHalf, frame: Any, columns: Sequence[ColumnPlan], resolver: Resolver) -> HostRows:
    """The fitted host half on new rows (a Polars frame of the declared columns)."""
    walk = _Walk(frame, tuple(columns), resolver)
    for step in half.steps:
        walk.apply(step)
    present = set(walk.frame.columns)
    wanted = [c for c in half.columns if c.name in present]
    encoded = encode(walk.frame, wanted, half.levels)
    return HostRows(with_typical(encoded, wanted, half.typical, coded=half.coded), walk.sparse, walk.tensors)


class _Walk:
    """A frame and its columns on their way through the host steps."""

    def __init__(self, frame: Any, columns: tuple[ColumnPlan, ...], resolver: Resolver) -> None:
        self.frame = frame
        self.columns = columns
        self.resolver = resolver
        self.sparse: dict[str, HostSparse] = {}
        self.tensors: dict[str, np.ndarray] = {}

    def fit(self, step: StepPlan, weight: np.ndarray) -> HostStep:
        if step.derive is not None or step.component is None:
            done = HostStep(step)
        else:
            component, spec = self.resolver.component(step.component), self.resolver.spec(step.component)
            on = tuple(matched(step.on, self.frame.columns))
            if component.host_fit is not None:
                return self._fit_half(step, component, spec, on, weight)
            with blamed(step.component, "fit"):
                past = (self._order(step),) if component.looks_back else ()
                state = component.fit(spec, self._given(step, component, on), weight, *past) if component.fit else None
            done = HostStep(step, state, on)
        self.apply(done, fitting=True)
        return done

    def _fit_half(self, step: StepPlan, component: Any, spec: Any, on: tuple[str, ...], weight: np.ndarray) -> HostStep:
        with blamed(step.component, "host_fit"):
            state, made = component.host_fit(spec, self._given(step, component, on), weight)
        self._outputs(step, made)
        self._leave(step)
        return HostStep(step, state, on)

    def apply(self, step: HostStep, fitting: bool = False) -> None:
        if step.plan.derive is not None:
            name, expression = step.plan.derive
            self._derive(step.plan, name, expression, fitting)
        elif step.plan.component is not None:
            component, spec = self.resolver.component(step.plan.component), self.resolver.spec(step.plan.component)
            if component.host_apply is not None:
                with blamed(step.plan.component, "host_apply"):
                    made = component.host_apply(spec, step.state, self._given(step.plan, component, step.on))
            else:
                with blamed(step.plan.component, "apply"):
                    columns = self._given(step.plan, component, step.on)
                    # Rows that are fitted have their own past among them.
                    past = (None if fitting else step.state, columns, self._order(step.plan))
                    made = component.apply(spec, *(past if component.looks_back else (step.state, columns)))
            self._outputs(step.plan, made)
        self._leave(step.plan)

    def _given(self, plan: StepPlan, component: Any, names: Sequence[str]) -> dict[str, Any]:
        """The columns that a component works on; those that become blocks under the name of their block."""
        blocks = blocks_of(plan) if any(output.sparse == "yes" for output in component.outputs) else {}
        return {blocks.get(name, name): self._column(name) for name in names}

    def _column(self, name: str) -> Any:
        """A column of the frame; one that is not there (the target of rows to predict) has no values."""
        import polars as pl

        if name in self.frame.columns:
            return self.frame[name]
        return pl.Series(name, [None] * self.frame.height, dtype=pl.Float64)

    def _order(self, step: StepPlan) -> Order:
        """What a step that looks back is told: the moments of the rows, and the levels of `per`."""
        time = next((c.name for c in self.columns if c.role == "time"), None)
        here = time is not None and time in self.frame.columns
        return Order(self.frame[time] if here else None, self.frame[step.per] if step.per else None)

    def _derive(self, plan: StepPlan, name: str, expression: RowExpression, fitting: bool) -> None:
        state = next((c for c in plan.after if c.name == name), None)
        kind = state.type if state is not None else "continuous"
        made = derive(name, kind, expression, self.frame, self.columns, self._function, fitting=fitting, span=plan.span)
        missing = made.null_count()
        if fitting and missing and state is not None and not state.missing:
            raise MldslError(
                Diagnostic(
                    "MLP0403",
                    f"`{name}` has no value in {missing:,} {'row' if missing == 1 else 'rows'}",
                    plan.span,
                    notes=("what has no value, such as the root of -1 or 0 / 0, is missing",),
                    help="drop those rows with `where`, or say what stands there: `coalesce(..., 0)`",
                )
            )
        self.frame = self.frame.with_columns(made)
        self._add(plan, name)

    def _function(self, full_name: str) -> Any:
        from mldsl.plan import ComponentValue

        plugin, _, name = full_name.rpartition(".")
        return self.resolver.component(ComponentValue("function", name, plugin or "core"))

    def _add(self, plan: StepPlan, name: str) -> None:
        named = (c for c in plan.after if c.name == name or (c.pattern and fnmatchcase(name, c.name)))
        state = next(named, None)
        kind = state.type if state is not None else "continuous"
        new = ColumnPlan(name, kind, bool(state and state.missing), levels=state.levels if state else None)
        if any(c.name == name for c in self.columns):
            self.columns = tuple(new if c.name == name else c for c in self.columns)
        else:
            self.columns = (*self.columns, new)

    def _outputs(self, plan: StepPlan, given: Mapping[str, Any]) -> None:
        import polars as pl

        for name, value in given.items():
            if isinstance(value, HostSparse):
                if not any(s.sparse and s.name == f"{name}_*" for s in plan.after):
                    owner = plan.component.name if plan.component is not None else ""
                    raise InternalError(
                        f'`{owner}` gives a sparse block, and none of its `outputs` says `sparse="yes"`'
                    )
                self.sparse[name] = value
            elif isinstance(value, np.ndarray) and value.ndim > 1:
                self.tensors[name] = value
            else:
                series = value if isinstance(value, pl.Series) else pl.Series(name, value)
                self.frame = self.frame.with_columns(series.alias(name))
                self._add(plan, name)

    def _leave(self, plan: StepPlan) -> None:
        """Columns that the step consumed are inputs no longer."""
        after = {c.name for c in plan.after}
        gone = {c.name for c in plan.before} - after
        made = set(self.tensors)
        self.columns = tuple(
            attrs.evolve(c, role="ignore") if c.role == "input" and (c.name in gone or c.name in made) else c
            for c in self.columns
        )
