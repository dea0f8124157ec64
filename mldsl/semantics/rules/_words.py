"""What several rules say: why the task is what it is, and lists of columns."""

from __future__ import annotations

from collections.abc import Sequence

from mldsl.semantics.draft import Draft

# The order in which readers look for them; others follow by name.
_FAMILIAR = (
    "accuracy", "balanced_accuracy", "roc_auc", "f1", "precision", "rmse", "mae", "r2", "silhouette", "ndcg_at",
    "recall_at", "classification_report", "confusion_matrix", "roc_curve", "coefficients", "residual_plots",
    "cluster_profiles",
    "logistic_regression", "ridge", "cart", "random_forest", "gradient_boosting", "gaussian_naive_bayes", "k_means",
)  # fmt: skip


def why(draft: Draft) -> str:
    """Where the task comes from: `survived` is `categorical`, so this is classification."""
    return f"{reason(draft)}, so this is {draft.task}"


def reason(draft: Draft) -> str:
    """What decides the task."""
    query, user, item = (draft.role(role) for role in ("query", "user", "item"))
    if query is not None:
        return f"`{query.name}` is declared `as query`"
    if user is not None and item is not None:
        return f"`{user.name}` and `{item.name}` are user and item"
    if draft.target is not None:
        return f"`{draft.target.name}` is `{draft.target.type}`"
    return "there is no target"


def familiar(names: Sequence[str], limit: int = 5) -> str:
    """Some of these names, the best known first."""
    rank = {name: index for index, name in enumerate(_FAMILIAR)}
    return ", ".join(sorted(names, key=lambda name: (rank.get(name, len(rank)), name))[:limit])


def listed(names: Sequence[str], limit: int = 3) -> str:
    """`a`, `b` and 4 others."""
    quoted = [f"`{name}`" for name in names]
    if len(quoted) <= limit:
        return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + f" and {quoted[-1]}"
    rest = len(quoted) - limit + 1
    return ", ".join(quoted[: limit - 1]) + f" and {rest} others"


def columns_text(names: Sequence[str]) -> str:
    """Columns as they are written after `on`: `age`, `[age, fare]`, globs in quotes."""
    written = [f'"{name}"' if any(sign in name for sign in "*?[") else _name(name) for name in names]
    return written[0] if len(written) == 1 else f"[{', '.join(written)}]"


def _name(name: str) -> str:
    return name if name.isidentifier() else f"`{name}`"
