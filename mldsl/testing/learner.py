"""A model or transform made ready to be tried: compiled once, called many times, whatever family it is of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any

import attrs
import jax
import jax.numpy as jnp
import numpy as np

from mldsl.contract import Examples, Prediction, Shape, Sparse, as_tree
from mldsl.execute import programs
from mldsl.plugin import Component, Model, Transform
from mldsl.plugin.following import as_set
from mldsl.plugin.spec import Configured
from mldsl.testing.samples import CLASSES, ROWS, Sample, sample

KEY = np.array([3, 14], np.uint32)
_TABLE = ("continuous", "integer", "binary", "ordinal", "categorical")
LEVELS = tuple("abc"[:CLASSES])  # of the target
UPDATES = 3  # of an iterative model
DRAWN = 16  # rows of a generative model

# Programs here run once or twice on 32 rows: compiling them quickly matters more than running them quickly.
QUICK = {**programs.QUICK, "xla_llvm_disable_expensive_passes": True}


class Learner:
    """One component on one task: `fit` a sample, `answer` for a sample. All results have NumPy leaves."""

    def __init__(self, component: Component, task: str, *, sparse: bool = False) -> None:
        by_task = getattr(component, "examples", {})
        example = by_task.get(task, component.example)
        plain = example if example is not None else component.Spec()
        component = as_set(component, plain)
        self.component: Any = component
        self.sparse = sparse
        self.task = task
        self.x64 = getattr(component, "precision", "float32") == "float64"
        self.dtype: Any = np.float64 if self.x64 else np.float32
        # A step that changes rows is handed the matrix alone, whatever else the rows hold.
        only = tuple(t for t in getattr(component, "inputs", ()) if t in _TABLE) if self.resamples else ()
        self.sample: Sample = sample(component, task, self.dtype, only, sparse=sparse)
        self.plain = self._bound(plain)
        if task == "classify" and self._refused():  # it may be for two classes only
            self.sample = sample(component, task, self.dtype, only, classes=2, sparse=sparse)
        self.spec = as_tree(self.plain, self.dtype)
        self._programs: dict[tuple[str, Shape], Any] = {}
        self._traces: dict[Any, tuple[Any, Any]] = {}

    def _bound(self, plain: Any) -> Any:
        """The Spec with levels as codes; where it cannot work on every type of column, on numbers alone."""
        bind = getattr(self.component, "bind", None)
        if bind is None:
            return plain
        if isinstance(self.component, Model):
            bound = bind(plain, self.levels)
            if isinstance(bound, list):
                raise ValueError(f"`bind` refuses the example: {'; '.join(p.message for p in bound)}")
            return bound
        bound = bind(plain, self.sample.columns)
        if isinstance(bound, list):
            self.sample = sample(self.component, self.task, self.dtype, only=("continuous", "integer"))
            bound = bind(plain, self.sample.columns)
        if isinstance(bound, list):
            raise ValueError(f"`bind` refuses the example: {'; '.join(p.message for p in bound)}")
        return bound

    @property
    def levels(self) -> tuple[str, ...]:
        """Of the target; () for numbers."""
        return LEVELS[: self.sample.shape.classes]

    def _refused(self) -> bool:
        check = getattr(self.component, "check", None)
        return check is not None and bool(list(check(self.plain, self.sample.shape)))

    def scope(self) -> AbstractContextManager[Any]:
        """As the engine runs it: in its precision, without broadcasts between ranks."""
        scope: AbstractContextManager[Any] = jax.enable_x64(self.x64)
        return scope

    def begin(self) -> None:
        """Raises what the component raises on the sample as it is."""
        if self.resamples:
            self.fit(self.sample)
        else:
            self.learned(self.sample)

    @property
    def updates(self) -> int:
        """How many updates a loop makes here."""
        return min(self.component.steps(self.spec), UPDATES) if self.component.steps is not None else UPDATES

    # ---- what it learns ----------------------------------------------------------------------------------------------
    def learn(self, shape: Shape) -> Callable[..., Any]:
        """spec, key data, examples -> (params, info): pure, whatever functions the component is made of."""
        component = self.component

        def fit(spec: Any, key: Any, examples: Examples) -> Any:
            key = jax.random.wrap_key_data(key)
            if isinstance(component, Transform) and component.resample is not None:
                return component.resample(spec, key, shape, examples), None
            rounds = isinstance(component, Model) and component.goes_in_rounds(spec)
            if component.fit is not None and not rounds:
                return component.fit(spec, key, shape, self._seen(examples))
            if isinstance(component, Transform):
                return None, None  # nothing is learned
            state, info = self.rounds(shape, spec, key, examples, self.updates)
            if component.info is not None:
                return component.finish(spec, state), component.info(spec, state)
            return component.finish(spec, state), jax.tree.map(lambda x: x[-1], info)

        return fit

    @property
    def loops(self) -> bool:
        """Whether it learns in rounds, as a loop of updates."""
        return isinstance(self.component, Model) and self.component.goes_in_rounds(self.spec)

    def looped(
        self, shape: Shape, spec: Any, examples: Examples, updates: int, *, key: np.ndarray = KEY, state: Any = None
    ) -> tuple[Any, Any]:
        """The state of a loop after so many updates, from its beginning or from a state, and what the last reported.

        Programs as the engine has them, so that all checks share one `update`.
        """
        model, told = self.component, None
        if state is None:

            def init(spec: Any, key: Any, examples: Examples) -> Any:
                return _strong(model.init(spec, jax.random.wrap_key_data(key), shape, examples))

            state = self.program("init", shape, init)(spec, key, examples)

        def update(spec: Any, state: Any, examples: Examples) -> Any:
            return _strong(model.update(spec, state, examples))

        program = self.program("update", shape, update)
        for _ in range(updates):
            state, told = program(spec, state, examples)
        return state, told

    def ended(self, shape: Shape, spec: Any, state: Any, told: Any) -> tuple[Any, Any]:
        """Params and info of a loop in this state."""
        model = self.component

        def finish(spec: Any, state: Any) -> Any:
            return model.finish(spec, state), None if model.info is None else model.info(spec, state)

        params, info = self.program("finish", shape, finish)(spec, state)
        return params, told if info is None else info

    def rounds(self, shape: Shape, spec: Any, key: Any, examples: Examples, updates: int) -> tuple[Any, Any]:
        """The state of a loop after so many updates, and what each of them reported, as one pure function."""
        model = self.component
        key = jax.random.wrap_key_data(key) if key.dtype == np.uint32 else key
        state = model.init(spec, key, shape, examples)
        rounds: tuple[Any, Any] = jax.lax.scan(lambda s, _: model.update(spec, s, examples), state, length=updates)
        return rounds

    def _seen(self, examples: Examples) -> Examples:
        if isinstance(self.component, Model) or self.component.uses_target:
            return examples
        return examples._replace(target=None)

    def inputs(self, given: Sample) -> tuple[Any, Any]:
        """What the device learns from: the matrix, or what `prepare` makes of it; and the state that this left."""
        model = self.component
        if not isinstance(model, Model) or not model.prepares_for(self.plain):
            return given.examples.inputs, None
        assert model.prepare is not None
        inputs, state = model.prepare(self.plain, given.shape, _by_name(given), given.weight)
        return inputs, state

    def asked(self, given: Sample, state: Any) -> Any:
        """What `predict` is given: the matrix, unless `apply_prepared` makes something else of it."""
        model = self.component
        if not isinstance(model, Model) or not model.prepares_for(self.plain) or model.apply_prepared is None:
            return given.examples.inputs
        made = model.apply_prepared(self.plain, given.shape, state, _by_name(given))
        return given.examples.inputs if made is None else made

    def more(self, given: Sample, state: Any) -> Any:
        """What the device learns from further, by the state of an earlier `prepare`."""
        model: Any = self.component
        if not model.prepares_for(self.plain):
            return given.examples.inputs
        again = model.prepare_as or model.apply_prepared
        return again(self.plain, given.shape, state, _by_name(given))

    def arguments(self, given: Sample, kind: Any = None) -> tuple[Any, Any, Examples]:
        """What `learn` is given for a sample, its floats of this type where one is named."""
        inputs, _ = self.inputs(given)
        spec = self.spec if kind is None else as_tree(self.plain, kind)
        return spec, KEY, in_type(kind, given.examples._replace(inputs=inputs))

    def traced(self, kind: Any) -> tuple[Any, Any]:
        """The trace of a fit of the sample in numbers of this type, and the shapes of what it learns.

        In its own type it is that of the compiled fit, which is there already: tracing takes as long as compiling.
        """
        if kind not in self._traces:
            shape, arguments = self.sample.shape, self.arguments(self.sample, kind)
            function = jax.jit(self.learn(shape))
            if kind is self.dtype and not self.loops:
                function = self.program("fit", shape, self.learn(shape))
            with jax.enable_x64(kind is np.float64), jax.numpy_rank_promotion("raise"):
                found = function.trace(*arguments)
            self._traces[kind] = found.jaxpr, found.out_info
        return self._traces[kind]

    def longer(self, cost: np.ndarray | None = None) -> Sample:
        """The sample with more rows of weight 0; with what its rows cost (1 unless given), where that is heeded."""
        given = self.sample
        if getattr(self.component, "costs", False):
            given = given.replaced(cost=np.ones(ROWS, self.dtype) if cost is None else cost)
        return given.padded(ROWS + 8)

    def compiled(self, shape: Shape) -> int:
        """As how many programs the one that takes longest of a fit was compiled, for this shape."""
        program = self._programs.get(("update" if self.loops else "fit", shape))
        return 0 if program is None else int(program._cache_size())

    def program(self, name: str, shape: Shape, function: Callable[..., Any]) -> Any:
        """The function compiled, once for a name and shape."""
        known = self._programs.get((name, shape))
        if known is None:
            known = self._programs[name, shape] = jax.jit(function, compiler_options=QUICK)
        return known

    def fit(self, given: Sample, *, spec: Any = None, key: np.ndarray = KEY) -> Fitted:
        """Learn from a sample."""
        inputs, state = self.inputs(given)
        spec, examples = spec if spec is not None else self.spec, given.examples._replace(inputs=inputs)
        with self.scope(), jax.numpy_rank_promotion("raise"):
            if self.loops:
                params, info = self.ended(
                    given.shape, spec, *self.looped(given.shape, spec, examples, self.updates, key=key)
                )
            else:
                params, info = self.program("fit", given.shape, self.learn(given.shape))(spec, key, examples)
            return Fitted(to_numpy(params), to_numpy(info), state)

    @cached_property
    def fitted(self) -> Fitted:
        """What it learns from the sample as it is."""
        return self.fit(self.sample)

    # ---- what it answers ---------------------------------------------------------------------------------------------
    def reply(self, spec: Any, params: Any, examples: Examples, key: Any) -> dict[str, Any]:
        """The answer of its family, by name: pure."""
        component = self.component
        if isinstance(component, Transform):
            if component.apply is None:
                return {}
            before: Any = examples.inputs
            out = component.apply(spec, params, before)
            active: Any = getattr(params, "active", None)
            if isinstance(out, Sparse):
                out = _dense(out)
            if active is None:  # as many columns as before: what was inactive stays so
                same = out.shape[1] == self.sample.shape.d
                active = examples.active if same else jnp.ones(out.shape[1], bool)
            assert active is not None
            return {"outputs": jnp.where(active[None, :], out, 0)}
        if component.predict is not None:
            answer: Prediction = component.predict(spec, params, examples.inputs)
            return {name: value for name, value in answer._asdict().items() if value is not None}
        if component.score is not None:
            return {"score": component.score(spec, params, examples.user, examples.item)}
        return {"rows": component.sample(spec, params, jax.random.wrap_key_data(key), DRAWN)}

    def answer(self, fitted: Fitted, given: Sample, *, spec: Any = None) -> dict[str, np.ndarray]:
        """The answer for the rows of a sample."""
        examples = given.examples._replace(inputs=self.asked(given, fitted.state))
        with self.scope(), jax.numpy_rank_promotion("raise"):
            program = self.program("answer", given.shape, self.reply)
            found = program(spec if spec is not None else self.spec, fitted.params, examples, KEY)
            answers: dict[str, np.ndarray] = to_numpy(found)
            return answers

    def learned(self, given: Sample, *, spec: Any = None) -> dict[str, np.ndarray]:
        """What a fit of these rows answers for the sample as it is: the comparable result of a fit."""
        return self.answer(self.fit(given, spec=spec), self.sample, spec=spec)

    @property
    def resamples(self) -> bool:
        """Whether it changes training rows and answers nothing."""
        return getattr(self.component, "resample", None) is not None

    def refuses(self, given: Sample, rows: int) -> bool:
        """Whether its `check` says that it cannot work on so few rows."""
        if self.component.check is None:
            return False
        return bool(list(self.component.check(self.plain, attrs.evolve(given.shape, rows=rows))))


def _strong(tree: Any) -> Any:
    """The same with no weak types, which a loop would not keep either."""

    def one(leaf: Any) -> Any:
        plain = isinstance(leaf, jax.Array) and not jnp.issubdtype(leaf.dtype, jax.dtypes.extended)
        return jax.lax.convert_element_type(leaf, leaf.dtype) if plain else leaf

    return jax.tree.map(one, tree)


def _by_name(given: Sample) -> dict[str, np.ndarray]:
    table: Any = given.examples.inputs
    return {column.name: table[:, i] for i, column in enumerate(given.columns)}


def _dense(x: Sparse) -> Any:
    return jnp.zeros((x.n, x.d), x.value.dtype).at[x.row, x.column].add(x.value)


@attrs.frozen(eq=False)
class Fitted:
    """What was learned, what is reported, and what `prepare` left for new rows."""

    params: Any
    info: Any
    state: Any = None


def to_numpy(tree: Any) -> Any:
    """The same tree with NumPy leaves (random keys as their data)."""

    def one(leaf: Any) -> Any:
        if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.random.key_data(leaf)
        return np.asarray(leaf)

    return jax.tree.map(one, tree)


def in_type(kind: Any, examples: Examples) -> Examples:
    """Examples whose floats are of this type, where one is given."""
    made: Examples = jax.tree.map(lambda x: x.astype(kind) if kind is not None and x.dtype.kind == "f" else x, examples)
    return made


def stacked(trees: list[Any]) -> Any:
    """Trees of equal structure as one, with a new first axis."""
    return jax.tree.map(lambda *leaves: np.stack(leaves), *trees)


def varied(component: Any, plain: Any, dtype: Any) -> Any | None:
    """The Spec with its traced numbers changed within their bounds; None if it has none."""

    changed = _changed(plain)
    return None if changed is plain else as_tree(changed, dtype)


def _changed(plain: Any) -> Any:
    changes: dict[str, Any] = {}
    for field in attrs.fields(type(plain)):
        meta, value = field.metadata.get("mldsl", {}), getattr(plain, field.name)
        if isinstance(value, Configured):
            inner = _changed(value.spec)
            changes |= {} if inner is value.spec else {field.name: attrs.evolve(value, spec=inner)}
        if not meta.get("traced") or value is None or isinstance(value, str):
            continue
        for candidate in (value * 1.5, value * 0.75, value + 0.5):
            if candidate != value and _within(meta, candidate):
                changes[field.name] = candidate
                break
    return attrs.evolve(plain, **changes) if changes else plain


def _within(meta: Mapping[str, Any], value: float) -> bool:
    return (
        (meta["ge"] is None or value >= meta["ge"]) and (meta["gt"] is None or value > meta["gt"])
        and (meta["le"] is None or value <= meta["le"]) and (meta["lt"] is None or value < meta["lt"])
    )  # fmt: skip
