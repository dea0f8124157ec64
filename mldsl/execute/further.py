"""A trained model that goes on for further rounds, from where its fit ended, with its steps and bins as they are.

Why it exists: rounds cost what they cost, and an additive model is not made worse by those that it has. What its loop
carried is made again from what it learned (`resume`), so that so many rounds more are what one longer fit would have
made of the same rows.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from mldsl.contract import Examples
from mldsl.data import Dataset
from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.execute.buckets import pad
from mldsl.execute.fit import Layout, lay_out, to_numpy, weight_of
from mldsl.execute.host import apply_host
from mldsl.execute.loop import Loop
from mldsl.execute.preparing import to_learn_more
from mldsl.execute.programs import key_data
from mldsl.execute.rounds import Rounds
from mldsl.execute.score import Learned
from mldsl.execute.trained import Trained


def goes_on(trained: Trained) -> bool:
    """Whether the model can make further rounds, as it is set."""
    component: Any = trained.resolver.component(trained.learned.model.algorithm)
    return component.resume is not None and component.goes_in_rounds(
        trained.resolver.spec(trained.learned.model.algorithm)
    )


def not_further(trained: Trained) -> MldslError:
    """MLP0310 for a model that makes no further rounds."""
    declared = trained.resolver.registry.declarations("model")
    known = ", ".join(f"`{d.name}`" for d in declared if d.resumes)
    return MldslError(
        Diagnostic(
            "MLP0310",
            f"`{trained.algorithm}` cannot go on for further rounds",
            notes=(f"those that can: {known}",) if known else (),
            help="run the pipeline again, with more of them if it goes in rounds",
        )
    )


def further(trained: Trained, dataset: Dataset, rounds: int) -> tuple[Learned, Any, Layout]:
    """What is learned after so many updates more on these rows, and the Info of that loop."""
    learned, resolver, programs = trained.learned, trained.resolver, trained.scorer.programs
    host = apply_host(trained.scorer.half, dataset.frame, dataset.columns, resolver)
    made = lay_out(learned.plan, learned.model, trained.scorer.half, host, resolver)
    pipeline = made.pipeline
    weight = weight_of(host.encoded, dataset.frame.height).astype(np.float64 if made.x64 else np.float32)
    examples: Examples = programs.call(
        "learning", pipeline.learning, pipeline.static, made.specs, learned.steps, made.rows,
        pad(weight, pipeline.shape.rows), x64=made.x64,
    )  # fmt: skip
    if pipeline.model.prepares_for(made.plain_spec):
        examples = examples._replace(inputs=to_learn_more(pipeline, made.plain_spec, learned.state, examples.inputs))
    seed = key_data(learned.plan.seed, f"model/{learned.model.name}/more={learned.more_rounds}")
    loop = Rounds(programs, pipeline, made.specs[1], pipeline.shape, seed, examples, x64=made.x64, used_up=True)
    looped = Loop(
        f"model/{learned.model.name}/more", rounds, lambda: loop.resume(learned.params, trained.info["model"], rounds),
        loop.update, None, _silent, None, used_up=True,
    ).run()  # fmt: skip
    params, info = to_numpy(loop.finish(looped.state)), to_numpy(loop.info(looped.state))
    return attrs.evolve(learned, params=params, more_rounds=learned.more_rounds + rounds), info, made


def _silent(stage: str, step: int, total: int, info: dict[str, float]) -> None:
    """Nothing to report to."""
