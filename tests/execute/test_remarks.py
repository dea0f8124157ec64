"""What a model says of a fit becomes a warning or a refusal; what names levels of the target is bound to classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import attrs
import jax.numpy as jnp
import numpy as np
import pytest

from mldsl.contract import Prediction
from mldsl.diagnostics import MldslError
from mldsl.plugin import Model, Problem, Weights, param
from mldsl.plugin.registry import Registry

STEPS = "transforms { drop on s }"


@attrs.frozen
class Spec:
    """Hyperparameters of `picky`."""

    floor: float = param(-1e6, doc="No number may be lower.")
    shares: Weights | None = param(None, doc="The answer, by class.")


class Params(NamedTuple):
    """The answer to every row."""

    share: Any


class Info(NamedTuple):
    """The least value of each column among the rows that are there."""

    least: Any
    codes: Any
    converged: Any


def fit(spec: Spec, key: Any, shape: Any, examples: Any) -> tuple[Params, Info]:
    there = jnp.where(examples.weight[:, None] > 0, examples.inputs, jnp.inf)
    share = jnp.asarray(spec.shares or (0.5, 0.5), examples.weight.dtype)
    return Params(share), Info(there.min(axis=0), share, jnp.asarray(spec.floor < -5))


def predict(spec: Spec, params: Params, inputs: Any) -> Prediction:
    return Prediction(probability=jnp.broadcast_to(params.share[None], (inputs.shape[0], 2)))


def remarks(spec: Spec, info: Info, shape: Any) -> Iterator[Problem | str]:
    if spec.floor == -4:
        yield "did not converge, and here is why"
    for column, least in zip(shape.columns, info.least, strict=True):
        assert isinstance(least, np.floating)
        if least < spec.floor:
            yield Problem("floor", f"expected nothing below {spec.floor:g}, found {least:.3g} in `{column.name}`")
        elif least < 0:
            yield f"`{column.name}` goes below 0"


def bind(spec: Spec, classes: tuple[str, ...]) -> Spec | list[Problem]:
    if spec.shares is None:
        return spec
    given: Any = dict(spec.shares)
    if set(given) != set(classes):
        return [Problem("shares", f"expected a number for each of {', '.join(classes)}, found {', '.join(given)}")]
    return attrs.evolve(spec, shares=tuple(given[level] for level in classes))


@pytest.fixture(scope="module")
def run(engine: Any, table: Any) -> Any:
    model = Model(
        "picky", Spec, doc="Looks at what it is given.", fit=fit, predict=predict, remarks=remarks, bind=bind,
        tasks=("classify",),
    )  # fmt: skip
    registry = Registry.load().with_components("acme", [model])

    def start(model: str, split: str = "split { test = 25% }", rows: Any = table) -> Any:
        text = engine.pipeline(model=f"model {{ {model} }}", use="use acme", steps=STEPS, split=split)
        return engine.run(text, rows, registry)

    return start


def test_a_sentence_becomes_a_warning_that_names_the_model(run: Any) -> None:
    warnings = run("picky").result.warnings
    assert "`picky`: `a` goes below 0" in warnings
    assert sum("goes below 0" in text for text in warnings) == 2


def test_that_a_fit_did_not_converge_is_said_once(run: Any) -> None:
    for floor, told in ((-1e6, []), (-3, ["`picky` did not converge in its iterations"]),
                        (-4, ["`picky`: did not converge, and here is why"])):  # fmt: skip
        assert [text for text in run(f"picky(floor = {floor:g})").result.warnings if "converge" in text] == told


def test_a_problem_refuses_the_run_at_the_line_of_the_model(run: Any) -> None:
    with pytest.raises(MldslError) as caught:
        run("picky(floor = -0.5)")
    first, second = caught.value.diagnostics
    assert {first.code, second.code} == {"MLP0312"}
    assert first.message.startswith("`picky` cannot work here: `floor`: expected nothing below -0.5, found -")
    assert first.message.endswith("in `a`")
    assert second.message.endswith("in `b`")
    assert first.span is not None


def test_folds_are_asked_too(run: Any, table: Any) -> None:
    """The row is in the training rows of a fold and, with a part of its own for them, of the last fit."""
    with pytest.raises(MldslError) as caught:
        run("picky(floor = -0.5)", split="split { folds = 3 }")
    assert "expected nothing below" in caught.value.diagnostics[0].message


@pytest.mark.parametrize(("given", "wanted"), [('"no" = 0.25, "yes" = 0.75', 0.25), ('"yes" = 0.1, "no" = 0.9', 0.9)])
def test_names_of_classes_are_bound_in_their_order(run: Any, given: str, wanted: float) -> None:
    finished = run(f"picky(shares = [{given}])")
    info = finished.result.outcomes[0].model.last.info
    assert info.codes[0] == pytest.approx(wanted)


def test_what_cannot_be_bound_is_refused(run: Any) -> None:
    with pytest.raises(MldslError) as caught:
        run('picky(shares = ["yes" = 1])')
    assert caught.value.diagnostics[0].message == (
        "`picky` cannot work here: `shares`: expected a number for each of no, yes, found yes"
    )
