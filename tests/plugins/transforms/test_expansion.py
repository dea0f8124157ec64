"""Steps that make several columns of few: the reference's columns, in its order, and their names."""

from __future__ import annotations

import numpy as np
import pytest
from mldsl_plugins.expansion import interactions, polynomial
from sklearn.preprocessing import PolynomialFeatures

from mldsl.plugin import NamedColumn

SPECS = {"polynomial": polynomial.Spec, "interactions": interactions.Spec}


@pytest.mark.parametrize("degree", [2, 3])
@pytest.mark.parametrize("name", SPECS)
def test_products(name, degree, run, wine, agreement):
    x = wine[0][:, :5]
    expected = PolynomialFeatures(degree, interaction_only=name == "interactions", include_bias=False).fit(x)
    fitted = run(name, SPECS[name](degree), x)
    agreement(f"transform.{name}", f"columns of degree {degree}", fitted.apply(x), expected.transform(x),
              reference="scikit-learn", data="wine", relative=1e-6)  # fmt: skip
    theirs = expected.get_feature_names_out([c.name for c in fitted.names[:5]])
    assert [c.name for c in fitted.names] == [n.replace(" ", ":") for n in theirs]


def test_a_binary_column_has_no_powers_and_keeps_its_type(run):
    columns = (NamedColumn("age", "integer"), NamedColumn("male", "binary", ("no", "yes")))
    spec = polynomial.bind(polynomial.Spec(3), columns)
    made = polynomial.names(spec, columns)
    assert [c.name for c in made] == ["age", "male", "age^2", "age:male", "age^3", "age^2:male"]
    assert [c.type for c in made] == ["integer", "binary", "integer", "continuous", "integer", "continuous"]
    x = np.array([[3.0, 1.0], [2.0, 0.0]])
    found = run("polynomial", polynomial.Spec(3), x, columns=columns).apply(x)
    assert found.tolist() == [[3, 1, 9, 3, 27, 9], [2, 0, 4, 0, 8, 0]]


@pytest.mark.parametrize("name", SPECS)
def test_products_of_columns_that_do_not_exist_do_not_exist(name, run, wine):
    fitted = run(name, SPECS[name](2), wine[0][:, :3], active=[True, False, True])
    for column, active in zip(fitted.names, fitted.params.active, strict=True):
        assert active == ("x1" not in column.name)


@pytest.mark.parametrize("module", [polynomial, interactions])
def test_too_many_products_are_refused_before_they_are_made(module):
    columns = tuple(NamedColumn(f"x{j}", "continuous") for j in range(400))
    (problem,) = module.bind(module.Spec(degree=8), columns)
    assert problem.parameter == "degree"
    assert "at most 5,000 products" in problem.message
