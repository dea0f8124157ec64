"""What is said of a run in words, the same in the terminal and on the page."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from mldsl.plugin.display import ReportOutput
from mldsl.plugin.wording import number_text, quoted
from mldsl.record.model import PARTS, MetricValue, ModelRecord, RunRecord
from mldsl.report.format import number

OPTIMISTIC = "chosen on these folds: optimistic"
_ON = {
    "test": "on the test rows, which no fit and no choice has seen",
    "folds": "out of fold: every row predicted by a model that had not seen it",
    "validation": "on the validation rows",
    "all": "on all rows",
    "train": "on the training rows: nothing was held out",
}
_SHORT_NUMBER = 8  # characters
_LISTED = 5  # thresholds; more are counted
_SHORT = {"test": "test", "folds": "folds", "validation": "validation", "all": "all rows", "train": "training"}


@attrs.frozen
class Headline:
    """The number a reader looks for first."""

    model: str
    metric: str
    value: MetricValue
    part: str

    @property
    def where(self) -> str:
        """What the number was measured on, in words."""
        return _ON[self.part]


def headline(record: RunRecord) -> Headline | None:
    """The primary metric of the best model on the part that counts; None if nothing was measured."""
    name = record.best if record.best in record.models else next(iter(record.models), None)
    if name is None:
        return None
    model = record.models[name]
    measured = model.metrics.get(model.held_out, {})
    metric = record.primary if record.primary in measured else next(iter(measured), None)
    return Headline(name, metric, measured[metric], model.held_out) if metric else None


def part_name(part: str) -> str:
    """A part as a column is headed."""
    return _SHORT.get(part, part)


def parts_of(model: ModelRecord) -> list[str]:
    """The parts that were measured, the one that counts first."""
    return [part for part in PARTS if model.metrics.get(part)]


def parts_of_all(record: RunRecord) -> list[str]:
    """The parts that some model was measured on, the one that counts first."""
    return [part for part in PARTS if any(m.metrics.get(part) for m in record.models.values())]


def optimistic(part: str) -> str:
    """What is to be said of a part that chose something."""
    return OPTIMISTIC if part == "folds" else "chosen on these rows: optimistic"


def metrics_of(record: RunRecord) -> list[str]:
    """All metrics, the primary one first, then in the order of the file."""
    names = dict.fromkeys(m for model in record.models.values() for part in model.metrics.values() for m in part)
    first = [record.primary] if record.primary in names else []
    return [*first, *(name for name in names if name != record.primary)]


def chosen_on(models: Sequence[ModelRecord], part: str) -> bool:
    """Whether the metrics of a part chose something, so that they flatter."""
    return any(value.selected_on for model in models for value in model.metrics.get(part, {}).values())


def threshold_words(model: ModelRecord) -> str:
    """`0.35`, or of several classes `a: 0.2, b: 0.5, c: 0.3`; many are counted; empty without one."""
    if model.threshold is None:
        return ""
    if isinstance(model.threshold, Mapping):
        if len(model.threshold) > _LISTED:
            return f"one for each of {len(model.threshold)} classes"
        return ", ".join(f"{level}: {number(at)}" for level, at in model.threshold.items())
    return number(model.threshold)


def calibration_words(model: ModelRecord) -> str:
    """`sigmoid calibration: calibration error 0.08 before, 0.02 after (test)`; empty without one."""
    found = model.calibration
    if found is None:
        return ""
    if not found.learned:
        return f"{found.method} calibration was not learned"
    shown = found.error.get(model.held_out) or next(iter(found.error.values()), None)
    part = part_name(model.held_out if model.held_out in found.error else found.on)
    if shown is None:
        return f"{found.method} calibration"
    if math.isnan(shown["before"]):  # margins, whose error cannot be told
        return f"{found.method} calibration of margins: calibration error {number(shown['after'])} ({part})"
    before, after = number(shown["before"]), number(shown["after"])
    return f"{found.method} calibration: calibration error {before} before, {after} after ({part})"


def out_of_bag_words(record: RunRecord, model: ModelRecord) -> str:
    """`out-of-bag accuracy 0.81`, of an ensemble whose members left training rows out; empty for others."""
    score, share = model.info.get("out_of_bag_score"), model.info.get("out_of_bag_share", 1)
    if score is None or not math.isfinite(score):
        return ""
    rows = "" if share > 0.9995 else f" ({100 * share:.3g} % of the training rows)"
    return f"out-of-bag {'accuracy' if record.task == 'classification' else 'r2'} {number(score)}{rows}"


def split_words(record: RunRecord) -> str:
    """`120 training, 30 test rows; 5 folds; stratified`."""
    split = record.split
    counts = [(split.train, "training"), (split.validation, "validation"), (split.test, "test")]
    rows = ", ".join(f"{n:,} {word}" for n, word in counts if n)
    folds = f"{split.folds} folds" + (f", {split.repeats} times" if split.repeats > 1 else "") if split.folds else ""
    held_out = split.test or split.validation or split.folds
    if not held_out:
        return f"{split.train or record.data.rows:,} rows, not split"
    return "; ".join(filter(None, [f"{rows} rows" if rows else "", folds, split.by]))


def kept_words(record: RunRecord) -> str:
    """Which fits are those of an earlier run: `all of RUN: nothing was trained`; empty if all models were trained."""
    by_run: dict[str, list[str]] = {}
    for name, model in record.models.items():
        if model.cached:
            by_run.setdefault(model.cached, []).append(name)
    if len(by_run) == 1 and all(model.cached for model in record.models.values()):
        return f"those of {next(iter(by_run))}: nothing was trained"
    return "; ".join(f"{', '.join(names)}: those of {run}" for run, names in by_run.items())


def gate_words(record: RunRecord) -> list[tuple[bool, str]]:
    """Each gate as passed or not, and a sentence."""
    return [
        (g.passed, f"{g.metric} {g.op} {g.bound:g}: {number(g.value)} ({g.model}, {part_name(g.part)})")
        for g in record.gates
    ]


def warnings_of(record: RunRecord, outputs: Mapping[str, ReportOutput]) -> list[str]:
    """The run's warnings and its reports', each once."""
    return list(dict.fromkeys([*record.warnings, *(w for output in outputs.values() for w in output.warnings)]))


def fixed_params(record: RunRecord) -> dict[str, Any]:
    """The params that no search varied: the values of the others are those before the search, which nothing used."""
    searched = record.tune.domains if record.tune is not None else ()
    return {name: value for name, value in record.params.items() if name not in searched}


def tuned_words(record: RunRecord) -> list[str]:
    """What the search chose, model by model: `linear: l2 = 0.003080`."""
    best = record.tune.best if record.tune is not None else {}
    return [f"{model}: {', '.join(f'{k} = {setting(v)}' for k, v in chosen.items())}" for model, chosen in best.items()]


def setting(value: Any) -> str:
    """A setting as the language writes it, a long number shortened: `1e-12`, `0.1`, `0.003080`."""
    if not isinstance(value, float) or not math.isfinite(value):
        return literal(value)
    exact = number_text(value)
    return exact if len(exact) <= _SHORT_NUMBER else number(value)


def command(record: RunRecord) -> str:
    """The command that runs it again, every parameter spelt out but those to be searched: `-p` would fix them."""
    parts = ["mldsl", "run", shlex.quote(record.pipeline.file)]
    for name, value in fixed_params(record).items():
        parts += ["-p", shlex.quote(f"{name}={literal(value)}")]
    return " ".join(parts)


def literal(value: Any) -> str:
    """A value as the language writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value if re.fullmatch(r"[a-z_][a-z0-9_]*", value) else '"' + value.replace('"', '\\"') + '"'
    if isinstance(value, (list, tuple)) and value and all(map(_is_weight, value)):
        return "[" + ", ".join(f"{quoted(level)} = {number_text(weight)}" for level, weight in value) + "]"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(literal, value)) + "]"
    if isinstance(value, dict) and isinstance(value.get("name"), str):  # a choice with arguments
        rest = literal({key: item for key, item in value.items() if key != "name"})
        return f"{value['name']}({rest})" if rest else value["name"]
    if isinstance(value, dict):
        return ", ".join(f"{key} = {literal(item)}" for key, item in value.items())
    return "none" if value is None else str(value)


def _is_weight(item: Any) -> bool:
    """Whether an item of a list is a level with its weight, as in `class_weights`."""
    pair = isinstance(item, (list, tuple)) and len(item) == 2
    return pair and isinstance(item[0], str) and isinstance(item[1], (int, float))


def when(record: RunRecord) -> str:
    """`1 August 2026, 14:22`, from the run's id; empty if the id has no time."""
    try:
        time = datetime.strptime(record.id[:15], "%Y%m%d-%H%M%S")
    except ValueError:
        return ""
    return f"{time.day} {time:%B %Y, %H:%M}"
