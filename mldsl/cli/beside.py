"""What `mldsl compare` and `mldsl diff` share: models of kept runs beside each other, in words and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from mldsl.report.format import interval, number, p_value

if TYPE_CHECKING:
    from mldsl.execute.across import Compared
    from mldsl.execute.kept import Kept, Recomputed
    from mldsl.record.model import MetricValue

runs_dir_option = click.option(
    "--runs-dir",
    type=click.Path(path_type=Path),
    help="Where run folders are [default: runs/ here, or one folder down].",
)
model_option = click.option("--model", help="The model to compare [default: the best of each run].")


def again() -> Recomputed:
    """What computes metrics of kept runs once more."""
    from mldsl.execute.settings import configure

    configure(None)
    from mldsl.execute.kept import Recomputed
    from mldsl.execute.resolver import RegistryResolver
    from mldsl.plugin.registry import Registry

    return Recomputed(RegistryResolver(Registry.load()))


def found(word: str, runs_dir: Path | None, model: str | None = None) -> Kept:
    """A model of the run that a word names."""
    from mldsl.execute.kept import read_kept
    from mldsl.record.find import find_run

    return read_kept(find_run(word, runs_dir or Path()), model)


def of(compared: Compared) -> str:
    """`0.0388 (−0.007 to 0.085)`: a difference with its interval."""
    d = compared.difference
    between = interval(d.low, d.high)
    return number(d.value) + (f" ({between})" if between else "")


def alone(metrics: Mapping[str, MetricValue]) -> str:
    """`f1 0.9221 (0.888 to 0.950), log_loss 0.08 (0.06 to 0.10)`: metrics that have nothing to be compared with."""
    found = []
    for name, v in metrics.items():
        between = interval(v.low, v.high)
        found.append(f"{name} {number(v.value)}" + (f" ({between})" if between else ""))
    return ", ".join(found)


def p_of(compared: Compared) -> str:
    """Its p-value; unpaired differences have none."""
    return p_value(compared.difference.p)


def how(items: Sequence[Compared]) -> list[str]:
    """How the differences were found, and why some are not paired: a sentence for each way."""
    said: dict[str, list[str]] = {}
    for c in items:
        if c.test == "corrected_t":
            words = f"the same {c.units} folds in both: paired, by the corrected resampled t"
        elif c.test == "bootstrap":
            words = f"the same rows in both ({c.units:,} {c.unit}): paired, by the bootstrap"
        elif math.isnan(c.difference.value):
            words = f"not compared, since {c.why}"
        else:
            words = f"unpaired, since {c.why}: less certain than it could be"
        said.setdefault(words, []).append(c.metric)
    if len(said) == 1:
        return list(said)
    return [f"{', '.join(dict.fromkeys(metrics))}: {words}" for words, metrics in said.items()]


def plain(compared: Compared) -> dict[str, Any]:
    """A comparison as JSON's own types."""
    from mldsl.record.model import as_json

    d = compared.difference
    return {
        "before": as_json(compared.before), "after": as_json(compared.after),
        "difference": as_json(attrs.asdict(d)), "better": compared.better or None, "verdict": compared.verdict,
        "test": compared.test, "unit": compared.unit or None, "units": compared.units or None,
        "why_unpaired": compared.why or None,
    }  # fmt: skip
