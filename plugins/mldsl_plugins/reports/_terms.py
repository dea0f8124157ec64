"""What the reports on coefficients share: the terms of a model, their errors, what is said of them, their picture."""

from __future__ import annotations

import math

import attrs
import numpy as np

from mldsl.contract.views import ModelView, ReportView
from mldsl.plugin.display import Figure, Panel, Series
from mldsl_plugins.reports._matrix import has_intercept
from mldsl_plugins.reports._shared import attribute
from mldsl_plugins.reports._statistics import two_sided_p, two_sided_quantile

_SHOWN = 30
_WIDEST = 20  # times as wide as all estimates lie apart is an interval that is cut
_SCALING = ("standardize", "min_max_scale", "robust_scale")
INTERCEPT = "(intercept)"
BETWEEN = " | "  # two levels, a cutpoint


@attrs.frozen
class Terms:
    """The coefficients of one model, one entry a term and output; `error` is NaN where there is no standard error."""

    model: ModelView
    output: list[str]
    term: list[str]
    estimate: np.ndarray
    error: np.ndarray
    degrees: float

    @property
    def statistic(self) -> np.ndarray:
        """Estimates over their standard errors."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.estimate / self.error)

    @property
    def p(self) -> np.ndarray:
        """Two-sided p-values of no effect."""
        return two_sided_p(self.statistic, self.degrees)

    def of_column(self, place: int) -> bool:
        """Whether a term is an effect: neither an intercept nor a cutpoint between two levels."""
        return self.term[place] != INTERCEPT and BETWEEN not in self.term[place]

    def bounds(self, confidence: float) -> tuple[np.ndarray, np.ndarray]:
        """The intervals' ends."""
        reach = two_sided_quantile(confidence, self.degrees) * self.error
        return self.estimate - reach, self.estimate + reach


def terms_of(model: ModelView, view: ReportView) -> Terms | None:
    """The coefficients of a model, or None where it has none."""
    coefficients = attribute(model.params, "coefficients")
    names = list(model.terms or model.features)
    if coefficients is None or (coefficients.size and coefficients.shape[-1] != len(names)):
        return None
    coefficients = np.atleast_2d(coefficients).astype(float)
    k = len(coefficients)
    intercept = attribute(model.params, "intercept")
    error, intercept_error = attribute(model.info, "standard_error"), attribute(model.info, "intercept_standard_error")
    if error is None or _penalties(model):
        error = intercept_error = np.full(coefficients.shape, np.nan)
    error = np.atleast_2d(error).astype(float)
    outputs = _outputs(k, view)
    if intercept is not None and has_intercept(model):
        names = [INTERCEPT, *names]
        coefficients = np.column_stack([np.atleast_1d(intercept).astype(float), coefficients])
        first = np.full(k, np.nan) if intercept_error is None or intercept_error.ndim > 1 else intercept_error
        error = np.column_stack([np.atleast_1d(first).astype(float), error])
    cutpoints = attribute(model.params, "cutpoints")
    if cutpoints is not None and len(cutpoints) == len(view.levels) - 1:  # of levels that have an order
        names += [f"{low}{BETWEEN}{high}" for low, high in zip(view.levels, view.levels[1:], strict=False)]
        own = attribute(model.info, "cutpoint_standard_error")
        none = own is None or _penalties(model)
        coefficients = np.column_stack([coefficients, np.atleast_2d(cutpoints).astype(float)])
        error = np.column_stack([error, np.full((1, len(cutpoints)), np.nan) if none else np.atleast_2d(own)])
    degrees = attribute(model.info, "residual_degrees_of_freedom")
    # Without a penalty one class is the reference: all of its log odds are 0 by definition, not by estimation.
    shown = [i for i in range(k) if k == 1 or np.any(coefficients[i] != 0) or np.any(error[i] != 0)] or list(range(k))
    return Terms(
        model,
        [outputs[i] for i in shown for _ in names],
        names * len(shown),
        coefficients[shown].ravel(),
        error[shown].ravel(),
        math.inf if degrees is None else float(degrees),
    )


def _outputs(k: int, view: ReportView) -> list[str]:
    """What each row of coefficients is about."""
    levels = view.levels
    if k == len(levels):
        return list(levels)
    if k == len(levels) - 1 and k > 1:  # the first level is the reference
        return list(levels[1:])
    if k == 1 and len(levels) == 2:
        return [levels[1]]
    return [view.target or ""] if k == 1 else [str(i) for i in range(k)]


def penalty_of(model: ModelView) -> float:
    """The largest weight of a penalty on its coefficients."""
    return max(_penalties(model).values(), default=0.0)


def _penalties(model: ModelView) -> dict[str, float]:
    """The penalties that a model has; one that is written is there, even if its weight is 0."""
    found = {}
    for name in ("l1", "l2"):
        value = getattr(model.spec, name, None)
        if value is not None and (float(value) > 0 or _absent_by_default(model.spec, name)):
            found[name] = float(value)
    return found


def _absent_by_default(spec: Any, name: str) -> bool:
    return any(f.name == name and f.default is None for f in attrs.fields(type(spec)))


def notes_of(model: ModelView) -> list[str]:
    """What a reader of its coefficients must know: no standard errors, and what a unit is."""
    out = []
    downhill = model.info is None and bool(model.history)
    penalties = _penalties(model)
    if penalties:
        # What is there by default is set to 0; what is not is left out.
        zero = [f"{name} = 0" for name in penalties if not _absent_by_default(model.spec, name)]
        left_out = [f"`{name}`" for name in penalties if _absent_by_default(model.spec, name)]
        if left_out and not zero and hasattr(model.spec, "l2"):
            zero = ["l2 = 0"]
        instead = f"`{model.algorithm}({', '.join([*zero, *(['solver = newton'] if downhill else [])])})`"
        instead += f" without {' and '.join(left_out)}" if left_out else ""
        if not downhill and attribute(model.info, "standard_error") is None:
            instead = _with_errors(model)
        name, value = max(penalties.items(), key=lambda pair: pair[1])
        out.append(
            f"{model.name}: no standard errors, p-values or intervals. The penalty ({name} = {value:g}) draws the "
            f"estimates towards 0, and such figures would not describe them. Write {instead} for these."
        )
    elif downhill:
        out.append(
            f"{model.name}: no standard errors, p-values or intervals. Its solver goes downhill and stops near the "
            "optimum, not at it. Write `solver = newton` for these."
        )
    elif attribute(model.info, "standard_error") is None:
        out.append(
            f"{model.name}: `{model.algorithm}` gives no standard errors, p-values or intervals; {_with_errors(model)} "
            "does."
        )
    scaled = [text for text, *_ in model.steps if text.split("(")[0].strip() in _SCALING]
    if scaled:
        out.append(f"{model.name}: a unit is one of the columns after `{'`, `'.join(dict.fromkeys(scaled))}`.")
    if model.target_scale:
        out.append(f"{model.name}: fitted to `{model.target_scale}` of the target, and on that scale.")
    return out


def _with_errors(model: ModelView) -> str:
    """The linear model that has standard errors, for one that has none whatever its settings."""
    return "`logistic_regression(l2 = 0)`" if model.shape.classes else "`ols`"


def warnings_of(model: ModelView) -> list[str]:
    """That its coefficients have no finite values."""
    separated = attribute(model.info, "separated")
    if separated is None or not bool(np.any(separated)) or penalty_of(model) > 0:
        return []
    wholly, alone = attribute(model.info, "separated_wholly"), attribute(model.info, "separating")
    how = "perfectly" if wholly is None or bool(wholly) else "in part (quasi-complete separation)"
    names = [] if alone is None else [f"`{f}`" for f, kind in zip(model.features, alone, strict=False) if kind]
    alone_text = f" ({', '.join(names[:5])}{' and more' if len(names) > 5 else ''} alone)" if names else ""
    text = (
        f"{model.name}: the columns separate the classes {how}{alone_text}, so no finite coefficients fit best; "
        f"estimates and standard errors only show where the fit stopped. Write `{model.algorithm}(l2 = 1)`, or leave "
        "out the columns that give the answer away."
    )
    return [text]


def exponential(value: np.ndarray) -> np.ndarray:
    """exp, infinite where that is too large."""
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(value))


def forest(
    terms: Terms, confidence: float, *, what: str, exponentiate: bool, label: str, several: bool, place: int
) -> Figure:
    """Estimates with intervals, a panel an output; the largest where there are many; the intercept is left out."""
    low, high = terms.bounds(confidence)
    change = exponential if exponentiate else np.asarray
    neutral = 1.0 if exponentiate else 0.0
    panels, title = [], what
    outputs = list(dict.fromkeys(terms.output))
    for output in outputs:
        rows = [i for i, o in enumerate(terms.output) if o == output and terms.of_column(i)]
        if len(rows) > _SHOWN:  # the largest, from the highest to the lowest
            rows = sorted(rows, key=lambda i: -abs(terms.estimate[i]))[:_SHOWN]
            rows.sort(key=lambda i: -terms.estimate[i])
            title = f"The {_SHOWN} largest {what.lower()}"
        names = [terms.term[i] for i in rows]
        bounded = bool(np.isfinite(low[rows]).any())
        frame = _frame(terms.estimate[rows], low[rows], high[rows])
        ends = [bound[rows] if frame is None else np.clip(bound[rows], *frame) for bound in (low, high)]
        series = [
            Series([neutral] * len(names), names, "", emphasis="reference"),
            Series(
                change(terms.estimate[rows]), names, "",
                low=change(ends[0]) if bounded else None, high=change(ends[1]) if bounded else None, mark="points",
            ),
        ] if names else []  # fmt: skip
        panels.append(
            Panel(
                f"{label}{f', {100 * confidence:g}% interval' if bounded else ''}"
                f"{'' if frame is None else ', the widest cut off'}" if names else label, "", series,
                title=output if len(outputs) > 1 else "", y_kind="category",
                x_kind="log" if exponentiate else "number",
                x_range=None if frame is None else (float(change(frame[0])), float(change(frame[1]))),
            )
        )  # fmt: skip
    most = max(range(len(terms.term)), key=lambda i: abs(terms.estimate[i]) if terms.of_column(i) else -1)
    shown = float(change(terms.estimate[most : most + 1])[0])
    alt = f"{what} of {terms.model.name}; the largest is {shown:.4g}, of {terms.term[most]}."
    return Figure(
        f"{title} of {terms.model.name}" if several else title,
        [p for p in panels if p.series],
        alt,
        name=terms.model.name if place else "",
    )


def _frame(estimate: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[float, float] | None:
    """Where the axis ends if some interval is so wide that beside it all estimates would be one point; else None."""
    if not len(estimate):
        return None
    first, last = min(float(estimate.min()), 0.0), max(float(estimate.max()), 0.0)
    room = last - first
    widest = float(np.nanmax(high - low, initial=0.0))
    return (first - room, last + room) if 0 < _WIDEST * room < widest else None


def several_outputs(found: list[Terms]) -> bool:
    """Whether a model has coefficients for more than one class."""
    return any(len(set(terms.output)) > 1 for terms in found)
