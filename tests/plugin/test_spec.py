"""From the values of a plan to the Spec that an algorithm gets."""

from __future__ import annotations

from typing import Any, Literal

import attrs
import pytest

from mldsl.plan import ComponentValue
from mldsl.plugin import Columns, Directions, Model, ModelName, Part, Range, Share, Weights, param
from mldsl.plugin.registry import Registry
from mldsl.plugin.spec import Configured, build, build_spec


@attrs.frozen
class Fixed:
    """A fixed value."""

    value: float = param(1.0, doc="The value.")


@attrs.frozen
class Rbf:
    """The kernel's hyperparameters."""

    gamma: float = param(0.5, gt=0, traced=True, doc="Width.")


@attrs.frozen
class Spec:
    """One parameter of each sort."""

    size: int = param(ge=1, doc="Size.")
    rate: float = param(0.1, doc="Rate.")
    share: Share = param(0.5, doc="Share.")
    span: Range = param((1, 2), doc="Range.")
    columns: Columns = param((), doc="Columns.")
    weights: Weights | None = param(None, doc="Weights.")
    ways: Directions | None = param(None, doc="Directions.")
    rule: Literal["gini", "entropy"] = param("gini", doc="Rule.")
    limit: Literal["sqrt"] | float = param("sqrt", doc="A rule or a number.")
    how: str | Fixed = param("mean", choices={"mean": None, "fixed": Fixed}, doc="How.")
    kernel: Any = param("rbf", kind="kernel", doc="Kernel.")
    base: ModelName | None = param(None, doc="A model.")
    sizes: tuple[float, ...] = param((), doc="Numbers.", variadic=True)


RBF = Part("rbf", Rbf, doc="A kernel.", part_kind="kernel")
MODEL = Model("svm", Spec, doc="A model.", tasks={"classify"})
REGISTRY = Registry.of({"core": [RBF, MODEL]})


def spec(**args: Any) -> Any:
    return build_spec(MODEL, {"size": 3, **args}, REGISTRY)


def test_defaults_fill_what_is_left_out() -> None:
    built = spec()
    assert built == Spec(3, kernel=Configured(RBF, Rbf()))
    assert hash(built) == hash(spec())


def test_values_get_the_types_of_their_parameters() -> None:
    built = spec(rate=1, share=1, span=[1, 5], columns=["a", "b"], weights=[["a", 1.0]], sizes=[1, 2])
    assert isinstance(built.rate, float)
    assert isinstance(built.share, float)
    assert (built.span, built.columns, built.weights) == ((1, 5), ("a", "b"), (("a", 1.0),))
    assert built.sizes == (1.0, 2.0)
    assert all(isinstance(size, float) for size in built.sizes)
    hash(built)


def test_choices_with_arguments_become_instances() -> None:
    assert spec(how="mean").how == "mean"
    assert spec(how="fixed").how == Fixed()
    assert spec(how=ComponentValue("choice", "fixed", "core", (("value", 3),))).how == Fixed(3.0)
    assert spec(limit="sqrt").limit == "sqrt"
    assert spec(limit=3).limit == 3.0


def test_nested_components_are_configured() -> None:
    kernel = ComponentValue("kernel", "rbf", "core", (("gamma", 2),))
    assert spec(kernel=kernel).kernel == Configured(RBF, Rbf(2.0))
    base = ComponentValue("model", "svm", "core", (("size", 9),))
    assert spec(base=base).base == Configured(MODEL, spec(size=9))
    assert spec(base="forest").base == "forest"  # a model of the file: the engine knows it


def test_a_component_value_is_built_whole() -> None:
    made = build(ComponentValue("model", "svm", "core", (("size", 4), ("rule", "entropy"))), REGISTRY)
    assert made.component is MODEL
    assert (made.spec.size, made.spec.rule) == (4, "entropy")


def test_what_cannot_be_built_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="no parameter 'sise'"):
        spec(sise=1)
    with pytest.raises(TypeError, match="registry"):
        build_spec(MODEL, {"size": 1})
    assert build_spec(Rbf, {"gamma": 1}) == Rbf(1.0)


def test_a_nested_component_is_a_sub_tree_whose_traced_values_do_not_recompile() -> None:
    import jax
    import jax.numpy as jnp

    from mldsl.contract import as_tree

    compiled = []

    @jax.jit
    def double(built: Any) -> Any:
        compiled.append(built.kernel.component)
        return 2 * built.kernel.spec.gamma

    for gamma in (0.5, 2.0):
        kernel = ComponentValue("kernel", "rbf", "core", (("gamma", gamma),))
        assert double(as_tree(spec(kernel=kernel))) == jnp.float32(2 * gamma)
    assert compiled == [RBF]
