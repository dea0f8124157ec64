"""Work that is spread over devices gives what a loop gives, to the bit, wherever it stands."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mldsl.contract import over_devices

XS = {"number": jnp.arange(5, dtype=jnp.float32), "row": jnp.arange(10, dtype=jnp.float32).reshape(5, 2)}


def one(x, table):
    return {"sum": (table * x["number"]).sum() + x["row"].sum(), "place": x["row"] * table[:2]}


def loop(xs, table):
    return jax.lax.map(lambda x: one(x, table), xs)


TABLE = jnp.linspace(0.1, 0.7, 9)


def same(found, expected):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


@pytest.mark.parametrize("count", [1, 4, 5])  # 5: one more than the devices divide
def test_spread_is_a_loop(count):
    assert jax.device_count() > 1, "nothing would be spread"
    xs = jax.tree.map(lambda x: x[:count], XS)
    spread = jax.jit(lambda xs, table: over_devices(one, xs, table))
    same(spread(xs, TABLE), jax.jit(loop)(xs, TABLE))
    assert ("shard_map" in str(jax.make_jaxpr(spread)(xs, TABLE))) == (count > 1)


def test_spread_within_spread_and_under_vmap():
    def nested(x, table):
        return over_devices(lambda y, t: y + (t * x["number"]).sum(), x["row"], table)

    found = jax.jit(lambda xs, table: over_devices(nested, xs, table))(XS, TABLE)
    expected = XS["row"] + (TABLE[None] * XS["number"][:, None]).sum(axis=1)[:, None]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    tables = jnp.stack([TABLE, 2 * TABLE])
    both = jax.jit(jax.vmap(lambda table: over_devices(one, XS, table)))(tables)
    same(jax.tree.map(lambda part: part[0], both), jax.jit(loop)(XS, TABLE))


def test_what_was_spread_is_shared_by_the_next(monkeypatch):
    def twice(xs, table):
        first = over_devices(one, xs, table)
        return over_devices(lambda x, first: first["sum"] * x["number"], xs, first)

    spread = jax.jit(twice)(XS, TABLE)
    monkeypatch.setattr(jax, "device_count", lambda: 1)
    same(spread, jax.jit(lambda xs, table: twice(xs, table))(XS, TABLE))
