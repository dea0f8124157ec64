"""What `check`, the editor and the reference pages know of a component: plain data, no functions, no array library.

A `Declaration` is extracted once from a plugin's `Component` (see `extract.py`), cached, and dumped by
`mldsl plugins --json`. Everything in it is a string, number, boolean, None or tuple of these.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import attrs

COLUMN_TYPES: Final = (
    "continuous", "integer", "binary", "categorical", "ordinal", "text", "time", "image", "sequence", "vector", "id",
)  # fmt: skip
CLASSES: Final = ("categorical", "ordinal")  # of targets that a step may give a column for each level of
ROLES: Final = (
    "target", "weight", "offset", "group", "query", "user", "item", "time", "position", "key", "part", "ignore",
)  # fmt: skip
KINDS: Final = (
    "source", "transform", "function", "layer", "model", "loss", "optimizer", "schedule", "search", "stop", "metric",
    "report", "exporter", "kernel", "pruning",
)  # fmt: skip

TypeName = Literal[
    "int", "number", "share", "bool", "text", "duration", "size", "range", "enum", "column", "columns", "label",
    "weights", "costs", "formula", "arithmetic", "numbers", "ranges", "directions",
    "network", "component", "model", "secret", "list",
]  # fmt: skip


class _Required:
    """The default of a parameter that must be given."""

    def __repr__(self) -> str:
        return "required"

    def __reduce__(self) -> str:
        return "REQUIRED"


REQUIRED: Final = _Required()


@attrs.frozen
class Choice:
    """One value of an enum. With `parameters` it may be written as a call: `constant(0)` of `impute`."""

    name: str
    parameters: tuple[Parameter, ...] = ()
    doc: str = ""


@attrs.frozen
class DefaultCall:
    """A default that is written as a call, for a choice or component with arguments: `constant(value = 0)`."""

    name: str
    arguments: tuple[tuple[str, Any], ...] = ()


@attrs.frozen
class ParameterType:
    """The type of a parameter.

    `choices` for enum; `of` (a kind) for component; `item` for list; `optional` if None (written by leaving it out).
    `otherwise` is the type of the values that an enum takes besides its choices (`max_features = sqrt` or `12`), or a
    number besides numbers (`constant(0)` or `constant("none")`).
    """

    name: TypeName
    choices: tuple[Choice, ...] = ()
    of: str | None = None
    item: ParameterType | None = None
    optional: bool = False
    otherwise: ParameterType | None = None


@attrs.frozen
class Parameter:
    """One hyperparameter: type, bounds (open or closed), default, unit, documentation, search space.

    Arguments may be given by position in the order of declaration. `variadic` (only the last, of type list) collects
    all further unnamed arguments. `only_if` is a condition such as `solver = lbfgs` (see `condition.py`): setting the
    parameter otherwise is refused. `traced` values change without recompiling. `simpler`: whether "larger" or
    "smaller" numbers make a simpler model, "" if neither.
    """

    name: str
    type: ParameterType
    default: Any = REQUIRED
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    unit: str = ""
    doc: str = ""
    only_if: str = ""
    search: str = ""
    traced: bool = False
    variadic: bool = False
    simpler: str = ""
    also_known_as: tuple[str, ...] = ()

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is REQUIRED

    def bounds(self) -> str:
        """The allowed values as messages print them: `0..1`, `> 0`, `>= 1 and < 10`, or empty."""
        if self.ge is not None and self.le is not None:
            return f"{self.ge:g}..{self.le:g}"
        signs = ((">=", self.ge), (">", self.gt), ("<=", self.le), ("<", self.lt))
        return " and ".join(f"{sign} {value:g}" for sign, value in signs if value is not None)

    def allows(self, value: float) -> bool:
        """Whether a number is within the bounds."""
        return not (
            (self.ge is not None and value < self.ge)
            or (self.gt is not None and value <= self.gt)
            or (self.le is not None and value > self.le)
            or (self.lt is not None and value >= self.lt)
        )


@attrs.frozen
class Output:
    """Columns that a transform gives for each column it works on (`per = "column"`) or once (`per = "step"`).

    `name` is a template: `{column}` keeps the name, `{column}_missing` adds, `{column}_*` stands for several whose
    names only the data tells. `type` is a column type or "same". `missing`: whether these may be missing, "same" if as
    before. `only_if` as for parameters, e.g. `indicator = true`; or `target = classes` or `target = one`: whether the
    target is categorical or ordinal, or one column can say it (a number, or binary). `sparse`: whether they are columns
    of a sparse matrix, "same" if the step works on such.
    """

    name: str = "{column}"
    type: str = "same"
    missing: Literal["no", "yes", "same"] = "same"
    only_if: str = ""
    per: Literal["column", "step"] = "column"
    sparse: Literal["no", "yes", "same"] = "same"


@attrs.frozen
class Operand:
    """One operand of a row function: the column types it takes; `literal` ones are constants of a parameter type."""

    name: str
    types: tuple[str, ...] = ()
    literal: ParameterType | None = None
    optional: bool = False
    columns: bool = False  # a glob or list of columns (image, sequence, vector)


@attrs.frozen
class Declaration:
    """A component as data. Fields that do not concern its kind keep their defaults.

    model: `tasks` (classify regress cluster generate rank recommend), `accepts` (column types of its matrix),
      `missing` ("refuses" or "accepts", the latter only under the condition `missing_if`, if there is one), `sparse`,
      `iterative` (has rounds, so `stop_when` works), `rounds` (the condition under which it has, such as `solver =
      batch, stochastic`; empty: always), `scale_sensitive` (a warning asks for `standardize`), `roles` (weight,
      offset ... it uses beyond target), `precision`, `costs` (its loss multiplies rows by `cost`: then the language
      gives it `class_weights`), `margins` (a classifier that gives scores and no probabilities), `additive` (a fit is
      sums over rows, so that it learns in batches), `trees` (it grows trees, which reports can read), `resumes`
      (it can go on for further rounds), `follows` (the parameters whose models limit it, see `following.py`), `keeps`
      (what they do not limit), `probabilities_if` (the condition, such as `voting = soft`, under which the models that
      it is made of must give probabilities).
    transform: `accepts`, `missing` ("refuses", "accepts", "fills"), `outputs`, `phase` ("both", "train"), `host`,
      `looks_back`, `sparse` (it works on sparse columns too), `halves` (it has one on the host and one on the device),
      `fitted` (learns from training rows), `uses_target`, `chooses` (among its columns, anew in each fit), `selects`
      ("drop", "keep" or "", as the file says), `resamples`, `width` ("static", "data"), `tasks` (empty = all),
      `scale_sensitive`.
    metric: `tasks`, `better` ("higher", "lower"), `needs` (labels probabilities scores ranks inputs), `accepts`
      (target types, empty = all of the task), `lowest`, `highest`.
    report: `tasks` (empty = all), `needs` ("model", "data", "probabilities", "seconds"), `parts`.
    function: `operands`, `variadic`, `gives` (a column type, "same" or "common"), `missing`: "same" if an
      operand may be, "no", "yes", "all" if all operands may be.
    """

    kind: str
    name: str
    plugin: str
    module: str
    summary: str
    doc: str = ""
    parameters: tuple[Parameter, ...] = ()
    sources: tuple[str, ...] = ()
    example: str = ""
    also_known_as: tuple[str, ...] = ()
    deprecated: str = ""
    tasks: tuple[str, ...] = ()
    accepts: tuple[str, ...] = ()
    missing: str = "refuses"
    sparse: bool = False
    iterative: bool = False
    rounds: str = ""
    missing_if: str = ""
    scale_sensitive: bool = False
    scale_free: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    precision: str = "float32"
    outputs: tuple[Output, ...] = (Output(),)
    phase: str = "both"
    host: bool = False
    halves: bool = False
    fitted: bool = True
    uses_target: bool = False
    chooses: bool = False
    looks_back: bool = False
    selects: str = ""
    resamples: bool = False
    width: str = "static"
    better: str = ""
    needs: tuple[str, ...] = ()
    lowest: float | None = None
    highest: float | None = None
    operands: tuple[Operand, ...] = ()
    variadic: bool = False
    gives: str = ""
    shards: bool | int = False
    batches: bool = False
    costs: bool = False
    margins: bool = False
    probabilities_if: str = ""
    additive: bool = False
    resumes: bool = False
    trees: bool = False
    follows: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    exceptions: tuple[tuple[str, str], ...] = ()

    @property
    def full_name(self) -> str:
        """`plugin.name`, e.g. `core.k_means`."""
        return f"{self.plugin}.{self.name}"

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of that name."""
        return next((p for p in self.parameters if p.name == name), None)

    @property
    def members(self) -> Parameter | None:
        """The parameter of a model that lists the models which it is made of; None for all other models."""
        lists = (p for p in self.parameters if p.type.item is not None and p.type.item.name == "model")
        return next(lists, None) if self.kind == "model" else None

    @property
    def final(self) -> Parameter | None:
        """The parameter with the model that learns from what the `members` say."""
        nested = (p for p in self.parameters if p.type.name == "component" and p.type.of == "model")
        return next(nested, None) if self.members is not None else None
