"""The plan as people read it: what `mldsl plan` prints, and what every run keeps as `plan.txt`.

Every default is spelt out, and after each step the columns that changed. Counts of rows need data, which a plan has not
read: whoever has them passes them as `facts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import wrap

from mldsl.plan.design import terms_of
from mldsl.plan.expressions import expression_text, name_text
from mldsl.plan.model import ColumnState, ComponentValue, ModelPlan, Plan, SplitPlan, StepPlan
from mldsl.plan.tuning import reached
from mldsl.plan.values import default_arguments, domain_text, search_text, type_text, ways_text, written_text
from mldsl.plugin.declaration import ParameterType
from mldsl.plugin.wording import number_text, quoted, value_text

# Further rows for a section: its title -> (label, text).
Facts = Mapping[str, Sequence[tuple[str, str]]]

_WIDTH = 100
# The labels are padded to the widest of their section, but not to those that stand out.
_LABEL, _LONGEST = 12, 30
# More columns of one type than this are counted.
_LISTED = 12


def plan_text(plan: Plan, facts: Facts | None = None) -> str:
    """The whole plan, ended by a newline."""
    sections = [
        ("Params", _params(plan)), ("Data", _data(plan)), ("Columns", _columns(plan)), ("Split", _split(plan)),
        ("Rows", ()), ("Choosing", _choosing(plan) if "Choosing" not in (facts or {}) else ()),
        *((f"Network {network.name}", _layers(network.layers)) for network in plan.networks),
        *((f"Model {model.name}", _model(plan, model)) for model in plan.models),
        ("Transforms", _steps(plan.steps, plan)),
        ("Tune", _tune(plan)), ("Batching", ()), ("Metrics", _metrics(plan)), ("Report", _components(plan.reports)),
        ("Export", _components(plan.exports)), ("Kept", ()),
        ("Filled in", (("", text) for text in (*plan.defaults, *plan.settled))),
    ]  # fmt: skip
    lines = [_title(plan)]
    for title, rows in sections:
        found = [*rows, *(facts or {}).get(title, ())]
        if found:
            lines += _section(title, found)
    return "\n".join(lines) + "\n"


def _section(title: str, rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    """A title, and its rows below each other: labels in one column, texts wrapped in another."""
    yield ""
    yield title
    labels = [len(label) for label, text in rows if text and len(label) <= _LONGEST]
    pad = max(_LABEL, *labels, 0) + 2
    for label, text in rows:
        if not label:
            yield from wrap(text, _WIDTH, initial_indent="  - ", subsequent_indent="    ")
            continue
        filled = wrap(text, _WIDTH - pad, break_long_words=False, break_on_hyphens=False) or [""]
        if len(label) > pad - 2 and text:
            yield f"  {label}"
        else:
            yield f"  {label.ljust(pad)}{filled.pop(0)}".rstrip()
        yield from (" " * (pad + 2) + more for more in filled)


def _title(plan: Plan) -> str:
    what = plan.task if plan.target is None else f"{plan.task} of `{plan.target}`"
    state = "" if plan.complete else ", before the data was looked at"
    return f"{plan.file}: {what}{state}"


# ---- sections --------------------------------------------------------------------------------------------------------


def _params(plan: Plan) -> Iterator[tuple[str, str]]:
    for param in plan.params:
        domain = f" in {domain_text(param.domain)}" if param.domain else ""
        value = value_text(param.value) if param.type != "text" else f'"{param.value}"'
        yield f"${param.name}", f"{value}: {param.type}{domain}, from the {_ORIGINS[param.origin]}"


_ORIGINS = {"file": "file", "command line": "command line", "default": "language (a default)"}


def _data(plan: Plan) -> Iterator[tuple[str, str]]:
    for part, source in plan.sources:
        yield "source" if part == "data" else part, written_text(source)
        if text := default_arguments(source):
            yield "  defaults", text
    if plan.where is not None:
        yield "where", expression_text(plan.where)


def _columns(plan: Plan) -> Iterator[tuple[str, str]]:
    """The declared columns; many of one kind in one row."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for column in plan.columns:
        limits = ""
        if column.low is not None and column.high is not None:
            limits = f" in {number_text(column.low)}..{number_text(column.high)}"
        made = f", = {expression_text(column.computed)}" if column.computed is not None else ""
        role = "" if column.role == "input" else f" as {column.role}"
        key = (f"{type_text(column)}{limits}{role}{made}", column.role, "" if column.role == "input" else column.name)
        groups.setdefault(key, []).append(f'"{column.name}"' if column.pattern else name_text(column.name))
    for (text, _, _), names in groups.items():
        yield _names(names, 3), text if len(names) == 1 else f"{text}  ({len(names)} columns)"


def _names(names: Sequence[str], limit: int) -> str:
    if len(names) <= limit:
        return ", ".join(names)
    return f"{', '.join(names[: limit - 1])}, ... {names[-1]}"


def _split(plan: Plan) -> Iterator[tuple[str, str]]:
    split = plan.split
    by = ways_text(split.by, plan.columns, plan.target)
    for part, size in (("test", split.test), ("validation", split.validation)):
        if part in split.separate:
            yield part, "a source of its own"
        elif size is not None:
            yield part, f"{_size(size, split.by)}, {by}" if size else "none: 0%"
    if split.part_column is not None:
        yield "parts", f"as the column {name_text(split.part_column)} says"
    if split.folds:
        repeats = f", repeated {split.repeats} times" if split.repeats > 1 else ""
        apart = split.test or split.validation or split.separate or split.part_column is not None
        rest = "of the rows that are neither test nor validation" if apart else "of all rows"
        yield "folds", f"{split.folds}, {by}{repeats}; {rest}"
    if split.gap is not None:
        rows = isinstance(split.gap, int)
        yield "gap", f"{split.gap} rows" if rows else value_text(split.gap, ParameterType("duration"))
    yield "metrics of", _HELD_OUT[split.held_out]


_HELD_OUT = {
    "test": "the test part, used once", "folds": "the rows held out in each fold", "validation": "the validation part",
    "train": "the rows trained on, which promises more than new rows will keep", "all": "all rows",
}  # fmt: skip


def _size(size: float | int, by: Sequence[str]) -> str:
    if not isinstance(size, int):
        return f"{number_text(round(size * 100, 6))}% of the rows"
    last = "the last " if {"time", "order"} & set(by) else ""
    return f"{last}{size} row{'s' if size > 1 else ''}"


def _choosing(plan: Plan) -> Iterator[tuple[str, str]]:
    """What is decided on rows that are not trained on; which rows these are, without their number."""
    for what in _choosers(plan):
        if what == "params" and plan.tune is not None and plan.split.held_out == "folds":
            yield "params, in a fold", f"on {plan.tune.folds} folds of its training rows"
            what = "params, last fit"
        yield what, f"on {_chosen_on(plan.split)}"


def _choosers(plan: Plan) -> Iterator[str]:
    if plan.tune is not None:
        yield "params"
    if any(model.threshold is not None and model.threshold.metric is not None for model in plan.models):
        yield "threshold"
    if any(model.calibrate for model in plan.models):
        yield "calibration"
    if len(plan.models) > 1:
        yield "best model"


def _chosen_on(split: SplitPlan) -> str:
    if split.folds:
        return "the rows held out in each fold"
    if split.validation or "validation" in split.separate:
        return "the validation part"
    if split.implicit_folds:
        return f"{split.implicit_folds} folds of the training rows, made for this"
    return "the rows at hand"


def _layers(layers: Iterable[ComponentValue]) -> Iterator[tuple[str, str]]:
    for number, layer in enumerate(layers, 1):
        defaults = default_arguments(layer)
        yield str(number), written_text(layer) + (f"  ({defaults})" if defaults else "")


def _model(plan: Plan, model: ModelPlan) -> Iterator[tuple[str, str]]:
    yield "algorithm", written_text(model.algorithm)
    if text := default_arguments(model.algorithm):
        yield "  defaults", text
    yield from _class_weights(plan, model)
    if model.members:
        yield from _members(plan, model)
        if not model.columns:
            return
    same = next((m for m in _before(plan, model) if (m.steps, m.columns) == (model.steps, model.columns)), None)
    if same is not None and model.own_steps:
        yield "steps", f"the {len(model.own_steps)} of model {same.name}, which give the same matrix"
    else:
        yield from _steps(model.own_steps, plan)
        if model.design is None:
            yield "matrix", _states(model.columns)
    if model.design is not None:
        yield "reads", _states(model.columns)
        if model.design.parameters:
            yield "parameters", ", ".join(model.design.parameters)
        else:
            yield "terms", _terms(model)
    if model.target_scale is not None:
        scale = model.target_scale if isinstance(model.target_scale, str) else written_text(model.target_scale)
        yield "target", f"learned as {scale}; predictions and metrics are in its own units"
    if model.threshold is not None:
        metric = model.threshold.metric
        yield (
            "threshold",
            number_text(model.threshold.value)
            if model.threshold.value is not None
            else (f"{model.threshold.direction}({written_text(metric)})" if metric is not None else ""),
        )
    if model.calibrate:
        yield "calibration", model.calibrate
    if model.stop_when is not None:
        rows = "the validation part" if plan.split.validation or "validation" in plan.split.separate else (
            "a share of each fold's training rows; the last fit makes as many updates as these found best"
        )  # fmt: skip
        yield "stops", f"{written_text(model.stop_when)}, on {rows}"
        if text := default_arguments(model.stop_when):
            yield "  defaults", text


def _members(plan: Plan, model: ModelPlan) -> Iterator[tuple[str, str]]:
    """What a model is made of, and what it learns from their answers."""
    for member in model.members:
        if not member.part_of:
            yield "member", f"{member.name}, the model of this file: with its own steps, fitted on the same rows"
            continue
        yield "member", f"{written_text(member.algorithm)}, on the matrix below"
        if text := default_arguments(member.algorithm):
            yield "  defaults", text
        yield from _members(plan, member)
    given = dict(model.algorithm.args)
    final = next((v for v in given.values() if isinstance(v, ComponentValue) and v.kind == "model"), None)
    if final is None:
        return
    yield (
        "final",
        f"{written_text(final)}, on what the members say"
        + (" and the matrix below" if given.get("passthrough") else ""),
    )
    if text := default_arguments(final):
        yield "  defaults", text
    folds = f"{given['folds']} folds" if isinstance(given.get("folds"), int) else "folds"
    by = ways_text(plan.split.by, plan.columns, plan.target)
    yield "  learns", f"from answers out of fold: {folds} of the rows of each fit, {by}"


def _terms(model: ModelPlan) -> str:
    """The terms of a formula in their order, and whether there is an intercept."""
    assert model.design is not None
    intercept, terms = terms_of(model.design.right, [state.name for state in model.columns])
    listed = ", ".join(":".join(term) for term in terms)
    beside = "an intercept" if intercept else "no intercept"
    return f"{listed}; {beside}" if listed else f"none but {beside}"


def _class_weights(plan: Plan, model: ModelPlan) -> Iterator[tuple[str, str]]:
    """What the loss of each class is multiplied by, where the language gives that to the algorithm."""
    given = dict(model.algorithm.args).get("class_weights")
    if "class_weights" not in model.algorithm.written or given is None:
        return
    if given == "balanced":
        each = "each fit's" if plan.split.folds else "the"
        yield "classes", f"each has the same share of the loss, by the weights of {each} training rows"
    elif isinstance(given, tuple):
        weights = ", ".join(f"{number_text(weight)} for {quoted(level)}" for level, weight in given)
        others = "" if _written_levels(plan) <= {level for level, _ in given} else "; 1 for every other class"
        yield "classes", f"the loss of a row is multiplied by {weights}{others}"


def _written_levels(plan: Plan) -> set[str]:
    """The classes that the file writes; an impossible one where they are still to be learned."""
    levels = plan.column(plan.target).levels if plan.target is not None else None
    return set(levels) if levels is not None else {""}


def _before(plan: Plan, model: ModelPlan) -> Iterable[ModelPlan]:
    return plan.models[: plan.models.index(model)]


def _steps(steps: Iterable[StepPlan], plan: Plan) -> Iterator[tuple[str, str]]:
    for number, step in enumerate(steps, 1):
        yield from _step(number, step, plan)


def _step(number: int, step: StepPlan, plan: Plan) -> Iterator[tuple[str, str]]:
    block = f"  [{step.transforms}]" if step.transforms else ""
    if step.derive is not None:
        yield f"step {number}", f"{step.derive[0]} = {expression_text(step.derive[1])}{block}"
        yield "  how", "row by row"
    elif step.component is not None:
        on = _names([name if name.isidentifier() else f'"{name}"' for name in step.on], _LISTED)
        keep = ", and keeps them" if step.keep else ""
        yield f"step {number}", f"{written_text(step.component)} on {on or 'nothing'}{keep}{block}"
        if text := default_arguments(step.component):
            yield "  defaults", text
        yield "  how", _fitted(step, plan)
    yield from _change(step)


def _fitted(step: StepPlan, plan: Plan) -> str:
    if step.resamples:
        each = "each fold, and at last all of them" if plan.split.folds else "the model"
        return f"changes the training rows of {each}; never rows that are held out or to predict"
    if step.looks_back:
        return "from earlier rows, before the split; the artifact keeps the last ones"
    if step.train_only:
        return "on rows that are trained on, anew in every epoch; never on rows to predict"
    if not step.fitted:
        return "row by row"
    return "fitted on the training rows" + (" of each fold, and at last on all of them" if plan.split.folds else "")


def _change(step: StepPlan) -> Iterator[tuple[str, str]]:
    """The columns that went, came, or have another type."""
    before = {state.name: state for state in step.before}
    after = {state.name: state for state in step.after}
    gone = [state for name, state in before.items() if name not in after]
    new = [state for name, state in after.items() if name not in before]
    changed = [
        (before[name], state) for name, state in after.items() if name in before and _differs(before[name], state)
    ]
    if gone:
        yield "  gone", _states(gone)
    if new:
        yield "  new", _states(new)
    pairs: dict[str, list[str]] = {}
    for old, state in changed:
        pairs.setdefault(f"{type_text(old)} -> {type_text(state)}", []).append(name_text(state.name))
    for text, names in pairs.items():
        yield "  changed", f"{_names(names, _LISTED)}: {text}"


def _differs(old: ColumnState, new: ColumnState) -> bool:
    return (old.type, old.missing, old.levels) != (new.type, new.missing, new.levels)


def _states(states: Iterable[ColumnState]) -> str:
    """`age, fare: continuous; sex_*: binary`; many columns of one type are counted."""
    by_type: dict[str, list[str]] = {}
    for state in states:
        name = state.name if state.pattern else name_text(state.name)
        by_type.setdefault(type_text(state), []).append(name)
    texts = []
    for type_, names in by_type.items():
        count = f" ({len(names)} columns)" if len(names) > _LISTED else ""
        texts.append(f"{_names(names, _LISTED)}: {type_}{count}")
    return "; ".join(texts) or "no columns"


def _tune(plan: Plan) -> Iterator[tuple[str, str]]:
    tune = plan.tune
    if tune is None:
        return
    yield "search", written_text(tune.search)
    if text := default_arguments(tune.search):
        yield "  defaults", text
    yield from search_text(tune)
    trials = dict(tune.trials)
    for model in plan.models:
        names = reached(model, plan.networks)
        varied = [f"${name}" for name, _ in tune.domains if name in names]
        many = f"{trials[model.name]:,} trials of " if model.name in trials else ""
        yield f"model {model.name}", f"{many}{', '.join(varied)}" if varied else "no search: it uses none of these"
    yield "score", _scored(plan)
    yield "choose", _CHOOSE[tune.choose]


_CHOOSE = {
    "best": "best: the setting with the best score",
    "one_standard_error": "one standard error: the simplest setting whose score is within one of the best",
}


def _scored(plan: Plan) -> str:
    assert plan.tune is not None
    primary = next((f"{metric.name}, {metric.better} is better" for metric in plan.metrics if metric.primary), "")
    rows = _chosen_on(plan.split)
    if plan.split.held_out == "folds":
        rows = f"{plan.tune.folds} folds of the training rows of each fold; for the last fit on {rows}"
    later = [what for what in _choosers(plan) if what in ("threshold", "calibration")]
    return f"{primary}, on {rows}" + (f"; before {' and '.join(later)}" if later else "")


def _metrics(plan: Plan) -> Iterator[tuple[str, str]]:
    for metric in plan.metrics:
        gate = (
            f"; a run fails unless {metric.op} {number_text(metric.bound)}"
            if metric.op and metric.bound is not None
            else ""
        )
        primary = ", primary" if metric.primary else ""
        yield metric.name, f"{metric.better} is better{primary}{gate}"
        if text := default_arguments(metric.component):
            yield "  defaults", text


def _components(values: Iterable[ComponentValue]) -> Iterator[tuple[str, str]]:
    for value in values:
        defaults = default_arguments(value)
        limited = f"of {value.model} only" if value.model else ""
        yield written_text(value), "; ".join(filter(None, (limited, f"defaults: {defaults}" if defaults else "")))
