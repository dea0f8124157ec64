"""The loop of an iterative algorithm: the engine owns it, the algorithm only says what one update is.

Progress, early stopping on held-out rows, the best state, checkpoints and resuming live here. Every update is a call of
one compiled program, so an interrupted fit that goes on from its checkpoint gives the same bits as one that was not.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import attrs
import jax
import jax.numpy as jnp
import numpy as np

from mldsl.execute.checkpoint import Checkpoints

SECONDS_BETWEEN_CHECKPOINTS = 10.0


@attrs.frozen(eq=False)
class Watch:
    """When to end early: `should_stop(history)`, history the watched values so far, the lower the better.

    `best_step(history)` is the update (from 0) whose state is kept. `value(state) -> float` judges a state on rows that
    the fit does not see; `name` is what it is called in the history.
    """

    should_stop: Callable[[list[float]], bool]
    best_step: Callable[[list[float]], int]
    value: Callable[[Any], float]
    name: str = "validation_loss"


@attrs.frozen(eq=False)
class _Place:
    """Where a loop is. One object, replaced as a whole, so that Ctrl-C never sees a state and a count that differ."""

    step: int
    state: Any
    best: Any = None
    stopped: bool = False


@attrs.frozen(eq=False)
class Looped:
    """What a loop gives: its state, what was reported step by step, and how many updates went into the state."""

    state: Any
    history: Mapping[str, list[float]]
    updates: int


@attrs.frozen(eq=False)
class Loop:
    """One iterative fit.

    `init()` and `update(state)` are calls of compiled programs; `total` the most updates. `used_up`: `update` writes
    over the state that it is given, so that no earlier one can be kept. `cut(state, updates)` tells an earlier state
    from a later one, where the algorithm can: then none is kept.
    """

    stage: str
    total: int
    init: Callable[[], Any]
    update: Callable[[Any], tuple[Any, Any]]
    watch: Watch | None
    progress: Callable[[str, int, int, dict[str, float]], None]
    checkpoints: Checkpoints | None
    used_up: bool = False
    cut: Callable[[Any, int], Any] | None = None

    def run(self) -> Looped:
        """The last (or, when watched, the best) state, and what was reported step by step."""
        at, history = _Place(0, self.init()), dict[str, list[float]]()
        kept = self.checkpoints.load(self.stage) if self.checkpoints else None
        if kept is not None:
            best = None if kept.best is None else _restored(at.state, kept.best)
            at, history = _Place(kept.step, _restored(at.state, kept.state), best, kept.done), kept.history
        saved = time.monotonic()
        try:
            while at.step < self.total and not at.stopped:
                with held_back() if self.used_up else nullcontext():
                    state, info = self.update(at.state)
                    shown = scalars(info)
                    at = _Place(at.step + 1, state, *self._look(state, shown, at, history))
                self.progress(self.stage, at.step, self.total, shown)
                if self.checkpoints and time.monotonic() - saved > SECONDS_BETWEEN_CHECKPOINTS:
                    self._save(at, history, done=False)
                    saved = time.monotonic()
        except KeyboardInterrupt:
            self._save(at, history, done=at.stopped)
            raise
        if self.checkpoints and (kept is None or not kept.done):
            self._save(at, history, done=True)
        updates = self._updates(at, history)
        if self.cut is not None:
            return Looped(at.state if updates == at.step else self.cut(at.state, updates), history, updates)
        return Looped(at.state if at.best is None else at.best, history, updates)

    def _look(
        self, state: Any, shown: dict[str, float], at: _Place, history: dict[str, list[float]]
    ) -> tuple[Any, bool]:
        """The best state so far, and whether to stop; `shown` and the history get what was seen."""
        if self.watch is not None:
            shown[self.watch.name] = self.watch.value(state)
        for name, value in shown.items():
            # An update that was cut off may have left its values behind; they are made anew, and are the same.
            history[name] = [*history.get(name, [])[: at.step], value]
        if self.watch is None:
            return None, False
        watched = history[self.watch.name]
        if self.cut is not None:
            return None, self.watch.should_stop(watched)
        best = state if self.watch.best_step(watched) == at.step or at.best is None else at.best
        return best, self.watch.should_stop(watched)

    def _updates(self, at: _Place, history: Mapping[str, list[float]]) -> int:
        if self.watch is None or not at.step:
            return at.step
        return self.watch.best_step(history[self.watch.name]) + 1

    def _save(self, at: _Place, history: Mapping[str, list[float]], *, done: bool) -> None:
        if self.checkpoints is None:
            return
        best = None if at.best is None else _leaves(at.best)
        told = {name: values[: at.step] for name, values in history.items()}
        self.checkpoints.save(self.stage, _leaves(at.state), best, at.step, told, done=done)


@contextmanager
def held_back() -> Iterator[None]:
    """Ctrl-C waits until the block is done: what the block began has used up what was there before."""
    before = signal.getsignal(signal.SIGINT)
    if (
        before is None or threading.current_thread() is not threading.main_thread()
    ):  # somebody else's, outside of Python
        yield
        return
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt


def _is_key(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _leaves(state: Any) -> list[np.ndarray]:
    """The arrays of a state; random keys as the integers that they are made of."""
    return [np.asarray(jax.random.key_data(x) if _is_key(x) else x) for x in jax.tree.leaves(state)]


def _restored(like: Any, arrays: list[np.ndarray]) -> Any:
    """A state of the same structure, with random keys where `like` has them."""
    leaves, structure = jax.tree.flatten(like)

    def one(leaf: Any, array: np.ndarray) -> Any:
        restored = jax.random.wrap_key_data(jnp.asarray(array)) if _is_key(leaf) else array
        spread = isinstance(leaf, jax.Array) and len(leaf.sharding.device_set) > 1
        return jax.device_put(restored, leaf.sharding) if spread else restored

    with jax.enable_x64(True):  # float64 stays float64
        return jax.tree.unflatten(structure, map(one, leaves, arrays))


def scalars(info: Any) -> dict[str, float]:
    """The fields of an Info that are single numbers."""
    fields = info._asdict() if hasattr(info, "_asdict") else dict(info or {})
    return {name: float(np.asarray(v)) for name, v in fields.items() if v is not None and np.ndim(v) == 0}
