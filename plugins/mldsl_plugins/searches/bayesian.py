"""Try what earlier trials make promising: the tree-structured Parzen estimator of Optuna.

The first ten trials are drawn at random. After them each proposal is the most promising of 24 draws from a density of
the settings that scored well, over one of those that did not. Settings are proposed `batch` at a time, since those of
one batch are trained in one compiled program; with larger batches each learns from fewer earlier ones. No setting is
tried twice, and a space of no more settings than `trials` is tried whole. The study is rebuilt from the trials made so
far for every batch, so that an interrupted search goes on as if it had not been.

Units:   those of each param.
Errors:  Optuna is not installed (MLP0604): `pip install 'mldsl[tune]'`.
Sources: Bergstra, Bardenet, Bengio & Kegl 2011, "Algorithms for Hyper-Parameter Optimization", NeurIPS; Akiba et al.
         2019, doi:10.1145/3292500.3330701 (Optuna).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

import attrs

from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.plugin import Component, Domain, Duration, Problem, Proposal, Search, Told, hookimpl, param
from mldsl_plugins.searches._space import WHOLE, drawn, size


@attrs.frozen
class Spec:
    """How long to try, and how many at a time."""

    trials: int = param(ge=1, doc="How many settings to try.", also_known_as=("n_trials", "n_iter", "max_evals"))
    batch: int = param(4, ge=1, doc="How many settings to propose, and train, at a time.", also_known_as=("n_jobs",))
    timeout: Duration | None = param(None, gt=0, doc="Start no trial after this time; the best so far wins.")


def total(spec: Spec, domains: Sequence[Domain]) -> int:
    """How many trials there will be."""
    return int(min(spec.trials, size(domains)))


def check(spec: Spec, domains: Sequence[Domain]) -> Iterator[Problem]:
    """Raises MLP0604 where Optuna is absent, before any row is read."""
    _optuna()
    yield from ()


def propose(spec: Spec, domains: Sequence[Domain], told: Sequence[Told], seed: int) -> list[Proposal]:
    """The next batch."""
    left = total(spec, domains) - len(told)
    if left <= 0:
        return []
    study = _study(domains, told, seed)
    distributions = {domain.name: _distribution(domain) for domain in domains}
    seen = {_key(trial.proposal.values) for trial in told}
    found: list[Proposal] = []
    for _ in range(min(left, spec.batch)):
        values = study.ask(fixed_distributions=distributions).params
        if _key(values) in seen:  # in a space of few settings it repeats itself
            others = drawn(domains, seed, 0, len(seen) + 1)
            values = next(other for other in others if _key(other) not in seen)
        seen.add(_key(values))
        found.append(Proposal({domain.name: values[domain.name] for domain in domains}))
    return found


def _study(domains: Sequence[Domain], told: Sequence[Told], seed: int) -> Any:
    """A study that has seen these trials."""
    optuna = _optuna()
    distributions = {domain.name: _distribution(domain) for domain in domains}
    # The number of trials is part of the seed: else every batch of random draws would be the first one again.
    drawing = Random(f"mldsl/{seed}/{len(told)}").getrandbits(32) if told else seed % 2**32
    sampler = optuna.samplers.TPESampler(seed=drawing)
    shown = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(direction="maximize", sampler=sampler)
    finally:
        optuna.logging.set_verbosity(shown)
    states = optuna.trial.TrialState
    for trial in told:
        failed = math.isnan(trial.score)
        study.add_trial(
            optuna.trial.create_trial(
                params=dict(trial.proposal.values), distributions=distributions,
                value=None if failed else trial.score, state=states.FAIL if failed else states.COMPLETE,
            )
        )  # fmt: skip
    return study


def _distribution(domain: Domain) -> Any:
    distributions = _optuna().distributions
    if domain.values:
        return distributions.CategoricalDistribution(domain.values)
    if domain.type in WHOLE:
        return distributions.IntDistribution(domain.low, domain.high, log=domain.log)
    return distributions.FloatDistribution(domain.low, domain.high, log=domain.log)


def _key(values: Mapping[str, Any]) -> frozenset[tuple[str, Any]]:
    return frozenset(values.items())


def _optuna() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import optuna
    except ImportError as error:
        raise MldslError(
            Diagnostic(
                "MLP0604", "`bayesian` needs Optuna, which is not installed",
                help="`pip install 'mldsl[tune]'` installs it; `random` searches without it",
            )
        ) from error  # fmt: skip
    return optuna


@hookimpl
def mldsl_components() -> list[Component]:
    """The search."""
    return [
        Search(
            "bayesian", Spec, propose=propose, total=total, check=check, example=Spec(trials=20),
            snippet="bayesian(trials = 40)",
            sources=("Bergstra et al. 2011, NeurIPS", "Akiba et al. 2019, doi:10.1145/3292500.3330701"),
            also_known_as=("optuna", "tpe", "BayesSearchCV", "hyperopt"),
        )
    ]  # fmt: skip
