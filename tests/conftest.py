"""How JAX is set up in every test, as the engine sets it up: two logical devices, no implicit broadcast between ranks.

By environment variables, so that tests without JAX do not import it. Beside it, the fixture `agreement`.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("JAX_NUM_CPU_DEVICES", "2")
os.environ.setdefault("JAX_NUMPY_RANK_PROMOTION", "raise")

sys.path.insert(0, str(Path(__file__).parents[1]))  # `tests`, like `docs` and `benchmarks`, is not installed

pytest_plugins = ["tests.agreement"]
