"""`python -m docs.deceptions`: measure how far each leak deceives, and write the table of `leaks.md` anew.

Every measurement is of data that holds nothing to learn, or little, so that what is promised beyond it is the leak's
doing. Simulated with NumPy alone: what is shown is the leak, not an algorithm. A test compares the page with `table()`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "leaks.md"
TABLE = re.compile(r"(?<=<!-- deceptions -->\n).*?(?=<!-- end -->)", re.DOTALL)
REPEATS = 20


@attrs.frozen
class Deception:
    """One row: the leak, what is measured on what, and the number with the leak and without."""

    leak: str
    measured: str
    leaking: float
    honest: float


def _mean(measure: Callable[[np.random.Generator], tuple[float, float]]) -> tuple[float, float]:
    """Both numbers, each the mean of some simulations."""
    found = np.array([measure(np.random.Generator(np.random.Philox(seed))) for seed in range(REPEATS)])
    leaking, honest = found.mean(axis=0)
    return float(leaking), float(honest)


def _nearest(x: np.ndarray, y: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """What the nearest training row says of each test row."""
    distance = (x[test] ** 2).sum(1)[:, None] + (x[train] ** 2).sum(1) - 2 * x[test] @ x[train].T
    return np.asarray(y[train][distance.argmin(axis=1)])


def _cut(random: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Random training rows and a fifth to test on."""
    order = random.permutation(n)
    return order[n // 5 :], order[: n // 5]


def groups(random: np.random.Generator) -> tuple[float, float]:
    """Accuracy by rows and by patients: 40 patients, 25 pictures of each, and labels drawn by lot."""
    patient = np.repeat(np.arange(40), 25)
    y = random.integers(0, 2, 40)[patient]
    x = random.normal(size=(40, 20))[patient] + 0.7 * random.normal(size=(1000, 20))
    train, test = _cut(random, 1000)
    held = np.isin(patient, random.permutation(40)[:8])
    by_row = (_nearest(x, y, train, test) == y[test]).mean()
    whole = (_nearest(x, y, np.flatnonzero(~held), np.flatnonzero(held)) == y[held]).mean()
    return float(by_row), float(whole)


def time(random: np.random.Generator) -> tuple[float, float]:
    """Error, in daily steps, of saying what the nearest known day was: rows of all days, or the last fifth held out."""
    y = random.normal(size=1000).cumsum()
    day = np.arange(1000.0)[:, None]
    train, test = _cut(random, 1000)
    ordered = np.arange(800), np.arange(800, 1000)
    errors = [np.sqrt(((_nearest(day, y, *rows) - y[rows[1]]) ** 2).mean()) for rows in ((train, test), ordered)]
    return float(errors[0]), float(errors[1])


def selection(random: np.random.Generator) -> tuple[float, float]:
    """Accuracy over 5 folds of the 20 columns that go best with the label, of 5,000 columns of noise in 50 rows."""
    x, y = random.normal(size=(50, 5000)), np.repeat([0, 1], 25)
    fold = random.permutation(50) % 5

    def chosen(rows: np.ndarray) -> np.ndarray:
        return np.argsort(-abs(x[rows][y[rows] == 1].mean(0) - x[rows][y[rows] == 0].mean(0)))[:20]

    def right(columns: Callable[[np.ndarray], np.ndarray]) -> float:
        hits = np.zeros(50)
        for index in range(5):
            train, test = fold != index, fold == index
            kept = columns(train)
            centers = np.stack([x[train & (y == k)][:, kept].mean(0) for k in (0, 1)])
            said = ((x[test][:, kept, None] - centers.T) ** 2).sum(1).argmin(1)
            hits[test] = said == y[test]
        return float(hits.mean())

    everything = chosen(np.ones(50, bool))
    return right(lambda _: everything), right(chosen)


def scaling(random: np.random.Generator) -> tuple[float, float]:
    """Accuracy of the nearest neighbor where columns are scaled by all rows, or by training rows: 60 rows."""
    y = random.integers(0, 2, 60)
    x = random.normal(size=(60, 5)) * 10.0 ** np.arange(5)
    x[:, 0] += y
    train, test = _cut(random, 60)
    found = [(_nearest(x / x[rows].std(0), y, train, test) == y[test]).mean() for rows in (np.arange(60), train)]
    return float(found[0]), float(found[1])


def resampling(random: np.random.Generator) -> tuple[float, float]:
    """Balanced accuracy of the nearest neighbor on noise with 5 % of rare rows, repeated before or after the split."""
    x, y = random.normal(size=(1000, 5)), (random.random(1000) < 0.05).astype(int)

    def score(rows: np.ndarray, train: np.ndarray, test: np.ndarray) -> float:
        said = _nearest(x, y, rows[train], rows[test]) == y[rows[test]]
        truth = y[rows[test]]
        return float((said[truth == 1].mean() + said[truth == 0].mean()) / 2)

    repeated = np.concatenate([np.arange(1000), np.repeat(np.flatnonzero(y), 18)])
    train, test = _cut(random, 1000)
    return score(repeated, *_cut(random, len(repeated))), score(np.arange(1000), train, test)


def _auc(score: np.ndarray, y: np.ndarray) -> float:
    above = score[y == 1][:, None] - score[y == 0]
    return float(((above > 0) + (above == 0) / 2).mean())


def encoding(random: np.random.Generator) -> tuple[float, float]:
    """ROC AUC on test rows of a city's mean target: 400 cities, 1,000 rows, a target drawn by lot."""
    city, y = random.integers(0, 400, 1000), random.integers(0, 2, 1000)
    train, test = _cut(random, 1000)

    def means(rows: np.ndarray) -> np.ndarray:
        count, total = (np.bincount(city[rows], weights, 400) for weights in (np.ones(len(rows)), y[rows]))
        return (total + 0.5) / (count + 1)

    return _auc(means(np.arange(1000))[city[test]], y[test]), _auc(means(train)[city[test]], y[test])


def threshold(random: np.random.Generator) -> tuple[float, float]:
    """Balanced accuracy on 100 rows, of the threshold that is best on them or on 100 others."""

    def rows() -> tuple[np.ndarray, np.ndarray]:
        y = np.repeat([0, 1], 50)
        return random.normal(size=100) + y, y

    def score(score: np.ndarray, y: np.ndarray, at: float) -> float:
        return float(((score[y == 1] >= at).mean() + (score[y == 0] < at).mean()) / 2)

    test, other = rows(), rows()
    best = [max(s, key=lambda at, s=s, y=y: score(s, y, at)) for s, y in (test, other)]
    return score(*test, best[0]), score(*test, best[1])


def lottery(random: np.random.Generator) -> tuple[float, float]:
    """Accuracy of the best of 100 models (or seeds) that know nothing, on the 100 rows that chose it and on others."""
    y = random.integers(0, 2, 200)
    said = random.integers(0, 2, (100, 200)) == y
    best = said[:, :100].mean(axis=1).argmax()
    return float(said[best, :100].mean()), float(said[best, 100:].mean())


def stopping(random: np.random.Generator) -> tuple[float, float]:
    """Accuracy of a logistic regression by gradient steps, stopped where it is best on 50 rows: there and on others."""
    x, y = random.normal(size=(160, 30)), random.integers(0, 2, 160)
    x[:, 0] += 0.7 * y
    train, test, other = slice(0, 60), slice(60, 110), slice(110, 160)
    w = np.zeros(30)
    path = []
    for _ in range(200):
        w -= 0.05 * x[train].T @ (1 / (1 + np.exp(-x[train] @ w)) - y[train]) / 6
        path.append([(((x[rows] @ w) > 0) == y[rows]).mean() for rows in (test, other)])
    best = int(np.argmax([on_test for on_test, _ in path]))
    return float(path[best][0]), float(path[best][1])


def duplicates(random: np.random.Generator) -> tuple[float, float]:
    """Accuracy of the nearest neighbor on noise where every row stands in the file twice, or once."""
    x, y = random.normal(size=(500, 5)), random.integers(0, 2, 500)
    twice = np.tile(np.arange(500), 2)
    train, test = _cut(random, 1000)
    once = _cut(random, 500)
    leaking = (_nearest(x, y, twice[train], twice[test]) == y[twice[test]]).mean()
    return float(leaking), float((_nearest(x, y, *once) == y[once[1]]).mean())


def order(random: np.random.Generator) -> tuple[float, float]:
    """Accuracy of the row's number alone on iris, whose file is sorted by species; and of its lot."""
    lines = (ROOT / "examples" / "data" / "iris.csv").read_text("utf-8").split()[1:]
    y = np.array([line.rpartition(",")[2] for line in lines])
    number = np.arange(float(len(y)))[:, None]
    train, test = _cut(random, len(y))
    said = [_nearest(x, y, train, test) for x in (number, random.permutation(number))]
    return float((said[0] == y[test]).mean()), float((said[1] == y[test]).mean())


MEASURED: tuple[tuple[str, str, Callable[[np.random.Generator], tuple[float, float]]], ...] = (
    ("groups torn apart", "accuracy; 40 patients, 25 pictures of each, nothing to learn", groups),
    ("the future in training", "error in steps of a random walk; of all days, or later ones", time),
    ("columns chosen on all rows", "accuracy; the best 20 of 5,000 columns of noise, 50 rows", selection),
    ("columns scaled on all rows", "accuracy; 60 rows, a little to learn", scaling),
    ("rare rows repeated before the split", "balanced accuracy; 5 % of rare rows, nothing to learn", resampling),
    ("a level's mean target of all rows", "ROC AUC; 400 cities, 1,000 rows, nothing to learn", encoding),
    ("the threshold chosen on test rows", "balanced accuracy; 100 test rows", threshold),
    ("the best of 100 on test rows", "accuracy; models or seeds that know nothing, 100 test rows", lottery),
    ("training stopped by test rows", "accuracy; 50 test rows, a little to learn", stopping),
    ("rows that stand in the file twice", "accuracy; nothing to learn", duplicates),
    ("the number of a row in a sorted file", "accuracy; iris, three species", order),
)


def measure() -> list[Deception]:
    """All of it."""
    return [Deception(leak, measured, *_mean(function)) for leak, measured, function in MEASURED]


def table() -> str:
    """The table of the page."""
    rows = ["", "| leak | measured | promised | true |", "| --- | --- | --- | --- |"]
    rows += [f"| {d.leak} | {d.measured} | {d.leaking:.2f} | {d.honest:.2f} |" for d in measure()]
    return "\n".join(rows) + "\n\n"


def main() -> None:
    """Write the table anew."""
    text = PAGE.read_text("utf-8")
    PAGE.write_text(TABLE.sub(lambda _: table(), text), "utf-8")
    sys.stdout.write(table())


if __name__ == "__main__":
    main()
