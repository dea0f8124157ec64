"""One small table, pipelines as text, and runs that keep nothing: what the tests of the engine share.

All tables have the same bucket of rows and few shapes, so that a session compiles little.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from mldsl.contract import Prediction
from mldsl.driver import Finished, Options
from mldsl.driver import run as run_source
from mldsl.plugin import Component, Model, NoSpec, param
from mldsl.plugin.registry import Registry
from mldsl.source import Source

FEATURES = """features {
  a, b: continuous
  s: categorical
  y: binary as target
}"""
STEPS = """transforms {
  standardize on numeric
  one_hot on s
}"""


@pytest.fixture(scope="session")
def table() -> pl.DataFrame:
    """120 rows: two numbers, a category, a class `y` that `a` tells in part, a positive number `z`, and roles."""
    rng = np.random.default_rng(7)
    n = 120
    a, b = rng.normal(size=n), rng.normal(size=n)
    return pl.DataFrame(
        {
            "a": a,
            "b": b,
            "s": np.array(["u", "v", "w"])[rng.integers(0, 3, n)],
            "y": np.where(a + 0.8 * rng.normal(size=n) > 0.3, "yes", "no"),
            "z": np.exp(0.5 * a - 0.3 * b + 3 + 0.1 * rng.normal(size=n)),
            "g": rng.integers(0, 24, n),
            "t": rng.permutation(n).astype(float),
            "w": rng.integers(1, 4, n),
            "key": [f"row {i}" for i in range(n)],
        }
    )


def features(*more: str) -> str:
    """The `features` block of the table, with further lines."""
    return "\n  ".join([FEATURES.removesuffix("\n}"), *more]) + "\n}"


def pipeline(
    *blocks: str, model: str = "gaussian_naive_bayes", features: str = FEATURES, steps: str = STEPS,
    split: str = "split { test = 25% }", metrics: str = "metrics {\n  accuracy\n  log_loss\n}", use: str = "",
) -> str:  # fmt: skip
    """The text of a pipeline over the frame `rows`; blocks of which "" is given are left out."""
    body = model if model.startswith("model") else f"model {{ {model} }}"
    parts = ["mlp 1", use, 'data { frame("rows") }', features, steps, split, body, metrics, *blocks]
    return "\n".join(part for part in parts if part) + "\n"


def run(text: str, rows: Any, registry: Registry | None = None, **options: Any) -> Finished:
    """A run that keeps no folder unless `runs_dir` is given."""
    options.setdefault("keep", "runs_dir" in options)
    return run_source(Source("<test>", text), Options(frames={"rows": rows}, registry=registry, **options))


@attrs.frozen
class Engine:
    """`pipeline` makes a text, `features` a block of it; `run` runs a text."""

    features: Callable[..., str] = features
    pipeline: Callable[..., str] = pipeline
    run: Callable[..., Finished] = run


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine()


# ---- components of a few lines ---------------------------------------------------------------------------------------
@attrs.frozen
class CounterSpec:
    """Hyperparameters of `counter`."""

    rounds: int = param(12, ge=1, unit="updates", doc="Most updates.")
    pause: float = param(0.0, ge=0, traced=True, doc="A number that changes nothing, and may change without compiling.")


class CounterParams(NamedTuple):
    """The number of updates made, and what chance drew in them."""

    steps: Any
    drawn: Any


class CounterState(NamedTuple):
    """What the loop carries: a key, a number of no axis, and an array."""

    key: Any
    steps: Any
    drawn: Any


class CounterInfo(NamedTuple):
    """What an update reports."""

    steps: Any


def _counter_init(spec: CounterSpec, key: Any, shape: Any, examples: Any) -> CounterState:
    return CounterState(key, jnp.zeros(()), jnp.zeros(3))


def _counter_update(spec: CounterSpec, state: CounterState, batch: Any) -> tuple[CounterState, CounterInfo]:
    key, draw = jax.random.split(state.key)
    drawn = state.drawn + jax.random.normal(draw, (3,)) * (1 + batch.weight.sum())
    return CounterState(key, state.steps + 1, drawn), CounterInfo(state.steps + 1)


def _counter_finish(spec: CounterSpec, state: CounterState) -> CounterParams:
    return CounterParams(state.steps, state.drawn)


def _counter_predict(spec: CounterSpec, params: CounterParams, inputs: Any) -> Prediction:
    return Prediction(mean=jnp.zeros(inputs.shape[0]) + params.steps)


@attrs.frozen
class EitherSpec:
    """How to fit."""

    way: Literal["at_once", "rounds", "slow_rounds"] = param("at_once", doc="At once or in rounds.")
    pace: float = param(1.0, only_if="way = rounds, slow_rounds", doc="Of the rounds.")


def _either_fit(spec: EitherSpec, key: Any, shape: Any, examples: Any) -> tuple[CounterParams, None]:
    return CounterParams(-jnp.ones(()), jnp.zeros(3)), None


class EchoParams(NamedTuple):
    """Nothing is learned."""

    nothing: Any


def _echo_fit(spec: NoSpec, key: Any, shape: Any, examples: Any) -> tuple[EchoParams, None]:
    return EchoParams(jnp.zeros(())), None


def _echo_predict(spec: NoSpec, params: EchoParams, inputs: Any) -> Prediction:
    return Prediction(mean=inputs[:, 0])


@pytest.fixture(scope="session")
def tiny() -> list[Component]:
    """`counter`: iterative, predicts how many updates it made; `echo`: predicts the first column of its matrix."""
    return [
        Model(
            "counter", CounterSpec, doc="Counts its updates.", init=_counter_init, update=_counter_update,
            finish=_counter_finish, predict=_counter_predict, steps=lambda spec: spec.rounds, tasks=("regress",),
        ),
        Model(
            "either", EitherSpec, doc="Counts its updates, or fits at once.", fit=_either_fit, init=_counter_init,
            update=_counter_update, finish=_counter_finish, predict=_counter_predict, steps=lambda spec: 12,
            tasks=("regress",), rounds="way = rounds, slow_rounds",
        ),
        Model("echo", NoSpec, doc="Says the first column.", fit=_echo_fit, predict=_echo_predict, tasks=("regress",)),
    ]  # fmt: skip


@pytest.fixture(scope="session")
def registry(tiny: list[Component]) -> Registry:
    """The installed components, and the tiny ones for files that say `use tiny`."""
    return Registry.load().with_components("tiny", tiny)
