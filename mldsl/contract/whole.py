"""A model inside of another: fitted whole, within a program, and its remarks told by the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import jax

from mldsl.contract.examples import Examples
from mldsl.contract.shape import Shape
from mldsl.plugin import Problem

if TYPE_CHECKING:
    from jaxtyping import Array, Key

    from mldsl.plugin.spec import Configured


def fit_whole(base: Configured, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Any, Any]:
    """Params and Info of a model that another one is made of, whichever way it is fitted: pure, for `map` and `vmap`.

    One that goes in rounds makes all of them; nothing stops it early. Where it prepares its inputs
    (`base.component.prepares_for(base.spec)`), `examples` must hold what its `prepare` gave: then the other model has a
    `prepare` that hands its arguments on.
    """
    model: Any = base.component
    spec = base.spec
    if not model.goes_in_rounds(spec):
        fitted: tuple[Any, Any] = model.fit(spec, key, shape, examples)
        return fitted
    start = model.init(spec, key, shape, examples)
    count = 1 if model.steps is None else int(model.steps(spec))
    state, _ = jax.lax.scan(lambda state, _: (model.update(spec, state, examples)[0], None), start, length=count)
    return model.finish(spec, state), None if model.info is None else model.info(spec, state)


def remarks_of(parameter: str, base: Configured, infos: Sequence[Any], shape: Shape) -> Iterator[Problem | str]:
    """What a model says of its fits inside of another, one Info (NumPy leaves) each: for `remarks` of the other.

    What several fits say is told once, with their number; a refusal by any of them is one of the whole, at the
    `parameter` that holds the base.
    """
    model: Any = base.component
    if model.remarks is None:
        return
    sentences: dict[str, int] = {}
    refused: dict[str, None] = {}
    for info in infos:
        for said in model.remarks(base.spec, info, shape) if info is not None else ():
            if isinstance(said, Problem):
                refused[f"`{model.name}`: `{said.parameter}`: {said.message}"] = None
            else:
                sentences[said] = sentences.get(said, 0) + 1
    yield from (Problem(parameter, message) for message in refused)
    for said, count in sentences.items():
        often = "" if len(infos) == 1 else f" (in {count} of {len(infos)} fits)"
        yield f"`{model.name}`: {said}{often}"
