"""The plan: what will be done, typed and resolved, without syntax. Its values print and compare.

Produced by `mldsl.semantics.analyze`, once without the data's header (`check`; columns may be globs) and once with it
(`plan`, `run`; every name is known). Spans are kept so that a later finding can point at the line that declared it.
"""

from __future__ import annotations

from typing import Any, Literal

import attrs

from mldsl.source import Record, Span

Task = Literal["classification", "regression", "clustering", "generation", "ranking", "recommendation", "transform"]


# ---- row expressions -------------------------------------------------------------------------------------------------
@attrs.frozen(eq=False, repr=False)
class Constant(Record):
    """A literal: number, text, boolean, None, or a tuple of them; `param` is the `$param` that gave it."""

    value: Any
    param: str | None = None
    span: Span | None = attrs.field(default=None, eq=False, repr=False, kw_only=True)


@attrs.frozen(eq=False, repr=False)
class ColumnUse(Record):
    """The value of a column in this row."""

    name: str
    span: Span | None = attrs.field(default=None, eq=False, repr=False, kw_only=True)


@attrs.frozen(eq=False, repr=False)
class Columns(Record):
    """Several columns as one operand (the glob of `image("p*")`), in file order."""

    names: tuple[str, ...]
    span: Span | None = attrs.field(default=None, eq=False, repr=False, kw_only=True)


@attrs.frozen(eq=False, repr=False)
class Apply(Record):
    """An operator (`+ - * / ^ == != < <= > >= and or not negate`) or a row function (`function` is its full name)."""

    op: str
    args: tuple[RowExpression, ...]
    function: str | None = None
    span: Span | None = attrs.field(default=None, eq=False, repr=False, kw_only=True)


RowExpression = Constant | ColumnUse | Columns | Apply


# ---- components ------------------------------------------------------------------------------------------------------
@attrs.frozen(eq=False, repr=False)
class ComponentValue(Record):
    """A component with all of its arguments, defaults spelt out.

    `kind` is a component kind, or "choice" for an enum value that takes arguments (`constant(0)` of `impute`).
    Argument values: None, bool, int, float, str, tuples of these, ((label, number), ...) for weights, ((label,
    weights), ...) for costs, (low, high) for ranges, column names, `EnvSecret`, `ComponentValue`. `written` are the
    arguments that the file gives; `params` maps an argument to the `$param` it came from, so that tuning knows what a
    parameter reaches. `formulas` are the arguments that are computed from params (`1 / $c`), as expressions over them;
    None where a search cannot follow.
    """

    kind: str
    name: str
    plugin: str
    args: tuple[tuple[str, Any], ...] = ()
    written: tuple[str, ...] = ()
    params: tuple[tuple[str, str], ...] = ()
    formulas: tuple[tuple[str, RowExpression | None], ...] = ()
    text: str = attrs.field(default="", eq=False)  # as written, canonical
    model: str | None = None  # a report limited to one model by `model = NAME`, which every report takes
    span: Span | None = attrs.field(default=None, eq=False, repr=False, kw_only=True)

    def arg(self, name: str) -> Any:
        """The value of one argument."""
        return dict(self.args)[name]


@attrs.frozen(eq=False, repr=False)
class ClassCount(Record):
    """`classes` while the levels of the target are still to be learned: the number of target classes."""


@attrs.frozen(eq=False, repr=False)
class EnvSecret(Record):
    """`env("NAME")`: read at run time, never printed."""

    name: str


# ---- columns ---------------------------------------------------------------------------------------------------------
@attrs.frozen(eq=False, repr=False)
class ColumnPlan(Record):
    """A column as declared in `features`.

    `levels` are the written ones (for binary the last is positive), None if they are learned. `pattern` is true for a
    glob that no header has resolved yet. `role` is "input" where the file names none. `form` is the argument of
    `time(...)`. `low`, `high` are the declared range. `computed` is its expression.
    """

    name: str
    type: str
    missing: bool = False
    role: str = "input"
    levels: tuple[str, ...] | None = None
    form: str | None = None
    low: float | None = None
    high: float | None = None
    computed: RowExpression | None = None
    pattern: bool = False
    doc: str = ""
    span: Span | None = attrs.field(default=None, eq=False, repr=False, kw_only=True)
    range_span: Span | None = attrs.field(default=None, eq=False, repr=False, kw_only=True)


@attrs.frozen(eq=False, repr=False)
class ColumnState(Record):
    """A column at one place of a transforms pipeline: what `plan` shows on every edge.

    `pattern` is true while only the data can tell the names (`sex_*` after `one_hot`, before levels are learned).
    `made_by` is the step that made it ("" if declared); `pure` columns come straight from `features`.
    """

    name: str
    type: str
    missing: bool = False
    levels: tuple[str, ...] | None = None
    pattern: bool = False
    made_by: str = ""
    sparse: bool = False  # a column of a sparse matrix, of which only what is not 0 is kept


FORMULA_BLOCK = "~"  # the block that steps stand in which compute functions of a formula


@attrs.frozen(eq=False, repr=False)
class StepPlan(Record):
    """A fitted or row-wise step (`component`), or a derived column (`derive` = name and expression)."""

    component: ComponentValue | None
    derive: tuple[str, RowExpression] | None
    on: tuple[str, ...]
    before: tuple[ColumnState, ...]
    after: tuple[ColumnState, ...]
    fitted: bool = False
    looks_back: bool = False  # reads earlier rows, before the split
    train_only: bool = False  # applied to rows that are trained on, never to rows to predict
    resamples: bool = False  # changes the training rows of each fit: how often they count, or how many there are
    keep: bool = False  # `keep = true`: the columns worked on stay, and what is made stands beside them
    transforms: str | None = None  # the block it stands in, or FORMULA_BLOCK
    span: Span | None = attrs.field(default=None, eq=False, repr=False, kw_only=True)

    @property
    def per(self) -> str | None:
        """The column by whose levels a transform works (`per = COLUMN`): read, and left as it is."""
        return dict(self.component.args).get("per") if self.component is not None else None


# ---- pipeline --------------------------------------------------------------------------------------------------------
@attrs.frozen(eq=False, repr=False)
class ParamPlan(Record):
    """A `param`: its value for this run and where the value came from."""

    name: str
    type: str
    value: Any
    origin: Literal["file", "command line", "default"] = "file"
    domain: Any = None
    doc: str = ""
    span: Span | None = attrs.field(default=None, eq=False, repr=False, kw_only=True)


@attrs.frozen(eq=False, repr=False)
class SplitPlan(Record):
    """Who is trained on and who is held out.

    `test` and `validation` are shares (0..1), counts (int, from `last(n)`) or None (no such part). `by` is one or two
    of random stratified group time order user. `gap` is in rows (int) or seconds (float). `implicit_folds` are the
    folds that choose thresholds where the file gives neither folds nor validation. `written` is false for the default
    split. `held_out` names the part that counts: test, folds, validation, train or all.
    """

    test: float | int | None = 0.2
    validation: float | int | None = None
    folds: int = 0
    repeats: int = 1
    by: tuple[str, ...] = ("random",)
    gap: float | int | None = None
    implicit_folds: int = 0
    written: bool = True
    separate: tuple[str, ...] = ()  # parts that have their own source
    part_column: str | None = None
    held_out: str = "test"
    span: Span | None = attrs.field(default=None, eq=False, repr=False, kw_only=True)


@attrs.frozen(eq=False, repr=False)
class Threshold(Record):
    """A fixed probability (`value`), or the one that does best on out-of-fold or validation rows (`metric`)."""

    value: float | None = None
    direction: Literal["maximize", "minimize", ""] = ""
    metric: ComponentValue | None = None
    span: Span | None = attrs.field(default=None, eq=False, repr=False, kw_only=True)


@attrs.frozen(eq=False, repr=False)
class DesignPlan(Record):
    """The right side of a formula, which decides on the matrix of its model.

    In `right` the operators `+ - : * ^` and `negate` are those of formulas. Its leaves are columns, sets of columns
    (type words and globs, resolved), and the constants 0 and 1 for the intercept; a function of one row is a column
    that one of the model's steps derives, called as the function is written. `text` is the formula as written.
    `parameters` are those of a curve, whose matrix is the columns that it reads.
    """

    right: RowExpression
    text: str
    parameters: tuple[str, ...] = ()
    span: Span | None = attrs.field(default=None, eq=False, repr=False, kw_only=True)


@attrs.frozen(eq=False, repr=False)
class ModelPlan(Record):
    """One model: its algorithm, its steps in order, the columns of its matrix, and its held-out decisions.

    With a `design`, `columns` are those that it reads, and the matrix is made of them. `trees`: whether it grows some.
    `members` are the models that it is made of, in order: those of the file as they stand there, others with the steps
    and the matrix of the whole (`part_of`).
    """

    name: str
    algorithm: ComponentValue
    transforms: tuple[str, ...] = ()  # names of blocks, "" for the unnamed
    steps: tuple[StepPlan, ...] = ()
    columns: tuple[ColumnState, ...] = ()
    target_scale: str | ComponentValue | None = None  # log log1p sqrt, or a transform
    threshold: Threshold | None = None
    calibrate: str | None = None
    stop_when: ComponentValue | None = None
    doc: str = ""
    design: DesignPlan | None = None
    members: tuple[ModelPlan, ...] = ()
    part_of: str = ""
    trees: bool = attrs.field(default=False, kw_only=True)
    span: Span | None = attrs.field(default=None, eq=False, repr=False, kw_only=True)

    @property
    def own_steps(self) -> tuple[StepPlan, ...]:
        """The steps that the file writes; those that compute functions of the formula are none of them."""
        return tuple(step for step in self.steps if step.transforms != FORMULA_BLOCK)


@attrs.frozen(eq=False, repr=False)
class MetricPlan(Record):
    """A metric, its name as written (`f1(positive = "spam")`), and its gate (`op`, `bound`)."""

    name: str
    component: ComponentValue
    better: str
    primary: bool = False
    op: str | None = None
    bound: float | None = None
    span: Span | None = attrs.field(default=None, eq=False, repr=False, kw_only=True)


@attrs.frozen(eq=False, repr=False)
class NetworkPlan(Record):
    """A named list of layers."""

    name: str
    layers: tuple[ComponentValue, ...]
    span: Span | None = attrs.field(default=None, eq=False, repr=False, kw_only=True)


@attrs.frozen(eq=False, repr=False)
class TunePlan(Record):
    """A search over params: `domains` maps a param to ("range", low, high), ("log", low, high) or ("list", values).

    `mldsl.plan.tuning.domains_of` makes of them what a search is given. `simpler` says of a param whether "larger" or
    "smaller" values make a simpler model; params of which nothing is known are absent. `trials` says how many settings
    the search of each model will try, once its plugin was loaded (`plan`, `run`).
    """

    search: ComponentValue
    domains: tuple[tuple[str, tuple[Any, ...]], ...]
    folds: int = 5
    choose: str = "best"
    simpler: tuple[tuple[str, str], ...] = ()
    trials: tuple[tuple[str, int], ...] = ()
    span: Span | None = attrs.field(default=None, eq=False, repr=False, kw_only=True)


@attrs.frozen(eq=False, repr=False)
class Plan(Record):
    """The whole pipeline, resolved.

    `sources` maps "data" (or train, validation, test, users, items) to a source. `complete` is true once the header of
    the data was used: then no column is a pattern any more, except what learned levels will name.
    `defaults` says, in sentences, what was filled in that the file leaves open (task, split, metrics ...), `settled`
    what the command line took out of the search.
    """

    file: str
    edition: int
    seed: int
    task: Task
    params: tuple[ParamPlan, ...]
    sources: tuple[tuple[str, ComponentValue], ...]
    where: RowExpression | None
    columns: tuple[ColumnPlan, ...]
    target: str | None
    split: SplitPlan
    models: tuple[ModelPlan, ...]
    metrics: tuple[MetricPlan, ...]
    reports: tuple[ComponentValue, ...]
    exports: tuple[ComponentValue, ...]
    networks: tuple[NetworkPlan, ...] = ()
    tune: TunePlan | None = None
    steps: tuple[StepPlan, ...] = ()  # of a file without a model: transforms with a report or an export
    uses: tuple[tuple[str, str], ...] = ()  # plugin, version requirement
    defaults: tuple[str, ...] = ()
    settled: tuple[str, ...] = ()
    complete: bool = False
    where_span: Span | None = attrs.field(default=None, eq=False, repr=False, kw_only=True)

    def column(self, name: str) -> ColumnPlan:
        """The declared column of that name; KeyError if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def roles(self, role: str) -> tuple[ColumnPlan, ...]:
        """The columns of a role."""
        return tuple(c for c in self.columns if c.role == role)
