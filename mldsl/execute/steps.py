"""The steps of one model as they run: which columns each takes, which it gives, and where it runs.

The plan knows columns by type; only here, with learned levels, do all of them have names (`sex_male`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

import attrs

from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.execute.blame import blamed
from mldsl.execute.design import DesignMatrix, compiled, design_over
from mldsl.execute.expressions import coded
from mldsl.plan import ColumnUse, ComponentValue, RowExpression, StepPlan
from mldsl.plan.design import Design, matched
from mldsl.plan.model import Apply, Columns, DesignPlan
from mldsl.plugin import Component, NamedColumn
from mldsl.plugin.condition import holds


class Resolver(Protocol):
    """Where the engine gets components and their filled-in Specs from; the driver gives it one over the registry."""

    def component(self, value: ComponentValue) -> Any:
        """The component object, its module imported."""
        ...

    def spec(self, value: ComponentValue) -> Any:
        """The Spec with the value's arguments."""
        ...


@attrs.frozen(eq=False)
class DeviceStep:
    """A step of the device half.

    `take` are the positions of its columns in the matrix before it, `leave` the positions that stay, `place` where its
    outputs go among those (-1: each where its own column was). `derive` is set instead of `component` for a row
    expression, `design` for the design matrix of a formula; none is set for a step that only leaves columns out.
    `value` is the plan's name for `component`.
    `beside` is the position of the column that the parameter `per` names: the step reads it, after those it takes, and
    leaves it where it is. `blocks` are the sparse blocks that it works on, `each` by itself or all of them together
    with its columns, after which they are one; `inner` are, by block, the places of single columns that it selects,
    which `stay` or leave. `order` are the blocks after it, as they stand in the model's matrix, `wide` counts the
    columns of those that it works on.
    """

    path: str
    text: str
    component: Component | None
    spec: Any
    derive: RowExpression | None
    take: tuple[int, ...]
    leave: tuple[int, ...]
    place: int
    before: tuple[NamedColumn, ...]
    after: tuple[NamedColumn, ...]
    names_in: tuple[str, ...]
    value: ComponentValue | None = None
    beside: tuple[int, ...] = ()
    design: DesignMatrix | None = None
    blocks: tuple[str, ...] = ()
    each: bool = False
    inner: tuple[tuple[str, tuple[int, ...]], ...] = ()
    stay: bool = False
    order: tuple[str, ...] = ()
    wide: int = 0

    @property
    def reads(self) -> tuple[int, ...]:
        """The positions of the columns that the component is given."""
        return (*self.take, *self.beside)


def columns_used(expression: RowExpression) -> set[str]:
    """The names of the columns a row expression reads."""
    if isinstance(expression, ColumnUse):
        return {expression.name}
    if isinstance(expression, Columns):
        return set(expression.names)
    if isinstance(expression, Apply):
        return set().union(*(columns_used(a) for a in expression.args)) if expression.args else set()
    return set()


def outputs_of(
    component: Any, spec: Any, columns: Sequence[NamedColumn], classes: tuple[str, ...] = ()
) -> tuple[NamedColumn, ...]:
    """The columns a transform gives for these: by its own `names`, else by the templates it declares.

    `classes` are the levels of the target, where those that use it may give a column for each.
    """
    if component.names is not None and component.uses_target:
        return tuple(component.names(spec, columns, classes))
    if component.names is not None:
        return tuple(component.names(spec, columns))
    given: list[NamedColumn] = []
    for output in component.outputs:
        if not holds(output.only_if, spec):
            continue
        for column in columns if output.per == "column" else columns[:1]:
            kind = column.type if output.type == "same" else output.type
            levels = column.levels if output.type == "same" else None
            missing = column.missing if output.missing == "same" else output.missing == "yes"
            if component.missing == "fills" and output.name == "{column}":
                missing = False
            given.append(NamedColumn(output.name.format(column=column.name), kind, levels, missing))
    return tuple(given)


Blocks = Mapping[str, Sequence[str]]
NO_BLOCKS: Blocks = MappingProxyType({})


def build(
    steps: Sequence[StepPlan],
    columns: tuple[NamedColumn, ...],
    resolver: Resolver,
    path: Callable[[int], str],
    hidden: Collection[str] = (),
    classes: tuple[str, ...] = (),
    blocks: Blocks = NO_BLOCKS,
) -> tuple[list[DeviceStep], tuple[NamedColumn, ...], Blocks]:
    """Turn the device half of a plan's steps into `DeviceStep`s; also gives columns and blocks after the last one.

    `hidden` columns are no inputs: steps may work on them, and add beside them; they leave at the end. `blocks` are
    the sparse blocks by name, in order, with the names of their columns.
    """
    from mldsl.execute.blocks import with_blocks

    built: list[DeviceStep] = []
    for number, step in enumerate(steps):
        made = _one(step, columns, resolver, path(number), hidden, classes)
        if blocks:
            made, blocks = with_blocks(made, step, blocks, classes)
        built.append(attrs.evolve(made, value=step.component))
        columns = made.after
    if hidden:
        built.append(attrs.evolve(selection(path(len(steps)), columns, hidden), order=tuple(blocks)))
        columns = built[-1].after
    return built, columns, blocks


def _one(
    step: StepPlan, columns: tuple[NamedColumn, ...], resolver: Resolver, path: str, hidden: Collection[str],
    classes: tuple[str, ...],
) -> DeviceStep:  # fmt: skip
    names = [c.name for c in columns]
    if step.derive is not None:
        name, expression = step.derive
        state = next(c for c in step.after if c.name == name)
        derived = (NamedColumn(name, state.type, state.levels, state.missing),)
        place = names.index(name) if name in names else len(names)
        leave = tuple(i for i, n in enumerate(names) if n != name)
        return _finish(path, name, None, None, coded(expression, columns), (), leave, place, columns, derived)
    assert step.component is not None
    component, spec = resolver.component(step.component), resolver.spec(step.component)
    text = step.component.text or step.component.name
    if component.host_apply is not None:  # its device half works on blocks alone
        return _finish(path, text, component, spec, None, (), tuple(range(len(names))), 0, columns, ())
    if component.resample is not None:
        on = matched(step.on, names)
        take = tuple(names.index(n) for n in on)
        leave = tuple(i for i, n in enumerate(names) if n not in on)
        return DeviceStep(path, text, component, spec, None, take, leave, 0, columns, columns, tuple(on))
    beside = _beside(step, spec, columns)
    worked_on = [n for n in matched(step.on, names) if names.index(n) not in beside]
    take = tuple(names.index(n) for n in worked_on)
    if component.selects:
        # Columns derived on the host are in the matrix from the start; those of later lines are not selected from.
        here = set(matched([c.name for c in step.before], names))
        chosen = set(worked_on)
        leave = tuple(i for i, n in enumerate(names) if n not in here or (n in chosen) == (component.selects == "keep"))
        return _finish(path, text, component, spec, None, (), leave, 0, columns, ())
    spec = _bound(step, component, spec, tuple(columns[i] for i in take))
    inputs = {c.name for c in step.after} & set(worked_on) if step.keep else set()
    stays = set(take) if step.keep else {names.index(n) for n in worked_on if n in hidden}
    new = tuple(
        attrs.evolve(c, name=f"{c.name}_{component.name}") if c.name in inputs or c.name in hidden else c
        for c in _outputs(step, component, spec, tuple(columns[i] for i in take), classes)
    )
    leave = tuple(i for i in range(len(names)) if i not in set(take) - stays)
    if not stays and len(new) == len(take):
        return attrs.evolve(_in_place(path, text, component, spec, take, leave, columns, new), beside=beside)
    place = min(take) if take and not stays else len(names)
    return attrs.evolve(_finish(path, text, component, spec, None, take, leave, place, columns, new), beside=beside)


def _beside(step: StepPlan, spec: Any, columns: tuple[NamedColumn, ...]) -> tuple[int, ...]:
    """Where the column is whose levels the parameter `per` of a transform goes by; MLP0312 if it has none."""
    per = getattr(spec, "per", None)
    found = next((i for i, c in enumerate(columns) if c.name == per), None)
    if per is None or step.component is None:
        return ()
    if found is None or columns[found].levels is None:
        wrong = f"and `{per}` has none here" if found is None else f"and `{per}` is {columns[found].type}"
        text = f"`{step.component.name}` cannot work here: `per`: expected a column with levels, {wrong}"
        raise MldslError(Diagnostic("MLP0312", text, step.span))
    return (found,)


def _bound(step: StepPlan, component: Any, spec: Any, columns: tuple[NamedColumn, ...]) -> Any:
    """The Spec with names of levels as codes of these columns; MLP0312 where a column has no such level."""
    if component.bind is None:
        return spec
    with blamed(step.component, "bind"):
        bound = component.bind(spec, columns)
    if not isinstance(bound, list):
        return bound
    name = step.component.name if step.component is not None else ""
    raise MldslError(
        *(Diagnostic("MLP0312", f"`{name}` cannot work here: `{p.parameter}`: {p.message}", step.span) for p in bound)
    )


def _outputs(
    step: StepPlan, component: Any, spec: Any, columns: tuple[NamedColumn, ...], classes: tuple[str, ...]
) -> tuple[NamedColumn, ...]:
    with blamed(step.component, "names"):
        return outputs_of(component, spec, columns, classes)


def selection(path: str, columns: tuple[NamedColumn, ...], gone: Collection[str]) -> DeviceStep:
    """A step that only leaves columns out."""
    leave = tuple(i for i, c in enumerate(columns) if c.name not in gone)
    return _finish(path, "", None, None, None, (), leave, 0, columns, ())


def design_step(path: str, plan: DesignPlan, columns: tuple[NamedColumn, ...]) -> tuple[DeviceStep, Design]:
    """The step that makes the design matrix of a formula of all columns, which then leave."""
    design = design_over(plan, columns)
    new = tuple(NamedColumn(c.name, "continuous") for c in design.columns)
    step = _finish(path, plan.text, None, None, None, tuple(range(len(columns))), (), 0, columns, new)
    return attrs.evolve(step, design=compiled(design, columns)), design


def _in_place(
    path: str, text: str, component: Component, spec: Any, take: tuple[int, ...], leave: tuple[int, ...],
    before: tuple[NamedColumn, ...], new: tuple[NamedColumn, ...],
) -> DeviceStep:  # fmt: skip
    after = list(before)
    for position, column in zip(take, new, strict=True):
        after[position] = column
    names_in = tuple(before[i].name for i in take)
    return DeviceStep(path, text, component, spec, None, take, leave, -1, before, tuple(after), names_in)


def _finish(
    path: str,
    text: str,
    component: Component | None,
    spec: Any,
    derive: RowExpression | None,
    take: tuple[int, ...],
    leave: tuple[int, ...],
    place: int,
    before: tuple[NamedColumn, ...],
    new: tuple[NamedColumn, ...],
) -> DeviceStep:
    ahead = sum(1 for i in leave if i < place)
    kept = [before[i] for i in leave]
    after = (*kept[:ahead], *new, *kept[ahead:])
    names_in = tuple(before[i].name for i in take)
    return DeviceStep(path, text, component, spec, derive, take, leave, ahead, before, after, names_in)
