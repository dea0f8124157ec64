"""Fits that are kept between runs, so that an edit to `metrics`, `report` or `export` trains nothing.

`runs/.stages/<key>/` holds what one model's fits gave: `fits.safetensors`, and `stage.json` with the structure, the
hash of the arrays and what the key was made of. The key is a hash of everything that decides the fits: data, columns,
split and folds, the model with its steps and settings, seed, versions, code and device. What is read back is what was
written, bit for bit. The folder may be deleted at any time; the least recently used entries go when it holds more than
`MOST_BYTES`, and fits of more than `LARGEST` bytes are not kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from mldsl.contract import Prediction
from mldsl.data import Fold
from mldsl.diagnostics import InternalError, MldslError
from mldsl.plan import ModelPlan, Plan
from mldsl.record import planjson
from mldsl.record.disk import replace_folder, sha256
from mldsl.record.tree import load_tree, save_tree

if TYPE_CHECKING:
    from mldsl.data import Dataset, Split
    from mldsl.execute.fit import FittedModel, FoldResult

FOLDER = ".stages"
FORMAT_VERSION = "1.0"
MOST_BYTES = 1 << 30
LARGEST = MOST_BYTES // 4
PARTS = {
    "data": "the data changed",
    "columns": "`features` or `where` changed",
    "split": "the split changed",
    "model": "the model or its steps changed",
    "seed": "the seed changed",
    "code": "the versions or the code of mldsl or a plugin changed",
    "device": "the devices are others",
    "search": "`tune` or what it looks at changed",
}
"""What a key is made of, and what is said where it is another."""


@attrs.frozen(eq=False)
class KeptFits:
    """What the fits of a model gave, and the id of the run that made them."""

    last: FoldResult
    folds: tuple[Prediction, ...]
    run: str


@attrs.frozen(eq=False)
class Stages:
    """The kept fits below `runs_dir`, seen from one run: its id, its data and split, its code and device.

    What the run fits is written below its unfinished folder, `fresh`, until `settle` moves it to the others. `read` is
    False for a run that is to train anew; it still keeps what it fits.
    """

    runs_dir: Path
    run: str
    facts: Mapping[str, str]
    fresh: Path | None = None
    read: bool = True

    def parts(
        self, model: ModelPlan, folds: Sequence[Fold], of_folds: Sequence[ModelPlan] = (), search: Any = None
    ) -> dict[str, str]:
        """What the key of a model's fits is made of, each part as a hash; `of_folds` are models tuned fold by fold.

        `search` is what decides a search beside its model and folds: then trials are kept, and not fits.
        """
        models = _model(model) if not of_folds else _digest([_model(model), *map(_model, of_folds)])
        parts = {**self.facts, "split": _digest([self.facts["split"], *map(_fold, folds)]), "model": models}
        return parts if search is None else {**parts, "search": _digest(search)}

    def load(self, model: ModelPlan, folds: Sequence[Fold], of_folds: Sequence[ModelPlan] = ()) -> KeptFits | None:
        """The kept fits of a model on these folds; None if there are none, or they are damaged."""
        place = self.runs_dir / FOLDER / _digest(self.parts(model, folds, of_folds))
        facts = _facts(place) if self.read else None
        if facts is None:
            return None
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        from mldsl.execute.fit import FoldResult

        path = place / "fits.safetensors"
        try:
            if sha256(path) != facts["sha256"]:
                raise ValueError("changed after it was written")
            tree = load_tree(facts["structure"], load_file(path), _class)
            kept = KeptFits(FoldResult(**tree["last"]), tuple(tree["folds"]), facts["run"])
            with suppress(OSError):  # a folder that may only be read
                os.utime(place / "stage.json")
        except (MldslError, SafetensorError, OSError, ValueError, KeyError, TypeError):
            shutil.rmtree(place, ignore_errors=True)
            return None
        return kept

    def save(
        self, model: ModelPlan, folds: Sequence[Fold], fitted: FittedModel, of_folds: Sequence[ModelPlan] = ()
    ) -> None:
        """Keep a model's fits, complete or not at all. What cannot be kept (too large, a full disk) is not."""
        from safetensors.numpy import save

        if self.fresh is None:
            return
        parts = self.parts(model, folds, of_folds)
        last = {field.name: getattr(fitted.last, field.name) for field in attrs.fields(type(fitted.last))}
        try:
            arrays, structure = save_tree({"last": last, "folds": fitted.folds})
            size = sum(array.nbytes for array in arrays.values())
            if size > LARGEST:
                return
            self._write(model, parts, structure, save(arrays))
        except (MldslError, InternalError, OSError, ValueError):
            return

    def load_trials(self, parts: Mapping[str, str]) -> dict[str, Any]:
        """The trials of an earlier search with these parts: what `save_trials` was given, else nothing."""
        facts = _facts(self.runs_dir / FOLDER / _digest(parts)) if self.read else None
        trials = None if facts is None else facts.get("structure")
        return trials if isinstance(trials, dict) else {}

    def save_trials(self, model: ModelPlan, parts: Mapping[str, str], trials: Mapping[str, Any]) -> None:
        """Keep the trials of a search, as JSON values by name."""
        if self.fresh is not None:
            with suppress(MldslError, OSError, ValueError):
                self._write(model, parts, dict(trials), b"")

    def _write(self, model: ModelPlan, parts: Mapping[str, str], structure: Any, content: bytes) -> None:
        assert self.fresh is not None
        facts = {
            "format_version": FORMAT_VERSION, "run": self.run, "model": model.name, "parts": dict(parts),
            "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "structure": structure,
        }  # fmt: skip
        text = json.dumps(facts, allow_nan=False)

        def fill(folder: Path) -> None:
            if content:
                (folder / "fits.safetensors").write_bytes(content)
            (folder / "stage.json").write_text(text, encoding="utf-8")

        replace_folder(self.fresh / _digest(parts), fill)

    def settle(self) -> None:
        """Move what this run fitted to the kept fits, and make room for it."""
        found = sorted(self.fresh.glob("[!.]*")) if self.fresh is not None else []
        try:
            for place in found:
                target = self.runs_dir / FOLDER / place.name
                target.parent.mkdir(exist_ok=True)
                shutil.rmtree(target, ignore_errors=True)
                place.rename(target)
        except OSError:
            pass  # they are fitted again when they are needed
        if self.fresh is not None:
            shutil.rmtree(self.fresh, ignore_errors=True)
        if found:
            make_room(self.runs_dir, MOST_BYTES)


def stages_of(
    runs_dir: Path, run: str, plan: Plan, dataset: Dataset, split: Split, code: str, device: str
) -> Stages | None:
    """The kept fits as a run of this plan may use them; None where the data has no hash.

    `code` names versions and sources of all that computes, `device` what it computes on.
    """
    if not all(source.sha256 for source in dataset.sources):
        return None
    read_as = [(name, planjson.encode(attrs.evolve(value, text=""))) for name, value in plan.sources]
    facts = {
        "data": _digest([(s.sha256, s.part) for s in dataset.sources]),
        "columns": _digest(
            [read_as, planjson.encode(plan.where), plan.target, planjson.encode(plan.task)]
            + [planjson.encode(attrs.evolve(column, doc="")) for column in plan.columns]
        ),
        "split": _digest([_rows(split.part == part) for part in ("train", "validation", "test")]),
        "seed": str(plan.seed),
        "code": _digest([code, planjson.encode(plan.networks)]),
        "device": _digest(device),
    }
    return Stages(runs_dir, run, facts)


def explain(stages: Stages, model: str, parts: Mapping[str, str]) -> tuple[str, str]:
    """Whether a run would use what is kept of a model: ("kept", run), ("changed", why) or ("new", "")."""
    if (facts := _facts(stages.runs_dir / FOLDER / _digest(parts))) is not None:
        return "kept", str(facts["run"])
    nearest: tuple[int, float, list[str], str] | None = None
    for facts, used, _ in entries(stages.runs_dir):
        if facts["model"] != model or facts["parts"].keys() != parts.keys():
            continue  # of another model, or the trials of a search
        changed = [name for name in PARTS if facts["parts"].get(name) != parts.get(name)]
        if nearest is None or (len(changed), -used) < nearest[:2]:
            nearest = (len(changed), -used, changed, facts["run"])
    if nearest is None:
        return "new", ""
    return "changed", f"{', '.join(PARTS[name] for name in nearest[2])} since {nearest[3]}"


# ---- the folder ------------------------------------------------------------------------------------------------------
def entries(runs_dir: Path) -> Iterator[tuple[dict[str, Any], float, Path]]:
    """The facts of every entry, when it was last used (seconds), and its folder."""
    for place in sorted((runs_dir / FOLDER).glob("[!.]*")):
        if (facts := _facts(place)) is not None:
            yield facts, (place / "stage.json").stat().st_mtime, place


def make_room(runs_dir: Path, most: int) -> None:
    """Remove the least recently used entries until the others hold `most` bytes at most."""
    found = sorted(entries(runs_dir), key=lambda entry: entry[1], reverse=True)
    total = 0
    for facts, _, place in found:
        total += facts["bytes"]
        if total > most:
            shutil.rmtree(place, ignore_errors=True)


def _facts(place: Path) -> dict[str, Any] | None:
    try:
        value = json.loads((place / "stage.json").read_text(encoding="utf-8"))
        sound = value["format_version"] == FORMAT_VERSION and {"run", "model", "parts", "bytes"} <= value.keys()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return value if sound else None


def _class(name: str) -> type | None:
    """A NamedTuple of a module that is in use: nothing is imported because a file says so."""
    module, _, qualified = name.partition(":")
    found: Any = sys.modules.get(module)
    for part in qualified.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) and issubclass(found, tuple) else None


# ---- hashes ----------------------------------------------------------------------------------------------------------
def _model(model: ModelPlan) -> str:
    """A model without what is decided after its fits, and without words."""
    return _digest(planjson.encode(attrs.evolve(model, threshold=None, calibrate=None, doc="")))


def _fold(fold: Fold) -> str:
    return _digest([fold.repeat, fold.index, *map(_rows, (fold.train, fold.held, fold.stop))])


def _rows(rows: np.ndarray | None) -> str:
    return "" if rows is None else hashlib.sha256(np.packbits(np.asarray(rows, bool)).tobytes()).hexdigest()


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
