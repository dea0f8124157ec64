"""Learned values survive as arrays and structure: the same tree, the same bits, no class but those that are offered."""

import json
import math
from typing import NamedTuple

import numpy as np
import pytest

from mldsl.diagnostics import InternalError, MldslError
from mldsl.record.tree import class_name, load_tree, save_tree


class Params(NamedTuple):
    weights: object
    bias: object = 0.0


class Other(NamedTuple):
    weights: object


def offered(name):
    return {class_name(Params): Params}.get(name)


TREE = {
    "host": (("male", "female"), None, [1, 2.5, True, "text"]),
    "steps": (Params(np.arange(6, dtype=np.float32).reshape(2, 3), np.float64(0.1)), None),
    3: Params(np.array([True, False]), math.inf),
    "vocabulary": tuple(f"word{i}" for i in range(20)),
    "names": np.array(["a", None, "ß"], dtype=object),
    "empty": np.zeros((0, 4), np.int8),
    "scalar": np.int64(7),
}


def same(a, b) -> bool:
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (tuple, list)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, (np.ndarray, np.generic)):
        b = np.asarray(b)
        return a.dtype == b.dtype and a.shape == b.shape and np.asarray(a).tolist() == b.tolist()
    return a == b and type(a) is type(b)


def test_round_trip_through_json() -> None:
    arrays, structure = save_tree(TREE, "params")
    again = load_tree(json.loads(json.dumps(structure, allow_nan=False)), arrays, offered)
    assert same(TREE, again)


def test_names_of_arrays_say_where_they_stand() -> None:
    arrays, _ = save_tree({"model": Params(np.zeros(2), np.ones(1))}, "params")
    assert list(arrays) == ["params/0/weights", "params/0/bias"]


def test_arrays_of_other_libraries_come_back_as_numpy() -> None:
    class Foreign:
        def __array__(self, dtype=None, copy=None):
            return np.arange(3)

    arrays, structure = save_tree(Foreign(), "x")
    assert load_tree(structure, arrays, offered).tolist() == [0, 1, 2]


def test_arrays_in_another_order_in_memory_keep_their_values() -> None:
    value = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    arrays, structure = save_tree(value, "x")
    assert arrays["x"].flags.c_contiguous
    assert load_tree(structure, arrays, offered).tolist() == value.tolist()


@pytest.mark.parametrize("value", [object(), np.array([object()]), np.zeros(1, complex), {(1, 2): 3}, {1.5: 2}, b"x"])
def test_what_an_artifact_cannot_hold_is_our_mistake(value) -> None:
    with pytest.raises(InternalError):
        save_tree({"x": value})


@pytest.mark.parametrize(
    "structure",
    [
        None, [], {}, "x", {"nothing": 1}, {"array": "absent"}, {"array": ["unhashable"]}, {"value": [1]},
        {"float": "seven"}, {"tuple": 3}, {"tuple": [3]}, {"map": [[1]]}, {"map": [[[], {"value": 1}]]},
        {"texts": ["a"], "shape": [2]}, {"texts": ["a"]}, {"named": "os:system", "fields": {"command": {"value": "x"}}},
        {"named": class_name(Params), "fields": {"weights": {"value": 1}}}, {"named": class_name(Params)},
        {"named": class_name(Params), "fields": []}, {"named": ["x"], "fields": {}},
    ],
)  # fmt: skip
def test_a_damaged_structure_is_refused(structure) -> None:
    with pytest.raises(MldslError) as caught:
        load_tree(structure, {}, offered)
    assert caught.value.diagnostics[0].code == "MLP0502"


def test_a_structure_deeper_than_any_model_is_refused() -> None:
    deep: object = {"value": 1}
    for _ in range(500):
        deep = {"tuple": [deep]}
    with pytest.raises(MldslError):
        load_tree(deep, {}, offered)


def test_a_class_that_is_no_named_tuple_is_refused() -> None:
    with pytest.raises(MldslError):
        load_tree({"named": "x:y", "fields": {}}, {}, lambda name: dict)
