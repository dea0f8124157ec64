"""`model`: the algorithm, which transforms feed it, and the decisions that need rows it has not seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import attrs

from mldsl.diagnostics.diagnostic import Label
from mldsl.plan.model import Threshold
from mldsl.plugin.declaration import ParameterType
from mldsl.semantics import members
from mldsl.semantics.arguments import Resolved, resolve
from mldsl.semantics.arithmetic import columns_of
from mldsl.semantics.class_weights import offered, unweighed
from mldsl.semantics.draft import ModelDraft
from mldsl.semantics.flow import Move, walk
from mldsl.semantics.following import as_set
from mldsl.semantics.formulas import design_of
from mldsl.semantics.frame import Frame, Known
from mldsl.semantics.names import did_you_mean
from mldsl.semantics.scope import Scope
from mldsl.semantics.settings import read_settings, setting_value, touch, words
from mldsl.semantics.value_messages import FAILED, out_of_range
from mldsl.semantics.value_names import defined
from mldsl.syntax import ast

SETTINGS = ("inputs", "target", "threshold", "calibrate", "stop_when")
CALIBRATIONS = ("sigmoid", "isotonic", "temperature")
# What a target can be learned as: functions with an inverse, and transforms that have one.
TARGET_FUNCTIONS = ("log", "log1p", "sqrt")
TARGET_TRANSFORMS = ("standardize", "power_transform")


class Flows:
    """The steps that models share are walked once: chains of blocks that begin alike."""

    def __init__(self, start: Frame, leaks: frozenset[str], scope: Scope, target: str = "") -> None:
        self._start = start
        self._target = target
        self._leaks = leaks
        self._scope = scope
        self._walked: dict[tuple[str, ...], tuple[Move, ...]] = {(): ()}

    def through(self, blocks: tuple[str, ...]) -> tuple[Move, ...]:
        """The steps of these blocks, one after the other."""
        if blocks not in self._walked:
            before = self.through(blocks[:-1])
            frame = before[-1].after if before else self._start
            block = self._scope.definitions.transforms.get(blocks[-1])
            moves = walk(block, frame, self._leaks, self._scope, self._target) if block is not None else []
            self._walked[blocks] = (*before, *moves)
        return self._walked[blocks]

    def end(self, moves: Sequence[Move]) -> Frame:
        """The columns after these steps."""
        return moves[-1].after if moves else self._start

    def unused(self) -> Iterator[Move]:
        """The steps of blocks that no model takes as input, each block by itself."""
        taken = {block for blocks in self._walked for block in blocks}
        for name in list(self._scope.definitions.transforms):
            if name not in taken:
                yield from self.through((name,))


def algorithm_of(node: ast.Model, scope: Scope) -> ast.Component | None:
    """The one line of a model that is no setting; MLP0111 if there are none or several."""
    lines = [line for line in node.body if isinstance(line, ast.Component)]
    if not lines and ("model" in scope.lost or scope.damaged(node.span)):
        return None
    if not lines:
        if not any(isinstance(line, ast.Setting) for line in node.body):
            help_text = "such as `model { logistic_regression }`"
        else:
            help_text = "settings such as `threshold` belong to one"
        scope.findings.error("MLP0111", "a model needs an algorithm", node.name_span, help=help_text)
        return None
    for extra in lines[1:]:
        scope.findings.error(
            "MLP0111", "a model has one algorithm", extra.span, label="a second one",
            labels=(Label(lines[0].span, "the first"),),
            help="write a `model NAME { ... }` for each; a run compares them",
        )  # fmt: skip
    return lines[0]


def resolve_model(node: ast.Model, line: ast.Component | None, flows: Flows, scope: Scope) -> ModelDraft:
    """One model, typed against the columns that its transforms give it."""
    settings = read_settings(node, SETTINGS, "model", scope)
    given = _inputs(settings.get("inputs"), scope)
    blocks = given or ()
    moves = flows.through(blocks)
    frame = flows.end(moves) if given is not None else Frame(blurred=True)
    scope = scope.seeing(frame)
    algorithm = None
    if line is not None:
        line, given_to_all = offered(line, scope)
        algorithm = resolve(line, "model", scope, given_to_all)
    name = node.name or (line.name[-1] if line is not None else "model")
    model = drafted(name, node, algorithm, blocks, moves, frame, scope)
    if model.declaration is not None and line is not None:
        unweighed(line, model.declaration, scope)
    if model.combines:
        members.resolve_members(model, settings, scope)
    formula = model.formula
    if "target" in settings:
        model.target_scale_node = settings["target"]
        model.target_scale = _target(settings["target"].value, scope)
    if formula is not None and isinstance(formula.left, ast.Call):
        _left_side(model, formula.left, settings.get("target"), scope)
    if "threshold" in settings:
        model.threshold_node = settings["threshold"]
        _threshold(model, settings["threshold"], scope)
    if "calibrate" in settings:
        model.calibrate_node = settings["calibrate"]
        value = setting_value(settings["calibrate"], words(*CALIBRATIONS), scope)
        model.calibrate = value if value is not FAILED else None
    if "stop_when" in settings:
        model.stop_when_node = settings["stop_when"]
        model.stop_when = _component(settings["stop_when"], "stop", scope)
    members.hand_down(model)
    return model


def drafted(
    name: str, node: ast.Model, algorithm: Resolved | None, blocks: tuple[str, ...], moves: tuple[Move, ...],
    frame: Frame, scope: Scope,
) -> ModelDraft:  # fmt: skip
    """An algorithm with the matrix that these columns give it, without the settings of its block."""
    formula = _formula(algorithm)
    free: tuple[str, ...] = ()
    if formula is not None and algorithm is not None and algorithm.value is not None and _is_curve(algorithm):
        free = _parameters(algorithm)
        formula = columns_of(formula, free) if free else None
    design = design_of(formula, scope) if formula is not None else None
    if design is not None and free:
        design = attrs.evolve(design, plan=attrs.evolve(design.plan, parameters=free))
    matrix = _matrix(frame) if design is None else design.columns
    if design is None and (formula is not None or _lacks_formula(algorithm)):
        matrix = ()  # what it would use is not known
    made_of = algorithm is not None and algorithm.declaration is not None and algorithm.declaration.members is not None
    # What others take decides for a model that follows them; members are judged themselves.
    declaration = algorithm.declaration if made_of and algorithm is not None else as_set(algorithm, scope.components)
    return ModelDraft(name, node, algorithm, blocks, moves, frame, matrix, formula, design, declaration=declaration)


def _matrix(frame: Frame) -> tuple[Known, ...]:
    """What a model gets, in order: dense columns, then sparse ones."""
    return tuple(sorted(frame.inputs(), key=lambda known: known.state.sparse))


def _formula(algorithm: Resolved | None) -> ast.Formula | None:
    args = algorithm.node.args if algorithm is not None and not isinstance(algorithm.node, ast.Ref) else ()
    for arg in args:
        value = arg.value if isinstance(arg, ast.Named) else arg
        if isinstance(value, ast.Formula):
            return value
    return None


def _is_curve(algorithm: Resolved) -> bool:
    """Whether its formula is arithmetic with parameters of its own."""
    declared = algorithm.declaration.parameters if algorithm.declaration is not None else ()
    return any(parameter.type.name == "arithmetic" for parameter in declared)


def _parameters(algorithm: Resolved) -> tuple[str, ...]:
    """The parameters of a curve, in the order of their start values; none after a message."""
    assert algorithm.declaration is not None
    assert algorithm.value is not None
    given = dict(algorithm.value.args)
    numbers = [p.name for p in algorithm.declaration.parameters if p.type.name == "numbers"]
    return tuple(name for parameter in numbers for name, _ in given.get(parameter) or ())


def _lacks_formula(algorithm: Resolved | None) -> bool:
    """Whether an argument that should be a formula is something else."""
    if algorithm is None or algorithm.declaration is None or algorithm.value is None:
        return False
    formulas = {p.name for p in algorithm.declaration.parameters if p.type.name in ("formula", "arithmetic")}
    return bool(formulas & set(algorithm.value.written))


def _component(setting: ast.Setting, kind: str, scope: Scope) -> Resolved | None:
    if isinstance(setting.value, ast.Call | ast.Ref):
        return resolve(setting.value, kind, scope)
    scope.findings.error("MLP0201", f"`{setting.name}` takes a component", setting.value.span)
    return None


def _inputs(setting: ast.Setting | None, scope: Scope) -> tuple[str, ...] | None:
    """The transforms that feed the model, by default the unnamed ones; None after a message."""
    definitions = scope.definitions
    if setting is None:
        return ("",) if "" in definitions.transforms else ()
    items = setting.value.items if isinstance(setting.value, ast.List) else (setting.value,)
    found: list[str] = []
    before = len(scope.findings)
    for item in items:
        if not isinstance(item, ast.Ref):
            scope.findings.error("MLP0201", "`inputs` takes names of transforms", item.span, help="`inputs = [a, b]`")
        elif defined(item, "transforms", definitions.transforms, scope):
            if item.dotted in found:
                scope.findings.error("MLP0113", f"`{item.dotted}` is given twice", item.span)
            else:
                found.append(item.dotted)
    return tuple(found) if len(scope.findings) == before else None


# ---- the target's scale ----------------------------------------------------------------------------------------------


def _left_side(model: ModelDraft, node: ast.Call, setting: ast.Setting | None, scope: Scope) -> None:
    """`log(price) ~ ...` says what `target = log(price)` does."""
    if setting is not None:
        scope.findings.error(
            "MLP0113", "the scale of the target is given twice", setting.span,
            labels=(Label(node.span, "the left side of the formula"),), help="leave `target` out",
        )  # fmt: skip
        return
    model.target_scale = _target(node, scope)


def _target(node: ast.Expr, scope: Scope) -> object:
    """`log(price)`: a name of `TARGET_FUNCTIONS`, or a transform; None after a message."""
    known = (*TARGET_FUNCTIONS, *TARGET_TRANSFORMS)
    if not isinstance(node, ast.Call) or not node.args:
        scope.findings.error(
            "MLP0201", "`target` of a model says on which scale to learn it", node.span,
            help=f"such as `target = log({scope.target or 'COLUMN'})`; the column is declared in `features`",
        )  # fmt: skip
        return None
    if node.dotted not in known:
        scope.findings.error(
            "MLP0203", f"a target cannot be learned as `{node.dotted}`", node.name_span,
            help=did_you_mean(node.dotted, known) or f"one of: {', '.join(known)}",
        )  # fmt: skip
        return None
    column = node.args[0]
    name = column.name if isinstance(column, ast.Column) else column.dotted if isinstance(column, ast.Ref) else None
    if name is None or (scope.target is not None and name != scope.target):
        target = f"the target, `{scope.target}`," if scope.target else "the target"
        scope.findings.error("MLP0201", f"`{node.dotted}` takes {target} here", column.span)
        return None
    if node.dotted in TARGET_FUNCTIONS:
        if len(node.args) > 1:
            scope.findings.error("MLP0114", f"`{node.dotted}` takes one argument", node.args[1].span)
        return node.dotted
    rest = attrs.evolve(node, args=node.args[1:])
    return resolve(rest, "transform", scope).value


# ---- the threshold ---------------------------------------------------------------------------------------------------


def _threshold(model: ModelDraft, setting: ast.Setting, scope: Scope) -> None:
    node = setting.value
    if isinstance(node, ast.Call) and node.dotted in ("maximize", "minimize"):
        metric = node.args[0] if len(node.args) == 1 else None
        if not isinstance(metric, ast.Ref | ast.Call):
            scope.findings.error("MLP0201", f"`{node.dotted}` takes one metric", node.span)
            touch(node, scope)
            return
        model.threshold_metric = resolve(metric, "metric", scope)
        direction: Literal["maximize", "minimize"] = "maximize" if node.dotted == "maximize" else "minimize"
        _direction(node, direction, model.threshold_metric, scope)
        model.threshold = Threshold(None, direction, model.threshold_metric.value, span=node.span)
        return
    if isinstance(node, ast.Call | ast.Ref):
        word = node.dotted
        known = scope.components.get("metric", word)
        meant = (
            f"write `{'minimize' if known.better == 'lower' else 'maximize'}({word})`" if known is not None else None
        )
        scope.findings.error(
            "MLP0203", f"`{word}` is not a threshold", node.span,
            help=meant or did_you_mean(word, ("maximize", "minimize")) or "a probability or `maximize(METRIC)`",
        )  # fmt: skip
        touch(node, scope)
        return
    value = setting_value(setting, ParameterType("share"), scope)
    if value is FAILED or value is None:
        return
    if not 0 < value < 1:
        out_of_range("threshold", node.span, "> 0 and < 1", scope, "it is a probability")
        return
    model.threshold = Threshold(value, span=node.span)


def _direction(node: ast.Call, direction: str, metric: Resolved, scope: Scope) -> None:
    """`maximize(expected_cost(...))` would look for the worst threshold."""
    if metric.declaration is None or "labels" not in metric.declaration.needs:
        return  # MLP0317 says that it does not matter
    better = metric.declaration.better
    if (better, direction) in (("lower", "maximize"), ("higher", "minimize")):
        wanted = "minimize" if direction == "maximize" else "maximize"
        scope.findings.error(
            "MLP0203", f"{better} `{metric.name}` is better", node.name_span, help=f"write `{wanted}({metric.name})`"
        )
