"""Checkpoints of iterative fits: one safetensors file a stage, in the unfinished run's folder. No pickle.

A file is written beside and renamed, so a kill at any moment leaves the last complete one.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import attrs
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from mldsl.record.disk import write_file


@attrs.frozen(eq=False)
class Checkpoint:
    """The leaves of a loop's state (and of its best state), after `step` updates."""

    step: int
    state: list[np.ndarray]
    best: list[np.ndarray] | None
    history: dict[str, list[float]]
    done: bool


@attrs.frozen
class Checkpoints:
    """The checkpoints below a folder; `resume` is whether existing ones may be read."""

    folder: Path
    resume: bool = False

    def _path(self, stage: str) -> Path:
        return self.folder / (hashlib.sha256(stage.encode()).hexdigest()[:24] + ".safetensors")

    def save(
        self,
        stage: str,
        state: list[np.ndarray],
        best: list[np.ndarray] | None,
        step: int,
        history: dict[str, list[float]],
        *,
        done: bool,
    ) -> None:
        """Write the checkpoint of a stage, atomically."""
        self.folder.mkdir(parents=True, exist_ok=True)
        arrays = {f"state.{i}": np.asarray(a, order="C") for i, a in enumerate(state)}
        arrays |= {f"best.{i}": np.asarray(a, order="C") for i, a in enumerate(best or [])}
        facts = {"stage": stage, "step": step, "history": history, "done": done, "best": best is not None}
        write_file(self._path(stage), save(arrays, metadata={"mldsl": json.dumps(facts)}))

    def load(self, stage: str) -> Checkpoint | None:
        """The checkpoint of a stage; None if there is none, or it is damaged (then the stage starts over)."""
        path = self._path(stage)
        if not self.resume or not path.is_file():
            return None
        try:
            with safe_open(path, "numpy") as file:
                facts = json.loads(file.metadata()["mldsl"])
                names = list(file.keys())
                arrays = {name: file.get_tensor(name) for name in names}
        except (SafetensorError, OSError, ValueError, KeyError, TypeError):
            return None
        state = [arrays[f"state.{i}"] for i in range(sum(n.startswith("state.") for n in names))]
        best = [arrays[f"best.{i}"] for i in range(sum(n.startswith("best.") for n in names))]
        return Checkpoint(facts["step"], state, best if facts["best"] else None, facts["history"], facts["done"])
