"""The loop of an iterative algorithm: the engine owns it, the algorithm only says what one update is.

Progress, early stopping on held-out rows, the best state, checkpoints and resuming live here. Every update is a call of
one compiled program, so an interrupted fit that goes on from its checkpoint gives the same bits as one that was not.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import attrs
import jax
import jax.numpy as jnp
import numpy as np

from mldsl.execute.checkpoint import Checkpoints
from mldsl.execute.programs import Programs

SECONDS_BETWEEN_CHECKPOINTS = 10.0


@attrs.frozen(eq=False)
class Watch:
    """When to end early: `should_stop(history)`, history the watched values so far, the lower the better.

    `value(params) -> float` judges a state on rows the fit does not see.
    """

    should_stop: Callable[[list[float]], bool]
    value: Callable[[Any], float]
    name: str = "validation_loss"


@attrs.frozen(eq=False)
class Loop:
    """One iterative fit.

    `init(specs)`, `update(state)` and `finish(state)` are calls of compiled programs; `total` the most updates.
    """

    stage: str
    total: int
    init: Callable[[], Any]
    update: Callable[[Any], tuple[Any, Any]]
    finish: Callable[[Any], Any]
    watch: Watch | None
    progress: Callable[[str, int, int, dict[str, float]], None]
    checkpoints: Checkpoints | None

    def run(self) -> tuple[Any, dict[str, list[float]]]:
        """Params of the last (or, when watched, the best) state, and what was reported step by step."""
        state = self.init()
        step, history, best = 0, {}, None
        kept = self.checkpoints.load(self.stage) if self.checkpoints else None
        if kept is not None:
            step, history = kept.step, kept.history
            best = None if kept.best is None else _restored(state, kept.best)
            state = _restored(state, kept.state)
        saved = time.monotonic()
        stopped = kept is not None and kept.done
        try:
            while step < self.total and not stopped:
                state, info = self.update(state)
                step += 1
                shown = scalars(info)
                best, stopped = self._look(state, shown, history, best)
                self.progress(self.stage, step, self.total, shown)
                if self.checkpoints and time.monotonic() - saved > SECONDS_BETWEEN_CHECKPOINTS:
                    self._save(state, best, step, history, done=False)
                    saved = time.monotonic()
        except KeyboardInterrupt:
            self._save(state, best, step, history, done=False)
            raise
        if self.checkpoints and (kept is None or not kept.done):
            self._save(state, best, step, history, done=True)
        return self.finish(state if best is None else best), history

    def _look(
        self, state: Any, shown: dict[str, float], history: dict[str, list[float]], best: Any
    ) -> tuple[Any, bool]:
        for name, value in shown.items():
            history.setdefault(name, []).append(value)
        if self.watch is None:
            return best, False
        watched = history.setdefault(self.watch.name, [])
        earlier = min((v for v in watched if math.isfinite(v)), default=math.inf)
        now = self.watch.value(self.finish(state))
        watched.append(now)
        shown[self.watch.name] = now
        if best is None or now < earlier:
            best = state
        return best, self.watch.should_stop(watched)

    def _save(self, state: Any, best: Any, step: int, history: dict[str, list[float]], *, done: bool) -> None:
        if self.checkpoints is not None:
            best_leaves = None if best is None else _leaves(best)
            self.checkpoints.save(self.stage, _leaves(state), best_leaves, step, history, done=done)


def _is_key(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _leaves(state: Any) -> list[np.ndarray]:
    """The arrays of a state; random keys as the integers that they are made of."""
    return [np.asarray(jax.random.key_data(x) if _is_key(x) else x) for x in jax.tree.leaves(state)]


def _restored(like: Any, arrays: list[np.ndarray]) -> Any:
    """A state of the same structure, with random keys where `like` has them."""
    leaves, structure = jax.tree.flatten(like)
    found = (jax.random.wrap_key_data(jnp.asarray(a)) if _is_key(x) else a for x, a in zip(leaves, arrays, strict=True))
    return jax.tree.unflatten(structure, found)


def scalars(info: Any) -> dict[str, float]:
    """The fields of an Info that are single numbers."""
    fields = info._asdict() if hasattr(info, "_asdict") else dict(info or {})
    return {name: float(np.asarray(v)) for name, v in fields.items() if v is not None and np.ndim(v) == 0}


def compiled_steps(
    programs: Programs, static: str, model: Any, spec: Any, shape: Any, key: np.ndarray, batch: Any, *, x64: bool
) -> tuple[Callable[[], Any], Callable[[Any], Any], Callable[[Any], Any]]:
    """`init`, `update` and `finish` of an iterative model as calls of compiled programs."""

    def init(key_data: Any, spec: Any) -> Any:
        return model.init(spec, jax.random.wrap_key_data(key_data), shape)

    def update(spec: Any, state: Any, batch: Any) -> Any:
        return model.update(spec, state, batch)

    def finish(spec: Any, state: Any) -> Any:
        return model.finish(spec, state)

    return (
        lambda: programs.call("init", init, static, key, spec, x64=x64),
        lambda state: programs.call("update", update, static, spec, state, batch, x64=x64),
        lambda state: programs.call("finish", finish, static, spec, state, x64=x64),
    )
