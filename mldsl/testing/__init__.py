"""The conformance kit: what a careful reviewer would try on any component, as a function and as tests.

`check_component(component)` gives what is wrong, `[]` if nothing is; `check_plugin(name)` does so for everything that
an installed plugin provides (`mldsl plugins check NAME`); `conformance_cases(component)` gives the same checks one by
one, for pytest. What each check means stands in `CHECKS`. What cannot hold for a component is declared there, with the
reason: `exceptions={"row_order": "the stream is ordered"}`; such a check is not run, and the reason is documented.
"""

from mldsl.testing.finding import CHECKS, Case, Finding
from mldsl.testing.kit import check_component, check_plugin, conformance_cases

__all__ = ["CHECKS", "Case", "Finding", "check_component", "check_plugin", "conformance_cases"]
