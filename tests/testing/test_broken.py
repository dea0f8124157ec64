"""Components with one thing wrong each: every check has one to catch, or it is a defect itself."""

from __future__ import annotations

import random
import time
from typing import Any, NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from mldsl.contract import Prediction, Sparse, weighted_mean
from mldsl.plugin import (
    Function,
    Metric,
    Model,
    NamedColumn,
    NoSpec,
    Operand,
    Output,
    Panel,
    Proposal,
    Report,
    ReportOutput,
    Search,
    Series,
    Stop,
    Table,
    Transform,
    param,
)  # fmt: skip
from mldsl.plugin.display import Column, Figure
from mldsl.testing import CHECKS, check_component, check_plugin, conformance_cases

DOC = "Broken on purpose.\n\nMore about it.\n\nUnits:  none.\nRange:  none.\nSources: none."
RANDOM = random.Random(4)


class Params(NamedTuple):
    center: Any
    level: Any
    extra: Any = None


# ---- a sound model, to be broken in one place ------------------------------------------------------------------------


def fit(spec, key, shape, examples):
    x = jnp.where((examples.weight > 0)[:, None] & examples.active[None, :], examples.inputs, 0)
    target = jnp.where(examples.weight > 0, examples.target, 0).astype(examples.weight.dtype)
    return Params(weighted_mean(x, examples.weight), weighted_mean(target, examples.weight)), None


def predict(spec, params, inputs):
    return Prediction(mean=params.level + ((inputs - params.center[None, :]) / 10).sum(axis=1))


def fit_by(change):
    """The sound fit, with `change(params, spec, key, shape, examples) -> params` applied."""

    def changed(spec, key, shape, examples):
        params, _ = fit(spec, key, shape, examples)
        return change(params, examples), None

    return changed


def regressor(Spec=NoSpec, **parts):
    given = {"fit": fit, "predict": predict, "tasks": ("regress",), "doc": DOC, "sources": ("Nobody 1900",)}
    return Model("broken", Spec, **(given | parts))


def classifier(probability, **parts):
    def answer(spec, params, inputs):
        return Prediction(probability=probability(params, inputs))

    return regressor(tasks=("classify",), predict=answer, **parts)


def sums(of_sparse, share=lambda inputs: 1.0):
    """A model that adds up the columns of a row: those of a sparse matrix by `of_sparse`."""

    def learn(spec, key, shape, examples):
        return Params(jnp.where(examples.active, share(examples.inputs), 0).astype(examples.weight.dtype), None), None

    def answer(spec, params, inputs):
        if isinstance(inputs, Sparse):
            return Prediction(mean=of_sparse(inputs, params.center))
        return Prediction(mean=(inputs * params.center[None, :]).sum(axis=1))

    return regressor(fit=learn, predict=answer, sparse=True)


def summed(x, share):
    return x.scaled(column=share).row_sums()


class Counted(NamedTuple):
    counts: Any


def additive(add=lambda one, other: jax.tree.map(jnp.add, one, other), kept=Counted):
    """A model of the mean target, which is all that it counts."""

    def count(spec, shape, examples):
        target = jnp.where(there(examples), examples.target, 0).astype(examples.weight.dtype)
        return Params(jnp.dot(examples.weight, target), examples.weight.sum())

    def learn(spec, shape, counts, active):
        return Params(jnp.zeros(len(active), counts.level.dtype), counts.center / counts.level), kept(counts)

    def learn_all(spec, key, shape, examples):
        return learn(spec, shape, count(spec, shape, examples), examples.active)

    return regressor(fit=learn_all, count=count, add=add, learn=learn)


def uniform(params, inputs):
    return jnp.full((len(inputs), 3), 1 / 3, inputs.dtype)


def there(examples):
    return examples.weight > 0


# ---- other sound components ------------------------------------------------------------------------------------------


def error(view):
    return jnp.where(view.weight > 0, jnp.abs(view.prediction - view.target), 0)


def metric(value=None, **parts):
    def mean_error(spec, view):
        return (view.weight * error(view)).sum() / view.weight.sum()

    given = {"tasks": ("regress",), "better": "lower", "lowest": 0.0, "doc": DOC, "sources": ("Nobody 1900",)}
    return Metric("broken", metric=value or mean_error, **(given | parts))


def step(**parts):
    def fit_step(spec, key, shape, examples):
        return Params(weighted_mean(examples.inputs, examples.weight), None), None

    given = {"fit": fit_step, "apply": lambda spec, params, x: x - params.center[None, :], "doc": DOC}
    return Transform("broken", **(given | parts))


def text_step(fit, **parts):
    def apply(spec, state, columns):
        return {name: pl.Series(name, [len(cell or "") for cell in series]) for name, series in columns.items()}

    return Transform("broken", fit=fit, **({"apply": apply, "host": True, "inputs": ("text",), "doc": DOC} | parts))


def report(compute):
    return Report("broken", compute=compute, tasks=("classify",), doc=DOC)


# ---- declarations ----------------------------------------------------------------------------------------------------


@attrs.frozen
class Undocumented:
    power: int = param(2, doc="")


@attrs.frozen
class Needs:
    power: int = param(ge=1, doc="Power.")


@attrs.frozen
class Traced:
    scale: float = param(1.0, gt=0, traced=True, doc="Scale.")


# ---- what is broken --------------------------------------------------------------------------------------------------


def draws_by_place(params, examples):
    first = jnp.argmax(there(examples))
    return params._replace(level=params.level + examples.target[first])


def counts_rows(params, examples):
    return params._replace(level=params.level + len(examples.weight) / 10)


def reads_the_clock(params, examples):
    return params._replace(level=params.level + time.perf_counter_ns() % 1000)


def calls_back(params, examples):
    jax.debug.callback(lambda level: None, params.level)
    return params


def in_float32(params, examples):
    return params._replace(level=params.level.astype(jnp.float32).astype(params.level.dtype))


def weakly_typed(params, examples):
    return params._replace(extra=jnp.asarray(1.0))


def complex_numbers(params, examples):
    return params._replace(extra=jax.lax.complex(params.level, params.level))


def copies_inputs(params, examples):
    weighted = examples.inputs * examples.weight[:, None]
    return params._replace(extra=weighted.T @ examples.inputs)


def unbiased(params, examples):
    return params._replace(level=params.level * examples.weight.sum() / (examples.weight.sum() - 1))


def standardized(params, examples):
    x = jnp.where(there(examples)[:, None], examples.inputs, params.center[None, :])
    deviation = weighted_mean((x - params.center[None, :]) ** 2, examples.weight)
    return params._replace(center=params.center / deviation)


def share_of_spread(params, examples):
    spread = weighted_mean(jnp.where(there(examples), (examples.target - params.level) ** 2, 0), examples.weight)
    return params._replace(level=params.level + 0 * spread / spread)


def share_of_second(params, examples):
    second = (examples.weight * (examples.target == 1)).sum()
    return params._replace(level=second / second)


def left_over(params, examples):
    """As an error variance over n - d has it: nothing is left where columns are more than rows."""
    free = there(examples).sum() - examples.inputs.shape[1]
    return params._replace(center=params.center + 0 * jnp.sqrt(free.astype(params.center.dtype)))


@jax.custom_batching.custom_vmap
def doubled(x):
    return 2 * x


@doubled.def_vmap
def _(size, batched, x):
    return 3 * x, True


def prepared_apart(spec, shape, columns, weight):
    return np.stack(list(columns.values()), axis=1), {"shift": np.zeros(1)}


def prepared_with_more(spec, shape, state, columns):
    return np.stack(list(columns.values()), axis=1) + 1


def by_distinct_values(spec, shape, columns, weight):
    first = next(iter(columns.values()))
    state = {"more": len(np.unique(first))}
    return with_more_columns(spec, shape, state, columns), state


def with_more_columns(spec, shape, state, columns):
    first = next(iter(columns.values()))
    return np.stack([*columns.values(), *[first * 0] * state["more"]], axis=1)


def fit_prepared(spec, key, shape, examples):
    return fit(spec, key, shape, examples._replace(active=jnp.ones(examples.inputs.shape[1], bool)))


class Climb(NamedTuple):
    """A loop of three steps up to the mean: what is said of each row, and each step."""

    said: Any
    steps: Any
    made: Any


def looped(**more):
    """Models in rounds, each of which goes half of the way to the mean; one thing of them is wrong."""

    def start(spec, key, shape, examples):
        zeros = jnp.zeros_like(examples.weight)
        return Climb(zeros, jnp.zeros(3, zeros.dtype), jnp.zeros((), jnp.int32))

    def climb(spec, state, examples):
        left = jnp.where(examples.weight > 0, examples.target - state.said, 0)
        step = weighted_mean(left, examples.weight) / 2
        return Climb(state.said + step, state.steps.at[state.made].set(step), state.made + 1), None

    def first(spec, state, updates):
        return state._replace(steps=jnp.where(jnp.arange(3) < updates, state.steps, 0), made=updates)

    def climb_on(spec, key, shape, examples, params, info, more):
        said = jnp.zeros_like(examples.weight) + params.level
        return Climb(said, jnp.pad(params.level[None], (0, more)), jnp.ones((), jnp.int32))

    sound = {
        "init": start, "update": climb, "steps": lambda spec: 3, "row_state": ("said",), "shards": True, "cut": first,
        "resume": climb_on,
        "finish": lambda spec, state: Params(jnp.zeros((), state.steps.dtype), state.steps.sum()),
        "so_far": lambda spec, state, examples: Prediction(mean=state.said),
        "predict": lambda spec, params, inputs: Prediction(mean=inputs[:, 0] * 0 + params.level),
    }  # fmt: skip
    return regressor(**{"fit": None, **sound, **more})


def resampling(change):
    return Transform("broken", resample=lambda spec, key, shape, examples: change(examples), doc=DOC)


def recommended(score, top_k=None):
    def fit_ratings(spec, key, shape, examples):
        level = weighted_mean(jnp.where(there(examples), examples.target, 0), examples.weight)
        return Params(jnp.arange(shape.items, dtype=level.dtype), level), None

    return regressor(tasks=("recommend",), predict=None, fit=fit_ratings, score=score, top_k=top_k)


def seen_again(spec, params, user, k, seen):
    best, item = jax.lax.top_k(jnp.broadcast_to(params.center[None, :], (len(user), params.center.shape[0])), k)
    return item, params.level + best


def by_item(spec, params, user, item):
    return params.level + params.center[jnp.maximum(item, 0)]


def on_device_only(spec, view):
    return error(view) if isinstance(view.weight, jax.Array) else np.zeros_like(view.weight)


def mean_of_prepared(spec, view):
    return (view.weight * view.prepared).sum() / view.weight.sum()


def random_table(spec, view):
    return ReportOutput(tables=[Table("t", [Column("a", [RANDOM.random()])])])


def uneven_table(spec, view):
    return ReportOutput(tables=[Table("t", [Column("a", [1, 2]), Column("b", [1])])])


def unspoken_figure(spec, view):
    return ReportOutput(figures=[Figure("f", [Panel("x", "y", [Series([1], [1])])], alt=" ")])


@attrs.frozen
class Trials:
    """How many."""

    trials: int = param(3, ge=1, doc="How many.")


def middles(domains, place):
    """A setting for each place: of lists and integers in turn, of other ranges nearer and nearer to the high end."""
    found = {}
    for domain in domains:
        if domain.values:
            found[domain.name] = domain.values[place % len(domain.values)]
        elif domain.type == "integer":
            found[domain.name] = domain.low + place % (domain.high - domain.low + 1)
        else:
            found[domain.name] = domain.low + (domain.high - domain.low) * place / (place + 1)
    return found


def three_middles(spec, domains, told, seed):
    return [Proposal(middles(domains, i)) for i in range(len(told), spec.trials)]


def search(propose=three_middles, **more):
    given = {"total": lambda spec, domains: spec.trials, "doc": DOC} | more
    return Search("broken", Trials, propose=propose, **given)


def beyond(spec, domains, told, seed):
    proposals = three_middles(spec, domains, told, seed)
    return [attrs.evolve(p, values={k: v * 2 if v == 3 else v for k, v in p.values.items()}) for p in proposals]


def at_random(spec, domains, told, seed):
    return [Proposal(middles(domains, RANDOM.randrange(9))) for _ in range(len(told), spec.trials)]


BROKEN = [
    ("declaration", regressor(Undocumented)),
    ("documentation", regressor(doc="One line.")),
    ("units", regressor(doc="Broken.\n\nMore about it.")),
    ("units", metric(doc="Broken.\n\nMore about it.")),
    ("sources", regressor(sources=(), doc="Broken.\n\nMore about it.\n\nUnits: none.")),
    ("example", regressor(Needs)),
    ("example", regressor(Needs, example=Traced())),
    ("bounds", regressor(Needs, example=Needs(power=0))),
    ("exceptions", regressor(exceptions={"weight_3": "it is hard"})),
    ("exceptions", regressor(exceptions={"weight_2": " "})),
    ("answers", classifier(lambda params, x: jnp.ones((len(x), 3), x.dtype))),
    ("answers", classifier(lambda params, x: jnp.full((len(x), 2), 0.5, x.dtype))),
    ("answers", regressor(predict=lambda spec, params, x: Prediction(mean=x[:, 0] * jnp.nan))),
    ("answers", regressor(predict=lambda spec, params, x: Prediction(mean=x - params.center))),
    ("answers", report(uneven_table)),
    ("answers", report(unspoken_figure)),
    ("rows_apart", regressor(predict=lambda spec, params, x: Prediction(mean=x[:, 0] - jnp.cumsum(x[:, 0])))),
    ("weight_0", regressor(fit=fit_by(lambda p, e: p._replace(level=e.target.mean())))),
    ("weight_0", metric(lambda spec, view: jnp.abs(view.prediction - view.target).mean())),
    ("weight_0", text_step(lambda spec, columns, weight: {"n": sum(len(c or "") for c in columns["c"])})),
    ("weight_0", resampling(lambda e: e._replace(weight=jnp.ones_like(e.weight)))),
    ("weight_2", regressor(fit=fit_by(lambda p, e: p._replace(level=weighted_mean(e.target, there(e) * 1.0))))),
    ("weight_2", metric(lambda spec, view: error(view).sum() / (view.weight > 0).sum())),
    ("costs", regressor(costs=True)),
    ("costs", regressor(costs=True, fit=fit_by(lambda p, e: p._replace(level=e.loss_weight().max())))),
    ("in_batches", additive(lambda one, other: other)),
    ("in_batches", additive(kept=lambda counts: None)),
    ("capacity", resampling(lambda e: e.taken(jnp.arange(9), e.weight[:9]))),
    ("weight_0", resampling(lambda e: e._replace(inputs=e.inputs + e.inputs.sum()))),
    ("padding", resampling(lambda e: e._replace(weight=e.weight * len(e.weight)))),
    ("answers", resampling(lambda e: e._replace(weight=e.weight - 1))),
    ("answers", resampling(lambda e: e._replace(target=e.target[:9]))),
    ("row_order", regressor(fit=fit_by(draws_by_place))),
    ("row_order", metric(lambda spec, view: (view.weight * error(view) * jnp.arange(len(view.weight))).sum())),
    ("padding", regressor(fit=fit_by(counts_rows))),
    ("padding", metric(lambda spec, view: (view.weight * error(view)).sum() / len(view.weight))),
    ("active", regressor(fit=lambda s, k, shape, e: fit(s, k, shape, e._replace(active=jnp.ones_like(e.active))))),
    ("compiles_once", regressor(prepare=by_distinct_values, apply_prepared=with_more_columns, fit=fit_prepared)),
    ("pure", regressor(fit=fit_by(reads_the_clock))),
    ("pure", regressor(fit=fit_by(calls_back))),
    ("pure", metric(lambda spec, view: RANDOM.random() * (view.weight * error(view)).sum())),
    ("dtype", regressor(fit=fit_by(in_float32))),
    ("dtype", regressor(fit=fit_by(weakly_typed))),
    ("dtype", metric(lambda spec, view: jnp.asarray((view.weight * error(view)).sum(), jnp.float32))),
    ("artifact", regressor(fit=fit_by(complex_numbers))),
    ("batched", regressor(fit=fit_by(lambda p, e: p._replace(level=doubled(p.level))))),
    ("no_copies", regressor(batches=True, fit=fit_by(copies_inputs))),
    ("shards", regressor(shards=True, fit=fit_by(lambda p, e: p._replace(level=p.level + e.weight.sum())))),
    ("sparse", sums(lambda x, share: x.scaled(column=share).presence().row_sums())),
    ("padding", sums(summed, share=lambda x: len(jax.tree.leaves(x)[0]))),
    ("prepared", regressor(prepare=prepared_apart, apply_prepared=prepared_with_more)),
    ("so_far", looped(so_far=lambda spec, state, examples: Prediction(mean=state.said * (examples.weight > 0)))),
    ("so_far", looped(so_far=lambda spec, state, examples: Prediction(score=state.said))),
    ("cut", looped(cut=lambda spec, state, updates: state)),
    ("shards", looped(row_state=())),
    ("resume", looped(resume=lambda spec, key, shape, examples, params, info, more: looped().init(
        spec, key, shape, examples))),
    ("one_row", regressor(fit=fit_by(unbiased))),
    ("constant_column", regressor(fit=fit_by(standardized))),
    ("constant_target", regressor(fit=fit_by(share_of_spread))),
    ("one_class", classifier(lambda params, x: uniform(params, x) * params.level, fit=fit_by(share_of_second))),
    ("wide", regressor(fit=fit_by(left_over))),
    ("missing_values", regressor(missing="accepts")),
    ("unseen_level", regressor(accepts=("categorical",), predict=lambda s, p, x: Prediction(mean=jnp.log1p(x[:, 0])))),
    ("unseen_user", recommended(lambda s, p, user, item: jnp.where(user < 0, jnp.nan, by_item(s, p, user, item)))),
    ("top_k", recommended(by_item, seen_again)),
    ("names", step(names=lambda spec, columns: (NamedColumn("one", "continuous"),))),
    ("names", step(outputs=(Output("same"),))),
    ("replicates", metric(mean_of_prepared, prepare=lambda spec, view: view.weight * error(view))),
    ("host", metric(mean_of_prepared, prepare=on_device_only)),
    ("range", metric(highest=0.1)),
    ("direction", metric(better="higher", lowest=None)),
    ("degenerate", metric(lambda spec, view: (view.weight * error(view)).sum())),
    ("degenerate", metric(lambda spec, view: 1 / (view.weight * error(view)).sum())),
    ("deterministic", report(random_table)),
    ("deterministic", text_step(lambda spec, columns, weight: {"n": RANDOM.random()})),
    ("deterministic", Stop("broken", should_stop=lambda spec, history: True, doc=DOC)),
    ("deterministic", search(at_random)),
    ("in_domain", search(beyond)),
    ("in_domain", search(lambda spec, domains, told, seed: [])),
    ("in_domain", search(lambda *a: [attrs.evolve(p, share=0.0) for p in three_middles(*a)])),
    ("goes_on", search(lambda s, d, told, seed: [] if told else three_middles(s, d, told, seed))),
    ("total", search(total=lambda spec, domains: 4)),
    ("one_setting", search(lambda s, d, told, seed: [Proposal({})] * (s.trials - len(told)))),
    ("deterministic", Function(
        "broken", expression=lambda x: pl.lit(RANDOM.random()) * x, operands=(Operand("x", ("continuous",)),), doc=DOC
    )),
    ("deterministic", Function(
        "broken", expression=lambda x: x, operands=(Operand("x", ("continuous",)),), missing="no", doc=DOC
    )),
]  # fmt: skip


@pytest.mark.parametrize(("check", "component"), BROKEN, ids=[f"{check}-{i}" for i, (check, _) in enumerate(BROKEN)])
def test_it_is_caught(check, component):
    found = [case for case in conformance_cases(component) if case.check == check]
    assert found
    assert any(case.run() for case in found)


def test_every_check_can_fail():
    assert {check for check, _ in BROKEN} == set(CHECKS)


@pytest.mark.parametrize(
    "sound",
    [
        regressor(),
        sums(summed),
        additive(),
        classifier(uniform),
        metric(),
        step(),
        recommended(by_item),
        resampling(lambda e: e),
        search(),
    ],
    ids=["regress", "sparse", "additive", "classify", "metric", "transform", "recommend", "resampling", "search"],
)
def test_what_the_broken_ones_are_made_of_is_sound(sound):
    assert check_component(sound) == []


def test_an_exception_with_a_reason_is_not_held_against_a_component():
    broken = regressor(fit=fit_by(draws_by_place))
    assert {finding.check for finding in check_component(broken)} == {"row_order"}
    excused = regressor(fit=fit_by(draws_by_place), exceptions={"row_order": "the first row is special"})
    assert check_component(excused) == []


def test_what_fails_at_once_is_said_once():
    def fit(spec, key, shape, examples):
        raise KeyError("nonsense")

    findings = [finding for finding in check_component(regressor(fit=fit)) if "nonsense" in finding.message]
    assert [finding.check for finding in findings] == ["answers"]


def test_a_case_raises_with_its_findings():
    case = next(case for case in conformance_cases(regressor(sources=(), doc=DOC[:32])) if case.check == "sources")
    with pytest.raises(AssertionError, match="no source is named"):
        case()


def test_a_plugin_is_the_sum_of_its_components():
    from mldsl.plugin.registry import Registry

    parts = [metric(), attrs.evolve(regressor(sources=(), doc=DOC[:40]), name="unsourced")]
    findings = check_plugin("acme", Registry.of({"acme": parts}))
    assert {(finding.component, finding.check) for finding in findings} >= {("model.unsourced", "sources")}
    assert {finding.component for finding in findings} == {"model.unsourced"}
