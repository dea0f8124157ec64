"""leak_suspects: planted leaks in real data are found, and sound pipelines are left in peace."""

from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import attrs
import numpy as np
import polars as pl
import pytest
from mldsl_plugins.reports import leak_suspects
from mldsl_plugins.reports._single import leave_one_out, single_score
from mldsl_plugins.reports._twins import twins

from mldsl.contract.views import ReportView
from mldsl.plan import ColumnPlan

DATA = Path("examples/data")


def view_of(frame: pl.DataFrame, target: str, roles: dict[str, str] | None = None, **types: str) -> ReportView:
    """A run of these rows without a model: a fifth is the test part, the rest five folds."""
    n = frame.height
    columns = [
        ColumnPlan(
            name,
            types.get(name, "continuous" if kind.is_numeric() else "categorical"),
            role="target" if name == target else (roles or {}).get(name, "input"),
        )
        for name, kind in frame.schema.items()
    ]
    part = np.where(np.random.default_rng(5).random(n) < 0.2, "test", "train")
    number = np.random.default_rng(6).integers(0, 5, n)
    train = part == "train"
    folds = tuple(
        SimpleNamespace(repeat=0, index=i, train=train & (number != i), held=train & (number == i)) for i in range(5)
    )
    classes = not frame.schema[target].is_numeric()
    return ReportView(
        task="classification" if classes else "regression", target=target,
        levels=tuple(frame[target].unique().sort()) if classes else (), positive=None, models=(), best=None,
        frame=frame, part=part, columns=tuple(columns), training_folds=lambda: folds, folds=folds,
    )  # fmt: skip


def suspects(view: ReportView, **arguments) -> list[tuple[str, str]]:
    output = leak_suspects.compute(leak_suspects.Spec(**arguments), view)
    if not output.warnings:
        return []
    table = {c.name: list(c.values) for c in output.tables[0].columns}
    return list(zip(table["suspect"], table["column"], strict=True))


def read(name: str, *columns: str) -> pl.DataFrame:
    return pl.read_csv(DATA / f"{name}.csv", columns=list(columns) or None, infer_schema_length=None)


@pytest.mark.parametrize(
    ("name", "target", "columns"),
    [
        ("iris", "species", ()),
        ("wine", "cultivar", ()),
        ("titanic", "survived", ()),
        ("penguins", "species", ()),
        ("german_credit", "", ()),
        ("breast_cancer_wdbc", "diagnosis", ()),
        ("ames_housing", "sale_price", ("sale_price", "lot_area", "gr_liv_area", "year_built", "neighborhood")),
        ("digits_8x8", "", ()),
    ],
)
def test_no_false_alarm(name, target, columns) -> None:
    frame = read(name, *columns)
    target = target or frame.columns[-1]
    if name in ("wine", "german_credit", "digits_8x8", "titanic", "breast_cancer_wdbc"):
        frame = frame.with_columns(pl.col(target).cast(pl.String))
    view = view_of(frame, target)
    assert suspects(view) == []
    assert leak_suspects.compute(leak_suspects.Spec(), view).notes[0].startswith("Nothing is suspected.")


def test_an_answer_in_disguise() -> None:
    random = np.random.default_rng(0)
    titanic = read("titanic")
    boat = [f"boat {random.integers(1, 17)}" if s == "survived" else None for s in titanic["survived"]]
    lost = random.random(titanic.height) < 0.03
    frame = titanic.with_columns(pl.Series("boat", [None if m else b for b, m in zip(boat, lost, strict=True)]))
    assert suspects(view_of(frame, "survived")) == [("answer", "boat")]
    houses = read("ames_housing", "sale_price", "gr_liv_area", "neighborhood")
    noise = 1 + 0.02 * random.normal(size=houses.height)
    frame = houses.with_columns((pl.col("sale_price").log() * pl.Series(noise)).alias("tax"))
    assert suspects(view_of(frame, "sale_price")) == []  # the logarithm shrinks 2% to a quarter of the price
    frame = houses.with_columns((pl.col("sale_price") * pl.Series(noise)).log().alias("tax"))
    assert suspects(view_of(frame, "sale_price")) == [("answer", "tax")]


def test_the_leak_that_a_real_table_has() -> None:
    """Of the riders of an hour, those registered are most."""
    frame = read("bike_sharing", "count", "registered", "casual", "temp", "humidity")
    view = view_of(frame, "count", registered="integer", casual="integer")
    assert suspects(view) == [("answer", "registered")]
    assert suspects(view, threshold=0.5)[1:] == [("answer", "casual")]
    warning = leak_suspects.compute(leak_suspects.Spec(), view).warnings[0]
    assert "`registered` alone explains 95" in warning
    assert "write `registered: integer as ignore`" in warning


def test_rows_that_are_in_both_parts(build) -> None:
    wine = read("wine").with_columns(pl.col("cultivar").cast(pl.String))
    copies = wine.sample(30, seed=1)
    frame = pl.concat([wine, copies])
    output = leak_suspects.compute(leak_suspects.Spec(), view_of(frame, "cultivar"))
    assert suspects(view_of(frame, "cultivar")) == [("twins", "")]
    rows = build.cells(output, -1)
    for held, train in zip(rows["held-out row"], rows["training row"], strict=True):
        assert frame.row(held - 1) == frame.row(train - 1)


def test_identifiers() -> None:
    iris = read("iris")  # sorted by species
    assert suspects(view_of(iris.with_row_index("id"), "species", id="integer")) == [("identifier", "id")]
    named = iris.with_columns(pl.Series("flower", [f"flower {i * 7919 % 150}" for i in range(150)]))
    assert suspects(view_of(named, "species")) == [("identifier", "flower")]
    keyed = view_of(named, "species", {"flower": "key"})
    assert suspects(keyed) == []
    said = leak_suspects.compute(leak_suspects.Spec(), view_of(iris.with_row_index("id"), "species", id="integer"))
    assert "the order of rows explains" in said.warnings[0]
    assert "Write `id: integer as key`" in said.warnings[0]


def test_entities() -> None:
    """Wines tasted four times each: the taster's numbers differ a little, the wine is the same."""
    random = np.random.default_rng(2)
    wine = read("wine").with_columns(pl.col("cultivar").cast(pl.String)).with_row_index("wine")
    frame = pl.concat([wine] * 4)
    noise = pl.Series(random.normal(size=frame.height))
    frame = frame.with_columns(pl.col("alcohol") + noise, pl.col("wine") * 7919 % 178)
    found = suspects(view_of(frame, "cultivar", {"wine": "ignore"}, wine="integer"))
    assert found == [("entities", "wine")]
    assert suspects(view_of(frame, "cultivar", {"wine": "group"}, wine="integer")) == []


def test_times_that_order_the_target() -> None:
    start = datetime(2020, 1, 1)
    days = pl.Series("day", [start + timedelta(days=i) for i in range(300)])
    level = pl.Series("level", np.arange(300) + 30 * np.random.default_rng(1).normal(size=300))
    other = pl.Series("other", np.random.default_rng(2).normal(size=300))
    frame = pl.DataFrame([days, level, other])
    view = view_of(frame, "level", {"day": "time"}, day="time")
    assert suspects(view) == [("time", "day")]
    later = np.where(np.arange(300) < 240, "train", "test")
    assert suspects(attrs.evolve(view, part=later)) == []
    assert "as time" in leak_suspects.compute(leak_suspects.Spec(), view_of(frame, "level", day="time")).warnings[-1]


def test_without_a_target_or_held_out_rows() -> None:
    view = view_of(read("iris"), "species")
    assert "no target" in leak_suspects.compute(leak_suspects.Spec(), attrs.evolve(view, target=None)).notes[0]
    alone = attrs.evolve(view, part=np.array(["train"] * 150), training_folds=lambda: (), folds=())
    assert "Nothing is held out" in leak_suspects.compute(leak_suspects.Spec(), alone).notes[0]


# ---- the numbers -----------------------------------------------------------------------------------------------------
def test_single_scores_by_hand() -> None:
    n = 200
    fold = SimpleNamespace(train=np.arange(n) % 2 == 0, held=np.arange(n) % 2 == 1)
    x = np.linspace(0, 1, n)
    y = (3 * x - 1)[:, None]
    assert single_score(x, True, y, [fold]) > 0.999
    assert single_score(np.zeros(n), True, y, [fold]) == pytest.approx(0, abs=0.01)
    code = (np.arange(n) // 50).astype(np.int64)
    step = code.astype(float)[:, None]
    # 25 training rows a level, drawn towards the mean 1.5 by two more
    said = (25 * np.arange(4) + 2 * 1.5) / 27
    expected = 1 - ((np.arange(4) - said) ** 2).sum() / ((np.arange(4) - 1.5) ** 2).sum()
    assert single_score(code, False, step, [fold]) == pytest.approx(expected)
    assert np.isnan(single_score(code, False, np.ones((n, 1)), [fold]))


def test_leave_one_out_by_hand() -> None:
    code = np.array([0, 0, 1, 1, 2])
    y = np.array([[1.0], [3.0], [5.0], [5.0], [9.0]])
    # others: 3, 1, 5, 5 for 1, 3, 5, 5; the last row has none
    assert leave_one_out(code, y) == pytest.approx(1 - (4 + 4) / ((np.array([1, 3, 5, 5]) - 4.6) ** 2).sum())
    assert leave_one_out(np.arange(5), y) == 0.0


def test_twins_by_chance_do_not_count() -> None:
    coins = pl.DataFrame({"a": [0, 1] * 50, "b": [0, 0, 1, 1] * 25})
    odd = np.arange(100) % 2 == 1
    assert twins(coins, ["a", "b"], [(np.arange(100) < 80, np.arange(100) >= 80)]).pairs == []
    text = pl.DataFrame({"t": ["a sentence that nobody writes twice by chance", "b"] * 50})
    found = twins(text, ["t"], [(np.arange(100) < 50, (np.arange(100) >= 50) & ~odd)])
    assert (found.held, found.same, len(found.pairs)) == (25, 25, 25)
