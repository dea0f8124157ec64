"""How columns change on their way through `transforms`: types and missing values on every edge (language 4.3).

The flow states facts; the rules in `rules/` turn those that are mistakes into messages. After a mistake the column goes
on with the type unknown, so that one mistake gives one message.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from mldsl.plan.blocks import block_name
from mldsl.plan.model import ColumnState, Constant, RowExpression, StepPlan
from mldsl.plugin.declaration import CLASSES, Declaration, Output, Parameter, ParameterType
from mldsl.semantics.arguments import Resolved, condition_holds, resolve
from mldsl.semantics.definitions import twice
from mldsl.semantics.frame import UNKNOWN_TYPE, Frame, Known, Picked, pick
from mldsl.semantics.rows import type_row
from mldsl.semantics.scope import Scope
from mldsl.source import Span
from mldsl.syntax import ast

# What the language gives to every step (language 2, "Steps").
STEP_PARAMETERS = (
    Parameter("keep", ParameterType("bool"), False, doc="Leave the columns worked on; what is made stands beside."),
)  # fmt: skip


@attrs.frozen(eq=False, repr=False)
class Move:
    """One line of `transforms` and what it does to the columns.

    `resolved` is None for a computed column. `on` are the columns worked on, `uses` all columns named with places.
    """

    node: ast.Step | ast.Derive
    block: str
    before: Frame
    after: Frame
    resolved: Resolved | None = None
    expression: RowExpression | None = None
    on: tuple[Picked, ...] = ()
    uses: tuple[tuple[str, Span], ...] = ()
    leaks: tuple[tuple[str, Span], ...] = ()
    target: str = ""  # its column type

    @property
    def declaration(self) -> Declaration | None:
        """Of its component, if that is known."""
        return self.resolved.declaration if self.resolved is not None else None

    def refused(self) -> list[Picked]:
        """The columns whose type the step does not work on."""
        declaration = self.declaration
        if declaration is None or not declaration.accepts:
            return []
        return [p for p in self.on if not takes(declaration.accepts, p.known.type)]

    def refused_sparse(self) -> list[Picked]:
        """The sparse columns that the step would have to make dense."""
        declaration = self.declaration
        if declaration is None or declaration.sparse or declaration.selects or declaration.resamples:
            return []
        refused = self.refused()
        return [p for p in self.on if p.known.state.sparse and p not in refused]

    def refused_missing(self) -> list[Picked]:
        """The columns that may be missing where the step refuses that."""
        declaration = self.declaration
        if declaration is None or declaration.missing != "refuses" or declaration.selects:
            return []
        refused = self.refused()
        return [p for p in self.on if p.known.state.missing and p not in refused and p.known.type != UNKNOWN_TYPE]

    def plan(self) -> StepPlan:
        """The step as the plan holds it."""
        derive = None
        if isinstance(self.node, ast.Derive):
            derive = (self.node.name, self.expression or Constant(None))
        declaration = self.declaration
        return StepPlan(
            self.resolved.value if self.resolved is not None else None, derive, tuple(p.name for p in self.on),
            self.before.states(), self.after.states(), fitted=declaration is not None and declaration.fitted,
            looks_back=declaration is not None and declaration.looks_back,
            train_only=declaration is not None and declaration.phase == "train",
            resamples=declaration is not None and declaration.resamples,
            keep=self.resolved is not None and keeps(self.resolved), transforms=self.block or None, span=self.node.span,
        )  # fmt: skip


def takes(accepts: Sequence[str], type_: str) -> bool:
    """Whether a component that accepts these column types takes this one: an integer is also continuous."""
    return type_ in (*accepts, UNKNOWN_TYPE) or (type_ == "integer" and "continuous" in accepts)


def keeps(resolved: Resolved) -> bool:
    """Whether `keep = true` is written."""
    return resolved.value is not None and dict(resolved.value.args).get("keep") is True


def walk(block: ast.Transforms, frame: Frame, leaks: frozenset[str], scope: Scope, target: str = "") -> list[Move]:
    """The lines of one block in order, from the columns of `frame`.

    `leaks` are the target and what it is made from; `target` is its column type.
    """
    moves: list[Move] = []
    for line in block.body:
        here, name = scope.seeing(frame), block.name or ""
        if isinstance(line, ast.Derive):
            moves.append(_derive(line, name, frame, leaks, here))
        else:
            moves.append(_step(line, name, frame, leaks, here, target))
        frame = moves[-1].after
    return moves


# ---- computed columns ------------------------------------------------------------------------------------------------


def _derive(line: ast.Derive, block: str, frame: Frame, leaks: frozenset[str], scope: Scope) -> Move:
    before = len(scope.findings)
    row = type_row(line.value, scope.seeing(frame.without_types(leaks)))
    exists = frame.columns.get(line.name)
    if exists is not None:
        twice(scope.findings, line.name, line.name_span, exists.origin or line.name_span)
        return Move(line, block, frame, frame, expression=row.expression, uses=row.uses)
    if not row.uses and len(scope.findings) == before:
        scope.findings.error(
            "MLP0201", "a computed column reads other columns; this is a constant", line.value.span,
            help="a value that is the same in every row tells a model nothing",
        )  # fmt: skip
    leaking = tuple(use for use in row.uses if use[0] in leaks)
    type_ = UNKNOWN_TYPE if leaking else _column_type(row.type)
    columns = dict(frame.columns)
    for name in row.gathered:
        if name in columns:
            columns[name] = attrs.evolve(columns[name], input=False)
    made = ColumnState(line.name, type_, row.missing, row.levels, made_by=line.name)
    columns[line.name] = Known(made, True, line.name_span)
    after = attrs.evolve(frame, columns=columns)
    return Move(line, block, frame, after, expression=row.expression, uses=row.uses, leaks=leaking)


def _column_type(type_: str) -> str:
    """The column type of a computed value: a text made in a row is a text, a span of time is a number of seconds."""
    return "continuous" if type_ == "duration" else type_


# ---- steps -----------------------------------------------------------------------------------------------------------


def _step(line: ast.Step, block: str, frame: Frame, leaks: frozenset[str], scope: Scope, target: str) -> Move:
    known = scope.components.get("transform", line.component.dotted)
    universal = STEP_PARAMETERS if known is None or not known.resamples else ()  # rows change, columns do not
    resolved = resolve(line.component, "transform", scope, universal)
    picked = tuple(pick(line.on, frame, scope.findings))
    here = leaks if known is None or not known.looks_back else frozenset()  # the past of the target is no leak
    leaking = tuple((p.name, p.span) for p in picked if p.name in here) + tuple(_arguments(resolved, leaks))
    worked_on = tuple(p for p in picked if p.name not in here)
    uses = tuple((p.name, p.span) for p in picked)
    move = Move(line, block, frame, frame, resolved, on=worked_on, uses=uses, leaks=leaking, target=target)
    return attrs.evolve(move, after=_after(move, line.span))


def _arguments(resolved: Resolved, leaks: frozenset[str]) -> Iterator[tuple[str, Span]]:
    """The columns of `leaks` that arguments name, as in `standardize(per = COLUMN)`."""
    values = dict(resolved.value.args) if resolved.value is not None else {}
    for parameter in resolved.declaration.parameters if resolved.declaration is not None else ():
        if parameter.type.name in ("column", "columns"):
            value = values.get(parameter.name)
            node = resolved.argument(parameter.name)
            for name in value if isinstance(value, tuple) else (value,):
                if name in leaks:
                    yield name, node.value.span if isinstance(node, ast.Named) else resolved.span


def _after(move: Move, span: Span) -> Frame:
    declaration = move.declaration
    if declaration is None:
        return _blurred(move)
    if declaration.selects:
        return _selected(move, declaration.selects, span)
    if declaration.resamples:
        return move.before
    return _replaced(move, declaration, span)


def _blurred(move: Move) -> Frame:
    """After an unknown step the columns it worked on may be anything, and there may be more."""
    columns = dict(move.before.columns)
    for p in move.on:
        if p.name in columns and p.known.input:
            state = attrs.evolve(columns[p.name].state, type=UNKNOWN_TYPE, missing=False, levels=None)
            columns[p.name] = attrs.evolve(columns[p.name], state=state)
    return attrs.evolve(move.before, columns=columns, blurred=True)


def _selected(move: Move, selects: str, span: Span) -> Frame:
    """`drop` takes the columns away, `keep` all other inputs."""
    frame, chosen = move.before, {p.name: p.known for p in move.on}
    if selects == "drop":
        names = set(chosen)
        kept = {}
    else:
        names = {known.name for known in frame.inputs() if known.name not in chosen}
        kept = {name: known for name, known in chosen.items() if name not in frame.columns}  # out of a glob
    kept = {**{name: known for name, known in frame.columns.items() if name not in names}, **kept}
    return attrs.evolve(frame, columns=kept, gone={**frame.gone, **dict.fromkeys(names, span)})


def _replaced(move: Move, declaration: Declaration, span: Span) -> Frame:
    """The columns worked on give way to what the step makes; `keep` and columns that are no inputs stay."""
    assert move.resolved is not None
    args = dict(move.resolved.value.args) if move.resolved.value is not None else {}
    args |= {"target": "classes" if move.target in CLASSES else "one"}
    stays = keeps(move.resolved)
    per_column = [o for o in declaration.outputs if o.per == "column" and condition_holds(o.only_if, args)]
    once = [o for o in declaration.outputs if o.per == "step" and condition_holds(o.only_if, args)]
    worked_on = {p.name: p for p in move.on}
    refused = {p.name for p in move.refused()}
    columns: dict[str, Known] = {}
    patterns = {state.name for state in move.before.states() if state.pattern}
    gone = dict(move.before.gone)
    last = max((i for i, name in enumerate(move.before.columns) if name in worked_on), default=-1)

    def make(outputs: Sequence[Output], source: Picked, among: Sequence[Picked]) -> None:
        leaves = not stays and source.known.input
        for output in outputs:
            made = _made(output, source, among, declaration, source.name in refused, leaves)
            if output.sparse == "yes":
                block = block_name(source.name, declaration.name, patterns)
                patterns.add(f"{block}_*")
                made = attrs.evolve(made, name=output.name.replace("{column}", block))
            columns[made.name] = Known(made, True, span)

    for index, (name, known) in enumerate(move.before.columns.items()):
        picked = worked_on.get(name)
        if picked is None or stays or not known.input:
            columns[name] = known
        else:
            gone[name] = span
        if picked is not None:
            make(per_column, picked, (picked,))
        if index == last and once:
            make(once, move.on[0], move.on)
    for picked in move.on:  # columns that so far only a glob stands for
        if picked.name not in move.before.columns:
            make(per_column, picked, (picked,))
    if last < 0 and once and move.on:
        make(once, move.on[0], move.on)
    for name in columns:
        gone.pop(name, None)
    return attrs.evolve(move.before, columns=columns, gone=gone)


def _made(
    output: Output, source: Picked, among: Sequence[Picked], declaration: Declaration, refused: bool, leaves: bool
) -> ColumnState:
    """A column that a step makes of `source`, or of all `among` for an output per step."""
    state = source.known.state
    name = output.name.replace("{column}", state.name)
    if name == state.name and not leaves:
        name = f"{state.name}_{declaration.name}"  # the column itself stays
    same = output.type == "same"
    type_ = state.type if same else output.type
    missing = {"no": False, "yes": True}.get(output.missing, any(p.known.state.missing for p in among))
    if declaration.missing == "refuses" or (declaration.missing == "fills" and output.name == "{column}"):
        missing = missing and output.missing == "yes"
    sparse = output.sparse == "yes" or (
        output.sparse == "same" and declaration.sparse and any(p.known.state.sparse for p in among)
    )
    return ColumnState(
        name, UNKNOWN_TYPE if refused else type_, missing and not refused, state.levels if same else None,
        pattern="*" in name, made_by=declaration.name, sparse=sparse,
    )  # fmt: skip
