"""One model with its transforms as pure functions of arrays: what `programs` compiles.

The fused form fits every transform, the model, and predicts all rows, in one program, for one weight vector; a fold is
another weight vector through the same program. Models with a host `prepare` or an `init`/`update`/`finish` loop are cut
at that place, into a transforming program and what follows.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import attrs
import jax
import jax.numpy as jnp

from mldsl.contract import ColumnShape, Examples, Prediction, Shape, Sparse
from mldsl.execute.arrays import Rows
from mldsl.execute.blame import blamed
from mldsl.execute.blocks import Block, Chained, joined, masked, out_of_fold, selected
from mldsl.execute.costs import by_class, with_costs
from mldsl.execute.design import design_matrix
from mldsl.execute.expressions import device_expression
from mldsl.execute.resampled import resample
from mldsl.execute.steps import NO_BLOCKS, Blocks, DeviceStep
from mldsl.plan import ComponentValue
from mldsl.plan.design import Design
from mldsl.plugin import NamedColumn

INNER_FOLDS = 5  # of the training rows, for steps that use the target


class Table(NamedTuple):
    """The matrix on its way through the steps, which of its columns exist in this fold, and sparse blocks beside it."""

    matrix: Any
    active: Any
    blocks: dict[str, Block] = {}


class StepsFitted(NamedTuple):
    """Params and Info of every device step, in order (None for those that learn nothing)."""

    params: tuple[Any, ...]
    info: tuple[Any, ...]


class Fitted(NamedTuple):
    """What one fit of the whole pipeline gives."""

    steps: tuple[Any, ...]
    steps_info: tuple[Any, ...]
    params: Any
    info: Any
    prediction: Any


def held_out(component: Any) -> bool:
    """Whether a step answers each training row by a fit that has not seen it: what it gives holds the target.

    A step that only chooses columns does not: it gives them as they were, and all rows get the same.
    """
    return bool(component.uses_target and not component.chooses)


def _no_work(step: DeviceStep) -> bool:
    """Whether a step has no device half here: the block that it makes does not reach the model (a formula's)."""
    component: Any = step.component
    return getattr(component, "host_apply", None) is not None and not step.blocks


def column_shapes(columns: Sequence[NamedColumn]) -> tuple[ColumnShape, ...]:
    """The static facts of columns."""
    return tuple(ColumnShape(c.name, c.type, len(c.levels or ()), c.missing) for c in columns)


@attrs.frozen(eq=False)
class Pipeline:
    """The device half of one model. `static` tells its programs apart from every other's.

    `columns` are those of its dense matrix after the steps, `sparse` the blocks before them, `blocks` those after them
    with the names of their columns.
    """

    name: str
    steps: tuple[DeviceStep, ...]
    columns: tuple[NamedColumn, ...]
    model: Any
    shape: Shape
    static: str
    sparse: tuple[str, ...] = ()
    blocks: Blocks = NO_BLOCKS
    devices: int = 1
    value: ComponentValue | None = None  # the plan's name for `model`
    design: Design | None = None  # of a formula

    @property
    def features(self) -> Sequence[str]:
        """The columns of the model's matrix: dense ones, then those of the blocks."""
        dense = tuple(c.name for c in self.columns)
        return Chained((dense, *self.blocks.values())) if self.blocks else dense

    # ---- the matrix through one step ---------------------------------------------------------------------------------
    def _take(self, table: Table, positions: tuple[int, ...]) -> Table:
        d = table.matrix.shape[1]
        if positions == tuple(range(d)):
            return table
        if positions and positions == tuple(range(positions[0], positions[-1] + 1)):
            part = slice(positions[0], positions[-1] + 1)
            return Table(table.matrix[:, part], table.active[part])
        index = jnp.asarray(positions, jnp.int32)
        return Table(jnp.take(table.matrix, index, axis=1), jnp.take(table.active, index))

    def _place(self, table: Table, step: DeviceStep, new: Table) -> Table:
        if step.place < 0:
            if step.take == tuple(range(table.matrix.shape[1])):
                return Table(new.matrix.astype(table.matrix.dtype), new.active)
            index = jnp.asarray(step.take, jnp.int32)
            return Table(table.matrix.at[:, index].set(new.matrix), table.active.at[index].set(new.active))
        kept = self._take(table, step.leave)
        pieces = [(kept.matrix[:, : step.place], kept.active[: step.place]), (new.matrix, new.active)]
        pieces.append((kept.matrix[:, step.place :], kept.active[step.place :]))
        full = [(m, a) for m, a in pieces if m.shape[1]]
        if len(full) == 1:
            return Table(*full[0])
        matrix = jnp.concatenate([m.astype(table.matrix.dtype) for m, _ in full], axis=1) if full else kept.matrix
        active = jnp.concatenate([a for _, a in full]) if full else kept.active
        return Table(matrix, active)

    def _apply(self, step: DeviceStep, params: Any, spec: Any, table: Table) -> Table:
        if _no_work(step):
            return table
        if not table.blocks:
            return self._apply_dense(step, params, spec, table)
        if not step.blocks:
            return self._apply_dense(step, params, spec, table)._replace(blocks=selected(step, table.blocks))
        component: Any = step.component
        blocks = dict(table.blocks)
        if step.each:
            for name, learned in zip(step.blocks, params, strict=True):
                made = self._apply_block(step, component, learned, spec, blocks[name])
                assert isinstance(made, Block), f"`{step.text}` has two halves and gives a dense matrix"
                blocks[name] = made
            return table._replace(blocks=blocks)
        part = self._take(table, step.take)
        whole = joined(part.matrix, part.active, [blocks.pop(name) for name in step.blocks])
        made = self._apply_block(step, component, params, spec, whole)
        rest = self._take(table, step.leave)._replace(blocks=blocks)
        if isinstance(made, Table):
            return self._place(table, step, made)._replace(blocks=blocks)
        return rest._replace(blocks={**blocks, step.blocks[0]: made})

    def _apply_block(self, step: DeviceStep, component: Any, params: Any, spec: Any, block: Block) -> Table | Block:
        with blamed(step.value, "apply"):
            out = component.apply(spec, params, block.matrix)
        active = getattr(params, "active", None)
        if isinstance(out, Sparse):
            return masked(out, block.active if active is None else active)
        active = jnp.ones(out.shape[1], bool) if active is None else active
        return Table(jnp.where(active[None, :], out, 0), active)

    def _apply_dense(self, step: DeviceStep, params: Any, spec: Any, table: Table) -> Table:
        if step.derive is not None:
            value = device_expression(step.derive, [c.name for c in step.before], table.matrix)
            column = value.astype(table.matrix.dtype)[:, None]
            return self._place(table, step, Table(column, jnp.ones(1, bool)))
        if step.design is not None:
            made = design_matrix(step.design, table.matrix)
            return Table(made, jnp.ones(made.shape[1], bool))
        component: Any = step.component
        if component is None or component.selects:
            return self._take(table, step.leave)
        part = self._take(table, step.reads)
        with blamed(step.value, "apply"):
            out = component.apply(spec, params, part.matrix)
        active = getattr(params, "active", None)
        if active is None:
            taken = part.active[: len(step.take)]
            active = taken if out.shape[1] == taken.shape[0] else jnp.ones(out.shape[1], bool)
        # A column that does not exist in this fold is 0 everywhere, so that nothing can be learned from it.
        return self._place(table, step, Table(jnp.where(active[None, :], out, 0).astype(table.matrix.dtype), active))

    def _fit_step(self, step: DeviceStep, spec: Any, key: Any, rows: Rows, table: Table, weight: Any) -> Any:
        component: Any = step.component
        target = rows.target if component.uses_target else None

        def learn(key: Any, matrix: Any, active: Any, columns: tuple[ColumnShape, ...], wide: int) -> Any:
            shape = attrs.evolve(self.shape, columns=columns, wide=wide)
            examples = Examples(matrix, weight, target, active, query=rows.query, time=rows.time)
            with blamed(step.value, "fit"):
                return component.fit(spec, key, shape, examples)

        if step.each:
            blocks = [table.blocks[name] for name in step.blocks]
            keys = [jax.random.fold_in(key, zlib.crc32(name.encode())) for name in step.blocks]
            made = [learn(k, *block, (), block.matrix.d) for k, block in zip(keys, blocks, strict=True)]
            return tuple(params for params, _ in made), tuple(info for _, info in made)
        part = self._take(table, step.reads)
        columns = column_shapes([step.before[i] for i in step.reads])
        if step.blocks:
            whole = joined(part.matrix, part.active, [table.blocks[name] for name in step.blocks])
            return learn(key, *whole, columns, whole.matrix.d - len(columns))
        return learn(key, part.matrix, part.active, columns, 0)

    # ---- all steps ---------------------------------------------------------------------------------------------------
    def start(self, rows: Rows) -> Table:
        """The matrix before the first step; every column exists."""
        blocks = {name: Block(rows.sparse[name], jnp.ones(rows.sparse[name].d, bool)) for name in self.sparse}
        return Table(rows.matrix, jnp.ones(rows.matrix.shape[1], bool), blocks)

    def fit_steps(
        self, specs: tuple[Any, ...], key: Any, rows: Rows, weight: Any, inner: Any
    ) -> tuple[StepsFitted, Table, tuple[Table, Rows, Any]]:
        """Fit the steps in order.

        Gives what they learned, the table for scoring all rows, and for training its own table, rows and weights: these
        differ from the former only by out-of-fold values of steps that use the target, and by resampling.
        """
        score = train = self.start(rows)
        train_rows, train_weight = rows, weight
        params: list[Any] = []
        info: list[Any] = []
        for step, spec in zip(self.steps, specs, strict=True):
            step_key = jax.random.fold_in(key, zlib.crc32(step.path.encode()))
            component: Any = step.component
            if component is not None and component.resample is not None:
                matrix, train_rows, train_weight, shown = resample(
                    step, spec, step_key, self.shape, train.matrix, train.active, train_rows, train_weight
                )
                train = Table(matrix, train.active, train.blocks)
                params.append(None)
                info.append(shown)
                continue
            learned, shown = None, None
            same = train is score
            if component is not None and component.fit is not None and not _no_work(step):
                learned, shown = self._fit_step(step, spec, step_key, train_rows, train, train_weight)
            elif step.each:
                learned = (None,) * len(step.blocks)
            params.append(learned)
            info.append(shown)
            before = train
            if component is None or component.phase == "both":
                score = self._apply(step, learned, spec, score)
            if same and (component is None or (not held_out(component) and component.phase == "both")):
                train = score
            elif component is not None and held_out(component) and component.fit is not None:
                train = self._out_of_fold(step, spec, step_key, train_rows, before, train_weight, inner, score)
            else:
                train = self._apply(step, learned, spec, before)
        return StepsFitted(tuple(params), tuple(info)), score, (train, train_rows, train_weight)

    def _out_of_fold(
        self, step: DeviceStep, spec: Any, key: Any, rows: Rows, before: Table, weight: Any, inner: Any, full: Table
    ) -> Table:
        """A step that uses the target, applied to each training row by a fit that has not seen the row."""

        def one(fold: Any) -> Table:
            learned, _ = self._fit_step(step, spec, key, rows, before, weight * (inner != fold))
            return self._apply(step, learned, spec, before)

        def fill(fold: Any, so_far: Any) -> Any:
            made, mine = one(fold), inner == fold
            matrix = jnp.where(mine[:, None], made.matrix, so_far[0])
            return matrix, out_of_fold(mine, made.blocks, so_far[1])

        values = {name: block.matrix.value for name, block in full.blocks.items()}
        matrix, values = jax.lax.fori_loop(0, INNER_FOLDS, fill, (full.matrix, values))
        blocks = {
            name: block._replace(matrix=block.matrix._replace(value=values[name]))
            for name, block in full.blocks.items()
        }
        return Table(matrix, full.active, blocks)

    def apply_steps(self, specs: tuple[Any, ...], params: tuple[Any, ...], rows: Rows) -> Table:
        """The steps as they were learned, on any rows."""
        table = self.start(rows)
        for step, spec, learned in zip(self.steps, specs, params, strict=True):
            component: Any = step.component
            if component is not None and (component.resample is not None or component.phase == "train"):
                continue
            table = self._apply(step, learned, spec, table)
        return table

    # ---- the model ---------------------------------------------------------------------------------------------------
    def inputs(self, table: Table, rows: Rows) -> Any:
        """What the model is given: the matrix, one sparse matrix, or named tensors with the matrix as `table`."""
        if rows.tensors:
            return {**rows.tensors, **({"table": table.matrix} if table.matrix.shape[1] else {})}
        return self._whole(table)[0]

    def _whole(self, table: Table) -> tuple[Any, Any]:
        """Dense columns and blocks as one matrix, sparse if there is a block; and which columns exist in this fold."""
        if not self.blocks:
            return table.matrix, table.active
        return joined(table.matrix, table.active, [table.blocks[name] for name in self.blocks])

    def examples(self, table: Table, rows: Rows, weight: Any) -> Examples:
        """The rows to learn from."""
        active = table.active if rows.tensors else self._whole(table)[1]
        return Examples(
            self.inputs(table, rows), weight, rows.target, active, rows.cost, rows.offset, rows.query, rows.user,
            rows.item, rows.time, rows.cluster,
        )  # fmt: skip

    def weighed(self, examples: Examples, class_weights: Any) -> Examples:
        """The examples with the costs of their classes."""
        return with_costs(examples, by_class(class_weights, examples, self.shape.classes))

    def fit_model(self, spec: Any, key: Any, examples: Examples) -> tuple[Any, Any]:
        """The algorithm's own fit, over all devices where it declares `shards`."""
        shape = attrs.evolve(self.shape, rows=examples.weight.shape[0])
        with blamed(self.value, "fit"):
            if self.devices == 1:
                fitted: tuple[Any, Any] = self.model.fit(spec, key, shape, examples)
                return fitted
            from mldsl.execute.shards import sharded_fit

            return sharded_fit(self.model.fit, spec, key, shape, examples, self.devices)

    def predict(self, spec: Any, params: Any, table: Table, rows: Rows) -> Prediction:
        """The model's answer for all rows, by the function of its family."""
        inputs = None if self.model.predict is None else self.inputs(table, rows)
        return self.respond(spec, params, inputs, rows)

    def respond(self, spec: Any, params: Any, inputs: Any, rows: Rows) -> Prediction:
        """The same from the model's own inputs."""
        if self.model.predict is not None:
            shifted = rows.offset is not None and "offset" in self.model.roles
            if shifted and self.model.predict_at is not None:
                with blamed(self.value, "predict_at"):
                    at_offset: Prediction = self.model.predict_at(spec, params, inputs, rows.offset)
                return at_offset
            answer = self.answer_of(spec, params, inputs)
            if shifted and answer.mean is not None:
                around = None if answer.interval is None else answer.interval + rows.offset[:, None]
                return answer._replace(mean=answer.mean + rows.offset, interval=around)
            return answer
        if self.model.score is not None:
            with blamed(self.value, "score"):
                return Prediction(score=self.model.score(spec, params, rows.user, rows.item))
        return Prediction()

    def answer_of(self, spec: Any, params: Any, inputs: Any) -> Prediction:
        """The model's own `predict`."""
        with blamed(self.value, "predict"):
            answer: Prediction = self.model.predict(spec, params, inputs)
        return answer

    @property
    def trains_apart(self) -> bool:
        """Whether the table that is trained on may differ from the one that is scored, row by row."""
        parts: list[Any] = [step.component for step in self.steps if step.component is not None]
        return any(held_out(p) or p.resample is not None or p.phase == "train" for p in parts)

    # ---- whole programs ----------------------------------------------------------------------------------------------
    def fit(self, specs: Any, key_data: Any, rows: Rows, weight: Any, inner: Any) -> Fitted:
        """Steps, model and the prediction of every row: the fused program."""
        step_specs, spec, class_weights = specs
        key = jax.random.wrap_key_data(key_data)
        steps, score, (train, train_rows, train_weight) = self.fit_steps(step_specs, key, rows, weight, inner)
        examples = self.weighed(self.examples(train, train_rows, train_weight), class_weights)
        params, info = self.fit_model(spec, key, examples)
        return Fitted(steps.params, steps.info, params, info, self.predict(spec, params, score, rows))

    def many(
        self, specs: Any, settings: Any, key_data: Any, rows: Rows, weights: Any, places: Any, inner: Any, *,
        fixed: bool, product: bool,
    ) -> tuple[Prediction, Any]:  # fmt: skip
        """Fits for f folds and s settings, and what each says of the rows that its fold holds out: [f, s, m, ...].

        `specs` has leaves [s, ...], `settings` is 0..s-1, `key_data` uint32[f, 2], `weights` [f, n]; `places` [f, m]
        are the rows held out. `fixed`: the settings share their steps, which are then fitted once a fold. `product`:
        all fits that share a table go side by side. Also gives, [f, s], whether the fit says that it converged.
        """
        step_specs, spec, class_weights = specs
        first = jax.tree.map(lambda leaf: leaf[0], step_specs)
        keys = jax.random.wrap_key_data(key_data)

        def learn(examples: Examples, key: Any, spec: Any, class_weights: Any) -> tuple[Any, Any]:
            params, info = self.fit_model(spec, key, self.weighed(examples, class_weights))
            return params, jnp.asarray(getattr(info, "converged", True))

        if product and fixed and not any(self.learns(step) for step in self.steps):
            _, score, (table, _, _) = self.fit_steps(first, keys[0], rows, weights[0], inner)

            def beside(key: Any, weight: Any, place: Any) -> tuple[Prediction, Any]:
                examples, shown = self.examples(table, rows, weight), self.taken(score, rows, place)

                def of_setting(spec: Any, class_weights: Any, _: Any) -> tuple[Prediction, Any]:
                    params, sure = learn(examples, key, spec, class_weights)
                    return self.say(spec, params, *shown, place), sure

                given: tuple[Prediction, Any] = jax.vmap(of_setting)(spec, class_weights, settings)
                return given

            both: tuple[Prediction, Any] = jax.vmap(beside)(keys, weights, places)
            return both

        def one_fold(fold: Any) -> tuple[Prediction, Any]:
            key, weight, place = fold

            def prepared(step_specs: Any) -> tuple[Examples, tuple[Table, Rows]]:
                _, score, (train, train_rows, train_weight) = self.fit_steps(step_specs, key, rows, weight, inner)
                return self.examples(train, train_rows, train_weight), self.taken(score, rows, place)

            ready = prepared(first) if fixed else None

            def setting(mine: Any) -> tuple[Prediction, Any]:
                step_specs, spec, class_weights = mine[0]
                examples, shown = prepared(step_specs) if ready is None else ready
                params, sure = learn(examples, key, spec, class_weights)
                return self.say(spec, params, *shown, place), sure

            along = (specs, settings)  # a Spec may have nothing that varies
            said: tuple[Prediction, Any] = (
                jax.vmap(setting)(along) if product and fixed else jax.lax.map(setting, along)
            )
            return said

        answers: tuple[Prediction, Any] = jax.lax.map(one_fold, (keys, weights, places))
        return answers

    def taken(self, table: Table, rows: Rows, place: Any) -> tuple[Table, Rows]:
        """Some rows of a table, and what goes with them; all of them where there are sparse blocks."""
        if rows.sparse:
            return table, rows
        return table._replace(matrix=table.matrix[place]), jax.tree.map(lambda leaf: leaf[place], rows)

    def say(self, spec: Any, params: Any, table: Table, rows: Rows, place: Any) -> Prediction:
        """The answer for rows that were taken."""
        answer = self.predict(spec, params, table, rows)
        return jax.tree.map(lambda leaf: leaf[place], answer) if rows.sparse else answer

    @staticmethod
    def learns(step: DeviceStep) -> bool:
        """Whether a step depends on the rows that it is fitted on."""
        component: Any = step.component
        return component is not None and (component.fit is not None or component.resample is not None)

    def transform(
        self, specs: Any, key_data: Any, rows: Rows, weight: Any, inner: Any
    ) -> tuple[StepsFitted, Table, Examples]:
        """Steps only, for models that are fitted outside of one program: the scoring table and the examples."""
        key = jax.random.wrap_key_data(key_data)
        steps, score, (train, train_rows, train_weight) = self.fit_steps(specs[0], key, rows, weight, inner)
        return steps, score, self.weighed(self.examples(train, train_rows, train_weight), specs[2])

    def learning(self, specs: Any, steps: tuple[Any, ...], rows: Rows, weight: Any) -> Examples:
        """Rows to learn from further, through steps as they were learned."""
        return self.weighed(self.examples(self.apply_steps(specs[0], steps, rows), rows, weight), specs[2])

    def answer(self, specs: Any, steps: tuple[Any, ...], params: Any, rows: Rows) -> Prediction:
        """Score rows with a fitted pipeline: one program from raw matrix to prediction."""
        return self.predict(specs[1], params, self.apply_steps(specs[0], steps, rows), rows)

    def learn_more(self, specs: Any, steps: tuple[Any, ...], known: Any, rows: Rows, weight: Any) -> tuple[Any, Any]:
        """Params and Info of a model whose counts so far are `known` and which these rows are added to.

        The steps stay as they were learned.
        """
        model: Any = self.model
        table = self.apply_steps(specs[0], steps, rows)
        examples = self.weighed(self.examples(table, rows, weight), specs[2])
        with blamed(self.value, "count"):
            counts = model.add(known, model.count(specs[1], self.shape, examples))
        with blamed(self.value, "learn"):
            learned: tuple[Any, Any] = model.learn(specs[1], self.shape, counts, examples.active)
        return learned

    def matrix(self, specs: Any, steps: tuple[Any, ...], rows: Rows) -> Any:
        """The model's matrix of any rows, for metrics and reports."""
        return self._whole(self.apply_steps(specs[0], steps, rows))[0]
