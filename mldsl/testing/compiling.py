"""The checks of what a learner becomes: programs, types, files, mapped and sharded versions of itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import attrs
import jax
import jax.numpy as jnp
import numpy as np

from mldsl.contract import Sparse, as_tree
from mldsl.plugin import Component, Model
from mldsl.testing.compare import bits, rounding
from mldsl.testing.learner import KEY, Fitted, Learner, in_type, stacked, to_numpy, varied
from mldsl.testing.samples import PRESENT, ROWS, Sample, holes
from mldsl.testing.traces import callbacks, floats, same, shapes, trace


def compiles_once(learner: Learner) -> Iterator[str]:
    """Equal Specs and shapes, other values: one program."""
    fresh = as_tree(_copy(learner.plain), learner.dtype)

    def rounded(table: np.ndarray) -> None:
        table[:] = np.round(table)

    learner.fit(learner.sample)
    learner.fit(
        learner.sample.with_table(rounded) if learner.sample.shape.d else learner.sample, spec=fresh, key=KEY + 1
    )
    other = varied(learner.component, learner.plain, learner.dtype)
    if other is not None:
        learner.fit(learner.sample, spec=other)
    if (count := learner.compiled(learner.sample.shape)) > 1:
        yield f"{count} programs were compiled for equal shapes"


def _copy(plain: Any) -> Any:
    """An equal Spec that shares no object with it."""
    values = {f.name: getattr(plain, f.name) for f in attrs.fields(type(plain)) if f.init}

    def nested(value: Any) -> bool:
        return attrs.has(type(value)) and not isinstance(value, type | Component)

    return type(plain)(**{n: _copy(v) if nested(v) else v for n, v in values.items()})


def pure(learner: Learner) -> Iterator[str]:
    """Traced twice, the same program; called twice, the same bits; and it never calls back."""
    one, _ = learner.traced(learner.dtype)
    with learner.scope(), jax.numpy_rank_promotion("raise"):  # of a new function: a trace of the same is remembered
        two = trace(learner.learn(learner.sample.shape), *learner.arguments(learner.sample))
    if not same(one, two):
        yield "traced twice, it gives two programs: it reads a clock, a random state or another global"
    if found := callbacks(one):
        yield f"it calls back into Python ({', '.join(sorted(found))})"
    yield from bits(learner.fitted.params, learner.fit(learner.sample).params)


def dtype(learner: Learner) -> Iterator[str]:
    """Results have the inputs' precision, and nothing is weakly typed."""
    for kind in (np.float32, np.float64):
        closed, learned = learner.traced(kind)
        found = {"params": learned[0], "info": learned[1]}
        if not learner.resamples:
            spec, key, _ = learner.arguments(learner.sample, kind)
            asked = learner.asked(learner.sample, learner.fitted.state)
            examples = in_type(kind, learner.sample.examples._replace(inputs=asked))
            with jax.enable_x64(kind is np.float64):
                found["answer"] = jax.eval_shape(lambda *a: learner.reply(*a), spec, learned[0], examples, key)
        name = np.dtype(kind).name
        for path, leaf in jax.tree_util.tree_leaves_with_path(found):
            place = jax.tree_util.keystr(path, simple=True, separator=".")
            if jnp.issubdtype(leaf.dtype, np.floating) and leaf.dtype != kind:
                yield f"`{place}` is {leaf.dtype} where the inputs are {name}"
            counted = place.startswith("info.") and not jnp.issubdtype(leaf.dtype, np.floating)
            if getattr(leaf, "weak_type", False) and not counted:  # a count that is reported may be any integer
                yield f"`{place}` is weakly typed: write `jnp.asarray(value, dtype)`"
        if kind is np.float64 and (leaks := floats(closed) - {"float64"}):
            yield f"it computes in {', '.join(sorted(leaks))} where the inputs are float64"


def artifact(learner: Learner) -> Iterator[str]:
    """Through safetensors and JSON and back: the same bits, the same answers."""
    from safetensors.numpy import load, save

    from mldsl.record.tree import class_name, load_tree, save_tree

    fitted = learner.fitted
    classes = {class_name(cls): cls for tree in (fitted.params, fitted.info, fitted.state) for cls in _classes(tree)}
    parts = []
    for tree in (fitted.params, fitted.info, fitted.state):
        arrays, structure = save_tree(tree)
        contiguous = {name: np.array(value, order="C") for name, value in arrays.items()}
        parts.append(load_tree(json.loads(json.dumps(structure)), load(save(contiguous)), classes.get))
    again = Fitted(*parts)
    yield from bits(fitted.params, again.params)
    yield from bits(fitted.info, again.info)
    yield from bits(learner.answer(fitted, learner.sample), learner.answer(again, learner.sample))


def _classes(tree: Any) -> Iterator[type]:
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        yield type(tree)
    if isinstance(tree, dict):
        tree = tuple(tree.values())
    if isinstance(tree, tuple | list):
        for part in tree:
            yield from _classes(part)


def batched(learner: Learner) -> Iterator[str]:
    """Two folds and two settings in one mapped program, and one after the other."""
    if _prepares(learner):
        return
    expected = [
        learner.learned(learner.sample.replaced(weight=weight), spec=spec) for spec, weight in _folds(learner, ROWS)
    ]
    # First with the rows of `padding`, which shares the program; where that is the matter, with the sample as it is.
    for given in (learner.longer(), learner.sample):
        together = side_by_side(learner, given)
        findings = [text for one, other in zip(together, expected, strict=True) for text in rounding(one, other)]
        if not findings:
            return
    yield from findings


def _folds(learner: Learner, rows: int) -> list[tuple[Any, np.ndarray]]:
    """Two settings and the weights that each is fitted with: those of the sample first."""
    weight = learner.sample.weight
    fewer = np.where(np.arange(ROWS) % 3 == 0, 0, weight).astype(weight.dtype)
    other = varied(learner.component, learner.plain, learner.dtype) or learner.spec
    return [(spec, np.pad(w, (0, rows - ROWS))) for spec, w in ((learner.spec, weight), (other, fewer))]


def side_by_side(learner: Learner, given: Sample) -> list[dict[str, np.ndarray]]:
    """What the two folds answer for the rows of the sample, learned from `given` in one mapped program."""
    fit, folds = learner.learn(given.shape), _folds(learner, given.shape.rows)
    _, key, examples = learner.arguments(given)

    def fold(spec: Any, weight: Any, key: Any, examples: Any) -> Any:
        params, _ = fit(spec, key, examples._replace(weight=weight))
        return learner.reply(spec, params, examples, key)

    with learner.scope(), jax.numpy_rank_promotion("raise"):
        mapped = learner.program("batched", given.shape, jax.vmap(fold, in_axes=(0, 0, None, None)))
        specs, weights = stacked([spec for spec, _ in folds]), np.stack([weight for _, weight in folds])
        together = to_numpy(mapped(specs, weights, key, examples))
    return [{name: value[i][:ROWS] for name, value in together.items()} for i in range(len(folds))]


def in_passing(learner: Learner, given: Sample) -> dict[str, np.ndarray]:
    """What a fit of other rows than the sample's answers for the sample, by a program that other checks need anyway.

    Mapped, spread over devices, or, where it is neither, by itself.
    """
    if not _prepares(learner):
        return side_by_side(learner, given)[0]
    return learner.answer(_apart(learner, given), learner.sample) if _spreads(learner) else learner.learned(given)


def _by_row(examples: Any) -> tuple[Any, Any]:
    """For each array whether it has something for each row, and the examples."""
    from mldsl.execute.shards import BY_ROW, of_examples

    layout = of_examples(examples)
    is_part = lambda x: isinstance(x, jax.sharding.PartitionSpec)  # noqa: E731
    return jax.tree.map(
        lambda spec, part: jax.tree.map(lambda _: spec == BY_ROW, part), layout, examples, is_leaf=is_part
    ), examples


def _prepares(learner: Learner) -> bool:
    return isinstance(learner.component, Model) and learner.component.prepares_for(learner.plain)


def no_copies(learner: Learner) -> Iterator[str]:
    """Mapped over weights alone, nothing of the inputs' size appears once per fold."""
    if not getattr(learner.component, "batches", False) or isinstance(learner.sample.examples.inputs, Sparse | dict):
        return
    folds = 5
    spec, key, examples = learner.arguments(learner.sample)
    fit = learner.learn(learner.sample.shape)
    with learner.scope():
        mapped = jax.vmap(lambda s, k, e, w: fit(s, k, e._replace(weight=w)), in_axes=(None, None, None, 0))
        closed = trace(mapped, spec, key, examples, np.stack([learner.sample.weight] * folds))
    size = {folds, ROWS, learner.sample.shape.d}
    if copies := [shape for shape in shapes(closed) if len(shape) == 3 and set(shape) == size]:
        yield f"mapped over {folds} weight vectors it computes {copies[0]}: the inputs once per fold"


def _spreads(learner: Learner) -> bool:
    """Whether its rows can be spread here; the entries of sparse ones are not cut by row."""
    return (
        getattr(learner.component, "shards", False)
        and len(jax.devices()) > 1
        and not isinstance(learner.sample.examples.inputs, Sparse)
    )


def shards(learner: Learner) -> Iterator[str]:
    """Rows spread over two devices."""
    if not _spreads(learner):
        return
    if learner.loops and (name := _unnamed(learner)):
        yield f"`{name}` of the State has something for each row, and `row_state` does not name it"
        return
    expected = learner.answer(learner.fitted, learner.sample)
    # Of a model that prepares, first with the rows of `padding`, which shares the program.
    for given in (learner.longer(), learner.sample) if _prepares(learner) else (learner.sample,):
        findings = list(rounding(expected, learner.answer(_apart(learner, given), learner.sample)))
        if not findings:
            return
    yield from findings


def _apart(learner: Learner, given: Sample) -> Fitted:
    """What is learned from rows that are spread over two devices; of a loop, what its state has by row as well."""
    from mldsl.execute.shards import EVERYWHERE, of_examples, of_state, over_rows, sharded_fit

    model: Any = learner.component

    def at_once(spec: Any, key: Any, examples: Any) -> Any:
        return sharded_fit(model.fit, spec, jax.random.wrap_key_data(key), given.shape, examples, 2)

    def in_rounds(spec: Any, key: Any, examples: Any) -> Any:
        def begin(shard: Any) -> Any:
            return model.init(spec, jax.random.wrap_key_data(key), given.shape, shard)

        rows = of_examples(examples)
        layout = of_state(jax.eval_shape(begin, examples), model.row_state)
        state = over_rows(begin, 2, (rows,), layout)(examples)
        step = over_rows(lambda state, shard: model.update(spec, state, shard), 2, (layout, rows), (layout, EVERYWHERE))
        state, _ = jax.lax.scan(lambda s, _: step(s, examples), state, length=learner.updates)
        return model.finish(spec, state), None

    with learner.scope():
        program = learner.program("apart", given.shape, in_rounds if learner.loops else at_once)
        params, info = to_numpy(program(*learner.arguments(given)))
    return Fitted(params, info, learner.fitted.state)


def _unnamed(learner: Learner) -> str:
    """A part of a loop's state that has something for each row, and is not named as such."""
    model, shape = learner.component, learner.sample.shape
    with learner.scope():
        spec, key, examples = learner.arguments(learner.sample)
        whole, half = (
            jax.eval_shape(lambda s, k, e: learner.rounds(shape, s, k, e, 1)[0], spec, key, part)
            for part in (examples, jax.tree.map(lambda cut, x: x[: ROWS // 2] if cut else x, *_by_row(examples)))
        )
    for name in set(whole._fields) - set(model.row_state):
        if jax.tree.map(jnp.shape, getattr(whole, name)) != jax.tree.map(jnp.shape, getattr(half, name)):
            return str(name)
    return ""


def so_far(learner: Learner) -> Iterator[str]:
    """What a state says of the rows, those of weight 0 among them, is what its params predict; of values that are
    missing, too, where it takes them.
    """
    model: Any = learner.component
    if model.so_far is None or not learner.loops:
        return
    gaps = model.missing == "accepts" and not isinstance(learner.sample.examples.inputs, Sparse)
    given = learner.sample.with_table(holes) if gaps else learner.sample
    fitted, spec = learner.fit(given), learner.spec
    examples = given.examples._replace(inputs=learner.inputs(given)[0])
    asked = given.examples._replace(inputs=learner.asked(given, fitted.state))
    offset = asked.offset if "offset" in model.roles else None

    def shifted(spec: Any, params: Any, inputs: Any, offset: Any) -> Any:
        if model.predict_at is not None:
            return model.predict_at(spec, params, inputs, offset)
        answer = model.predict(spec, params, inputs)
        return answer if answer.mean is None else answer._replace(mean=answer.mean + offset)

    with learner.scope(), jax.numpy_rank_promotion("raise"):
        state, _ = learner.looped(given.shape, spec, examples, learner.updates)
        said = to_numpy(learner.program("so_far", given.shape, model.so_far)(spec, state, examples))
        if offset is None:
            answer = learner.answer(fitted, given)
        else:
            program = learner.program("shifted", given.shape, shifted)
            answer = to_numpy(program(spec, fitted.params, asked.inputs, offset))._asdict()
    for name, value in answer.items():
        mine = getattr(said, name)
        if value is not None and mine is not None:
            yield from rounding({name: mine[:PRESENT]}, {name: value[:PRESENT]})
        elif value is not None and name != "interval":
            yield f"`so_far` gives no `{name}`, which `predict` gives"


def cut(learner: Learner) -> Iterator[str]:
    """Cut to one update less, the loop is finished as it was then."""
    model: Any = learner.component
    if model.cut is None or not learner.loops:
        return
    shape, before = learner.sample.shape, max(learner.updates - 1, 0)
    spec, _, examples = learner.arguments(learner.sample)
    with learner.scope(), jax.numpy_rank_promotion("raise"):
        then, _ = learner.looped(shape, spec, examples, before)
        later, _ = learner.looped(shape, spec, examples, learner.updates - before, state=then)
        again = learner.program("cut", shape, model.cut)(spec, later, np.asarray(before, np.int32))
        one, two = (to_numpy(learner.ended(shape, spec, state, None)) for state in (then, again))
    yield from rounding(one, two, tolerance=1e-5)


def resume(learner: Learner) -> Iterator[str]:
    """All updates but one, and then one more of the model that they made: the answers of all in one loop."""
    model: Any = learner.component
    if model.resume is None or not learner.loops:
        return
    given, before = learner.sample, learner.updates - 1
    shape, state_of_rows = given.shape, learner.fitted.state
    spec, key, examples = learner.arguments(learner.sample)
    again = given.examples._replace(inputs=learner.more(given, state_of_rows))
    room = model.steps(spec) - before if model.steps is not None else 1

    def resumed(spec: Any, key: Any, examples: Any, params: Any, told: Any) -> Any:
        return model.resume(spec, jax.random.wrap_key_data(key), shape, examples, params, told, room)

    with learner.scope(), jax.numpy_rank_promotion("raise"):
        params, told = learner.ended(shape, spec, *learner.looped(shape, spec, examples, before))
        if model.compact is not None:  # as it is kept
            kept = to_numpy(params)
            params = model.compact(learner.plain, kept) if model.follows else model.compact(kept)
        state = learner.program("resume", shape, resumed)(spec, key, again, params, told)
        state, told = learner.looped(shape, spec, again, 1, state=state)
        params, told = learner.ended(shape, spec, state, told)
        longer = Fitted(to_numpy(params), to_numpy(told), state_of_rows)
    yield from rounding(learner.answer(longer, given), learner.answer(learner.fitted, given))


def prepared(learner: Learner) -> Iterator[str]:
    """New rows are prepared as the old ones were."""
    if not _prepares(learner) or learner.component.apply_prepared is None:
        return
    made, state = learner.inputs(learner.sample)
    again = learner.asked(learner.sample, state)
    if again is not learner.sample.examples.inputs:
        yield from bits(to_numpy(made), to_numpy(again))


OF_PROGRAMS = (compiles_once, pure, dtype, artifact, batched)
OF_MODEL_PROGRAMS = (no_copies, shards, prepared, so_far, cut, resume)
