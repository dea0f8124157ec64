"""How long the steps of a run take, by wall clock: nothing that a result depends on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import attrs


@attrs.define
class Clock:
    """Seconds of steps (`read`, `split`, `report/roc_curve`) and of stages (`model/forest/fold=0.3`), in order."""

    seconds: dict[str, float] = attrs.field(factory=dict)
    _begun: dict[str, float] = attrs.field(factory=dict)

    def stage(self, name: str, begins: bool) -> None:
        """A stage begins or ends; one that comes twice counts both times."""
        if begins:
            self._begun[name] = time.perf_counter()
        elif name in self._begun:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - self._begun.pop(name)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """What is done inside is the step."""
        self.stage(name, True)
        try:
            yield
        finally:
            self.stage(name, False)
