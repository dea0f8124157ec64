"""What a reduction does when weights are batched: contract against inputs that are shared, instead of copying them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from jax.custom_batching import custom_vmap


def shared_inputs(plain: Callable[..., Any], contract: Callable[..., Any]) -> Callable[..., Any]:
    """`plain(inputs, weight, ...)`, which under `vmap` over `weight` alone becomes `contract`, and else `vmap(plain)`.

    custom_vmap has no reverse derivative, so differentiating goes through `plain`.
    """
    batched = custom_vmap(plain)

    @batched.def_vmap
    def rule(size: int, in_batched: Any, *args: Any) -> tuple[Any, Any]:
        if [bool(b) for b in in_batched] == [i == 1 for i in range(len(args))]:
            out = contract(*args)
        else:
            axes = [0 if b else None for b in in_batched]
            out = jax.vmap(plain, in_axes=axes, axis_size=size)(*args)
        return out, jax.tree.map(lambda _: True, out)

    outer = jax.custom_jvp(lambda *args: batched(*args))

    @outer.defjvp
    def derivative(primals: Any, tangents: Any) -> Any:
        return jax.jvp(plain, primals, tangents)

    return outer
