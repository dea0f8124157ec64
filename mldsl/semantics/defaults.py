"""What the file leaves open: metrics, the positive class, who chooses; and the sentences that say so (language 4.4)."""

from __future__ import annotations

from mldsl.plan.model import SplitPlan
from mldsl.plan.values import ways_text
from mldsl.semantics.arguments import resolve
from mldsl.semantics.draft import Draft, MetricDraft
from mldsl.semantics.findings import Findings
from mldsl.semantics.scope import Scope
from mldsl.semantics.spelling import spell
from mldsl.semantics.splits import validates
from mldsl.syntax import ast

_METRICS: dict[str, tuple[str, ...]] = {
    "binary": ("roc_auc", "log_loss", "accuracy"),
    "classes": ("accuracy", "balanced_accuracy", "log_loss"),
    "ordinal": ("cohen_kappa(weights = quadratic)", "mae"),
    "regression": ("rmse", "mae", "r2"),
    "counts": ("poisson_deviance", "rmse", "mae"),
    "recommendation": ("ndcg_at(10)", "recall_at(10)"),
    "ranking": ("ndcg_at(10)", "mrr"),
    "clustering": ("silhouette",),
}  # fmt: skip


def default_metrics(draft: Draft, scope: Scope) -> list[MetricDraft]:
    """The metrics of a file that writes none: those of the task that are installed and fit the target."""
    import attrs

    quiet = Findings()
    scope = attrs.evolve(scope, findings=quiet)
    found: list[MetricDraft] = []
    bare = any(m.margins and m.calibrate is None for m in draft.models)
    for text in _METRICS.get(_family(draft) or "", ()):
        node = _component(text)
        if scope.components.get("metric", node.dotted) is None:
            continue
        resolved = resolve(node, "metric", scope)
        declaration = resolved.declaration
        assert declaration is not None
        fits = draft.verb in declaration.tasks and (
            draft.target is None or not declaration.accepts or draft.target.type in declaration.accepts
        )
        fits &= not bare or "probabilities" not in declaration.needs
        if fits and not quiet.failed:
            found.append(MetricDraft(spell(node), resolved, None, primary=not found))
    return found


def _family(draft: Draft) -> str | None:
    target = draft.target
    if draft.task == "regression" and target is not None and target.type == "integer" and target.low == 0:
        return "counts"
    if draft.task != "classification" or target is None:
        return draft.task
    if target.type == "ordinal":
        return "ordinal"
    two = target.type == "binary" or (target.levels is not None and len(target.levels) == 2)
    return "binary" if two else "classes"


def _component(text: str) -> ast.Component:
    """One of the few forms above as syntax."""
    name, _, rest = text.removesuffix(")").partition("(")
    nowhere = ast.nowhere()
    args: tuple[ast.Arg, ...] = ()
    if "=" in rest:
        key, value = (part.strip() for part in rest.split("="))
        args = (ast.Named(ast.Ref((key,), span=nowhere), ast.Ref((value,), span=nowhere), span=nowhere),)
    elif rest:
        args = (ast.Number(int(rest), text=rest, span=nowhere),)
    return ast.Component((name,), args, span=nowhere)


def chooses(draft: Draft) -> list[str]:
    """What is decided on rows that are not trained on: thresholds, calibration, tuning, the best model."""
    found = []
    if any(model.threshold is not None and model.threshold.value is None for model in draft.models):
        found.append("the threshold")
    if any(model.calibrate is not None for model in draft.models):
        found.append("the calibration")
    if draft.tune is not None:
        found.append("the tuned params")
    if len(draft.models) > 1:
        found.append("the best model")
    return found


def implicit_folds(draft: Draft) -> int:
    """Five folds of the training rows, where something is chosen and there are neither folds nor validation rows."""
    plan = draft.split.plan
    chosen = chooses(draft)
    if plan.folds or plan.validation or "validation" in plan.separate or not chosen:
        return 0
    return 5 if draft.target is not None else 0


def sentences(draft: Draft) -> list[str]:
    """What was filled in, for `plan` and the record."""
    from mldsl.semantics.rules._words import reason

    said: list[str] = []
    if draft.task not in (None, "transform"):
        said.append(f"{draft.task}, because {reason(draft)}")
    said += _split_sentences(draft, draft.split.plan)
    if draft.metrics and draft.definitions.metrics is None:
        names = ", ".join(metric.name for metric in draft.metrics)
        said.append(f"no metrics are written: {names}")
    if len(draft.metrics) > 1 and not any(m.node is not None and m.node.role == "primary" for m in draft.metrics):
        said.append(f"the primary metric is {draft.metrics[0].name}, the first")
    for model in draft.models:
        if model.node.name is None:
            said.append(f"the model is called `{model.name}`, after its algorithm")
    never = sorted(draft.features.never_inputs() & set(draft.features.columns))
    if never and draft.target is not None:
        names = ", ".join(f"`{name}`" for name in never)
        said.append(f"not inputs, because the target `{draft.target.name}` is made from them: {names}")
    if draft.target is not None and draft.target.type == "binary" and draft.target.levels is None:
        said.append(f"positive level of `{draft.target.name}`: the last of 0/1, false/true or no/yes")
    said += _scale_sentences(draft)
    return said


def _split_sentences(draft: Draft, plan: SplitPlan) -> list[str]:
    said: list[str] = []
    by = ways_text(plan.by, draft.features.columns.values(), draft.target.name if draft.target else None)
    if not plan.written and plan.test is not None:
        said.append(f"no `split` is written: {plan.test:.0%} of the rows are for testing, {by}")
    elif not plan.written and not plan.separate and plan.part_column is None:
        said.append("nothing is split, since there is no target; metrics are of all rows")
    elif plan.written and "by" not in draft.split.spans and (plan.test or plan.validation or plan.folds):
        said.append(f"no `by` is written: rows are split {by}")
    if plan.written and "test" not in draft.split.spans and plan.test is not None:
        said.append(f"{plan.test:.0%} of the rows are for testing")
    if plan.implicit_folds:
        chosen = " and ".join(chooses(draft))
        verb = "is" if len(chooses(draft)) == 1 and "params" not in chosen else "are"
        said.append(f"{chosen} {verb} chosen on {plan.implicit_folds} folds of the training rows")
    elif chooses(draft) and plan.folds and plan.test:
        said.append("what is chosen on the folds looks optimistic there; the test part is the honest number")
    if plan.held_out == "train" and validates(plan) is False:
        said.append("nothing is held out: metrics are of the rows trained on")
    return said


def _scale_sentences(draft: Draft) -> list[str]:
    return [
        f"`{model.name}` predicts the median of `{draft.target.name}`: the back-transformed mean of its logarithm"
        for model in draft.models
        if draft.target is not None and model.target_scale in ("log", "log1p")
    ]
