"""Two logical CPU devices, as the engine has them, so that sharded reductions are tested."""

import contextlib

import jax

with contextlib.suppress(RuntimeError):  # too late if other tests have used JAX already; the tests then say so
    jax.config.update("jax_num_cpu_devices", 2)
