"""The component classes a plugin returns from `mldsl_components()`: a declaration plus the functions that do the work.

Each kind is a namespace of its own. Nothing here imports an array library; the functions are only held. A component is
equal to itself only: a static part of compiled programs must hash, and functions have no other equality.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar

import attrs

from mldsl.plugin.condition import holds
from mldsl.plugin.declaration import Operand, Output


@attrs.frozen
class NoSpec:
    """The Spec of a component without hyperparameters."""


@attrs.frozen
class NamedColumn:
    """A column on the host side of a transform: what `names(spec, columns)` is given and gives back.

    `levels` are the dictionary of a categorical, ordinal or binary column, in code order; None for numbers.
    """

    name: str
    type: str
    levels: tuple[str, ...] | None = None
    missing: bool = False


@attrs.frozen(eq=False)
class Order:
    """What a step that looks back is told of the rows, as Polars series: their moments, and the levels of `per`.

    Without `time` rows come in the order of the file; without `per` all rows are one stretch.
    """

    time: Any = None
    per: Any = None


@attrs.frozen
class Problem:
    """What `check(spec, shape)` of a component yields: the parameter at fault and "expected ..., found ..."."""

    parameter: str
    message: str


@attrs.frozen(kw_only=True, slots=False, eq=False, repr=False)
class Component:
    """What every kind has.

    `name` is what users type; `Spec` the attrs class of hyperparameters; `doc` defaults to the module's docstring,
    whose first line is the summary. `example` is a `Spec`, for the conformance kit, or None if `Spec()` will do;
    `snippet` is a short runnable `.mlp` line for the reference page. `sources` are papers (year, doi). `exceptions`
    maps a conformance check to the reason why it cannot hold here; it is shown in the documentation.
    """

    kind: ClassVar[str] = ""
    name: str = attrs.field(kw_only=False)
    Spec: type = attrs.field(default=NoSpec, kw_only=False)
    doc: str = ""
    example: Any = None
    snippet: str = ""
    sources: Collection[str] = ()
    also_known_as: Collection[str] = ()
    deprecated: str = ""
    exceptions: Mapping[str, str] = attrs.field(factory=dict)

    def __repr__(self) -> str:
        """Stable from process to process: it is part of the key of compiled programs."""
        return f"<{self.kind} {self.name}>"


@attrs.frozen(kw_only=True, slots=False, eq=False, repr=False)
class Model(Component):
    """An algorithm that learns: `fit` and `predict`, or `init`, `update`, `finish` and `predict`.

    `missing_if` is a condition on the Spec, such as "distance = gower", under which alone missing values are accepted.
    A model that has both ways says by `rounds` when it goes in rounds: a condition on its Spec, such as
    `solver = batch, stochastic`.

    fit(spec, key, shape, examples) -> (Params, Info); predict(spec, params, inputs) -> Prediction;
    predict_at(spec, params, inputs, offset) -> Prediction: the same at an offset of each row, which is otherwise added
    to the mean; for models with the role `offset` whose mean is not linear in it;
    init(spec, key, shape, examples) -> State; update(spec, state, examples) -> (State, Info), the examples always the
    same; finish(spec, state) -> Params; info(spec, state) -> Info, of the whole loop (by default there is none);
    loss(spec, params, examples) -> scalar, what `stop_when` watches (by default that of the task);
    so_far(spec, state, examples) -> Prediction: what a loop's state says of all of its rows, those of weight 0, too, as
    `predict` of its params would (at their offsets); and loss_of(spec, prediction, examples) -> scalar, the loss from
    predictions alone: with these, each look of `stop_when` costs one pass over the rows.
    cut(spec, state, updates) -> State: what `finish` would have been given after so many updates, told from a later
    state; then no state is kept as the best.
    steps(spec) -> int: how many updates at most, for iterative models;
    check(spec, shape) -> Iterator[Problem];
    prepare(spec, shape, columns, weight) -> (inputs, state): on the host, in NumPy, once a fit, `columns` of the matrix
    by name: inputs that are better to learn from (bins, sorted orders), maybe as `mldsl.contract.Prepared`, and what
    does the same to other rows. `prepares(spec)` says with which Specs it does so (by default with all), and
    `prepare_reads` names the parameters that it looks at (None: all; of models that it follows, what theirs look at),
    so that a search over others prepares once.
    apply_prepared(spec, shape, state, columns) -> inputs: what `predict` is then given for any rows. Where a model has
    none, or it gives None, `predict` is given the matrix as it is.
    prepare_as(spec, shape, state, columns) -> inputs: the same for rows to learn from further, by an earlier state; by
    default `apply_prepared`. resume(spec, key, shape, examples, params, info, more) -> State: what the loop of a fit
    carried at its end, by what it learned and its Info (None without `info`), with room for `more` updates: then
    `mldsl update --rounds` goes on with it.
    trees(spec, params) -> mldsl.contract.Trees: the grown trees, for reports.
    `follows` names the parameters in which the models stand that an ensemble is made of: then `accepts`, `missing`,
    `sparse`, `scale_sensitive`, `costs`, `margins`, `roles`, `tasks` and `precision` are at most those of all of these
    (its own are what it could with the best of them), except for what `keeps` names; their `check` and `bind` are asked
    by the engine. `mldsl.contract.fit_whole` fits any of them inside a program.
    A model with a parameter that lists models (`tuple[ModelName, ...]`) is made of them: the engine fits each as a
    pipeline of its own, whether it is written in place or a model of the file. It has combine(spec, answers) ->
    Prediction of the members' Predictions; or a parameter with a final model (`kind="model"`), which learns from their
    answers out of fold, and folds(spec) -> into how many parts the training rows are dealt for that.
    `probabilities_if` is a condition on the Spec, such as `voting = soft`, under which members must give probabilities.
    Its `fit` and `predict` serve where it is inside of another component.
    `row_state` names the fields of a loop's State whose first axis is that of the rows: with `shards` these are spread
    over the devices as the rows are, all others are the same everywhere. `shards` may be a number instead: the least
    rows x columns from which on spreading them is worth it.
    remarks(spec, info, shape) -> Iterator[Problem | str]: what the values of the rows turned out to mean, asked on the
    host after each fit, with NumPy leaves: put what the fit saw (a count, a flag by column) into `Info`, and yield a
    `Problem` to refuse the run (MLP0312), or a sentence, without the model's name, as a warning of it.
    A fit that is nothing but sums over rows also learns in batches: count(spec, shape, examples) -> Counts, what rows
    add to what is known; add(one, other) -> Counts, those of both parts of the rows; learn(spec, shape, counts, active)
    -> (Params, Info), the model that they make. `Info.counts` holds them, so that an artifact can go on; what only the
    rows could tell is None in the Info that `learn` gives.
    bind(spec, classes) -> Spec turns names of levels of the target in the Spec into numbers by class, on the host;
    `classes` are the levels in code order, () without; or it gives a list of `Problem`s.
    compact(params) -> Params, on the host with NumPy leaves: the same function from smaller arrays, for the artifact;
    compact(spec, params) of a model that `follows` others.
    sample(spec, params, key, n) for generate; score(spec, params, user, item) and top_k(spec, params, user, k, seen)
    for recommend. `costs`: the loss multiplies rows by `Examples.cost` (it uses `loss_weight()`), so that the language
    gives a classifier `class_weights`. `margins`: as a classifier it gives `score` [n, classes] and no probabilities,
    until the file says `calibrate`. `batches`: fits that are mapped over weights and settings were measured to gain,
    always or for some Specs and numbers of columns: batches(spec, columns) -> bool. `examples` are Specs by task, where
    `example` does not do all tasks. `terms(spec)` names the last axis of `Params.coefficients`, where that is not the
    columns. `scale_free`: settings, such as `distance = gower`, with which a `scale_sensitive` model is not one.
    `info_columns` and such
    are the report's business: Info is stored whole. A Spec with a field of type `Formula` (or None) gets the formula's
    design as its inputs; its intercept is no column, `shape.intercept` says whether there is one. cluster(spec) names
    the declared column whose codes `fit` gets as `examples.cluster` (and their number as `shape.clusters`), or is None.
    """

    kind: ClassVar[str] = "model"
    fit: Callable[..., Any] | None = None
    predict: Callable[..., Any] | None = None
    predict_at: Callable[..., Any] | None = None
    init: Callable[..., Any] | None = None
    update: Callable[..., Any] | None = None
    finish: Callable[..., Any] | None = None
    info: Callable[..., Any] | None = None
    count: Callable[..., Any] | None = None
    add: Callable[..., Any] | None = None
    learn: Callable[..., Any] | None = None
    so_far: Callable[..., Any] | None = None
    cut: Callable[..., Any] | None = None
    loss: Callable[..., Any] | None = None
    loss_of: Callable[..., Any] | None = None
    steps: Callable[..., int] | None = None
    check: Callable[..., Any] | None = None
    remarks: Callable[..., Any] | None = None
    bind: Callable[..., Any] | None = None
    cluster: Callable[..., str | None] | None = None
    prepare: Callable[..., Any] | None = None
    prepares: Callable[[Any], bool] | None = None
    prepare_reads: Collection[str] | None = None
    apply_prepared: Callable[..., Any] | None = None
    prepare_as: Callable[..., Any] | None = None
    resume: Callable[..., Any] | None = None
    trees: Callable[..., Any] | None = None
    row_state: Collection[str] = ()
    follows: Collection[str] = ()
    keeps: Collection[str] = ()
    compact: Callable[..., Any] | None = None
    sample: Callable[..., Any] | None = None
    score: Callable[..., Any] | None = None
    top_k: Callable[..., Any] | None = None
    combine: Callable[..., Any] | None = None
    folds: Callable[[Any], int] | None = None
    probabilities_if: str = ""
    tasks: Collection[str] = ()
    accepts: Collection[str] = ("continuous", "integer", "binary", "ordinal")
    missing: str = "refuses"
    missing_if: str = ""
    sparse: bool = False
    scale_sensitive: bool = False
    scale_free: Collection[str] = ()
    roles: Collection[str] = ()
    shards: bool | int = False
    batches: bool | Callable[[Any, int], bool] = False
    costs: bool = False
    margins: bool = False
    precision: str = "float32"
    rounds: str = ""
    examples: Mapping[str, Any] = attrs.field(factory=dict)
    terms: Callable[..., tuple[str, ...]] | None = None

    def goes_in_rounds(self, spec: Any) -> bool:
        """Whether a fit with this Spec is a loop of updates that the engine owns."""
        return self.init is not None and (self.fit is None or (bool(self.rounds) and holds(self.rounds, spec)))

    @property
    def of_members(self) -> bool:
        """Whether it is made of other models, which the engine fits as pipelines of their own."""
        return self.combine is not None or self.folds is not None

    def prepares_for(self, spec: Any) -> bool:
        """Whether a fit with this Spec has its inputs prepared on the host."""
        return self.prepare is not None and (self.prepares is None or bool(self.prepares(spec)))


@attrs.frozen(kw_only=True, slots=False, eq=False, repr=False)
class Transform(Component):
    """A fitted or row-wise step.

    fit(spec, key, shape, examples) -> (Params, Info) on the columns named by `on` (None: nothing is learned);
    apply(spec, params, inputs) -> outputs. `names(spec, columns) -> tuple[NamedColumn, ...]` gives the columns that
    come out, in order, for the columns that go in; by default they follow `outputs` one to one, grouped by output.
    Where `Params` has a field `active` [outputs], it marks the output columns that exist in this fold; the engine sets
    the others to 0 and hands `active` on to the model.
    With `uses_target`, `names(spec, columns, classes)` is also given the levels of a target that has an output each: ()
    for numbers and binary targets; such outputs are declared with `only_if = "target = classes"`.
    bind(spec, columns) -> Spec turns names of levels in the Spec into codes of these columns, on the host, before `fit`
    and `apply`; or gives a list of `Problem`s where a column has no such level, or the Spec does not suit them.
    remarks(spec, info, shape) as for models; `shape.columns` are those of the step.
    `chooses`: the outputs are the columns worked on, of which `Params.active` marks those that stay. The run says which
    those are, and with `uses_target` a fit chooses by its own training rows, not out of fold.
    resample(spec, key, shape, examples) -> Examples for steps that change the training rows: the weights, or also how
    many rows there are. `inputs` holds the columns named by `on` first, which are `shape.columns`, then all others.
    capacity(spec, shape) -> how many rows come out, where `resample` adds some, whatever they hold; from
    `shape.largest_class`, the weight of the heaviest class, follows what it can need. check(spec, shape) as for models.
    `tasks` are those that it has a meaning for (empty: all); `scale_sensitive`: distances want `standardize`.
    Host steps (`host = True`): fit(spec, columns, weight) -> state and apply(spec, state, columns) -> columns, where
    columns maps names to Polars series (in) and to Polars series, NumPy arrays or `HostSparse` (out).
    `looks_back`: a host step that reads earlier rows, before the split, and may therefore name the target;
    fit(spec, columns, weight, order) -> state keeps the last rows, and apply(spec, state, columns, order) is given None
    as state for those rows themselves.
    `sparse`: where columns named by `on` are sparse, `inputs` is one `Sparse` of all of them; then `apply` gives a
    `Sparse` of the same columns and entries, or a dense [n, outputs] where `outputs` say `sparse="no"`. It takes dense
    inputs as well.
    Steps with two halves: host_fit(spec, columns, weight) -> (state, blocks) learns on the host, from all outer
    training rows, what no fold can change (a vocabulary), and gives for each column the `HostSparse` of all rows;
    host_apply(spec, state, columns) -> blocks does so for new rows. `fit` and `apply` then get each block by itself as
    `Sparse`, in each fold. `host_reads` names the parameters that the host half looks at (None: all of them): others
    may be searched without doing it again.
    """

    kind: ClassVar[str] = "transform"
    fit: Callable[..., Any] | None = None
    apply: Callable[..., Any] | None = None
    resample: Callable[..., Any] | None = None
    capacity: Callable[..., int] | None = None
    names: Callable[..., Any] | None = None
    bind: Callable[..., Any] | None = None
    check: Callable[..., Any] | None = None
    remarks: Callable[..., Any] | None = None
    inputs: Collection[str] = ("continuous", "integer")
    missing: str = "refuses"
    outputs: Collection[Output] = (Output(),)
    phase: str = "both"
    host: bool = False
    looks_back: bool = False
    host_fit: Callable[..., Any] | None = None
    host_apply: Callable[..., Any] | None = None
    host_reads: Collection[str] | None = None
    sparse: bool = False
    uses_target: bool = False
    chooses: bool = False
    selects: str = ""
    width: str = "static"
    tasks: Collection[str] = ()
    scale_sensitive: bool = False
    precision: str = "float32"


@attrs.frozen(kw_only=True, slots=False, eq=False, repr=False)
class Metric(Component):
    """A number with a direction: metric(spec, view) -> scalar, a pure function of JAX arrays that respects view.weight.

    `prepare(spec, view) -> pytree of row-aligned arrays` runs once (sorting for ranks, distances); it arrives as
    `view.prepared` while `view.weight` changes from one bootstrap replicate to the next. `needs` names what of the
    view is used: labels, probabilities, scores, ranks, inputs.
    `check(spec, view) -> Iterator[Problem]` is asked before anything is trained, with the targets (NumPy, in their own
    units) and weights of all rows: what the metric is not defined for.
    """

    kind: ClassVar[str] = "metric"
    metric: Callable[..., Any] = attrs.field(kw_only=True)
    prepare: Callable[..., Any] | None = None
    check: Callable[..., Any] | None = None
    tasks: Collection[str] = ()
    better: str = "higher"
    needs: Collection[str] = ("labels",)
    targets: Collection[str] = ()
    lowest: float | None = None
    highest: float | None = None


@attrs.frozen(kw_only=True, slots=False, eq=False, repr=False)
class Report(Component):
    """Tables and figures: compute(spec, view: ReportView) -> mldsl.plugin.ReportOutput, on NumPy arrays.

    `needs` names what is looked at: model, data; `probabilities`, which margins have to be calibrated for; `seconds`,
    and it is computed after all other reports.
    check(spec, plan) -> Iterator[Problem]: what the plan rules out, before anything is trained.
    """

    kind: ClassVar[str] = "report"
    compute: Callable[..., Any] = attrs.field(kw_only=True)
    check: Callable[..., Any] | None = None
    tasks: Collection[str] = ()
    needs: Collection[str] = ("model",)


@attrs.frozen(kw_only=True, slots=False, eq=False, repr=False)
class SourceComponent(Component):
    """Where rows come from: scan(spec, context) -> mldsl.data.Scan (lazy)."""

    kind: ClassVar[str] = "source"
    scan: Callable[..., Any] = attrs.field(kw_only=True)


@attrs.frozen(kw_only=True, slots=False, eq=False, repr=False)
class Function(Component):
    """A row function: expression(*operands) -> polars expression; literal operands arrive as Python values."""

    kind: ClassVar[str] = "function"
    expression: Callable[..., Any] = attrs.field(kw_only=True)
    operands: Collection[Operand] = ()
    variadic: bool = False
    gives: str = "same"
    missing: str = "same"


@attrs.frozen(kw_only=True, slots=False, eq=False, repr=False)
class Stop(Component):
    """When an iterative fit ends early: should_stop(spec, history) -> bool, history the watched values so far.

    `best_step(spec, history)` is the step (from 0) whose state is kept; by default that of the lowest value.
    """

    kind: ClassVar[str] = "stop"
    should_stop: Callable[..., bool] = attrs.field(kw_only=True)
    best_step: Callable[..., int] | None = None


@attrs.frozen(kw_only=True, slots=False, eq=False, repr=False)
class Exporter(Component):
    """What leaves the run folder: export(spec, context) -> list of paths written."""

    kind: ClassVar[str] = "exporter"
    export: Callable[..., Any] = attrs.field(kw_only=True)


@attrs.frozen(kw_only=True, slots=False, eq=False, repr=False)
class Part(Component):
    """A component of any other kind (layer, loss, kernel, optimizer, schedule ...): a Spec and named functions."""

    part_kind: str = attrs.field(kw_only=True)
    functions: Mapping[str, Callable[..., Any]] = attrs.field(factory=dict)

    @property
    def kind(self) -> str:  # type: ignore[override]
        """The namespace it belongs to."""
        return self.part_kind


@attrs.frozen(kw_only=True, slots=False, eq=False, repr=False)
class Search(Component):
    """Which settings to try: propose(spec, domains, told, seed) -> sequence of `Proposal`s, empty when it is over.

    `domains` are `Domain`s, `told` every `Told` trial so far in order, `seed` an integer. A pure function: equal
    arguments give equal proposals, so that an interrupted search goes on from its trials. All proposals of one answer
    are tried together, in one compiled program. `total(spec, domains)`: how many there will be, for plan and progress.
    `check(spec, domains)` yields `Problem`s with domains that it cannot search, before any row is read.
    A Spec may have `timeout` (seconds; the engine holds it) and `resource` ("rows" or "rounds", what `share` is of).
    """

    kind: ClassVar[str] = "search"
    propose: Callable[..., Any] = attrs.field(kw_only=True)
    total: Callable[..., int] | None = None
    check: Callable[..., Any] | None = None
