"""What an algorithm says of a fit once it is made: a refusal, or warnings of the run.

Why it exists: some mistakes are in the values of the rows, which only the fit has seen. Its program cannot raise, so it
puts what it saw into `Info`, and `remarks` turns that into words on the host.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from mldsl.contract import ColumnShape
from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.execute.blame import blamed
from mldsl.plan import ModelPlan
from mldsl.plugin import Problem


def warned(component: Any, spec: Any, info: Any, shape: Any, model: ModelPlan) -> list[str]:
    """The sentences of a fit's `remarks`, each naming the model; MLP0312 for all of its `Problem`s together."""
    if component.remarks is None or info is None:
        return []
    with blamed(model.algorithm, "remarks"):
        said = list(component.remarks(spec, info, shape))
    problems = [p for p in said if isinstance(p, Problem)]
    if problems:
        raise refusal(problems, model)
    return [f"`{model.name}`: {text}" for text in said]


def warned_by_steps(steps: Sequence[Any], infos: Sequence[Any], shape: Any, model: ModelPlan) -> list[str]:
    """The same of the steps of a model, each by its text in the file."""
    found: list[str] = []
    problems = []
    for step, info in zip(steps, infos, strict=True):
        if getattr(step.component, "remarks", None) is None or info is None:
            continue
        columns = tuple(ColumnShape(c.name, c.type, len(c.levels or ())) for c in (step.before[i] for i in step.take))
        with blamed(step.value, "remarks"):
            said = list(step.component.remarks(step.spec, info, attrs.evolve(shape, columns=columns, wide=step.wide)))
        problems += [
            Diagnostic("MLP0312", f"`{step.text}` cannot work here: `{p.parameter}`: {p.message}", step.value.span)
            for p in said
            if isinstance(p, Problem)
        ]
        found += [f"`{step.text}`: {text}" for text in said if not isinstance(text, Problem)]
    if problems:
        raise MldslError(*problems)
    return found


def refusal(problems: Sequence[Problem], model: ModelPlan) -> MldslError:
    """What the algorithm of a model says against it, at the model's place in the file (MLP0312)."""
    name = model.algorithm.name
    return MldslError(
        *(
            Diagnostic("MLP0312", f"`{name}` cannot work here: `{p.parameter}`: {p.message}", model.span)
            for p in problems
        )
    )
