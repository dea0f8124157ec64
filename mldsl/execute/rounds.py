"""The programs of one loop: a model's `init`, `update` and `finish`, over all devices where it declares `shards`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import jax
import numpy as np

from mldsl.contract import Examples, Shape
from mldsl.execute.blame import blamed
from mldsl.execute.pipeline import Pipeline
from mldsl.execute.programs import Programs
from mldsl.execute.shards import EVERYWHERE, fitting, of_examples, of_state, over_rows, placed, spread


class Rounds:
    """One fit's loop, as calls of compiled programs; its examples are brought to the devices once.

    `used_up`: `update` may write over the state that it is given.
    """

    def __init__(
        self, programs: Programs, pipeline: Pipeline, spec: Any, shape: Shape, key: np.ndarray, examples: Examples, *,
        x64: bool, used_up: bool,
    ) -> None:  # fmt: skip
        self.programs, self.pipeline, self.spec, self.shape, self.key = programs, pipeline, spec, shape, key
        self.model: Any = pipeline.model
        self.x64, self.used_up = x64, used_up
        self.devices = fitting(pipeline.devices, shape.rows)
        with jax.enable_x64(x64):
            spread_out = self.devices > 1
            self.examples = (
                placed(examples, of_examples(examples), self.devices) if spread_out else jax.device_put(examples)
            )

    def start(self) -> Any:
        """The state before the first update."""

        def init(key_data: Any, spec: Any, examples: Examples) -> Any:
            with blamed(self.pipeline.value, "init"):
                key = jax.random.wrap_key_data(key_data)
                return self._begun(lambda shard: self.model.init(spec, key, self.shape, shard), examples)

        return self._call("init", init, self.key, self.spec, self.examples)

    def resume(self, params: Any, told: Any, more: int) -> Any:
        """The state that a loop had at its end, by what it learned and told, with room for so many updates more."""

        def resume(key_data: Any, spec: Any, examples: Examples, params: Any, told: Any) -> Any:
            with blamed(self.pipeline.value, "resume"):
                key = jax.random.wrap_key_data(key_data)
                return self._begun(
                    lambda shard: self.model.resume(spec, key, self.shape, shard, params, told, more), examples
                )

        return self._call(f"resume {more}", resume, self.key, self.spec, self.examples, params, told)

    def _begun(self, make: Callable[[Examples], Any], examples: Examples) -> Any:
        if self.devices == 1:
            return make(examples)
        layout = of_state(jax.eval_shape(make, examples), self.model.row_state)
        return over_rows(make, self.devices, (of_examples(examples),), layout)(examples)

    def update(self, state: Any) -> tuple[Any, Any]:
        """One update: the next state, and what it reports."""
        return self._update(state)  # type: ignore[no-any-return]

    @cached_property
    def _update(self) -> Callable[[Any], Any]:
        def update(spec: Any, examples: Examples, state: Any) -> Any:
            with blamed(self.pipeline.value, "update"):
                if self.devices == 1:
                    return self.model.update(spec, state, examples)
                layout = of_state(state, self.model.row_state)
                return over_rows(
                    lambda state, shard: self.model.update(spec, state, shard),
                    self.devices, (layout, of_examples(examples)), (layout, EVERYWHERE),
                )(state, examples)  # fmt: skip

        return self.bound("update", update, self.spec, self.examples, used_up=self.used_up)

    def finish(self, state: Any) -> Any:
        """What predict needs."""

        def finish(spec: Any, state: Any) -> Any:
            with blamed(self.pipeline.value, "finish"):
                return self.model.finish(spec, state)

        return self._call("finish", finish, self.spec, state)

    def info(self, state: Any) -> Any:
        """What reports show of the whole loop; None where the model has nothing to say."""

        def info(spec: Any, state: Any) -> Any:
            with blamed(self.pipeline.value, "info"):
                return self.model.info(spec, state)

        return None if self.model.info is None else self._call("info", info, self.spec, state)

    def cut(self, state: Any, updates: int) -> Any:
        """The state as `finish` would have found it after so many updates."""

        def cut(spec: Any, state: Any, updates: Any) -> Any:
            with blamed(self.pipeline.value, "cut"):
                return self.model.cut(spec, state, updates)

        return self._call("cut", cut, self.spec, state, np.asarray(updates, np.int32))

    def bound(
        self, name: str, function: Callable[..., Any], *fixed: Any, used_up: bool = False
    ) -> Callable[[Any], Any]:
        """`function(*fixed, state)` as a program that is called again and again with another state."""
        if self.devices > 1:
            with jax.enable_x64(self.x64):
                fixed = spread(fixed, self.shape.rows, self.devices)
        return self.programs.bound(
            name, function, self.pipeline.static, *fixed, x64=self.x64, devices=self.devices, used_up=used_up
        )

    def _call(self, name: str, function: Callable[..., Any], *args: Any) -> Any:
        return self.programs.call(name, function, self.pipeline.static, *args, x64=self.x64, devices=self.devices)
