"""Several models, and a final one that learns how far to trust each of them.

The final model learns the target from what the members say: z_i = (f_1(x_i), ..., f_m(x_i)), where each f(x_i) is said
by a fit that has not seen row i. For this the training rows are dealt into `folds`, each member is fitted without each
of them and asked about it. Answers of a member to rows that it was fitted on would be better than any that it will give
to new rows: a model that remembers its rows would look perfect, and the final one would trust it blindly. Members are
then fitted on all training rows, and new rows are answered by `final` from what these say.

A member's columns are its number; or its probability of each class, of two classes that of the second only, since they
add up to 1; or its margins, where it gives those. They are named after the member, `words_spam`. With `passthrough` the
final model gets the inputs as well.

Members stand in a list. A model that is written in place, `cart(max_depth = 4)`, learns from the inputs of the stack; a
name of a model of the file stands for that model with its own `inputs`, `target` and `calibrate`, and it is evaluated
beside the stack. In a run every member is fitted with its transforms, inside of every fold; the folds are made as the
file's `split` says, so that groups stay together and members that answer for a time have seen earlier rows only.

Shapes:  n rows, k classes, m members, w columns for the final model; the time of folds + 1 fits of every member.
Units:   columns of members that predict a number are in the unit of the target.
Errors:  fewer than two members; a member, or `final`, that cannot do the task; `passthrough` of sparse columns.
Sources: Wolpert 1992, doi:10.1016/S0893-6080(05)80023-1; Breiman 1996, doi:10.1007/BF00117832;
         Ting & Witten 1999, doi:10.1613/jair.594 (probabilities as columns).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import attrs
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from mldsl.contract import ColumnShape, Examples, Inputs, Prediction, Shape, fit_whole, side_by_side
from mldsl.plugin import Component, Model, ModelName, Problem, hookimpl, param
from mldsl_plugins.ensembles import _several as members


@attrs.frozen
class Spec:
    """Hyperparameters of a stack."""

    models: tuple[ModelName, ...] = param(
        doc="The members: models in place, or names of models of the file.", also_known_as=("estimators", "base"),
    )  # fmt: skip
    final: Any = param(
        kind="model", also_known_as=("final_estimator", "meta_model", "meta_learner", "blender", "metalearner"),
        doc="The model that learns from what the members say.",
    )  # fmt: skip
    folds: int = param(5, ge=2, also_known_as=("cv", "k"), doc="Into how many parts the training rows are dealt.")
    passthrough: bool = param(False, doc="Whether the final model gets the inputs beside the members' columns.")


class Params(NamedTuple):
    """What each member learned from all rows, and what the final model did from their answers out of fold."""

    models: tuple[Any, ...]
    final: Any


class Info(NamedTuple):
    """What each member and the final model tell of their fits."""

    models: tuple[Any, ...]
    final: Any


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """Refuse what cannot be stacked."""
    yield from members.too_few(spec.models)
    if spec.passthrough and shape.wide:
        yield Problem("passthrough", "expected dense columns to pass on, found sparse ones")
    elif spec.passthrough and shape.tensors:
        yield Problem("passthrough", f"expected columns to pass on, found `{shape.tensors[0][0]}`, which is a tensor")
    if shape.rows < spec.folds:
        yield Problem("folds", f"expected at most {shape.rows}, the number of training rows, found {spec.folds}")
    final: Any = spec.final.component
    task = "classify" if shape.classes else "regress"
    if task not in final.tasks:
        yield Problem("final", f"expected a model that can {task}, found `{final.name}`")


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Fit the members fold by fold and on all rows, then the final model on what they say out of fold."""
    models: Any = spec.models
    members.inside(spec.final)
    deal, inner, final = jax.random.split(key, 3)
    weight = examples.weight
    fold = members.folds(deal, weight, examples.target, shape.classes, spec.folds)

    def without(held: Array) -> tuple[Any, Any, Array]:
        """Fitted without one fold, or, since no row is in fold number `folds`, on all rows."""
        rows = examples._replace(weight=jnp.where(fold == held, 0, weight).astype(weight.dtype))
        params, infos = members.fit_members(models, inner, shape, rows)
        said = members.answers(models, params, examples.inputs)
        return params, infos, side_by_side(said)

    params, infos, said = jax.lax.map(without, jnp.arange(spec.folds + 1, dtype=jnp.int32))
    out_of_fold = said[fold, jnp.arange(weight.shape[0])]
    known = jnp.where(weight[:, None] > 0, out_of_fold, 0).astype(weight.dtype)  # what is not there must be finite
    given, its_shape = _given(spec, known, shape, examples.inputs)
    active = jnp.ones(given.shape[1], bool)
    if spec.passthrough and examples.active is not None:
        active = active.at[known.shape[1] :].set(examples.active)
    rows = examples._replace(inputs=given, active=active, offset=None)
    of_final, told = fit_whole(spec.final, final, its_shape, rows)
    last = jax.tree.map(lambda leaf: leaf[-1], (params, infos))
    return Params(last[0], of_final), Info(last[1], told)


def _given(spec: Spec, said: Float[Array, "n w"], shape: Shape, inputs: Inputs) -> tuple[Float[Array, "n e"], Shape]:
    """What the final model gets: the members' columns, and the inputs where they are passed on."""
    names = tuple(ColumnShape(f"said_{i + 1}") for i in range(said.shape[1]))
    if spec.passthrough:
        assert isinstance(inputs, jax.Array), "sparse columns and tensors are refused"
        said, names = jnp.concatenate([said, inputs.astype(said.dtype)], axis=1), (*names, *shape.columns)
    return said, attrs.evolve(shape, columns=names, wide=0, tensors=(), intercept=True, offset=False)


def predict(spec: Spec, params: Params, inputs: Inputs) -> Prediction:
    """What the final model makes of the members' answers."""
    models: Any = spec.models
    said = members.answers(models, params.models, inputs)
    known = side_by_side(said)
    if spec.passthrough:
        assert isinstance(inputs, jax.Array), "sparse columns and tensors are refused"
        known = jnp.concatenate([known, inputs.astype(known.dtype)], axis=1)
    answer: Prediction = spec.final.component.predict(spec.final.spec, params.final, known)
    return answer


def remarks(spec: Spec, info: Info, shape: Shape) -> Iterator[Problem | str]:
    """What the members and the final model say of the rows."""
    yield from members.remarks((*spec.models, spec.final), (*info.models, info.final), shape)


def _examples() -> dict[str, Spec]:
    """Members for those who know no file; the final model is as cheap to compile."""
    made = {task: members.cheap(task) for task in ("classify", "regress")}
    return {task: Spec(two, two[task == "regress"], folds=3) for task, two in made.items()}


@hookimpl
def mldsl_components() -> list[Component]:
    """The stack."""
    dealt = "rows are dealt into folds by their place, so that a row of weight 2 is in one, and two rows may be in two"
    return [
        Model(
            "stacking", Spec, fit=fit, predict=predict, folds=lambda spec: spec.folds, check=check,
            remarks=remarks, tasks=("classify", "regress"), follows=("models",), keeps=("margins",),
            accepts=members.EVERY, missing="accepts", sparse=True, roles=("weight",), examples=_examples(),
            example=_examples()["classify"],
            exceptions={"weight_2": dealt, "row_order": "rows are dealt into folds by their place"},
            snippet="model { stacking([logistic_regression, gaussian_naive_bayes], final = logistic_regression) }",
            sources=("Wolpert 1992, doi:10.1016/S0893-6080(05)80023-1", "Breiman 1996, doi:10.1007/BF00117832",
                     "Ting & Witten 1999, doi:10.1613/jair.594"),
            also_known_as=("StackingClassifier", "StackingRegressor", "stack", "stacked_generalization",
                           "super_learner", "blending"),
        )
    ]  # fmt: skip
