"""`tune`: the settings of a model that a search proposes, scored on folds, and the one that is chosen.

Language 4.4, points 2 and 4. With a test part the folds score the settings; without one the folds are the outer loop,
each searched anew on folds of its own training rows, and once more on all of them for the last fit. Where there are no
folds the validation rows score, else implicit folds; without a target, the rows themselves. No row of the test part is
ever looked at here.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from mldsl.contract import Prediction
from mldsl.data import Fold, folds_within
from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.execute.batch import Setting, alike, answers, chunk_of
from mldsl.execute.fit import Prepared, Run, fit_share, host_key, matrix_of, prepare, with_setting
from mldsl.execute.judge import Judge, Measured, measured
from mldsl.execute.scales import back
from mldsl.execute.searches import domains_by_model
from mldsl.execute.stages import Stages
from mldsl.execute.trials import TrialLog
from mldsl.execute.ways import Way, way_of
from mldsl.plan import MetricPlan, ModelPlan, Plan, TunePlan
from mldsl.plan.tuning import with_values
from mldsl.plugin import Domain, Proposal, Told
from mldsl.plugin.search import best, simplest
from mldsl.record import Trial, planjson


@attrs.frozen(eq=False)
class Tuned:
    """What a search found for one model: itself with the winning values, and for each outer fold that fold's own.

    `folds` is empty where all folds share `model`. `said` are sentences about settings that could not be tried,
    `base` is the model made ready with some setting.
    """

    model: ModelPlan
    values: Mapping[str, Any]
    folds: tuple[ModelPlan, ...]
    trials: tuple[Trial, ...]
    said: tuple[str, ...]
    seconds: float
    base: Prepared | None = None


def tune_all(run: Run) -> dict[str, Tuned | None]:
    """What a search found for each model. One that is made of others comes after them, and takes them as they are then.

    In a fold that was searched by itself, its members are those that were found in this fold.
    """
    found: dict[str, Tuned | None] = {}

    def tuned(model: ModelPlan) -> None:
        if model.name in found:
            return
        for name in sorted(named_in(model)):
            tuned(next(other for other in run.plan.models if other.name == name))
        whole = _with_members(model, found, None)
        folds = tuple(_with_members(model, found, number) for number in range(len(run.split.folds)))
        folds = folds if nested(run) and any(fold != whole for fold in folds) else ()
        searched = tune_model(run, whole, folds)
        if searched is None and whole != model:
            searched = Tuned(whole, {}, folds, (), (), 0.0)
        found[model.name] = searched

    for model in run.plan.models:
        tuned(model)
    return {model.name: found[model.name] for model in run.plan.models}


def named_in(model: ModelPlan) -> set[str]:
    """The models of the file that a model is made of."""
    return {name for member in model.members for name in (named_in(member) if member.part_of else {member.name})}


def _with_members(model: ModelPlan, found: Mapping[str, Tuned | None], fold: int | None) -> ModelPlan:
    """The model with its members as a search found them: for the last fit, or in a fold."""

    def of(member: ModelPlan) -> ModelPlan:
        if member.part_of:
            return _with_members(member, found, fold)
        its = found.get(member.name)
        if its is None:
            return member
        return its.folds[fold] if fold is not None and its.folds else its.model

    return attrs.evolve(model, members=tuple(of(member) for member in model.members))


def tune_model(run: Run, model: ModelPlan, of_folds: Sequence[ModelPlan] = ()) -> Tuned | None:
    """Search the params that the model depends on; None where `tune` varies none of them.

    `of_folds` are the models of the outer folds, where they differ from `model` before anything is searched.
    """
    tune = run.plan.tune
    domains = domains_by_model(run.plan).get(model.name, ())
    if tune is None or not domains:
        return None
    start = time.perf_counter()
    primary = next(metric for metric in run.plan.metrics if metric.primary)
    task = _Search(run, model, tune, domains, primary)
    outer = run.split.folds if nested(run) else ()
    kept = _Kept(task)
    chosen = []
    for number, fold in enumerate(outer):
        path = f"tune/fold={fold.repeat}.{fold.index}"
        pool = fold.train if fold.stop is None else fold.train | fold.stop
        inner = folds_within(run.plan, run.dataset, run.plan.seed, pool, tune.folds, path)
        task.model = of_folds[number] if of_folds else model
        chosen.append(with_values(task.model, task.winner(inner, path, number)))
    task.model = model
    values = task.winner(scoring_folds(run), "tune", None)
    kept.save()
    return Tuned(
        with_values(model, values), values, tuple(chosen),
        tuple(task.trials), tuple(task.sentences()), time.perf_counter() - start, task.base,
    )  # fmt: skip


def searched_folds(run: Run) -> tuple[Fold, ...]:
    """Every fold that a search of this run is about: the outer ones, and those that score the settings."""
    return (*(run.split.folds if nested(run) else ()), *scoring_folds(run))


def search_parts(stages: Stages, plan: Plan, model: ModelPlan, folds: Sequence[Fold]) -> dict[str, str]:
    """What decides the trials of a model's search; how one of them is chosen is no part of it."""
    assert plan.tune is not None
    tune = attrs.evolve(plan.tune, simpler=(), trials=(), choose="")
    primary = next(metric for metric in plan.metrics if metric.primary)
    at = model.threshold.value if model.threshold is not None else None
    return stages.parts(model, folds, search=[planjson.encode(part) for part in (tune, primary.component, at)])


def nested(run: Run) -> bool:
    """Whether folds are the outer loop, each searched by itself: folds that are written, and no test part."""
    return bool(run.split.folds) and not run.split.implicit and not (run.split.part == "test").any()


def scoring_folds(run: Run) -> tuple[Fold, ...]:
    """What scores the settings of the last fit: the folds, else the validation rows, else the rows themselves."""
    split = run.split
    if split.folds and (not split.implicit or not split.mask("validation").any()):
        return split.folds
    train, validation = split.mask("train"), split.mask("validation")
    return (Fold(0, 0, train, validation if validation.any() else train, validation if validation.any() else None),)


class _Search:
    """The search of one model, over any folds; what was tried is kept, so that it can be resumed."""

    def __init__(
        self, run: Run, model: ModelPlan, tune: TunePlan, domains: tuple[Domain, ...], primary: MetricPlan
    ) -> None:
        self.run, self.model, self.tune, self.domains, self.primary = run, model, tune, domains, primary
        self.component, self.spec = run.resolver.component(tune.search), run.resolver.spec(tune.search)
        self.sign = 1.0 if primary.better == "higher" else -1.0
        self.trials: list[Trial] = []
        self.failed: dict[str, int] = {}
        self.helps: dict[str, str | None] = {}
        self.undefined: dict[str, int] = {}
        self.log = TrialLog(run.checkpoints, model.name)
        timeout = getattr(self.spec, "timeout", None)
        self.deadline = math.inf if timeout is None else time.monotonic() + timeout
        self.late = False
        self.base: Prepared | None = None
        self.chunks: dict[Any, int] = {}
        self.scorers: dict[Any, tuple[Judge, Measured]] = {}

    def winner(self, folds: Sequence[Fold], path: str, outer: int | None) -> Mapping[str, Any]:
        """The values to train with, after a whole search on these folds."""
        seed = int.from_bytes(hashlib.sha256(f"{self.run.plan.seed}/{path}/{self.model.name}".encode()).digest()[:4])
        total = None if self.component.total is None else int(self.component.total(self.spec, self.domains))
        told: list[Told] = []
        stage = f"model/{self.model.name}/{path}"
        self.run.stage(stage, True)
        while True:
            asked = tuple(self.component.propose(self.spec, self.domains, tuple(told), seed))
            if not asked:
                break
            if told and time.monotonic() > self.deadline:
                self.late = True
                break
            scored = self._tell(asked, folds, path, _Progress(self, stage, told, total))
            told += [found for found in scored if found is not None]
            if any(found is None for found in scored):
                self.late = True
                break
        self.run.stage(stage, False)
        found = best(told) if self.tune.choose == "best" else simplest(self.domains, dict(self.tune.simpler), told)
        if found is None:
            raise self._nothing()
        self._record(told, outer)
        return found.proposal.values

    def sentences(self) -> Iterator[str]:
        """What the reader of the result must know of settings that were not tried."""
        for reason, count in self.failed.items():
            what = "1 setting" if count == 1 else f"{count} settings"
            yield f"{what} of `{self.model.name}` could not be trained and scored nothing: {reason}"
        if self.late:
            yield f"the search of `{self.model.name}` reached its timeout; the best of what was tried by then is used"

    def _record(self, told: Sequence[Told], outer: int | None) -> None:
        for found in told:
            proposal = found.proposal
            self.trials.append(
                Trial(
                    self.model.name, dict(proposal.values), self.sign * found.score, found.deviation, proposal.share,
                    self.log.seconds_of(proposal), outer,
                )
            )  # fmt: skip

    def _nothing(self) -> MldslError:
        reasons = [f"{count} {'setting' if count == 1 else 'settings'}: {why}" for why, count in self.failed.items()]
        for rows, count in self.undefined.items():
            reasons.append(f"`{self.primary.name}` is undefined on {rows} for {count} of them")
        helps = {text for text in self.helps.values() if text is not None}
        general = "look at the ranges in `tune`, and at the metric that decides"
        if self.undefined and self.run.plan.task == "classification":
            general = (
                "`by = stratified` gives each fold rows of every class; so do fewer folds; or another metric decides"
            )
        return MldslError(
            Diagnostic(
                "MLP0312", f"no setting of `{self.model.name}` that `tune` tried could be scored", self.tune.span,
                notes=tuple(reasons) or (f"`{self.primary.name}` is undefined for every one of them",),
                help=helps.pop() if len(helps) == 1 and not self.undefined else general,
            )
        )  # fmt: skip

    # ---- scoring -----------------------------------------------------------------------------------------------------
    def _tell(
        self, asked: Sequence[Proposal], folds: Sequence[Fold], path: str, progress: _Progress
    ) -> list[Told | None]:
        """What each proposal scored; None for those that there was no time for."""
        told: list[Told | None] = [None] * len(asked)
        for i, proposal in enumerate(asked):
            told[i] = self.log.known(proposal, path)
        for share in sorted({proposal.share for proposal in asked}):
            wanted = [i for i, p in enumerate(asked) if p.share == share and told[i] is None]
            for some in self._by_host(wanted, asked):
                settings = [s for i in some if (s := self._ready(i, asked[i], told)) is not None]
                for group in alike(settings):
                    for taken, scores, seconds in self._timed(group, folds, share, path):
                        for setting, each in zip(taken, scores, strict=True):
                            found = _told(asked[setting.index], self.sign * each)
                            told[setting.index] = found
                            self._note_undefined(each, folds, path)
                            self.log.add(found, path, seconds / len(taken))
                        self.log.save()
                        progress.tell(told)
                        if time.monotonic() > self.deadline:
                            return told
        return told

    def _note_undefined(self, scores: np.ndarray, folds: Sequence[Fold], path: str) -> None:
        """Count, by where, what could be trained and yet has no score, for the message if nothing has."""
        for fold, score in zip(folds, scores, strict=True):
            if math.isnan(score) and not self.failed:
                where = f"the rows that fold {fold.index + 1} holds out" if len(folds) > 1 else "the rows that choose"
                inside = path.removeprefix("tune").removeprefix("/fold=")
                where += f", inside fold {int(inside.split('.')[1]) + 1}" if inside else ""
                self.undefined[where] = self.undefined.get(where, 0) + 1

    def _by_host(self, wanted: Sequence[int], asked: Sequence[Proposal]) -> list[list[int]]:
        """Those that share a host half, and thus their rows, together: the rows of others are not held beside them."""
        some: dict[str, list[int]] = {}
        for i in wanted:
            some.setdefault(host_key(self.run, with_values(self.model, asked[i].values)), []).append(i)
        return list(some.values())

    def _ready(self, index: int, proposal: Proposal, told: list[Told | None]) -> Setting | None:
        """The proposal made ready to fit; one that the model refuses scores nothing, and the reason is counted."""
        model = with_values(self.model, proposal.values)
        try:
            prepared = prepare(self.run, model) if self.base is None else with_setting(self.run, self.base, model)
        except MldslError as error:
            self._fail(error, index, proposal, told)
            return None
        if self.base is None or prepared.host is not self.base.host:
            self.base = prepared
            self.chunks.clear()
            self.scorers.clear()
        return Setting(index, prepared)

    def _fail(self, error: MldslError, index: int, proposal: Proposal, told: list[Told | None]) -> None:
        reason = error.diagnostics[0].message
        self.failed[reason] = self.failed.get(reason, 0) + 1
        self.helps[reason] = error.diagnostics[0].help
        told[index] = Told(proposal, math.nan)

    def _timed(
        self, group: Sequence[Setting], folds: Sequence[Fold], share: float, path: str
    ) -> Iterator[tuple[list[Setting], np.ndarray, float]]:
        """A group of settings that one program fits, some at a time: those settings, their scores [s, f], seconds.

        The seconds leave out compiling, which the first settings would else be charged with.
        """
        counts = self.run.programs.counts
        start, compiling = time.perf_counter(), counts.compile_seconds
        for taken, scores in self._scored(group, folds, share, path):
            yield taken, scores, time.perf_counter() - start - (counts.compile_seconds - compiling)
            start, compiling = time.perf_counter(), counts.compile_seconds

    def _scored(
        self, group: Sequence[Setting], folds: Sequence[Fold], share: float, path: str
    ) -> Iterator[tuple[list[Setting], np.ndarray]]:
        prepared = group[0].prepared
        pipeline = prepared.pipeline
        spec = self.run.resolver.spec(prepared.plan.algorithm)
        steps = [step.component for step in pipeline.steps]
        way = way_of(pipeline.model, spec, pipeline.shape.d, steps, bool(pipeline.blocks))
        judge, measure = self._scorer(prepared)
        if "inputs" in measure.component.needs:
            way = Way("loop", "the metric looks at the inputs")
        rounds = share < 1 and getattr(self.spec, "resource", "rows") == "rounds"
        weights = [fold.train if rounds else self._part_of(fold, share) for fold in folds]
        held = [fold.held for fold in folds]
        at = self.model.threshold.value if self.model.threshold is not None else None
        if way.name == "loop":
            for setting in group:
                yield [setting], self._one_by_one(setting, folds, weights, share if rounds else 1.0, path)[None]
            return
        key = (id(prepared.host), prepared.pipeline.static, len(folds))
        chunk = self.chunks.setdefault(key, chunk_of(prepared, way, len(group), len(folds)))
        for taken, given, sure in answers(self.run, group, way, folds, np.stack(weights), f"{path}/", chunk):
            scores = judge.grid(measure, given, held, at).T
            for setting, row, reliable in zip(taken, scores, sure.T, strict=True):
                if way.name == "product" and not reliable.all():
                    # Side by side, some sums are rounded more; a fit that this leaves in doubt is made by itself.
                    row[:] = self._one_by_one(setting, folds, weights, 1.0, path)
            yield taken, scores

    def _scorer(self, prepared: Prepared) -> tuple[Judge, Measured]:
        key = (id(prepared.host), prepared.pipeline.static)
        if key not in self.scorers:
            judge = Judge(self.run, prepared, (self.primary,), None)
            measure = measured(self.run, prepared, self.primary.name, self.primary.component)
            self.scorers[key] = (judge, measure)
        return self.scorers[key]

    def _one_by_one(
        self, setting: Setting, folds: Sequence[Fold], weights: Sequence[np.ndarray], rounds: float, path: str
    ) -> np.ndarray:
        """The score of one setting on each fold, [folds], fit after fit."""
        prepared = setting.prepared
        scores = []
        for fold, weight in zip(folds, weights, strict=True):
            stage = f"{path}/fold={fold.repeat}.{fold.index}"
            try:
                fitted = fit_share(self.run, prepared, weight, fold.stop, stage, _name(prepared.plan), rounds)
            except MldslError as error:
                reason = error.diagnostics[0].message
                self.failed[reason] = self.failed.get(reason, 0) + 1
                self.helps[reason] = error.diagnostics[0].help
                scores.append(math.nan)
                continue
            matrix = fitted.matrix
            if matrix is None and "inputs" in self.run.resolver.component(self.primary.component).needs:
                matrix = matrix_of(self.run, prepared, fitted.steps)
            judge = Judge(self.run, prepared, (self.primary,), matrix, fitted.params)
            given: Prediction = back(prepared.scale, fitted.prediction)
            at = self.model.threshold.value if self.model.threshold is not None else None
            scores.append(judge.points(given, fold.held * prepared.weight, at)[self.primary.name])
        return np.asarray(scores)

    def _part_of(self, fold: Fold, share: float) -> np.ndarray:
        """The training rows of a fold, or a share of each class of them: smaller shares lie within larger ones."""
        if share >= 1:
            return fold.train
        assert self.base is not None
        target = self.base.host.encoded.target
        n = len(fold.train)
        stratum = np.zeros(n, np.int64)
        if target is not None and self.base.classes:
            stratum = np.asarray(target).astype(np.int64)
        seed = hashlib.sha256(f"{self.run.plan.seed}/tune/rows/{fold.repeat}.{fold.index}".encode()).digest()[:8]
        draw = np.random.Generator(np.random.PCG64(int.from_bytes(seed, "little"))).random(n)
        kept = np.zeros(n, bool)
        for code in np.unique(stratum[fold.train]):
            rows = np.flatnonzero(fold.train & (stratum == code))
            count = max(1, math.ceil(share * len(rows)))
            kept[rows[np.argsort(draw[rows], kind="stable")[:count]]] = True
        return kept


def _told(proposal: Proposal, scores: np.ndarray) -> Told:
    """The mean score over the folds, [folds], and its standard error; NaN where any fold has no score."""
    if not np.isfinite(scores).all():
        return Told(proposal, math.nan)
    deviation = float(np.std(scores, ddof=1) / math.sqrt(len(scores))) if len(scores) > 1 else math.nan
    return Told(proposal, float(scores.mean()), deviation)


def _name(model: ModelPlan) -> str:
    text = repr((model.algorithm, [step.component for step in model.steps]))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class _Progress:
    """What a search tells while it goes on: how many settings, and the best score so far."""

    def __init__(self, search: _Search, stage: str, before: Sequence[Told], total: int | None) -> None:
        self.search, self.stage, self.before, self.total = search, stage, list(before), total

    def tell(self, now: Sequence[Told | None]) -> None:
        """After each call."""
        done = [*self.before, *(found for found in now if found is not None)]
        leader = best(done)
        facts = {} if leader is None else {f"best {self.search.primary.name}": self.search.sign * leader.score}
        self.search.run.progress(self.stage, len(done), self.total or len(self.before) + len(now), facts)


class _Kept:
    """The trials of the same search by an earlier run, taken over before the search begins, and kept after it.

    A search in which something failed, or that ran out of time, is not kept: what it says of that is a result as well.
    """

    def __init__(self, search: _Search) -> None:
        self.search, self.stages = search, search.run.stages
        self.parts: dict[str, str] = {}
        if self.stages is not None:
            self.parts = search_parts(self.stages, search.run.plan, search.model, searched_folds(search.run))
            search.log.rows |= {key: tuple(row) for key, row in self.stages.load_trials(self.parts).items()}

    def save(self) -> None:
        """Keep all trials."""
        search = self.search
        whole = not search.failed and not search.late and search.log.rows
        if self.stages is not None and whole and not any(math.isnan(trial.score) for trial in search.trials):
            self.stages.save_trials(search.model, self.parts, search.log.rows)
