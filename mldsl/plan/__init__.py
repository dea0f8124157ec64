"""The plan: the pipeline as typed data without syntax, and how it prints."""

from mldsl.plan.model import (
    Apply,
    ClassCount,
    ColumnPlan,
    Columns,
    ColumnState,
    ColumnUse,
    ComponentValue,
    Constant,
    DesignPlan,
    EnvSecret,
    MetricPlan,
    ModelPlan,
    NetworkPlan,
    ParamPlan,
    Plan,
    RowExpression,
    SplitPlan,
    StepPlan,
    Task,
    Threshold,
    TunePlan,
)  # fmt: skip

__all__ = [
    "Apply", "ClassCount", "ColumnPlan", "ColumnState", "ColumnUse", "Columns", "ComponentValue", "Constant",
    "DesignPlan", "EnvSecret", "MetricPlan", "ModelPlan", "NetworkPlan", "ParamPlan", "Plan", "RowExpression",
    "SplitPlan", "StepPlan", "Task", "Threshold", "TunePlan",
]  # fmt: skip
