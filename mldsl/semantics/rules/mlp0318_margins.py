"""Probabilities are asked of a model that gives margins.

## What it does

Some classifiers, `svm` and `linear_svm` among them, say on which side of a boundary a row lies and how far from it:
a margin. Metrics and reports that look at probabilities, and `threshold`, which is one, need `calibrate` there. It
learns from rows that the fit has not seen how often a margin means the class.

A search scores its settings before anything is calibrated, and `stop_when` looks at a fit that is not finished: both
need a metric of classes or of scores.

## Why is this bad?

A margin of 1.3 is not a probability of 1.3, and squeezed into 0..1 by some formula it would still not say how often
the class happens. The ranks of rows are all that it tells, and `roc_auc` measures those.

## Example

```mlp
mlp 1
data { csv("tumours.csv") }
features {
  diagnosis: binary("benign", "malignant") as target
  "*": continuous
}
transforms { standardize on continuous }
model { svm }
metrics { log_loss }
```

## Use instead

```mlp
mlp 1
data { csv("tumours.csv") }
features {
  diagnosis: binary("benign", "malignant") as target
  "*": continuous
}
transforms { standardize on continuous }
model {
  svm
  calibrate = sigmoid
}
metrics { log_loss }
```
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mldsl.diagnostics.diagnostic import Diagnostic
from mldsl.plan.model import ComponentValue
from mldsl.plugin.condition import parsed
from mldsl.plugin.declaration import Declaration
from mldsl.semantics.arguments import Resolved, condition_holds
from mldsl.semantics.draft import Draft, ModelDraft
from mldsl.semantics.rules._words import familiar, listed
from mldsl.semantics.spelling import spell
from mldsl.source import Span

NEEDED = "probabilities"


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Thresholds, metrics and reports, of models that give margins."""
    if draft.task != "classification":
        return
    for model in draft.ensembles():
        yield from _averaged(draft, model)
    margins = [model for model in draft.models if model.margins]
    bare = [model for model in margins if model.calibrate_node is None]
    for model in bare:
        if model.threshold_node is not None:
            yield _asked(
                "a `threshold` is a probability", model.threshold_node.span, [model],
                "without `threshold` the class is that of the greatest margin",
            )  # fmt: skip
    for model in margins:
        yield from _watched(draft, model)
    for metric in draft.metrics:
        declaration = metric.resolved.declaration
        if declaration is not None and bare and NEEDED in declaration.needs:
            yield _asked(f"`{declaration.name}` needs {NEEDED}", metric.resolved.span, bare, _working(draft))
        elif declaration is not None and metric.primary and margins and draft.tune and NEEDED in declaration.needs:
            yield Diagnostic(
                "MLP0318", f"a search cannot compare margins by `{declaration.name}`", metric.resolved.span,
                notes=("settings are scored before anything is calibrated",), help=f"let {_others(draft)} be primary",
            )  # fmt: skip
    for report in draft.reports:
        if bare and report.declaration is not None:
            yield from _shown(draft, report, report.declaration, bare)


def _shown(
    draft: Draft, report: Resolved, declaration: Declaration, bare: Sequence[ModelDraft]
) -> Iterator[Diagnostic]:
    """A report of probabilities that no model gives; a metric of a report, of any model."""
    only = dict(report.value.args).get("model") if report.value is not None else None
    of = [model for model in draft.models if only in (None, "best", model.name)]
    without = [model for model in of if model in bare]
    if NEEDED in declaration.needs and without and len(without) == len(of):
        yield _asked(f"`{declaration.name}` shows {NEEDED}", report.span, without, "or leave the report out")
    for metric in _metrics_in(report):
        named = draft.components.get("metric", metric.name)
        if named is not None and NEEDED in named.needs and without:
            yield _asked(f"`{metric.name}` needs {NEEDED}", metric.span or report.span, without, _working(draft))


def _averaged(draft: Draft, model: ModelDraft) -> Iterator[Diagnostic]:
    """Members that give margins, of a model that takes the mean of probabilities."""
    declaration = model.declaration
    assert declaration is not None
    given = (
        dict(model.algorithm.value.args) if model.algorithm is not None and model.algorithm.value is not None else {}
    )
    if not declaration.probabilities_if or not condition_holds(declaration.probabilities_if, given):
        return
    setting, _ = parsed(declaration.probabilities_if)
    other = declaration.parameter(setting)
    words = [c.name for c in other.type.choices if c.name != given.get(setting)] if other is not None else []
    instead = f", or write `{setting} = {words[0]}`" if words else ""
    for member in model.members:
        of = member.draft or draft.named(member.name)
        if of is None or not of.margins or of.calibrate_node is not None or of.algorithm is None:
            continue
        call = spell(member.node)
        remedy = f"add `calibrate = sigmoid` to model `{of.name}`"
        if member.draft is not None:
            remedy = (
                f"write it as a model of the file that says `calibrate = sigmoid`, and name that in place of `{call}`"
            )
        yield Diagnostic(
            "MLP0318", f"`{declaration.name}` takes the mean of {NEEDED}, and `{of.algorithm.name}` gives margins",
            member.node.span, help=f"{remedy}{instead}",
        )  # fmt: skip


def _watched(draft: Draft, model: ModelDraft) -> Iterator[Diagnostic]:
    for metric in _metrics_in(model.stop_when) if model.stop_when is not None else ():
        named = draft.components.get("metric", metric.name)
        if named is not None and model.stop_when_node is not None and NEEDED in named.needs:
            yield Diagnostic(
                "MLP0318", f"`{metric.name}` needs {NEEDED}, and this fit gives margins",
                metric.span or model.stop_when_node.span, help=f"watch the loss, or {_others(draft)}",
            )  # fmt: skip


def _metrics_in(resolved: Resolved) -> list[ComponentValue]:
    """The metrics among the arguments."""
    args = resolved.value.args if resolved.value is not None else ()
    return [value for _, value in args if isinstance(value, ComponentValue) and value.kind == "metric"]


def _asked(what: str, span: Span, models: Sequence[ModelDraft], otherwise: str) -> Diagnostic:
    names = listed(list(dict.fromkeys(m.algorithm.name for m in models if m.algorithm is not None)))
    verb = "give" if len(models) > 1 else "gives"
    return Diagnostic(
        "MLP0318", f"{what}, and {names} {verb} margins", span,
        help=f"add `calibrate = sigmoid` to the model{'s' * (len(models) > 1)}; {otherwise}",
    )  # fmt: skip


def _working(draft: Draft) -> str:
    return f"without it {_others(draft)} work"


def _others(draft: Draft) -> str:
    target = draft.target
    names = [
        d.name for d in draft.components.visible("metric")
        if "classify" in d.tasks and NEEDED not in d.needs
        and (target is None or not d.accepts or target.type in d.accepts)
    ]  # fmt: skip
    return familiar(names, 3)
