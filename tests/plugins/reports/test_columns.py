"""data_profile and cluster_profiles: the columns of the file, in their own units."""

import attrs
import numpy as np
import polars as pl
import pytest
from mldsl_plugins.reports import cluster_profiles, data_profile
from sklearn import datasets

from mldsl.plan import ColumnPlan
from mldsl.plugin import NoSpec


@pytest.fixture(scope="module")
def passengers(build):
    frame = pl.DataFrame(
        {
            "age": [22.0, None, 35.0, 4.0, 58.0],
            "class": ["3rd", "1st", "3rd", "3rd", None],
            "constant": [1, 1, 1, 1, 1],
            "boarded": pl.Series([0, 86_400_000_000, None, 0, 0], dtype=pl.Datetime("us")),
            "name": ["a", "b", "c", "d", "e"],
            "gone": pl.Series([None] * 5, dtype=pl.Float64),
        }
    )
    columns = [
        ColumnPlan("age", "continuous", True), ColumnPlan("class", "ordinal", True, levels=("3rd", "2nd", "1st")),
        ColumnPlan("constant", "integer"), ColumnPlan("boarded", "time", True), ColumnPlan("name", "text"),
        ColumnPlan("gone", "continuous", True),
    ]  # fmt: skip
    return build.view("classification", [], frame=frame, columns=columns)


def test_profile(passengers, build) -> None:
    output = data_profile.compute(data_profile.Spec(), passengers)
    overview, numbers, levels = (build.cells(output, i) for i in range(3))
    assert overview["missing"] == [1, 1, 0, 1, 0, 5]
    assert overview["distinct"] == [4, 2, 1, 2, 5, 0]
    assert overview["most frequent"][1] == "3rd (60%)"
    age = {name: values[0] for name, values in numbers.items()}
    assert age["mean"] == pytest.approx(29.75)
    assert age["standard deviation"] == pytest.approx(np.std([22, 35, 4, 58], ddof=1))
    assert age["median"] == pytest.approx(28.5)
    assert numbers["largest"][numbers["column"].index("boarded")] == "1970-01-02"
    assert levels["level"] == ["3rd", "1st"]
    assert levels["rows"] == [3, 1]


def test_profile_points_out_what_is_odd(passengers) -> None:
    warnings = " ".join(data_profile.compute(data_profile.Spec(), passengers).warnings)
    assert "`constant` has one value only" in warnings
    assert "`gone` is missing in every row" in warnings


def test_profile_draws_numbers_and_levels(passengers) -> None:
    panels = data_profile.compute(data_profile.Spec(levels=1), passengers).figures[0].panels
    assert [p.title for p in panels] == ["age", "class", "constant", "boarded", "gone"]
    assert [p.y_kind for p in panels] == ["number", "category", "number", "number", "number"]
    assert panels[1].series[0].y == ["3rd"]


def test_profile_of_no_rows(passengers) -> None:
    empty = attrs.evolve(passengers, frame=passengers.frame.head(0))
    assert data_profile.compute(data_profile.Spec(), empty).tables


def test_clusters_are_described_in_the_files_own_units(clusters, build) -> None:
    data = datasets.load_wine()
    label = clusters.models[0].held_out.prediction
    output = cluster_profiles.compute(NoSpec(), clusters)
    sizes, means, spreads, levels = (build.cells(output, i) for i in range(4))
    assert sizes["rows"] == np.bincount(label).tolist()
    assert sum(sizes["share"]) == pytest.approx(1)
    distance = clusters.models[0].held_out.distance
    assert sizes["mean distance"][1] == pytest.approx(distance[label == 1, 1].mean())
    assert means["all"] == pytest.approx(data.data.mean(axis=0))
    assert means["1"] == pytest.approx(data.data[label == 1].mean(axis=0))
    assert spreads["2"] == pytest.approx(data.data[label == 2].std(axis=0, ddof=1))
    assert levels["column"] == ["cultivar"] * 3
    assert sum(levels["0"]) == pytest.approx(1)
    assert levels["2"][0] == pytest.approx((data.target[label == 2] == 0).mean())


def test_columns_that_differ_most_come_first(clusters) -> None:
    panel = cluster_profiles.compute(NoSpec(), clusters).figures[0].panels[0]
    largest = np.abs(panel.heatmap).max(axis=1)
    assert largest.tolist() == sorted(largest, reverse=True)


def test_rows_are_found_by_index_where_there_are_fewer(clusters, build) -> None:
    model = clusters.models[0]
    part, kept = model.held_out, np.array([5, 3, 100])
    fewer = attrs.evolve(
        part, name="test", weight=np.ones(3), row=kept, index=kept, prediction=part.prediction[kept],
        distance=part.distance[kept], inputs=None,
    )  # fmt: skip
    view = attrs.evolve(clusters, models=(attrs.evolve(model, held_out=fewer),))
    means = build.cells(cluster_profiles.compute(NoSpec(), view), 1)
    assert means["all"] == pytest.approx(clusters.frame.drop("cultivar")[kept.tolist()].to_numpy().mean(axis=0))


def test_noise_belongs_to_no_cluster(clusters, build) -> None:
    model = clusters.models[0]
    label = model.held_out.prediction.copy()
    label[:7] = -1
    part = attrs.evolve(model.held_out, prediction=label, distance=None)
    output = cluster_profiles.compute(NoSpec(), attrs.evolve(clusters, models=(attrs.evolve(model, held_out=part),)))
    assert "7 rows belong to no cluster" in output.tables[0].note
    assert sum(build.cells(output)["rows"]) == len(label) - 7


def test_a_model_without_clusters_is_named(clusters) -> None:
    model = clusters.models[0]
    without = attrs.evolve(model, held_out=attrs.evolve(model.held_out, prediction=None))
    output = cluster_profiles.compute(NoSpec(), attrs.evolve(clusters, models=(without,)))
    assert output.notes == ["k_means gives no clusters."]
