"""Compiled programs: the only caller of `jax.jit`.

A program is a pure function of pytrees. It is compiled once per (function, static facts, shapes), and the whole
executable is kept on disk, because tracing and lowering cost more than all the rest of a small run. The format of a
kept executable holds pickle, so it lives in a private, owner-only folder and is never read from anywhere else.

XLA's own persistent cache stays off: an executable that came out of it serialises without its code (jaxlib 0.10.2 then
fails at the first call with "function ... not found"), and with whole executables kept it would save nothing more.
"""

from __future__ import annotations

import hashlib
import os
import pickle  # only for the private cache, whose folder's owner and mode are checked; never for artifacts
import platform
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import jax
import numpy as np
from jax.experimental import serialize_executable

from mldsl.execute.settings import private_folder


@attrs.define
class Counts:
    """How many programs this process compiled, how many it loaded from disk, how many calls it made."""

    compiled: int = 0
    loaded: int = 0
    calls: int = 0
    compile_seconds: float = 0.0
    run_seconds: float = 0.0


@cache
def _package_hash(folder: str) -> str:
    digest = hashlib.sha256()
    for path in sorted(Path(folder).rglob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def _machine() -> str:
    from importlib.metadata import version

    model = platform.processor()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as facts:
            model = "".join(line for line in facts if line.startswith(("model name", "flags"))).split("\n\n")[0][:4000]
    except OSError:
        pass
    devices = [(d.platform, d.device_kind) for d in jax.devices()]
    return repr((jax.__version__, version("jaxlib"), np.__version__, devices, model, os.environ.get("XLA_FLAGS", "")))


def source_hash(modules: Iterable[str]) -> str:
    """A hash of the source of the packages that these modules belong to, and of the engine's own."""
    import sys

    folders = {str(Path(__file__).parent.parent)}
    for name in modules:
        module = sys.modules.get(name.split(".")[0])
        path = getattr(module, "__path__", None)
        file = getattr(sys.modules.get(name), "__file__", None)
        if path:
            folders.add(str(next(iter(path))))
        elif file:
            folders.add(str(Path(file).parent))
    return hashlib.sha256("".join(_package_hash(f) for f in sorted(folders)).encode()).hexdigest()


@cache
def _prepare_lapack() -> None:
    """Register LAPACK's kernels: a kept executable that calls them crashes a fresh process otherwise.

    The registration needs two extension modules of `scipy.linalg`, whose package takes a fifth of a small run to
    import; so they are imported from beside it, and everything else in it is left to those who ask for it.
    """
    import importlib.util
    import sys
    from types import ModuleType

    from jaxlib.lapack import _lapack  # type: ignore[attr-defined]

    place = importlib.util.find_spec("scipy")
    if "scipy.linalg" not in sys.modules and place is not None and place.submodule_search_locations:
        stand_in = ModuleType("scipy.linalg")
        stand_in.__path__ = [str(Path(place.submodule_search_locations[0]) / "linalg")]
        sys.modules["scipy.linalg"] = stand_in
        try:
            _lapack.initialize()
        except ImportError:
            pass  # a SciPy that is laid out otherwise: below, the whole package is imported
        else:
            return
        finally:
            del sys.modules["scipy.linalg"]
    _lapack.initialize()


QUICK: dict[str, Any] = {
    "xla_backend_optimization_level": 0,
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 1,  # of what is small, more parts are more work in no less time
}
SMALL = 1 << 14  # numbers; a program over fewer of them runs in no time however it was compiled
OLDER: dict[str, Any] = {"xla_backend_optimization_level": 1, "xla_cpu_use_fusion_emitters": False}
MEDIUM = 1 << 15  # numbers, up to which the older emitters' programs, optimised, are as fast as the newer ones'


def _options(leaves: list[Any]) -> dict[str, Any] | None:
    """Compiler options: on a CPU, programs over little data are not worth optimising, which takes longer than they run.

    Measured on iris: 1.4 s of one core in place of 1.9 for the fit; a round of boosting 1.0 s in place of 3.3. Of the
    tree of titanic, which takes 3.4 s in place of 6.8, all fits run 0.5 s either way (1.7 s unoptimised); with
    250,000 numbers a forest would take twice as long. Shapes alone decide, so equal runs give equal bits.
    """
    numbers = sum(int(np.prod(leaf.shape)) for leaf in leaves)
    if numbers >= MEDIUM or jax.default_backend() != "cpu":
        return None
    return QUICK if numbers < SMALL else OLDER


def _scope(x64: bool) -> AbstractContextManager[Any]:
    return jax.enable_x64(True) if x64 else nullcontext()


def _flat(args: Any) -> tuple[list[Any], Any]:
    """The leaves as arrays, NumPy's or JAX's, and the structure."""
    leaves, tree = jax.tree.flatten(args)
    return [leaf if isinstance(leaf, (np.ndarray, jax.Array)) else np.asarray(leaf) for leaf in leaves], tree


class Programs:
    """Compiled programs of one process, by key; kept executables are shared by all processes of this user."""

    def __init__(self, *, keep: bool = True, modules: Iterable[str] = ()) -> None:
        self.counts = Counts()
        self._ready: dict[str, tuple[Any, Any]] = {}
        self._sources = source_hash(modules)
        self._folder: Path | None = None
        if keep and os.environ.get("MLDSL_NO_CACHE") != "1":
            try:
                self._folder = private_folder("executables")
            except OSError:
                self._folder = None  # no usable cache folder: slower, never wrong

    def call(
        self, name: str, function: Callable[..., Any], static: object, *args: Any, x64: bool = False, devices: int = 1
    ) -> Any:
        """Run `function(*args)` compiled; `name` and `repr(static)` must tell it from every other function.

        Leaves of args are NumPy or JAX arrays; the result has JAX arrays. Blocks until the result is there.
        """
        with _scope(x64):
            leaves, tree = _flat(args)
            program, structure = self._program(name, function, (static, devices), tree, leaves, x64, devices)
            return jax.tree.unflatten(structure, self._run(program, leaves))

    def bound(
        self, name: str, function: Callable[..., Any], static: object, *fixed: Any, x64: bool = False,
        devices: int = 1, used_up: bool = False,
    ) -> Callable[[Any], Any]:  # fmt: skip
        """`function(*fixed, moving)` as a function of `moving`, whose form stays the same: a call costs no look-up.

        `used_up`: the arrays of `moving` may be written over, and must not be looked at again.
        """
        ready: list[tuple[Any, Any]] = []
        with _scope(x64):
            still, _ = _flat(fixed)
            if devices == 1:
                still = [jax.device_put(leaf) for leaf in still]

        def run(moving: Any) -> Any:
            with _scope(x64):
                if not ready:
                    leaves, tree = _flat((*fixed, moving))
                    last = range(len(still), len(leaves)) if used_up else ()
                    ready.append(
                        self._program(name, function, (static, devices, used_up), tree, leaves, x64, devices, last)
                    )
                (program, structure), moved = ready[0], _flat(moving)[0]
                return jax.tree.unflatten(structure, self._run(program, [*still, *moved]))

        return run

    def _run(self, program: Any, leaves: list[Any]) -> Any:
        start = time.perf_counter()
        flat = jax.block_until_ready(program(*leaves))
        self.counts.run_seconds += time.perf_counter() - start
        self.counts.calls += 1
        return flat

    def _program(
        self, name: str, function: Callable[..., Any], static: object, tree: Any, leaves: list[Any], x64: bool,
        devices: int, used_up: Iterable[int] = (),
    ) -> tuple[Any, Any]:  # fmt: skip
        key = self._key(name, static, tree, leaves, x64, devices)
        return self._ready.get(key) or self._obtain(key, function, tree, leaves, tuple(used_up))

    def _key(self, name: str, static: object, tree: Any, leaves: list[Any], x64: bool, devices: int) -> str:
        shapes = [(leaf.shape, str(leaf.dtype)) for leaf in leaves]
        places = [str(getattr(leaf, "sharding", "")) for leaf in leaves] if devices > 1 else ()
        text = repr((name, static, str(tree), shapes, places, x64, _machine(), self._sources))
        return hashlib.sha256(text.encode()).hexdigest()

    def _obtain(
        self, key: str, function: Callable[..., Any], tree: Any, leaves: list[Any], used_up: tuple[int, ...]
    ) -> tuple[Any, Any]:
        start = time.perf_counter()
        ready = self._load(key, len(leaves))
        if ready is None:
            ready = self._compile(key, function, tree, leaves, used_up)
            self.counts.compiled += 1
        else:
            self.counts.loaded += 1
        self.counts.compile_seconds += time.perf_counter() - start
        self._ready[key] = ready
        return ready

    def _compile(
        self, key: str, function: Callable[..., Any], tree: Any, leaves: list[Any], used_up: tuple[int, ...]
    ) -> tuple[Any, Any]:
        structure: list[Any] = []

        def flat(*flat_args: Any) -> tuple[Any, ...]:
            out, out_tree = jax.tree.flatten(function(*jax.tree.unflatten(tree, flat_args)))
            structure[:] = [out_tree]
            return tuple(out)

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Some donated buffers")  # one that nothing that comes out can stand in
            lowered = jax.jit(flat, donate_argnums=used_up).lower(*leaves)
            compiled = lowered.compile(compiler_options=_options(leaves))
        self._store(key, compiled, structure[0])
        return compiled, structure[0]

    def _store(self, key: str, compiled: Any, structure: Any) -> None:
        if self._folder is None:
            return
        try:
            payload, _, _ = serialize_executable.serialize(compiled)
            shape = jax.tree.unflatten(structure, range(structure.num_leaves))
            count = len(compiled.runtime_executable().local_devices())  # a program may spread its own work
            blob = pickle.dumps((payload, shape, "lapack" in compiled.as_text(), count))
            handle, temporary = tempfile.mkstemp(dir=self._folder)
            with os.fdopen(handle, "wb") as file:
                file.write(blob)
            os.replace(temporary, self._folder / key)
        except (OSError, ValueError, TypeError, pickle.PicklingError):
            return  # a class that only a notebook knows, a full disk: compile again next time

    def _load(self, key: str, arguments: int) -> tuple[Any, Any] | None:
        if self._folder is None or not (self._folder / key).is_file():
            return None
        try:
            payload, shape, lapack, count = pickle.loads((self._folder / key).read_bytes())
            if lapack:
                _prepare_lapack()
            structure: Any = jax.tree.structure(shape)
            in_tree = jax.tree.structure(((0,) * arguments, {}))
            out_tree = jax.tree.structure((0,) * structure.num_leaves)
            devices = jax.devices()[:count]
            program = serialize_executable.deserialize_and_load(payload, in_tree, out_tree, execution_devices=devices)
        except Exception:  # whatever is wrong with a kept executable, compiling again is right
            (self._folder / key).unlink(missing_ok=True)
            return None
        return program, structure


def key_data(seed: int, path: str) -> np.ndarray:
    """The random key of a stage: 64 bits of a stable hash of the seed and the stage's path, as uint32[2]."""
    return np.frombuffer(hashlib.sha256(f"{seed}/{path}".encode()).digest()[:8], np.uint32).copy()
