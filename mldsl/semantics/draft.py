"""The pipeline as far as it could be resolved and typed: what the rules judge and the plan is made from.

Unlike the plan it may have holes: a component that is unknown, a column whose type is. Every rule leaves alone what it
does not know, so that one mistake gives one message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from mldsl.plan.model import ColumnPlan, ParamPlan, RowExpression, SplitPlan, Task, Threshold
from mldsl.plugin.declaration import Declaration
from mldsl.semantics.arguments import Resolved
from mldsl.semantics.definitions import Definitions
from mldsl.semantics.features import Features
from mldsl.semantics.flow import Move
from mldsl.semantics.formulas import DesignDraft
from mldsl.semantics.frame import Frame, Known
from mldsl.semantics.names import Components
from mldsl.semantics.params import Domain
from mldsl.source import Span
from mldsl.syntax import ast

# The verb by which declarations call each task.
VERBS: dict[str, str] = {
    "classification": "classify", "regression": "regress", "clustering": "cluster", "generation": "generate",
    "ranking": "rank", "recommendation": "recommend",
}  # fmt: skip
TASKS: dict[str, Task] = {
    "classify": "classification", "regress": "regression", "cluster": "clustering", "generate": "generation",
    "rank": "ranking", "recommend": "recommendation",
}  # fmt: skip


@attrs.define(eq=False, repr=False)
class SourceDraft:
    """Where rows come from; `part` is data, train, validation, test, users or items."""

    part: str
    resolved: Resolved


@attrs.define(eq=False, repr=False)
class SplitDraft:
    """The `split` block: its plan, and the place of each setting that is written."""

    plan: SplitPlan
    node: ast.Split | None
    spans: dict[str, Span] = attrs.field(factory=dict)
    known: bool = True  # false if a setting that matters could not be read


@attrs.define(eq=False, repr=False)
class ModelDraft:
    """One `model` block. `moves` are its steps in order, `frame` the columns after the last of them.

    `members` and `final` are the models that it is made of; one that is written in place is a draft without a block of
    its own, and `whole` is the model of the file that it is part of.
    """

    name: str
    node: ast.Model
    algorithm: Resolved | None
    blocks: tuple[str, ...] = ()
    moves: tuple[Move, ...] = ()
    frame: Frame = attrs.field(factory=Frame)
    matrix: tuple[Known, ...] = ()
    formula: ast.Formula | None = None
    design: DesignDraft | None = None
    target_scale: object = None
    target_scale_node: ast.Setting | None = None
    threshold: Threshold | None = None
    threshold_node: ast.Setting | None = None
    threshold_metric: Resolved | None = None
    calibrate: str | None = None
    calibrate_node: ast.Setting | None = None
    stop_when: Resolved | None = None
    stop_when_node: ast.Setting | None = None
    declaration: Declaration | None = None  # of the algorithm as it is set, if that is known
    members: tuple[Member, ...] = ()
    final: Resolved | None = None
    whole: ModelDraft | None = None

    @property
    def combines(self) -> bool:
        """Whether it is made of other models, which are judged in its place."""
        return self.declaration is not None and self.declaration.members is not None

    @property
    def margins(self) -> bool:
        """Whether it gives margins and no probabilities: those of its final model, if it has one."""
        decides = self.final.declaration if self.final is not None else self.declaration
        return decides is not None and decides.margins

    @property
    def own_inputs(self) -> bool:
        """Whether its own inputs reach a model: none do where all members are models of the file."""
        given = dict(self.algorithm.value.args) if self.algorithm is not None and self.algorithm.value else {}
        return not self.combines or bool(given.get("passthrough")) or any(m.draft is not None for m in self.members)


@attrs.frozen(eq=False, repr=False)
class Member:
    """A model that another is made of: `name` of a model of the file, or a `draft` for one that is written in place."""

    node: ast.Expr
    name: str = ""
    draft: ModelDraft | None = None


@attrs.define(eq=False, repr=False)
class MetricDraft:
    """One line of `metrics`."""

    name: str
    resolved: Resolved
    node: ast.Metric | None
    primary: bool = False
    op: str | None = None
    bound: float | None = None


@attrs.define(eq=False, repr=False)
class TuneDraft:
    """The `tune` block; `domains` with the place of each."""

    node: ast.Tune
    search: Resolved | None = None
    domains: dict[str, tuple[Domain, ast.Domain]] = attrs.field(factory=dict)
    folds: int = 5
    choose: str = "best"
    choose_span: Span | None = None


@attrs.define(eq=False, repr=False)
class Draft:
    """All of it.

    `parsed` is false if some text could not be read: then nothing can be called unused. `lost` are the kinds of items
    concerned, of which more may exist than is seen here.
    """

    file: str
    definitions: Definitions
    components: Components
    features: Features
    params: dict[str, ParamPlan]
    used_params: set[str]
    parsed: bool
    lost: frozenset[str] = frozenset()
    task: Task | None = None
    target: ColumnPlan | None = None
    levels: tuple[str, ...] | None = None
    sources: list[SourceDraft] = attrs.field(factory=list)
    where: RowExpression | None = None
    where_span: Span | None = None
    split: SplitDraft = attrs.field(factory=lambda: SplitDraft(SplitPlan(written=False), None))
    models: list[ModelDraft] = attrs.field(factory=list)
    loose_moves: list[Move] = attrs.field(factory=list)  # of transforms that no model uses
    metrics: list[MetricDraft] = attrs.field(factory=list)
    reports: list[Resolved] = attrs.field(factory=list)
    exports: list[Resolved] = attrs.field(factory=list)
    layers: dict[str, list[Resolved]] = attrs.field(factory=dict)
    tune: TuneDraft | None = None
    # Where each `$param` is used, by the kind of block: what `tune` must not vary, and what it reaches.
    param_blocks: dict[str, set[str]] = attrs.field(factory=dict)
    defaults: list[str] = attrs.field(factory=list)
    settled: list[str] = attrs.field(factory=list)

    @property
    def verb(self) -> str | None:
        """The task as declarations call it; None while it is not known."""
        return VERBS.get(self.task) if self.task is not None else None

    def role(self, role: str) -> ColumnPlan | None:
        """The first column of a role."""
        return next((column for column in self.features.columns.values() if column.role == role), None)

    def named(self, name: str) -> ModelDraft | None:
        """The model of the file that goes by this name."""
        return next((model for model in self.models if model.name == name), None)

    def ensembles(self) -> Iterator[ModelDraft]:
        """Every model that is made of others, those in place included."""
        yield from (model for model in _with_parts(self.models) if model.combines)

    def learners(self) -> Iterator[ModelDraft]:
        """Every model that learns from columns: those of the file, and members in place; not what they make up."""
        yield from (model for model in _with_parts(self.models) if not model.combines)

    def all_moves(self) -> list[Move]:
        """Every step of every model, each once."""
        seen: dict[int, Move] = {}
        for model in self.models:
            for move in model.moves:
                seen.setdefault(id(move), move)
        for move in self.loose_moves:
            seen.setdefault(id(move), move)
        return list(seen.values())


def _with_parts(models: Iterable[ModelDraft]) -> Iterator[ModelDraft]:
    for model in models:
        yield model
        yield from _with_parts(member.draft for member in model.members if member.draft is not None)
