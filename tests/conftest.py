"""How JAX is set up in every test, as the engine sets it up: two logical devices, no implicit broadcast between ranks.

By environment variables, so that tests without JAX do not import it, and commands that tests start have them too. What
is compiled runs once or twice on little data, so XLA is told not to optimise it: that took more than half of the time
of all tests. `tests/execute/test_optimised.py` compares both; `XLA_FLAGS= python -m pytest` runs everything as users
do. The annotations of the algorithms are executed, in whatever order tests come. Beside it, the fixture `agreement`.
"""

import os
import sys
from pathlib import Path

from jaxtyping import install_import_hook

os.environ.setdefault("JAX_NUM_CPU_DEVICES", "2")
os.environ.setdefault("JAX_NUMPY_RANK_PROMOTION", "raise")
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    " --xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1",
)

sys.path.insert(0, str(Path(__file__).parents[1]))  # `tests`, like `docs` and `benchmarks`, is not installed

FAMILIES = (
    "baseline", "bayes", "clustering", "discriminant", "encoding", "ensembles", "expansion", "kernels", "linear",
    "losses", "missing", "neighbors", "resampling", "scaling", "selection", "trees", "vectors",
)  # fmt: skip
install_import_hook(
    [
        *(f"mldsl_plugins.{family}" for family in FAMILIES),
        *(f"mldsl_plugins.text.{name}" for name in ("_counting", "count_words", "tfidf", "hash_words")),
    ],
    "beartype.beartype",
)  # fmt: skip

pytest_plugins = ["tests.agreement"]
