"""What a search has tried, in a file: so an interrupted search goes on, and tries no setting twice."""

from __future__ import annotations

import hashlib
import json
import math

from mldsl.execute.checkpoint import Checkpoints
from mldsl.plugin import Proposal, Told
from mldsl.record.disk import write_file


class TrialLog:
    """Every trial of a model in a file of the unfinished run, so that `--resume` tries none of them again."""

    def __init__(self, checkpoints: Checkpoints | None, name: str) -> None:
        digest = hashlib.sha256(f"tune/{name}".encode()).hexdigest()[:24]
        self.path = None if checkpoints is None else checkpoints.folder / f"{digest}.trials.json"
        self.rows: dict[str, tuple[float | None, float | None, float]] = {}
        self.seconds: dict[str, float] = {}
        if self.path is not None and checkpoints is not None and checkpoints.resume and self.path.is_file():
            try:
                self.rows = {key: tuple(row) for key, row in json.loads(self.path.read_text("utf-8")).items()}
            except (OSError, ValueError, TypeError):
                self.rows = {}  # damaged: the search starts over

    @staticmethod
    def _key(proposal: Proposal, path: str) -> str:
        return json.dumps([path, sorted(proposal.values.items()), proposal.share], default=str)

    def known(self, proposal: Proposal, path: str) -> Told | None:
        """What was told of it before the run was interrupted."""
        row = self.rows.get(self._key(proposal, path))
        if row is None:
            return None
        score, deviation = (math.nan if value is None else value for value in row[:2])
        self.seconds[self._key(proposal, "")] = row[2]
        return Told(proposal, score, deviation)

    def add(self, told: Told, path: str, seconds: float) -> None:
        """Remember a trial."""
        score, deviation = (None if math.isnan(value) else value for value in (told.score, told.deviation))
        self.rows[self._key(told.proposal, path)] = (score, deviation, seconds)
        self.seconds[self._key(told.proposal, "")] = seconds

    def seconds_of(self, proposal: Proposal) -> float:
        """How long the trial took, its share of the call that it was part of."""
        return self.seconds.get(self._key(proposal, ""), math.nan)

    def save(self) -> None:
        """Write the file, atomically."""
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_file(self.path, json.dumps(self.rows).encode())
