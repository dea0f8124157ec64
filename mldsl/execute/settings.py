"""How the JAX process is set up: devices, compilation flags, cache folders. Everything here must be set before the
backend starts, so this module is imported before any array is made, and each setting says why it exists.
"""

from __future__ import annotations

import os
import platform
import stat
from functools import cache
from pathlib import Path

from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.plugin.cache import cache_folder

# XLA flags by what they mend. jaxlib 0.10.2 compiles float32 scatter-add on CUDA to a compare-and-swap loop, because a
# denormal could be flushed by the atomic add; allowing that flush gives the hardware's own atomic add back.
_XLA_FLAGS_CUDA = ("--xla_gpu_extra_llvm_options=-nvptx-allow-ftz-atomics",)


def private_folder(name: str) -> Path:
    """The folder `name` below the user's cache: mode 700, owned by us; refused (OSError) if it is anyone else's."""
    folder = cache_folder() / name
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    facts = folder.stat()
    if hasattr(os, "getuid") and facts.st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user")
    if stat.S_IMODE(facts.st_mode) & 0o077:
        folder.chmod(0o700)
    return folder


def device_facts(device: str | None) -> str:
    """What will compute, as far as it can be told without starting JAX: the device asked for, its kind and number.

    Equal facts on one machine mean the same device kind and count, and so the same bits.
    """
    dev = Path("/dev")
    accelerators = sorted(p.name for sign in ("nvidia[0-9]*", "accel*", "kfd") for p in dev.glob(sign))
    asked = [os.environ.get(name, "") for name in ("JAX_PLATFORMS", "CUDA_VISIBLE_DEVICES")]
    flags = [flag for flag in os.environ.get("XLA_FLAGS", "").split() if flag not in _XLA_FLAGS_CUDA]
    return repr((device, [] if device == "cpu" else accelerators, asked, flags, min(_cores(), 2), platform.machine()))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def configure(device: str | None = None) -> None:
    """Set JAX up, once a process: platform, logical CPU devices, strictness.

    `device` is cpu, gpu, tpu or None for the best there is; MLP0603 if there is no such device here.
    """
    if device == "gpu" or (device is None and os.environ.get("CUDA_VISIBLE_DEVICES")):
        flags = os.environ.get("XLA_FLAGS", "")
        wanted = [f for f in _XLA_FLAGS_CUDA if f.split("=")[0] not in flags]
        os.environ["XLA_FLAGS"] = " ".join([flags, *wanted]).strip()
    import jax

    if device is not None:
        jax.config.update("jax_platforms", {"gpu": "cuda"}.get(device, device))
    # Components with `shards` split rows over logical devices, which scales better than one device's own threads.
    if _cores() >= 2 and "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
        jax.config.update("jax_num_cpu_devices", 2)
    if device is not None:
        _must_exist(device)


def _must_exist(device: str) -> None:
    """Start the backend now, so that its absence is told as the user's matter and before anything is read."""
    import jax

    try:
        jax.devices()
    except (RuntimeError, AssertionError) as error:  # the latter without a message, where JAX knows no such platform
        jax.config.update("jax_platforms", None)
        why = str(error).partition("\n")[0]
        raise MldslError(
            Diagnostic(
                "MLP0603",
                f"there is no {device.upper()} that JAX can use",
                notes=(why,) if why else (),
                help='for NVIDIA: `pip install "jax[cuda12]"`' if device == "gpu" else "leave `--device` out",
            )
        ) from error
