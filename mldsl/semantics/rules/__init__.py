"""The judge: one file per rule, named by its code. A rule looks at the draft and yields diagnostics, nothing else.

The docstring of a rule is the page that `mldsl explain CODE` prints.
"""

from __future__ import annotations

from collections.abc import Iterator

from mldsl.diagnostics.diagnostic import Diagnostic
from mldsl.semantics.draft import Draft
from mldsl.semantics.rules import (
    mlp0204_step_columns,
    mlp0301_leak,
    mlp0302_groups,
    mlp0303_metric_task,
    mlp0304_two_primaries,
    mlp0305_search_space,
    mlp0306_target_missing,
    mlp0307_missing_values,
    mlp0308_no_rounds,
    mlp0309_no_validation,
    mlp0310_model_task,
    mlp0311_model_columns,
    mlp0313_closing_activation,
    mlp0314_needs,
    mlp0315_time_order,
    mlp0316_simpler,
    mlp0317_threshold_metric,
    mlp0318_margins,
    mlp0801_unused_param,
    mlp0802_unscaled,
    mlp0803_no_columns,
)  # fmt: skip

RULES = (
    mlp0204_step_columns, mlp0301_leak, mlp0302_groups, mlp0303_metric_task, mlp0304_two_primaries,
    mlp0305_search_space, mlp0306_target_missing, mlp0307_missing_values, mlp0308_no_rounds, mlp0309_no_validation,
    mlp0310_model_task, mlp0311_model_columns, mlp0313_closing_activation, mlp0314_needs, mlp0315_time_order,
    mlp0316_simpler, mlp0317_threshold_metric, mlp0318_margins, mlp0801_unused_param, mlp0802_unscaled,
    mlp0803_no_columns,
)  # fmt: skip


def judge(draft: Draft) -> Iterator[Diagnostic]:
    """What every rule finds."""
    for rule in RULES:
        yield from rule.check(draft)
