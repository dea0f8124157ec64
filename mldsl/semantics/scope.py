"""What one position can see: the params, components and definitions of the file, and the columns of the line."""

from __future__ import annotations

import attrs

from mldsl.semantics.constants import Constants
from mldsl.semantics.definitions import Definitions
from mldsl.semantics.findings import Findings
from mldsl.semantics.frame import Frame
from mldsl.semantics.names import Components


@attrs.frozen
class Scope:
    """The surroundings of a value.

    `levels` are those of the target where they are known, `target` its name. `secrets` says that `env()` may stand
    here. `lost` are the kinds of items of which something did not parse, so that nobody calls their names unknown.
    """

    findings: Findings
    constants: Constants
    components: Components
    definitions: Definitions
    frame: Frame = attrs.field(factory=Frame)
    target: str | None = None
    levels: tuple[str, ...] | None = None
    secrets: bool = False
    lost: frozenset[str] = frozenset()

    def seeing(self, frame: Frame) -> Scope:
        """The same position with other columns."""
        return attrs.evolve(self, frame=frame)
