"""Whether a model learns in rounds, as the file sets it."""

from __future__ import annotations

from mldsl.plugin.condition import parsed
from mldsl.semantics.arguments import condition_holds
from mldsl.semantics.draft import Draft, ModelDraft


def goes_in_rounds(draft: Draft, model: ModelDraft) -> bool:
    """Whether the model learns in rounds as it is set; one that is not known, or set by a search, may."""
    declaration, value = model.declaration, model.algorithm.value if model.algorithm is not None else None
    if declaration is None or value is None or not declaration.rounds:
        return declaration is None or declaration.iterative
    name, _ = parsed(declaration.rounds)
    searched = draft.tune.domains if draft.tune is not None else {}
    if any(argument == name and param in searched for argument, param in value.params):
        return True
    return condition_holds(declaration.rounds, dict(value.args))
