"""What one position can see: the params, components and definitions of the file, and the columns of the line."""

from __future__ import annotations

import attrs

from mldsl.semantics.constants import Constants
from mldsl.semantics.definitions import Definitions
from mldsl.semantics.findings import Findings
from mldsl.semantics.frame import Frame
from mldsl.semantics.names import Components
from mldsl.source import Span


@attrs.frozen(eq=False, repr=False)
class Scope:
    """The surroundings of a value.

    `levels` are those of the target where they are known, `target` its name. `secrets` says that `env()` may stand
    here. `free` are names that the arguments beside this one give: parameters of a curve. `lost` are the kinds of items
    of which something did not parse, so that nobody calls their names unknown;
    `mistakes` the places of syntax errors.
    """

    findings: Findings
    constants: Constants
    components: Components
    definitions: Definitions
    frame: Frame = attrs.field(factory=Frame)
    target: str | None = None
    levels: tuple[str, ...] | None = None
    secrets: bool = False
    free: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()
    mistakes: tuple[Span, ...] = ()

    def damaged(self, place: Span) -> bool:
        """Whether there is a syntax error inside a place, so that what seems to be missing there may not be."""
        start, end = (place.line, place.column), (place.end_line, place.end_column)
        return any(m.file == place.file and start <= (m.line, m.column) <= end for m in self.mistakes)

    def seeing(self, frame: Frame) -> Scope:
        """The same position with other columns."""
        return attrs.evolve(self, frame=frame)
