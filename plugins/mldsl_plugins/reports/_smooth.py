"""Lowess: a smooth curve through a cloud, of local lines that rows far off hardly move."""

from __future__ import annotations

import numpy as np

from mldsl_plugins.reports._shared import thin

_ROWS = 4000
_PLACES = 60


def lowess(
    x: np.ndarray, y: np.ndarray, weight: np.ndarray, share: float = 2 / 3, robust: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """The curve: places [g] and heights [g]. NaN cells are left out.

    At each place a line through the nearest `share` of the rows, with tricube weights of the distance; then `robust`
    times again with bisquare weights of the residuals, 0 from six median absolute residuals on. Up to 60 distinct x are
    all places; of more, quantiles are, and between them the curve is straight. Beyond 4,000 rows evenly spaced ones in
    the order of x are looked at. Cleveland 1979, doi:10.1080/01621459.1979.10481038.
    """
    known = np.isfinite(x) & np.isfinite(y) & (weight > 0)
    order = np.flatnonzero(known)[np.argsort(x[known], kind="stable")]
    order = order[thin(len(order), _ROWS)]
    x, y, weight = x[order], y[order], weight[order]
    if not len(x):
        return np.zeros(0), np.zeros(0)
    places = np.unique(x)
    if len(places) > _PLACES:
        places = np.unique(np.quantile(x, np.linspace(0, 1, _PLACES)))
    near = int(np.clip(int(share * len(x) + 1e-10), min(2, len(x)), len(x)))
    distance = np.abs(places[:, None] - x)
    reach = np.partition(distance, near - 1, axis=1)[:, near - 1 : near]
    ratio = distance / np.where(reach > 0, reach, 1)
    kernel = np.where(reach > 0, np.clip(1 - ratio**3, 0, None) ** 3, distance == 0) * weight
    own = np.ones(len(x))
    curve = _lines(kernel, x, y, places)
    for _ in range(robust):
        residual = np.abs(y - np.interp(x, places, curve))
        scale = 6 * np.median(residual)
        if not scale > 1e-12 * np.abs(y).max():
            break
        u = residual / scale
        own = np.where(u < 1, (1 - u**2) ** 2, 0)
        curve = _lines(kernel * own, x, y, places)
    return places, curve


def _lines(w: np.ndarray, x: np.ndarray, y: np.ndarray, places: np.ndarray) -> np.ndarray:
    total = w.sum(axis=1)
    safe = np.where(total > 0, total, 1)
    mean_x, mean_y = w @ x / safe, w @ y / safe
    away = x - mean_x[:, None]
    spread = (w * away**2).sum(axis=1)
    enough = spread > 1e-12 * safe * max(float(np.ptp(x)) ** 2, 1e-300)
    slope = np.where(enough, (w * away) @ y / np.where(enough, spread, 1), 0)
    return np.asarray(np.where(total > 0, mean_y + slope * (places - mean_x), np.nan))
