"""The reference page: everything that is declared is on it, in both forms."""

from __future__ import annotations

from typing import Any, Literal

import attrs
import pytest

from mldsl.plugin import Function, Metric, Model, Operand, Output, Share, Transform, param
from mldsl.plugin.declaration import Declaration
from mldsl.plugin.extract import declare
from mldsl.plugin.reference import example, facts, markdown_page, signature, text_page

DOC = """K-means clustering: Lloyd's iterations.

Minimises inertia, the weighted sum of squared Euclidean distances from each row to its nearest
centroid.

Shapes: n rows, d features, k clusters. O(n k d) time per
        iteration, O(n k) memory.
Units:  all features share one unit u.

    a formula   kept = as it is
"""


@attrs.frozen
class Random:
    """Random rows."""

    tries: int = param(10, ge=1, doc="How many.")


@attrs.frozen
class Spec:
    """Hyperparameters."""

    clusters: int = param(ge=1, doc="Number of centroids, k.", search="2..12", also_known_as=("n_clusters",))
    max_iter: int = param(300, ge=1, unit="iterations", doc="Most to run.")
    tol: float = param(1e-4, ge=0, traced=True, doc="Stop at this shift.", only_if="init = random")
    init: str | Random = param("plus", choices={"plus": None, "random": Random}, doc="Where to start.")
    sample: Share | None = param(None, doc="Rows to use.")


K_MEANS = declare(
    Model(
        "k_means", Spec, doc=DOC, tasks={"cluster"}, example=Spec(3), scale_sensitive=True,
        also_known_as=["KMeans"], exceptions={"row_order": "the first centroid is a random row"},
        sources=["Lloyd 1982, doi:10.1109/TIT.1982.1056489"],
    ),
    "core",
    "",
)  # fmt: skip

TEXT = """\
k_means, a model of core
K-means clustering: Lloyd's iterations.

  k_means(clusters, max_iter = 300, tol = 1e-4, init = plus, sample?)

Minimises inertia, the weighted sum of squared Euclidean distances from each row
to its nearest centroid.

Shapes:  n rows, d features, k clusters. O(n k d) time per iteration, O(n k)
         memory.
Units:   all features share one unit u.

    a formula   kept = as it is

Parameters
  clusters         integer >= 1; required
                   Number of centroids, k. Worth searching: 2..12. Elsewhere:
                   n_clusters.
  max_iter         integer >= 1, in iterations; default 300
                   Most to run.
  tol              number >= 0; default 1e-4
                   Stop at this shift. Only with `init = random`. Changing it
                   does not recompile.
  init             plus | random(...); default plus
                   Where to start.
    random(tries)  integer >= 1; default 10
                   How many.
  sample           share in 0..1; optional
                   Rows to use.

  Tasks           clustering
  Columns         continuous, integer, binary, ordinal
  Missing values  refused
  Scale           matters: `standardize` the columns first

Elsewhere called
  KMeans
Exceptions to the conformance kit
  row_order: the first centroid is a random row
Sources
  Lloyd 1982, doi:10.1109/TIT.1982.1056489

Example
  model { k_means(clusters = 3) }"""


def test_the_page_for_a_terminal() -> None:
    # Sections at the end are set apart by blank lines, which say nothing here.
    page = text_page(K_MEANS, 80)
    assert page.replace("\n\n", "\n") == TEXT.replace("\n\n", "\n")
    assert max(map(len, page.splitlines())) <= 80


@pytest.mark.parametrize("width", [40, 60, 100])
def test_it_keeps_to_the_width(width: int) -> None:
    lines = text_page(K_MEANS, width).splitlines()
    assert max(len(line) for line in lines if "doi:" not in line) <= width


def test_the_page_for_the_site() -> None:
    page = markdown_page(K_MEANS)
    assert page.startswith("# `k_means`\n\nK-means clustering: Lloyd's iterations.\n\n*A model of core*\n")
    assert "```mlp\nmodel { k_means(clusters = 3) }\n```" in page
    assert "| `clusters` | integer >= 1 | required | Number of centroids, k. Worth searching: 2..12." in page
    assert r"| `init` | plus \| random(...) | `plus` | Where to start. |" in page
    assert "| &nbsp;&nbsp;&nbsp;&nbsp;`random(tries)` | integer >= 1 | `10` | How many. |" in page
    assert "```text\nShapes: n rows, d features" in page
    assert "- row_order: the first centroid is a random row" in page
    assert "doi:10.1109/TIT.1982.1056489" in page
    columns = {line.count(" | ") for line in page.splitlines() if line.startswith("| ") and "\\|" not in line}
    assert columns <= {1, 3}


def page_of(component: Any) -> Declaration:
    return declare(component, "core", "")


def test_what_other_kinds_take_and_give() -> None:
    step = page_of(Transform("one_hot", doc="O.", inputs=("categorical",), outputs=[Output("{column}_*", "binary")]))
    assert dict(facts(step))["Gives"] == "`{column}_*` binary"
    assert example(step) == "transforms { one_hot on categorical }"
    metric = page_of(Metric("rmse", doc="R.", metric=print, tasks={"regress"}, better="lower", lowest=0.0))
    assert dict(facts(metric)) == {"Tasks": "regression", "Better": "lower, 0..", "Needs": "labels"}
    assert example(metric) == "metrics { rmse }"
    year = page_of(Function("year", doc="Y.", expression=print, operands=[Operand("of", ("time",))], gives="integer"))
    assert dict(facts(year)) == {"of": "time", "Gives": "integer", "Missing": "if an operand is"}
    assert signature(year) == "year(of)"
    assert example(year) == "features { result: integer = year(of) }"


def test_an_example_is_made_where_none_is_given() -> None:
    @attrs.frozen
    class Needs:
        k: int = param(ge=3, doc="K.")
        rule: Literal["gini", "entropy"] = param(doc="R.")
        note: str = param(doc="N.")

    made = example(page_of(Model("thing", Needs, doc="T.", tasks={"rank"})))
    assert made == 'model { thing(k = 3, rule = gini, note = "...") }'


def test_sources_that_the_text_names_are_not_repeated() -> None:
    text = text_page(page_of(Model("m", doc="M.\n\nSources: Lloyd 1982.", sources=["Lloyd 1982"], tasks={"rank"})))
    assert text.count("Lloyd 1982") == 1
